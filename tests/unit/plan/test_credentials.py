"""Which credentials travel: what pool and site want, what -cred adds, what it drops."""

import pytest

from hepsub.errors import UsageError
from hepsub.plan.credentials import JobCredential, choose_credentials
from tests.fakes.world import make_policy

POLICY = """
[pool.local]
credentials = ["krb"]
[site.far]
requirements = "Far"
credentials = ["krb", "iam"]
[credential.other]
kind = "kerberos"
[credential.pushed]
delivery = "condor"
[credential.named]
delivery = "condor"
service = "hepiam"
[credential.made]
kind = "kerberos"
delivery = "condor"
"""
KRB = JobCredential(name="krb", kind="kerberos", file="krb5cc_1000")
IAM = JobCredential(name="iam", kind="token", file="iam.token")


def chosen(*words: str, sites: tuple[str, ...] = ()) -> tuple[JobCredential, ...]:
    """What travels to the pool `local`."""
    return choose_credentials(words, make_policy(POLICY), "local", sites, 1000)


def test_pool_and_site_want_theirs_and_each_goes_once() -> None:
    """The site's wishes are added to the pool's."""
    assert chosen() == (KRB,)
    assert chosen(sites=("far",)) == (KRB, IAM)


def test_cred_adds_and_none_drops() -> None:
    """`none` drops what the policy wants, not what the user names beside it."""
    assert chosen("iam") == (KRB, IAM)
    assert chosen("none") == ()
    assert chosen("none", "iam", sites=("far",)) == (IAM,)
    assert chosen("iam", "none") == (IAM,)


def test_what_condor_delivers_is_no_file() -> None:
    """The service is named after the credential where the policy does not say otherwise."""
    pushed, named = chosen("none", "pushed", "named")
    assert (pushed.file, pushed.service, pushed.by_condor) == ("", "pushed", True)
    assert named.service == "hepiam"
    made = chosen("none", "made")[0]
    assert (made.file, made.service, made.by_condor) == ("", "", True)


def test_a_second_ticket_is_refused() -> None:
    """KRB5CCNAME names one cache."""
    with pytest.raises(UsageError, match="one Kerberos ticket") as caught:
        chosen("other")
    assert "-cred none" in caught.value.remedy


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    """A typing error must not submit 10,000 jobs without their token."""
    with pytest.raises(UsageError, match="no credential 'iamm'") as caught:
        chosen("iamm")
    assert "iam" in caught.value.remedy


def test_several_in_one_word_are_refused_with_the_words_that_do() -> None:
    """krb,iam is what other programs take."""
    with pytest.raises(UsageError) as caught:
        chosen("krb,iam")
    assert caught.value.remedy == "one at a time: -cred krb -cred iam"
