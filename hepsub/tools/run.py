"""The one place that starts other programs: from a list, with a time limit, logged without secrets."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from hepsub.errors import ToolFailed
from hepsub.plan.environment import looks_secret
from hepsub.situation import SAVED_PREFIX

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a program did: its exit code, stdout and stderr."""

    code: int
    stdout: str
    stderr: str


def installed(program: str) -> bool:
    """Whether a program is found on PATH."""
    return shutil.which(program) is not None


def run(argv: Sequence[str], *, timeout: float, check: bool = True) -> Completed:
    """Run a program to its end, without a terminal and without the caller's library path.

    Args:
        argv: the program and its arguments.
        timeout: seconds after which it is ended.
        check: whether an exit code other than 0 is an error.

    Raises:
        ToolFailed: it is not installed, did not end in time, or (with check) failed.
    """
    shown = " ".join("***" if looks_secret("", word) else word for word in argv)
    _LOG.debug("running %s", shown)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(SAVED_PREFIX)
    }
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolFailed(f"{argv[0]} is not installed", remedy=f"install {argv[0]}") from error
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(
            f"{shown} did not end within {timeout:.0f} s", remedy="try again later"
        ) from error
    if check and done.returncode != 0:
        words = " ".join((done.stderr or done.stdout).split())[-500:]
        raise ToolFailed(
            f"{shown} failed with exit code {done.returncode}: {words}", remedy="see its words"
        )
    return Completed(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
