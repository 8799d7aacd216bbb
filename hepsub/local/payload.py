"""The moment between fork and exec: a job's first process, as the supervisor's child."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
from collections.abc import Callable, Mapping

from hepsub.local.holds import NO_DIRECTORY, NO_OUTPUT, NOT_STARTED, HoldCause
from hepsub.local.launch import Launch

_LOG_MODE = 0o666
_UMASK = 0o022
_DEATH_SIGNAL, _NAME, _SUBREAPER = 1, 15, 36
"""prctl(2): PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER."""
_OOM_SCORE = "500"
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Failed(Exception):
    """What could not be done before the program ran, with HTCondor's code for it."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(what)
        self.code = code


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0)


def name_process(name: str) -> None:
    """Set the name that ps and top show, 15 letters of it."""
    _LIBC.prctl(_NAME, name.encode(), 0, 0, 0)


def start(launch: Launch, environment: Mapping[str, str]) -> tuple[int, HoldCause | None]:
    """Start the program in a session of its own.

    Returns:
        Its pid, and why the program could not be started (the process has ended then).

    Raises:
        OSError: there is no room for another process.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become(launch, environment, parent)
        except BaseException as error:  # noqa: BLE001 (nothing may leave the child)
            os.write(writing, json.dumps(_told(error, launch)).encode())
        finally:
            os._exit(127)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read()
    if not told:  # exec closed it
        return pid, None
    code, number, reason = json.loads(told)
    return pid, HoldCause(code, number, reason)


def _told(error: BaseException, launch: Launch) -> tuple[int, int, str]:
    cause = error.__cause__
    number = cause.errno or 0 if isinstance(cause, OSError) else 0
    if isinstance(error, _Failed):
        return error.code, number, f"{error} (errno={number}: '{os.strerror(number)}')"
    return NOT_STARTED, number, f"Failed to execute '{launch.argv[0]}': {error}"


def _become(launch: Launch, environment: Mapping[str, str], parent: int) -> None:
    os.setsid()
    _LIBC.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(127)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_OOM_SCORE)  # when the machine runs out of memory, the job goes first
    os.umask(_UMASK)
    _attempt(NO_DIRECTORY, f"Failed to enter '{launch.cwd}'", lambda: os.chdir(launch.cwd))
    _open_streams(launch)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):  # the C library keeps two for itself
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    program = launch.argv[0]
    _attempt(
        NOT_STARTED,
        f"Failed to execute '{program}'",
        lambda: os.execve(program, launch.argv, environment),  # noqa: S606 (from a list)
    )


def _open_streams(launch: Launch) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    stdout = _open_log(launch.stdout)
    stderr = stdout if launch.stderr == launch.stdout else _open_log(launch.stderr)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)


def _open_log(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    found: list[int] = []
    _attempt(
        NO_OUTPUT, f"Failed to open '{path}'", lambda: found.append(os.open(path, flags, _LOG_MODE))
    )
    return found[0]


def _attempt(code: int, what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except OSError as error:
        raise _Failed(code, what) from error
