"""Who starts programs by itself on this machine: cron, or a timer of the user's own systemd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hepsub.errors import ToolFailed
from hepsub.situation import Situation
from hepsub.tools import crontab
from hepsub.tools.run import Completed, installed, run

INSTALL = "hep_auth renew -install"
LOOP = "hep_auth renew -loop in tmux or screen, or in the container's entry point"
SERVICE = "hepsub-renew.service"
TIMER = "hepsub-renew.timer"
_TIME_LIMIT_S = 10
_NO_SYSTEMD = "there is no systemd for users here"


class Machine(Struct, frozen=True, kw_only=True):
    """Where this machine tells what runs on it."""

    proc: Path = Path("/proc")
    runtime: Path = Path("/run")


THIS_MACHINE = Machine()


def way_to_renew(situation: Situation, machine: Machine = THIS_MACHINE) -> str:
    """What has the renewal done by itself here, as one types it: -install is no answer where nothing would run it."""
    if is_in_afs(situation):
        return LOOP
    if _has_cron(machine):
        return INSTALL
    if why_no_timers():
        return LOOP
    return INSTALL if lingers(situation.user) else f"{INSTALL}, or where that fails {LOOP}"


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


def why_no_timers() -> str:
    """Why this user's systemd cannot be used; empty when it can."""
    if not installed("systemctl") or not installed("loginctl"):
        return _NO_SYSTEMD
    # In a session of su, or of cron, there is no bus to talk to it.
    done = _user("show-environment")
    said = " ".join(done.stderr.split())
    return "" if done.code == 0 else f"{_NO_SYSTEMD} ({said or f'exit code {done.code}'})"


def lingers(user: str) -> bool:
    """Whether the user's systemd goes on when the user has logged out (loginctl(1), enable-linger)."""
    return "Linger=yes" in _quiet(["loginctl", "show-user", user, "-p", "Linger"]).stdout.split()


def enable_linger(user: str) -> bool:
    """Ask that the user's systemd goes on after the logout; whether it does now."""
    # polkit decides, and would ask for a password at the terminal.
    _quiet(["loginctl", "--no-ask-password", "enable-linger", user])
    return lingers(user)


def install_timer(directory: Path, service: str, timer: str) -> None:
    """Write the units, and start the timer, now and at every start of the machine.

    Raises:
        ToolFailed: systemd does not take them, or they cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / SERVICE).write_text(service, encoding="utf-8")
        (directory / TIMER).write_text(timer, encoding="utf-8")
    except UnicodeEncodeError as error:  # systemd passes over the lines that it cannot read
        raise ToolFailed(
            "a path that the timer needs is no UTF-8, which systemd cannot read",
            remedy="keep hepsub and its policy under a path that is",
        ) from error
    except OSError as error:
        raise ToolFailed(
            f"the units cannot be written into {directory}: {error.strerror}",
            remedy="make room there",
        ) from error
    # Restarted, not started: one that runs already, with another interval, would go on with it.
    for words in (("daemon-reload",), ("enable", TIMER), ("restart", TIMER)):
        run(["systemctl", "--user", *words], timeout=_TIME_LIMIT_S)
    if not is_timer_active():
        raise ToolFailed(
            f"{TIMER} was started, but is not active",
            remedy=f"systemctl --user status {TIMER} tells why",
        )


def is_timer_active() -> bool:
    """Whether the timer waits for its next time."""
    return installed("systemctl") and _user("is-active", TIMER).stdout.strip() == "active"


def has_timer(directory: Path) -> bool:
    """Whether the units are there."""
    return (directory / TIMER).is_file()


def remove_timer(directory: Path) -> bool:
    """Stop the timer and remove the units; whether there were any."""
    there = [directory / name for name in (TIMER, SERVICE) if (directory / name).is_file()]
    if there and installed("systemctl"):
        _user("disable", "--now", TIMER)
    # The link that `enable` has made stays where nobody could be asked to disable it.
    for path in (*there, directory / "timers.target.wants" / TIMER):
        path.unlink(missing_ok=True)
    if there and installed("systemctl"):
        _user("daemon-reload")
    return bool(there)


def service_unit(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """The service that runs a command once (systemd.service(5))."""
    environment = [f"Environment={_quoted(f'{name}={value}')}" for name, value in variables.items()]
    words = " ".join(_quoted(word).replace("$", "$$") for word in command)
    return "\n".join([
        "# Written by hep_auth renew -install, removed by hep_auth renew -uninstall.",
        "[Unit]",
        "Description=Renew the credentials of waiting and running jobs (hepsub)",
        "",
        "[Service]",
        "Type=oneshot",
        *environment,
        f"ExecStart={words}",
        "TimeoutStartSec=15min",  # of a oneshot's whole run, for which the default is no limit
        "",
    ])  # fmt: skip


def timer_unit(every: float, first: float) -> str:
    """The timer that starts it again and again, `every` so many seconds (systemd.timer(5))."""
    return "\n".join([
        "# Written by hep_auth renew -install, removed by hep_auth renew -uninstall.",
        "[Unit]",
        "Description=When hep_auth renew runs (hepsub)",
        "",
        "[Timer]",
        f"OnActiveSec={first:.0f}s",
        f"OnUnitActiveSec={every:.0f}s",
        f"AccuracySec={min(60.0, max(1.0, every / 10)):.0f}s",
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
    ])  # fmt: skip


def _quoted(text: str) -> str:
    """A word in a unit file: C escapes in quotes, and % is doubled (systemd.syntax(7), systemd.unit(5))."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + escaped.replace("%", "%%") + '"'


def _user(*words: str) -> Completed:
    return _quiet(["systemctl", "--user", *words])


def _quiet(argv: list[str]) -> Completed:
    """A program whose failure is an answer."""
    try:
        return run(argv, timeout=_TIME_LIMIT_S, check=False)
    except ToolFailed as trouble:
        return Completed(code=1, stdout="", stderr=trouble.message)
