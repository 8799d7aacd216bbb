"""What a schedd's error texts mean: the bindings have one type for all of them. Pure."""

from __future__ import annotations

import re

from hepsub.errors import (
    AuthenticationRefused,
    HepsubError,
    PoolError,
    PoolUnreachable,
    ScheddNotReached,
    SubmissionRefused,
)

_METHOD = re.compile(r"authenticate using (\w+)")
_DENIED = re.compile(r'DENIED" from server for user (?P<user>\S+) using method (?P<method>\w+)')
_LIMITS = {
    "-2": "MAX_JOBS_SUBMITTED, of all users together",
    "-3": "MAX_JOBS_PER_OWNER, of one user",
    "-4": "MAX_JOBS_PER_SUBMISSION, of one submission",
}
"""What a schedd answers instead of the next ProcId."""


def says_why(text: str) -> bool:
    """Whether a text names a cause; for act and edit the bindings leave it out."""
    return "AUTHENTICATE" in text or "CEDAR" in text or "DENIED" in text


def schedd_error(schedd: str, text: str) -> HepsubError:
    """The error that a text of the bindings means.

    Args:
        schedd: full name of the schedd.
        text: what the bindings said.
    """
    if (denied := _DENIED.search(text)) is not None:
        return _denied(schedd, denied["user"], denied["method"])
    if "AUTHENTICATE" in text or "SECMAN" in text or "Failed to start command" in text:
        return _refused(schedd, text)
    if "CEDAR" in text or "Failed to connect to <" in text:
        kind = ScheddNotReached if "Failed to connect to" in text else PoolUnreachable
        return kind(
            f"the schedd {schedd} does not answer",
            remedy="try again in a minute; hep_q shows the other schedds' jobs meanwhile",
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


def _refused(schedd: str, text: str) -> AuthenticationRefused:
    methods = tuple(dict.fromkeys(_METHOD.findall(text)))
    fetch = (
        "on the submit node itself: condor_token_fetch -token hepsub; elsewhere ask the"
        " administrators for a token in ~/.condor/tokens.d"
    )
    shown = (
        "the token that was shown has to be of an issuer that the schedd trusts, for the schedd's own audience, and"
        " must not have ended: see audience in the [credential] that [pool] token names, and hep_auth;"
        " or, "
    )
    return AuthenticationRefused(
        f"the schedd {schedd} refused to believe who you are (tried: {', '.join(methods) or 'nothing'};"
        f" {_short(text)})",
        remedy=f"{shown if 'SCITOKENS' in methods else ''}{fetch}",
    )


def _short(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _remedy(text: str) -> str:
    for answer, limit in _LIMITS.items():
        if f"Schedd says {answer}" in text:
            return f"that is a limit of the pool ({limit}): submit fewer, or wait until some have ended"
    return "hep_sub -dry-run shows what was submitted; the words above are HTCondor's"
