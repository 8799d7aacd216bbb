"""What systemd or cron shall start: hep_auth renew, with all that it needs when nobody is logged in."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

import hepsub
from hepsub.auth.login_environment import lasting
from hepsub.session import Session
from hepsub.tools import crontab
from hepsub.tools.timers import Machine

_VARIABLES = (
    "HEPSUB_CONFIG", "HEPSUB_HERE_DIR", "CONDOR_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME",
)  # fmt: skip
"""What the policy and hepsub's own files are found by. No secrets: cron's table and units are texts."""

_PROGRAMS = ("oidc-token", "kinit", "kvno", "aklog", "condor_qedit", "condor_token_fetch")
_USUAL_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


class Task(Struct, frozen=True, kw_only=True):
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


def renewal_task(session: Session, machine: Machine) -> Task:
    """What this machine would have to start for this user."""
    situation = session.situation
    environment = situation.environment
    command, more = _program(environment)
    return Task(
        command=(*command, "renew", "-quiet"),
        variables={**lasting(situation, _VARIABLES), **more, "PATH": _path(session)},
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
    # Neither beside the interpreter nor in PATH: it runs from a checkout.
    checkout = str(Path(hepsub.__file__).parent.parent)
    return (sys.executable, "-X", "utf8", "-m", "hepsub", "hep_auth"), {"PYTHONPATH": checkout}


def _path(session: Session) -> str:
    """A PATH with the places of the programs that the renewal may start: cron's own is short."""
    path = session.situation.environment.get("PATH", "")
    own = (each.command[0] for each in session.policy.credential.values() if each.command)
    found = (shutil.which(name, path=path) for name in (*_PROGRAMS, *own))
    places = dict.fromkeys(os.path.dirname(os.path.abspath(each)) for each in found if each)
    return ":".join([*(each for each in places if each not in _USUAL_PATH), *_USUAL_PATH])
