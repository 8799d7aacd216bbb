"""Tests of the S3 servers and the proxy: each proves one thing the tests of storage rely on."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.testbed import ceph, faults
from tests.testbed.faults import Fault, Flip, Hang, Lose, Reset, Slow, Truncate
from tests.testbed.pool import Pool
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server

pytestmark = pytest.mark.s3

BODY = bytes(range(256)) * 400
PART = 5 * 1024 * 1024
CURL_PARTIAL, CURL_TIMEOUT, CURL_EMPTY, CURL_REFUSED = 18, 28, 52, 7
CURL_SEND, CURL_RECEIVE = 55, 56
LONG = 60

Proxied = Callable[[S3Server], FaultProxy]


@dataclass(frozen=True)
class Reply:
    """What curl got."""

    code: int
    status: int
    head: str
    body: bytes


class Curl:
    """Runs curl as a wrapper does: the URL in a file, never on the command line."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, url: str, *words: str, upload: bytes | None = None) -> Reply:
        made = {name: self.directory / name for name in ("config", "body", "head", "upload")}
        for file in made.values():
            file.write_bytes(b"")
        made["config"].write_text(f'url = "{url}"\n')
        if upload is not None:
            made["upload"].write_bytes(upload)
            words = ("--upload-file", str(made["upload"]), *words)
        quiet = ("--silent", "--noproxy", "*", "--max-time", "20", "--write-out", "%{http_code}")
        places = ("--output", str(made["body"]), "--dump-header", str(made["head"]))
        done = subprocess.run(
            ["curl", "--disable", *quiet, *places, *words, "--config", str(made["config"])],
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        return Reply(
            done.returncode, int(done.stdout), made["head"].read_text(), made["body"].read_bytes()
        )


@pytest.fixture
def curl(tmp_path: Path) -> Curl:
    return Curl(tmp_path)


@pytest.fixture
def bucket(s3_server: S3Server, request: pytest.FixtureRequest) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60]
    return s3_server.make_bucket(name.strip("-"))


@pytest.fixture
def proxy(s3_server: S3Server, bucket: str, fault_proxy: Proxied) -> FaultProxy:
    s3_server.client().put_object(Bucket=bucket, Key="in", Body=BODY)
    return fault_proxy(s3_server)


def signed(server: S3Server, method: str, bucket: str, key: str, seconds: int = 600) -> str:
    return str(
        server.client().generate_presigned_url(
            f"{method.lower()}_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
        )
    )


# ---- the servers ----------------------------------------------------------------------------


def test_presigned_urls_work(s3_server: S3Server, bucket: str, curl: Curl) -> None:
    key = "a dir/na+me ä"
    assert curl(signed(s3_server, "PUT", bucket, key), upload=BODY).status == 200
    assert s3_server.objects(bucket) == {key: len(BODY)}
    assert s3_server.content(bucket, key) == BODY
    reply = curl(signed(s3_server, "GET", bucket, key))
    assert (reply.status, reply.body) == (200, BODY)


def test_an_expired_url_is_refused(s3_server: S3Server, bucket: str, curl: Curl) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="in", Body=BODY)
    get, put = (signed(s3_server, method, bucket, "in", 5) for method in ("GET", "PUT"))
    assert curl(get).status == 200
    time.sleep(6.1)
    for reply in (curl(get), curl(put, upload=b"late")):
        assert reply.status in {400, 403}
        assert b"<Code>AccessDenied</Code>" in reply.body
    assert s3_server.content(bucket, "in") == BODY


def test_an_altered_url_is_refused(s3_server: S3Server, bucket: str, curl: Curl) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="in", Body=BODY)
    url = signed(s3_server, "GET", bucket, "in")
    last = "0" if url[-1] != "0" else "1"
    for altered in (url[:-1] + last, url.replace("/in?", "/other?"), url.replace("=600", "=900")):
        assert altered != url
        assert curl(altered).status == 403
    assert curl(url, upload=b"a PUT with the URL of a GET").status == 403


def test_nobody_is_refused(s3_server: S3Server, bucket: str, curl: Curl) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="in", Body=BODY)
    url = f"{s3_server.endpoint}/{bucket}/in"
    assert curl(url).status in {400, 403}
    assert curl(url, upload=b"x").status in {400, 403}
    assert s3_server.content(bucket, "in") == BODY


@pytest.mark.ceph
def test_what_is_below_a_prefix_may_be_open_to_all(ceph_rgw: S3Server, curl: Curl) -> None:
    """To be read, and by name: it is neither listed nor written, and nothing else is open."""
    bucket = ceph_rgw.make_bucket("partly-open")
    for key in ("mail/a", "mail2/b", "c"):
        ceph_rgw.client().put_object(Bucket=bucket, Key=key, Body=BODY)
    ceph_rgw.let_all_read(bucket, "mail/")
    place = f"{ceph_rgw.endpoint}/{bucket}"
    assert curl(f"{place}/mail/a").body == BODY
    for closed in ("mail/none", "mail2/b", "c", "", "?prefix=mail/", "?policy"):
        assert curl(f"{place}/{closed}").status == 403, closed
    assert curl(f"{place}/mail/a", upload=b"x").status == 403
    assert curl(f"{place}/mail/a", "--request", "DELETE").status == 403
    assert ceph_rgw.content(bucket, "mail/a") == BODY


def test_presigned_parts_make_an_object(s3_server: S3Server, bucket: str, curl: Curl) -> None:
    check_multipart(s3_server, bucket, curl)


def check_multipart(server: S3Server, bucket: str, curl: Curl) -> None:
    client = server.client()
    parts = [b"1" * PART, b"2" * 1000]
    what = {"Bucket": bucket, "Key": "big"}
    what["UploadId"] = client.create_multipart_upload(**what)["UploadId"]
    tags = []
    for number, part in enumerate(parts, 1):
        params = {**what, "PartNumber": number}
        reply = curl(client.generate_presigned_url("upload_part", params), upload=part)
        assert reply.status == 200
        tags.append(re.findall(r"(?im)^etag: *(\S+)", reply.head)[-1])
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    finish = client.generate_presigned_url("complete_multipart_upload", what)
    done = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
    reply = curl(finish, "--data-binary", done, "--header", "Content-Type: application/xml")
    assert reply.status == 200, reply.body
    assert server.content(bucket, "big") == b"".join(parts)


def test_a_store_goes_away_and_comes_back(s3_server: S3Server, bucket: str, curl: Curl) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="in", Body=BODY)
    url = signed(s3_server, "GET", bucket, "in")
    s3_server.stop()
    assert curl(url).code == CURL_REFUSED
    s3_server.start()
    assert curl(url).body == BODY


def test_the_keys_are_in_a_private_file(s3_server: S3Server) -> None:
    file = s3_server.write_credentials()
    assert file.stat().st_mode & 0o777 == 0o600
    assert s3_server.secret_key in file.read_text()
    assert s3_server.secret_key not in repr(s3_server)
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert s3_server.secret_key.encode() not in command.read_bytes()
        except FileNotFoundError:
            continue


@pytest.mark.ceph
def test_ceph_has_sts(ceph_rgw: S3Server) -> None:
    trusted = {"Url": "http://127.0.0.1:1/op", "ThumbprintList": ["A" * 40]}
    iam = ceph_rgw.client("iam")
    made = iam.create_open_id_connect_provider(**trusted, ClientIDList=["hepsub"])
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
    with pytest.raises(ClientError) as refusal:
        ceph_rgw.client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam:::role/{ceph.ROLE}", RoleSessionName="job", WebIdentityToken="x.y"
        )
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.ceph
def test_a_url_dies_with_the_session_that_signed_it(ceph_rgw: S3Server, curl: Curl) -> None:
    bucket = ceph_rgw.make_bucket("test-session")
    ceph_rgw.client().put_object(Bucket=bucket, Key="in", Body=BODY)
    url = signed(ceph.temporary_keys(ceph_rgw, 2), "GET", bucket, "in", 600)
    assert curl(url).body == BODY
    time.sleep(3)
    assert curl(url).status == 403


@pytest.mark.condor
def test_a_job_reaches_the_store(s3_server: S3Server, bucket: str, pool: Pool) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="in", Body=b"hello")
    script = "import sys, urllib.request as u; print(u.urlopen(sys.stdin.read()).read())"
    url = signed(s3_server, "GET", bucket, "in")
    done = pool.sandbox.run(["python3", "-c", script], input=url)
    assert done.stdout == "b'hello'\n"


# ---- the proxy ------------------------------------------------------------------------------


def test_signatures_hold_behind_the_proxy(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    url = signed(proxy.server, "GET", bucket, "in")
    assert url.startswith(proxy.endpoint)
    assert curl(url).body == BODY
    assert curl(signed(proxy.server, "PUT", bucket, "out"), upload=BODY * 20).status == 200
    assert proxy.server.content(bucket, "out") == BODY * 20
    assert curl(url[:-1]).status == 403
    assert curl(url, "--header", "Host: elsewhere").status == 403
    check_multipart(proxy.server, bucket, curl)


def test_a_connection_serves_many_requests(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    urls = "\nnext\n".join(
        f'url = "{signed(proxy.server, "GET", bucket, "in")}"\noutput = "/dev/null"'
        for _ in range(3)
    )
    (curl.directory / "many").write_text(urls)
    done = subprocess.run(
        ["curl", "--disable", "--verbose", "--config", str(curl.directory / "many")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("Re-using existing connection") == 2
    assert [request.status for request in proxy.requests()] == [200] * 3


def test_a_body_in_chunks_passes(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    url = signed(proxy.server, "PUT", bucket, "out")
    assert curl(url, "--header", "Transfer-Encoding: chunked", upload=BODY).status == 411
    assert curl(signed(proxy.server, "GET", bucket, "in")).body == BODY


def test_the_log_has_no_query(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    curl(signed(proxy.server, "GET", bucket, "in"))
    [request] = proxy.requests("GET", "/in$")
    assert (request.method, request.path, request.status) == ("GET", f"/{bucket}/in", 200)
    assert request.fault == ""
    assert "Signature" not in repr(proxy.requests())


def test_a_rule_counts_its_requests(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    url = signed(proxy.server, "GET", bucket, "in")
    rule = proxy.inject(faults.INTERNAL_ERROR, method="GET", path="/in$", first=2, last=3)
    proxy.inject(faults.DENIED, method="PUT")
    assert [curl(url).status for _ in range(4)] == [200, 500, 500, 200]
    assert (rule.seen, rule.hits) == (4, 2)
    proxy.clear()
    assert curl(url).status == 200


def test_chance_is_the_same_each_time(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    url = signed(proxy.server, "GET", bucket, "in")
    runs = []
    for _ in range(2):
        proxy.clear()
        proxy.inject(faults.INTERNAL_ERROR, chance=0.5, seed=3)
        runs.append([curl(url).status for _ in range(10)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (faults.DENIED, 403, b"AccessDenied"),
        (faults.EXPIRED, 403, b"Request has expired"),
        (faults.NOT_FOUND, 404, b"NoSuchKey"),
        (faults.INTERNAL_ERROR, 500, b"InternalError"),
        (faults.unavailable(), 503, b"SlowDown"),
        (faults.unavailable(7), 503, b"SlowDown"),
        (faults.BROKEN_200, 200, b"InternalError"),
    ],
)
def test_an_answer_in_place_of_the_server(
    proxy: FaultProxy, bucket: str, curl: Curl, fault: faults.Answer, status: int, said: bytes
) -> None:
    proxy.inject(fault)
    for upload in (None, b"small", BODY * 20):
        method = "GET" if upload is None else "PUT"
        reply = curl(signed(proxy.server, method, bucket, "out"), upload=upload)
        assert (reply.code, reply.status) == (0, status)
        assert said in reply.body
        assert ("Retry-After: 7" in reply.head) == (fault.retry_after == "7")
    assert {request.fault for request in proxy.requests()} == {f"answer {status}"}
    proxy.clear()
    assert "out" not in proxy.server.objects(bucket)


@pytest.mark.parametrize("upload", [None, BODY, BODY * 20])
def test_reset(proxy: FaultProxy, bucket: str, curl: Curl, upload: bytes | None) -> None:
    proxy.inject(Reset(), last=1)
    url = signed(proxy.server, "GET" if upload is None else "PUT", bucket, "out")
    assert curl(url, upload=upload).code in {CURL_SEND, CURL_RECEIVE}
    assert "out" not in proxy.server.objects(bucket)


def test_reset_after_the_upload_was_stored(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    proxy.inject(Reset(after=True), method="PUT")
    assert curl(signed(proxy.server, "PUT", bucket, "out"), upload=BODY).code == CURL_RECEIVE
    assert proxy.server.content(bucket, "out") == BODY


def test_truncate_a_download(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    url = signed(proxy.server, "GET", bucket, "in")
    proxy.inject(Truncate(), last=1)
    reply = curl(url)
    assert (reply.code, reply.body) == (CURL_PARTIAL, BODY[: len(BODY) // 2])
    proxy.inject(Truncate(10, quietly=True), last=1)
    reply = curl(url)
    assert (reply.code, reply.status, reply.body) == (0, 200, BODY[:10])


def test_truncate_an_upload(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    url = signed(proxy.server, "PUT", bucket, "out")
    proxy.inject(Truncate(), last=1)
    assert curl(url, upload=BODY * 20).code in {CURL_EMPTY, CURL_SEND, CURL_RECEIVE}
    time.sleep(0.3)
    assert "out" not in proxy.server.objects(bucket)
    proxy.inject(Truncate(10, quietly=True), method="PUT", last=1)
    assert curl(url, upload=BODY * 20).status == 200
    assert proxy.server.content(bucket, "out") == BODY[:10]


def test_flip(proxy: FaultProxy, bucket: str, curl: Curl) -> None:
    middle = len(BODY) // 2
    wrong = BODY[:middle] + bytes([BODY[middle] ^ 0xFF]) + BODY[middle + 1 :]
    proxy.inject(Flip(), method="GET", last=1)
    reply = curl(signed(proxy.server, "GET", bucket, "in"))
    assert (reply.code, reply.status, reply.body) == (0, 200, wrong)
    proxy.inject(Flip(), method="PUT")
    assert curl(signed(proxy.server, "PUT", bucket, "out"), upload=BODY).status == 200
    assert proxy.server.content(bucket, "out") == wrong


@pytest.mark.parametrize("upload", [None, BODY])
def test_slow(proxy: FaultProxy, bucket: str, curl: Curl, upload: bytes | None) -> None:
    proxy.inject(Slow(len(BODY)), path="/in$", last=1)
    begin = time.monotonic()
    method = "GET" if upload is None else "PUT"
    reply = curl(signed(proxy.server, method, bucket, "in"), upload=upload)
    assert reply.status == 200
    assert 0.9 < time.monotonic() - begin < 4
    assert proxy.server.content(bucket, "in") == BODY


@pytest.mark.parametrize("upload", [None, BODY * 20])
def test_hang(proxy: FaultProxy, bucket: str, curl: Curl, upload: bytes | None) -> None:
    proxy.inject(Hang(), last=1)
    url = signed(proxy.server, "GET" if upload is None else "PUT", bucket, "out")
    assert curl(url, "--max-time", "2", upload=upload).code == CURL_TIMEOUT
    assert "out" not in proxy.server.objects(bucket)


@pytest.mark.parametrize("upload", [b"", BODY, BODY * 20])
def test_lose(proxy: FaultProxy, bucket: str, curl: Curl, upload: bytes) -> None:
    proxy.inject(Lose(), method="PUT")
    reply = curl(signed(proxy.server, "PUT", bucket, "out"), upload=upload)
    assert (reply.code, reply.status) == (0, 200)
    assert "ETag" in reply.head
    assert "out" not in proxy.server.objects(bucket)


def test_a_store_that_is_away_resets(
    proxy: FaultProxy, s3_server: S3Server, bucket: str, curl: Curl
) -> None:
    url = signed(proxy.server, "GET", bucket, "in")
    s3_server.stop()
    assert curl(url).code == CURL_RECEIVE
    assert proxy.requests()[-1].fault == "no server"
    s3_server.start()
    assert curl(url).status == 200


def test_the_end_of_the_proxy_ends_a_hanging_request(
    s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(s3_server) as proxy:
        proxy.inject(Hang())
        file = tmp_path / "config"
        file.write_text(f'url = "{signed(proxy.server, "GET", bucket, "in")}"\n')
        child = subprocess.Popen(["curl", "--disable", "--silent", "--config", str(file)])
        while not proxy.requests():
            time.sleep(0.01)
    assert child.wait(5) != 0


@pytest.mark.parametrize(
    "fault", [Slow(1), Flip(), Truncate(), Truncate(1), Hang(), Lose(), Reset(), faults.DENIED]
)
def test_other_requests_pass(proxy: FaultProxy, bucket: str, curl: Curl, fault: Fault) -> None:
    proxy.inject(fault, method="DELETE")
    assert curl(signed(proxy.server, "GET", bucket, "in")).body == BODY
