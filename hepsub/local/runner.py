"""The runner: one detached process for each user and host, that starts and stops jobs as slots allow.

It holds nothing that a successor would need: the queue and the supervisors' records say it all.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import socket
import sqlite3
import sys
import time
from pathlib import Path

from hepsub.batch import State
from hepsub.errors import HepsubError
from hepsub.files import lock_process
from hepsub.local import launch, processes, runs
from hepsub.local.database import Database
from hepsub.local.directory import Place, furnish
from hepsub.local.machine import choose, free_of, this_machine
from hepsub.local.outcome import Outcome, RunOutcome, clear_scratch, end_leftovers, outcome_of
from hepsub.local.runs import Run, Start
from hepsub.local.start import Timing
from hepsub.local.supervise import STOP, Order, supervise
from hepsub.terminal import printable

MARK = "_CONDOR_HEPSUB_RUN"
"""The variable by which processes of a run are known when nothing else tells."""

_TROUBLE = (HepsubError, OSError)
"""A full disk, above all: the jobs go on meanwhile, and the runner tries again."""


class Runner:
    """The runner's loop."""

    def __init__(self, place: Place, timing: Timing, lock: int) -> None:
        self.place = place
        self.database = Database(place)
        self.timing = timing
        self.lock = lock
        self.boot = processes.boot_id()
        self.machine = this_machine()
        self.host = socket.gethostname()
        self.wake = _open_wake(place)
        self.children: dict[int, Path] = {}
        """The supervisors that this process forked, and the records they make."""
        self.not_before = 0.0
        """When jobs may start again after something went wrong."""

    def run(self) -> None:
        """Work until the queue has been empty for a while."""
        with contextlib.suppress(*_TROUBLE):
            self._tidy()
        busy_at = time.monotonic()
        while self._is_the_one():
            try:
                if self._turn():
                    busy_at = time.monotonic()
                elif time.monotonic() - busy_at >= self.timing.linger_s and self._retire():
                    return
            except _TROUBLE as trouble:
                say(f"{trouble}; trying again")
                if self.lock < 0 or not self.place.directory.exists():
                    return  # somebody removed the queue, and with it all that there was to do
                time.sleep(self.timing.retry_s)
            self._wait()

    def _turn(self) -> bool:
        """Note what ended, start what fits, stop what is to be stopped; whether there is work."""
        self._refurnish()
        self._reap()
        with self.database.writing() as connection:
            # In one transaction, so that what ends makes room for what starts.
            outcomes = [(run, self._outcome_of(run)) for run in runs.active(connection)]
            for run, found in outcomes:
                self._note(connection, run, found)
            starts = self._starts(connection)
            work = runs.has_work(connection)
        # Only what is on the disk: a run that nobody had noted would begin again after a crash.
        for start in starts:
            self._start(start)
        for run, found in outcomes:
            self._follow_up(run, found)
        return work

    def _is_the_one(self) -> bool:
        """Whether it is the runner still: a lock that somebody removed is taken again, if nobody else has it."""
        if _is_open(self.lock, self.place.lock) or not self.place.database.exists():
            return True
        lock = open_lock(self.place)
        if lock_process(lock):
            self.lock, lock = lock, self.lock
        else:
            say("another runner has the queue; the jobs go on")
        os.close(lock)
        return _is_open(self.lock, self.place.lock)

    def _refurnish(self) -> None:
        """Make again what somebody removed: nobody could wake the runner, nor a supervisor tell of its job."""
        whole = _is_open(self.wake, self.place.wake) and self.place.runs.is_dir()
        if not whole and self.place.database.exists():
            os.close(self.wake)
            self.wake = _open_wake(self.place)

    def _outcome_of(self, run: Run) -> RunOutcome:
        path = self._record(run)
        return outcome_of(
            path, same_boot=run.boot == self.boot, expected=path in self.children.values()
        )

    def _note(self, connection: sqlite3.Connection, run: Run, found: RunOutcome) -> None:
        if found.outcome is Outcome.ENDED:
            runs.end(connection, run, found.record)
        elif found.outcome is Outcome.NEVER_BEGAN:
            runs.unbegin(connection, run)
            self.not_before = time.monotonic() + self.timing.retry_s
        elif found.outcome is Outcome.LOST:
            end_leftovers(run.mark, found.record, self.children.keys())
            runs.lose(connection, run, found.cause, time.time())

    def _follow_up(self, run: Run, found: RunOutcome) -> None:
        """What may happen only when the queue knows: until then the record alone says how a run ended."""
        if found.outcome in (Outcome.ENDED, Outcome.LOST):
            self._record(run).unlink(missing_ok=True)
            if run.state is State.REMOVED:  # scratch.sh may have been killed with the job
                clear_scratch(run.bundle, run.proc)
        # Each turn anew: a supervisor that was not there yet at the first time has not heard it.
        elif run.state is not State.RUNNING and found.supervisor > 0:
            processes.send([found.supervisor], STOP)

    def _starts(self, connection: sqlite3.Connection) -> list[Start]:
        if time.monotonic() < self.not_before:
            return []
        free = free_of(self.machine, (run.request for run in runs.active(connection)))
        if free.cores < 1:
            return []
        chosen = choose(runs.waiting(connection, self.machine, free.cores), free)
        return [
            runs.begin(
                connection,
                job,
                mark=secrets.token_hex(16),
                boot=self.boot,
                host=self.host,
                now=time.time(),
            )
            for job in chosen
        ]

    def _start(self, start: Start) -> None:
        """Fork the supervisor of a run; when that fails, the next turn finds that it never began."""
        # Forked, not started as a program: a thousand short jobs would load Python a thousand times.
        order = self._order(start)
        try:
            pid = os.fork()
        except OSError as error:
            say(f"no process could be made: {error}")
            return
        if pid == 0:
            _be_supervisor(order)
        self.children[pid] = order.record

    def _order(self, start: Start) -> Order:
        run = start.run
        environment = {**start.environment, **start.launch.variables, MARK: run.mark}
        return Order(
            record=self._record(run),
            wake=self.place.wake,
            launch=start.launch,
            environment=environment,
            walltime_s=start.walltime_s,
            memory_mb=run.request.memory_mb if start.hold_memory else 0,
            grace_s=self.timing.grace_s,
            name=f"{run.cluster}.{run.proc}",
        )

    def _record(self, run: Run) -> Path:
        return self.place.record(run.cluster, run.proc, run.run)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self.children.pop(pid, None)

    def _wait(self) -> None:
        """Sleep until a command or a supervisor has news, or for the length of a turn."""
        readable, _, _ = select.select([self.wake], [], [], self.timing.turn_s)
        if readable:
            os.read(self.wake, 65536)

    def _retire(self) -> bool:
        """End, unless there is work: within a transaction, so that no submission falls between.

        A command that submits looks at the lock after its own transaction, and starts a new runner.
        """
        with self.database.writing() as connection:
            if runs.has_work(connection):
                return False
            os.close(self.lock)
            self.lock = -1
        return True

    def _tidy(self) -> None:
        """Forget old history, and old records of runs that never began."""
        now = time.time()
        with self.database.writing() as connection:
            runs.prune(connection, now - self.timing.history_s)
            live = {self._record(run) for run in runs.active(connection)}
        for path in self.place.runs.iterdir():
            if path not in live and now - path.stat().st_mtime > self.timing.traces_s:
                path.unlink(missing_ok=True)


def open_lock(place: Place) -> int:
    """The lock's file, open for writing."""
    return os.open(place.lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _open_wake(place: Place) -> int:
    furnish(place)
    # Also for writing: else it is readable for ever when the first command that wrote has closed it.
    return os.open(place.wake, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_open(descriptor: int, path: Path) -> bool:
    """Whether a path still names what was opened."""
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False


def _be_supervisor(order: Order) -> None:
    """In the forked child: keep nothing of the runner's, and never come back."""
    try:
        os.setsid()
        for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208 (closed while it is read)
            if int(descriptor) > sys.stderr.fileno():
                with contextlib.suppress(OSError):
                    os.close(int(descriptor))
        supervise(order)
    except BaseException as error:  # noqa: BLE001 (nothing may leave the child)
        say(f"{order.name}: {type(error).__name__}: {error}")
    finally:
        os._exit(0)


def say(text: str) -> None:
    """Write a line to the runner's log."""
    with contextlib.suppress(OSError):  # on a full disk, too
        print(time.strftime("%Y-%m-%d %H:%M:%S"), printable(text), file=sys.stderr, flush=True)  # noqa: T201


def main(directory: str, timing: str) -> None:
    """Be the runner of a directory, unless there is one."""
    place = Place(Path(directory))
    lock = open_lock(place)
    if not lock_process(lock):
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    launch.name_process("hepsub-runner")
    launch.adopt_orphans()  # of supervisors that are killed
    Runner(place, Timing.read(timing), lock).run()
