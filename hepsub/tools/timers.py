"""Who starts programs by itself on this machine: cron, or the user's systemd."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from hepsub.errors import ToolFailed
from hepsub.situation import Situation
from hepsub.tools import crontab, systemd
from hepsub.tools.run import installed


class Machine(Struct, frozen=True, kw_only=True):
    """Where this machine tells what runs on it."""

    proc: Path = Path("/proc")
    runtime: Path = Path("/run")


THIS_MACHINE = Machine()


INSTALL = "hep_auth renew -install"
LOOP = "hep_auth renew -loop in tmux or screen, or in the container's entry point"


def way_to_renew(situation: Situation, machine: Machine = THIS_MACHINE) -> str:
    """What has the renewal done by itself here, as one types it: -install is no answer where nothing would run it."""
    if is_in_afs(situation):
        return LOOP
    if _has_cron(machine):
        return INSTALL
    if systemd.why_no_timers():
        return LOOP
    return INSTALL if systemd.lingers(situation.user) else f"{INSTALL}, or where that fails {LOOP}"


def _has_cron(machine: Machine) -> bool:
    """Whether a cron daemon runs, and this user may use it."""
    if not installed("crontab") or not crontab.cron_daemon(machine.proc, machine.runtime):
        return False
    try:
        crontab.read_crontab()
    except ToolFailed:
        return False
    return True


def is_in_afs(situation: Situation) -> bool:
    """Whether neither cron nor systemd can read the home: they have no token for it."""
    return f"{situation.home}/".startswith("/afs/")
