"""What is started for a job (Plan + values → Launch, pure), and the moment between fork and exec.

A job whose files travel, or that runs in a container image, is started by the bundle's scratch.sh, which gives it a
private directory, and the wrapper there.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from msgspec import Struct, convert, to_builtins

from hepsub.local.outcome import NO_DIRECTORY, NO_OUTPUT, NOT_STARTED, HoldCause
from hepsub.plan.bundle_paths import SCRATCH, SHARED
from hepsub.plan.environment import JOB_ID
from hepsub.plan.model import Plan
from hepsub.plan.template import Values

_LOG_MODE = 0o666
_UMASK = 0o022
_AT_ONCE_S = 1.0
_DEATH_SIGNAL, _NAME, _SUBREAPER = 1, 15, 36
"""prctl(2): PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class Launch(Struct, frozen=True, kw_only=True):
    """One job, as the kernel is asked to start it; paths are absolute.

    Attributes:
        argv: the program and its arguments.
        variables: the job's own, above those that its cluster shares.
        stderr: the same path as stdout's means the same open file.
        bundle: the bundle's directory, for a job that scratch.sh starts; empty for others.
    """

    argv: tuple[str, ...]
    cwd: str
    variables: Mapping[str, str]
    stdout: str
    stderr: str
    bundle: str = ""


def make_launch(plan: Plan, values: Values, uuid: str) -> Launch:
    """What is started for one job of a plan."""
    words = [word.fill(values) for word in (plan.executable, *plan.arguments_of(values))]
    bundle = ""
    if plan.staging is not None:
        bundle = f"{plan.staging.bundle_root}/{uuid}"
        words = [f"{bundle}/{SHARED}/{SCRATCH}", bundle, str(values.proc), *words[1:]]
    return Launch(
        argv=tuple(exact(word) for word in words),
        cwd=exact(plan.directory),
        variables={
            JOB_ID: plan.again.named(values.proc)
            if plan.again
            else f"{values.cluster}.{values.proc}",
            **{exact(name): exact(each.fill(values)) for name, each in plan.variables.items()},
        },
        stdout=exact(plan.stdout.fill(values)),
        stderr=exact(plan.stderr.fill(values)),
        bundle=exact(bundle),
    )


def shared_environment(plan: Plan) -> dict[str, str]:
    """The variables that all jobs of a plan get."""
    return {exact(name): exact(value) for name, value in plan.environment.items()}


def exact(text: str) -> str:
    """The text that stands for the same bytes in the runner, which uses UTF-8 in every locale."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def read_launch(document: object) -> Launch:
    """A launch from what the queue keeps."""
    return convert(document, Launch)


class _Failed(Exception):
    """What could not be done before the program ran."""

    def __init__(self, cause: HoldCause) -> None:
        super().__init__(cause.reason)
        self.cause = cause


@contextlib.contextmanager
def _as_cause(code: int, what: str) -> Iterator[None]:
    """Turn what the operating system refuses into HTCondor's code and words for it."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        words = f"{what} (errno={number}: '{os.strerror(number)}')"
        raise _Failed(HoldCause(code, number, words)) from error


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0)


def name_process(name: str) -> None:
    """Set the name that ps and top show, 15 letters of it."""
    _LIBC.prctl(_NAME, name.encode(), 0, 0, 0)


def start(launch: Launch, environment: Mapping[str, str]) -> tuple[int, BinaryIO]:
    """Start the program in a session of its own.

    Returns:
        Its pid, and a pipe that ends when the program runs, or when `failure` can tell why it does not.

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
            words = f"Failed to execute '{launch.argv[0]}': {error}"
            told = error.cause if isinstance(error, _Failed) else HoldCause(NOT_STARTED, 0, words)
            os.write(writing, json.dumps(to_builtins(told)).encode())
        finally:
            os._exit(127)
    os.close(writing)
    pipe = open(reading, "rb")  # noqa: SIM115 (the caller closes it)
    # Usually at once, and then what is measured is the program, not what was forked. But a log may be a named pipe that
    # nobody reads, or the directory on a server that sleeps: whoever watches the job has its limits to keep meanwhile.
    select.select([pipe], [], [], _AT_ONCE_S)
    return pid, pipe


def failure(pipe: BinaryIO) -> HoldCause | None:
    """Why the program was not started of a process that has ended; None where it was."""
    with pipe:
        told = pipe.read()
    return convert(json.loads(told), HoldCause) if told else None


def _become(launch: Launch, environment: Mapping[str, str], parent: int) -> None:
    os.setsid()
    # A job whose supervisor is killed ends with it; one that was killed before this line is seen by its absence.
    _LIBC.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(127)
    os.umask(_UMASK)
    with _as_cause(NO_DIRECTORY, f"Failed to enter '{launch.cwd}'"):
        os.chdir(launch.cwd)
    _open_streams(launch)
    # Python ignores SIGPIPE, and the runner SIGHUP; what is ignored stays so in the program (execve(2)).
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError):  # the C library keeps two for itself
            signal.signal(number, signal.SIG_DFL)
    # The last: until here the supervisor's mask keeps back what the program itself is to get.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with _as_cause(NOT_STARTED, f"Failed to execute '{launch.argv[0]}'"):
        os.execve(launch.argv[0], launch.argv, environment)  # noqa: S606 (from a list)


def _open_streams(launch: Launch) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _open_log(launch.stdout, 1)
    if launch.stderr == launch.stdout:  # opened once, or each would write over what the other wrote
        os.dup2(1, 2)
    else:
        _open_log(launch.stderr, 2)


def _open_log(path: str, descriptor: int) -> None:
    with _as_cause(NO_OUTPUT, f"Failed to open '{path}'"):
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _LOG_MODE)
        os.dup2(log, descriptor)
