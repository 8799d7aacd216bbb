"""Where a job stands, as far as its log is concerned, and what to say where there is none to be shown."""

from __future__ import annotations

import enum

from hepsub.actions.tail.target import NOWHERE, Target
from hepsub.batch import State
from hepsub.batch_logs import LogPlaces
from hepsub.errors import NotDone


class Standing(enum.Enum):
    """Where the log of a job is read."""

    THERE = "where the job runs"
    HOME = "at home, while it runs"
    ELEMENT = "behind a computing element"
    WAITING = "nowhere: it waits to run"
    HELD = "on hold"
    LEFT = "with its schedd, until it is fetched"
    ENDED = "at home, when it came there"


_RUNNING = (State.RUNNING, State.TRANSFERRING, State.SUSPENDED)


def standing(target: Target, places: LogPlaces) -> Standing:
    """Where the log of a job is read."""
    state = places.status.state
    if state in (State.COMPLETED, State.REMOVED):
        return Standing.LEFT if target.collected and places.queued else Standing.ENDED
    if state in _RUNNING:
        if places.element:
            return Standing.ELEMENT
        return Standing.HOME if places.while_running else Standing.THERE
    return Standing.HELD if state is State.HELD else Standing.WAITING


def why_nothing(target: Target, places: LogPlaces) -> NotDone:
    """What to say of a job of whose log nothing can be shown now."""
    meant, log, path = target.meant, target.stream.value, target.path(places)
    if path == NOWHERE:
        option = "-o" if log == "stdout" else "-e"
        return NotDone(f"the {log} of {meant} goes to {NOWHERE}", remedy=f"{option} names a file")
    sentence, remedy = _sentence(target, places)
    return NotDone(f"{meant} {sentence}", remedy=remedy)


def _sentence(target: Target, places: LogPlaces) -> tuple[str, str]:
    """What follows the job's name, and what to do."""
    meant, log, path = target.meant, target.stream.value, target.path(places)
    why = f"hep_q -i {meant} -why tells"
    stands = standing(target, places)
    match stands:
        case Standing.WAITING:
            again = f"is idle again, and of the {log} of its last run nothing came home"
            never = f"is idle: it has not written any {log} yet"
            return again if places.run else never, f"{why} why it waits; -f waits until it runs"
        case Standing.HELD:
            return (
                f"is on hold ({places.status.hold_reason}), and of its {log} nothing came home: HTCondor brings"
                " nothing of a job that it puts on hold while it runs",
                f"{why} what to do",
            )
        case Standing.ELEMENT:
            return (
                f"is with a computing element, behind which nobody can look: its {log} comes home when it has ended",
                f"hep_tail -f {meant} waits for that",
            )
        case Standing.LEFT:
            into = f", into {path}" if path else ""
            return (
                f"has ended, and its {log} is still with the schedd {places.status.schedd}",
                f"hep_fetch {target.jobs.meant} brings it{into}",
            )
    lies = f"{path} is not there" if path else "it is not known where its log is"
    if stands is Standing.ENDED:
        return f"has ended, and {lies}", f"hep_history {meant} tells how it ended"
    return f"runs, and {lies}", f"{why} more"
