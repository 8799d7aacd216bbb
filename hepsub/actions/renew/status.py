"""hep_auth renew -status: what the last run did, and who starts the next one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from hepsub.actions.renew.install import CRON, SYSTEMD
from hepsub.actions.renew.task import Task, renewal_task
from hepsub.auth.renewal import Outcome, RenewalState, read_state
from hepsub.errors import NotDone, RenewalNotInstalled, ToolFailed
from hepsub.result import Problem, Result
from hepsub.session import Session
from hepsub.tools import crontab, timers
from hepsub.tools.timers import THIS_MACHINE, Machine, way_to_renew
from hepsub.units import duration_text, moment_text

_NOT_RENEWED = "not-renewed"


class OutcomeDocument(Struct, frozen=True, kw_only=True):
    """The state of one credential, or of one storage's signatures or mailbox, in JSON: as `Outcome`."""

    kind: str
    name: str
    expires: float | None
    renewable_until: float | None
    renewed: float | None
    failures: int
    message: str
    remedy: str


class StatusDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_auth renew -status: as `RenewalStatus`.

    Attributes:
        installed: `systemd` or `cron`; null when this machine does not start it.
        last_run: when it was, in seconds since the epoch; null for never.
        last_host: where it was.
        every_s: how long until the next run at the latest, in seconds; 0 for not known.
        jobs: how many jobs were looked after then.
    """

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
    """The state of the renewal.

    Attributes:
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
                *_outcomes("mailbox", state.mailboxes),
            ),
        )


def renewal_status(session: Session, machine: Machine = THIS_MACHINE) -> Result[RenewalStatus]:
    """Tell what the renewal last did, and whether this machine starts it."""
    task = renewal_task(session, machine)
    now = session.situation.now
    state = read_state(session.bundles, now)
    way = way_to_renew(session.situation, machine)
    kind, where, problems = _installation(task, way)
    status = RenewalStatus(
        state=state,
        kind=kind,
        where=where,
        host=task.host,
        active=state.is_active(now),
        now=now,
    )
    elsewhere = status.active and state.host != task.host  # one home, several hosts: one is enough
    troubles = (*(() if elsewhere else problems), *_troubles(status, way))
    return Result(value=status, problems=troubles, exit_code=_exit_code(troubles))


def _installation(task: Task, way: str) -> tuple[str, str, tuple[Problem, ...]]:
    """How this machine starts it: the kind, where, and what is wrong with it."""
    if timers.has_timer(task.units):
        where = str(task.units / timers.TIMER)
        if timers.is_timer_active() and timers.lingers(task.user):
            return SYSTEMD, where, ()
        why = f"{where} is there, but it is not active on {task.host}, or would end at your logout"
        return SYSTEMD, where, (_not_running(why, way),)
    line = _own_line()
    if not line:
        return "", "", ()
    if crontab.cron_daemon(task.machine.proc, task.machine.runtime):
        return CRON, line, ()
    why = f"your crontab has the line, but no cron daemon runs on {task.host}"
    return CRON, line, (_not_running(why, way),)


def _own_line() -> str:
    try:
        return crontab.marked_line(crontab.read_crontab())
    except ToolFailed:  # no cron, or it is forbidden: then nothing is installed there
        return ""


def _not_running(why: str, way: str) -> Problem:
    return Problem(code=RenewalNotInstalled.code, message=why, remedy=way)


def _troubles(status: RenewalStatus, way: str) -> Iterator[Problem]:
    """What the last run could not do, and whether there will be another one."""
    state = status.state
    for name, each in state.outcomes:
        if each.message:
            after = f"after {moment_text(each.not_before, status.now)}" if each.not_before else ""
            tried = f"tried {each.failures} time(s), again {after or 'in each round'}"
            yield Problem(
                code=_NOT_RENEWED, message=f"{name}: {each.message} ({tried})", remedy=each.remedy
            )
    if status.active or (status.kind and not state.when):  # it was installed a moment ago
        return
    if status.kind:
        ago = duration_text(max(0.0, status.now - state.when))
        yield Problem(
            code="renewal-late",
            message=f"the last run was {ago} ago, though it should come every {duration_text(state.every)}",
            remedy="hep_auth renew runs it now, and shows what is wrong",
        )
        return
    yield Problem(
        code=RenewalNotInstalled.code,
        message=f"nothing on {status.host} runs hep_auth renew by itself",
        remedy=way,
    )


def _exit_code(troubles: tuple[Problem, ...]) -> int:
    """59 when nothing would run, 53 when the last run could not do all."""
    if any(each.code != _NOT_RENEWED for each in troubles):
        return RenewalNotInstalled.exit_code
    return NotDone.exit_code if troubles else 0


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
