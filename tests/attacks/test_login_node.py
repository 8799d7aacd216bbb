"""The other user of the login node: what lies in the directory of the bundles is mine, or it is nobody's."""

import os
import shutil
from pathlib import Path

import pytest

from tests.attacks.attack import (
    AWAY,
    KEY,
    OWNER,
    bundle_of,
    corner_of,
    ends,
    give,
    site_policy,
    snapshot,
    text_of,
)
from tests.pool.shell import Shell
from tests.testbed.users import Account, make_directory

pytestmark = [pytest.mark.condor]

SHARED = """
[staging]
shared = true
bundle_dir = "{root}"
"""


def plant(victim: Shell, attacker: Account, root: Path) -> Path:
    """Copy a bundle of the victim's, which the attacker has made up, into a root: it asks for the victim's keys."""
    victim.script("job.sh", "echo result > r")
    done = victim.result("hep_sub", "job.sh", *AWAY, "-out", "r=results/r")
    assert ends(victim, done["cluster"]) == [0]
    source = bundle_of(victim, done["uuid"])
    goal = root / source.name
    keys = str(victim.account.home / ".ssh/authorized_keys")
    (corner_of(source) / "outputs").mkdir(exist_ok=True)
    (corner_of(source) / "outputs/r").write_text(KEY)
    shutil.copytree(source, goal)
    shutil.rmtree(source)
    for request in goal.rglob("request.json"):
        results = str(victim.work / "results/r")
        text = request.read_text()
        assert "results/r" in text
        request.write_text(text.replace(results, keys).replace('"results/r"', f'"{keys}"'))
    for path in (goal, *goal.rglob("*")):
        os.lchown(path, attacker.uid, attacker.gid)
        path.chmod(0o777)
    return goal


@pytest.mark.parametrize("root_of", ["of another user", "of mine, open to all"])
def test_a_bundle_of_another_user_is_passed_over_and_said(
    victim: Shell, neighbour: Shell, root_of: str
) -> None:
    """In a root that several users share: nothing is done for it, and the user is told where it lies."""
    attacker = neighbour.account
    root = victim.pool.shared / "bundles"
    shutil.rmtree(root, ignore_errors=True)
    owner = attacker if root_of == "of another user" else victim.account
    make_directory(owner, root, 0o777)
    planted = plant(victim, attacker, root)
    site_policy(victim, OWNER, staging=SHARED.format(root=root))
    before = snapshot(victim.account)
    done = [victim("hep_auth", "renew"), victim("hep_q"), victim("hep_auth", "renew")]
    assert before.changed_in(snapshot(victim.account)) == []
    assert [each.returncode for each in done if each.returncode == 1] == []
    assert str(root) in text_of(done[0]), text_of(*done)
    assert planted.is_dir()
    shutil.rmtree(root)


@pytest.mark.parametrize("kind", ["a directory", "a bundle"])
def test_a_directory_that_may_not_be_entered_stops_no_command(
    victim: Shell, neighbour: Shell, kind: str
) -> None:
    """Something of root's, or of another user's, lies among the bundles, closed."""
    root = victim.account.home / ".local/share/hepsub/bundles"
    victim.script("job.sh", "echo result > r")
    first = victim.result("hep_sub", "job.sh", *AWAY, "-out", "r=results/r")
    assert ends(victim, first["cluster"]) == [0]
    closed = root / "00000000-0000-4000-8000-000000000000"
    closed.mkdir(mode=0o700)
    if kind == "a bundle":
        shutil.copytree(bundle_of(victim, first["uuid"]), closed, dirs_exist_ok=True)
        os.chown(closed, neighbour.account.uid, neighbour.account.gid)
        closed.chmod(0o700)
    renewed = victim("hep_auth", "renew")
    second = victim("hep_sub", "job.sh", *AWAY, "-out", "r=results/again")
    done = [renewed, second, victim("hep_q"), victim("hep_fetch", str(first["cluster"]))]
    assert [each.returncode for each in done if each.returncode == 1] == [], text_of(*done)
    assert second.returncode == 0
    assert victim.text("results/r") == "result\n"
    assert str(closed) in text_of(renewed)


def test_a_root_made_under_an_open_umask_is_closed_all_the_way(victim: Shell) -> None:
    """umask 000, and nothing of ~/.local was there: nobody else may make anything where the bundles lie."""
    victim.script("job.sh", "echo result > r")
    local = victim.account.home / ".local"
    shutil.rmtree(local, ignore_errors=True)
    line = "umask 000; exec hep_sub job.sh -site dongguan -out r=results/r"
    assert victim("sh", "-c", line).returncode == 0
    places = [local, *local.rglob("*")]
    open_to_others = [
        str(path.relative_to(local))
        for path in places
        if path.is_dir() and path.stat().st_mode & 0o022
    ]
    assert open_to_others == []


def test_a_symlink_in_the_way_to_the_bundles_is_not_believed(
    victim: Shell, neighbour: Shell
) -> None:
    """bundle_dir leads through a symlink in a directory that another user may write: hep_sub refuses."""
    place = victim.pool.shared / "open"
    shutil.rmtree(place, ignore_errors=True)
    make_directory(neighbour.account, place, 0o777)
    target = victim.account.home / "precious"
    (place / "bundles").symlink_to(target)
    site_policy(victim, OWNER, staging=SHARED.format(root=place / "bundles"))
    give(victim.account, victim.work / "notes", "x")
    victim.script("job.sh", "echo result > r")
    before = snapshot(victim.account)
    done = victim("hep_sub", "job.sh", *AWAY, "-out", "r=results/r")
    assert before.changed_in(snapshot(victim.account)) == []
    assert done.returncode not in (0, 1)
    assert "bundle_dir" in done.stderr
    shutil.rmtree(place)
