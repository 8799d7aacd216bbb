"""hep_tail -f: what a job writes, until it ends; through holds, restarts and moves, nothing lost and nothing twice.

Where a log was read to is known by its run and the bytes before that place: HTCondor begins the logs of each run anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.lineage import lineage_of
from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.latest import at
from hepsub.actions.queue.onward import are_anew
from hepsub.actions.queue.spools import collect_one
from hepsub.actions.tail.files import LogFile, last_lines
from hepsub.actions.tail.tail import (
    LARGEST_LOOK,
    Tail,
    TailOrder,
    first_look,
    longer_look,
    unknown,
)
from hepsub.actions.tail.target import Standing, Target, find_target, standing, why_nothing
from hepsub.batch import Selection, State, end_text, has_succeeded
from hepsub.batch_logs import LogPlaces, Piece
from hepsub.batch_system import BatchSystem
from hepsub.errors import Interrupted, JobsFailed, PoolUnreachable, ToolFailed, UnknownSchedd
from hepsub.result import Problem, Result
from hepsub.session import Session

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 15.0
_SLOWDOWN = 1.5
_FILE_PAUSE_S = 0.5
_FILE_LOOKS = 4
"""So often a file at home is looked at before the schedd is asked whether the job goes on."""
_AWAY_S, _LONGEST_AWAY_S = 2.0, 60.0
_LOOK = 2**20
"""Each look, in bytes, at first: more than a job writes between two of them."""
_SILENT = 10
"""So often a worker node may have nothing to say at all before its schedd is asked again."""
_TROUBLES = 3
"""So often it cannot be looked into a job, before that is told: one that has just ended cannot."""
_UNKNOWN = 20
"""So often a schedd may know nothing of a job: it writes its history a moment after the job left the queue."""
_REMEMBERED = 256


class _Gap(Exception):
    """The job has written more meanwhile than one look brings."""


def follow(
    session: Session, order: TailOrder, show: Callable[[bytes], None], clock: Clock
) -> Result[Tail]:
    """Show the last lines of a log, and what is added to it until the job has ended.

    Ctrl-C ends it, not the job. The clock is told where the job is when there is nothing to show.

    Raises:
        UsageError, AmbiguousJob, UnknownJob: it is not clear which job is meant.
        NotDone: its schedd does not know it, or its log cannot be shown at the end.
        AuthenticationRefused, PoolError: the schedd cannot be asked.
    """
    target = find_target(session, order.job, order.stream, order.pool)
    reader = _Reader(session=session, target=target, lines=order.lines, show=show, clock=clock)
    places: LogPlaces | None = None
    with contextlib.suppress(KeyboardInterrupt), session.interrupts.allowed():
        places = reader.to_its_end()
    target = reader.target
    value = Tail(target=target, places=places, piece=Piece(offset=reader.offset or 0, data=b""))
    if places is None:
        notes = (*target.notes, f"{target.meant} goes on")
        return Result(value=value, notes=notes, exit_code=Interrupted.exit_code)
    status = session.ended.read(target.ref.uuid).told(places.status)
    said = f"{target.meant} {end_text(status)}"
    if has_succeeded(status):
        return Result(value=value, notes=(*target.notes, said))
    problem = Problem(
        code=JobsFailed.code, message=said, remedy=f"hep_history {target.meant} tells how it ended"
    )
    return Result(
        value=value, notes=target.notes, problems=(problem,), exit_code=JobsFailed.exit_code
    )


class _Reader(Struct, kw_only=True, eq=False):
    """Where in a log one is.

    Attributes:
        run: the run whose log that is; 0 for none yet.
        offset: up to where it was shown, in bytes; None for not yet.
        last: the last bytes before that.
    """

    session: Session
    target: Target
    lines: int
    show: Callable[[bytes], None]
    clock: Clock
    run: float = 0
    offset: int | None = None
    last: bytes = b""
    _schedd: BatchSystem | None = None
    _told: str = ""
    _waited: bool = False
    _troubles: int = 0

    def to_its_end(self) -> LogPlaces:
        """Show all until the job has ended; what its schedd says of it then."""
        pause, lost = _FIRST_PAUSE_S, 0
        while True:
            schedd, places = self._ask()
            if places is None:
                lost = 0 if self._is_unmade(schedd) else lost + 1
                if lost > _UNKNOWN:
                    raise unknown(self.target)
            elif standing(self.target, places) in (Standing.ENDED, Standing.LEFT):
                if places.status.state is State.REMOVED and self._goes_on_elsewhere():
                    pause = _FIRST_PAUSE_S
                    continue
                self._show_rest(places)
                return places
            elif self._show_more(schedd, places):
                # It was watched for as long as it went: a pause would only make the next lines late.
                pause = _FIRST_PAUSE_S
                continue
            self.clock.sleep(pause)
            pause = min(pause * _SLOWDOWN, _LONGEST_PAUSE_S)

    def _show_more(self, schedd: BatchSystem, places: LogPlaces) -> bool:
        """Show what comes while the job stands as it does; whether it was worth looking."""
        stands = standing(self.target, places)
        if stands is Standing.THERE:
            return self._watch(schedd, places)
        if stands is Standing.HOME and (file := self.target.file(places)) is not None:
            self._tell_of_run(places)
            before = self.offset
            self._read(file)
            # A file system costs nothing to look at, a schedd does; one of a silent job half as often.
            for _ in range(_FILE_LOOKS if self.offset != before else 2 * _FILE_LOOKS):
                self.clock.sleep(_FILE_PAUSE_S)
                self._read(file)
            return True
        self._waited = True
        self._tell(_waits(self.target, places))
        return False

    # ---- where it runs --------------------------------------------------------------------------

    def _watch(self, schedd: BatchSystem, places: LogPlaces) -> bool:
        """Show what a run writes, until it ends or cannot be reached; whether something came."""
        self._tell_of_run(places)
        if self.run not in (0, places.run):
            self._begin_anew()
        self.run = places.run
        most = first_look(self.lines, _LOOK)
        while True:
            try:
                came = self._watch_once(schedd, places, most)
            except _Gap:
                most = longer_look(most)
                continue
            except ToolFailed as error:
                self._troubles += 1
                if self._troubles == _TROUBLES:
                    self._tell(
                        f"{self.target.meant} runs, and its {self.target.stream.value} cannot be seen"
                        f" ({error.message}); it will be shown when the job has ended"
                    )
                return False
            self._troubles = 0
            return came

    def _watch_once(self, schedd: BatchSystem, places: LogPlaces, most: int) -> bool:
        silent, came = 0, False
        stream = self.target.there(places)
        with schedd.watch(self.target.job, stream, most, follow=True) as pieces:
            for piece in pieces:
                if piece is not None:
                    came = True
                    self._take(piece, most)
                # A node that has answered once is silent because the job is; one that never did may be gone.
                elif not came and (silent := silent + 1) > _SILENT:
                    return False
        return came

    def _take(self, piece: Piece, most: int) -> None:
        """Show of a piece what was not shown yet.

        Raises:
            _Gap: there is something between.
        """
        if self.offset is None:
            self._shown(last_lines(piece, self.lines).data, piece.offset + len(piece.data))
            self.last = piece.data[-_REMEMBERED:]
            return
        skip = self.offset - piece.offset
        if skip < 0 and most < LARGEST_LOOK:
            raise _Gap
        if skip < 0:
            self._tell(
                f"{self.target.meant} has written faster than it can be shown: {-skip} bytes of its"
                f" {self.target.stream.value} are left out here"
            )
            self.last = b""  # what was shown last does not stand in front of this
        self._shown(piece.data[max(0, skip) :], max(self.offset, piece.offset + len(piece.data)))

    # ---- at home --------------------------------------------------------------------------------

    def _read(self, file: LogFile) -> None:
        """Show of a file at home what was not shown yet."""
        size = file.size()
        if size is None:
            return  # somebody moved it away, and it may come again: the job has not ended by that
        if self.offset is None:
            first = file.end(self.lines, LARGEST_LOOK)
            self._shown(first.data, first.offset + len(first.data))
            self.last = file.before(self.offset or 0)
        # A new run may have written more than the last one had: its size alone does not tell it.
        elif size < self.offset or not file.before(self.offset).endswith(self.last):
            self.clock.progress(f"{file.path} was begun anew")
            self._begin_anew()
        while data := file.after(self.offset or 0):
            self._shown(data, (self.offset or 0) + len(data))

    def _shown(self, data: bytes, offset: int) -> None:
        if data:
            self.show(data)
        self.offset, self.last = offset, (self.last + data)[-_REMEMBERED:]

    def _begin_anew(self) -> None:
        self.offset, self.last = 0, b""

    def _show_rest(self, places: LogPlaces) -> None:
        """Show of the log of a job that has ended what was not shown yet.

        Raises:
            NotDone: it is not at home.
        """
        left = standing(self.target, places) is Standing.LEFT
        # A schedd that sees nothing of this host has the whole log in its spool until somebody takes it.
        trouble = collect_one(self.session, self.target.ref) if left else ""
        file = None if trouble else self.target.file(places)
        if file is None:
            why = why_nothing(self.target, places)
            if self.offset is None:
                raise why
            self._tell(f"{trouble or why.message}: what it wrote last is not shown")
            return
        if self.run not in (0, places.run):
            self._tell(
                f"{self.target.meant} ran again meanwhile, and its log is that of its last run"
            )
            self._begin_anew()
        self._read(file)

    def _goes_on_elsewhere(self) -> bool:
        """Whether a job that was removed is run again in another cluster, which is followed from there on."""
        target, now, pause = self.target, at(self.session, self.clock), _FIRST_PAUSE_S
        ref, job = target.ref, replace(target.job, schedd=target.ref.schedd)
        while True:
            entries = self.session.journal.entries()
            # Asked for before the later run is: what is noted as submitted between the two is found.
            waits = are_anew(now(), lineage_of(entries, ref, (target.proc,)), {})
            latest = find_target(now(), job, target.stream, ref.pool)
            if latest.ref.uuid != ref.uuid:
                self._tell(f"{target.meant} runs again as {latest.meant}: its log begins anew")
                self.target, self.run, self._schedd = latest, 0, None
                self._begin_anew()
                return True
            if not waits:
                return False
            self._tell(f"{target.meant} is being submitted anew; waiting until it is")
            self.clock.sleep(pause)
            pause = min(pause * _SLOWDOWN, _LONGEST_PAUSE_S)

    # ---- what its schedd says -------------------------------------------------------------------

    def _ask(self) -> tuple[BatchSystem, LogPlaces | None]:
        """What its schedd says of the job; one that is away is asked again, the job goes on without it."""
        pause = _AWAY_S
        while True:
            try:
                self._schedd = self._schedd or self.session.schedd(
                    self.target.ref.pool, self.target.ref.schedd
                )
                return self._schedd, self._schedd.log_places(self.target.job)
            except (PoolUnreachable, UnknownSchedd) as error:
                self._schedd = None  # it may come back at another address
                self._tell(f"{error.message}; asking again")
                self.clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_AWAY_S)

    def _is_unmade(self, schedd: BatchSystem) -> bool:
        """Whether the job is one that a factory has still to make."""
        wanted = Selection(ids=(self.target.job,))
        if not schedd.queue(wanted, self.session.situation.now).unmade:
            return False
        self._tell(f"{self.target.meant} is idle; waiting until it starts")
        return True

    def _tell_of_run(self, places: LogPlaces) -> None:
        """Say where a job runs, if it waited before, or ran elsewhere."""
        other = self.run not in (0, places.run)
        if self._waited or other:
            host = places.status.host
            self._tell(
                f"{self.target.meant} runs{f' at {host}' if host else ''}"
                f"{' again: its log begins anew' if other else ''}"
            )
        self._waited = False

    def _tell(self, line: str) -> None:
        if line != self._told:
            self._told = line
            self.clock.progress(line)


def _waits(target: Target, places: LogPlaces) -> str:
    """What to say of a job of whose log nothing can be shown now, and for which one waits."""
    match standing(target, places):
        case Standing.WAITING:
            return f"{target.meant} is idle; waiting until it starts"
        case Standing.HELD:
            reason = places.status.hold_reason
            return f"{target.meant} is on hold ({reason}); waiting until it is released"
        case Standing.ELEMENT:
            return f"{target.meant} is with a computing element, behind which nobody can look; waiting for its end"
        case _:
            return f"{why_nothing(target, places).message}; waiting for it"
