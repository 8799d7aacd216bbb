"""The testbed's pool takes a token in place of an IDTOKEN, and tokens and tickets reach its jobs."""

from pathlib import Path

import pytest

from tests.testbed.kdc import Kdc
from tests.testbed.openid import COMPUTE, OpenId
from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite
from tests.testbed.users import Account

pytestmark = [pytest.mark.condor, pytest.mark.sid]

BY_TOKEN = {"_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "SCITOKENS"}
SUBMIT = """
executable = /bin/sh
arguments = job.sh
transfer_executable = false
transfer_input_files = job.sh{files}
should_transfer_files = yes
output = output
error = error
stream_output = true
{lines}
queue
"""


def ping(pool: Pool, account: Account, token: str) -> str:
    """Return as whom a schedd lets the bearer of a token submit, or what it answers instead."""
    file = account.write("token", token, mode=0o600)
    words = ["condor_ping", "-verbose", "-type", "SCHEDD", "-name", pool.schedds[0], "WRITE"]
    done = pool.sandbox.run(
        words,
        user=account.identity(),
        env={**BY_TOKEN, "BEARER_TOKEN_FILE": str(file)},
        check=False,
    )
    lines = [line.partition(":") for line in done.stdout.splitlines()]
    said = {name: value.strip() for name, _, value in lines}
    return said.get("Remote Mapping", "") if said.get("Authorized") == "TRUE" else "refused"


def submit(pool: Pool, account: Account, script: str, *, files: str = "", lines: str = "") -> None:
    """Submit a shell script."""
    account.write("job.sh", script)
    account.write("job.sub", SUBMIT.format(files=files and f",{files}", lines=lines))
    pool.sandbox.run(
        ["condor_submit", "-name", pool.schedds[0], "job.sub"],
        user=account.identity(),
        cwd=account.work,
    )


def push(pool: Pool, account: Account, token: str) -> None:
    """Give a token to the access point's credd, as the service `iam`."""
    file = account.write("pushed", token, mode=0o600)
    words = ["condor_store_cred", "add-oauth", "-s", "iam", "-P", "-i", str(file)]
    pool.sandbox.run(words, user=account.identity(), cwd=account.work)


def output_with(pool: Pool, account: Account, text: str, timeout: float = 60) -> str:
    """Wait for a text in a job's output and return all of it."""
    file = Path(account.work / "output")

    def found() -> str:
        said = file.read_text() if file.exists() else ""
        return said if text in said else ""

    return pool.wait_for(found, timeout, f"{text} in the job's output")


def test_a_token_of_the_provider_is_a_login(pool: Pool, alice: Account, openid: OpenId) -> None:
    openid.join(pool.sandbox)
    right = pool.audience
    assert ping(pool, alice, openid.token(audience=right)) == "hepalice@test.hep"
    assert ping(pool, alice, openid.token("bob", audience=right)) == "hepbob@test.hep"
    wrong = {
        "scopes": openid.token(audience=right, scopes=COMPUTE[:2]),
        "audience": openid.token(audience="https://other.test.hep"),
        "expired": openid.token(audience=right, life_s=-10),
        "forged": openid.token(audience=right, forged=True),
        "subject": openid.token("mallory", audience=right),
    }
    answers = {name: ping(pool, alice, token) for name, token in wrong.items()}
    assert set(answers.values()) == {"refused"}, answers


def test_a_pushed_token_and_its_successor_arrive_in_the_job(pool: Pool, alice: Account) -> None:
    if not pool.takes_credentials:
        pytest.skip("this pool has no credd: --condor=sid has")
    push(pool, alice, "the first")
    script = "while sleep 1; do cat $_CONDOR_CREDS/iam.use; echo; done\n"
    # A remote site, which may have joined for another test, has refresh times of its own.
    lines = "use_oauth_services = iam\nrequirements = GLIDEIN_Site is undefined"
    submit(pool, alice, script, lines=lines)
    output_with(pool, alice, "the first")
    push(pool, alice, "the second")
    output_with(pool, alice, "the second", 120)


def test_a_pushed_token_arrives_at_the_remote_site(
    pool: Pool, alice: Account, remote_site: RemoteSite
) -> None:
    if not pool.takes_credentials:
        pytest.skip("this pool has no credd: --condor=sid has")
    push(pool, alice, "far away")
    lines = f"use_oauth_services = iam\nrequirements = {remote_site.constraint}"
    submit(pool, alice, "hostname; cat $_CONDOR_CREDS/iam.use\n", lines=lines)
    assert remote_site.name in output_with(pool, alice, "far away")


@pytest.mark.parametrize("place", ["pool", "remote"])
def test_a_job_renews_a_ticket_that_came_with_it(
    pool: Pool, alice: Account, kdc: Kdc, request: pytest.FixtureRequest, place: str
) -> None:
    kdc.join(pool.sandbox)
    lines = "requirements = GLIDEIN_Site is undefined"
    if place == "remote":
        site = request.getfixturevalue("remote_site")
        kdc.join(site.sandbox)
        lines = f"requirements = {site.constraint}"
    kdc.kinit(alice, alice.work / "ticket", life_s=60, renewable_s=120)
    script = (
        "export KRB5CCNAME=FILE:$PWD/ticket\n"
        "klist -s && sleep 2 && kinit -R && kvno -q storage/test.hep && klist\n"
        "echo code=$?\n"
    )
    submit(pool, alice, script, files="ticket", lines=lines)
    assert "code=0" in output_with(pool, alice, "code=")
