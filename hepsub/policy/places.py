"""Directories of the policy that are different for each user. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepsub.policy.model import Policy

_HOME = r"^~(?=/|$)|\$\{HOME\}|\$HOME(?![A-Za-z0-9_])"
_USER = r"(?i)%\{user\}|\$\{USER\}|\$USER(?![A-Za-z0-9_])"
_OWN = "/%{User}"


def expand(said: str, home: Path, user: str) -> str:
    """A directory of the policy for one user: `~` and `$HOME` are the home, `$USER` and `%{User}` the login name.

    Other variables are not taken: cron, where hep_auth renew runs, has not those of a login.
    """
    if _is_plain(said):
        return said
    return re.sub(_USER, lambda _: user, re.sub(_HOME, lambda _: str(home), said))


def _is_plain(said: str) -> bool:
    """Whether there is nothing in it to replace."""
    return not any(sign in said for sign in "~$%")


def bundle_root(policy: Policy, home: Path, user: str) -> str:
    """The directory of the bundles: the policy's, as it is for this user, else one below the home."""
    said = expand(policy.staging.bundle_dir, home, user)
    return said.rstrip("/") or str(home / ".local/share/hepsub/bundles")


def named_for_user(said: str) -> str:
    """A directory that all users would share, with one of their own in it for each; others stay as they are."""
    if not said or (not _is_plain(said) and (re.search(_HOME, said) or re.search(_USER, said))):
        return said
    return said.rstrip("/") + _OWN


def in_front_of_user(said: str) -> str:
    """The directory in which each user has one; empty where it is below the home, or names no user."""
    found = re.search(_USER, said)
    if found is None or re.search(_HOME, said):
        return ""
    return said[: found.start()].rpartition("/")[0]


def why_no_place(said: str) -> str:
    """Why a text names no directory for a user, in words; empty when it does, or is empty."""
    if not said:
        return ""
    whole = expand(said, Path("/home/user"), "user")
    if not whole:
        return ""
    if "$" in whole or "%{" in whole or whole.startswith("~"):
        return f"'{said}': only ~, $HOME, $USER and %{{User}} are replaced"
    if not whole.strip("/") or not whole.startswith("/"):
        return f"'{said}' is no absolute path of a directory"
    return ""
