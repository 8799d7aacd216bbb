"""Directories of the policy that are different for each user. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepsub.policy.model import Policy

from hepsub.policy.model import Policy

_HOME = re.compile(r"^~(?=/|$)|\$\{HOME\}|\$HOME(?![A-Za-z0-9_])")
_USER = re.compile(r"%\{user\}|\$\{USER\}|\$USER(?![A-Za-z0-9_])", re.IGNORECASE)
_OWN = "/%{User}"


def expand(said: str, home: Path, user: str) -> str:
    """A directory of the policy for one user: `~` and `$HOME` are the home, `$USER` and `%{User}` the login name.

    Other variables are not taken: cron, where hep_auth renew runs, has not those of a login.
    """
    return _USER.sub(lambda _: user, _HOME.sub(lambda _: str(home), said))


def bundle_root(policy: Policy, home: Path, user: str) -> str:
    """The directory of the bundles: the policy's, as it is for this user, else one below the home."""
    said = expand(policy.staging.bundle_dir, home, user)
    return said.rstrip("/") or str(home / ".local/share/hepsub/bundles")


def named_for_user(said: str) -> str:
    """A directory that all users would share, with one of their own in it for each; others stay as they are."""
    if not said or _HOME.search(said) or _USER.search(said):
        return said
    return said.rstrip("/") + _OWN


def in_front_of_user(said: str) -> str:
    """The directory in which each user has one; empty where it is below the home, or names no user."""
    found = _USER.search(said)
    if found is None or _HOME.search(said):
        return ""
    return said[: found.start()].rpartition("/")[0]


def why_no_place(said: str) -> str:
    """Why a text names no directory for a user, in words; empty when it does, or is empty."""
    whole = expand(said, Path("/home/user"), "user")
    if not whole:
        return ""
    if "$" in whole or "%{" in whole or whole.startswith("~"):
        return f"'{said}': only ~, $HOME, $USER and %{{User}} are replaced"
    if not whole.strip("/") or not whole.startswith("/"):
        return f"'{said}' is no absolute path of a directory"
    return ""
