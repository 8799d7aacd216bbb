"""Jobs that outlive all they took along where no shadow of the user's reaches them: by the mailbox."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.auth.chain import LOOK
from tests.pool.shell import Shell, write_policy
from tests.sites.away import TIMEOUT, Away
from tests.sites.mail import (
    BUCKET,
    DAY_S,
    MAILBOX,
    NOBODY,
    SHARED,
    Mail,
    answer,
    make_mail,
    refuses,
)
from tests.sites.sniffer import Sniffer
from tests.staging.desk import E_HOME, clear
from tests.testbed.far import FarSite
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite
from tests.testbed.sts import WebIdentity
from tests.testbed.users import Account

pytestmark = [pytest.mark.condor]

LIFE_S, SHORT_S = 40, 8
WAYS = ("element", "schedd", "glidein")
GOOD, ENDED = "ticket=good token=good", "ticket=ended token=ended"
UNTIL_ANOTHER_TOKEN = r"""
digest() { tr -d '\n' <"$BEARER_TOKEN_FILE" | sha256sum | cut -c 1-64; }
n=0
while [ "$(digest)" = "$1" ] && [ $n -lt 120 ]; do sleep 0.5; n=$((n + 1)); done
[ $n -lt 120 ] && echo another
"""
"""What a job does until it has another token than the one with this digest."""


@pytest.fixture
def mail(
    pool: Pool,
    alice: Account,
    clean_far_site: FarSite,
    openid: OpenId,
    kdc: Kdc,
    ceph_sts: WebIdentity,
) -> Iterator[Mail]:
    """Give hepalice credentials that all live for LIFE_S, and a mailbox."""
    shell = Shell(pool, alice, write_policy(alice, pool), alice.run)
    yield make_mail(shell, kdc, openid, ceph_sts, clean_far_site, LIFE_S)
    clean_far_site.reset_config()


def send(mail: Mail, name: str, script: str, way: str, **env: str) -> dict[str, Any]:
    """Submit a job that stores a result, with a ticket and a token of now."""
    shell = mail.chain.shell
    mail.chain.kinit(LIFE_S, DAY_S)
    shell.script(name, script)
    words = (name, "-site", way, "-cred", "krb", "-cred", "iam", "-out", f"r=herd:out/{name}")
    result = shell.result("hep_sub", *words, env={**mail.chain.environment, **env})
    return {**result, "name": name, "log": shell.work / f"{name}.out.{result['cluster']}.0"}


@pytest.mark.ceph
def test_jobs_outlive_all_that_they_took_along(mail: Mail, far_glidein: RemoteSite) -> None:
    """They wait until their first URLs, tickets, tokens and keys have ended, and run until the next ones have.

    To those at the schedd the address of their letter goes in their ads; that of the element's stays what it is. Those
    that nobody renews anything for fail as was forecast, and their outputs come home.
    """
    chain, shell, site = mail.chain, mail.chain.shell, mail.site
    site.add_config(NOBODY)
    far_glidein.takes_jobs(takes=False)
    long = f"{LOOK}\nlook start; sleep {LIFE_S + 5}; look end; echo result > r"
    short = f"{LOOK}\nlook now; echo result > r"
    with chain.renewing(), Sniffer(site.link.cable) as sniffer:
        renewed = {
            way: send(mail, f"{way}.sh", long, way, **(mail.public if way == "element" else {}))
            for way in WAYS
        }
        first = {way: mail.addresses(each["uuid"]) for way, each in renewed.items()}
        assert [len(urls) for urls in first.values()] == [2, 2, 2], first
        forgotten = {way: send(mail, f"{way}-f.sh", short, way, **mail.forgotten) for way in WAYS}
        there = "JobStatus == 1"
        shell.pool.wait_for(lambda: len(site.element.jobs(there)) == 2, TIMEOUT, "the element's")
        wait_for_deaths(mail, [*first["schedd"], *first["glidein"]], forgotten)
        assert [answer(url) for url in first["element"]] == [200, 200]
        bundle = chain.desk.bundles / renewed["schedd"]["uuid"]
        token = (bundle / "private/creds/iam.token").read_bytes()[:60]
        letters = mail.letters().values()
        assert letters
        assert not any(token in letter for letter in letters)
        site.reset_config()
        far_glidein.takes_jobs(takes=True)
        wait_for_ends(mail, renewed)
    for way, each in renewed.items():
        said = (each["log"].read_text(), shell.text(f"{way}.sh.err.{each['cluster']}.0"))
        assert said[0] == f"start {GOOD}\nend {GOOD}\n", (way, said, shell.text("renew.log"))
        assert chain.desk.text(f"{way}.sh") == "result\n"
        assert sorted(chain.desk.markers(each["uuid"])) == [0]
    assert b"X-Amz-Signature" in sniffer.seen  # it has listened to what goes to the store
    assert token not in sniffer.seen
    check_forgotten(mail, forgotten)
    chain.renew()
    assert mail.letters() == {}


def wait_for_deaths(mail: Mail, urls: list[str], forgotten: dict[str, dict[str, Any]]) -> None:
    """Wait until the store refuses these URLs, and those of the jobs of which nobody takes care.

    Tickets and tokens have ended then, too: they are older, and live as long.
    """

    def have_ended() -> bool:
        uuids = [each["uuid"] for each in forgotten.values()]
        theirs = [url for uuid in uuids for url in mail.addresses(uuid, apart=True)]
        return all(refuses(url) for url in (*urls, *theirs))

    mail.chain.shell.pool.wait_for(have_ended, TIMEOUT, "the end of all URLs")


def wait_for_ends(mail: Mail, sent: dict[str, dict[str, Any]]) -> None:
    """Wait for the jobs; logs from the schedd come when hep_auth renew has fetched them."""
    shell = mail.chain.shell
    for way in ("element", "glidein"):
        shell.ended(sent[way]["cluster"], timeout=TIMEOUT)
    shell.pool.wait_for(sent["schedd"]["log"].exists, TIMEOUT, "the log from the schedd")


def check_forgotten(mail: Mail, sent: dict[str, dict[str, Any]]) -> None:
    """What was said of jobs when they were submitted came true, and nothing is lost."""
    chain, shell = mail.chain, mail.chain.shell
    for each in sent.values():
        forecast = " ".join(each["notes"])
        for what in (
            "your Kerberos ticket",
            "the token iam",
            "the signed access to the storage herd",
        ):
            assert f"{what} ends in" in forecast, forecast
    for way in ("element", "glidein"):
        [ad] = shell.ended(sent[way]["cluster"], timeout=TIMEOUT)
        assert ad["ExitCode"] == E_HOME
    wanted = {f"{way}-f.sh" for way in sent}

    def are_stored() -> bool:
        shell("hep_auth", "renew", env={**chain.environment, **mail.forgotten})
        return wanted <= chain.desk.stored()

    shell.pool.wait_for(are_stored, TIMEOUT, "what came home to be put into its place")
    for way, each in sent.items():
        assert each["log"].read_text() == f"now {ENDED}\n"
        assert chain.desk.text(f"{way}-f.sh") == "result\n"


def test_a_store_that_was_away_has_the_letter_when_it_is_back(away: Away) -> None:
    """It is said what could not be posted; the running job goes on, and gets it later. On rclone's S3."""
    desk, shell = away.desk, away.desk.shell
    clear(desk.server, (BUCKET,))
    shell.policy.write_text(shell.policy.read_text().replace(SHARED, MAILBOX))
    shell.script("job.sh", UNTIL_ANOTHER_TOKEN)
    away.renew_token(SHORT_S)
    digest = hashlib.sha256(away.token.read_text().strip().encode()).hexdigest()
    words = ("-site", "schedd", "-cred", "iam", "-argu", digest)
    submitted = away.submit("job.sh", *words)
    away.until(lambda: away.site.jobs("JobStatus == 2"), "its start")
    away.renew_token()
    desk.server.stop()
    said = away.until(lambda: away.renew()["mailboxes"]["herd"]["message"], "a letter to be due")
    desk.server.start()
    assert "does not answer" in said
    assert not away.renew()["mailboxes"]["herd"]["message"]
    away.until(lambda: away.site.jobs("JobStatus == 4"), "its end")
    away.until(lambda: away.renew()["jobs"] == 0, "the end of its bundle")
    logs = [shell.text(f"job.sh.{log}.{submitted['cluster']}.0") for log in ("out", "err")]
    assert logs[0] == "another\n", logs
    assert desk.server.objects(BUCKET) == {}
