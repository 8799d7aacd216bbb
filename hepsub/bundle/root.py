"""The directory in which a user's bundles lie: which are there, and where it may be."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from msgspec import Struct

from hepsub.bundle.directory import ABANDONED_S, GONE, NEW
from hepsub.bundle.notes import Placed, is_finished, is_ready, read_placed
from hepsub.errors import BundleUnusable
from hepsub.files import why_not_mine
from hepsub.policy.model import Policy
from hepsub.policy.places import in_front_of_user
from hepsub.tree import remove_tree

_UNFIT = ("/tmp/", "/var/tmp/", "/afs/")  # noqa: S108 (places that are refused)
"""What is cleared at a reboot or after days, while jobs wait, or where a daemon would need the user's AFS token."""


class Root(Struct, frozen=True, kw_only=True):
    """What lies in a directory of bundles.

    Attributes:
        bundles: the directories that are this user's alone; what begins with a dot belongs to hep_auth renew.
        troubles: a sentence for each thing that is passed over.
    """

    bundles: tuple[Path, ...] = ()
    troubles: tuple[str, ...] = ()


def look_at_root(root: Path) -> Root:
    """The bundles of a directory; what another user may have put there is not believed."""
    try:
        if trouble := _why_no_root(root):
            return Root(troubles=(f"the bundles in {root} are not used: {trouble}",))
        names = sorted(each.name for each in root.iterdir() if not each.name.startswith("."))
    except FileNotFoundError:
        return Root()
    except OSError as error:
        return Root(troubles=(f"the bundles in {root} cannot be read: {error.strerror}",))
    found: list[Path] = []
    troubles: list[str] = []
    for path in (root / name for name in names):
        try:
            trouble = why_not_mine(path)
        except FileNotFoundError:  # it was removed meanwhile
            continue
        if trouble:
            troubles.append(f"{path} is passed over: {trouble}")
        else:
            found.append(path)
    return Root(bundles=tuple(found), troubles=tuple(troubles))


def unfinished(root: Path) -> tuple[Path, ...]:
    """The bundles that are not marked as ready, nor as finished."""
    bundles = look_at_root(root).bundles
    return tuple(each for each in bundles if not (is_ready(each) or is_finished(each)))


def kept_bundles(root: Path) -> tuple[Placed, ...]:
    """The bundles that are marked as ready and not as finished."""
    there = [each for each in look_at_root(root).bundles if not is_finished(each)]
    return tuple(placed for each in there if (placed := read_placed(each)) is not None)


def finished_bundles(root: Path) -> tuple[Path, ...]:
    """The bundles whose jobs have ended."""
    return tuple(each for each in look_at_root(root).bundles if is_finished(each))


def remove_abandoned(root: Path, now: float) -> None:
    """Remove what is left of processes that were killed while they made or removed a bundle."""
    with contextlib.suppress(OSError):
        for each in root.iterdir():
            # Nothing else: bundle_dir may be a directory in which its user has other things.
            dead = each.name.startswith(".") and each.name.endswith((NEW, GONE))
            if dead and now - each.lstat().st_mtime > ABANDONED_S:
                remove_tree(each)


def check_common(policy: Policy) -> None:
    """Refuse to make what all users' directories lie in: it would be closed to all but the first of them.

    Raises:
        BundleUnusable: it is not there.
    """
    common = in_front_of_user(policy.staging.bundle_dir)
    if common and not os.path.isdir(common):  # noqa: PTH112 (Path.is_dir raises where nobody may look)
        raise BundleUnusable(
            f"{common} is not there, in which each user has a directory for bundles"
            f" ({policy.origin('staging.bundle_dir')})",
            remedy=f"the administrators of this host make it: install -d -m 1777 {common}",
        )


def _why_no_root(root: Path) -> str:
    """Why a directory of bundles must not be believed; empty when nobody else can put a bundle there."""
    return why_not_mine(root, readable=True)


def check_owner(root: str) -> None:
    """Refuse a directory of bundles into which somebody else could put one.

    Raises:
        BundleUnusable: it is one.
    """
    try:
        trouble = _why_no_root(Path(root))
    except FileNotFoundError:
        return
    except OSError as error:
        trouble = error.strerror or str(error)
    if trouble:
        raise BundleUnusable(
            f"bundles cannot lie in {root}: {trouble}",
            remedy="set bundle_dir in [staging] of the policy to a directory of your own; in a site's policy"
            " %{User} stands for the login name",
        )


def check_root(root: str, schedd_host: str, host: str, *, shared: bool) -> None:
    """Refuse a place where the schedd could not read the bundle, or that does not last.

    Raises:
        BundleUnusable: it is one.
    """
    if any(f"{root}/".startswith(unfit) for unfit in _UNFIT):
        raise BundleUnusable(
            f"bundles cannot lie in {root}: they would not last, or the schedd could not read them there",
            remedy="set bundle_dir in [staging] of the policy to a directory in a shared home or scratch",
        )
    # By their first labels: a schedd may call itself by an alias in another domain.
    same = schedd_host.split(".", maxsplit=1)[0] == host.split(".", maxsplit=1)[0]
    if not same and not shared:
        raise BundleUnusable(
            f"the schedd runs on {schedd_host}, which is not known to see {root} of this host ({host})",
            remedy="when it does, set shared = true in [staging] of the policy; when it sees nothing of this host,"
            " spool = true in [pool.NAME]; else submit on that host",
        )
