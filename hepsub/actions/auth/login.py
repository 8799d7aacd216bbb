"""hep_auth login: missing credentials are obtained at a terminal, or the commands for that are told."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Sequence

from msgspec import Struct

from hepsub.actions.auth.status import needs
from hepsub.auth.credential import CredentialSource, UserCredential
from hepsub.auth.kerberos import KerberosSource
from hepsub.auth.login import account_words, kinit_words
from hepsub.auth.login_environment import note_login
from hepsub.auth.token import TokenSource
from hepsub.errors import HepsubError
from hepsub.policy.model import KERBEROS
from hepsub.result import Problem, Result
from hepsub.session import Session
from hepsub.tools.oidc_agent import find_agent
from hepsub.units import moment_text

_AT_LEAST_S = 60.0
_AGENT = "eval $(oidc-agent-service use)"
"""Starts one where none runs, and tells the shell of it."""

LogIn = Callable[[CredentialSource, Callable[[str], None]], UserCredential]
"""Obtains a credential with its user's help: hepsub.auth.login.log_in."""


class Terminal(Struct, frozen=True, kw_only=True):
    """The caller's terminal."""

    log_in: LogIn
    say: Callable[[str], None]


class Told(Struct, frozen=True, kw_only=True):
    """The state of one credential.

    Attributes:
        text: what it is, or what is missing.
        commands: what to type, in this order; empty when nothing is to be done.
    """

    name: str
    good: bool
    text: str
    commands: tuple[str, ...] = ()


class Login(Struct, frozen=True, kw_only=True):
    """The credentials that were asked for, and their state; its fields are its JSON."""

    credentials: tuple[Told, ...]


def login(session: Session, names: Sequence[str], terminal: Terminal | None) -> Result[Login]:
    """Obtain missing credentials; without a terminal tell how.

    Args:
        session: the session.
        names: credentials of the policy; none for those that the pool, its sites and the storages need. A
            ticket that is named is obtained again though there is one: it may not be renewable any more.
        terminal: where programs may ask their user; None for nowhere.

    Raises:
        UsageError: the policy has no such credential.
    """
    told: list[Told] = []
    troubles: list[HepsubError] = []
    # All sources first: a name that the policy does not know ends the command before anybody typed a password.
    for source in tuple(map(session.credential, dict.fromkeys(names) or _needed(session))):
        new = source.name in names and source.kind == KERBEROS
        try:
            credential = _obtain(source, terminal, new=new)
            text = _credential_text(credential, session.situation.now)
            told.append(Told(name=source.name, text=text, good=True))
        except HepsubError as error:
            told.append(_missing(source, error))
            troubles.append(error)
    with contextlib.suppress(OSError):  # a help for hep_auth renew; every submission notes it again
        note_login(session.paths.logins, session.situation)
    return Result(
        value=Login(credentials=tuple(told)),
        problems=tuple(map(Problem.of, troubles)),
        exit_code=troubles[0].exit_code if troubles else 0,
    )


def _needed(session: Session) -> tuple[str, ...]:
    """What counts here, and the token of this pool's schedds; nothing where keys for S3 are enough, or nothing is."""
    pool, policy = session.pool_name(None), session.policy
    return tuple(
        name
        for name in policy.credential
        if needs(policy, name, pool)[1] or policy.pool[pool].token == name
    )


def _obtain(source: CredentialSource, terminal: Terminal | None, *, new: bool) -> UserCredential:
    """The credential, if there is one or it can be obtained."""
    if terminal is not None and new:
        return terminal.log_in(source, terminal.say)
    try:
        return source.obtain(_AT_LEAST_S)
    except HepsubError as error:
        if terminal is None:
            raise
        terminal.say(error.message)
    return terminal.log_in(source, terminal.say)


def _credential_text(credential: UserCredential, now: float) -> str:
    expires = credential.lifetime.expires
    until = f", valid until {moment_text(expires, now)}" if expires is not None else ""
    note = f" ({credential.note})" if credential.note else ""
    return f"{credential.who or 'it is there'}{until}{note}"


def _missing(source: CredentialSource, error: HepsubError) -> Told:
    try:
        commands = _commands(source)
    except HepsubError:  # the agent is locked, say: the error's own remedy tells what to do
        commands = ()
    return Told(name=source.name, text=error.message, good=False, commands=commands)


def _commands(source: CredentialSource) -> tuple[str, ...]:
    """What log_in would do, as one types it.

    Raises:
        HepsubError: that cannot be told.
    """
    if isinstance(source, KerberosSource):
        return (shlex.join(kinit_words(source.policy.principal)),)
    if not isinstance(source, TokenSource) or source.policy.command:
        return ()
    if find_agent(source.environment, source.uid) is None:
        return (_AGENT, f"hep_auth login {source.name}")
    return (shlex.join(account_words(source, source.environment)),)
