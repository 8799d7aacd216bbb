"""hep_auth renew -install and -uninstall: who runs the renewal when nobody is logged in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.renew.task import Task, renewal_task
from hepsub.auth.login_environment import note_login
from hepsub.auth.renewal import DIRECTORY, read_state, state_path, state_text
from hepsub.bundle.directory import locked
from hepsub.errors import BundleUnusable, RenewalNotInstalled, ToolFailed
from hepsub.files import write_whole
from hepsub.result import Result
from hepsub.session import Session
from hepsub.tools import crontab, timers
from hepsub.tools.run import installed
from hepsub.tools.timers import LOOP, THIS_MACHINE, Machine, is_in_afs

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


def install(session: Session, machine: Machine = THIS_MACHINE) -> Result[Installed]:
    """Have the renewal started by itself, by the user's systemd or by cron, also after the logout.

    Raises:
        RenewalNotInstalled: neither would do that.
    """
    task = renewal_task(session, machine)
    # What the renewal needs of this login; submissions note it, too.
    with contextlib.suppress(OSError):
        note_login(session.paths.logins, session.situation)
    if is_in_afs(session.situation):
        raise RenewalNotInstalled(
            f"your home {session.situation.home} is in AFS, which neither cron nor systemd can read for you",
            remedy=LOOP,
        )
    reasons = []
    for way in _WAYS:
        try:
            return Result(value=way(task))
        except (_Unfit, ToolFailed) as trouble:
            reasons.append(str(trouble))
    raise RenewalNotInstalled(
        f"nothing on {task.host} would run hep_auth renew after you log out: {'; '.join(reasons)}",
        remedy=LOOP,
    )


def uninstall(session: Session, machine: Machine = THIS_MACHINE) -> Result[Uninstalled]:
    """Remove what `install` added, and nothing else.

    Raises:
        ToolFailed: the crontab cannot be read or written.
    """
    task = renewal_task(session, machine)
    removed = []
    if timers.remove_timer(task.units):
        removed.append(f"{timers.TIMER} of your systemd")
    if _remove_line():
        removed.append("the line in your crontab")
    if removed:
        _forget_runs(session, task.host)
    return Result(value=Uninstalled(removed=tuple(removed), host=task.host))


class _Unfit(Exception):
    """This machine cannot do it that way; the text says why."""


def _by_systemd(task: Task) -> Installed:
    why = timers.why_no_timers()
    if why:
        raise _Unfit(why)
    if not timers.lingers(task.user) and not timers.enable_linger(task.user):
        raise _Unfit(
            f"your systemd would end when you log out (loginctl enable-linger {task.user} is refused)"
        )
    # Not all users of a host at once, and not at a reboot's busiest moment.
    first = 1.0 + task.seed % max(1, round(task.every))
    timers.install_timer(
        task.units,
        timers.service_unit(task.command, task.variables),
        timers.timer_unit(task.every, first),
    )
    with contextlib.suppress(ToolFailed):  # one by cron, too, does no harm: two rounds do not meet
        _remove_line()
    return Installed(
        kind=SYSTEMD,
        host=task.host,
        where=str(task.units / timers.TIMER),
        every=task.every,
        proof=f"lingering is on for {task.user} (loginctl show-user {task.user} -p Linger)",
    )


def _by_cron(task: Task) -> Installed:
    before = crontab.read_crontab()
    daemon = crontab.cron_daemon(task.machine.proc, task.machine.runtime)
    if not daemon:
        raise _Unfit("no cron daemon runs, so a crontab would do nothing")
    wanted = crontab.with_line(before, task.line)
    if wanted != before:
        crontab.write_crontab(wanted)
    kept = crontab.marked_line(crontab.read_crontab())
    if kept != task.line:
        raise _Unfit("cron took the line, but does not show it")
    timers.remove_timer(task.units)
    return Installed(
        kind=CRON,
        host=task.host,
        where=kept,
        # Cron knows minutes, and `*/N` of an hour.
        every=max(60.0, min(task.every // 60 * 60, 3600.0)),
        proof=f"{daemon} runs it whether you are logged in or not (crontab -l)",
    )


_WAYS: tuple[Callable[[Task], Installed], ...] = (_by_systemd, _by_cron)


def _forget_runs(session: Session, host: str) -> None:
    """Note that this host runs none any more: its last unattended run announces no other; a loop notes its own."""
    root = session.bundles
    state = read_state(root, session.situation.now)
    if not state.unattended or state.host != host:
        return
    with contextlib.suppress(OSError, BundleUnusable), locked(root / DIRECTORY) as mine:
        if mine:
            write_whole(state_path(root), state_text(replace(state, unattended=0.0)), 0o600)


def _remove_line() -> bool:
    before = crontab.read_crontab() if installed("crontab") else b""
    if not crontab.marked_line(before):
        return False
    crontab.write_crontab(crontab.without_line(before))
    return True
