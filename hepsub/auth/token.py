"""The token as a credential: from a configured command, from oidc-agent, or discovered (WLCG Bearer Token Discovery).

A command of the policy gets what is wanted as HEPSUB_AUDIENCE, HEPSUB_SCOPES (with spaces between) and
HEPSUB_SECONDS in its environment, and prints the token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from msgspec import Struct, structs

from hepsub.auth.bearer import discover, read_token
from hepsub.auth.claims import mismatch, read_claims
from hepsub.auth.credential import UserCredential
from hepsub.errors import (
    CredentialExpired,
    CredentialMissing,
    CredentialRefused,
    HepsubError,
    ProviderUnreachable,
)
from hepsub.plan.secrets import looks_secret
from hepsub.policy.model import TOKEN, Credential
from hepsub.tools.oidc_agent import NoAnswer, Request, ask_token, find_agent
from hepsub.tools.run import run_within
from hepsub.units import duration_text, moment_text

_COMMAND_S = 30.0
_SKEW_S = 60.0
"""Clocks that differ by less are no matter."""
_MARGIN_S = 5.0
_PATIENCE_S = 5.0
_UNKNOWN_S = 600.0
"""A token that does not tell its end is renewed by one that lives this long."""


class TokenSource(Struct, frozen=True, kw_only=True):
    """The user's tokens of one provider.

    Attributes:
        name: the credential's name in the policy.
        environment: the caller's.
        for_shell: whether the token that the user's other programs would find takes precedence, if it is the one that
            is wanted; for jobs one that can be renewed does.
        clock: gives seconds since the epoch.
    """

    name: str
    policy: Credential
    environment: Mapping[str, str]
    uid: int
    for_shell: bool = False
    clock: Callable[[], float] = time.time

    @property
    def kind(self) -> str:
        """A token."""
        return TOKEN

    @property
    def account(self) -> str:
        """oidc-agent's name of the account."""
        return self.policy.account or self.name

    @property
    def origin(self) -> str:
        """The program that gives tokens."""
        if self.policy.command:
            return f"the command {self.policy.command[0]}"
        return f"oidc-agent's account {self.account}"

    def look(self) -> UserCredential | None:
        """The discovered token, if nothing else gives any, or it takes precedence.

        Raises:
            CredentialMissing: what was discovered is no token.
        """
        # A token of the agent is not here before it is asked, and that may take the network.
        if not self.for_shell and (
            self.policy.command or find_agent(self.environment, self.uid) is not None
        ):
            return None
        credential = discover(self.name, self.environment, self.uid)
        return None if credential is None or self._mismatch(credential) else credential

    def obtain(self, seconds: float) -> UserCredential:
        """A token that lives for at least so many seconds, or else the longest that is given.

        Raises:
            CredentialMissing: there is no account, and no token was discovered.
            CredentialExpired: there is only one that has ended.
            AgentUnavailable: oidc-agent does not run, is locked, or has not loaded the account.
            CredentialRefused: the provider says no, or gives a token that is not the one wanted.
            ProviderUnreachable: nobody answers.
        """
        if self.for_shell:
            credential = self.look()
            if credential is not None and credential.lifetime.is_good(self.clock(), seconds):
                return credential
        try:
            return self._from_program(seconds)
        except HepsubError as error:
            if self.policy.command:
                raise
            return self._discovered_instead(error)

    def renew(self, credential: UserCredential) -> UserCredential:
        """A new token that lives longer than a given one.

        Raises:
            CredentialExpired: there is only the one that was found, and nothing renews it.
            AgentUnavailable, CredentialRefused, ProviderUnreachable: nobody gives one.
        """
        now = self.clock()
        expires = credential.lifetime.expires
        seconds = _UNKNOWN_S if expires is None else credential.lifetime.left(now) + _MARGIN_S
        new = self.obtain(seconds)
        if expires is not None and new.lifetime.expires is not None:
            # An agent may give the same once more, and a longer one later; a discovered one stays what it is.
            stuck = new.lifetime.expires <= expires and not new.lifetime.can_be_renewed(now)
            if stuck:
                raise CredentialExpired(
                    f"the token {self.name} ends at {moment_text(expires, now)} and nothing gives a new one"
                    f"{f' ({new.note})' if new.note else ''}",
                    remedy=f"hep_auth login {self.name}",
                )
        return new

    # ---- a token that a program gives -------------------------------------------------------

    def _from_program(self, seconds: float) -> UserCredential:
        credential = (
            self._from_command(seconds) if self.policy.command else self._from_agent(seconds)
        )
        if reason := self._mismatch(credential):
            raise CredentialRefused(
                f"the token of {self.origin} {reason}",
                remedy=f"correct [credential.{self.name}] of the policy, or ask the provider's"
                " administrators for the audience or the scopes",
            )
        self._check_clock(credential)
        return replace(credential, note=self._profile_note(credential))

    def _from_agent(self, seconds: float) -> UserCredential:
        request = Request(
            account=self.account,
            seconds=seconds,
            audience=self.policy.audience,
            scopes=self.policy.scopes,
        )
        try:
            answer = ask_token(request, self.environment, self.uid)
        except NoAnswer as error:
            # The agent does not tell why: it waits for a provider that is away, and for a user who should log in again.
            if self.policy.issuer and _is_silent(self.policy.issuer):
                raise ProviderUnreachable(
                    f"the provider {self.policy.issuer} does not answer", remedy="try again later"
                ) from error
            raise
        wanted = self.policy.issuer.rstrip("/")
        if wanted and answer.issuer and answer.issuer != wanted:
            raise CredentialRefused(
                f"oidc-agent's account {self.account} is one of {answer.issuer}, not of {wanted}",
                remedy=f"name the right one as `account` in [credential.{self.name}] of the policy",
            )
        credential = self._read(answer.token.encode("ascii", "replace"))
        if credential.lifetime.expires is None and answer.expires is not None:
            return replace(
                credential, lifetime=structs.replace(credential.lifetime, expires=answer.expires)
            )
        return credential

    def _from_command(self, seconds: float) -> UserCredential:
        program = self.policy.command[0]
        wanted = {
            "HEPSUB_AUDIENCE": self.policy.audience,
            "HEPSUB_SCOPES": " ".join(self.policy.scopes),
            "HEPSUB_SECONDS": str(round(seconds)),
        }
        done = run_within(self.policy.command, timeout=_COMMAND_S, environment=wanted)
        if done is None:
            raise ProviderUnreachable(
                f"{program}, which gives the token {self.name}, did not end within {_COMMAND_S:.0f} s",
                remedy=f"see what {program} does at the terminal; try again later",
            )
        if done.code != 0:
            # It may print what it sent: a refresh token, say.
            told = " ".join("***" if looks_secret("", w) else w for w in done.stderr.split())[-300:]
            raise CredentialRefused(
                f"{program}, which gives the token {self.name}, failed with exit code {done.code}: {told}",
                remedy=f"see what {program} says at the terminal",
            )
        return self._read(done.stdout.encode())

    def _read(self, content: bytes) -> UserCredential:
        try:
            return replace(read_token(self.name, content), origin=self.origin)
        except CredentialMissing as error:
            printed = f"`command` in [credential.{self.name}] of the policy has to print a token and nothing else"
            raise CredentialRefused(
                f"{self.origin} gave something else: {error.message}",
                remedy=printed if self.policy.command else error.remedy,
            ) from error

    def _profile_note(self, credential: UserCredential) -> str:
        """A word on a token that should follow WLCG's profile and does not."""
        claims = read_claims(credential.text)
        asked = "wlcg" in {*self.policy.scopes, *self.policy.login_scopes}
        if claims is None or claims.wlcg or not asked:
            return ""
        return (
            "it does not follow WLCG's profile (no wlcg.ver): the provider's administrators have to"
            " register the scope wlcg, and no other profile, for the client"
        )

    def _check_clock(self, credential: UserCredential) -> None:
        """Refuse a token that has just been given and is not valid now."""
        now = self.clock()
        since = credential.lifetime.since
        if since is not None and since > now + _SKEW_S:
            raise CredentialRefused(
                f"the token of {self.origin} is not valid for another {duration_text(since - now)}:"
                " this machine's clock is behind the provider's",
                remedy="tell the administrators of this machine that its clock is wrong",
            )
        if not credential.lifetime.is_good(now):
            raise CredentialRefused(
                f"the token of {self.origin} had ended when it was given: this machine's clock is ahead of"
                " the provider's, or it gives old tokens",
                remedy="see `date`; tell the administrators of this machine if its clock is wrong",
            )

    def _discovered_instead(self, error: HepsubError) -> UserCredential:
        """The discovered token, though it cannot be renewed; or else the error, with what is wrong with that token."""
        try:
            credential = discover(self.name, self.environment, self.uid)
        except CredentialMissing as missing:
            raise _also(error, missing.message) from missing
        if credential is None:
            raise error
        why = self._mismatch(credential)
        if not why and not credential.lifetime.is_good(self.clock()):
            why = f"ended at {moment_text(credential.lifetime.expires or 0.0, self.clock())}"
        if why:
            raise _also(error, f"the token in {credential.origin} {why}") from error
        return replace(credential, note=f"nothing renews it, because {error.message}")

    def _mismatch(self, credential: UserCredential) -> str:
        claims = read_claims(credential.text)
        if claims is None:
            return ""
        return mismatch(
            claims,
            issuer=self.policy.issuer,
            audience=self.policy.audience,
            scopes=self.policy.scopes,
        )


def _also(error: HepsubError, more: str) -> HepsubError:
    return type(error)(f"{error.message}; and {more}", remedy=error.remedy)


def _is_silent(issuer: str) -> bool:
    """Whether nobody answers at a provider's address within seconds; what it says does not matter."""
    import http.client  # with all of TLS: a token that comes needs neither
    import ssl
    from urllib.parse import urlsplit

    parts = urlsplit(issuer)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        # Nothing secret is sent, so that its certificate is not looked at.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection = http.client.HTTPSConnection(parts.netloc, timeout=_PATIENCE_S, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE_S)
    try:
        connection.request("HEAD", f"{parts.path.rstrip('/')}/.well-known/openid-configuration")
        return not connection.sock.recv(1)
    except (OSError, http.client.HTTPException):
        return True
    finally:
        connection.close()
