"""Who calls, where from and when, and where hepsub's own files are: read once at the edge, frozen, passed in."""

from __future__ import annotations

import grp
import os
import pwd
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

SAVED_PREFIX = "HEPSUB_SAVED_"
"""The launcher moves variables that would hurt hepsub's own interpreter behind this prefix."""

_CTYPE, _COERCED = "LC_CTYPE", ("C.UTF-8", "C.utf8", "UTF-8")
_ADOPTED: set[str] = set()
"""The names of variables that came from `adopt`."""
_OWN: dict[str, str | None] = {}
"""What the caller had in the variables that came from `set_own`."""
SITE_POLICY_DIRECTORY = Path("/etc/hepsub")
"""The site's policy files, read in the order of their names."""


class Situation(Struct, frozen=True, kw_only=True):
    """The caller's world.

    Attributes:
        user: login name.
        uid: numeric user id.
        groups: names of the Unix groups, the primary one first.
        host: host name as the machine knows itself.
        cwd: the working directory as the user sees it ($PWD where it is true, so that an
            automounter's or a symbolic link's name travels rather than what it stands for).
        home: the home directory.
        environment: the environment as it was before the launcher changed anything.
        now: seconds since the epoch.
        own_programs: the entries of PATH that are the directory of hepsub's own virtual environment.
        own_environment: that virtual environment; empty where Python is the caller's or the system's.
    """

    user: str
    uid: int
    groups: tuple[str, ...]
    host: str
    cwd: Path
    home: Path
    environment: Mapping[str, str]
    now: float
    own_programs: frozenset[str] = frozenset()
    own_environment: str = ""


def read_situation() -> Situation:
    """Read the situation of this process."""
    uid = os.getuid()
    # The launchers start Python isolated; who imports hepsub has a Python of their own.
    own = sys.prefix if sys.flags.isolated and sys.prefix != sys.base_prefix else ""
    callers = {name: value for name, value in _OWN.items() if value is not None}
    others = {name: value for name, value in _given().items() if name not in _OWN}
    environment = caller_environment(others | callers)
    entry = _entry(uid)
    if entry is not None:
        user, gid = entry.pw_name, entry.pw_gid
    else:
        user = environment.get("USER") or environment.get("LOGNAME") or str(uid)
        gid = os.getgid()
    return Situation(
        user=user,
        uid=uid,
        groups=_group_names(gid),
        host=os.uname().nodename,
        cwd=_visible_cwd(environment),
        home=home_directory(environment),
        environment=MappingProxyType(environment),
        now=time.time(),
        own_programs=_own_programs(environment.get("PATH", ""), own),
        own_environment=own,
    )


def _given() -> dict[str, str]:
    """The environment of this process, with the LC_CTYPE that it was started with, if any."""
    # Python sets another one where there is no such locale, in cron, say (PEP 538). Systems in old containers do not
    # know that one, and their programs complain.
    given = dict(os.environ)
    if given.get(_CTYPE) not in _COERCED:
        return given
    try:
        with open("/proc/self/environ", "rb") as started_with:  # which Python leaves as it was
            pairs = os.fsdecode(started_with.read()).split("\0")
    except OSError:
        return given
    del given[_CTYPE]
    return given | dict(pair.split("=", 1) for pair in pairs if pair.startswith(f"{_CTYPE}="))


def home_directory(environment: Mapping[str, str]) -> Path:
    """$HOME, else the home that passwd tells; / where neither does."""
    entry = _entry(os.getuid())
    return Path(environment.get("HOME") or (entry.pw_dir if entry else "/"))


def login_name(uid: int) -> str:
    """The user's name as the system knows it, else the number in words."""
    entry = _entry(uid)
    return entry.pw_name if entry else f"uid {uid}"


def _entry(uid: int) -> pwd.struct_passwd | None:
    """The user's line in passwd; a container may run under a uid that has none."""
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def caller_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's own environment, with what the launcher put aside back in its place."""
    saved = [name for name in environment if name.startswith(SAVED_PREFIX)]
    kept = {name: value for name, value in environment.items() if name not in saved}
    return kept | {name.removeprefix(SAVED_PREFIX): environment[name] for name in saved}


def adopt(variables: Mapping[str, str]) -> None:
    """Give this process, and the programs it starts, variables that it does not have itself."""
    for name, value in variables.items():
        # What was adopted before is replaced: a later login may have another agent, and another cache.
        if name in _ADOPTED or name not in os.environ:
            _ADOPTED.add(name)
            os.environ[name] = value


def set_own(name: str, value: str) -> None:
    """Set a variable for this process, which the caller never sees: no situation has it."""
    _OWN.setdefault(name, os.environ.get(name))
    os.environ[name] = value


def _own_programs(path: str, own: str) -> frozenset[str]:
    """The entries of a PATH that are a virtual environment's, whatever they are called there."""
    if not own:
        return frozenset()

    def is_own(entry: str) -> bool:
        try:
            return Path(entry).samefile(f"{own}/bin")
        except OSError:
            return False

    return frozenset(entry for entry in path.split(":") if entry and is_own(entry))


def _group_names(primary: int) -> tuple[str, ...]:
    names = []
    # The first one is what a job is accounted to without -g. The system's order begins with any of them.
    for number in dict.fromkeys([primary, *os.getgroups()]):
        try:
            names.append(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return tuple(names)


def _visible_cwd(environment: Mapping[str, str]) -> Path:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # removed under our feet: most commands do not need it
        return Path(environment.get("PWD") or "/")
    # What shells set; who calls chdir() only may leave it behind.
    seen = Path(environment.get("PWD") or here)
    try:
        return seen if seen.is_absolute() and seen.samefile(here) else here
    except OSError:
        return here


class Paths(Struct, frozen=True, kw_only=True):
    """The user's own places (XDG Base Directory Specification 0.8).

    Attributes:
        user_policy: the user's policy file.
        extra_policy: the file named by $HEPSUB_CONFIG, None when it is unset.
        site_policy: directory of the site's policy files.
        journal: directory of the journal's files.
        orders: directory of what was asked for, submission by submission.
        reports: directory of the tracebacks of bugs.
        logins: directory of what hep_auth renew needs of a login session, one file for each host.
        mounts: directory of what hep_mount knows of its mounts, one directory for each host.
        ended: directory of what is kept of jobs that have ended.
        slurm: directory of what is kept of submissions to Slurm.
    """

    user_policy: Path
    extra_policy: Path | None
    site_policy: Path
    journal: Path
    orders: Path
    reports: Path
    logins: Path
    mounts: Path
    ended: Path
    slurm: Path

    @property
    def offers(self) -> Path:
        """What pools said their slots have."""
        return self.ended.parent / "offers.json"


def paths_for(environment: Mapping[str, str], home: Path) -> Paths:
    """The places that hold for this environment and home directory."""
    config = _xdg(environment, "XDG_CONFIG_HOME", home / ".config") / "hepsub"
    state = _xdg(environment, "XDG_STATE_HOME", home / ".local" / "state") / "hepsub"
    extra = environment.get("HEPSUB_CONFIG")
    return Paths(
        user_policy=config / "config.toml",
        extra_policy=Path(extra) if extra else None,
        site_policy=SITE_POLICY_DIRECTORY,
        journal=state / "journal",
        orders=state / "orders",
        reports=state / "reports",
        logins=state / "logins",
        mounts=state / "mounts",
        ended=state / "ended",
        slurm=state / "slurm",
    )


def _xdg(environment: Mapping[str, str], name: str, default: Path) -> Path:
    """An XDG directory; the specification says that a relative one is to be ignored."""
    value = environment.get(name, "")
    return Path(value) if value.startswith("/") else default
