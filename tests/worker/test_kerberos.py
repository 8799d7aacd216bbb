"""Tickets of a real KDC: renewed in the job, and replaced when they cannot be renewed any longer."""

import shutil
from pathlib import Path

import pytest

from tests.testbed.kdc import Cache, Kdc
from tests.testbed.users import Account
from tests.worker.job import Job, wait_for
from tests.worker.modules import SHELLS

WATCH = """
bad=0
i=0
while [ $i -lt {seconds} ]; do
    klist -s || bad=$((bad + 1))
    sleep 1
    i=$((i + 1))
done
kvno -q --no-store storage/test.hep && echo "$bad times expired, and good at the end"
"""


@pytest.fixture
def ticket_job(tmp_path: Path, kdc: Kdc) -> Job:
    """Give a job on a machine that knows the realm."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    job = Job(scratch, SHELLS["dash"], Path("/usr/sbin:/usr/bin:/sbin:/bin"), timeout=200)
    job.env.update(kdc.environment)
    return job


def bring(job: Job, cache: Cache, source: Path) -> None:
    """Let the ticket of a user come with the job."""
    job.write("krb5cc_1000", cache.path.read_bytes(), 0o600)
    job.add("credential", "krb", "kerberos", "krb5cc_1000", str(source))


def test_a_short_ticket_outlives_itself(
    ticket_job: Job, kdc: Kdc, host_alice: Account, tmp_path: Path
) -> None:
    cache = kdc.kinit(host_alice, life_s=30, renewable_s=180)
    bring(ticket_job, cache, tmp_path / "nothing newer")
    ticket_job.payload(WATCH.format(seconds=70))
    ended = ticket_job.run()
    assert (ended.code, ended.stdout, ended.stderr) == (
        0,
        "0 times expired, and good at the end\n",
        "",
    )
    (said,) = ended.report["credentials"]
    assert said["state"] == "valid"
    assert 3 <= said["renewed"] <= 8, "at half of 30 s each time"
    assert not cache.is_good(), "the user's own was left alone"


def test_beyond_its_renewable_life_the_users_new_ticket_is_taken(
    ticket_job: Job, kdc: Kdc, host_alice: Account, tmp_path: Path
) -> None:
    cache = kdc.kinit(host_alice, life_s=8, renewable_s=14)
    source = tmp_path / "source"
    bring(ticket_job, cache, source)
    ticket_job.payload(
        "until klist -s; do sleep 0.2; done; while klist -s; do sleep 0.2; done; : >ended;"
        " until klist -s; do sleep 0.2; done; kvno -q --no-store storage/test.hep && echo good"
    )
    process = ticket_job.start()
    wait_for((ticket_job.directory / "ended").exists, "the end of the renewable life", 60)
    newer = kdc.kinit(host_alice, life_s=3600, renewable_s=7200)
    fresh = tmp_path / "fresh"
    shutil.copy(newer.path, fresh)
    fresh.rename(source)
    ended = ticket_job.end(process)
    assert (ended.code, ended.stdout) == (0, "good\n")
    assert ended.report["credentials"][0]["state"] == "valid"


def test_without_the_kdc_a_ticket_stays_what_it_is(
    ticket_job: Job, kdc: Kdc, host_alice: Account, tmp_path: Path
) -> None:
    cache = kdc.kinit(host_alice, life_s=12, renewable_s=60)
    bring(ticket_job, cache, tmp_path / "nothing newer")
    ticket_job.payload("sleep 9; klist -s && cmp .hepsub/creds/krb5cc_1000 ../before && echo same")
    shutil.copy(cache.path, tmp_path / "before")
    kdc.stop()
    try:
        ended = ticket_job.run()
    finally:
        kdc.start()
    assert ended.stdout == "same\n"
    assert ended.report["credentials"][0]["renewed"] == 0
