"""What hep_auth login runs at the terminal, and when."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from hepsub.auth.kerberos import KerberosSource
from hepsub.auth.login import log_in
from hepsub.auth.token import TokenSource
from hepsub.errors import CredentialRefused, UsageError
from hepsub.policy.model import Credential
from tests.fakes.ccaches import Entry, cache
from tests.fakes.programs import Programs
from tests.fakes.tokens import jwt

FUTURE = 4_000_000_000
ISSUER = "https://iam.example.org"
TOKEN = jwt(iss=ISSUER, sub="alice", exp=FUTURE)
NONE = "echo No account configurations are there."


@pytest.fixture
def programs(programs: Programs, tmp_path: Path) -> Programs:
    """Programs of this test, with an agent that has a token once it is loaded."""
    given = f"test -e {tmp_path}/loaded && printf '{TOKEN}\\n{ISSUER}/\\n{FUTURE}\\n' && exit"
    programs.add("oidc-token", f"{given}; echo 'Error: account not loaded' >&2; exit 1")
    return programs


@pytest.fixture
def token(tmp_path: Path, programs: Programs) -> Iterator[TokenSource]:
    """The token of a provider, with an agent that answers."""
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield TokenSource(
            name="iam",
            policy=Credential(issuer=ISSUER, client_id="hepsub", scopes=("compute.read",)),
            environment={"OIDC_SOCK": str(path), "XDG_RUNTIME_DIR": str(tmp_path)},
            uid=os.getuid(),
        )


def accounts(programs: Programs, tmp_path: Path, *, loaded: str, known: str) -> None:
    """An oidc-add that lists these, and loads what it is told to."""
    programs.add(
        "oidc-add",
        f'case "$1" in --loaded) {loaded};; --list) {known};; *) touch {tmp_path}/loaded;; esac',
    )


def test_an_account_that_is_not_there_is_made(
    token: TokenSource, programs: Programs, tmp_path: Path
) -> None:
    accounts(programs, tmp_path, loaded=NONE, known=NONE)
    programs.add("oidc-gen", f"touch {tmp_path}/loaded")
    said: list[str] = []
    assert log_in(token, said.append).who == f"alice at {ISSUER}"
    assert programs.words("oidc-gen") == [
        "iam",
        "--flow=device",
        f"--iss={ISSUER}",
        "--scope=openid offline_access wlcg compute.read",
        "--redirect-uri=http://localhost:4242",
        "--client-id=hepsub",
    ]
    assert programs.environment("oidc-gen")["OIDC_SOCK"] == token.environment["OIDC_SOCK"]
    assert any("oidc-gen" in sentence for sentence in said)


def test_an_account_that_is_not_loaded_is_loaded(
    token: TokenSource, programs: Programs, tmp_path: Path
) -> None:
    accounts(programs, tmp_path, loaded=NONE, known="echo iam")
    programs.add("oidc-gen", "exit 1")
    said: list[str] = []
    assert log_in(token, said.append).text == TOKEN
    assert programs.words("oidc-add") == ["iam"]
    assert not programs.was_called("oidc-gen")
    advice, command = said
    assert "its refresh token has ended" in advice
    assert "oidc-gen iam --reauthenticate" in advice
    assert command == "oidc-agent: oidc-add iam"


def test_an_agent_that_the_shell_does_not_know_is_told_of(
    token: TokenSource, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was started by itself: other programs of this shell would not find it."""
    (tmp_path / "loaded").touch()
    accounts(programs, tmp_path, loaded="echo iam", known="echo iam")
    place = tmp_path / f"oidc-agent-service-{token.uid}/oidc-agent.sock"
    place.parent.mkdir()
    place.symlink_to(token.environment["OIDC_SOCK"])
    monkeypatch.chdir(tmp_path)  # a socket's name has 107 bytes at the most
    said: list[str] = []
    log_in(structs.replace(token, environment={"TMPDIR": "."}), said.append)
    assert said == ["oidc-agent runs; for your shell: eval $(oidc-agent-service use)"]


def test_an_account_whose_refresh_token_is_dead_is_authenticated_again(
    token: TokenSource, programs: Programs, tmp_path: Path
) -> None:
    accounts(programs, tmp_path, loaded="echo iam", known="echo iam")
    dead = "echo 'Error: invalid_grant: grant request is invalid' >&2; exit 1"
    given = f"test -e {tmp_path}/loaded && printf '{TOKEN}\\n\\n\\n' && exit"
    programs.add("oidc-token", f"{given}; {dead}")
    programs.add("oidc-gen", f"touch {tmp_path}/loaded")
    assert log_in(token, lambda _said: None).text == TOKEN
    assert programs.words("oidc-gen") == ["iam", "--reauthenticate"]


def test_an_account_that_works_is_left_alone(
    token: TokenSource, programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "loaded").touch()
    accounts(programs, tmp_path, loaded="echo iam", known="echo iam")
    programs.add("oidc-gen", "exit 1")
    assert log_in(token, lambda _said: None).text == TOKEN
    assert not programs.was_called("oidc-gen")


def test_what_the_user_does_not_finish_is_said(
    token: TokenSource, programs: Programs, tmp_path: Path
) -> None:
    accounts(programs, tmp_path, loaded=NONE, known=NONE)
    programs.add("oidc-gen", "exit 3")
    with pytest.raises(CredentialRefused, match="oidc-gen ended with exit code 3"):
        log_in(token, lambda _said: None)


def test_a_policy_without_a_provider_cannot_make_an_account(
    token: TokenSource, programs: Programs, tmp_path: Path
) -> None:
    accounts(programs, tmp_path, loaded=NONE, known=NONE)
    nameless = TokenSource(
        name="iam", policy=Credential(), environment=token.environment, uid=token.uid
    )
    with pytest.raises(UsageError, match="which provider") as caught:
        log_in(nameless, lambda _said: None)
    assert "[credential.iam]" in caught.value.remedy


def test_nobody_logs_in_for_a_command(token: TokenSource) -> None:
    other = TokenSource(
        name="iam", policy=Credential(command=("vault",)), environment={}, uid=token.uid
    )
    with pytest.raises(UsageError, match="the command vault"):
        log_in(other, lambda _said: None)


@pytest.mark.parametrize("principal", ["", "alice@TEST.HEP"])
def test_a_ticket(tmp_path: Path, programs: Programs, principal: str) -> None:
    path = tmp_path / "cc"
    (tmp_path / "new").write_bytes(cache(Entry(expires=FUTURE)))
    programs.add("kinit", f'cp {tmp_path}/new "${{KRB5CCNAME#FILE:}}"')
    listed = f"Ticket cache: FILE:{path}\nDefault principal: alice@TEST.HEP"
    programs.add("klist", f"echo '{listed}'")
    source = KerberosSource(
        name="krb",
        policy=Credential(kind="kerberos", principal=principal),
        environment={"KRB5CCNAME": f"FILE:{path}"},
        uid=1000,
    )
    assert log_in(source, lambda _said: None).who == "alice@TEST.HEP"
    assert [word for word in programs.words("kinit") if word] == [
        "-r",
        "30d",
        *([principal] if principal else []),
    ]


def test_no_ticket(tmp_path: Path, programs: Programs) -> None:
    programs.add("kinit", "exit 1")
    source = KerberosSource(
        name="krb", policy=Credential(kind="kerberos"), environment={}, uid=1000
    )
    with pytest.raises(CredentialRefused, match="kinit gave no ticket"):
        log_in(source, lambda _said: None)
