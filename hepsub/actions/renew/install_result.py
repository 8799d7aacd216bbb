"""What hep_auth renew -install, -uninstall and -status report."""

from __future__ import annotations

from msgspec import Struct

from hepsub.auth.renewal import RenewalState
from hepsub.result import Json

SYSTEMD = "systemd"
CRON = "cron"


class Installed(Struct, frozen=True, kw_only=True):
    """The renewal is started by itself from now on.

    Attributes:
        kind: `systemd` or `cron`.
        host: the machine that starts it.
        where: the unit, or the line of the crontab.
        every: the pause, in seconds.
        proof: why it goes on after the logout.
    """

    kind: str
    host: str
    where: str
    every: float
    proof: str

    def document(self) -> dict[str, Json]:
        """The installation as it stands under `result` in JSON."""
        return {
            "installed": self.kind,
            "host": self.host,
            "where": self.where,
            "every_s": self.every,
            "proof": self.proof,
        }


class Uninstalled(Struct, frozen=True, kw_only=True):
    """The renewal is not started by itself any more.

    Attributes:
        removed: what was there, in words; empty when nothing was.
        host: the machine.
    """

    removed: tuple[str, ...]
    host: str

    def document(self) -> dict[str, Json]:
        """What was removed, as it stands under `result` in JSON."""
        return {"removed": list(self.removed), "host": self.host}


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

    def document(self) -> dict[str, Json]:
        """The status as it stands under `result` in JSON."""
        state = self.state
        return {
            "installed": self.kind or None,
            "where": self.where or None,
            "host": self.host,
            "active": self.active,
            "last_run": state.when or None,
            "last_host": state.host or None,
            "every_s": state.every,
            "jobs": state.jobs,
            "notes": list(state.notes),
            "outcomes": [
                {
                    "kind": kind,
                    "name": name,
                    "expires": each.expires,
                    "renewable_until": each.renewable_until,
                    "renewed": each.renewed or None,
                    "failures": each.failures,
                    "message": each.message,
                    "remedy": each.remedy,
                }
                for kind, outcomes in (
                    ("credential", state.credentials),
                    ("storage", state.storages),
                )
                for name, each in outcomes.items()
            ],
        }
