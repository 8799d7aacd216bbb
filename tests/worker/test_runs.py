"""A job that runs twice: the marker of the first run does not stand for a mixture of the two."""

from pathlib import Path

import pytest

from tests.worker.job import JOB, Job, encode
from tests.worker.store import Store

STARTED = "NumJobStarts"


def ad(job: Job, text: str) -> Path:
    """Let HTCondor's ad of the job say so."""
    path = job.write("job.ad", f'ClusterId = 1\nOwner = "{STARTED} = 7"\n{text}')
    job.env["_CONDOR_JOB_AD"] = str(path)
    return path


def two_outputs(job: Job, store: Store) -> None:
    """A job with two outputs and a marker."""
    job.payload("printf one >one; printf two >two")
    for name in ("one", "two"):
        job.add("output", name, "-", store.url(f"/b/{name}"))
    job.add("unmark", store.url("/b/.done"))
    job.add("marker", store.url("/b/.done"))


@pytest.mark.parametrize(
    ("text", "run"), [("", 1), (f"{STARTED} = 0\n", 1), ("numjobstarts=2\n", 3), (None, None)]
)
def test_a_later_run_removes_the_marker_first(
    web_job: Job, store: Store, text: str | None, run: int | None
) -> None:
    if text is not None:
        ad(web_job, text)
    two_outputs(web_job, store)
    store.objects["/b/.done"] = b"of an earlier run"
    ended = web_job.run()
    assert (ended.code, ended.report["run"]) == (0, run)
    first = [] if run == 1 else ["DELETE"]
    assert [each.method for each in store.requests] == [*first, "PUT", "PUT", "PUT"]
    assert store.order()[-1] == "/b/.done"
    assert [each["etag"] for each in ended.report["outputs"]] == [
        each["md5"] for each in ended.report["outputs"]
    ]


def test_a_run_that_fails_leaves_no_marker_of_an_earlier_one(job: Job, store: Store) -> None:
    ad(job, f"{STARTED} = 1\n")
    two_outputs(job, store)
    job.write("run.sh", "#!/bin/sh\nprintf one >one; exit 7\n")
    store.objects["/b/.done"] = b"of an earlier run"
    assert job.run().code == 7
    assert set(store.objects) == {"/b/one"}


def test_a_marker_that_may_not_be_removed_stops_nothing(web_job: Job, store: Store) -> None:
    ad(web_job, f"{STARTED} = 1\n")
    two_outputs(web_job, store)
    store.fault("DELETE", "/b/.done", *["403 AccessDenied"] * 2)
    ended = web_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert [each.method for each in store.requests] == ["DELETE", "PUT", "PUT", "PUT"]


def test_a_store_that_is_away_is_waited_for_once(job: Job, store: Store) -> None:
    ad(job, f"{STARTED} = 1\n")
    job.env["HEPSUB_PATIENCE_S"] = "2"
    two_outputs(job, store)
    store.fault("DELETE", "/b/.done", *[503] * 99)
    for name in ("one", "two"):
        store.fault("PUT", f"/b/{name}", *[503] * 99)
    ended = job.run()
    assert (ended.code, set(ended.outputs().values())) == (85, {"home"})
    assert [store.count("PUT", f"/b/{name}") for name in ("one", "two")] == [2, 2]


def test_a_later_run_writes_to_no_file_of_an_earlier_one(job: Job) -> None:
    """The first run may still be copying, on a node that nobody hears of."""
    ad(job, f"{STARTED} = 1\n")
    target = job.directory.parent / "shared/a b.root"
    target.parent.mkdir()
    half = target.parent / f"a b.root.tmp-{JOB}-node7.4711"
    other = target.parent / f"a b.root.tmp-{JOB}5-node7.4711"
    half.write_bytes(b"half")
    other.write_bytes(b"of job 1234.05")
    job.payload("printf one >one")
    job.add("move", "one", "-", encode(str(target)))
    with half.open("ab") as still:
        assert job.run().outputs() == {"one": "moved"}
        still.write(b" and more")
    assert target.read_bytes() == b"one"
    assert sorted(target.parent.iterdir()) == [target, other]
