"""Who keeps fresh what travels: on each way, with and without a mailbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.errors import PolicyError
from hepsub.plan.credentials import JobCredential
from hepsub.plan.forecast import unopened_note
from hepsub.plan.freshness import freshness, used_storages
from hepsub.plan.mailbox import Mailbox, mailbox_of
from hepsub.plan.model import BUNDLE, ELEMENT, EMBEDDED, SCRIPT, SHARED, SPOOL, Delivery, Route
from hepsub.plan.staging import StagingPlan, plan_staging
from hepsub.plan.template import job_values
from hepsub.policy.model import KERBEROS, TOKEN
from tests.fakes.world import make_policy, make_spec

NOON, HOUR, DAY = 1_700_000_000.0, 3600.0, 86400.0
STORE = '[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n'
MAIL = Mailbox(storage="herd", bucket="mail", prefix="hep/")
KRB = JobCredential(name="krb", kind=KERBEROS, file="krb5cc_1000")
IAM = JobCredential(name="iam", kind=TOKEN, file="iam.token")
SHOWN = replace(IAM, stays=True)
POOLS = JobCredential(name="iam", kind=TOKEN, file="", service="iam")
POOLS_TICKET = JobCredential(name="krb", kind=KERBEROS, file="")


def staging(
    delivery: Delivery,
    *words: str,
    credentials: tuple[JobCredential, ...] = (IAM,),
    mailbox: Mailbox | None = MAIL,
    io_proxy: bool = False,
) -> StagingPlan:
    """The staging of these words behind hep_sub job.sh."""
    plan = plan_staging(
        make_spec("job.sh", *words),
        make_policy(STORE),
        {},
        cwd=Path("/work"),
        root="/b",
        delivery=delivery,
        isolation="user",
        io_proxy=io_proxy,
    )
    return replace(plan, credentials=credentials).with_mailbox(mailbox)


@pytest.mark.parametrize(
    ("delivery", "io_proxy", "has"),
    [
        (SHARED, False, False),
        (EMBEDDED, False, False),
        (BUNDLE, True, False),
        (BUNDLE, False, True),
        (ELEMENT, False, True),
        (SPOOL, False, True),
        (SCRIPT, False, True),
    ],
)
def test_who_reaches_nothing_here_has_a_mailbox(
    delivery: Delivery, io_proxy: bool, has: bool
) -> None:
    """The others read the bundle, or ask the shadow."""
    assert (staging(delivery, io_proxy=io_proxy).mailbox is not None) is has


@pytest.mark.parametrize(
    ("words", "credentials", "has"),
    [
        ((), (), False),
        ((), (KRB,), True),
        ((), (SHOWN,), False),
        ((), (POOLS,), False),
        (("-in", "/data/x"), (), False),
        (("-in", "s3://raw/x"), (), True),
        (("-out", "r=herd:out/r"), (), True),
        (("-list", "l", "-in", "%{item}"), (), True),
    ],
)
def test_a_mailbox_is_for_what_ends(
    words: tuple[str, ...], credentials: tuple[JobCredential, ...], has: bool
) -> None:
    """Signed URLs, and tickets and tokens that travel as files; an item may be a URL."""
    assert (staging(SPOOL, *words, credentials=credentials).mailbox is not None) is has


@pytest.mark.parametrize(
    ("delivery", "io_proxy", "mailbox", "by", "text"),
    [
        (SHARED, False, MAIL, "shared", "refreshed where the jobs read it"),
        (EMBEDDED, False, MAIL, "shared", "refreshed where the jobs read it"),
        (BUNDLE, True, MAIL, "shadow", "refreshed by the shadow"),
        (BUNDLE, False, MAIL, "mailbox", "refreshed by the mailbox herd:mail/hep/"),
        (ELEMENT, False, MAIL, "mailbox", "refreshed by the mailbox herd:mail/hep/"),
        (SPOOL, False, MAIL, "mailbox", "refreshed by the mailbox herd:mail/hep/"),
        (SCRIPT, False, MAIL, "mailbox", "refreshed by the mailbox herd:mail/hep/"),
        (
            SCRIPT,
            False,
            None,
            "nobody",
            "because the batch script has the jobs' files: set mailbox",
        ),
        (BUNDLE, False, None, "nobody", "by the shadow until the job starts, then not at all"),
        (ELEMENT, False, None, "nobody", "not refreshed from when the site has taken the job"),
        (SPOOL, False, None, "nobody", "not refreshed at all, because the jobs are handed over"),
    ],
)
def test_who_keeps_what_fresh(
    delivery: Delivery, io_proxy: bool, mailbox: Mailbox | None, by: str, text: str
) -> None:
    """Token and URLs alike; where nobody does, what to set is said."""
    plan = staging(delivery, credentials=(IAM,), mailbox=mailbox, io_proxy=io_proxy)
    found = freshness(plan, Route(pool="p", delivery=delivery), ("herd",))
    assert [(each.kind, each.name, each.by) for each in found] == [
        ("credential", "iam", by),
        ("storage", "herd", by),
    ]
    assert all(text in each.text for each in found)
    assert all(("set mailbox" in each.text) is (by == "nobody") for each in found)


def test_what_others_keep_fresh() -> None:
    """The pool's own, and what is shown from here; the mailbox has nothing to do with these."""
    plan = staging(BUNDLE, "-in", "s3://raw/x", credentials=(POOLS, POOLS_TICKET, SHOWN))
    found = freshness(plan, Route(pool="p", delivery=BUNDLE), ())
    assert [(each.by, each.text) for each in found] == [
        ("credd", "refreshed by the pool's credd"),
        ("credd", "refreshed by the pool's credmon"),
        ("here", "refreshed here, from where it is shown to the site"),
    ]


def test_until_when_a_job_must_have_started() -> None:
    """A site may take it when half of the URL's life is over."""
    assert not unopened_note(20 * DAY, 10 * DAY)
    text = unopened_note(HOUR, 10 * DAY)
    assert "must start within 30 min after the site has taken it" in text
    assert "mailbox_public = true" in text


@pytest.mark.parametrize(
    ("said", "bucket", "prefix"),
    [
        ("herd:mail/", "mail", ""),
        ("herd:mail/hep/%{User}", "mail", "hep/alice/"),
        ("s3://mail/x/", "mail", "x/"),
    ],
)
def test_where_the_mailbox_is(said: str, bucket: str, prefix: str) -> None:
    """A bucket of its own, or a prefix in one; each user's own where the policy says so."""
    policy = make_policy(f"{STORE}[staging]\nmailbox = '{said}'\nmailbox_public = true\n")
    assert mailbox_of(policy, "alice") == Mailbox(
        storage="herd", bucket=bucket, prefix=prefix, public=True
    )


@pytest.mark.parametrize("said", ["/data/mail", "herd:mail/%{Group}"])
def test_a_mailbox_is_in_s3(said: str) -> None:
    """What is none is told with its line."""
    policy = make_policy(f"{STORE}[staging]\nmailbox = '{said}'\n")
    with pytest.raises(PolicyError, match=r"mailbox = .*test.toml line 5"):
        mailbox_of(policy, "alice")
    assert mailbox_of(make_policy(STORE), "alice") is None


def test_a_storage_that_a_later_items_path_stands_for_is_used() -> None:
    """Its URLs are signed anew, too."""
    policy = make_policy(f'{STORE}[storage.other]\nendpoint = "https://s3.example.net"\n')
    spec = make_spec("job.sh", "-list", "l", "-in", "/besfs/%{item}")
    plan = plan_staging(spec, policy, {}, cwd=Path("/w"), root="/b", delivery=BUNDLE)
    jobs = job_values(2, 0, ("a/x", "b/y"))
    mapped = replace(plan, paths=(("/besfs/a/", "herd:a/"), ("/besfs/b/", "other:b/")))
    assert used_storages(mapped, 2, jobs.__getitem__) == ("herd", "other")
    whole = replace(plan, paths=(("/besfs/", "herd:d/"),))
    assert used_storages(whole, 2, lambda _: jobs[0]) == ("herd",)
