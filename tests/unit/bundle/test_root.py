"""The directory in which a user's bundles lie: where it may be, and what in it is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.root import Root, check_common, check_owner, check_root, look_at_root, unfinished
from hepsub.errors import BundleUnusable
from tests.fakes.user import ordinary_user
from tests.fakes.world import make_policy
from tests.unit.bundle.test_bundle import make_bundle


@pytest.mark.parametrize(
    ("root", "schedd", "host", "shared", "trouble"),
    [
        ("/home/alice/b", "ap.org", "ap.org", False, ""),
        ("/home/alice/b", "ap", "ap.example.org", False, ""),
        ("/home/alice/b", "ap.a.org", "ap.b.org", False, ""),
        ("/home/alice/b", "ap.org", "login.org", True, ""),
        ("/home/alice/b", "ap.org", "login.org", False, "unseen"),
        ("/tmp", "ap", "ap", True, "unfit"),
        ("/tmp/b", "ap", "ap", True, "unfit"),
        ("/var/tmp/b", "ap", "ap", True, "unfit"),
        ("/afs/ihep.ac.cn/u/alice", "ap", "ap", True, "unfit"),
        ("/tmpfs/b", "ap", "ap", True, ""),
        ("/home/tmp/b", "ap", "ap", True, ""),
    ],
)
def test_where_bundles_may_lie(
    root: str, schedd: str, host: str, shared: bool, trouble: str
) -> None:
    """Not where they vanish, not where the schedd has no token, not on a host that the schedd is not."""
    told = {
        "unfit": (
            f"bundles cannot lie in {root}: they would not last, or the schedd could not read them there",
            "set bundle_dir in [staging] of the policy to a directory in a shared home or scratch",
        ),
        "unseen": (
            f"the schedd runs on {schedd}, which is not known to see {root} of this host ({host})",
            "when it does, set shared = true in [staging] of the policy; when it sees nothing of this host,"
            " spool = true in [pool.NAME]; else submit on that host",
        ),
    }
    if not trouble:
        check_root(root, schedd, host, shared=shared)
        return
    with pytest.raises(BundleUnusable) as error:
        check_root(root, schedd, host, shared=shared)
    assert (error.value.message, error.value.remedy) == told[trouble]


def test_a_root_that_others_may_write_into_is_refused(tmp_path: Path) -> None:
    """They could put a bundle there, or take one away; one that is not there yet is made."""
    root = tmp_path / "root"
    check_owner(str(root))
    root.mkdir(mode=0o700)
    check_owner(str(root))
    for mode in (0o770, 0o707, 0o1777):
        root.chmod(mode)
        with pytest.raises(BundleUnusable) as error:
            check_owner(str(root))
        assert error.value.message.startswith(f"bundles cannot lie in {root}: others may use it")
        assert error.value.remedy == (
            "set bundle_dir in [staging] of the policy to a directory of your own; in a site's policy"
            " %{User} stands for the login name"
        )


def test_a_root_that_cannot_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "d/b").mkdir(parents=True)
    tmp_path.chmod(0)
    try:
        with ordinary_user():
            root = tmp_path / "d/b"
            said = f"the bundles in {root} cannot be read: Permission denied"
            assert look_at_root(root) == Root(troubles=(said,))
            with pytest.raises(BundleUnusable, match=rf"lie in {root}: Permission denied$"):
                check_owner(str(root))
    finally:
        tmp_path.chmod(0o700)


def test_what_lies_in_a_root_that_others_may_write_into_is_passed_over(tmp_path: Path) -> None:
    """All of it, and said; the same for a root that is a link, and for one bundle that is open."""
    fill_bundle(make_bundle(tmp_path))
    root = tmp_path / "b"
    (root / ".of hep_auth renew").mkdir(mode=0o700)
    (root / "u-0").mkdir(mode=0o700)
    (root / "u-2").symlink_to("u-1")
    open_to_others = f"{root}/u-1 is passed over: others may use it (mode 0750, not 0700)"
    a_link = f"{root}/u-2 is passed over: it is no directory"
    assert look_at_root(root) == Root(bundles=(root / "u-0", root / "u-1"), troubles=(a_link,))
    assert unfinished(root) == (root / "u-0", root / "u-1")
    (root / "u-1").chmod(0o750)
    assert look_at_root(root) == Root(bundles=(root / "u-0",), troubles=(open_to_others, a_link))
    (tmp_path / "link").symlink_to(root)
    for path, mode in ((tmp_path / "link", 0o700), (root, 0o777)):
        root.chmod(mode)
        seen = look_at_root(path)
        assert seen.bundles == ()
        assert seen.troubles[0].startswith(f"the bundles in {path} are not used: ")
    assert look_at_root(tmp_path / "never") == Root()


@pytest.mark.parametrize("said", ["", "~/b", "/scratch-of-none/%{User}/b", "{}/%{User}/b"])
def test_what_all_users_directories_lie_in_is_not_made_by_one_of_them(
    said: str, tmp_path: Path
) -> None:
    """It would be closed to all but the first of them."""
    policy = make_policy(f"[staging]\nbundle_dir = '{said.replace('{}', str(tmp_path))}'\n")
    if "none" not in said:
        check_common(policy)
        return
    with pytest.raises(BundleUnusable) as error:
        check_common(policy)
    assert error.value.message == (
        "/scratch-of-none is not there, in which each user has a directory for bundles (test.toml line 2)"
    )
    assert error.value.remedy.endswith(": install -d -m 1777 /scratch-of-none")
