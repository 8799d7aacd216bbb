"""A store whose certificate is from an authority of its own: what the user has to say, and what is said to him."""

import os
import shutil
from pathlib import Path

import pytest

from tests.pool.shell import Shell
from tests.staging.desk import E_INPUT, Desk, codes, sit_down
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

UNREACHABLE = 35
JOB = ("job.sh", "-in", "s3://raw/in.dat", "-out", "r=herd:out/%{ClusterId}/r")


@pytest.fixture
def at_tls(user: Shell, tls_s3: S3Server) -> Desk:
    """Give hepalice keys, an input, a job, and the authority's certificate as ca.pem in her directory."""
    desk = sit_down(user, tls_s3)
    user.policy.write_text(user.policy.read_text().replace("allow_http = true\n", ""))
    desk.put("in.dat", "over TLS\n")
    user.script("job.sh", "cp in.dat r")
    certificate = user.work / "ca.pem"
    shutil.copy(tls_s3.authority, certificate)
    certificate.chmod(0o644)
    os.chown(certificate, user.account.uid, user.account.gid)
    return desk


def test_an_authority_named_in_the_environment_holds_for_hep_sub_and_its_jobs(
    at_tls: Desk, remote_site: RemoteSite
) -> None:
    """AWS_CA_BUNDLE for hep_sub; in the job CURL_CA_BUNDLE, a path here, a file that travels with it away."""
    user = at_tls.shell
    here = {"AWS_CA_BUNDLE": str(user.work / "ca.pem"), "CURL_CA_BUNDLE": str(user.work / "ca.pem")}
    queue = user.directory("queue")
    queue.chmod(0o700)
    home = at_tls.submit(*JOB, env=here)
    away = at_tls.submit(
        *(*JOB, "-site", "dongguan", "-in", "ca.pem", "-env", "CURL_CA_BUNDLE=ca.pem"),
        env={"AWS_CA_BUNDLE": here["AWS_CA_BUNDLE"]},
    )
    own = at_tls.submit(*JOB, "-p", "here", "-wait", env={**here, "HEPSUB_HERE_DIR": str(queue)})
    ads = user.all_ended({home["cluster"]: 1, away["cluster"]: 1})
    for done in (home, away):
        cluster = done["cluster"]
        assert codes(ads[cluster]) == [0], user.text(f"job.sh.err.{cluster}.0")
    assert [job["exit_code"] for job in own["ended"]] == [0]
    for done in (home, away, own):
        assert at_tls.text(f"{done['cluster']}/r") == "over TLS\n"
        assert list(at_tls.markers(done["uuid"])) == [0]


def test_an_authority_named_in_the_policy_holds_everywhere(
    at_tls: Desk, remote_site: RemoteSite
) -> None:
    """ca_file: hep_sub, jobs here, far away and of the embedded pool, and hep_fetch."""
    user = at_tls.shell
    name_authority(user, user.work / "ca.pem")
    queue = user.directory("queue")
    queue.chmod(0o700)
    home = at_tls.submit(*JOB)
    away = at_tls.submit(*JOB, "-site", "dongguan")
    own = at_tls.submit(*JOB, "-p", "here", "-wait", env={"HEPSUB_HERE_DIR": str(queue)})
    ads = user.all_ended({home["cluster"]: 1, away["cluster"]: 1})
    for done in (home, away):
        assert codes(ads[done["cluster"]]) == [0], user.text(f"job.sh.err.{done['cluster']}.0")
    assert [job["exit_code"] for job in own["ended"]] == [0]
    for done in (home, away, own):
        assert at_tls.text(f"{done['cluster']}/r") == "over TLS\n"
        assert list(at_tls.markers(done["uuid"])) == [0]
    user.ok("hep_fetch", str(home["cluster"]))
    assert user.text(f"{home['cluster']}/0/r") == "over TLS\n"


def test_an_authority_that_is_none_is_told(at_tls: Desk) -> None:
    """Another one's certificate is not trusted, and a file that is not there is named."""
    user = at_tls.shell
    name_authority(user, user.work / "nowhere.pem")
    said = user.refused(UNREACHABLE, *JOB)
    assert f"the ca_file of the storage herd is no file: {user.work}/nowhere.pem" in said
    assert "ca_file in [storage.herd]" in said


def name_authority(user: Shell, path: Path) -> None:
    """Let the policy name the authority of the store."""
    policy = user.policy.read_text()
    user.policy.write_text(policy.replace("[storage.herd]", f'[storage.herd]\nca_file = "{path}"'))


def test_an_unknown_authority_is_refused_at_submission_and_in_the_job(
    at_tls: Desk, remote_site: RemoteSite
) -> None:
    """Without the authority nothing is sent anywhere: hep_sub ends with 35, a job with 81 and the reason.

    A path of this host far away is no authority either.
    """
    user = at_tls.shell
    said = user.refused(UNREACHABLE, *JOB)
    assert at_tls.server.endpoint in said
    assert "is not trusted here (SSLCertVerificationError)" in said
    assert "ca_file in [storage.herd]" in said
    authority = str(user.work / "ca.pem")
    home = at_tls.submit(*JOB, env={"REQUESTS_CA_BUNDLE": authority})
    both = {"AWS_CA_BUNDLE": authority, "CURL_CA_BUNDLE": authority, "SSL_CERT_FILE": authority}
    away = at_tls.submit(*JOB, "-site", "dongguan", env=both)
    ads = user.all_ended({home["cluster"]: 1, away["cluster"]: 1})
    for done in (home, away):
        assert codes(ads[done["cluster"]]) == [E_INPUT]
        assert "no trusted TLS connection" in user.text(f"job.sh.err.{done['cluster']}.0")
    assert at_tls.stored() == set()
