"""hep_sub: from a JobSpec to a cluster, in the order of the design's one arrow."""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.submit.commit import Order, commit, look_up
from hepsub.actions.submit.complete import complete
from hepsub.actions.submit.credentials import forecast_credentials, obtain_all
from hepsub.actions.submit.documents import (
    earlier_procs,
    library_documents,
    log_document,
    proc_document,
    route_document,
)
from hepsub.actions.submit.libraries import shelf_beside, uploaded_note
from hepsub.actions.submit.log_directories import make_directories
from hepsub.actions.submit.recover import recover
from hepsub.actions.submit.stage import Staged, Stores, bundle_for, forecast, open_stores
from hepsub.auth.login_environment import note_login
from hepsub.batch import BatchSystem, Selection
from hepsub.bundle.request import request_for
from hepsub.bundle.root import check_common
from hepsub.bundle.sent import preview_seal
from hepsub.condor.description import describe
from hepsub.errors import BundleUnusable, HepsubError, Interrupted, JournalNotWritable
from hepsub.job import JobSpec
from hepsub.jobid import SubmissionRef
from hepsub.journal import NO_CLUSTER, Entry
from hepsub.plan.model import Plan
from hepsub.plan.outputs import OutputFacts, check_outputs
from hepsub.plan.planner import make_plan
from hepsub.result import Json, NotedProblem, Result
from hepsub.session import Session
from hepsub.survey.survey import survey

if TYPE_CHECKING:
    from hepsub.bundle.bundle import Bundle

_SHOWN_PROCS = 10


class Preview(Struct, frozen=True, kw_only=True):
    """What would be submitted.

    Attributes:
        plan: the decided submission.
        description: what HTCondor would get.
        schedd: the schedd that would take it; empty when the pool did not answer.
        unreachable: why the pool could not be asked; empty when it could.
    """

    plan: Plan
    description: str
    schedd: str
    unreachable: str

    def document(self) -> dict[str, Json]:
        """The preview as it stands under `result` in JSON."""
        plan = self.plan
        return {
            "jobs": plan.number,
            "script": plan.script,
            "resources": {
                "cpus": plan.cpus,
                "gpus": plan.gpus,
                "memory_mb": plan.memory_mb,
                "walltime_class": plan.walltime.name,
                "walltime_s": plan.walltime.limit,
            },
            "group": plan.group,
            "os": plan.os or None,
            "image": plan.image or None,
            "name": plan.name or None,
            "pool": plan.route.pool,
            "universe": plan.universe,
            "priority": plan.priority,
            "credentials": [each.name for each in plan.staging.credentials] if plan.staging else [],
            "libraries": library_documents(plan.staging, uploaded=False),
            "secret_variables": list(plan.secrets),
            "first": plan.first,
            "factory": plan.factory_idle > 0,
            "procs": [proc_document(proc) for proc in plan.procs(_SHOWN_PROCS)],
            "route": route_document(plan),
            "schedd": self.schedd or None,
            "description": self.description,
            "notes": list(plan.notes),
        }


class Submission(Struct, frozen=True, kw_only=True):
    """A cluster that was submitted, now or earlier with the same key.

    Attributes:
        submitted: the cluster.
        plan: the decided submission; None when the key had been used before.
        bundle: what travelled with it when the key was used first; None where nothing did, or it is gone.
        notes: what the user should know.
    """

    submitted: SubmissionRef
    plan: Plan | None
    bundle: Bundle | None = None
    notes: tuple[str, ...] = ()

    @property
    def pool(self) -> str:
        """The pool's name in the policy."""
        return self.submitted.pool

    @property
    def must_be_told(self) -> bool:
        """Whether people are told of it on stderr where stdout cannot be written."""
        return True

    def document(self) -> dict[str, Json]:
        """The submission as it stands under `result` in JSON."""
        ref = self.submitted
        procs: list[Json] = []
        libraries: list[Json] = []
        if self.plan is not None:
            procs += [
                log_document(each.proc, each.stdout, each.stderr, ref.cluster)
                for each in self.plan.procs()
            ]
            libraries = library_documents(self.plan.staging, uploaded=True)
        elif self.bundle is not None:
            request = self.bundle.request
            procs = earlier_procs(request, ref.cluster)
            libraries = library_documents(request.staging, uploaded=False)
        return {
            "cluster": ref.cluster,
            "jobs": ref.number,
            "pool": ref.pool,
            "schedd": ref.schedd,
            "uuid": ref.uuid,
            "new": self.plan is not None,
            "libraries": libraries,
            "notes": list(self.notes),
            "procs": procs,
        }


def preview(session: Session, spec: JobSpec) -> Result:
    """Show what would be submitted; read-only, and possible without a pool.

    Raises:
        HepsubError: the submission would be refused.
    """
    stores = open_stores(session)
    shelf = shelf_beside(session.bundles, keeps=False)
    facts = survey(spec, session.policy, session.situation, stores.store, shelf)
    plan = make_plan(spec, session.policy, facts)
    check_outputs(facts.outputs, session.policy)
    held = obtain_all(session, plan.staging) if plan.staging is not None else ()
    schedd, unreachable = _reachable(session, plan)
    identity = str(uuid.uuid4())
    sealed = _sealed(plan.with_uuid(identity), identity)
    description = schedd.describe(sealed, identity) if schedd else describe(sealed, identity).text
    value = Preview(
        plan=plan,
        description=description,
        schedd=schedd.name if schedd else "",
        unreachable=unreachable,
    )
    notes = (f"the pool could not be asked: {unreachable}",) if unreachable else ()
    problems = (NotedProblem(code="pool-unreachable", message=unreachable),) if unreachable else ()
    outlook = forecast_credentials(session, plan, held)
    return Result(value=value, notes=(*plan.notes, *outlook, *notes), problems=problems)


def _sealed(plan: Plan, identity: str) -> Plan:
    """The plan with the hashes of what would be sent.

    Raises:
        BundleUnusable: a file cannot be read.
    """
    if plan.staging is None:
        return plan
    try:
        seal = preview_seal(request_for(plan, plan.staging, identity, ""), plan.secrets)
    except OSError as error:
        raise BundleUnusable(
            f"{error.filename} cannot be read: {error.strerror}", remedy="make it readable"
        ) from error
    return dataclasses.replace(plan, staging=replace(plan.staging, seal=seal))


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
    stores = open_stores(session)
    if spec.libraries:
        check_common(session.policy)
    shelf = shelf_beside(session.bundles)
    facts = survey(spec, session.policy, session.situation, stores.store, shelf)
    plan = make_plan(spec, session.policy, facts)
    schedd = session.schedd(plan.route.pool, plan.route.schedd)
    finished = tuple(_told(recover(session, stores), tell))
    with _alone(session, plan.once):
        earlier = _earlier(session, plan) if plan.once else None
        if earlier is not None:
            repeated = (_repeated(session, plan),)
            return Result(value=replace(earlier, notes=(*finished, *repeated)), notes=repeated)
        return _made(session, stores, plan, facts.outputs, schedd, finished)


def _told(sentences: Iterable[str], tell: Callable[[str], None]) -> Iterator[str]:
    for each in sentences:
        tell(each)
        yield each


def _made(
    session: Session,
    stores: Stores,
    plan: Plan,
    outputs: OutputFacts,
    schedd: BatchSystem,
    finished: tuple[str, ...],
) -> Result:
    """A new cluster."""
    check_outputs(outputs, session.policy)
    identity, what = str(uuid.uuid4()), plan.digest()
    plan = plan.with_uuid(identity)
    with bundle_for(session, stores, plan, schedd, identity) as staged:
        bundle = staged.bundle if staged is not None else None
        with session.interrupts.allowed():
            outlook = _outlook(session, stores, plan, staged)  # it may fail: not after the commit
            make_directories(plan.new_directories)
        session.interrupts.hold()
        sealed = staged.plan if staged is not None else plan
        submitted = commit(session, schedd, Order(uuid=identity, plan=sealed, what=what), bundle)
        done = complete(session, stores, bundle, schedd, submitted.ref, spool=plan.route.spool)
    notes = (*plan.notes, *submitted.notes, *outlook, *done.notes)
    value = Submission(submitted=submitted.ref, plan=plan, notes=(*finished, *notes))
    return Result(value=value, notes=notes, problems=done.problems, exit_code=done.exit_code)


def _outlook(
    session: Session, stores: Stores, plan: Plan, staged: Staged | None
) -> tuple[str, ...]:
    """What the user should know of what travels with the jobs."""
    if staged is None:
        return ()
    _note_login(session)
    return (
        *uploaded_note(staged.bundle.request.staging.libraries),
        *forecast(session, stores, plan, staged.bundle.request),
        *forecast_credentials(session, plan, staged.held),
    )


def _note_login(session: Session) -> None:
    """For hep_auth renew, which may run after the logout; it can do without."""
    situation = session.situation
    with contextlib.suppress(OSError):
        note_login(session.paths.logins, situation.host, situation.environment)


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
