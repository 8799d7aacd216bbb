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


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether somebody configured HTCondor for this machine or session; the file may be away."""
    return bool(environment.get("CONDOR_CONFIG")) or _has_default_configuration()


def missing_configuration() -> str:
    """The file that CONDOR_CONFIG names, if it is not there; else empty."""
    named = os.environ.get("CONDOR_CONFIG", "")
    return "" if named in ("", "ONLY_ENV") or os.path.isfile(named) else named


def _has_default_configuration() -> bool:
    """Whether HTCondor's libraries find a configuration where they look without being told."""
    return any(os.path.isfile(os.path.expanduser(path)) for path in _CONFIGURATIONS)


def bindings() -> Any:  # noqa: ANN401 (the bindings have no types)
    """HTCondor's bindings; without any configuration they are told so, instead of talking on stderr."""
    if missing_configuration() or not is_configured(os.environ):
        os.environ["CONDOR_CONFIG"] = "ONLY_ENV"
    import htcondor2

    return htcondor2


def open_collector(collector: str) -> Any:  # noqa: ANN401 (the bindings have no types)
    """A collector, by its host[:port]; empty for that of HTCondor's own configuration."""
    return bindings().Collector(collector) if collector else bindings().Collector()


def limit_queries(seconds: float) -> None:
    """Let no collector keep this process waiting for longer: the bindings stop all of its threads meanwhile.

    It counts where they are not loaded yet.
    """
    set_own("_CONDOR_QUERY_TIMEOUT", f"{seconds:.0f}")


def client_methods() -> str:
    """The methods of authentication that HTCondor's configuration allows this client, separated by commas."""
    param = bindings().param
    names = ("SEC_CLIENT_AUTHENTICATION_METHODS", "SEC_DEFAULT_AUTHENTICATION_METHODS")
    return next((str(param[name]) for name in names if param.get(name)), "")


def show_token(token: str) -> bool:
    """Let HTCondor show a token as a SciToken from now on; whether that is news.

    The client finds it by WLCG Bearer Token Discovery; its methods are extended where the configuration
    has no SCITOKENS among them.
    """
    if os.environ.get("BEARER_TOKEN") == token:
        return False
    set_own("BEARER_TOKEN", token)
    param = bindings().param
    for name in ("SEC_CLIENT_AUTHENTICATION_METHODS", "SEC_DEFAULT_AUTHENTICATION_METHODS"):
        methods = str(param.get(name) or "")
        if methods and "SCITOKENS" not in methods.upper():
            param[name] = f"{methods}, SCITOKENS"
    return True


@contextlib.contextmanager
def showing_only(token: str) -> Iterator[None]:
    """Let HTCondor show this SciToken, and nothing else that would say who we are, until the block ends."""
    param, name, variable = bindings().param, "SEC_CLIENT_AUTHENTICATION_METHODS", "BEARER_TOKEN"
    methods, before = param.get(name), os.environ.get(variable)
    param[name], os.environ[variable] = "SCITOKENS", token
    try:
        yield
    finally:
        if methods is None:
            del param[name]
        else:
            param[name] = str(methods)
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
