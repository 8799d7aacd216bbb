"""hep_auth renew: one round over all bundles: renew credentials and signed URLs, recover, collect, close."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, convert
from msgspec.structs import replace

from hepsub.actions.queue.spools import collect_all
from hepsub.actions.renew.close import close_bundle, revisit_finished
from hepsub.actions.renew.credentials import renew_credentials
from hepsub.actions.renew.leave import leave_out
from hepsub.actions.renew.live import LiveBundle, find_live
from hepsub.actions.renew.mailbox import post_letters
from hepsub.actions.renew.signatures import renew_signatures
from hepsub.actions.returned.uploads import Uploads
from hepsub.actions.submit.libraries import archive_cache
from hepsub.actions.submit.recover import recover
from hepsub.auth.renewal import (
    DIRECTORY,
    Outcome,
    RenewalState,
    read_state,
    state_path,
    state_text,
)
from hepsub.bundle.bundle import usable, why_of_another
from hepsub.bundle.directory import locked, sweep
from hepsub.bundle.root import look_at_root, unfinished
from hepsub.errors import NotDone
from hepsub.files import write_whole
from hepsub.plan.bundle_paths import CREDENTIALS
from hepsub.result import Problem, Result
from hepsub.session import Session

_SHORTEST_PAUSE_S = 2.0
"""Keys that live for moments are due at once: a store and its token service are left to breathe."""
_OVERDUE_PAUSE_S = 60.0
_MOST_SAID = 2**19
"""Characters: ten thousand jobs may have a sentence each, and a larger state would not be read again."""


class RenewedOutcome(Struct, frozen=True, kw_only=True):
    """The state of one credential, or of one storage's signatures or mailbox, in JSON: as `Outcome`."""

    expires: float | None
    renewable_until: float | None
    renewed: float
    failures: int
    message: str
    remedy: str


class RenewedDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_auth renew: as `Renewed`.

    Attributes:
        when: when it was, in seconds since the epoch; 0 for never.
        host: where it was.
        jobs: how many jobs are looked after.
        next_in_s: how long until the next round makes sense, in seconds.
        credentials: by name.
        storages: how it stands with the signed URLs, by the storage's name.
        mailboxes: by the storage's name.
        notes: sentences about what else was done, and what was not.
    """

    busy: bool
    when: float
    host: str
    jobs: int
    next_in_s: float
    credentials: Mapping[str, RenewedOutcome]
    storages: Mapping[str, RenewedOutcome]
    mailboxes: Mapping[str, RenewedOutcome]
    notes: tuple[str, ...]


class Renewed(Struct, frozen=True, kw_only=True):
    """What one round did.

    Attributes:
        busy: whether another one was at it, so that this one did nothing.
        pause: how long until the next round makes sense, in seconds.
    """

    state: RenewalState
    busy: bool
    pause: float

    def document(self) -> RenewedDocument:
        """The round as it stands under `result` in JSON."""
        state, outcomes = self.state, dict[str, RenewedOutcome]
        return RenewedDocument(
            busy=self.busy,
            when=state.when,
            host=state.host,
            jobs=state.jobs,
            next_in_s=self.pause,
            credentials=convert(state.credentials, outcomes, from_attributes=True),
            storages=convert(state.storages, outcomes, from_attributes=True),
            mailboxes=convert(state.mailboxes, outcomes, from_attributes=True),
            notes=state.notes,
        )


def renew(session: Session, *, back_off: bool = True, unattended: bool = False) -> Result[Renewed]:
    """Run one round, unless another process is at it: then do nothing.

    Interrupted submissions are recovered and spools fetched; remote sites that fail are left out for a while;
    tickets, tokens and signed URLs of jobs that have not ended are renewed where that is due, and posted to the mailbox
    of those that see nothing else; bundles of ended jobs are closed.

    One trouble does not stop the others: each is a problem of the result, and is tried again later.

    Args:
        session: the session.
        back_off: whether to back off after failures; a user who has just done something about them wants a
            retry now.
        unattended: whether it runs unattended (cron, systemd, -loop): then it is noted that another round will
            follow, and troubles are not the exit code's business.

    Raises:
        BundleUnusable: the state cannot be written.
    """
    root = session.bundles
    with locked(root / DIRECTORY) as mine:
        before = read_state(root, session.situation.now)
        if not mine:
            every = float(session.policy.renew.every)
            return Result(value=Renewed(state=before, busy=True, pause=every))
        done = _round(session, before if back_off else _without_pauses(before))
        state = replace(done.state, unattended=done.state.when if unattended else before.unattended)
        with usable(root / DIRECTORY):
            write_whole(state_path(root), state_text(state), 0o600)
    problems = (*_problems(state), *(_left(each) for each in done.left))
    return Result(
        value=Renewed(state=state, busy=False, pause=done.pause),
        notes=done.notes,
        problems=problems,
        # A timer's unit that fails each time the store is away tells nobody anything: -status does.
        exit_code=NotDone.exit_code if problems and not unattended else 0,
    )


def _left(trouble: str) -> Problem:
    """What to say of something that is not where it belongs, or is not believed."""
    return Problem(code="left-alone", message=trouble, remedy="hep_auth renew tries it again")


class _Done(Struct, frozen=True, kw_only=True):
    """A round: the state then, how long until the next one, what there is to say, and what had to be left alone."""

    state: RenewalState
    pause: float
    notes: tuple[str, ...]
    left: tuple[str, ...]


def _round(session: Session, before: RenewalState) -> _Done:
    """Everything that is due."""
    stores = session.open_stores()
    uploads = Uploads(stores=stores)
    now = session.situation.now
    every = float(session.policy.renew.every)
    # Bundles that an interrupted submission left have to be complete before it is looked which go on.
    notes = [*recover(session, stores), *collect_all(session)]
    with session.progress.step("looking which jobs go on"):
        alive = find_live(session)
    found = alive.bundles
    notes += alive.away
    left = [*alive.left, *look_at_root(session.bundles).troubles, *_of_another(session)]
    live = [each for each in found if not each.has_ended and each.bundle.request.is_refreshed]
    for directory in _own_directories(session, live):
        sweep(directory, now)
    archive_cache(session.bundles).prune(now)
    session.ended.prune(now)
    # First what ends: moving jobs and uploads may take long.
    credentials = renew_credentials(session, live, before.credentials)
    storages = renew_signatures(session, stores, live, before.storages)
    with session.progress.step("posting letters to jobs at sites", behind=True):
        mailboxes = post_letters(session, uploads, live, before.mailboxes)
    with session.progress.step("looking how sites treat jobs"):
        notes += leave_out(session, found)
    ended = [each for each in found if each.has_ended]
    with session.progress.step("closing clusters that have ended", len(ended)) as step:
        for each in step.counted(ended):
            left += close_bundle(session, uploads, each.bundle, each.ref.cluster)
    left += revisit_finished(session, uploads)
    state = RenewalState(
        when=now,
        host=session.situation.host,
        every=every,
        jobs=sum(each.number for each in live),
        credentials={name: outcome for name, (outcome, _) in credentials.items()},
        storages={name: outcome for name, (outcome, _) in storages.items()},
        mailboxes={name: outcome for name, (outcome, _) in mailboxes.items()},
        notes=_kept(dict.fromkeys((*notes, *left))),
    )
    troubles = dict.fromkeys(left)  # some were looked at twice
    dues = [due for _, due in (*credentials.values(), *storages.values(), *mailboxes.values())]
    return _Done(
        state=state,
        pause=_pause(dues, now, every),
        notes=tuple(each for each in dict.fromkeys(notes) if each not in troubles),
        left=tuple(troubles),
    )


def _kept(notes: Iterable[str]) -> tuple[str, ...]:
    """What the state keeps of what there is to say."""
    every = tuple(notes)
    number = sum(said <= _MOST_SAID for said in itertools.accumulate(map(len, every)))
    more = len(every) - number
    return (*every[:number], f"and {more} more") if more else every


def _of_another(session: Session) -> Iterator[str]:
    """What another version of hepsub wrote and this one cannot read, as far as no other part of a round says it."""
    for directory in unfinished(session.bundles):
        if another := why_of_another(directory):
            yield another
    if another := session.journal.why_of_another():
        yield another


def _pause(dues: Iterable[float], now: float, every: float) -> float:
    """How long until the next round makes sense; what is overdue could not be done now, nor in a moment."""
    waits = [due - now if due > now else _OVERDUE_PAUSE_S for due in dues]
    return max(_SHORTEST_PAUSE_S, min([every, *waits]))


def _without_pauses(state: RenewalState) -> RenewalState:
    def now(outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
        return {name: replace(each, not_before=0.0) for name, each in outcomes.items()}

    return replace(
        state,
        credentials=now(state.credentials),
        storages=now(state.storages),
        mailboxes=now(state.mailboxes),
    )


def _own_directories(session: Session, live: Sequence[LiveBundle]) -> Iterator[Path]:
    """Where a round writes; what it left in the directories of single jobs goes with the bundle."""
    yield session.bundles / DIRECTORY
    for each in live:
        yield from (each.bundle.private(""), each.bundle.private(CREDENTIALS))


def _problems(state: RenewalState) -> Iterable[Problem]:
    for name, outcome in state.outcomes:
        if outcome.message:
            yield Problem(
                code="not-renewed", message=f"{name}: {outcome.message}", remedy=outcome.remedy
            )
