"""Removing, holding, releasing and changing jobs of Slurm's: one program for all of them, however many they are."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from hepsub.batch import Act, ActCount, State
from hepsub.errors import NotDone, ToolFailed
from hepsub.jobid import procs_text
from hepsub.slurm.rows import Row
from hepsub.slurm.tasks import number_of
from hepsub.tools.slurm import ask, said

_REQUEUE = "requeuehold"
# One word of a command line has at most 128 KiB on Linux (MAX_ARG_STRLEN), and scontrol takes all names in one.
_RANGES_IN_A_NAME = 5000
_NAMES_IN_A_LINE = 100_000
"""Characters."""
Look = Callable[[Sequence[int]], Iterable[Row]]
"""Looks again at the jobs of some clusters."""


def act_on(act: Act, rows: Iterable[Row], user: str, look: Look) -> ActCount:
    """Do something to jobs.

    Args:
        act: what.
        rows: the jobs, also those that have ended.
        user: who does it.
        look: looks at them again where Slurm could not do it to all.

    Raises:
        PoolUnreachable, ToolFailed: some were not met.
    """
    done, already, wrong, denied, ran = 0, 0, 0, 0, 0
    groups = defaultdict[tuple[str, ...], list[Row]](list)
    for row in rows:
        number = number_of(row.tasks)
        if row.has_ended:
            wrong += number
        # Slurm would refuse, too, but its exit code does not tell of which jobs.
        elif row.owner != user and os.getuid() != 0:
            denied += number
        elif act is Act.HOLD and row.state is State.HELD:
            already += number
        elif not _may(act, row):
            wrong += number
        else:
            groups[_command(act, row)].append(row)
    for command, those in groups.items():
        number = sum(number_of(row.tasks) for row in those)
        met = number if _has_done(command, those) else _met(act, those, look)
        done, wrong = done + met, wrong + number - met
        ran += met if _REQUEUE in command else 0
    return ActCount(done=done, already=already, wrong_state=wrong, denied=denied, runs_ended=ran)


def edit_jobs(words: Sequence[str], rows: Iterable[Row]) -> None:
    """Change what waiting jobs ask for.

    Args:
        words: what `scontrol update` is told besides which jobs.
        rows: the jobs.

    Raises:
        NotDone: some had started meanwhile; or some are on hold and would start, and nothing was changed.
        PoolUnreachable, ToolFailed: some were not met.
    """
    rows = list(rows)
    if any(word.startswith("nice=") for word in words):
        _check_not_held(rows)
    started = ""
    for some in in_lines(words_for(rows)):
        done = ask(["scontrol", "update", f"jobid={','.join(some)}", *words], check=False)
        if done.code == 0:
            continue
        if "no longer pending" not in done.stderr:
            raise ToolFailed(f"scontrol failed: {said(done)}", remedy="see its words")
        # The others of this line are changed, and those of the next ones shall be.
        started = said(done)
    if started:
        raise NotDone(
            f"some jobs were not changed, for they have started meanwhile: {started}",
            remedy="hep_hold them, hep_edit, then hep_release: they begin anew",
        )


def _check_not_held(rows: Iterable[Row]) -> None:
    """Refuse to let jobs go that are on hold: Slurm 22.05 gives them a priority again with another nice value.

    Raises:
        NotDone: some are on hold.
    """
    if held := sum(number_of(row.tasks) for row in rows if row.state is State.HELD):
        raise NotDone(
            f"the priority was not changed: {held} job(s) are on hold, and Slurm would start them with another one",
            remedy="hep_release them, then hep_edit -prio",
        )


def _may(act: Act, row: Row) -> bool:
    if act is Act.RELEASE:
        return row.state is State.HELD
    # A job whose program has ended has nothing left to put on hold.
    return act is Act.REMOVE or row.slurm_state != "COMPLETING"


def _has_done(command: tuple[str, ...], rows: Iterable[Row]) -> bool:
    """Whether it was done to all of some jobs."""
    apart = command[0] == "scancel"  # which takes words, scontrol one list with commas
    # All lines are told before any is judged: what cannot be done to one job is no reason to leave others out.
    codes = [
        ask([*command, *(some if apart else [",".join(some)])], check=False).code
        for some in in_lines(words_for(rows))
    ]
    return not any(codes)


def _met(act: Act, rows: Sequence[Row], look: Look) -> int:
    """How many are as they should be now."""
    wanted = defaultdict[int, set[int]](set)
    for row in rows:
        wanted[row.cluster].update(chain.from_iterable(row.tasks))
    found = [row for row in look(tuple(wanted)) if row.proc in wanted[row.cluster]]
    living = [row for row in found if not row.has_ended]
    # One that has ended meanwhile, or that Slurm shows no more, need not be removed; but nobody put it on hold.
    if act is Act.REMOVE:
        left = sum(row.slurm_state != "COMPLETING" for row in living)
        return sum(map(len, wanted.values())) - left
    return sum((row.state is State.HELD) is (act is Act.HOLD) for row in living)


def _command(act: Act, row: Row) -> tuple[str, ...]:
    """What does it."""
    if act is Act.REMOVE:
        return ("scancel",)
    if act is Act.RELEASE:
        return ("scontrol", "release")
    # `hold` lets a running job go on, and holds what may come after it; users may not suspend theirs (scontrol(1)).
    return ("scontrol", "hold" if row.slurm_state == "PENDING" else _REQUEUE)


def words_for(rows: Iterable[Row]) -> Iterator[str]:
    """The names of jobs as scancel(1) and scontrol(1) take them, those of an array's tasks in ranges."""
    clusters = defaultdict[int, list[range]](list)
    for row in rows:
        if row.is_array:
            clusters[row.cluster] += row.tasks
        else:
            yield str(row.cluster)
    for cluster, tasks in clusters.items():
        runs = procs_text(chain.from_iterable(tasks)).split(",")
        for start in range(0, len(runs), _RANGES_IN_A_NAME):
            yield f"{cluster}_[{','.join(runs[start : start + _RANGES_IN_A_NAME])}]"


def in_lines(words: Iterable[str]) -> Iterator[list[str]]:
    """Names, as many together as one program is given."""
    some: list[str] = []
    length = 0
    for word in words:
        if some and length + len(word) >= _NAMES_IN_A_LINE:
            yield some
            some, length = [], 0
        some.append(word)
        length += len(word) + 1
    if some:
        yield some
