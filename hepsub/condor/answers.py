"""What a schedd's error texts mean: the bindings have one type for all of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hepsub.errors import (
    AuthenticationRefused,
    HepsubError,
    PoolError,
    PoolUnreachable,
    ScheddNotReached,
    SubmissionRefused,
)

_METHOD = r"authenticate using (\w+)"
_DENIED = r'DENIED" from server for user (?P<user>\S+) using method (?P<method>\w+)'
_NO_ACCOUNT = r'(?:owner to "|OS user value )(?P<user>[^",]+)"?, which is not a valid'
_NO_METHODS = "No auth methods"
_NOT_BELIEVED = ("AUTHENTICATE", "SECMAN", "Failed to start command")
_BUSY = "did not respond in a reasonable time"
"""A schedd that is kept busy says nothing, which the client takes for trouble with the authentication."""
REFUSED_REMEDY = "hep_sub -dry-run shows what was submitted; the words above are HTCondor's, or its administrators'"
_LIMITS = {
    "-2": "MAX_JOBS_SUBMITTED, of all users together",
    "-3": "MAX_JOBS_PER_OWNER, of one user",
    "-4": "MAX_JOBS_PER_SUBMISSION, of one submission",
}
"""What a schedd answers instead of the next ProcId."""


def says_why(text: str) -> bool:
    """Whether a text names a cause; for act and edit the bindings leave it out."""
    return "AUTHENTICATE" in text or "CEDAR" in text or "DENIED" in text


def schedd_error(schedd: str, text: str, allowed: str = "") -> HepsubError:
    """The error that a text of the bindings means.

    Args:
        schedd: full name of the schedd.
        text: what the bindings said.
        allowed: the methods of authentication that the client may use, separated by commas.
    """
    # From the most certain on: a text may hold the words of several layers, and a denial is the end of them all.
    if (denied := re.search(_DENIED, text)) is not None:
        return _denied(schedd, denied["user"], denied["method"])
    if _BUSY not in text and any(word in text for word in _NOT_BELIEVED):
        return _refused(schedd, text, allowed)
    if _BUSY in text or "CEDAR" in text or "Failed to connect to <" in text:
        kind = ScheddNotReached if "Failed to connect to" in text else PoolUnreachable
        return kind(
            f"the schedd {schedd} does not answer",
            remedy="try again in a minute; hep_q shows the other schedds' jobs meanwhile",
        )
    if (nobody := re.search(_NO_ACCOUNT, text)) is not None:
        return SubmissionRefused(
            f"the schedd {schedd} believes that you are {nobody['user']}, but has no such account",
            remedy="hep_auth shows as whom it knows you, and by which method; the administrators of the pool map"
            " what you show to an account",
        )
    if "job ad" in text or "ProcId" in text or "ClusterId" in text:
        return SubmissionRefused(f"the schedd {schedd} said: {_short(text)}", remedy=_remedy(text))
    return PoolError(f"the schedd {schedd} said: {_short(text)}", remedy="the words are HTCondor's")


def _denied(schedd: str, user: str, method: str) -> AuthenticationRefused:
    by_token = method == "SCITOKENS"
    return AuthenticationRefused(
        f"the schedd {schedd} knows you as {user} (by {method}), but does not let you do this",
        remedy="the token needs the scopes compute.read, compute.create, compute.modify and compute.cancel: see"
        " scopes in the [credential] that [pool] token names, and what the provider grants you"
        if by_token
        else "ask the administrators of the pool",
    )


def _refused(schedd: str, text: str, allowed: str) -> AuthenticationRefused:
    # HTCondor names the methods that failed; where none was tried, its configuration tells which might have been.
    tried = tuple(dict.fromkeys(re.findall(_METHOD, text)))
    methods = tried or tuple(allowed.replace(",", " ").upper().split())
    if tried:
        how = f"tried: {', '.join(tried)}"
    elif _NO_METHODS in text:
        how = f"no method in common: SEC_CLIENT_AUTHENTICATION_METHODS here allows {', '.join(methods)}"
    else:
        how = f"allowed here, if HTCondor came to try them: {', '.join(methods) or 'none'}"
    return AuthenticationRefused(
        f"the schedd {schedd} refused to believe who you are ({how}; {_short(text)})",
        remedy="; or, ".join(_proofs(schedd, methods)),
    )


def _proofs(schedd: str, methods: tuple[str, ...]) -> Iterator[str]:
    """What would be believed, of what was shown first."""
    if "SCITOKENS" in methods:
        yield (
            "the token that was shown has to be of an issuer that the schedd trusts, for the schedd's own audience,"
            " and must not have ended: see audience in the [credential] that [pool] token names, and hep_auth"
        )
    if "KERBEROS" in methods:
        host = schedd.partition("@")[2] or schedd
        yield (
            "the Kerberos ticket has to be there and must not have ended: klist shows it, kinit gets one (when it is"
            f" good, kvno host/{host} tells whether the realm knows the schedd)"
        )
    yield (
        "on the submit node itself: condor_token_fetch -token hepsub; elsewhere ask the administrators for a token"
        " in ~/.condor/tokens.d"
    )


def _short(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _remedy(text: str) -> str:
    for answer, limit in _LIMITS.items():
        if f"Schedd says {answer}" in text:
            return f"that is a limit of the pool ({limit}): submit fewer, or wait until some have ended"
    return REFUSED_REMEDY
