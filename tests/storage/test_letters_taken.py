"""Letters that the submit side has written, taken by the wrapper: a job beside no shadow, on a real store."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hepsub.files import write_whole
from tests.fakes.credentials import make_token
from tests.fakes.programs import write_program
from tests.storage.test_letters import HOUR, OUT, Desk, key_in, lines_of, manifest_of
from tests.testbed import cache, chroot
from tests.testbed.s3 import S3Server
from tests.worker.job import Job, link_programs
from tests.worker.modules import SHELLS

pytestmark = pytest.mark.s3


@pytest.fixture
def desk(tmp_path: Path, rclone_s3: S3Server) -> Desk:
    """Alice's desk, with an empty mailbox."""
    rclone_s3.start()
    return Desk(tmp_path, rclone_s3)


def openssl_of(suite: str, directory: Path) -> str:
    """The openssl of one of the testbed's systems, if it has been built; of this machine's, nothing."""
    if suite == "here":
        return ""
    tree = cache.root() / f"{suite}-{chroot.VERSION}"
    loaders = [*tree.glob("usr/lib*/ld-linux-*.so.*"), *tree.glob("usr/lib/*/ld-linux-*.so.*")]
    libraries = [path.parent for path in tree.glob("usr/lib/*/libcrypto.so.3")]
    if not loaders or not libraries:
        pytest.skip(f"the testbed's {suite} has not been built here")
    words = f"{loaders[0]} --library-path {libraries[0]} {tree}/usr/bin/openssl"
    path = write_program(directory / "openssl", f'#!/bin/sh\nexec {words} "$@"\n')
    return str(path)


def sent(bundle: Path, directory: Path) -> Job:
    """The first job of a bundle, on a worker node, with what was sent; its output's URL has ended."""
    scratch = directory / "scratch"
    scratch.mkdir(mode=0o700)
    job = Job(scratch, SHELLS["dash"], link_programs(directory / "programs", []))
    for path in (*bundle.glob("shared/hepsub.letters.*"), bundle / "private/creds/iam.token"):
        job.write(path.name, path.read_bytes(), 0o600)
    job.write("job.sh", '#!/bin/sh\ncat "$HEPSUB_TOKEN_IAM" >r\n')
    # Nothing newer comes but by letters: where the bundle is, a node does not see.
    manifest = manifest_of(bundle).replace(f"{bundle}/", "/nonexistent/")
    [output] = lines_of(manifest, "output")
    job.write("hepsub.manifest", manifest.replace(output[3], output[3].partition("?")[0]))
    return job


@pytest.mark.parametrize("suite", ["here", "trixie", "sid"])
def test_a_job_takes_what_was_posted(desk: Desk, suite: str, tmp_path: Path) -> None:
    """The newer token, and the newer URL of its output, whichever openssl its machine has."""
    bundle = desk.submit("-cred", "iam", "-out", f"r=herd:{desk.bucket}/out/r", "-nocheck")
    job = sent(bundle, tmp_path)
    job.env["HEPSUB_OPENSSL"] = openssl_of(suite, tmp_path)
    newer = make_token(time.time(), 9 * HOUR)
    write_whole(bundle / "private/creds/iam.token", newer, 0o600)
    assert desk.renew(0.6 * HOUR).problems == ()
    ended = job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert desk.server.content(desk.bucket, "out/r") == newer


def test_a_job_takes_no_letter_of_another_submission(desk: Desk, tmp_path: Path) -> None:
    """By the same user, into the same mailbox, by the same program: moved there by the store."""
    bundle, other = (desk.submit("-cred", "iam", *OUT) for _ in range(2))
    job = sent(bundle, tmp_path)
    assert desk.renew(0.6 * HOUR).problems == ()
    [mine, others] = [
        key_in(lines_of(manifest_of(each), "letter")[0][4], desk.bucket) for each in (bundle, other)
    ]
    client = desk.server.client()
    client.put_object(Bucket=desk.bucket, Key=mine, Body=desk.server.content(desk.bucket, others))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"r": "home"})
    assert "a letter in the mailbox is not taken: it is not sealed for this job" in ended.stderr
