"""Every file and directory that hepsub reads or writes for itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

SITE_POLICY_DIRECTORY = Path("/etc/hepsub")
"""The site's policy files, read in the order of their names."""


class Paths(Struct, frozen=True, kw_only=True):
    """The user's own places (XDG Base Directory Specification 0.8).

    Attributes:
        user_policy: the user's policy file.
        extra_policy: the file named by $HEPSUB_CONFIG, None when it is unset.
        site_policy: directory of the site's policy files.
        journal: directory of the journal's files.
        reports: directory of the tracebacks of bugs.
        logins: directory of what hep_auth renew needs of a login session, one file for each host.
        mounts: directory of what hep_mount knows of its mounts, one directory for each host.
    """

    user_policy: Path
    extra_policy: Path | None
    site_policy: Path
    journal: Path
    reports: Path
    logins: Path
    mounts: Path


def paths_for(environment: Mapping[str, str], home: Path) -> Paths:
    """The places that hold for this environment and home directory."""
    config = _xdg(environment, "XDG_CONFIG_HOME", home / ".config")
    state = _xdg(environment, "XDG_STATE_HOME", home / ".local" / "state")
    extra = environment.get("HEPSUB_CONFIG")
    return Paths(
        user_policy=config / "hepsub" / "config.toml",
        extra_policy=Path(extra) if extra else None,
        site_policy=SITE_POLICY_DIRECTORY,
        journal=state / "hepsub" / "journal",
        reports=state / "hepsub" / "reports",
        logins=state / "hepsub" / "logins",
        mounts=state / "hepsub" / "mounts",
    )


def _xdg(environment: Mapping[str, str], name: str, default: Path) -> Path:
    """An XDG directory; the specification says that a relative one is to be ignored."""
    value = environment.get(name, "")
    return Path(value) if value.startswith("/") else default
