"""Credentials that the pool delivers: which credd gets what, without a pool."""

from __future__ import annotations

import pytest

from hepsub.condor.bindings import missing_configuration, show_token
from hepsub.condor.credd import store_credential
from hepsub.errors import PoolError, PoolUnreachable
from hepsub.plan.credentials import JobCredential
from tests.fakes.htcondor import AdType, CredType, FakeBindings, put_in_place

HERE = {"Name": "ap", "Machine": "ap.test.hep", "MyAddress": "<127.0.0.1:1>"}
TOKEN = JobCredential(name="iam", kind="token", file="", service="wlcg")
TICKET = JobCredential(name="krb", kind="kerberos", file="")


@pytest.fixture
def htcondor(monkeypatch: pytest.MonkeyPatch) -> FakeBindings:
    """Give bindings in memory with one credd, on the schedd's host."""
    return put_in_place(
        monkeypatch,
        FakeBindings(daemons={AdType.Credd: [{**HERE, "Machine": "other.test.hep"}, HERE]}),
    )


def no_producer(command: str, _: bytes) -> bytes:
    """Where no SEC_CREDENTIAL_PRODUCER is configured none is run."""
    raise AssertionError(command)


def test_a_token_goes_to_the_credd_of_the_schedds_host(htcondor: FakeBindings) -> None:
    store_credential(TOKEN, b"secret", "ap.test.hep", "cm:9618", no_producer)
    assert htcondor.calls == [
        ("collector", "cm:9618", AdType.Credd, ("Name", "Machine", "MyAddress")),
        ("add_user_service_cred", CredType.OAuth, b"secret", "wlcg", False),
    ]


@pytest.mark.parametrize(
    ("producer", "stored"), [("", b"cache"), ("/bin/make", b"/bin/make made of cache")]
)
def test_a_ticket_is_what_the_producer_makes_of_it(
    htcondor: FakeBindings, producer: str, stored: bytes
) -> None:
    htcondor.param["SEC_CREDENTIAL_PRODUCER"] = producer
    store_credential(
        TICKET,
        b"cache",
        "ap.test.hep",
        "",
        lambda command, cache: f"{command} made of ".encode() + cache,
    )
    assert htcondor.calls[-1] == ("add_user_cred", CredType.Kerberos, stored)


def test_a_ticket_that_somebody_else_stores_is_left_to_them(htcondor: FakeBindings) -> None:
    htcondor.param["SEC_CREDENTIAL_PRODUCER"] = "CREDENTIAL_ALREADY_STORED"
    store_credential(TICKET, b"cache", "ap.test.hep", "", no_producer)
    assert htcondor.names() == ["collector"]


@pytest.mark.parametrize("ads", [[], [{**HERE, "MyAddress": ""}], [{**HERE, "Machine": "b"}]])
def test_a_host_without_a_credd_is_told_with_the_way_out(
    htcondor: FakeBindings, ads: list[dict[str, str]]
) -> None:
    htcondor.daemons[AdType.Credd] = list(ads)
    with pytest.raises(
        PoolError, match=r"credential iam .*: ap\.test\.hep runs no credd"
    ) as caught:
        store_credential(TOKEN, b"secret", "ap.test.hep", "", no_producer)
    assert caught.value.remedy == 'set delivery = "file" in [credential.iam] of the policy'


def test_a_collector_that_does_not_answer_is_named(htcondor: FakeBindings) -> None:
    """Not the schedd, which is well."""
    htcondor.fails("collector", "no answer")
    with pytest.raises(PoolUnreachable, match="the collector cm does not answer"):
        store_credential(TOKEN, b"secret", "ap.test.hep", "cm", no_producer)


def test_a_credd_that_keeps_no_tickets_is_told_of(htcondor: FakeBindings) -> None:
    htcondor.fails("add_user_cred", "Communication error: configuration error")
    with pytest.raises(PoolError, match="keeps no tickets"):
        store_credential(TICKET, b"cache", "ap.test.hep", "", no_producer)
    htcondor.fails("add_user_cred", "no answer")
    with pytest.raises(htcondor.HTCondorException, match="no answer"):
        store_credential(TICKET, b"cache", "ap.test.hep", "", no_producer)


@pytest.mark.parametrize(
    "name", ["SEC_CLIENT_AUTHENTICATION_METHODS", "SEC_DEFAULT_AUTHENTICATION_METHODS"]
)
def test_a_token_is_shown_once_and_the_methods_allow_it(
    htcondor: FakeBindings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The client shows only what its configuration names; one that names nothing allows all."""
    monkeypatch.setattr("hepsub.situation._OWN", {})
    monkeypatch.setenv("BEARER_TOKEN", "the user's")
    htcondor.param[name] = "IDTOKENS, FS"
    assert show_token("t-1")
    assert not show_token("t-1")
    assert show_token("t-2")
    assert htcondor.param == {name: "IDTOKENS, FS, SCITOKENS"}


def test_a_token_that_is_in_the_environment_already_needs_the_method(
    htcondor: FakeBindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever exports BEARER_TOKEN has shown nothing yet where the configuration lets the client not try it."""
    name = "SEC_CLIENT_AUTHENTICATION_METHODS"
    monkeypatch.setattr("hepsub.situation._OWN", {})
    monkeypatch.setenv("BEARER_TOKEN", "t-1")
    htcondor.param[name] = "IDTOKENS, FS"
    assert show_token("t-1")
    assert htcondor.param == {name: "IDTOKENS, FS, SCITOKENS"}
    assert not show_token("t-1")


@pytest.mark.parametrize(
    ("named", "missing"),
    [("", ""), ("ONLY_ENV", ""), ("/dev/null/x", "/dev/null/x"), (__file__, "")],
)
def test_a_configuration_that_is_away_is_named(
    monkeypatch: pytest.MonkeyPatch, named: str, missing: str
) -> None:
    monkeypatch.setenv("CONDOR_CONFIG", named)
    assert missing_configuration() == missing
