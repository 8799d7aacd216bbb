"""What oidc-agent says when something goes wrong, and what it means; and how that is written for any program."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hepsub.errors import (
    AgentUnavailable,
    CredentialMissing,
    CredentialRefused,
    HepsubError,
    ProviderUnreachable,
)

START = "eval $(oidc-agent-service use)"
"""Starts the agent, or finds the one that runs."""


class Trouble(Struct, frozen=True, kw_only=True):
    """What a program says, what that means, and what helps.

    Attributes:
        texts: any of these is in what it said.
    """

    texts: tuple[str, ...]
    error: type[HepsubError]
    message: str
    remedy: str

    def as_error(self, told: str, **names: str) -> HepsubError:
        """The error, with what the program said; `{name}` in message and remedy is filled in."""
        return self.error(
            f"{self.message.format(**names)} ({told})", remedy=self.remedy.format(**names)
        )


def find_trouble(troubles: Iterable[Trouble], told: str) -> Trouble | None:
    """The first of the troubles that a text tells of."""
    return next((each for each in troubles if any(text in told for text in each.texts)), None)


# The first that fits counts: what is said of the refresh token may hold a word of what is said of the provider.
_TROUBLES = (
    Trouble(
        texts=("did not receive any response", "could not connect to oidc-agent", "have you set the env var"),
        error=AgentUnavailable,
        message="oidc-agent does not answer",
        remedy=f"{START}; oidc-agent-service stop; hep_auth login",
    ),
    Trouble(
        texts=("agent locked",),
        error=AgentUnavailable,
        message="oidc-agent is locked",
        remedy="oidc-add -X, with the password that it was locked with",
    ),
    Trouble(
        texts=("account not loaded", "currently not loaded"),
        error=AgentUnavailable,
        message="oidc-agent has not loaded the account {account}",
        remedy="oidc-add {account} (hep_auth login does it)",
    ),
    Trouble(
        texts=("no account configured",),
        error=CredentialMissing,
        message="oidc-agent knows no account {account}",
        remedy="hep_auth login makes it; oidc-add -l lists those there are; `account` in [credential.NAME] of the"
        " policy names another one",
    ),
    Trouble(
        texts=("invalid_scope", "could not register the necessary scopes"),
        error=CredentialRefused,
        message="the provider does not give the account {account} the scopes that were asked for",
        remedy="add them to login_scopes in [credential.NAME] of the policy, then oidc-gen --delete {account} and"
        " hep_auth login; if it refuses them too, ask the administrators of the provider to allow them to your client",
    ),
    Trouble(
        texts=("invalid_target", "invalid_resource", "audience"),
        error=CredentialRefused,
        message="the provider does not give the account {account} a token for this audience",
        remedy="correct `audience` in [credential.NAME] or [storage.NAME] of the policy",
    ),
    Trouble(
        texts=("invalid_grant", "refresh token expired", "no refresh token", "malformed refresh token"),
        error=CredentialRefused,
        message="the provider no longer accepts the refresh token of the account {account}: it has ended or"
        " was revoked",
        remedy="oidc-gen {account} --reauthenticate (hep_auth login does it)",
    ),
    Trouble(
        texts=("invalid_client", "unauthorized_client"),
        error=CredentialRefused,
        message="the provider does not accept the client of the account {account}",
        remedy="make the account anew: oidc-gen --delete {account}; hep_auth login",
    ),
    Trouble(
        texts=("ssl cert", "certificate", "ssl peer"),
        error=ProviderUnreachable,
        message="the certificate of the provider of the account {account} is not trusted",
        remedy="make the account with its CA: oidc-gen --cp=FILE",
    ),
    Trouble(
        texts=(
            "the other party disconnected",
            "could not connect to url",
            "couldn't connect",
            "could not connect to host",
            "could not resolve",
            "couldn't resolve",
            "timed out",
            "timeout",
            "could not get token endpoint",
            "internal server error",
            "service unavailable",
            "bad gateway",
        ),
        error=ProviderUnreachable,
        message="the provider of the account {account} does not answer",
        remedy="try again later",
    ),
)  # fmt: skip


def refusal(told: str, account: str) -> HepsubError:
    """The error that a text of oidc-agent means."""
    # A provider's answer may be a page of HTML.
    words = " ".join(told.split()).removeprefix("Error: ")[:300]
    if trouble := find_trouble(_TROUBLES, words.casefold()):
        return trouble.as_error(words, account=account)
    return CredentialRefused(
        f"oidc-agent gives no token of the account {account}: {words or 'no reason given'}",
        remedy=f"see what oidc-token {account} says; hep_auth login",
    )
