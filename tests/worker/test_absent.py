"""A store that is away: patience once for a job, and what HTCondor is told of outputs that are lost."""

import pytest

from hepsub.batch_stage import read_stage
from tests.worker.chirp import Chirp
from tests.worker.job import Job
from tests.worker.store import Store
from tests.worker.test_outputs import AWAY, signed


def test_patience_is_for_the_job_and_not_for_each_file(web_job: Job, store: Store) -> None:
    web_job.payload("for name in a b c; do printf $name >$name; done")
    web_job.env["HEPSUB_PATIENCE_S"] = "3"
    for name in "abc":
        web_job.add("output", name, "-", store.url(f"/b/{name}"))
        store.fault("PUT", f"/b/{name}", *[503] * 99)
    ended = web_job.run()
    assert (ended.code, set(ended.outputs().values())) == (85, {"home"})
    assert [store.count("PUT", f"/b/{name}") for name in "bc"] == [2, 2]
    assert store.count("PUT", "/b/a") > 2


def test_a_store_that_answers_again_has_patience_again(job: Job, store: Store) -> None:
    job.payload("for name in a b c; do printf $name >$name; done")
    job.env["HEPSUB_PATIENCE_S"] = "4"
    for name in "abc":
        job.add("output", name, "-", store.url(f"/b/{name}"))
    store.fault("PUT", "/b/a", *[503] * 99)
    store.fault("PUT", "/b/c", 503, 503, 503)
    assert job.run().outputs() == {"a": "home", "b": "uploaded", "c": "uploaded"}


def test_another_store_has_its_own_patience(job: Job, store: Store) -> None:
    job.payload("for name in a b; do printf $name >$name; done")
    job.env["HEPSUB_PATIENCE_S"] = "4"
    job.add("output", "a", "-", signed(f"{AWAY}/a"))
    job.add("output", "b", "-", store.url("/b/b"))
    store.fault("PUT", "/b/b", 503, 503, 503)
    assert job.run().outputs() == {"a": "home", "b": "uploaded"}


def stages(chirp: Chirp) -> list[str]:
    """What the job's ad was told that it is at, times left out."""
    told = [value for name, value in chirp.attributes if name == "ChirpHepSub_Stage"]
    stages = [read_stage(each.strip('"')) for each in told]
    return [f"{each.what} {each.store}".rstrip() for each in stages if each is not None]


def test_that_a_store_is_away_is_told_at_once_and_once(
    python_job: Job, store: Store, chirp: Chirp
) -> None:
    """On stderr and in the ad, and that it answers again; nothing of it is left in what comes home."""
    job = python_job
    job.payload("printf a >a; printf b >b")
    job.write(".chirp.config", chirp.config)
    for name in "ab":
        job.add("output", name, "-", store.url(f"/b/{name}"))
    store.fault("PUT", "/b/a", 503, 503, 503)
    ended = job.run()
    assert ended.code == 0
    host = store.url("/").split("/")[2]
    said = [line for line in ended.stderr.splitlines() if line.startswith("hepsub: ")]
    assert said == [
        f"hepsub: uploading outputs: the store {host} does not answer (HTTP 503 SlowDown);"
        " it is tried again, for up to 900 s",
        f"hepsub: the store {host} answers again",
    ]
    away = f"uploading outputs {host}"
    assert stages(chirp) == ["uploading outputs", away, "uploading outputs"]
    assert not (job.home / "stage").exists()


def lost(job: Job, chirp: Chirp) -> str:
    """Run a job whose outputs find no place; what its ad says then."""
    job.env["HEPSUB_PATIENCE_S"] = "0"
    job.write(".chirp.config", chirp.config)
    job.add("homelimit", "5")
    assert job.run().code == 87
    said = [value for name, value in chirp.attributes if name == "ChirpHepSub_Lost"]
    assert len(said) == 1
    assert all(len(line.encode()) < 1024 for line in chirp.lines)
    return said[0]


@pytest.fixture
def python_job(web_job: Job, http: str) -> Job:
    """Give a job that can speak chirp, under each shell."""
    if http != "python3":
        pytest.skip("the way of speaking makes no difference")
    return web_job


def test_htcondor_is_told_what_is_lost(python_job: Job, chirp: Chirp) -> None:
    python_job.payload("""printf 123456 >'a "b" \\c'; printf 12 >small; printf 1234567 >other""")
    for name in ('a "b" \\c', "small", "other"):
        python_job.add("home", name, "-", "-")
    text = """"'a \\"b\\" \\\\c' (6 bytes), 'other' (7 bytes); at most 5 bytes may come home\""""
    assert lost(python_job, chirp) == text


def test_what_is_told_stays_short(python_job: Job, chirp: Chirp) -> None:
    python_job.payload(
        'i=100; while [ $i -lt 130 ]; do printf 123456 >"a \\"b\\" $i"; i=$((i+1)); done'
    )
    for number in range(100, 130):
        python_job.add("home", f'a "b" {number}', "-", "-")
    assert " more; at most" in lost(python_job, chirp)


def test_what_an_earlier_run_told_is_taken_back(python_job: Job, chirp: Chirp) -> None:
    python_job.write(".chirp.config", chirp.config)
    ad = python_job.write("job.ad", 'ClusterId = 1\nChirpHepSub_Lost = "one"\n')
    python_job.env["_CONDOR_JOB_AD"] = str(ad)
    python_job.payload("exit 0")
    assert python_job.run().code == 0
    assert chirp.attributes[0] == ("ChirpHepSub_Lost", "undefined")
