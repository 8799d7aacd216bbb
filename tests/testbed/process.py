"""The one place of the testbed where programs are run to completion."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TAIL = 4000


class TestbedError(Exception):
    """Something in the testbed failed; the message has the evidence."""

    __test__ = False


class TestbedUnavailableError(Exception):
    """This machine cannot run the testbed; the message says why."""

    __test__ = False


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    input: str | None = None,  # noqa: A002  (subprocess's own name)
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and raise TestbedError with its output if it fails."""
    words = [str(word) for word in argv]
    stdin = subprocess.DEVNULL if input is None else None
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=env,
            timeout=timeout,
            input=input,
            stdin=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TestbedError(f"{' '.join(words)}: no end after {timeout:.0f} s") from error
    if check and done.returncode != 0:
        output = (done.stdout + done.stderr)[-TAIL:]
        raise TestbedError(f"{' '.join(words)}: exit code {done.returncode}\n{output}")
    return done
