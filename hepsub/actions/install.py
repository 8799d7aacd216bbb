"""hep_auth renew -install, -uninstall and -status: who runs the renewal when nobody is logged in."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import hepsub
from hepsub.actions.session import Session
from hepsub.auth.bundle_files import write_whole
from hepsub.auth.bundles import claimed
from hepsub.auth.login_environment import note_login
from hepsub.auth.renewal import DIRECTORY, RenewalState, read_state, state_path, state_text
from hepsub.errors import BundleUnusable, NotDone, RenewalNotInstalled, ToolFailed
from hepsub.result import Json, Problem, Result
from hepsub.tools import crontab, systemd
from hepsub.tools.run import installed
from hepsub.units import duration_text, moment_text

SYSTEMD = "systemd"
CRON = "cron"

_VARIABLES = (
    "HEPSUB_CONFIG", "HEPSUB_HERE_DIR", "CONDOR_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME",
)  # fmt: skip
"""What the policy and hepsub's own files are found by. No secrets: cron's table and units are texts."""

_PROGRAMS = ("oidc-token", "kinit", "kvno", "aklog", "condor_qedit", "condor_token_fetch")
_USUAL_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_NOT_RENEWED = "not-renewed"
_LOOP = "hep_auth renew -loop does it for as long as it runs: in tmux or screen, or in a container's entry point"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where this machine tells what runs on it.

    Attributes:
        proc: its processes.
        runtime: the numbers of its daemons.
    """

    proc: Path = Path("/proc")
    runtime: Path = Path("/run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninstalled:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalStatus:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What shall be started: the command, its variables, how often, and for whom."""

    command: tuple[str, ...]
    variables: Mapping[str, str]
    every: float
    seed: int
    user: str
    host: str
    units: Path
    machine: Machine

    @property
    def line(self) -> str:
        """The line of the crontab; its own shell, whatever SHELL the table sets."""
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items()]
        words = " ".join([*variables, "exec", shlex.join(self.command)])
        command = f"/bin/sh -c {shlex.quote(f'{words} >/dev/null 2>&1')}"
        return crontab.cron_line(self.every, self.seed, command)


def install(session: Session, machine: Machine = Machine()) -> Result:
    """Have the renewal started by itself, by the user's systemd or by cron, also after the logout.

    Raises:
        RenewalNotInstalled: neither would do that.
    """
    task = _task(session, machine)
    with contextlib.suppress(
        OSError
    ):  # what the renewal needs of this login; submissions note it, too
        note_login(session.paths.logins, task.host, session.situation.environment)
    if f"{session.situation.home}/".startswith("/afs/"):
        raise RenewalNotInstalled(
            f"your home {session.situation.home} is in AFS, which neither cron nor systemd can read for you",
            remedy=_LOOP,
        )
    reasons = []
    for way in _WAYS:
        try:
            return Result(value=way(task))
        except (_Unfit, ToolFailed) as trouble:
            reasons.append(str(trouble))
    raise RenewalNotInstalled(
        f"nothing on {task.host} would run hep_auth renew after you log out: {'; '.join(reasons)}",
        remedy=_LOOP,
    )


def uninstall(session: Session, machine: Machine = Machine()) -> Result:
    """Remove what `install` added, and nothing else.

    Raises:
        ToolFailed: the crontab cannot be read or written.
    """
    task = _task(session, machine)
    removed = []
    if systemd.remove_timer(task.units):
        removed.append(f"{systemd.TIMER} of your systemd")
    if _remove_line():
        removed.append("the line in your crontab")
    if removed:
        _forget_runs(session.bundles, task.host)
    return Result(value=Uninstalled(removed=tuple(removed), host=task.host))


def renewal_status(session: Session, machine: Machine = Machine()) -> Result:
    """Tell what the renewal last did, and whether this machine starts it."""
    task = _task(session, machine)
    state, now = read_state(session.bundles), session.situation.now
    kind, where, problems = _installation(task)
    status = RenewalStatus(
        state=state,
        kind=kind,
        where=where,
        host=task.host,
        active=state.is_active(now),
        now=now,
    )
    elsewhere = status.active and state.host != task.host  # one home, several hosts: one is enough
    troubles = (*(() if elsewhere else problems), *_troubles(status))
    return Result(value=status, problems=troubles, exit_code=_exit_code(troubles))


class _Unfit(Exception):
    """This machine cannot do it that way; the text says why."""


def _by_systemd(task: _Task) -> Installed:
    why = systemd.why_no_timers()
    if why:
        raise _Unfit(why)
    if not systemd.lingers(task.user) and not systemd.enable_linger(task.user):
        raise _Unfit(
            f"your systemd would end when you log out (loginctl enable-linger {task.user} is refused)"
        )
    first = 1.0 + task.seed % max(1, round(task.every))
    systemd.install_timer(
        task.units,
        systemd.service_unit(task.command, task.variables),
        systemd.timer_unit(task.every, first),
    )
    _forget(_remove_line)
    return Installed(
        kind=SYSTEMD,
        host=task.host,
        where=str(task.units / systemd.TIMER),
        every=task.every,
        proof=f"lingering is on for {task.user} (loginctl show-user {task.user} -p Linger)",
    )


def _by_cron(task: _Task) -> Installed:
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
    systemd.remove_timer(task.units)
    return Installed(
        kind=CRON,
        host=task.host,
        where=kept,
        every=max(60.0, min(task.every // 60 * 60, 3600.0)),
        proof=f"{daemon} runs it whether you are logged in or not (crontab -l)",
    )


_WAYS: tuple[Callable[[_Task], Installed], ...] = (_by_systemd, _by_cron)


def _forget_runs(root: Path, host: str) -> None:
    """Let nobody take this host's last run for a sign that another one comes; a loop signs the next one."""
    state = read_state(root)
    if not state.by_itself or state.host != host:
        return
    with contextlib.suppress(OSError, BundleUnusable), claimed(root / DIRECTORY) as mine:
        if mine:
            write_whole(state_path(root), state_text(replace(state, by_itself=0.0)), 0o600)


def _remove_line() -> bool:
    before = crontab.read_crontab() if installed("crontab") else b""
    if not crontab.marked_line(before):
        return False
    crontab.write_crontab(crontab.without_line(before))
    return True


def _forget(act: Callable[[], bool]) -> None:
    """Clear away the other way's installation, where it can be: two of them do no harm."""
    try:
        act()
    except ToolFailed:
        return


def _installation(task: _Task) -> tuple[str, str, tuple[Problem, ...]]:
    """How this machine starts it: the kind, where that stands, and what is wrong with it."""
    if systemd.has_timer(task.units):
        where = str(task.units / systemd.TIMER)
        if systemd.is_timer_active() and systemd.lingers(task.user):
            return SYSTEMD, where, ()
        why = f"{where} is there, but it is not active on {task.host}, or would end at your logout"
        return SYSTEMD, where, (_not_running(why),)
    line = _own_line()
    if not line:
        return "", "", ()
    if crontab.cron_daemon(task.machine.proc, task.machine.runtime):
        return CRON, line, ()
    why = f"your crontab has the line, but no cron daemon runs on {task.host}"
    return CRON, line, (_not_running(why),)


def _own_line() -> str:
    try:
        return crontab.marked_line(crontab.read_crontab())
    except ToolFailed:  # no cron, or it is forbidden: then nothing is installed there
        return ""


def _not_running(why: str) -> Problem:
    return Problem(
        code=RenewalNotInstalled.code, message=why, remedy="hep_auth renew -install mends it"
    )


def _troubles(status: RenewalStatus) -> Iterator[Problem]:
    """What the last run could not do, and whether there will be another one."""
    state = status.state
    for name, each in (*state.credentials.items(), *state.storages.items()):
        if each.message:
            tried = f"tried {each.failures} time(s), again after {moment_text(each.not_before, status.now)}"
            yield Problem(
                code=_NOT_RENEWED, message=f"{name}: {each.message} ({tried})", remedy=each.remedy
            )
    if status.active:
        return
    if status.kind and not state.when:
        return  # it was installed a moment ago
    if status.kind and state.when:
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
        remedy="hep_auth renew -install",
    )


def _exit_code(troubles: tuple[Problem, ...]) -> int:
    """59 when nothing would run, 53 when the last run could not do all."""
    if any(each.code != _NOT_RENEWED for each in troubles):
        return RenewalNotInstalled.exit_code
    return NotDone.exit_code if troubles else 0


def _task(session: Session, machine: Machine) -> _Task:
    situation = session.situation
    environment = situation.environment
    command, more = _program(environment)
    variables = {name: environment[name] for name in _VARIABLES if environment.get(name)}
    return _Task(
        command=(*command, "renew", "-quiet"),
        variables={**variables, **more, "PATH": _path(session)},
        every=float(session.policy.renew.every),
        seed=zlib.crc32(f"{situation.user}@{situation.host}".encode()),
        user=situation.user,
        host=situation.host,
        units=situation.home / ".config" / "systemd" / "user",
        machine=machine,
    )


def _program(environment: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """hep_auth by its absolute path, and the variables that it needs there."""
    beside = Path(sys.executable).parent / "hep_auth"
    if os.access(beside, os.X_OK):
        return (str(beside),), {}
    found = shutil.which("hep_auth", path=environment.get("PATH", ""))
    if found is not None:
        return (os.path.abspath(found),), {}
    checkout = str(Path(hepsub.__file__).parent.parent)
    return (sys.executable, "-m", "hepsub", "hep_auth"), {"PYTHONPATH": checkout}


def _path(session: Session) -> str:
    """A PATH with the places of the programs that the renewal may start: cron's own is short."""
    path = session.situation.environment.get("PATH", "")
    own = (each.command[0] for each in session.policy.credential.values() if each.command)
    found = (shutil.which(name, path=path) for name in (*_PROGRAMS, *own))
    places = dict.fromkeys(os.path.dirname(os.path.abspath(each)) for each in found if each)
    return ":".join([*(each for each in places if each not in _USUAL_PATH), *_USUAL_PATH])
