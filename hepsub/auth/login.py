"""What hep_auth login does at the terminal: an agent, an account in it, a ticket.

The programs talk to the user themselves: passwords go to them, never through hepsub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hepsub.auth.credential import CredentialSource, UserCredential
from hepsub.auth.kerberos import KerberosSource
from hepsub.auth.token import TokenSource
from hepsub.errors import (
    AgentUnavailable,
    CredentialMissing,
    CredentialRefused,
    UsageError,
)
from hepsub.policy.model import Credential
from hepsub.tools.krb5 import login_environment
from hepsub.tools.oidc_agent import (
    Request,
    agent_environment,
    ask_token,
    known_accounts,
    loaded_accounts,
    start_agent,
)
from hepsub.tools.run import run_attached

Say = Callable[[str], None]
"""Tells the user a sentence."""

_BASIC_SCOPES = ("openid", "offline_access")
"""What every account needs: an identity, and a refresh token."""
_USUAL_SCOPES = ("wlcg",)
"""What is asked for where the policy names nothing: WLCG's profile."""
_REDIRECT = "http://localhost:4242"
"""oidc-gen wants one, though the device flow never uses it."""
_ENOUGH_S = 60.0


def log_in(source: CredentialSource, say: Say) -> UserCredential:
    """Obtain a credential; where something is missing its user is asked at the terminal.

    Args:
        source: where it comes from.
        say: tells the user what happens.

    Raises:
        HepsubError: there is still none; the message says why.
    """
    if isinstance(source, KerberosSource):
        return log_in_kerberos(source, say)
    if isinstance(source, TokenSource):
        return log_in_token(source, say)
    raise UsageError(f"nobody logs in for {source.name}")


def log_in_kerberos(source: KerberosSource, say: Say) -> UserCredential:
    """Obtain an initial ticket: kinit at the terminal.

    Raises:
        CredentialRefused: kinit failed; it said why.
    """
    words = kinit_words(source.policy.principal)
    say(f"Kerberos: {' '.join(words)}")
    if (code := run_attached(words, environment=login_environment(source.environment))) != 0:
        raise CredentialRefused(
            f"kinit gave no ticket (exit code {code})", remedy="see what it said; try again"
        )
    return source.obtain(0.0)


def kinit_words(principal: str) -> list[str]:
    """The words that get a ticket which can be renewed for as long as the KDC allows.

    Without -r many systems' kinit asks for one that cannot be renewed at all.
    """
    return ["kinit", "-r", "30d", *([principal] if principal else [])]


def log_in_token(source: TokenSource, say: Say) -> UserCredential:
    """Start oidc-agent, make and load the account as far as need be, and obtain a token of it.

    Raises:
        UsageError: the policy names a command instead of oidc-agent, or no provider.
        AgentUnavailable: the agent cannot be started, or is locked.
        CredentialRefused: the account could not be made.
    """
    policy, account = source.policy, source.account
    if policy.command:
        raise UsageError(
            f"the token {source.name} comes from the command {policy.command[0]}, not from oidc-agent",
            remedy=f"log in as {policy.command[0]} wants it",
        )
    address = start_agent(source.environment, source.uid)
    if address != source.environment.get("OIDC_SOCK"):
        say("oidc-agent runs; for your shell: eval $(oidc-agent-service use)")
    environment = agent_environment(source.environment, address)
    if account not in loaded_accounts(environment, source.uid):
        if account in known_accounts(environment, source.uid):
            again = f"if its refresh token has ended: oidc-gen {account} --reauthenticate"
            say(
                "if it is silent after the password, its refresh token has ended: Ctrl-C, oidc-agent-service stop,"
                f" oidc-gen {account} --reauthenticate"
            )
            _attached(["oidc-add", account], environment, say, remedy=again)
        else:
            if policy.client_id:
                say(
                    "oidc-gen asks for the secret of the client (oidc-agent 4 takes no client without one)"
                )
            authority = source.environment.get("SSL_CERT_FILE", "")
            words = device_flow(source.name, account, policy, authority)
            _attached(words, environment, say)
    elif _is_dead(account, environment, source.uid):
        _attached(["oidc-gen", account, "--reauthenticate"], environment, say)
    return source.obtain(_ENOUGH_S)


def _is_dead(account: str, environment: Mapping[str, str], uid: int) -> bool:
    """Whether a loaded account gives no tokens any more.

    Raises:
        HepsubError: it gives none for a reason that authenticating again does not mend.
    """
    try:
        ask_token(Request(account=account, seconds=_ENOUGH_S), environment, uid)
    except CredentialRefused:
        return True
    except CredentialMissing as error:
        raise AgentUnavailable(error.message, remedy=error.remedy) from error
    return False


def device_flow(name: str, account: str, policy: Credential, authority: str = "") -> list[str]:
    """The words that make an account by the device flow: a URL and a code for the browser.

    Args:
        name: the credential's name in the policy.
        account: oidc-agent's name of the account.
        policy: what the policy says of it.
        authority: a file of certificate authorities, which oidc-agent would not find by itself; empty
            for the system's.

    Raises:
        UsageError: the policy names no provider.
    """
    if not policy.issuer:
        raise UsageError(
            f"the policy does not say which provider gives the token {name}",
            remedy=f"set issuer in [credential.{name}]; or make the account {account} yourself: oidc-gen {account}",
        )
    named = policy.login_scopes or (*_USUAL_SCOPES, *policy.scopes)
    wanted = dict.fromkeys((*_BASIC_SCOPES, *named))
    words = ["oidc-gen", account, "--flow=device", f"--iss={policy.issuer}"]
    words += [f"--scope={' '.join(wanted)}", f"--redirect-uri={_REDIRECT}"]
    if policy.client_id:
        words.append(f"--client-id={policy.client_id}")
    if authority:
        words.append(f"--cp={authority}")
    return words


def _attached(
    argv: list[str], environment: Mapping[str, str], say: Say, *, remedy: str = ""
) -> None:
    say(f"oidc-agent: {' '.join(argv)}")
    if (code := run_attached(argv, environment=environment)) != 0:
        raise CredentialRefused(
            f"{argv[0]} ended with exit code {code}", remedy=remedy or "see what it said; try again"
        )
