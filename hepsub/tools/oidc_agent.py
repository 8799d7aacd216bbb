"""oidc-agent through its programs: where it is, a token of it, its accounts; and what its refusals mean.

Tried with 4.2.6; 5.x has other places for its socket, and the same words. Every program gets a time limit:
with a dead refresh token oidc-token may wait for ever for somebody to authenticate again.
"""

from __future__ import annotations

import re
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from hepsub.errors import AgentUnavailable, CredentialRefused, HepsubError
from hepsub.tools.run import Completed, installed, run_within
from hepsub.tools.trouble import START, refusal

ADDRESS = "OIDC_SOCK"
TOKEN_S = 20.0
"""A provider far away and a refresh take seconds; what takes longer waits for a person."""
_LOCAL_S = 5.0
_CONNECT_S = 2.0
_LONGEST_URL = 2048
_END = re.compile(r"[0-9]{0,11}")
"""Seconds since the epoch, before the year 5139; nothing, or 0, where the provider does not tell."""
_NAMES = ("OIDC_CONFIG_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_RUNTIME_DIR", "TMPDIR")


# msgspec's structs have no field that repr leaves out, and a traceback shows what repr does.
@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToken:
    """What oidc-token gave.

    Attributes:
        issuer: URL of its provider, without a slash at its end.
        expires: when it ends, in seconds since the epoch; None when the agent does not know.
    """

    token: str = field(repr=False)
    issuer: str
    expires: float | None


class Request(Struct, frozen=True, kw_only=True):
    """What is asked of the agent.

    Attributes:
        seconds: how long the token should live at least.
        scopes: the scopes; none for all that the account has.
    """

    account: str
    seconds: float = 60.0
    audience: str = ""
    scopes: tuple[str, ...] = ()


class NoAnswer(CredentialRefused):
    """oidc-token did not end in time: its agent waits for a person, or for the provider."""


def find_agent(environment: Mapping[str, str], uid: int) -> str | None:
    """The socket of the user's agent, if one answers there; None otherwise.

    Asked are $OIDC_SOCK and the places of `oidc-agent-service` (4.x and 5.x); in /tmp only what is the
    user's own counts.
    """
    temporary = environment.get("TMPDIR") or "/tmp"  # noqa: S108 (oidc-agent-service's own place)
    places = [
        environment.get(ADDRESS, ""),
        f"{temporary}/oidc-agent-service-{uid}/oidc-agent.sock",
        f"{temporary}/oidc-agent-service/{uid}/oidc-agent.sock",
    ]
    return next((place for place in places if place and _answers(Path(place), uid)), None)


def _answers(path: Path, uid: int) -> bool:
    try:
        status = path.stat()
        if not stat.S_ISSOCK(status.st_mode) or status.st_uid != uid:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_CONNECT_S)
            probe.connect(str(path))
    except BlockingIOError:  # it runs, and its queue is full: it waits for a person
        return True
    except (OSError, ValueError):
        # ValueError: a name that is none, from the policy's or the user's variables.
        return False
    return True


def ask_token(request: Request, environment: Mapping[str, str], uid: int) -> AgentToken:
    """A token of the agent.

    Raises:
        AgentUnavailable: it is not installed, does not run, is locked, or has not loaded the account.
        CredentialMissing: there is no such account.
        CredentialRefused: the provider says no.
        NoAnswer: nothing came within 20 s.
        ProviderUnreachable: the provider does not answer.
    """
    # The agent shows that name where its user wants to be asked for each token (oidc-agent --confirm).
    words = ["oidc-token", "--all", "--name=hepsub", f"--time={max(0, round(request.seconds))}"]
    if request.audience:
        words.append(f"--aud={request.audience}")
    if request.scopes:
        words.append(f"--scope={' '.join(request.scopes)}")
    done = _run([*words, request.account], environment, uid, TOKEN_S)
    if done is None:
        raise NoAnswer(
            f"oidc-agent gave no token of the account {request.account} within {TOKEN_S:.0f} s: its refresh"
            " token has ended and it waits for you to authenticate, or the provider does not answer",
            remedy=f"oidc-gen {request.account} --reauthenticate (hep_auth login does it); if that does not"
            " help either, try again later",
        )
    if done.code != 0:
        raise _unknown_or_refused(done, request.account, environment, uid)
    return _read(done.stdout, request.account)


def _unknown_or_refused(
    done: Completed, account: str, environment: Mapping[str, str], uid: int
) -> HepsubError:
    """The error that oidc-token's words mean; an account that is nowhere is not one to be loaded."""
    error = refusal(done.stderr or done.stdout, account)
    is_unloaded = "account not loaded" in done.stderr.casefold()  # it says so of any name
    if is_unloaded and account not in known_accounts(environment, uid):
        return refusal("No account configured with that short name", account)
    return error


def _read(text: str, account: str) -> AgentToken:
    lines = text.split("\n")
    if not lines[0].strip():
        raise CredentialRefused(
            f"oidc-token gave nothing for the account {account}", remedy=f"oidc-token {account}"
        )
    # Older agents give the token alone.
    issuer, expires = (each.strip() for each in [*lines[1:], "", ""][:2])
    if len(issuer) > _LONGEST_URL or not issuer.isprintable() or _END.fullmatch(expires) is None:
        raise CredentialRefused(
            f"oidc-token gave something else than a token, its issuer and its end for the account {account}",
            remedy=f"oidc-token --all {account} shows it",
        )
    return AgentToken(
        token=lines[0].strip(),
        issuer=issuer.rstrip("/"),
        expires=float(expires) if expires.strip("0") else None,
    )


def loaded_accounts(environment: Mapping[str, str], uid: int) -> tuple[str, ...]:
    """The accounts that the agent has loaded.

    Raises:
        AgentUnavailable: it does not run, or is locked.
    """
    return _listed("--loaded", environment, uid)


def known_accounts(environment: Mapping[str, str], uid: int) -> tuple[str, ...]:
    """The accounts that have a configuration, loaded or not.

    Raises:
        AgentUnavailable: oidc-agent is not installed, or does not run.
    """
    return _listed("--list", environment, uid)


def _listed(option: str, environment: Mapping[str, str], uid: int) -> tuple[str, ...]:
    done = _run(["oidc-add", option], environment, uid, _LOCAL_S)
    if done is not None and "error: success" in done.stderr.casefold():
        return ()  # oidc-agent 4.2.6, while its directory does not exist yet
    if done is None or done.code != 0:
        raise refusal("did not receive any response" if done is None else done.stderr, "")
    words = (line.strip() for line in done.stdout.splitlines())
    return tuple(word for word in words if word and " " not in word)


def start_agent(environment: Mapping[str, str], uid: int) -> str:
    """Start the user's one agent (`oidc-agent-service use`), if none answers; give its socket.

    Raises:
        AgentUnavailable: it cannot be started.
    """
    if (found := find_agent(environment, uid)) is not None:
        return found
    done = None
    if installed("oidc-agent-service"):
        words = ["oidc-agent-service", "use"]
        done = run_within(words, timeout=_LOCAL_S, environment=_known(environment))
    if (found := find_agent(environment, uid)) is not None:
        return found
    told = " ".join(done.stderr.split())[-300:] if done else ""
    remedy = f"{START}; oidc-agent-service stop; hep_auth login" if done else "install oidc-agent"
    raise AgentUnavailable(
        f"oidc-agent cannot be started{f': {told}' if told else ''}", remedy=remedy
    )


def agent_environment(environment: Mapping[str, str], address: str) -> dict[str, str]:
    """What oidc-agent's programs need to know of the caller's environment, with the agent's socket."""
    return _known(environment) | {ADDRESS: address}


def _known(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in _NAMES if environment.get(name)}


def _run(
    argv: list[str], environment: Mapping[str, str], uid: int, timeout: float
) -> Completed | None:
    if not installed(argv[0]):
        raise AgentUnavailable(
            "oidc-agent is not installed", remedy="install oidc-agent (Debian: oidc-agent-cli)"
        )
    address = find_agent(environment, uid)
    if address is None:
        said = environment.get(ADDRESS, "")
        why = f"nobody answers at $OIDC_SOCK ({said})" if said else "$OIDC_SOCK is not set"
        raise AgentUnavailable(
            f"oidc-agent does not run: {why}", remedy=f"{START}; then hep_auth login"
        )
    return run_within(argv, timeout=timeout, environment=agent_environment(environment, address))
