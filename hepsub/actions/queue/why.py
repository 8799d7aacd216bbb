"""hep_q -why: why jobs are where they are, and how it stands with what travels with them; with the next command."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.lineage import link_notes
from hepsub.actions.queue.ends import without_files
from hepsub.actions.queue.failures import end_text, groups_of, last_stderr, meaning, ranges
from hepsub.actions.queue.query import Filter, Listing, query
from hepsub.actions.reach import Reach
from hepsub.actions.submissions import is_spooled, submitted_to
from hepsub.actions.submit.stage import used_storages
from hepsub.auth.copies import read_copy
from hepsub.auth.renewal import Outcome, RenewalState, read_state
from hepsub.batch import RUNNING, SPOOLING, JobStatus, State, Unmade, has_succeeded
from hepsub.batch_stage import in_words, kind_of
from hepsub.bundle.bundle import Bundle, read_bundle, why_of_another
from hepsub.bundle.root import kept_bundles
from hepsub.errors import HepsubError, PoolError, PoolUnreachable, UnknownJob
from hepsub.jobid import JobId
from hepsub.policy.model import TOKEN
from hepsub.result import Result, failures
from hepsub.session import Session
from hepsub.units import duration_text, moment_text

if TYPE_CHECKING:
    from pathlib import Path

    from hepsub.actions.queue.find import Found
    from hepsub.actions.queue.remains import Remains


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


def why(session: Session, wanted: Filter) -> Result[Explanations]:
    """Explain the jobs that match; jobs that are alike are looked at once, and those that run again where they do.

    Raises:
        PoolUnreachable: the pool cannot be asked.
    """
    from hepsub.actions.queue.runs import reaching_later

    reach = Reach(session=session, asked=wanted.pool)
    # Who asks about 13.1 wants to know why it does not run now, in whatever cluster it does.
    farther, ids = reaching_later(reach, wanted.ids)
    listed = query(session, replace(wanted, ids=ids), farther)
    listing = listed.value
    kept = {(e.ref.schedd, e.ref.cluster): e.directory for e in kept_bundles(session.bundles)}
    found = [
        _explain(group, meant, farther, kept.get((group[0].schedd, group[0].cluster)))
        for group, meant in _alike(listing, wanted)
    ]
    found += [_unmade(each) for each in listing.unmade]
    errors: list[HepsubError] = []
    found += _of_past(reach, wanted, listing.jobs, errors)
    troubles, code = failures(errors, PoolError.exit_code)
    # Both looks meet one silent schedd.
    problems = tuple(dict.fromkeys((*listed.problems, *troubles)))
    return Result(
        value=Explanations(explanations=tuple(found)),
        notes=(
            *(() if found or problems else (_nothing(wanted),)),
            *_linked(session, wanted),
        ),
        problems=problems,
        exit_code=listed.exit_code or code,
    )


def _of_past(
    reach: Reach, wanted: Filter, queued: Iterable[JobStatus], errors: list[HepsubError]
) -> list[Explanation]:
    """Why jobs ended that are named and not in the queue, those that ended in the same way together."""
    past = {State.COMPLETED, State.REMOVED}
    if wanted.states and not past.intersection(wanted.states):
        return []
    from hepsub.actions.queue.runs import find_runs

    told, explained = {(job.schedd, job.job) for job in queued}, list[Explanation]()
    for each in dict.fromkeys(wanted.ids):
        # Neither is news: the queue has been asked for the same, and an id that is nobody's is no error of hep_q.
        with contextlib.suppress(UnknownJob, PoolUnreachable):
            explained += [
                _ended(reach.session, found, group)
                for found in find_runs(reach, each, errors)
                for group in groups_of(
                    job for job in found.past.jobs.values() if (job.schedd, job.job) not in told
                )
                if _is_meant(group[0], wanted)
            ]
    return explained


def _is_meant(job: JobStatus, wanted: Filter) -> bool:
    return wanted.owner in ("", job.owner) and (not wanted.states or job.state in wanted.states)


def _ended(session: Session, found: Found, group: list[JobStatus]) -> Explanation:
    """Why some jobs ended as they did."""
    from hepsub.actions.queue.cluster import settling
    from hepsub.actions.queue.remains import remains_of

    last = max(group, key=lambda job: job.ended)
    failed = last.state is State.COMPLETED and not has_succeeded(last)
    remains = remains_of(session, found.entry.ref)
    next_command: str | None = None
    if failed:
        next_command = settling(found, group[0], remains)
        if next_command is None and found.entry.ref.uuid:
            next_command = f"hep_sub -resubmit {found.cluster} -failed{found.option}"
    return Explanation(
        jobs=tuple(f"{found.cluster}.{job.proc}" for job in group),
        state=last.state,
        sentence=_how_it_ended(group, last, session.situation.now),
        details=tuple(_last_words(found, group, remains)) if failed else (),
        next_command=next_command,
    )


def _how_it_ended(group: list[JobStatus], last: JobStatus, now: float) -> str:
    failed = f"it failed: {end_text(last)}" if last.state is State.COMPLETED else end_text(last)
    how = "it ended with exit code 0" if has_succeeded(last) else failed
    if last.settled:
        how = "its program ended with exit code 0, and its outputs, which came home first, are in their places"
    when = moment_text(last.ended, now) if last.ended else ""
    if len(group) > 1:  # host and run time are each job's own
        return f"{how}; the last of them at {when}" if when else how
    where = f"on {last.host}" if last.host else ""
    ran = f"after {duration_text(last.run_seconds)}" if last.run_seconds >= 1 else ""
    more = " ".join(each for each in (where, ran, f"at {when}" if when else "") if each)
    return f"{how}; {more}" if more else how


def _last_words(found: Found, group: list[JobStatus], remains: Remains) -> Iterator[str]:
    """What the report of a failed job complains of, and the end of its standard error."""
    if message := remains.complaint(group[0].proc):
        yield message
    stderr = last_stderr(group, found.cluster, remains.stderr)
    if stderr is not None:
        yield f"stderr of {stderr.job}: {stderr.path}"
        yield from (f"| {line}" for line in stderr.lines)


def _linked(session: Session, wanted: Filter) -> Iterator[str]:
    """Which of the clusters that were named run jobs of others again, and were run again."""
    if not wanted.ids:
        return iter(())
    refs = [ref for each in wanted.ids for ref in submitted_to(session, each).values()]
    return link_notes(session.journal.entries(), (ref.uuid for ref in refs))


def _nothing(wanted: Filter) -> str:
    """What to say where there is nothing to explain."""
    said = "no job that this asks for is in the queue"
    ids = " ".join(str(each) for each in wanted.ids)
    return f"{said}; hep_history {ids} tells of those that have ended" if ids else said


def _alike(listing: Listing, wanted: Filter) -> Iterator[tuple[list[JobStatus], str]]:
    """Jobs that one explanation holds for, and what means them in the next command."""
    groups: dict[tuple[object, ...], list[JobStatus]] = {}
    for job in listing.jobs:
        key = (
            job.schedd,
            job.cluster,
            job.state,
            job.hold_code,
            job.hold_subcode,
            job.requested_mb,
            job.host if job.state in RUNNING else "",
            kind_of(job.stage),  # without its times, which differ from job to job
        )
        groups.setdefault(key, []).append(job)
    seen = Counter((group[0].schedd, group[0].cluster) for group in groups.values())
    # The procs of a paused factory are on hold as the made ones are: one hep_release is for all of them.
    seen.update((each.schedd, each.cluster) for each in listing.unmade if not each.paused)
    narrowed = bool(wanted.states) or any(each.first is not None for each in wanted.ids)
    for group in groups.values():
        cluster = group[0].id.rpartition(".")[0]
        alone = seen[group[0].schedd, group[0].cluster] == 1
        whole = len(group) > 1 and alone and not narrowed
        yield group, meaning(ranges(cluster, (job.proc for job in group)), cluster, whole=whole)


def _explain(
    group: list[JobStatus], meant: str, reach: Reach, directory: Path | None
) -> Explanation:
    """Why jobs that are alike are where they are; with the directory of their bundle, None for none."""
    session, now = reach.session, reach.session.situation.now
    first = max(group, key=lambda job: job.memory_mb)  # it tells how much is needed
    bundle = read_bundle(directory) if directory is not None else None
    details: tuple[str, ...] = ()
    if bundle is not None:
        details = _credential_details(session, bundle)
    elif directory is not None and (another := why_of_another(directory)):
        details = (another,)
    # A job that runs behind an element has no host to name, and its site may be silent: its schedd tells of that.
    element = bundle is not None and bundle.request.element
    if first.state in (State.HELD, State.IDLE) or (element and first.state is State.RUNNING):
        token_end = _token_end(bundle, now) if bundle is not None else None
        lost = without_files(session, _submission_of(session, first), first, meant)
        advice = lost or reach.schedd_of(first).explain(first, meant, now, token_end)
        sentence, next_command = advice.sentence, advice.next_command
        details = (*advice.details, *details)
    elif first.state is State.COMPLETED and is_spooled(session, first.pool or reach.pool):
        sentence = "it has ended, and its schedd keeps what it left until that is fetched"
        next_command = f"hep_fetch {meant}"
    else:
        sentence, next_command = _placed(first, now), ""
    return Explanation(
        jobs=tuple(job.id for job in group),
        state=first.state,
        sentence=sentence,
        details=details,
        next_command=next_command or None,
    )


def _submission_of(session: Session, job: JobStatus) -> str:
    """The UUID of the submission that a job is of; empty for one of somebody else."""
    if job.hold_code != SPOOLING:
        return ""
    known = submitted_to(session, JobId(cluster=job.cluster, schedd=job.schedd))
    return known[job.schedd].uuid if job.schedd in known else ""


def _placed(job: JobStatus, now: float) -> str:
    """What a job does that neither waits nor is on hold."""
    stage = in_words(job.stage, now)
    ran = f"for {duration_text(job.run_seconds)} so far{': ' if stage else ''}{stage}"
    return {
        State.RUNNING: f"it runs on {job.host}, {ran}",
        State.REMOVED: "it was removed and is about to leave the queue",
        State.COMPLETED: "it has ended and is about to leave the queue",
        State.SUSPENDED: f"it is suspended on {job.host}",
        State.TRANSFERRING: f"its outputs are on their way home from {job.host}",
    }[job.state]


def _unmade(unmade: Unmade) -> Explanation:
    sentence = (
        "the cluster is on hold, so the schedd makes no more of its jobs"
        if unmade.paused
        else "the schedd makes these jobs as the ones before them start"
    )
    last = unmade.procs[-1]
    return Explanation(
        jobs=(f"{unmade.meant}.{unmade.first}-{last}",),
        state=State.IDLE,
        sentence=sentence,
        next_command=f"hep_release {unmade.meant}" if unmade.paused else None,
    )


def _token_end(bundle: Bundle, now: float) -> float | None:
    """When the token ends that a computing element is shown; None for none."""
    tokens = [each for each in bundle.request.staging.credentials if each.kind == TOKEN]
    shown = [each for each in tokens if each.stays] or tokens
    paths = [(each, bundle.master_credential(each.name)) for each in shown]
    copies = [read_copy(path, each, now) for each, path in paths if path is not None]
    return min((each.expires for each in copies if each is not None), default=None)


def _credential_details(session: Session, bundle: Bundle) -> tuple[str, ...]:
    """A line for each credential and storage of a bundle, and one for the last renewal."""
    credentials = tuple(each.name for each in bundle.request.staging.credentials)
    storages = used_storages(bundle.request)
    now = session.situation.now
    state = read_state(session.bundles, now)
    return (
        *_lines(credentials, state.credentials, "the credential", now),
        *_lines(storages, state.storages, "the signed URLs of", now),
        *_renewal(session, state, needed=bool(credentials or storages)),
    )


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
