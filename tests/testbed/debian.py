"""Debian's packages of a service, installed when they are absent."""

from collections.abc import Mapping
from pathlib import Path

from tests.testbed import cache, host
from tests.testbed.process import TestbedError, TestbedUnavailableError


def ensure(what: str, programs: Mapping[str, str]) -> None:
    """Install the packages whose programs are not there; `what` is for the message."""
    with cache.locked(cache.root() / ".apt.lock"):
        missing = [package for path, package in programs.items() if not Path(path).exists()]
        if not missing:
            return
        try:
            host.apt_get("update")
            host.apt_get("install", "-y", "--no-install-recommends", *missing)
        except TestbedError as error:
            raise TestbedUnavailableError(f"{what} cannot be installed: {error}") from error
