"""The directory in which each user has one for bundles."""

from __future__ import annotations

from pathlib import Path

from hepsub.errors import BundleUnusable
from hepsub.policy.model import Policy
from hepsub.policy.places import in_front_of_user


def check_common(policy: Policy) -> None:
    """Refuse to make what all users' directories lie in: it would be closed to all but the first of them.

    Raises:
        BundleUnusable: it is not there.
    """
    common = in_front_of_user(policy.staging.bundle_dir)
    if common and not Path(common).is_dir():
        raise BundleUnusable(
            f"{common} is not there, in which each user has a directory for bundles"
            f" ({policy.origin('staging.bundle_dir')})",
            remedy=f"the administrators of this host make it: install -d -m 1777 {common}",
        )
