"""hep_sub: from a JobSpec to a cluster, in the order of the design's one arrow.

What a plain job has no use for (bundles, S3, credentials) is loaded when a plan asks for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.actions.submit.result import Preview, Submission
from hepsub.errors import (
    BundleUnusable,
    HepsubError,
    Interrupted,
    JournalNotWritable,
    LogDirectoryNotWritable,
)
from hepsub.job import JobSpec
from hepsub.jobid import SubmissionRef
from hepsub.plan.draft import draft
from hepsub.plan.facts import Facts, OutputFacts
from hepsub.plan.model import Plan
from hepsub.plan.planner import make_plan
from hepsub.result import NotedProblem, Result
from hepsub.session import Session
from hepsub.survey.survey import read, survey

if TYPE_CHECKING:
    from hepsub.actions.submit.stage import Staged
    from hepsub.batch_system import BatchSystem
    from hepsub.journal import Entry
    from hepsub.storage.stores import Stores

    StoresOf = Callable[[], Stores]
    """Opens the storages of the policy when they are asked for, and the same ones each time."""


def preview(session: Session, spec: JobSpec) -> Result:
    """Show what would be submitted; read-only, and possible without a pool.

    Raises:
        HepsubError: the submission would be refused.
    """
    plan, facts = _planned(session, _stores(session), spec, keeps=False)
    _check_outputs(session, plan, facts.outputs)
    outlook = _credentials_outlook(session, plan)
    schedd, unreachable = _reachable(session, plan)
    identity = new_uuid()
    sealed = _sealed(plan.with_uuid(identity), identity)
    value = Preview(
        plan=plan,
        description=_description(schedd, sealed, identity),
        schedd=schedd.name if schedd else "",
        unreachable=unreachable,
    )
    notes = (f"the pool could not be asked: {unreachable}",) if unreachable else ()
    problems = (NotedProblem(code="pool-unreachable", message=unreachable),) if unreachable else ()
    return Result(value=value, notes=(*plan.notes, *outlook, *notes), problems=problems)


def new_uuid() -> str:
    """A random UUID (RFC 9562, version 4); the module of this name takes as long to load as all of a plain plan."""
    number = int.from_bytes(os.urandom(16))
    number = number & ~(0xF << 76) | 4 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _stores(session: Session) -> StoresOf:
    def opened() -> Stores:
        from hepsub.actions.submit.stage import open_stores

        return open_stores(session)

    return functools.cache(opened)


def _planned(
    session: Session, stores: StoresOf, spec: JobSpec, *, keeps: bool
) -> tuple[Plan, Facts]:
    """The decided submission, and what is true of the places of its files.

    Args:
        session: the session.
        stores: the storages.
        spec: what is asked for.
        keeps: whether packed libraries may be written.
    """
    shelf = None
    if spec.libraries:
        from hepsub.actions.submit.libraries import shelf_beside

        shelf = shelf_beside(session.bundles, keeps=keeps)
    store_of = lambda name: stores().store(name)  # noqa: E731 (two words)
    reading = read(spec, session.policy, session.situation, store_of)
    made = draft(spec, session.policy, session.situation, reading)
    facts = survey(made, store_of, shelf)
    return make_plan(made, facts), facts


def _check_outputs(session: Session, plan: Plan, outputs: OutputFacts) -> None:
    if plan.staging is not None:
        from hepsub.plan.existing import check_outputs

        check_outputs(outputs, session.policy)


def _credentials_outlook(session: Session, plan: Plan) -> tuple[str, ...]:
    """How long the credentials of a preview are good for; they are obtained as they would be for its jobs."""
    if plan.staging is None:
        return ()
    from hepsub.actions.submit.credentials import obtain_all
    from hepsub.actions.submit.forecast import forecast

    return forecast(session, plan, plan.staging, obtain_all(session, plan.staging), {})


def _description(schedd: BatchSystem | None, plan: Plan, identity: str) -> str:
    if schedd is not None:
        return schedd.describe(plan, identity)
    from hepsub.condor.description import describe

    return describe(plan, identity).text


def _sealed(plan: Plan, identity: str) -> Plan:
    """The plan with the hashes of what would be sent.

    Raises:
        BundleUnusable: a file cannot be read.
    """
    if plan.staging is None:
        return plan
    from hepsub.bundle.request import request_for
    from hepsub.bundle.sent import preview_seal

    try:
        seal = preview_seal(request_for(plan, plan.staging, identity, ""), plan.secrets)
    except OSError as error:
        raise BundleUnusable(
            f"{error.filename} cannot be read: {error.strerror}", remedy="make it readable"
        ) from error
    return replace(plan, staging=replace(plan.staging, seal=seal))


def submit(session: Session, spec: JobSpec, tell: Callable[[str], None] = lambda _: None) -> Result:
    """Submit one cluster; with a key that was used before, find that cluster instead.

    From the commit on no error hides the cluster, and Ctrl-C is held back until the outermost
    `Interrupts.scope` ends: its jobs can start, and the result says so, or it is taken back.

    Args:
        session: the session.
        spec: what is asked for.
        tell: told at once of what was done for earlier submissions, which an error must not hide.

    Raises:
        Interrupted: the user pressed Ctrl-C; nothing was submitted, or it was taken back.
        HepsubError: nothing was submitted (or, for SubmissionUncertain, perhaps something).
    """
    with session.interrupts.scope():
        try:
            return _submit(session, spec, tell)
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted; nothing was submitted") from error


def _submit(session: Session, spec: JobSpec, tell: Callable[[str], None]) -> Result:
    stores = _stores(session)
    if spec.libraries:
        from hepsub.bundle.root import check_common

        check_common(session.policy)
    plan, facts = _planned(session, stores, spec, keeps=True)
    schedd = session.schedd(plan.route.pool, plan.route.schedd)
    finished: tuple[str, ...] = ()
    if _is_something_left(session.bundles):
        from hepsub.actions.submit.recover import recover

        finished = tuple(_told(recover(session, stores()), tell))
    with _alone(session, plan.once):
        earlier = _earlier(session, plan) if plan.once else None
        if earlier is not None:
            repeated = (_repeated(session, plan),)
            return Result(value=replace(earlier, notes=(*finished, *repeated)), notes=repeated)
        return _made(session, stores, plan, facts.outputs, schedd, finished)


def _is_something_left(bundles: Path) -> bool:
    """Whether anything lies among the bundles that is not complete: `recover` finds out what."""
    from hepsub.plan.bundle_paths import READY, layout_of

    try:
        return any(
            name.endswith((".new", ".gone"))
            if name.startswith(".")
            else not layout_of(bundles / name).private(READY).exists()
            for name in os.listdir(bundles)  # noqa: PTH208 (names alone)
        )
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _told(sentences: Iterable[str], tell: Callable[[str], None]) -> Iterator[str]:
    for each in sentences:
        tell(each)
        yield each


def _made(
    session: Session,
    stores: StoresOf,
    plan: Plan,
    outputs: OutputFacts,
    schedd: BatchSystem,
    finished: tuple[str, ...],
) -> Result:
    """A new cluster."""
    from hepsub.actions.submit.commit import Order, commit
    from hepsub.actions.submit.complete import complete

    _check_outputs(session, plan, outputs)
    identity = new_uuid()
    what = (
        plan.digest() if plan.once else ""
    )  # nobody asks without a key, and OpenSSL takes its time
    plan = plan.with_uuid(identity)
    with _staged(session, stores, plan, schedd, identity) as staged:
        bundle = staged.bundle if staged is not None else None
        with session.interrupts.allowed():
            # It may fail: not after the commit.
            outlook = _outlook(session, stores(), plan, staged) if staged is not None else ()
            _make_directories(plan.new_directories)
        session.interrupts.hold()
        sealed = staged.plan if staged is not None else plan
        submitted = commit(session, schedd, Order(uuid=identity, plan=sealed, what=what), bundle)
        handed_over = plan.route.delivery.handed_over
        done = complete(session, stores, bundle, schedd, submitted.ref, handed_over=handed_over)
    notes = (*plan.notes, *submitted.notes, *outlook, *done.notes)
    value = Submission(submitted=submitted.ref, plan=plan, notes=(*finished, *notes))
    return Result(value=value, notes=notes, problems=done.problems, exit_code=done.exit_code)


@contextlib.contextmanager
def _staged(
    session: Session, stores: StoresOf, plan: Plan, schedd: BatchSystem, identity: str
) -> Iterator[Staged | None]:
    """The bundle of a plan; None for one that needs none."""
    if plan.staging is None:
        yield None
        return
    from hepsub.actions.submit.stage import bundle_for

    with bundle_for(session, stores(), plan, plan.staging, schedd, identity) as staged:
        yield staged


def _make_directories(paths: Iterable[str]) -> None:
    """Make directories for logs, with the user's umask; those that are there by now are fine.

    Raises:
        LogDirectoryNotWritable: one cannot be made.
    """
    for path in paths:
        try:
            Path(path).mkdir(exist_ok=True)
        except OSError as error:
            raise LogDirectoryNotWritable(
                f"the log directory {path} cannot be made: {error.strerror}",
                remedy="choose another place with -o and -e",
            ) from error


def _outlook(session: Session, stores: Stores, plan: Plan, staged: Staged) -> tuple[str, ...]:
    """What the user should know of what travels with the jobs."""
    from hepsub.actions.submit.forecast import forecast
    from hepsub.actions.submit.libraries import uploaded_note
    from hepsub.actions.submit.stage import used_storages
    from hepsub.auth.login_environment import note_login

    situation, request = session.situation, staged.bundle.request
    used = {name: stores.store(name) for name in used_storages(request)}
    with contextlib.suppress(OSError):  # for hep_auth renew after the logout; it can do without
        note_login(session.paths.logins, situation.host, situation.environment)
    return (
        *uploaded_note(request.staging.libraries),
        *forecast(session, plan, request.staging, staged.held, used),
    )


def _repeated(session: Session, plan: Plan) -> str:
    noted = session.journal.once(plan.once)
    differs = noted is not None and noted.what not in ("", plan.digest())
    but = (
        "; but the job differs from the one of that time: a new job needs a new key"
        if differs
        else ""
    )
    return f"-once {plan.once}: submitted before, nothing was submitted now{but}"


@contextlib.contextmanager
def _alone(session: Session, once: str) -> Iterator[None]:
    if not once:
        yield
        return
    with session.journal.locked(once):
        yield


def _earlier(session: Session, plan: Plan) -> Submission | None:
    """The cluster that this key already has: by the journal, else by the schedds' ads."""
    from hepsub.actions.submit.commit import look_up
    from hepsub.batch import Selection
    from hepsub.journal import NO_CLUSTER, Entry

    noted = session.journal.once(plan.once)
    if noted is not None and noted.ref.cluster > 0:
        return _of_earlier(session, noted.ref)
    if noted is not None:
        cause = HepsubError("an earlier hep_sub was interrupted")
        seen = look_up(session, noted.ref, cause=cause)
        _note(session, noted.with_cluster(seen.cluster if seen else NO_CLUSTER))
        if seen is not None:
            return _of_earlier(session, seen)
    selection = Selection(once=plan.once, owner=session.situation.user)
    entries = session.journal.entries()
    gone = frozenset(entry.ref.uuid for entry in entries if entry.ref.cluster == NO_CLUSTER)
    for each in session.schedds(plan.route.pool):
        found_there = [found for found in each.find(selection) if found.uuid not in gone]
        if found_there:
            ref = found_there[0]
            _note(session, Entry(ref=ref, when=session.situation.now, once=plan.once))
            return _of_earlier(session, ref)
    return None


def _of_earlier(session: Session, ref: SubmissionRef) -> Submission:
    from hepsub.bundle.directory import read_bundle

    return Submission(submitted=ref, plan=None, bundle=read_bundle(session.bundles / ref.uuid))


def _note(session: Session, entry: Entry) -> None:
    """Into the journal, if it can be written: what is there is there all the same."""
    with contextlib.suppress(JournalNotWritable):
        session.journal.append(entry)


def _reachable(session: Session, plan: Plan) -> tuple[BatchSystem | None, str]:
    """The schedd that would take the jobs, or why the pool cannot be asked."""
    try:
        return session.schedd(plan.route.pool, plan.route.schedd), ""
    except HepsubError as error:
        return None, error.message
