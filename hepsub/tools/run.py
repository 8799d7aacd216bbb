"""The one place that starts other programs: from a list, and with a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

from hepsub.errors import ToolFailed
from hepsub.situation import SAVED_PREFIX
from hepsub.tools.pipes import TooMuch, read_pipes

USUALLY_MOST = 2**24
"""Hardly a program that hepsub asks has more to say, in bytes."""


class Completed(Struct, frozen=True, kw_only=True):
    """What a program did: its exit code, stdout and stderr."""

    code: int
    stdout: str
    stderr: str


def installed(program: str) -> bool:
    """Whether a program is found on PATH."""
    import shutil  # with all its kinds of archives

    return shutil.which(program) is not None


class Server(Struct, frozen=True, kw_only=True):
    """A program that runs until it is stopped."""

    process: subprocess.Popen[bytes]

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it, and see it gone."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep Ctrl-C back until the block ends, so that a program just started is known to who must stop it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def start(
    argv: Sequence[str],
    *,
    log: Path,
    variables: Mapping[str, str],
    directory: Path | None = None,
    without: tuple[str, ...] = (),
) -> Server:
    """Start a program in a session of its own, which may outlive this process and its terminal.

    Args:
        argv: the program and its arguments.
        log: the file behind whose end its stdout and stderr go.
        variables: what it gets besides the environment, so that no secret is an argument.
        directory: where it runs; None for the working directory.
        without: beginnings of the names of variables that it does not get.

    Raises:
        ToolFailed: it is not installed, or cannot be started.
    """
    with _startable(argv), log.open("ab") as output:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=_environment(without) | dict(variables),
            start_new_session=True,
        )
    return Server(process=process)


def run_or_leave(argv: Sequence[str], *, timeout: float) -> int | None:
    """The exit code of a program that may get stuck in the kernel; None when it did not end in time.

    `run` would wait for it even when it cannot be ended: a read of a file system whose server sleeps.

    Raises:
        ToolFailed: it is not installed, or cannot be started.
    """
    with _startable(argv):
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    try:
        return process.wait(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel
            process.wait(timeout=1)
        return None


def _environment(without: tuple[str, ...] = ()) -> dict[str, str]:
    """Hepsub's own environment, in which the caller's library path does not hurt."""
    passed_over = (SAVED_PREFIX, *without)
    return {name: value for name, value in os.environ.items() if not name.startswith(passed_over)}


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    check: bool = True,
    environment: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
    pass_fds: tuple[int, ...] = (),
    most: int = USUALLY_MOST,
) -> Completed:
    """Run a program to its end, without a terminal and without the caller's library path.

    Args:
        argv: the program and its arguments.
        timeout: after so many seconds it is ended.
        check: whether its failure is an error.
        environment: variables besides hepsub's own.
        without: beginnings of the names of variables that it does not get.
        pass_fds: descriptors that it gets.
        most: so many bytes it may print.

    Raises:
        ToolFailed: it is not installed, did not end in time, or (with check) failed.
    """
    done = run_within(
        argv,
        timeout=timeout,
        environment=environment,
        without=without,
        pass_fds=pass_fds,
        most=most,
    )
    if done is None:
        raise _too_slow(argv, timeout)
    if check and done.code != 0:
        raise _failed(argv, done.code, done.stderr or done.stdout)
    return done


def run_within(
    argv: Sequence[str],
    *,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
    pass_fds: tuple[int, ...] = (),
    most: int = USUALLY_MOST,
) -> Completed | None:
    """Run a program as `run` does, and give what it did; None when it did not end in time.

    Raises:
        ToolFailed: it is not installed, cannot be started, or writes more than `most` bytes.
    """
    with _startable(argv):
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(without) | dict(environment or {}),
            pass_fds=pass_fds,
        )
    end = time.monotonic() + timeout
    with process:
        try:
            out, err = read_pipes(
                _open(process.stdout), _open(process.stderr), most=most, seconds=timeout
            )
            code = process.wait(max(0.0, end - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            process.kill()
            return None
        except TooMuch as error:
            process.kill()
            raise ToolFailed(
                f"{argv[0]} wrote more than {most >> 20} MB, and was ended",
                remedy=f"see what {argv[0]} does at the terminal",
            ) from error
        except BaseException:  # Ctrl-C too: nobody else knows the process
            process.kill()
            raise
    return Completed(code=code, stdout=out, stderr=err)


def _too_slow(argv: Sequence[str], timeout: float) -> ToolFailed:
    return ToolFailed(
        f"{_shown(argv)} did not end within {timeout:.0f} s", remedy="try again later"
    )


def _failed(argv: Sequence[str], code: int, said: str) -> ToolFailed:
    words = " ".join(said.split())[-500:]
    return ToolFailed(
        f"{_shown(argv)} failed with exit code {code}: {words}", remedy="see its words"
    )


class Piped(Struct, frozen=True, kw_only=True):
    """A program whose output is read while it runs.

    Attributes:
        out: the descriptor of its stdout.
        err: the descriptor of its stderr.
        wait: its exit code, when it has ended.
    """

    out: int
    err: int
    wait: Callable[[], int]


@contextlib.contextmanager
def piped(argv: Sequence[str], *, environment: Mapping[str, str]) -> Iterator[Piped]:
    """Run a program until it ends, or the block does.

    Raises:
        ToolFailed: it is not installed, or cannot be started.
    """
    with _startable(argv):
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment() | dict(environment),
            start_new_session=True,  # Ctrl-C is this process's matter
        )
    with process:
        try:
            out, err = _open(process.stdout).fileno(), _open(process.stderr).fileno()
            yield Piped(out=out, err=err, wait=process.wait)
        finally:
            process.kill()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe that was asked for, and so is there."""
    if pipe is None:
        raise AssertionError
    return pipe


def run_attached(argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> int:
    """Run a program that talks to the user at the terminal itself, for as long as it takes.

    Returns:
        Its exit code.

    Raises:
        ToolFailed: it is not installed, or cannot be started.
    """
    with _startable(argv):
        done = subprocess.run(list(argv), env=_environment() | dict(environment or {}), check=False)
    return done.returncode


def _shown(argv: Sequence[str]) -> str:
    from hepsub.plan.secrets import looks_secret

    return " ".join("***" if looks_secret("", word) else word for word in argv)


@contextlib.contextmanager
def _startable(argv: Sequence[str]) -> Iterator[None]:
    """Turn what the operating system says of a program that cannot be started into words."""
    try:
        yield
    except FileNotFoundError as error:
        raise ToolFailed(f"{argv[0]} is not installed", remedy=f"install {argv[0]}") from error
    except OSError as error:
        raise ToolFailed(
            f"{argv[0]} cannot be started: {error.strerror}", remedy="mend its installation"
        ) from error
