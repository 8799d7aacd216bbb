"""hep_auth login: steps at a terminal, commands without one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.auth.login import Login, Terminal, Told, login
from hepsub.auth.credential import CredentialSource, UserCredential
from hepsub.auth.login_environment import noted_login
from hepsub.auth.sources import source_for
from hepsub.cli.output import value_text
from hepsub.errors import (
    AgentUnavailable,
    CredentialExpired,
    CredentialMissing,
    CredentialRefused,
)
from hepsub.policy.model import KERBEROS
from hepsub.result import Result
from tests.fakes.programs import write_program
from tests.fakes.world import make_policy, make_situation
from tests.unit.actions.test_auth_status import POOL, Source, held, session

NEEDS_BOTH = "[site.cnaf]\nrequirements = 'true'\ncredentials = ['krb', 'iam']\n"
AGENT = """#!/bin/sh
case "$1" in
--loaded) echo 'The following accounts are loaded:'; echo loaded ;;
--list) echo loaded; echo known ;;
esac
"""


def told(result: Result[Login]) -> dict[str, Told]:
    return {each.name: each for each in result.value.credentials}


def terminal(
    *answers: UserCredential, says: list[str] | None = None, asked: list[str] | None = None
) -> Terminal:
    """A terminal at which these credentials are got, one after the other; then nothing is."""
    left = list(answers)
    ignored: list[str] = []

    def log_in(source: CredentialSource, say: Callable[[str], None]) -> UserCredential:
        if asked is not None:
            asked.append(source.name)
        say(f"getting {source.name}")
        if not left:
            raise CredentialRefused("kinit gave no ticket", remedy="try again")
        return left.pop(0)

    return Terminal(log_in=log_in, say=(says if says is not None else ignored).append)


def test_what_is_there_is_only_told(tmp_path: Path) -> None:
    """No program is run for it."""
    iam = Source(name="iam", given=dataclasses.replace(held("iam"), note="nothing renews it"))
    asked: list[str] = []
    result = login(session(tmp_path, "", iam), ("iam",), terminal(asked=asked))
    assert asked == []
    assert (result.exit_code, told(result)["iam"].good) == (0, True)
    assert told(result)["iam"].text.startswith("alice by iam, valid until ")
    assert told(result)["iam"].text.endswith("(nothing renews it)")


KEYS_ONLY = "[storage.herd]\nendpoint = 'https://x'\n"


@pytest.mark.parametrize(
    ("policy", "pool", "wanted"),
    [
        (f"{KEYS_ONLY}token = 'iam'\n", POOL, ["iam"]),
        (NEEDS_BOTH, POOL, ["krb", "iam"]),
        ("", f"{POOL}token = 'iam'\n", ["iam"]),
        ("[pool.far]\ncredentials = ['krb']\ntoken = 'iam'\n", POOL, []),
        (KEYS_ONLY, POOL, []),
        ("", POOL, []),
    ],
)
def test_without_names_it_is_what_is_needed(
    tmp_path: Path, policy: str, pool: str, wanted: list[str]
) -> None:
    """By the pool, its schedds, its sites, the storages; a storage with keys of ~/.aws needs no ticket."""
    result = login(session(tmp_path, policy, pool=pool), (), None)
    assert list(told(result)) == wanted
    assert bool(result.exit_code) == bool(wanted)
    if not wanted:
        assert "hep_auth shows the S3 keys" in value_text(result.value)


def test_at_a_terminal_each_is_got(tmp_path: Path) -> None:
    """In their order, with the reason in front."""
    says: list[str] = []
    both = terminal(held("krb"), held("iam"), says=says)
    result = login(session(tmp_path, NEEDS_BOTH), (), both)
    assert result.exit_code == 0
    assert says == ["there is no krb", "getting krb", "there is no iam", "getting iam"]


def test_one_that_cannot_be_got_does_not_stop_the_others(tmp_path: Path) -> None:
    """The exit code is that of the first trouble."""
    iam = Source(name="iam", given=held("iam"))
    result = login(session(tmp_path, NEEDS_BOTH, iam), (), terminal())
    assert result.exit_code == CredentialRefused.exit_code
    assert [each.code for each in result.problems] == ["credential-refused"]
    assert told(result)["iam"].good


def test_a_ticket_that_is_named_is_got_anew(tmp_path: Path) -> None:
    """The one there is may not be renewable any more."""
    krb = Source(name="krb", kind=KERBEROS, given=held("krb"))
    asked: list[str] = []
    login(session(tmp_path, NEEDS_BOTH, krb), ("krb",), terminal(held("krb"), asked=asked))
    assert asked == ["krb"]
    asked.clear()
    login(session(tmp_path, NEEDS_BOTH, krb), (), terminal(held("iam"), asked=asked))
    assert asked == ["iam"]


def test_what_the_renewal_needs_of_this_login_is_noted(tmp_path: Path) -> None:
    """cron has no OIDC_SOCK."""
    made = session(tmp_path, "")
    made = replace(made, situation=make_situation(environment={"OIDC_SOCK": "/tmp/x"}))
    login(made, ("iam",), None)
    assert noted_login(made.paths.logins, made.situation.host) == {"OIDC_SOCK": "/tmp/x"}


def without_terminal(
    directory: Path, name: str, policy: str, **environment: str
) -> tuple[Told, int]:
    """What is told of a real source where there is no terminal."""
    made = session(directory, policy)
    variables = {"KRB5CCNAME": f"FILE:{directory}/none", "TMPDIR": str(directory), **environment}
    situation = make_situation(environment=variables)
    known = make_policy(policy)
    made = replace(
        made,
        situation=replace(situation, uid=0),
        credential=lambda each: source_for(each, known, replace(situation, uid=0)),
    )
    result = login(made, (name,), None)
    return told(result)[name], result.exit_code


def test_without_a_terminal_kinit_is_told(tmp_path: Path) -> None:
    """With the principal that the policy wants."""
    found, code = without_terminal(tmp_path, "krb", "[credential.krb]\nprincipal = 'alice@X.ORG'\n")
    assert found.commands == ("kinit -r 30d alice@X.ORG",)
    assert code in (CredentialMissing.exit_code, CredentialExpired.exit_code)


def test_without_an_agent_its_start_is_told(tmp_path: Path) -> None:
    """Only the user's own shell can do that; then the next step."""
    found, code = without_terminal(tmp_path, "iam", "")
    assert found.commands == ("eval $(oidc-agent-service use)", "hep_auth login iam")
    assert code == AgentUnavailable.exit_code


def test_a_command_of_the_policy_has_a_remedy_of_its_own(tmp_path: Path) -> None:
    """hepsub knows no command that would mend it."""
    found, code = without_terminal(tmp_path, "iam", "[credential.iam]\ncommand = ['false']\n")
    assert found.commands == ()
    assert code == CredentialRefused.exit_code


@pytest.mark.parametrize(
    ("account", "command"),
    [
        ("loaded", "oidc-gen loaded --reauthenticate"),
        ("known", "oidc-add known"),
        ("new", "oidc-gen new --flow=device --iss=https://iam.example.org "),
    ],
)
def test_the_step_of_an_account_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: str, command: str
) -> None:
    """One whose refresh token is dead, one that is not loaded, one that does not exist."""
    import socket

    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("oidc-add", AGENT),
        ("oidc-token", "#!/bin/sh\necho 'Error: no' >&2; exit 1\n"),
    ):
        write_program(programs / name, text)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind("sock")
        agent.listen(8)
        policy = f"[credential.iam]\naccount = '{account}'\nissuer = 'https://iam.example.org'\n"
        found, _ = without_terminal(tmp_path, "iam", policy, OIDC_SOCK=str(tmp_path / "sock"))
    assert len(found.commands) == 1
    assert f"{found.commands[0]} ".startswith(f"{command.rstrip()} ")
