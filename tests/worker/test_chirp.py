"""HTCondor's I/O proxy: newer manifests, the phase in the job's ad; and its absence."""

from pathlib import Path

import pytest

from tests.worker.chirp import Chirp
from tests.worker.conftest import Programs
from tests.worker.job import Job, link_programs, wait_for
from tests.worker.store import Store


@pytest.fixture(params=["python3", "bash"])
def way(request: pytest.FixtureRequest, tmp_path: Path, job: Job) -> str:
    """A machine on which only one program can speak chirp."""
    name: str = request.param
    other = {"python3": "bash", "bash": "python3"}[name]
    job.path = link_programs(tmp_path / "one way", [other])
    return name


SOURCE = "/no such directory/a new\\ manifest"
"""On the submit side only: what stands there can only come by chirp."""


def test_every_way_of_speaking_works(job: Job, way: str, chirp: Chirp, store: Store) -> None:
    job.payload("until test -e go; do sleep 0.05; done; printf one >one")
    job.add("source", SOURCE)
    job.write("chirp config", chirp.config)
    job.env["_CONDOR_CHIRP_CONFIG"] = str(job.directory / "chirp config")
    fresh = [*job.lines, ("output", "one", "-", store.url("/b/one"))]
    chirp.files[SOURCE] = job.manifest(fresh)
    job.add("output", "one", "-", store.url("/b/one", "old"))
    process = job.start()
    wait_for(lambda: "running" in chirp.phases(), "the phase")
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, ended.report["chirp"]) == (0, True)
    assert chirp.phases() == ["running", "uploading outputs"]
    assert [each.status for each in store.requests] == [200]


def test_a_refused_input_is_asked_for_again(job: Job, way: str, chirp: Chirp, store: Store) -> None:
    store.put("/b/in", b"x")
    job.payload("exit 0")
    job.add("source", SOURCE)
    job.write(".chirp.config", chirp.config)
    chirp.files[SOURCE] = job.manifest([*job.lines, ("input", "in", "1", "-", store.url("/b/in"))])
    job.add("input", "in", "1", "-", store.url("/b/in", "old"))
    assert job.run().code == 0
    assert [each.status for each in store.requests] == [403, 200]


def test_the_manifest_is_refreshed_while_the_payload_runs(job: Job, way: str, chirp: Chirp) -> None:
    job.payload("until grep -q fresh .hepsub/manifest; do sleep 0.05; done")
    job.add("source", SOURCE)
    job.write(".chirp.config", chirp.config)
    job.env["HEPSUB_REFRESH_S"] = "1"
    chirp.files[SOURCE] = job.manifest([*job.lines, ("comment", "fresh")])
    assert job.run().code == 0


@pytest.mark.parametrize("text", ["", "hello\n", "hepsub-manifest\t1\tanother.job\n"])
def test_a_manifest_that_is_not_ours_is_not_taken(
    job: Job, way: str, chirp: Chirp, store: Store, text: str
) -> None:
    chirp.files[SOURCE] = text
    job.payload("printf one >one")
    job.add("source", SOURCE)
    job.write(".chirp.config", chirp.config)
    job.add("output", "one", "-", store.url("/b/one"))
    assert job.run().code == 0


def test_a_proxy_that_never_answers_stops_nothing_for_long(job: Job, store: Store) -> None:
    job.payload("printf one >one")
    job.add("source", SOURCE)
    job.env["HEPSUB_CHIRP_S"] = "1"
    job.add("output", "one", "-", store.url("/b/one"))
    with Chirp(silent=True) as silent:
        job.write(".chirp.config", silent.config)
        ended = job.run()
    assert (ended.code, ended.report["chirp"]) == (0, False)
    assert ended.seconds < 15


@pytest.mark.parametrize("config", ["", "127.0.0.1 9 cookie\n", "nonsense"])
def test_a_broken_proxy_does_no_harm(job: Job, store: Store, config: str) -> None:
    job.payload("printf one >one")
    job.add("source", SOURCE)
    job.write(".chirp.config", config)
    job.add("output", "one", "-", store.url("/b/one"))
    ended = job.run()
    assert (ended.code, ended.stderr) == (0, "")


def test_without_a_way_to_speak_the_job_goes_on(
    job: Job, shell: str, programs: Programs, chirp: Chirp
) -> None:
    job.path = programs("busybox", "curl")
    job.payload("exit 0")
    job.add("source", SOURCE)
    job.write(".chirp.config", chirp.config)
    assert job.run().code == 0
    assert not chirp.lines


def test_where_the_submit_sides_files_are_here_they_are_read(
    job: Job, store: Store, programs: Programs
) -> None:
    source = job.directory.parent / "new"
    job.payload("printf one >one")
    job.add("source", str(source))
    source.write_text(job.manifest([*job.lines, ("output", "one", "-", store.url("/b/one"))]))
    job.add("output", "one", "-", store.url("/b/one", "old"))
    assert job.run().code == 0


def test_the_phases_are_told(web_job: Job, chirp: Chirp, store: Store) -> None:
    web_job.add("input", "in", "-", "-", store.put("/b/in", b"x"))
    web_job.payload("until test -e go; do sleep 0.05; done; printf one >one")
    web_job.add("source", SOURCE)
    web_job.add("output", "one", "-", store.url("/b/one"))
    web_job.write(".chirp.config", chirp.config)
    if not any((web_job.path / name).exists() for name in ("python3", "bash")):
        pytest.skip("nothing here speaks chirp")
    process = web_job.start()
    wait_for(lambda: "running" in chirp.phases(), "the phase")
    (web_job.directory / "go").touch()
    assert web_job.end(process).code == 0
    assert chirp.phases() == ["fetching inputs", "running", "uploading outputs"]
