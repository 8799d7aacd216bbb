"""What hep_auth renew -install, -uninstall and -status report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from hepsub.auth.renewal import Outcome, RenewalState

SYSTEMD = "systemd"
CRON = "cron"


class Installed(Struct, frozen=True, kw_only=True):
    """The renewal is started by itself from now on; its fields are its JSON.

    Attributes:
        kind: `systemd` or `cron`.
        host: the machine that starts it.
        where: the unit, or the line of the crontab.
        every: the pause, in seconds.
        proof: why it goes on after the logout.
    """

    kind: str = field(name="installed")
    host: str
    where: str
    every: float = field(name="every_s")
    proof: str


class Uninstalled(Struct, frozen=True, kw_only=True):
    """The renewal is not started by itself any more; its fields are its JSON.

    Attributes:
        removed: what was there, in words; empty when nothing was.
        host: the machine.
    """

    removed: tuple[str, ...]
    host: str


class OutcomeDocument(Struct, frozen=True, kw_only=True):
    """How it stands with one credential, or with the signatures for one storage, in JSON: as `Outcome`."""

    kind: str
    name: str
    expires: float | None
    renewable_until: float | None
    renewed: float | None
    failures: int
    message: str
    remedy: str


class StatusDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_auth renew -status: as `RenewalStatus`."""

    installed: str | None
    where: str | None
    host: str
    active: bool
    last_run: float | None
    last_host: str | None
    every_s: float
    jobs: int
    notes: tuple[str, ...]
    outcomes: tuple[OutcomeDocument, ...]


class RenewalStatus(Struct, frozen=True, kw_only=True):
    """How it stands with the renewal.

    Attributes:
        state: what the last run did.
        kind: `systemd`, `cron`, or empty when this machine does not start it.
        where: the unit, or the line of the crontab.
        host: this machine.
        active: whether it seems to run by itself, here or on another machine.
        now: seconds since the epoch.
    """

    state: RenewalState
    kind: str
    where: str
    host: str
    active: bool
    now: float

    def document(self) -> StatusDocument:
        """The status as it stands under `result` in JSON."""
        state = self.state
        return StatusDocument(
            installed=self.kind or None,
            where=self.where or None,
            host=self.host,
            active=self.active,
            last_run=state.when or None,
            last_host=state.host or None,
            every_s=state.every,
            jobs=state.jobs,
            notes=state.notes,
            outcomes=(
                *_outcomes("credential", state.credentials),
                *_outcomes("storage", state.storages),
            ),
        )


def _outcomes(kind: str, outcomes: Mapping[str, Outcome]) -> Iterator[OutcomeDocument]:
    for name, each in outcomes.items():
        yield OutcomeDocument(
            kind=kind,
            name=name,
            expires=each.expires,
            renewable_until=each.renewable_until,
            renewed=each.renewed or None,
            failures=each.failures,
            message=each.message,
            remedy=each.remedy,
        )
