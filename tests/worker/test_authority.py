"""A store whose certificate is from an authority of its own, under each shell, with curl and with python3."""

from pathlib import Path

import pytest

from tests.testbed.s3 import S3Server
from tests.worker.job import Job

pytestmark = pytest.mark.s3

BUCKET = "worker"
PEM = "ca.my store.pem"


@pytest.fixture(scope="module", autouse=True)
def bucket(tls_s3: S3Server) -> None:
    """Make the bucket."""
    tls_s3.make_bucket(BUCKET)


def sign(server: S3Server, operation: str, key: str) -> str:
    """A pre-signed URL."""
    url: str = server.client().generate_presigned_url(
        operation, Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=300
    )
    return url


@pytest.fixture
def tls_job(web_job: Job, tls_s3: S3Server) -> Job:
    """Give a job with an input and an output over TLS."""
    tls_s3.client().put_object(Bucket=BUCKET, Key="in", Body=b"over TLS")
    web_job.env["HEPSUB_PATIENCE_S"] = "1"
    web_job.payload("cp in one; [ ! -e ca* ] || echo >&2 the authority is in the way")
    web_job.add("input", "in", "-", "-", sign(tls_s3, "get_object", "in"))
    web_job.add("output", "one", "-", sign(tls_s3, "put_object", "one"))
    return web_job


def test_the_authority_of_a_store_is_trusted_for_it(tls_job: Job, tls_s3: S3Server) -> None:
    tls_job.write(PEM, Path(tls_s3.authority).read_bytes())
    tls_job.add("ca", "https://another.example.org/", "other.pem")
    tls_job.add("ca", f"{tls_s3.endpoint}/", PEM)
    ended = tls_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert tls_s3.content(BUCKET, "one") == b"over TLS"


@pytest.mark.parametrize("sent", ["nothing", "no certificate"])
def test_without_it_nothing_moves(tls_job: Job, tls_s3: S3Server, sent: str) -> None:
    if sent != "nothing":
        tls_job.write(PEM, "no certificate")
        tls_job.add("ca", f"{tls_s3.endpoint}/", PEM)
    ended = tls_job.run()
    assert ended.code == 81
    assert "no trusted TLS connection" in ended.stderr


def test_an_authority_that_was_not_sent(tls_job: Job, tls_s3: S3Server) -> None:
    tls_job.add("ca", f"{tls_s3.endpoint}/", PEM)
    ended = tls_job.run()
    assert (ended.code, "no trusted TLS connection" in ended.stderr) == (81, True)
