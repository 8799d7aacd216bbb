"""Tokens: which source is asked, what is accepted of it, and what is said when it is not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.auth import token as module
from hepsub.auth.bearer import discover, read_token
from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.auth.token import TokenSource
from hepsub.errors import (
    AgentUnavailable,
    CredentialExpired,
    CredentialMissing,
    CredentialRefused,
    HepsubError,
    ProviderUnreachable,
)
from hepsub.policy.model import TOKEN, Credential
from hepsub.tools.oidc_agent import AgentToken, NoAnswer, Request
from tests.fakes.programs import Programs
from tests.fakes.tokens import jwt

NOW = 1_700_000_000.0
UID = os.getuid()
ISSUER = "https://iam.example.org"
LOCKED = AgentUnavailable("oidc-agent is locked", remedy="oidc-add -X")


def good(*, life: float = 3600, **claims: object) -> str:
    """A token that is valid now."""
    usual: dict[str, object] = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "https://wlcg.cern.ch/jwt/v1/any",
        "scope": "compute.read storage.read:/",
        "nbf": NOW - 60,
        "exp": NOW + life,
        "wlcg_ver": "1.0",
    }
    return jwt(**(usual | claims))


@dataclass
class FakeAgent:
    """An oidc-agent that gives what a test wants, and notes what it was asked."""

    answer: str | HepsubError = LOCKED
    issuer: str = ISSUER
    expires: float | None = None
    asked: list[Request] = field(default_factory=list)

    def ask(self, request: Request, _environment: Mapping[str, str], _uid: int) -> AgentToken:
        self.asked.append(request)
        if isinstance(self.answer, HepsubError):
            raise self.answer
        return AgentToken(token=self.answer, issuer=self.issuer, expires=self.expires)


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> FakeAgent:
    """The agent of this test."""
    fake = FakeAgent()
    monkeypatch.setattr(module, "ask_token", fake.ask)
    monkeypatch.setattr(module, "find_agent", lambda _environment, _uid: "/socket")
    return fake


@pytest.fixture
def lying(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Put a token where tokens lie, and give the environment in which it is found."""

    def put(token: str) -> dict[str, str]:
        (tmp_path / "bt").write_text(f"  {token}\n")
        return {"BEARER_TOKEN_FILE": str(tmp_path / "bt")}

    return put


def source(
    policy: Credential | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    for_shell: bool = False,
) -> TokenSource:
    return TokenSource(
        name="iam",
        policy=policy or Credential(),
        environment={"XDG_RUNTIME_DIR": "/nonexistent", **(environment or {})},
        uid=999_999,  # whose /tmp/bt_u999999 nobody has
        for_shell=for_shell,
        clock=lambda: NOW,
    )


# ---- what a token is --------------------------------------------------------------------------


def test_a_jwt_tells_whose_it_is_and_how_long_it_lives() -> None:
    held = read_token("iam", f" {good()}\n".encode())
    assert held.lifetime == Lifetime(expires=NOW + 3600, renewable_until=None, since=NOW - 60)
    assert held.who == f"alice at {ISSUER}"
    assert (held.kind, held.text) == (TOKEN, good())


def test_an_opaque_token_tells_nothing() -> None:
    held = read_token("iam", b"opaque")
    assert held.lifetime == Lifetime(expires=None, renewable_until=None)
    assert held.who == ""


@pytest.mark.parametrize("content", [b"", b"Error: no token", b"\xff\xfe"])
def test_other_bytes_are_no_token(content: bytes) -> None:
    with pytest.raises(CredentialMissing, match="not a token"):
        read_token("iam", content)


NONSENSE: dict[str, object] = {
    "10**30": 10**30,
    "10**400": 10**400,
    "after 9999": 253_402_300_800,
    "below zero": -1,
    "a text": "1700000000",
    "a list": [1],
    "a truth": True,
    "infinity": float("inf"),
    "no number": float("nan"),
}


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE)
def test_a_token_of_a_time_that_has_no_date_is_none(claim: str, value: object) -> None:
    with pytest.raises(CredentialMissing, match=r"makes no sense \(") as caught:
        read_token("iam", jwt(**{claim: value}).encode())
    assert "iam" in caught.value.remedy


def test_a_token_is_no_larger_than_what_a_server_takes() -> None:
    read_token("iam", b"a" * 2**16)
    with pytest.raises(CredentialMissing, match="not a token"):
        read_token("iam", b"a" * (2**16 + 1))


# ---- discovery --------------------------------------------------------------------------------


def test_discovery_takes_the_first(tmp_path: Path) -> None:
    for place in ("file", "runtime", "tmp"):
        (tmp_path / place).mkdir()
    (tmp_path / "file/t").write_text("of-file")
    (tmp_path / f"runtime/bt_u{UID}").write_text("\v\f of-runtime\r\n")
    (tmp_path / f"tmp/bt_u{UID}").write_text("of-tmp")
    environment = {
        "BEARER_TOKEN": "of-variable",
        "BEARER_TOKEN_FILE": str(tmp_path / "file/t"),
        "XDG_RUNTIME_DIR": str(tmp_path / "runtime"),
    }
    found = []
    for _ in range(4):
        token = discover("iam", environment, UID, tmp_path / "tmp")
        assert token is not None
        found.append(token.content)
        environment.pop(next(iter(environment), ""), None)
    assert found == [b"of-variable", b"of-file", b"of-runtime", b"of-tmp"]


def test_discovery_passes_over_what_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / f"bt_u{UID}").write_text("found")
    environment = {
        "BEARER_TOKEN": " ",
        "BEARER_TOKEN_FILE": str(tmp_path / "empty"),
        "XDG_RUNTIME_DIR": "/nonexistent",
    }
    token = discover("iam", environment, UID, tmp_path)
    assert token is not None
    assert token.content == b"found"
    assert token.origin == str(tmp_path / f"bt_u{UID}")


def test_discovery_stops_at_what_is_no_token(tmp_path: Path) -> None:
    (tmp_path / f"bt_u{UID}").write_text("found")
    with pytest.raises(CredentialMissing, match=r"what is in \$BEARER_TOKEN is not a token"):
        discover("iam", {"BEARER_TOKEN": "two words"}, UID, tmp_path)


def test_discovery_does_not_wait_for_a_named_pipe(tmp_path: Path) -> None:
    """Anybody may make one in /tmp: no command of its owner's may hang for it."""
    os.mkfifo(tmp_path / f"bt_u{UID}")

    def too_long(*_: object) -> None:
        raise RuntimeError("it waits")  # an OSError would look like a missing file

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(5)
    try:
        assert discover("iam", {}, UID, tmp_path) is None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_discovery_does_not_trust_somebody_elses_file(tmp_path: Path) -> None:
    (tmp_path / f"bt_u{UID + 1}").write_text("planted")
    assert discover("iam", {}, UID + 1, tmp_path) is None


def test_nothing_lies_anywhere(tmp_path: Path) -> None:
    assert discover("iam", {}, UID, tmp_path) is None


# ---- oidc-agent -------------------------------------------------------------------------------


def test_the_agent_is_asked_for_what_the_policy_says(agent: FakeAgent) -> None:
    agent.answer = good(aud="a")
    policy = Credential(
        account="wlcg", audience="a", scopes=("storage.read:/cms",), issuer=f"{ISSUER}/"
    )
    held = source(policy).obtain(300)
    assert agent.asked == [
        Request(account="wlcg", seconds=300, audience="a", scopes=("storage.read:/cms",))
    ]
    assert held.text == agent.answer
    assert held.origin == "oidc-agent's account wlcg"
    assert held.lifetime.renewable_until is None
    assert held.note == ""


def test_the_account_has_the_credentials_name(agent: FakeAgent) -> None:
    agent.answer = good()
    source().obtain(0)
    assert agent.asked[0].account == "iam"


def test_the_agent_knows_when_an_opaque_token_ends(agent: FakeAgent) -> None:
    agent.answer, agent.expires = "opaque", NOW + 50
    assert source().obtain(0).lifetime.expires == NOW + 50


def test_what_a_token_says_of_its_end_counts_more_than_what_the_agent_says(
    agent: FakeAgent,
) -> None:
    agent.answer, agent.expires = good(life=100), NOW + 50
    assert source().obtain(0).lifetime.expires == NOW + 100


def test_the_end_of_an_opaque_token_may_be_unknown(agent: FakeAgent) -> None:
    agent.answer = "opaque"
    lifetime = source().obtain(0).lifetime
    assert (lifetime.expires, lifetime.renewable_until) == (None, None)


@pytest.mark.parametrize(
    ("token", "policy", "why"),
    [
        (good(aud="b"), Credential(audience="a"), "is meant for b, not for a"),
        (good(), Credential(scopes=("compute.create",)), r"does not allow compute\.create"),
        (good(iss="https://x"), Credential(issuer=ISSUER), "is from https://x, not from"),
        (good(life=-1), Credential(), "had ended when it was given.*clock is ahead"),
        (good(nbf=NOW + 600), Credential(), "not valid for another 10 min.*clock is behind"),
    ],
)
def test_a_token_that_is_not_the_one_wanted_is_not_passed_on(
    agent: FakeAgent, token: str, policy: Credential, why: str
) -> None:
    agent.answer = token
    with pytest.raises(CredentialRefused, match=why) as caught:
        source(policy).obtain(0)
    assert caught.value.remedy
    assert token not in caught.value.message


def test_an_account_of_another_provider_is_refused(agent: FakeAgent) -> None:
    agent.answer, agent.issuer = "opaque", "https://other"
    with pytest.raises(CredentialRefused, match=r"one of https://other, not of https://iam"):
        source(Credential(issuer=ISSUER)).obtain(0)


def test_clocks_that_differ_a_little_are_no_matter(agent: FakeAgent) -> None:
    agent.answer = good(nbf=NOW + 30)
    assert source().obtain(0)


def test_a_token_without_wlcgs_profile_is_noted(agent: FakeAgent) -> None:
    agent.answer = good(wlcg_ver=None)
    assert source().obtain(0).note == ""
    assert "no wlcg.ver" in source(Credential(login_scopes=("openid", "wlcg"))).obtain(0).note


def test_no_answer_is_the_providers_silence_where_it_is_silent(
    agent: FakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.answer = NoAnswer("oidc-agent gave no token", remedy="oidc-gen iam --reauthenticate")
    monkeypatch.setattr(module, "_is_silent", lambda _issuer: True)
    with pytest.raises(ProviderUnreachable) as caught:
        source(Credential(issuer=ISSUER)).obtain(0)
    assert caught.value.message == f"the provider {ISSUER} does not answer"
    assert caught.value.remedy == "try again later"
    monkeypatch.setattr(module, "_is_silent", lambda _issuer: False)
    with pytest.raises(NoAnswer):
        source(Credential(issuer=ISSUER)).obtain(0)


# ---- a token that lies somewhere --------------------------------------------------------------


def test_for_jobs_a_token_that_lies_there_is_the_last_resort(
    agent: FakeAgent, lying: Callable[[str], dict[str, str]]
) -> None:
    environment = lying(good(life=100))
    held = source(environment=environment).obtain(300)
    assert agent.asked, "the agent is asked first"
    assert held.lifetime.renewable_until == held.lifetime.expires == NOW + 100
    assert held.note == "nothing renews it, because oidc-agent is locked"
    agent.answer = good(sub="agent")
    assert source(environment=environment).obtain(300).who.startswith("agent")


def test_a_token_that_lies_there_and_does_not_fit_is_told_of(
    agent: FakeAgent, lying: Callable[[str], dict[str, str]]
) -> None:
    environment = lying(good(aud="b"))
    with pytest.raises(AgentUnavailable, match=r"is locked; and the token in .* is meant for b"):
        source(Credential(audience="a"), environment).obtain(0)


def test_a_token_that_lies_there_and_has_ended_is_told_of(
    agent: FakeAgent, lying: Callable[[str], dict[str, str]]
) -> None:
    with pytest.raises(AgentUnavailable, match=r"is locked; and the token in .* ended at"):
        source(environment=lying(good(life=-5))).obtain(0)


def test_what_lies_there_and_is_no_token_does_not_hide_what_is_wrong_with_the_agent(
    agent: FakeAgent, lying: Callable[[str], dict[str, str]]
) -> None:
    with pytest.raises(
        AgentUnavailable, match=r"is locked; and what is in .* is not a token"
    ) as caught:
        source(environment=lying("two words")).obtain(0)
    assert caught.value.remedy == LOCKED.remedy


def test_in_a_shell_the_token_that_lies_there_comes_first(
    agent: FakeAgent, lying: Callable[[str], dict[str, str]]
) -> None:
    environment = lying(good())
    assert source(environment=environment, for_shell=True).obtain(300).text == good()
    assert not agent.asked


@pytest.mark.parametrize("unfit", [good(aud="b"), good(life=200), good(scope="x")])
def test_in_a_shell_the_agent_comes_next(
    agent: FakeAgent, lying: Callable[[str], dict[str, str]], unfit: str
) -> None:
    agent.answer = good(sub="agent")
    policy = Credential(audience="a", scopes=("compute.read",))
    held = source(policy, lying(unfit), for_shell=True).obtain(300)
    assert held.who.startswith("agent")


def test_nothing_anywhere_is_the_agents_trouble(agent: FakeAgent) -> None:
    agent.answer = CredentialMissing(
        "oidc-agent knows no account iam", remedy="hep_auth login -iam"
    )
    with pytest.raises(CredentialMissing, match="no account iam"):
        source().obtain(0)


def test_looking_asks_nobody(
    agent: FakeAgent,
    lying: Callable[[str], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = lying(good())
    assert source(environment=environment).look() is None, "the agent gives better ones"
    shell = source(environment=environment, for_shell=True).look()
    assert shell is not None
    monkeypatch.setattr(module, "find_agent", lambda _environment, _uid: None)
    found = source(environment=environment).look()
    assert found is not None
    assert found.lifetime.renewable_until == found.lifetime.expires
    assert source(Credential(audience="a"), lying(good(aud="b"))).look() is None
    assert source().look() is None
    assert not agent.asked


# ---- renewal ----------------------------------------------------------------------------------


def held(life: float | None) -> UserCredential:
    expires = None if life is None else NOW + life
    lifetime = Lifetime(expires=expires, renewable_until=None)
    return UserCredential(name="iam", kind=TOKEN, who="", lifetime=lifetime, content=b"old")


@pytest.mark.parametrize(("life", "seconds"), [(100, 105), (-100, 5), (None, 600)])
def test_a_renewed_token_has_to_live_longer(
    agent: FakeAgent, life: float | None, seconds: float
) -> None:
    agent.answer = good()
    assert source().renew(held(life)).text == good()
    assert agent.asked[0].seconds == seconds


def test_what_was_found_cannot_be_renewed(
    agent: FakeAgent, lying: Callable[[str], dict[str, str]]
) -> None:
    environment = lying(good(life=100))
    found = source(environment=environment).obtain(0)
    with pytest.raises(CredentialExpired, match=r"nothing gives a new one.*oidc-agent is locked"):
        source(environment=environment).renew(found)
    renewed = source(environment=lying(good(life=900))).renew(found)
    assert renewed.lifetime.expires == NOW + 900, "somebody else put a new one there"


# ---- a command of the policy ------------------------------------------------------------------


COMMAND = Credential(command=("vault", "read", "-field=token", "iam"))


def test_a_command_gives_the_token(agent: FakeAgent, programs: Programs) -> None:
    programs.add("vault", f"echo {good()}")
    policy = replace(COMMAND, audience="a", scopes=("compute.read", "storage.read:/"))
    given = source(policy).obtain(300)
    assert given.text == good()
    assert given.origin == "the command vault"
    assert programs.words("vault") == ["read", "-field=token", "iam"]
    environment = programs.environment("vault")
    assert environment["HEPSUB_AUDIENCE"] == "a"
    assert environment["HEPSUB_SCOPES"] == "compute.read storage.read:/"
    assert environment["HEPSUB_SECONDS"] == "300"
    assert not agent.asked


def test_a_command_that_fails_is_not_passed_over(
    programs: Programs, lying: Callable[[str], dict[str, str]]
) -> None:
    programs.add("vault", f"echo denied {good()} >&2; exit 2")
    with pytest.raises(
        CredentialRefused, match=r"vault.*failed with exit code 2: denied"
    ) as caught:
        source(COMMAND, lying(good())).obtain(0)
    assert good() not in caught.value.message


def test_a_command_that_prints_more_than_a_token(programs: Programs) -> None:
    programs.add("vault", f"echo your token:; echo {good()}")
    with pytest.raises(CredentialRefused, match="not a token") as caught:
        source(COMMAND).obtain(0)
    assert good() not in caught.value.message + caught.value.remedy
    assert "`command` in [credential.iam]" in caught.value.remedy


def test_a_token_that_makes_no_sense_is_not_passed_on(agent: FakeAgent, programs: Programs) -> None:
    programs.add("vault", f"echo {good(exp=10**30)}")
    with pytest.raises(CredentialRefused, match=r"the command vault gave something else: .*exp"):
        source(COMMAND).obtain(0)
    agent.answer = good(exp=10**30)
    with pytest.raises(CredentialRefused, match="oidc-agent's account iam gave something else"):
        source().obtain(0)


def test_a_command_that_never_ends(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMAND_S", 0.5)
    programs.add("vault", "exec sleep 30")
    with pytest.raises(ProviderUnreachable, match="did not end within"):
        source(COMMAND).obtain(0)


def test_the_origin_of_a_command_is_its_name() -> None:
    assert source(COMMAND).origin == "the command vault"
