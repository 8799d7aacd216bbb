"""Submissions that were interrupted between their bundle and their gate: finished, or cleared away.

The bundle's lock tells one that is being made from one that was left behind (kill -9, a crash); the
schedd tells whether the cluster exists. What its user has taken back (Ctrl-C) is removed, and never finished.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hepsub.actions.submit.commit import note_gone, take_back
from hepsub.actions.submit.stage import open_gate, sign
from hepsub.batch import SPOOLING, Act, Selection, State
from hepsub.bundle.bundle import Bundle, read_bundle, why_of_another
from hepsub.bundle.directory import discard_bundle, locked_existing
from hepsub.bundle.logs import link_logs
from hepsub.bundle.notes import is_cancelled, is_ready, mark_ready
from hepsub.bundle.root import remove_abandoned, unfinished
from hepsub.errors import BundleUnusable, HepsubError
from hepsub.jobid import SubmissionRef
from hepsub.journal import NO_CLUSTER
from hepsub.plan.model import delivery_for
from hepsub.session import Session
from hepsub.storage.stores import Stores

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem
    from hepsub.slurm.slips import Slip, Slips

_NEVER_WRITTEN_S = 3600
"""A bundle without a request belongs to nobody after this."""


def recover(session: Session, stores: Stores) -> Iterator[str]:
    """Finish or clear away what earlier submissions left; a sentence for each, as soon as it is done.

    What cannot be decided now (a schedd or a storage is away) is left for the next time.
    """
    remove_abandoned(session.bundles, session.situation.now)
    for directory in unfinished(session.bundles):
        # Who makes a bundle has it locked: one that is free was left behind.
        with locked_existing(directory) as mine:
            ready = is_ready(directory)  # it was completed while we waited
            note = _recover(session, stores, directory) if mine and not ready else ""
        if note:
            yield note
    yield from _release_left(session)


def _release_left(session: Session) -> Iterator[str]:
    """Release the jobs of Slurm whose submission ended between sbatch and that; a pool that is away is asked once."""
    from hepsub.slurm.slips import Slips  # few have a Slurm

    slips, away = Slips(directory=session.paths.slurm), set[str]()
    for slip in slips.interrupted():
        if slip.pool not in session.policy.pool or slip.pool in away:
            continue
        try:
            if note := _release(session, slips, slip):
                yield note
        except HepsubError:  # the next hep_sub asks again
            away.add(slip.pool)


def _release(session: Session, slips: Slips, slip: Slip) -> str:
    """Release the jobs of one submission, or remove them where their user was told that there are none."""
    directory = session.bundles / slip.uuid
    if directory.is_dir() and not is_ready(directory):
        return ""  # it is completed first (`_finish`), and could not be now
    schedd = session.schedd(slip.pool, "")
    wanted = Selection(uuid=slip.uuid)
    jobs = schedd.queue(wanted, session.situation.now).jobs
    noted = session.journal.find(slip.uuid)
    # Its user was told that there are no jobs, by Ctrl-C or an error: then there must be none.
    unwanted = slips.is_cancelled(slip.uuid) or noted is None or noted.ref.cluster == NO_CLUSTER
    if not jobs:
        if not slip.cluster:  # sbatch never got that far; with an id the jobs have been, and ended
            note_gone(session, slip.uuid)
            slips.forget(slip)
        slips.open(slip.uuid)
        return ""
    cluster = jobs[0].cluster
    named = f"cluster {cluster} at {slip.pool}, whose submission had been interrupted,"
    if unwanted:
        schedd.act(Act.REMOVE, wanted)
        slips.forget(slip)
        return f"{named} was removed: submit it again if you want it"
    if noted is not None and noted.ref.cluster == 0:
        session.journal.append(noted.with_cluster(cluster))
    slips.know(slip, cluster)
    # One that runs was released, by us or its user.
    if all(job.state is State.HELD for job in jobs):
        schedd.open_gate(cluster, factory=False, held=True)
    slips.open(slip.uuid)
    return f"{named} was completed and may start now"


def _recover(session: Session, stores: Stores, directory: Path) -> str:
    bundle = read_bundle(directory)
    if bundle is None:
        if another := why_of_another(directory):
            return another
        if session.situation.now - directory.stat().st_mtime > _NEVER_WRITTEN_S:
            discard_bundle(directory)
        return ""
    try:
        return _finish(session, stores, bundle)
    except BundleUnusable as error:
        return error.message  # its jobs wait, and their user should know
    except HepsubError:
        return ""  # the next hep_sub asks again


def _finish(session: Session, stores: Stores, bundle: Bundle) -> str:
    request, ref = bundle.request, bundle.request.ref
    if session.policy.pool_now(ref.pool) not in session.policy.pool:
        return ""
    schedd = session.schedd(ref.pool, ref.schedd)
    wanted = Selection(uuid=ref.uuid)
    found = schedd.find(wanted)
    if not found:
        discard_bundle(bundle.directory)
        note_gone(session, ref.uuid)
        return ""
    queue = schedd.queue(wanted, session.situation.now)
    # That one is on its way out.
    living = [job for job in queue.jobs if job.state is not State.REMOVED]
    if is_cancelled(bundle):
        return _remove(session, schedd, bundle, found[0], living=bool(living or queue.unmade))
    if not living and not queue.unmade:
        mark_ready(bundle, found[0].cluster)  # its jobs were removed, or have ended
        return ""
    if request.delivery.handed_over and any(job.hold_code == SPOOLING for job in living):
        return _remove(session, schedd, bundle, found[0], living=True)  # they have no files
    return _let_start(session, stores, schedd, bundle, found[0].cluster)


def _remove(
    session: Session, schedd: BatchSystem, bundle: Bundle, found: SubmissionRef, *, living: bool
) -> str:
    """Remove what can, or may, never start."""
    why = take_back(session, schedd, found, bundle)
    what = f"cluster {found.cluster}, whose submission had been interrupted,"
    if why:
        return f"{what} could not be removed: {why}"
    return f"{what} was removed: submit it again if you want it" if living else ""


def _let_start(
    session: Session, stores: Stores, schedd: BatchSystem, bundle: Bundle, cluster: int
) -> str:
    request = bundle.request
    policy = session.policy
    on_hold = delivery_for(policy.pool[policy.pool_now(request.pool)]).on_hold
    if on_hold and request.staging.needs_cluster:
        sign(session, stores, bundle, cluster)
    elif request.staging.needs_cluster and not request.delivery.handed_over:
        open_gate(session, stores, bundle, schedd, cluster)
    link_logs(bundle, cluster)
    mark_ready(bundle, cluster)
    if on_hold:
        return ""  # `_release_left` releases them, and tells of it
    return (
        f"cluster {cluster}, whose submission had been interrupted, was completed and may start now"
    )
