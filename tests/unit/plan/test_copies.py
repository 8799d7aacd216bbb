"""Which inputs on a shared file system are links to the user's own files, and what is said of them."""

from __future__ import annotations

from pathlib import Path

from hepsub.plan.existing import link_note, linked_inputs
from hepsub.plan.facts import FileFact
from hepsub.plan.model import BUNDLE, SHARED
from hepsub.plan.staging import StagingPlan, plan_staging
from hepsub.plan.template import job_values
from tests.fakes.world import make_policy, make_spec

MB = 2**20
FILES = {
    "/d/big": FileFact(size=30 * MB),
    "/d/a": FileFact(size=6 * MB),
    "/d/b": FileFact(size=6 * MB),
    "/d/small": FileFact(size=MB),
    "/d/setup": FileFact(size=MB, trouble="/d/setup/x is a link that leads nowhere"),
}


def staging(*words: str, limit: str = "10 MB", shared: bool = True) -> StagingPlan:
    """The staging of `hep_sub job.sh WORDS` called in /d."""
    policy = make_policy(f"[staging]\ncopy_limit = '{limit}'\n")
    delivery = SHARED if shared else BUNDLE
    return plan_staging(
        make_spec("job.sh", *words), policy, {}, cwd=Path("/d"), root="/b", delivery=delivery
    )


def test_what_fits_is_copied_in_the_order_of_the_command_line() -> None:
    """The limit is one job's; a large file does not keep a smaller one behind it from being copied."""
    words = ("-in", "big", "-in", "a", "-in", "b", "-in", "small", "-in", "setup", "-in", "unknown")
    assert linked_inputs(staging(*words), FILES, job_values(2, 0, ())) == {
        "/d/big": "30.0 MB",
        "/d/b": "6.0 MB",
        "/d/setup": "/d/setup/x is a link that leads nowhere",
    }


def test_each_job_has_the_whole_limit() -> None:
    """Two jobs with one file each: both are copied."""
    plan = staging("-list", "l", "-in", "%{items}")
    assert linked_inputs(plan, FILES, job_values(2, 0, ("/d/a", "/d/b"))) == {}


def test_elsewhere_all_are_copies() -> None:
    """Without a shared file system HTCondor sends them."""
    assert linked_inputs(staging("-in", "big", shared=False), FILES, job_values(1, 0, ())) == {}


def test_links_are_told_with_what_they_mean() -> None:
    """The names, why, and where the limit was set; nothing where all are copied."""
    jobs = job_values(1, 0, ())
    (told,) = link_note(staging("-in", "big", "-in", "a"), FILES, jobs, "x.toml line 2")
    assert "/d/big (30.0 MB)" in told
    assert "A job that writes to one changes your own file" in told
    assert "10.0 MB at the most (staging.copy_limit, x.toml line 2)" in told
    assert link_note(staging("-in", "a"), FILES, jobs, "") == ()
