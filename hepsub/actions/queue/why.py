"""hep_q -why: why jobs are where they are, and how it stands with what travels with them; with the next command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hepsub.actions.queue.query import Filter, Listing, query
from hepsub.actions.submit.stage import used_storages
from hepsub.auth.renewal import Outcome, RenewalState, read_state
from hepsub.batch import JobStatus, State
from hepsub.bundle.bundle import read_bundle, why_of_another
from hepsub.bundle.root import kept_bundles
from hepsub.result import Result
from hepsub.session import Session
from hepsub.units import duration_text, moment_text

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

_PLACED = (State.RUNNING, State.SUSPENDED, State.TRANSFERRING)


class Explanation(Struct, frozen=True, kw_only=True):
    """Why some jobs are where they are.

    Attributes:
        jobs: the ids that it holds for.
        details: what the sentence rests on, one line each.
        next_command: what to do; None when nothing is to be done.
    """

    jobs: tuple[str, ...]
    state: State
    sentence: str
    details: tuple[str, ...] = ()
    next_command: str | None = field(default=None, name="next")


class Explanations(Struct, frozen=True, kw_only=True):
    """Explanations, jobs with the same one together; its fields are its JSON."""

    explanations: tuple[Explanation, ...]


def why(session: Session, wanted: Filter) -> Result:
    """Explain the jobs that match; jobs that are alike are looked at once.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    listed = query(session, wanted)
    listing = listed.value
    assert isinstance(listing, Listing)  # noqa: S101 (what query returns)
    schedds = {schedd.name: schedd for schedd in session.schedds(session.pool_name(wanted.pool))}
    found = [_explain(group, schedds[group[0].schedd], session) for group in _alike(listing.jobs)]
    found += [
        _unmade(each.cluster, each.first, each.number, paused=each.paused)
        for each in listing.unmade
    ]
    return Result(
        value=Explanations(explanations=tuple(found)),
        notes=() if found or listed.problems else (_nothing(wanted),),
        problems=listed.problems,
        exit_code=listed.exit_code,
    )


def _nothing(wanted: Filter) -> str:
    """What to say where there is nothing to explain."""
    said = "no job that this asks for is in the queue"
    ids = " ".join(str(each) for each in wanted.ids)
    return f"{said}; hep_history {ids} tells of those that have ended" if ids else said


def _alike(jobs: Iterable[JobStatus]) -> list[list[JobStatus]]:
    groups: dict[tuple[object, ...], list[JobStatus]] = {}
    for job in jobs:
        key = (
            job.schedd,
            job.cluster,
            job.state,
            job.hold_code,
            job.hold_subcode,
            job.requested_mb,
            job.host if job.state in _PLACED else "",
        )
        groups.setdefault(key, []).append(job)
    return list(groups.values())


def _explain(group: list[JobStatus], schedd: BatchSystem, session: Session) -> Explanation:
    first = max(
        group, key=lambda job: job.memory_mb
    )  # the one that tells how much memory is needed
    ids = tuple(job.job for job in group)
    if first.state in (State.HELD, State.IDLE):
        meant = first.job if len(ids) == 1 else str(first.cluster)
        advice = schedd.explain(first, meant, session.situation.now)
        return Explanation(
            jobs=ids,
            state=first.state,
            sentence=advice.sentence,
            details=(
                *advice.details,
                *credential_details(session, first.schedd, first.cluster),
            ),
            next_command=advice.next_command or None,
        )
    sentence = {
        State.RUNNING: f"it runs on {first.host}, for {duration_text(first.run_seconds)} so far",
        State.REMOVED: "it was removed and is about to leave the queue",
        State.COMPLETED: "it has ended and is about to leave the queue",
        State.SUSPENDED: f"it is suspended on {first.host}",
        State.TRANSFERRING: f"its outputs are on their way home from {first.host}",
    }[first.state]
    return Explanation(
        jobs=ids,
        state=first.state,
        sentence=sentence,
        details=credential_details(session, first.schedd, first.cluster),
    )


def _unmade(cluster: int, first: int, number: int, *, paused: bool) -> Explanation:
    sentence = (
        "the cluster is on hold, so the schedd makes no more of its jobs"
        if paused
        else "the schedd makes these jobs as the ones before them start"
    )
    return Explanation(
        jobs=(f"{cluster}.{first}-{first + number - 1}",),
        state=State.IDLE,
        sentence=sentence,
        next_command=f"hep_release {cluster}" if paused else None,
    )


def credential_details(session: Session, schedd: str, cluster: int) -> tuple[str, ...]:
    """A line for each credential and storage of a cluster, and one for the last renewal; none without a bundle."""
    for placed in kept_bundles(session.bundles):
        if (placed.ref.schedd, placed.ref.cluster) != (schedd, cluster):
            continue
        bundle = read_bundle(placed.directory)
        if bundle is None:
            another = why_of_another(placed.directory)
            return (another,) if another else ()
        credentials = tuple(each.name for each in bundle.request.staging.credentials)
        storages = used_storages(bundle.request)
        now = session.situation.now
        state = read_state(session.bundles, now)
        return (
            *_lines(credentials, state.credentials, "the credential", now),
            *_lines(storages, state.storages, "the signed URLs of", now),
            *_renewal(session, state, needed=bool(credentials or storages)),
        )
    return ()


def _lines(
    names: tuple[str, ...], outcomes: Mapping[str, Outcome], what: str, now: float
) -> Iterator[str]:
    for name in names:
        outcome = outcomes.get(name)
        if outcome is None:
            continue
        if outcome.message:
            yield f"{what} {name} could not be renewed: {outcome.message}; {outcome.remedy}"
        elif outcome.expires is not None:
            until = outcome.renewable_until
            further = f", renewable until {moment_text(until, now)}" if until is not None else ""
            yield f"{what} {name}: good until {moment_text(outcome.expires, now)}{further}"


def _renewal(session: Session, state: RenewalState, *, needed: bool) -> Iterator[str]:
    if not needed:
        return
    now = session.situation.now
    if state.when == 0:
        yield (
            "hep_auth renew has never run: what travels with the job is as old as its submission:"
            f" {session.way_to_renew()}"
        )
    else:
        ago = duration_text(max(1.0, now - state.when))
        end = (
            ""
            if state.is_active(now)
            else f", and nothing seems to run it: {session.way_to_renew()}"
        )
        yield f"hep_auth renew ran {ago} ago on {state.host}{end}"
