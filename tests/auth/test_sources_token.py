"""The token as a credential, with a real oidc-agent and a real provider: each trouble has its words."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from hepsub.auth.token import TokenSource
from hepsub.errors import (
    AgentUnavailable,
    CredentialMissing,
    CredentialRefused,
    ProviderUnreachable,
)
from hepsub.policy.model import Credential
from hepsub.tools import oidc_agent
from hepsub.tools.oidc_agent import (
    NoAnswer,
    find_agent,
    known_accounts,
    loaded_accounts,
    start_agent,
)
from tests.testbed.openid import OpenId
from tests.testbed.users import Account

if TYPE_CHECKING:
    from tests.testbed.agent import Agent


@pytest.fixture
def agent(openid: OpenId, host_alice: Account) -> Iterator[Agent]:
    """An agent of hepalice with an account of alice."""
    found = openid.agent(host_alice)
    yield found
    host_alice.run(["kill", "-KILL", found.environment["OIDCD_PID"]])


@pytest.fixture
def source(agent: Agent, openid: OpenId) -> TokenSource:
    """The tokens of the agent."""
    return TokenSource(
        name="iam",
        policy=Credential(issuer=openid.issuer),
        environment=agent.environment | openid.environment | {"XDG_RUNTIME_DIR": "/nonexistent"},
        uid=agent.account.uid,
    )


def asking(source: TokenSource, **policy: Any) -> TokenSource:
    """The source with another policy."""
    return replace(source, policy=replace(source.policy, **policy))


def test_a_token(source: TokenSource, openid: OpenId) -> None:
    held = source.obtain(300)
    assert held.who == f"alice at {openid.issuer}"
    assert held.lifetime.left(time.time()) > 300
    assert held.lifetime.renewable_until is None
    assert held.note == ""
    assert source.obtain(300).content == held.content, "it is the same while it lives"


def test_a_token_for_an_audience_with_scopes(source: TokenSource) -> None:
    wanted = asking(source, audience="https://s3.test.hep", scopes=("storage.read:/",))
    held = wanted.obtain(300)
    assert held.content != source.obtain(300).content


def test_a_renewed_token_lives_longer(source: TokenSource, openid: OpenId) -> None:
    openid.lives_s(access=20)
    held = source.renew(source.obtain(7200))
    time.sleep(3)
    renewed = source.renew(held)
    assert (renewed.lifetime.expires or 0) >= (held.lifetime.expires or 0) + 2


def test_a_scope_that_the_account_does_not_have(source: TokenSource) -> None:
    with pytest.raises(CredentialRefused, match="scopes that were asked for") as caught:
        asking(source, scopes=("nonsense.scope",)).obtain(0)
    assert caught.value.remedy


def test_an_account_of_another_provider(source: TokenSource) -> None:
    with pytest.raises(CredentialRefused, match="not of https://other"):
        asking(source, issuer="https://other.example.org").obtain(0)


def test_no_agent_at_all(source: TokenSource, tmp_path: Path) -> None:
    environment = {"TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": "/nonexistent"}
    with pytest.raises(AgentUnavailable, match=r"\$OIDC_SOCK is not set") as caught:
        replace(source, environment=environment).obtain(0)
    assert "oidc-agent-service use" in caught.value.remedy


def test_an_agent_that_has_ended(source: TokenSource, agent: Agent, tmp_path: Path) -> None:
    environment = dict(source.environment) | {"TMPDIR": str(tmp_path)}
    agent.stop()
    with pytest.raises(AgentUnavailable, match=r"nobody answers at|does not answer"):
        replace(source, environment=environment).obtain(0)


def test_an_agent_that_is_locked(source: TokenSource, agent: Agent) -> None:
    agent.lock()
    try:
        with pytest.raises(AgentUnavailable, match="locked") as caught:
            source.obtain(0)
        assert "oidc-add -X" in caught.value.remedy
    finally:
        agent.unlock()
    assert source.obtain(0)


def test_an_account_that_is_not_loaded(source: TokenSource, agent: Agent) -> None:
    assert loaded_accounts(source.environment, source.uid) == ("iam",)
    agent.unload()
    assert loaded_accounts(source.environment, source.uid) == ()
    assert known_accounts(source.environment, source.uid) == ("iam",)
    with pytest.raises(AgentUnavailable, match="has not loaded the account iam") as caught:
        source.obtain(0)
    assert "oidc-add iam" in caught.value.remedy


def test_an_account_that_is_not_there(source: TokenSource) -> None:
    with pytest.raises(CredentialMissing, match="no account nobody") as caught:
        asking(source, account="nobody").obtain(0)
    assert "hep_auth login" in caught.value.remedy


def test_a_dead_refresh_token(source: TokenSource, openid: OpenId) -> None:
    held = source.obtain(0)
    assert openid.revoke("alice")
    with pytest.raises(CredentialRefused, match="no longer accepts the refresh token") as caught:
        source.renew(held)
    assert "oidc-gen iam --reauthenticate" in caught.value.remedy


def test_a_provider_that_is_down(source: TokenSource, openid: OpenId) -> None:
    held = source.obtain(0)
    openid.stop()
    with pytest.raises(ProviderUnreachable, match="does not answer"):
        source.renew(held)
    assert source.obtain(0).content == held.content, "what the agent has is good"
    openid.start()
    assert source.renew(held)


def test_a_provider_that_is_silent(
    source: TokenSource, openid: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_agent, "TOKEN_S", 3.0)
    held = source.obtain(0)
    openid.freeze()
    begin = time.monotonic()
    with pytest.raises(ProviderUnreachable, match=openid.issuer):
        source.renew(held)
    assert time.monotonic() - begin < 15


def test_a_dead_refresh_token_of_an_agent_that_waits_for_its_user(
    source: TokenSource, agent: Agent, openid: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent as everybody starts it begins a new login by itself, and lets oidc-token hang."""
    agent.stop()
    done = agent.account.run(["oidc-agent", "--no-autoload"], env=agent.environment)
    agent.variables |= dict(re.findall(r"\b(OIDC_SOCK|OIDCD_PID)=([^;\s]+)", done.stdout))
    agent.load()
    waiting = replace(source, environment=dict(source.environment) | agent.environment)
    held = waiting.obtain(0)
    openid.revoke("alice")
    monkeypatch.setattr(oidc_agent, "TOKEN_S", 5.0)
    begin = time.monotonic()
    with pytest.raises(CredentialRefused) as caught:
        waiting.renew(held)
    assert time.monotonic() - begin < 20
    assert type(caught.value) in {NoAnswer, CredentialRefused}
    assert "oidc-gen iam --reauthenticate" in caught.value.remedy


def test_a_clock_that_is_behind_or_ahead(source: TokenSource) -> None:
    late = replace(source, clock=lambda: time.time() - 7200)
    with pytest.raises(CredentialRefused, match="clock is behind the provider"):
        late.obtain(0)
    early = replace(source, clock=lambda: time.time() + 7200)
    with pytest.raises(CredentialRefused, match="clock is ahead of the provider"):
        early.obtain(0)


def test_a_token_that_lies_there(source: TokenSource, openid: OpenId, agent: Agent) -> None:
    token = openid.token(audience="https://other.test.hep")
    environment = dict(source.environment) | {"BEARER_TOKEN": token}
    shell = replace(source, environment=environment, for_shell=True)
    assert shell.obtain(0).text == token
    assert asking(shell, audience="https://s3.test.hep").obtain(0).text != token
    agent.unload()
    jobs = replace(source, environment=environment)
    assert jobs.obtain(0).text == token
    with pytest.raises(AgentUnavailable, match=r"not loaded.*\$BEARER_TOKEN is meant for"):
        asking(jobs, audience="https://s3.test.hep").obtain(0)


def test_the_service_is_started_once_and_found_without_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    environment = {"TMPDIR": str(tmp_path), "OIDC_CONFIG_DIR": str(tmp_path)}
    assert find_agent(environment, os.getuid()) is None
    begin = time.monotonic()
    first = start_agent(environment, os.getuid())
    try:
        assert time.monotonic() - begin < 5
        assert start_agent(environment, os.getuid()) == first
        assert find_agent(environment, os.getuid()) == first
    finally:
        pid = next(tmp_path.glob("oidc-agent-service*/**/*.pid"))
        os.kill(int(pid.read_text()), 9)
