"""HTCondor's bindings and its configuration: the only importer of htcondor2."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from hepsub.situation import set_own

_CONFIGURATIONS = (
    "/etc/condor/condor_config",
    "/usr/local/etc/condor_config",
    "~condor/condor_config",
)
"""Where HTCondor's libraries look for a configuration without being told."""
_CLIENT_METHODS = "SEC_CLIENT_AUTHENTICATION_METHODS"
_METHODS = (_CLIENT_METHODS, "SEC_DEFAULT_AUTHENTICATION_METHODS")
_TOKEN = "BEARER_TOKEN"  # noqa: S105 (its name)
"""The variable in which HTCondor finds a SciToken first (WLCG Bearer Token Discovery)."""


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether somebody configured HTCondor for this machine or session; the file may be away."""
    if environment.get("CONDOR_CONFIG"):
        return True
    return any(os.path.isfile(os.path.expanduser(path)) for path in _CONFIGURATIONS)


def missing_configuration() -> str:
    """The file that CONDOR_CONFIG names, if it is not there; else empty."""
    named = os.environ.get("CONDOR_CONFIG", "")
    return "" if named in ("", "ONLY_ENV") or os.path.isfile(named) else named


def bindings() -> Any:  # noqa: ANN401 (the bindings have no types)
    """HTCondor's bindings; without any configuration they are told so, instead of talking on stderr."""
    if missing_configuration() or not is_configured(os.environ):
        os.environ["CONDOR_CONFIG"] = "ONLY_ENV"
    import htcondor2

    return htcondor2


@contextlib.contextmanager
def configured(name: str, value: str) -> Iterator[None]:
    """Let HTCondor's configuration have this value until the block ends."""
    param = bindings().param
    before = param.get(name)
    param[name] = value
    try:
        yield
    finally:
        if before is None:
            del param[name]
        else:
            # The bindings give numbers as numbers, and take texts only.
            param[name] = str(before)


def limit_queries(seconds: float) -> None:
    """Let no collector keep this process waiting for longer: the bindings stop all of its threads meanwhile.

    It counts where they are not loaded yet.
    """
    set_own("_CONDOR_QUERY_TIMEOUT", f"{seconds:.0f}")


def client_methods() -> str:
    """The methods of authentication that HTCondor's configuration allows this client, separated by commas."""
    param = bindings().param
    return next((str(param[name]) for name in _METHODS if param.get(name)), "")


def show_token(token: str) -> bool:
    """Let HTCondor show a token as a SciToken from now on; whether that is news."""
    is_news = os.environ.get(_TOKEN) != token
    set_own(_TOKEN, token)
    param = bindings().param
    for name in _METHODS:
        methods = str(param.get(name) or "")
        # A client tries only the methods that it has; one whose configuration names none has all of them.
        if methods and "SCITOKENS" not in methods.upper():
            param[name] = f"{methods}, SCITOKENS"
            is_news = True
    return is_news


@contextlib.contextmanager
def showing_only(token: str) -> Iterator[None]:
    """Let HTCondor show this SciToken, and nothing else that would say who we are, until the block ends."""
    before = os.environ.get(_TOKEN)
    with configured(_CLIENT_METHODS, "SCITOKENS"):
        os.environ[_TOKEN] = token
        try:
            yield
        finally:
            if before is None:
                del os.environ[_TOKEN]
            else:
                os.environ[_TOKEN] = before
