"""oidc-agent: where it is found, what is asked of it, and what each of its refusals means."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.errors import (
    AgentUnavailable,
    CredentialMissing,
    CredentialRefused,
    HepsubError,
    ProviderUnreachable,
)
from hepsub.tools import oidc_agent
from hepsub.tools.oidc_agent import (
    NoAnswer,
    Request,
    ask_token,
    find_agent,
    known_accounts,
    start_agent,
)
from hepsub.tools.trouble import refusal
from tests.fakes.programs import Programs

UID = os.getuid()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A socket at which somebody listens."""
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield str(path)


def test_the_agent_of_the_environment_is_found(address: str) -> None:
    assert find_agent({"OIDC_SOCK": address}, UID) == address


@pytest.mark.parametrize("place", ["oidc-agent-service-{}", "oidc-agent-service/{}"])
def test_the_agent_of_the_service_is_found(place: str) -> None:
    with tempfile.TemporaryDirectory() as short:  # a socket's path has at most 107 letters
        _found_in(Path(short), place)


def _found_in(directory: Path, place: str) -> None:
    path = directory / place.format(UID) / "oidc-agent.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        environment = {"TMPDIR": str(directory), "OIDC_SOCK": "/nonexistent"}
        assert find_agent(environment, UID) == str(path)
    assert find_agent(environment, UID) is None, "the socket is there, and nobody listens"


def test_somebody_elses_agent_is_not_mine(address: str, tmp_path: Path) -> None:
    assert find_agent({"OIDC_SOCK": address, "TMPDIR": str(tmp_path)}, UID + 1) is None


def test_a_file_is_no_agent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {"OIDC_SOCK": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    assert find_agent(environment, UID) is None


def test_a_token_is_asked_for(programs: Programs, address: str) -> None:
    programs.add("oidc-token", "printf 'abc\\nhttps://iam.example.org/\\n1700000000\\n'")
    request = Request(account="iam", seconds=300, audience="a", scopes=("x", "y:/"))
    given = ask_token(request, {"OIDC_SOCK": address, "OIDC_CONFIG_DIR": "/c", "SECRET": "1"}, UID)
    assert (given.token, given.issuer, given.expires) == ("abc", "https://iam.example.org", 1.7e9)
    assert "abc" not in repr(given)
    words = ["--all", "--name=hepsub", "--time=300", "--aud=a", "--scope=x y:/", "iam"]
    assert programs.words("oidc-token") == words
    environment = programs.environment("oidc-token")
    assert (environment["OIDC_SOCK"], environment["OIDC_CONFIG_DIR"]) == (address, "/c")


def test_only_what_is_wanted_is_asked_for(programs: Programs, address: str) -> None:
    programs.add("oidc-token", "printf 'abc\\nhttps://iam.example.org/\\n0\\n'")
    given = ask_token(Request(account="iam", seconds=0.4), {"OIDC_SOCK": address}, UID)
    assert programs.words("oidc-token") == ["--all", "--name=hepsub", "--time=0", "iam"]
    assert given.expires is None


def test_nothing_is_no_token(programs: Programs, address: str) -> None:
    programs.add("oidc-token", "echo")
    with pytest.raises(CredentialRefused, match="gave nothing"):
        ask_token(Request(account="iam"), {"OIDC_SOCK": address}, UID)


@pytest.mark.parametrize(
    "printed",
    [
        "abc\\nhttps://i\\n" + "9" * 5000 + "\\n",
        "abc\\nhttps://i\\n\\302\\262\\n",
        "abc\\nhttps://i\\n1e999\\n",
        "abc\\nhttps://i\\n-5\\n",
        "abc\\nhttps://i\\nnever\\n",
        "abc\\n" + "i" * 3000 + "\\n0\\n",
        "abc\\nhttps://\\033[2J\\n0\\n",
    ],
)
def test_what_an_agent_says_is_held_to_its_form(
    printed: str, programs: Programs, address: str
) -> None:
    programs.add("oidc-token", f"printf '{printed}'")
    with pytest.raises(CredentialRefused, match="something else than a token, its issuer"):
        ask_token(Request(account="iam"), {"OIDC_SOCK": address}, UID)


def test_an_agent_that_writes_without_end_is_ended(programs: Programs, address: str) -> None:
    programs.add("oidc-token", "exec cat /dev/zero")
    with pytest.raises(HepsubError, match="oidc-token wrote more than 16 MB"):
        ask_token(Request(account="iam"), {"OIDC_SOCK": address}, UID)


def test_an_agent_that_waits_for_somebody_is_not_waited_for(
    programs: Programs, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_agent, "TOKEN_S", 0.5)
    programs.add("oidc-token", "exec sleep 30")
    with pytest.raises(NoAnswer, match="refresh token has ended") as caught:
        ask_token(Request(account="iam"), {"OIDC_SOCK": address}, UID)
    assert "oidc-gen iam --reauthenticate" in caught.value.remedy


def test_without_an_agent_nothing_is_started(programs: Programs, tmp_path: Path) -> None:
    programs.add("oidc-token", "echo abc")
    for environment, why in (
        ({}, r"\$OIDC_SOCK is not set"),
        ({"OIDC_SOCK": "/nonexistent"}, r"nobody answers at \$OIDC_SOCK \(/nonexistent\)"),
    ):
        with pytest.raises(AgentUnavailable, match=why) as caught:
            ask_token(Request(account="iam"), {"TMPDIR": str(tmp_path), **environment}, UID)
        assert "oidc-agent-service use" in caught.value.remedy
    assert not programs.was_called("oidc-token")


def test_without_the_program_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AgentUnavailable, match="oidc-agent is not installed"):
        ask_token(Request(account="iam"), {"OIDC_SOCK": address}, UID)


INVALID_GRANT = """Error: invalid_grant: grant request is invalid
Most likely the refresh token expired. To create a new one, just run:
\t$ oidc-gen hep --reauthenticate"""
INVALID_SCOPE = """Error: invalid_scope: refresh token missing requested scope
We cannot get these scopes with the current configuration."""


@pytest.mark.parametrize(
    ("told", "error", "message", "remedy"),
    [
        ("Error: did not receive any response", AgentUnavailable, "does not answer", "oidc-agent-service use"),
        ("Error: Agent locked", AgentUnavailable, "is locked", "oidc-add -X"),
        ("Error: account not loaded", AgentUnavailable, "not loaded the account iam", "oidc-add iam"),
        ("Error: No account configured with that short name", CredentialMissing, "no account iam", "hep_auth login"),
        (INVALID_GRANT, CredentialRefused, "refresh token of the account iam", "oidc-gen iam --reauthenticate"),
        (INVALID_SCOPE, CredentialRefused, "scopes", "administrators"),
        ("Error: invalid_target: no such resource", CredentialRefused, "audience", "[storage.NAME]"),
        ("Error: invalid_client: unknown", CredentialRefused, "client", "oidc-gen --delete iam"),
        ("Error: the other party disconnected", ProviderUnreachable, "does not answer", "later"),
        ("Error: error with ssl cert", ProviderUnreachable, "certificate", "--cp"),
        ("Error: something new", CredentialRefused, "something new", "oidc-token iam"),
        ("", CredentialRefused, "no reason given", "oidc-token iam"),
    ],
)  # fmt: skip
def test_a_refusal_has_a_cause_and_a_remedy(
    told: str, error: type[HepsubError], message: str, remedy: str
) -> None:
    found = refusal(told, "iam")
    assert type(found) is error
    assert message in found.message
    assert remedy in found.remedy
    assert "\n" not in found.message


@pytest.mark.parametrize(
    ("account", "error"), [("iam", AgentUnavailable), ("other", CredentialMissing)]
)
def test_an_account_that_is_nowhere_is_not_one_to_be_loaded(
    programs: Programs, address: str, account: str, error: type[HepsubError]
) -> None:
    programs.add("oidc-token", "echo 'Error: account not loaded' >&2; exit 1")
    programs.add("oidc-add", "echo 'The following account configurations are usable: '; echo iam")
    with pytest.raises(HepsubError) as caught:
        ask_token(Request(account=account), {"OIDC_SOCK": address}, UID)
    assert type(caught.value) is error


def test_the_accounts_are_listed(programs: Programs, address: str) -> None:
    programs.add(
        "oidc-add", "echo 'The following account configurations are usable: '; echo iam; echo wlcg"
    )
    assert known_accounts({"OIDC_SOCK": address}, UID) == ("iam", "wlcg")


def test_no_accounts_are_none(programs: Programs, address: str) -> None:
    programs.add("oidc-add", "echo 'No account configurations are currently loaded.'")
    assert known_accounts({"OIDC_SOCK": address}, UID) == ()


def test_an_agent_that_runs_is_not_started_again(programs: Programs, address: str) -> None:
    programs.add("oidc-agent-service", "exit 1")
    assert start_agent({"OIDC_SOCK": address}, UID) == address
    assert not programs.was_called("oidc-agent-service")


def test_an_agent_that_cannot_be_started_says_why(programs: Programs, tmp_path: Path) -> None:
    programs.add("oidc-agent-service", "echo 'jq: command not found' >&2; exit 127")
    with pytest.raises(AgentUnavailable, match="cannot be started: jq: command not found"):
        start_agent({"TMPDIR": str(tmp_path)}, UID)
