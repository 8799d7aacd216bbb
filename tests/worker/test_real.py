"""Real S3 servers, and the real pool: what the wrapper's own little store only pretends."""

import datetime
import hashlib
import json
import shutil
import stat
import uuid
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import pytest

from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server
from tests.testbed.users import Account
from tests.worker.conftest import Programs
from tests.worker.job import WRAPPER, Job
from tests.worker.modules import SHELLS
from tests.worker.store import SIGNATURE, Store

DATA = b"real" * 50_000


def sign(server: S3Server, method: str, bucket: str, key: str) -> str:
    """A pre-signed URL."""
    operation = {"GET": "get_object", "PUT": "put_object", "DELETE": "delete_object"}[method]
    url: str = server.client().generate_presigned_url(
        operation, Params={"Bucket": bucket, "Key": key}, ExpiresIn=300
    )
    return url


def sign_long_ago(server: S3Server, method: str, bucket: str, key: str) -> str:
    """A pre-signed URL that has expired."""
    past = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(hours=1)
    with mock.patch("botocore.auth.get_current_datetime", return_value=past):
        return sign(server, method, bucket, key)


@pytest.fixture
def real_job(tmp_path: Path, http: str, programs: Programs) -> Job:
    """Give a job with either program for HTTP: the shell makes no difference to a server."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Job(scratch, SHELLS["dash"], programs("dash", http))


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """Give a new bucket with one object, `in`."""
    name = s3_server.make_bucket(f"b-{uuid.uuid4().hex[:12]}")
    s3_server.client().put_object(Bucket=name, Key="in", Body=DATA)
    return name


def test_a_job_with_real_presigned_urls(real_job: Job, s3_server: S3Server, bucket: str) -> None:
    checksum = f"md5:{hashlib.md5(DATA).hexdigest()}"
    real_job.add("input", "in", str(len(DATA)), checksum, sign(s3_server, "GET", bucket, "in"))
    real_job.payload("cp in 'out é'; : >empty")
    real_job.add("output", "out é", "-", sign(s3_server, "PUT", bucket, "dir/out é"))
    real_job.add("output", "empty", "-", sign(s3_server, "PUT", bucket, "empty"))
    real_job.add("marker", sign(s3_server, "PUT", bucket, "done.json"))
    ended = real_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert s3_server.content(bucket, "dir/out é") == DATA
    assert s3_server.content(bucket, "empty") == b""
    assert json.loads(s3_server.content(bucket, "done.json"))["code"] == 0


@pytest.mark.parametrize("code", [0, 7])
def test_the_marker_of_an_earlier_run_goes_away(
    real_job: Job, s3_server: S3Server, bucket: str, code: int
) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="done.json", Body=b"of an earlier run")
    real_job.payload(f"printf one >one; exit {code}")
    real_job.add("output", "one", "-", sign(s3_server, "PUT", bucket, "one"))
    real_job.add("unmark", sign(s3_server, "DELETE", bucket, "done.json"))
    real_job.add("marker", sign(s3_server, "PUT", bucket, "done.json"))
    ended = real_job.run()
    assert (ended.code, ended.stderr) == (code, "")
    assert set(s3_server.objects(bucket)) == {"in", "one", *([] if code else ["done.json"])}
    [said] = ended.report["outputs"]
    head = s3_server.client().head_object(Bucket=bucket, Key="one")
    assert (said["etag"], said["size"]) == (head["ETag"].strip('"'), head["ContentLength"])


def test_expired_urls_are_replaced_from_the_newest_manifest(
    real_job: Job, s3_server: S3Server, bucket: str
) -> None:
    source = real_job.directory.parent / "new"
    real_job.payload("cp in out")
    real_job.add("source", str(source))
    fresh = [
        *real_job.lines,
        ("input", "in", "-", "-", sign(s3_server, "GET", bucket, "in")),
        ("output", "out", "-", sign(s3_server, "PUT", bucket, "out")),
    ]
    source.write_text(real_job.manifest(fresh))
    real_job.add("input", "in", "-", "-", sign_long_ago(s3_server, "GET", bucket, "in"))
    real_job.add("output", "out", "-", sign_long_ago(s3_server, "PUT", bucket, "out"))
    ended = real_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert s3_server.content(bucket, "out") == DATA


def test_an_expired_url_for_the_output_sends_it_home(
    real_job: Job, s3_server: S3Server, bucket: str
) -> None:
    real_job.payload("printf one >out")
    real_job.add("output", "out", "-", sign_long_ago(s3_server, "PUT", bucket, "out"))
    ended = real_job.run()
    assert (ended.code, ended.outputs()) == (85, {"out": "home"})
    assert "HTTP 40" in ended.stderr


@pytest.mark.ceph
def test_a_pattern_with_a_real_presigned_post(real_job: Job, ceph_rgw: S3Server) -> None:
    name = ceph_rgw.make_bucket(f"b-{uuid.uuid4().hex[:12]}")
    post = ceph_rgw.client().generate_presigned_post(name, "out dir/${filename}")
    form = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in post["fields"].items())
    real_job.payload("printf 1 >'a 1.root'; printf 2 >é.root")
    real_job.add("glob", "*.root", "-", post["url"], form)
    ended = real_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert ceph_rgw.objects(name) == {"out dir/a 1.root": 1, "out dir/é.root": 1}


# ---- the pool ------------------------------------------------------------------------------------

SUBMIT = """
import htcondor2, sys
name, text = sys.argv[1:]
place = htcondor2.Collector().locate(htcondor2.DaemonType.Schedd, name)
print(htcondor2.Schedd(place).submit(htcondor2.Submit(text)).cluster())
"""


class PoolJob:
    """A job of a real user on the real pool, its bundle on the submit side."""

    def __init__(self, pool: Pool, account: Account) -> None:
        self.pool = pool
        self.account = account
        self.bundle = account.work / "bundle"
        wrapper = account.write("bundle/wrapper.sh", WRAPPER.read_text(), mode=0o755)
        self.bundle.chmod(0o700)
        self.lines = [("hepsub-manifest", "1", "test.0"), ("source", str(self.manifest))]
        self.text = f"""\
            executable = {wrapper}
            transfer_input_files = {self.manifest}, {account.work}/run.sh
            transfer_output_files = home
            environment = "HEPSUB_HOME_DIR=home HEPSUB_REFRESH_S=1"
            should_transfer_files = YES
            when_to_transfer_output = ON_EXIT
            want_io_proxy = true
            My.LimitDirectoryAccess = "{self.bundle},{account.work}"
            output = out
            error = err
        """

    @property
    def manifest(self) -> Path:
        """Where the manifest stands."""
        return self.account.work / "bundle" / "hepsub.manifest"

    def write(self, payload: str, *lines: tuple[str, ...]) -> None:
        """Write payload and manifest."""
        self.account.write("run.sh", f"#!/bin/sh\n{payload}\n")
        every = [*self.lines, ("payload", "run.sh"), *lines]
        text = "".join("\t".join(line) + "\n" for line in every)
        fresh = self.account.write("bundle/fresh", text, mode=0o600)
        fresh.rename(self.manifest)

    def submit(self, extra: str = "") -> int:
        """Submit it; the cluster."""
        text = "\n".join(line.strip() for line in f"{self.text}\n{extra}".splitlines())
        done = self.account.run(["python3", "-c", SUBMIT, self.pool.schedds[0], text])
        assert done.stdout.strip().isdigit(), done.stderr
        return int(done.stdout)

    def ended(self, cluster: int) -> dict[str, object]:
        """Wait for the end; the ad in the history."""
        constraint = f"ClusterId == {cluster}"
        return self.pool.wait_for(lambda: self.pool.history(constraint), 150, "the job's end")[0]


@pytest.mark.condor
@pytest.mark.sid
@pytest.mark.parametrize("place", ["home", "remote"])
def test_a_job_on_the_real_pool_gets_fresh_urls_by_chirp(
    pool: Pool, alice: Account, remote_site: RemoteSite, store: Store, place: str
) -> None:
    job = PoolJob(pool, alice)
    until = (
        "i=0; until grep -q fresh .hepsub/manifest || [ $i = 1200 ]; do sleep 0.1; i=$((i+1)); done"
    )
    payload = f'echo "$1|$2"; {until}; ls -a; printf one >one; printf two >two; kill -USR1 $$'
    store.put("/b/in", b"x")
    entry = ("input", "in", "1", "-", store.url("/b/in"))
    rest = ("home", "two", "-", "-"), ("marker", store.url("/b/.done", "old"))
    job.write(payload, entry, ("output", "one", "-", store.url("/b/one", "old")), *rest)
    where = remote_site.constraint if place == "remote" else f"({remote_site.constraint}) =!= true"
    extra = f"requirements = {where}"
    cluster = job.submit(f"arguments = \"'a b' '*'\"\n{extra}")
    pool.wait_for(lambda: store.count("GET", "/b/in"), 40, "the job's start")
    output = ("output", "one", "-", store.url("/b/one"))
    job.write(payload, entry, output, *rest, ("comment", "fresh"))
    ad = job.ended(cluster)
    stderr = (alice.work / "err").read_text()
    assert (ad["ExitBySignal"], ad.get("ExitSignal")) == (True, 10), stderr
    assert store.objects.get("/b/one") == b"one", stderr
    assert ad["ChirpHepSub_Phase"] == "uploading outputs"
    report = json.loads((alice.work / "home" / "report.json").read_bytes())
    assert report["chirp"] is True
    assert report["payload"]["signal"] == 10
    assert (alice.work / "home" / "outputs" / "two").read_text() == "two"
    stdout = (alice.work / "out").read_text()
    assert stdout.startswith("a b|*\n")
    assert "hepsub.manifest" not in stdout
    assert stat.S_IMODE((alice.work / "home" / "report.json").stat().st_mode) & 0o022 == 0
    assert sorted(path.name for path in alice.work.iterdir()) == [
        "bundle",
        "err",
        "home",
        "out",
        "run.sh",
    ]
    assert SIGNATURE not in pool.run(["condor_history", "-long", "-name", pool.schedds[0]]).stdout
    shutil.rmtree(alice.work / "home")
