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
_DEVICE_FLOW = "--flow=device"
_REDIRECT = "http://localhost:4242"
"""oidc-gen wants one, though the device flow never uses it."""
_ENOUGH_S = 60.0


def log_in(source: CredentialSource, say: Say) -> UserCredential:
    """Obtain a credential; where something is missing its user is asked at the terminal.

    Raises:
        UsageError: nobody logs in for it here, or the policy names no provider.
        AgentUnavailable: the agent cannot be started, or is locked.
        CredentialRefused: a program failed; it said why.
        HepsubError: there is still none; the message says why.
    """
    if isinstance(source, KerberosSource):
        return _log_in_kerberos(source, say)
    if isinstance(source, TokenSource):
        return _log_in_token(source, say)
    raise UsageError(f"nobody logs in for {source.name}")


def _log_in_kerberos(source: KerberosSource, say: Say) -> UserCredential:
    words = kinit_words(source.policy.principal)
    say(f"Kerberos: {' '.join(words)}")
    if (code := run_attached(words, environment=login_environment(source.environment))) != 0:
        raise CredentialRefused(
            f"kinit gave no ticket (exit code {code})", remedy="see what it said; try again"
        )
    return source.obtain(0.0)


def kinit_words(principal: str) -> list[str]:
    """The words that get a ticket which can be renewed for as long as the KDC allows."""
    # Without -r many systems' kinit asks for one that cannot be renewed at all; the KDC cuts off what is too much.
    return ["kinit", "-r", "30d", *([principal] if principal else [])]


def _log_in_token(source: TokenSource, say: Say) -> UserCredential:
    """Start oidc-agent, make and load the account as far as need be, and obtain a token of it."""
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
    if account in loaded_accounts(environment, source.uid) and not _is_dead(
        account, environment, source.uid
    ):
        return source.obtain(_ENOUGH_S)
    words, remedy = account_words(source, environment), "see what it said; try again"
    if words[0] == "oidc-add":
        # It says nothing of a refresh token that has ended, and waits for a device flow that nobody sees.
        say(
            "if it is silent after the password, its refresh token has ended: Ctrl-C, oidc-agent-service stop,"
            f" oidc-gen {account} --reauthenticate"
        )
        remedy = f"if its refresh token has ended: oidc-gen {account} --reauthenticate"
    elif policy.client_id and _DEVICE_FLOW in words:
        say("oidc-gen asks for the secret of the client (oidc-agent 4 takes no client without one)")
    say(f"oidc-agent: {' '.join(words)}")
    if (code := run_attached(words, environment=environment)) != 0:
        raise CredentialRefused(f"{words[0]} ended with exit code {code}", remedy=remedy)
    return source.obtain(_ENOUGH_S)


def _is_dead(account: str, environment: Mapping[str, str], uid: int) -> bool:
    """Whether a loaded account gives no tokens any more."""
    try:
        ask_token(Request(account=account, seconds=_ENOUGH_S), environment, uid)
    except CredentialRefused:
        return True
    except CredentialMissing as error:  # which authenticating again does not mend
        raise AgentUnavailable(error.message, remedy=error.remedy) from error
    return False


def account_words(source: TokenSource, environment: Mapping[str, str]) -> list[str]:
    """The words that make a running agent give tokens: authenticate the account again, load it, or make it.

    Raises:
        AgentUnavailable: the agent is locked.
        UsageError: it has to be made, and the policy names no provider.
    """
    account = source.account
    if account in loaded_accounts(environment, source.uid):
        return ["oidc-gen", account, "--reauthenticate"]
    if account in known_accounts(environment, source.uid):
        return ["oidc-add", account]
    return _device_flow(source)


def _device_flow(source: TokenSource) -> list[str]:
    """The words that make an account by the device flow: a URL and a code for the browser."""
    policy, account = source.policy, source.account
    if not policy.issuer:
        raise UsageError(
            f"the policy does not say which provider gives the token {source.name}",
            remedy=f"set issuer in [credential.{source.name}]; or make the account {account} yourself:"
            f" oidc-gen {account}",
        )
    named = policy.login_scopes or (*_USUAL_SCOPES, *policy.scopes)
    wanted = dict.fromkeys((*_BASIC_SCOPES, *named))
    words = ["oidc-gen", account, _DEVICE_FLOW, f"--iss={policy.issuer}"]
    words += [f"--scope={' '.join(wanted)}", f"--redirect-uri={_REDIRECT}"]
    if policy.client_id:
        words.append(f"--client-id={policy.client_id}")
    # oidc-agent does not find it by itself.
    if authority := source.environment.get("SSL_CERT_FILE"):
        words.append(f"--cp={authority}")
    return words
