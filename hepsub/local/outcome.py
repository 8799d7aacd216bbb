"""What has become of a run: from its record, the lock on it, and the boot of the machine."""

from __future__ import annotations

import enum
import os
import signal
import time
from collections.abc import Set
from pathlib import Path

from msgspec import Struct

from hepsub.local import processes, record
from hepsub.local.holds import KILLED, REBOOTED, HoldCause
from hepsub.local.locks import FREE
from hepsub.local.record import Record
from hepsub.local.runs import Run

_KILLING_S = 2.0
NOTHING = Record()


class Outcome(enum.Enum):
    """What has become of a run."""

    RUNS = "runs"
    ENDED = "ended"
    NEVER_BEGAN = "never began"
    LOST = "lost"


class RunOutcome(Struct, frozen=True, kw_only=True):
    """What has become of a run, and what is known of it.

    Attributes:
        outcome: what has become of it.
        record: what its supervisor wrote; empty when it wrote nothing.
        supervisor: pid of its supervisor; FREE or UNSEEN when there is none to be seen.
        cause: for a lost one, the reason.
    """

    outcome: Outcome
    record: Record = NOTHING
    supervisor: int = FREE
    cause: HoldCause = KILLED


def outcome_of(path: Path, run: Run, boot: str, *, expected: bool) -> RunOutcome:
    """Find out what has become of a run.

    Args:
        path: its record.
        run: the run.
        boot: this boot of the machine.
        expected: whether its supervisor was started a moment ago and may not have made the record yet.
    """
    seen = record.look(path)
    if seen is None:
        return _without_record(path, run, boot, expected=expected)
    written = seen.record or NOTHING
    if written.end is not None:
        return RunOutcome(outcome=Outcome.ENDED, record=written)
    if seen.supervisor != FREE:
        return RunOutcome(outcome=Outcome.RUNS, record=written, supervisor=seen.supervisor)
    if run.boot != boot:  # then an empty record means nothing: the crash may have emptied it
        return RunOutcome(outcome=Outcome.LOST, record=written, cause=REBOOTED)
    if seen.record is None:
        return RunOutcome(outcome=Outcome.NEVER_BEGAN)
    return RunOutcome(outcome=Outcome.LOST, record=written, cause=KILLED)


def _without_record(path: Path, run: Run, boot: str, *, expected: bool) -> RunOutcome:
    """What has become of a run without a record."""
    if run.boot != boot:
        return RunOutcome(outcome=Outcome.LOST, cause=REBOOTED)
    if expected or not record.leave_tombstone(path):
        return RunOutcome(outcome=Outcome.RUNS)
    return RunOutcome(outcome=Outcome.NEVER_BEGAN)


def end_leftovers(run: Run, written: Record, own: Set[int]) -> None:
    """End the processes of a run whose supervisor is gone.

    Args:
        run: the run.
        written: what its supervisor wrote.
        own: the children of this process that are no orphans of a supervisor.
    """
    until = time.monotonic() + _KILLING_S
    while time.monotonic() < until:
        found = processes.marked(run.mark) | (processes.children(os.getpid()) - own)
        if processes.is_process(written.payload, written.payload_start):
            found.add(written.payload)
        found |= processes.descendants(found)
        if not found:
            return
        processes.send(found, signal.SIGKILL)
        time.sleep(0.01)
