"""hep_sub: from a JobSpec to a cluster, in the order of the design's one arrow.

What a plain job has no use for (bundles, S3, credentials) is loaded when a plan asks for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.actions.submit.result import Submission
from hepsub.errors import HepsubError, Interrupted, LogDirectoryNotWritable, UsageError
from hepsub.job import JobSpec
from hepsub.plan.draft import Draft, Reading, draft
from hepsub.plan.facts import Facts, OutputFacts
from hepsub.plan.model import Plan
from hepsub.plan.planner import make_plan
from hepsub.result import Result
from hepsub.session import Session
from hepsub.survey.survey import read, survey

if TYPE_CHECKING:
    from hepsub.actions.submit.fit import Misfit
    from hepsub.actions.submit.stage import Staged
    from hepsub.batch_system import BatchSystem
    from hepsub.jobid import SubmissionRef
    from hepsub.storage.stores import Stores

    StoresOf = Callable[[], Stores]
    """Opens the storages of the policy when they are asked for, and the same ones each time."""


def new_uuid() -> str:
    """A random UUID (RFC 9562, version 4)."""
    # The module of this name takes as long to load as all of a plain plan.
    number = int.from_bytes(os.urandom(16))
    number = number & ~(0xF << 76) | 4 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def planned(
    session: Session,
    stores: StoresOf,
    spec: JobSpec,
    *,
    keeps: bool,
    known: Reading | None = None,
    but: Mapping[str, str] | None = None,
) -> tuple[Plan, Facts]:
    """The decided submission, and what is true of the places of its files.

    Args:
        session: the session.
        stores: the storages.
        spec: what is asked for.
        keeps: whether packed libraries may be written.
        known: the list as it was read once; None for one that is read now.
        but: sites to which the jobs do not go, and why, besides those that are left out now.

    Raises:
        HepsubError: it cannot be made.
    """
    archives = None
    if spec.libraries:
        from hepsub.actions.submit.libraries import archive_cache

        archives = archive_cache(session.bundles, keeps=keeps)
    store_of = lambda name: stores().store(name)  # noqa: E731 (two words)
    with session.progress.step("looking at the list" if spec.list_file is not None else ""):
        reading = read(spec, session.policy, session.situation, store_of, known)

    def look(made: Draft) -> Facts:
        today = session.journal.is_of_day(session.situation.now)
        with session.progress.step("looking at what the jobs need"):
            facts = replace(survey(made, store_of, archives), submitted_today=today)
        return replace(facts, left_out=_left_out(session, but or {})) if made.may_leave else facts

    if reading.options:
        from hepsub.actions.submit.boss import plan_boss

        return plan_boss(session, spec, reading, look)
    made = draft(spec, session.policy, session.situation, reading)
    facts = look(made)
    if spec.outputs and session.policy.rule:
        from hepsub.actions.submit.experience import is_wanted, left_behind

        if is_wanted(made):
            outputs_mb = left_behind(session, str(made.layout.executable))
            facts = replace(facts, output_mb=outputs_mb)
    return make_plan(made, facts), facts


def _left_out(session: Session, but: Mapping[str, str]) -> dict[str, str]:
    """The sites to which jobs do not go, and why: those that are left out now, and others."""
    from hepsub.bundle.leaving import left_out_now

    now = session.situation.now
    left = left_out_now(session.bundles, session.policy, now)
    return {**{name: each.text(now) for name, each in left.items()}, **but}


def check_places(session: Session, plan: Plan, outputs: OutputFacts) -> None:
    """Refuse to write over what is at the places of outputs, as far as the policy says so.

    Raises:
        HepsubError: something is there.
    """
    if plan.staging is not None:
        from hepsub.plan.existing import check_outputs

        check_outputs(outputs, session.policy)


def submit(
    session: Session, spec: JobSpec, tell: Callable[[str], None] = lambda _: None
) -> Result[Submission]:
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


def _submit(session: Session, spec: JobSpec, tell: Callable[[str], None]) -> Result[Submission]:
    stores = functools.cache(session.open_stores)
    if spec.libraries:  # packing them writes beside the bundles, before a bundle is made
        from hepsub.bundle.root import check_common

        check_common(session.policy)
    try:
        spec, known, told = with_lines(session, stores, spec)
        plan, facts = planned(session, stores, spec, keeps=True, known=known)
    except UsageError:
        raise
    except HepsubError as error:
        if not spec.once:
            raise
        from hepsub.actions.submit.once import find_all_the_same

        return find_all_the_same(session, spec.once, error)
    plan = replace(plan, notes=(*told, *plan.notes))
    # Who is refused hears that first; what others of one's submissions left may take long.
    schedd = session.schedd(plan.route.pool, plan.route.schedd)
    finished = recovered(session, stores, tell)

    making = functools.partial(make, session, stores, spec, plan, facts.outputs, schedd, finished)
    if not plan.once:
        return making()
    from hepsub.actions.submit.once import check_alone, find_earlier, repeated_note

    with session.journal.locked(plan.once):
        earlier = find_earlier(session, plan)
        if earlier is None:
            return making(alone=functools.partial(check_alone, session, plan.once))
        repeated = (repeated_note(session, plan),)
        return Result(value=replace(earlier, notes=(*finished, *repeated)), notes=repeated)


def with_lines(
    session: Session, stores: StoresOf, spec: JobSpec
) -> tuple[JobSpec, Reading | None, tuple[str, ...]]:
    """As `with_sbatch_lines`; without Slurm in the policy they are comments, as everywhere."""
    if not session.policy.slurm_pools():
        return spec, None, ()
    from hepsub.actions.submit.sbatch_lines import with_sbatch_lines

    return with_sbatch_lines(session, stores, spec)


def recovered(session: Session, stores: StoresOf, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Finish or clear away what earlier submissions left; a sentence for each, told as soon as it is done."""
    # Most often there is nothing, and a plain job does not load what looks at it.
    bundles, gates = session.bundles, session.paths.slurm / "gates"
    # A gate with a dot never got its name: a kill left it, and nothing was submitted behind it.
    is_gated = any(not each.startswith(".") for each in _names(gates))
    if not is_gated and not any(_is_incomplete(bundles, each) for each in _names(bundles)):
        return ()
    from hepsub.actions.submit.recover import recover

    done: list[str] = []
    for sentence in recover(session, stores()):
        tell(sentence)
        done.append(sentence)
    return tuple(done)


def _names(directory: Path) -> list[str]:
    """What lies in a directory of hepsub's; nothing where it is not there, or cannot be read: then none can be made."""
    try:
        return os.listdir(directory)  # noqa: PTH208 (names alone)
    except OSError:
        return []


def _is_incomplete(bundles: Path, name: str) -> bool:
    from hepsub.plan.bundle_paths import READY, private_path

    # With a dot: what is being made or removed; else packed libraries, or hep_auth renew's own.
    if name.startswith("."):
        return name.endswith((".new", ".gone"))
    try:
        # As bundle.notes.is_ready, which a plain job does not load: a power cut may have left it empty.
        return not private_path(bundles / name, READY).stat().st_size
    except OSError:  # it is not there, or nobody may look: `recover` finds out
        return True


def make(
    session: Session,
    stores: StoresOf,
    spec: JobSpec,
    plan: Plan,
    outputs: OutputFacts,
    schedd: BatchSystem,
    finished: tuple[str, ...],
    before: Callable[[], None] = lambda: None,
    alone: Callable[[str], None] = lambda _: None,
) -> Result[Submission]:
    """Submit a new cluster.

    Args:
        session: the session.
        stores: the storages.
        spec: what is asked for.
        plan: what was decided of it.
        outputs: what is at the places of outputs.
        schedd: who takes the jobs.
        finished: what was done for earlier submissions.
        before: what has to be done when nothing but the schedd can refuse the cluster any more; Ctrl-C is held back.
        alone: as in `commit`.

    Raises:
        HepsubError: as `submit`.
    """
    from hepsub.actions.submit.commit import commit
    from hepsub.actions.submit.complete import complete
    from hepsub.actions.submit.order import keep_order

    check_places(session, plan, outputs)
    identity = new_uuid()
    # Without a key nobody asks for it, and to load OpenSSL takes its time. The UUID must not be in it yet.
    digest = plan.digest() if plan.once else ""
    order_note = keep_order(session, spec, plan, identity)
    plan = plan.with_uuid(identity)
    with _staged(session, stores, plan, schedd, identity) as staged:
        bundle = staged.bundle if staged is not None else None
        with session.interrupts.allowed():
            # All that may fail, or take long, stands before the commit: behind it there is a cluster to be told of.
            travelling: tuple[str, ...] = ()
            if staged is not None:
                from hepsub.actions.submit.forecast import travel_notes

                travelling = travel_notes(session, stores(), plan, staged)
            misfit = misfit_of(session, schedd, plan)
            _make_directories(plan.new_directories)
        session.interrupts.hold()
        before()
        sealed = staged.plan if staged is not None else plan
        submitted = commit(session, schedd, sealed, identity, bundle, digest=digest, alone=alone)
        done = complete(session, stores, bundle, schedd, submitted.ref, plan.route.delivery)
    named = _name_note(session, plan, submitted.ref)
    named += (misfit.text(session.meant(submitted.ref)),) if misfit else ()
    notes = (*plan.notes, *submitted.notes, *travelling, *done.notes, *named, *order_note)
    value = Submission(submitted=submitted.ref, plan=plan, notes=(*finished, *notes))
    return Result(value=value, notes=notes, problems=done.problems, exit_code=done.exit_code)


def misfit_of(session: Session, schedd: BatchSystem, plan: Plan) -> Misfit | None:
    """Jobs that no slot can hold; nobody is asked about those that ask for what is usual."""
    usual = session.policy.defaults
    asks_more = plan.memory_mb > usual.memory or plan.cpus > usual.cpus
    if not (asks_more or plan.gpus or plan.disk_mb):
        return None
    from hepsub.actions.submit.fit import find_misfit

    return find_misfit(session, schedd, plan)


def _name_note(session: Session, plan: Plan, ref: SubmissionRef) -> tuple[str, ...]:
    """What means the jobs, where a site has them in a queue of its own."""
    if not (plan.route.sites and plan.route.delivery.handed_over):
        return ()
    return (f"the jobs are in the queue of {ref.pool}, where {session.meant(ref)} means them",)


def _staged(
    session: Session, stores: StoresOf, plan: Plan, schedd: BatchSystem, identity: str
) -> contextlib.AbstractContextManager[Staged | None]:
    """The bundle of a plan; None for one that needs none."""
    if plan.staging is None:
        return contextlib.nullcontext()
    from hepsub.actions.submit.stage import bundle_for

    return bundle_for(session, stores(), plan, plan.staging, schedd, identity)


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
