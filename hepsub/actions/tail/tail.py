"""hep_tail: the end of what a job wrote to stdout or stderr, wherever it runs or ran."""

from __future__ import annotations

import base64
from collections.abc import Callable

from msgspec import Struct

from hepsub.actions.tail.files import last_lines
from hepsub.actions.tail.target import Standing, Target, find_target, standing, why_nothing
from hepsub.batch import State
from hepsub.batch_logs import LogPlaces, Piece, Stream
from hepsub.batch_system import BatchSystem
from hepsub.errors import HepsubError, NotDone, ToolFailed
from hepsub.jobid import JobId
from hepsub.result import Result
from hepsub.session import Session

_FIRST_LOOK = 2**16
_LINE_BYTES = 256
_MORE = 16
LARGEST_LOOK = 2**26
"""So much of a log is kept in memory at once, in bytes."""
_PATIENCE = 15
"""So often a worker node may have nothing to say before it is given up, some seconds each time."""
_UNSEEN = (Standing.WAITING, Standing.HELD, Standing.ELEMENT)
"""Where a job is while an empty log at home, which was made beforehand, tells nothing of it."""


class TailOrder(Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        lines: how many of the last lines.
        pool: name of a pool of the policy; None for any that the user submitted to, else the default one.
    """

    job: JobId
    stream: Stream
    lines: int
    pool: str | None


class TailDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_tail.

    Attributes:
        id: as one types it.
        state: how its schedd knows it; null where it no longer says anything.
        stream: `stdout` or `stderr`.
        running: whether it was read where the job runs; else at home.
        path: where the log is at home, or will be; null for not known.
        offset: how many bytes of the log are before these.
        text: what it wrote last; null where that is no text (UTF-8).
        base64: the same bytes, where they are no text.
    """

    id: str
    pool: str
    schedd: str
    cluster: int
    proc: int
    state: State | None
    stream: Stream
    running: bool
    host: str | None
    path: str | None
    offset: int
    text: str | None
    base64: str | None


class Tail(Struct, frozen=True, kw_only=True):
    """The last lines of a log; people have seen them by then.

    Attributes:
        places: what the schedd says of the job; None where it no longer says anything.
        running: whether they were read where the job runs.
    """

    target: Target
    places: LogPlaces | None
    piece: Piece
    running: bool = False

    def document(self) -> TailDocument:
        """The lines as they stand under `result` in JSON."""
        # JSON has no bytes; what a program reads must be what the job wrote, also where that is no text.
        try:
            text: str | None = self.piece.data.decode()
        except UnicodeDecodeError:
            text = None
        ref, status = self.target.ref, self.places.status if self.places is not None else None
        return TailDocument(
            id=self.target.meant,
            pool=ref.pool,
            schedd=ref.schedd,
            cluster=ref.cluster,
            proc=self.target.proc,
            state=status.state if status else None,
            stream=self.target.stream,
            running=self.running,
            host=(status.host or None) if status else None,
            path=self.target.path(self.places) or None,
            offset=self.piece.offset,
            text=text,
            base64=base64.b64encode(self.piece.data).decode() if text is None else None,
        )


def tail(session: Session, order: TailOrder, show: Callable[[bytes], None]) -> Result[Tail]:
    """Show the last lines of a log.

    Raises:
        UsageError, AmbiguousJob, UnknownJob: it is not clear which job is meant.
        NotDone: there is nothing to show; the message says why.
        PoolUnreachable, AuthenticationRefused, PoolError: the schedd cannot be asked, and nothing is at home.
    """
    target = find_target(session, order.job, order.stream, order.pool)
    notes: tuple[str, ...] = ()
    schedd, places = None, None
    try:
        schedd = session.schedd(target.ref.pool, target.ref.schedd)
        places = schedd.log_places(target.job)
    except HepsubError as error:
        # A log at home outlives its schedd, and its pool.
        if target.file(None) is None:
            raise
        notes = (f"{error.message}; this is what is at home",)
    found = _end(target, schedd, places, order.lines)
    show(found.piece.data)
    return Result(value=found, notes=(*target.notes, *notes, *_remarks(found)))


def _end(target: Target, schedd: BatchSystem | None, places: LogPlaces | None, lines: int) -> Tail:
    """The last lines, from where they are.

    Raises:
        NotDone: there are none.
    """
    stands = standing(target, places) if places is not None else None
    if schedd is not None and places is not None and stands is Standing.THERE:
        piece = look_there(target, schedd, places, lines)
        return Tail(target=target, places=places, piece=piece, running=True)
    # What a schedd keeps until it is fetched is not what lies at home under that name.
    file = None if stands is Standing.LEFT else target.file(places)
    if file is None or (not file.size() and stands in _UNSEEN):
        raise why_nothing(target, places) if places is not None else unknown(target)
    return Tail(target=target, places=places, piece=file.end(lines, LARGEST_LOOK))


def unknown(target: Target) -> NotDone:
    """What to say of a job that its schedd knows no longer, or not yet, and of which nothing is at home."""
    return NotDone(
        f"the schedd {target.ref.schedd} does not know {target.meant}, and there is no {target.stream.value} of it"
        " at home",
        remedy=f"hep_q -i {target.jobs.meant} and hep_history {target.jobs.meant} tell of the cluster's jobs",
    )


def look_there(target: Target, schedd: BatchSystem, places: LogPlaces, lines: int) -> Piece:
    """The last lines of a job's log, read where it runs.

    Raises:
        NotDone: that is not possible now.
    """
    most = first_look(lines, _FIRST_LOOK)
    while True:
        piece = _look_once(target, schedd, places, most)
        found = last_lines(piece, lines)
        # Enough lines, or all that there is: lines may be longer than was thought.
        if found.offset > piece.offset or not piece.offset or most >= LARGEST_LOOK:
            return found
        most = longer_look(most)


def first_look(lines: int, least: int) -> int:
    """How many bytes are asked for at first: HTCondor counts no lines, and longer looks cost its worker node more."""
    return max(least, min(lines * _LINE_BYTES, LARGEST_LOOK))


def longer_look(most: int) -> int:
    """How many bytes are asked for where so many were not enough."""
    return min(most * _MORE, LARGEST_LOOK)


def _look_once(target: Target, schedd: BatchSystem, places: LogPlaces, most: int) -> Piece:
    """The last bytes of a job's log, read where it runs.

    Raises:
        NotDone: that is not possible now.
    """
    where = f" at {places.status.host}" if places.status.host else ""
    try:
        with schedd.watch(target.job, target.there(places), most, follow=False) as pieces:
            for number, piece in enumerate(pieces):
                if piece is not None:
                    return piece
                if number >= _PATIENCE:
                    break
    except ToolFailed as error:
        raise NotDone(
            f"{target.meant} runs{where}, and its {target.stream.value} cannot be seen: {error.message}",
            remedy=error.remedy,
        ) from error
    raise NotDone(
        f"{target.meant} runs{where}, and its {target.stream.value} cannot be seen: the worker node does not answer",
        remedy="if it has just started, try again; -f waits",
    )


def _remarks(found: Tail) -> tuple[str, ...]:
    """What to say beside the lines."""
    if found.piece.data or found.piece.offset or found.places is None:
        return ()
    target = found.target
    did = "wrote" if standing(target, found.places) is Standing.ENDED else "has written"
    return (f"{target.meant} {did} nothing to {target.stream.value}",)
