"""The supervisor of one running job: its own process, forked by the runner, that outlives the runner.

It starts the job, keeps its limits, stops it when it is told to (SIGUSR1), ends whatever the job leaves
behind, and writes down how it ended.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub.local import launch, processes, record
from hepsub.local.launch import Launch
from hepsub.local.record import End, Record
from hepsub.local.start import wake

STOP = signal.SIGUSR1
_WATCHED = (signal.SIGCHLD, signal.SIGTERM, STOP)
# Most jobs grow at their beginning, and many are short; one that runs for days costs a look each second.
_FIRST_LOOK_S, _LOOK_S, _SLOWDOWN = 0.02, 1.0, 1.6
_CLEANING_S = 10.0
_NOTEWORTHY_MB = 1.0
_LONGEST_REASON = 400
"""Characters, each of which may be six in the record's JSON; it has 4096."""


class Order(Struct, frozen=True, kw_only=True):
    """A run that is to begin.

    Attributes:
        walltime_s: seconds after which it is stopped; 0 for never.
        memory_mb: memory above which it is stopped, in MB; 0 for never.
        grace_s: seconds between SIGTERM and SIGKILL.
        name: `cluster.proc`.
    """

    record: Path
    wake: Path
    launch: Launch
    environment: Mapping[str, str]
    walltime_s: int
    memory_mb: int
    grace_s: float
    name: str


def supervise(order: Order) -> None:
    """Run a job to its end; without a word when the run has a tombstone, or no record can be made."""
    # Blocked, and taken one by one (sigtimedwait): none is lost between two looks, and none ends this process.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    launch.name_process(f"hepsub {order.name}")
    launch.adopt_orphans()
    try:
        descriptor = record.create_locked(order.record)
    except OSError:
        return
    ended = _run(order, descriptor)
    while True:
        try:
            record.finish(descriptor, ended)
            break
        except OSError:  # some file systems need room to overwrite
            time.sleep(1)
    wake(order.wake)


def _run(order: Order, descriptor: int) -> Record:
    floor_mb = processes.memory_mb([os.getpid()], 0)
    try:
        pid, pipe = launch.start(order.launch, order.environment)
    except OSError:  # no room for another process: as if somebody had switched the machine off
        return Record(end=End(when=time.time(), cause="shutdown"))
    begun = Record(payload=pid, payload_start=processes.start_of(pid))
    watch = _Watch(order, descriptor, begun)
    status = watch.until_end()
    if failed := launch.failure(pipe):
        end = End(
            when=time.time(),
            cause="start",
            hold_code=failed.code,
            hold_subcode=failed.subcode,
            reason=failed.reason[:_LONGEST_REASON],
        )
        return Record(end=end)
    _clean()
    return _ended(watch, status, floor_mb)


class _Watch:
    """A job that runs: the one thing here that changes."""

    def __init__(self, order: Order, descriptor: int, begun: Record) -> None:
        self.order = order
        self.descriptor = descriptor
        self.record = begun
        self.noted_mb = -_NOTEWORTHY_MB
        self.started = time.monotonic()
        self.cause = ""
        self.kill_at = 0.0

    def until_end(self) -> int:
        """Watch the job's first process; returns its status as wait(2) gives it."""
        pause = _FIRST_LOOK_S
        self._look()
        while True:
            told = signal.sigtimedwait(_WATCHED, min(pause, self._until_next()))
            # Whatever was told: a job that has just ended by itself was not stopped.
            status = _reap(self.record.payload)
            if status is not None:
                return status
            if told is not None and told.si_signo != signal.SIGCHLD:
                self._stop("asked" if told.si_signo == STOP else "shutdown")
            if told is None:
                self._look()
                pause = min(pause * _SLOWDOWN, _LOOK_S)
            self._keep_time()

    def _until_next(self) -> float:
        """Seconds until the clock asks for something."""
        passed = time.monotonic()
        if self.cause:
            return max(0.0, self.kill_at - passed) or _FIRST_LOOK_S
        if self.order.walltime_s:
            return max(0.0, self.started + self.order.walltime_s - passed)
        return _LOOK_S

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self.cause and now >= self.kill_at:
            processes.send(processes.descendants([os.getpid()]), signal.SIGKILL)
        elif self.order.walltime_s and now - self.started >= self.order.walltime_s:
            self._stop("walltime")

    def _stop(self, cause: str) -> None:
        """Ask the job to end; the first cause counts."""
        if self.cause:
            return
        self.cause = cause
        self.kill_at = time.monotonic() + self.order.grace_s
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.record.payload, signal.SIGTERM)

    def _look(self) -> None:
        """Measure the memory in use, and keep its limit."""
        limit = self.order.memory_mb
        used = processes.memory_mb(processes.descendants([os.getpid()]), limit)
        if used > self.record.peak_mb:
            self.record = replace(self.record, peak_mb=used)
        if self.record.peak_mb >= self.noted_mb + _NOTEWORTHY_MB:
            self.noted_mb = self.record.peak_mb
            with contextlib.suppress(OSError):  # hep_q shows the value before
                record.write(self.descriptor, self.record)
        if limit and used > limit:
            self._stop("memory")


def _reap(wanted: int) -> int | None:
    """Take the statuses of processes that ended; that of the wanted one is returned."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == wanted:
            found = status


def _clean() -> None:
    """End what the job left behind, as HTCondor does."""
    until = time.monotonic() + _CLEANING_S
    while left := processes.descendants([os.getpid()]):
        processes.send(left, signal.SIGKILL)
        signal.sigtimedwait([signal.SIGCHLD], _FIRST_LOOK_S)
        _reap(0)
        if time.monotonic() > until:  # a process in the kernel's hands (state D) cannot be ended
            return


def _ended(watch: _Watch, status: int, floor_mb: float) -> Record:
    """The last record.

    Args:
        watch: the job that ended.
        status: as wait(2) gave it.
        floor_mb: this process's memory: the kernel counts it in the peak of what it forked.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = os.waitstatus_to_exitcode(status)
    counted = usage.ru_maxrss / 1024
    peak = max(watch.record.peak_mb, counted if counted > floor_mb + 1 else 0)
    end = End(
        when=time.time(),
        cause=watch.cause,
        exit_code=code if code >= 0 else None,
        exit_signal=-code if code < 0 else None,
        cpu_s=usage.ru_utime + usage.ru_stime,
    )
    return replace(watch.record, peak_mb=round(peak, 1), end=end)
