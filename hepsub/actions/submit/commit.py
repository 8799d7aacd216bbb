"""One cluster for one command, whatever happens to the connection.

The intent is in the journal before the schedd is called. After any error the schedd is asked, over a
new connection, whether the cluster exists; only its answer decides what the user reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.batch import Act, Selection, Submitted
from hepsub.errors import (
    AuthenticationRefused,
    BundleUnusable,
    HepsubError,
    Interrupted,
    ScheddNotReached,
    SubmissionRefused,
    SubmissionUncertain,
)
from hepsub.jobid import SubmissionRef
from hepsub.journal import AT_IT_S, NO_CLUSTER, Entry
from hepsub.plan.model import Plan
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem
    from hepsub.bundle.bundle import Bundle

_UNNOTED = "the journal could not be written after the submission: hep_q and -once find the cluster at the schedd"


def commit(
    session: Session,
    schedd: BatchSystem,
    plan: Plan,
    uuid: str,
    bundle: Bundle | None,
    *,
    digest: str = "",
    alone: Callable[[str], None] = lambda _: None,
) -> Submitted:
    """Submit, and know afterwards whether it happened.

    Ctrl-C is noted (`Interrupts.hold`): when the cluster exists, the caller acts upon it.

    Args:
        session: the session.
        schedd: who takes the jobs.
        plan: the decided submission; its UUID is no name in it any more.
        uuid: what the cluster will be found by.
        bundle: what travels with it; when nobody can tell whether the cluster exists and the user does not
            want it any more, that is noted there.
        digest: what any repetition of this command has in common; empty without a key (-once).
        alone: looks, when the intent is noted, whether another host has noted one for the same jobs; an error then. It
            gets the UUID.

    Raises:
        SubmissionUncertain: the schedd could be asked neither to submit nor whether it had.
        Interrupted: the user pressed Ctrl-C, and there is no cluster.
        HepsubError: the schedd refused, and there is no cluster.
    """
    intent = Entry(
        ref=SubmissionRef(uuid=uuid, pool=schedd.pool, schedd=schedd.name, number=plan.number),
        when=session.situation.now,
        once=plan.once,
        what=digest,
        again=plan.again,
        name=plan.name or plan.script.rpartition("/")[2],
        intended=session.clock(),
    )
    session.interrupts.check()
    # If it cannot be written nothing is submitted: a cluster that nobody finds again would be worse.
    session.journal.append(intent)
    try:
        alone(uuid)
    except HepsubError:
        session.journal.note(intent.with_cluster(NO_CLUSTER))
        raise
    try:
        with session.progress.step(f"submitting {plan.number} job(s) to {schedd.name}"):
            submitted = schedd.submit(plan, uuid)
    except (ScheddNotReached, AuthenticationRefused) as error:  # the schedd never heard of it
        session.journal.note(intent.with_cluster(NO_CLUSTER))
        raise _cause(session, error) from error
    except (HepsubError, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            session.interrupts.noted = True
        submitted = _after_trouble(session, schedd, plan, intent, bundle, error)
    noted = session.journal.note(intent.with_cluster(submitted.ref.cluster))
    return submitted if noted else replace(submitted, notes=(*submitted.notes, _UNNOTED))


def _give_up(session: Session, intent: Entry, plan: Plan, bundle: Bundle | None) -> None:
    """Note that a cluster of which nobody knows whether it exists is not wanted any more, after Ctrl-C."""
    if not session.interrupts.noted:
        return
    cancel(bundle)
    if plan.route.delivery.on_hold:  # `recover` removes jobs of which the journal says this
        session.journal.note(intent.taken_back())


def _after_trouble(
    session: Session,
    schedd: BatchSystem,
    plan: Plan,
    intent: Entry,
    bundle: Bundle | None,
    error: BaseException,
) -> Submitted:
    """The cluster, if the schedd has it and its jobs can still start.

    Raises:
        HepsubError: it has none, nobody can tell, or it was taken back.
    """
    cause = _cause(session, error)
    try:
        found = look_up(session, intent.ref, cause=cause)
    except SubmissionUncertain:
        _give_up(session, intent, plan, bundle)
        raise
    if found is None and isinstance(error, SubmissionUncertain):
        # Slurm may be at it: what sbatch has sent appears in the queue a while later, or never.
        _give_up(session, intent, plan, bundle)
        raise error
    if found is None:
        session.journal.note(intent.with_cluster(NO_CLUSTER))
        raise cause from error
    if plan.route.delivery.handed_over:  # its files cannot be sent any more
        session.journal.note(intent.with_cluster(found.cluster))
        why = take_back(session, schedd, found, bundle)
        if session.interrupts.noted:
            raise interrupted(found, why, bundle) from error
        raise cause if not why else _left_behind(found, why, cause) from error
    return Submitted(ref=found)


def _cause(session: Session, error: BaseException) -> HepsubError:
    """Why nothing was submitted."""
    if session.interrupts.noted or not isinstance(error, HepsubError):
        return Interrupted("interrupted; nothing was submitted")
    return error


def _left_behind(found: SubmissionRef, why: str, cause: HepsubError) -> SubmissionRefused:
    return SubmissionRefused(
        f"cluster {found.cluster} cannot start: {cause.message} before its files were handed over; nor could it be"
        f" removed: {why}",
        remedy=f"hep_rm {found.cluster} removes it; then submit again",
    )


def settle(session: Session, entry: Entry) -> Entry:
    """What became of a submission that was intended, and of which nothing more is noted.

    Raises:
        SubmissionUncertain: nobody can tell: its schedd cannot be asked, or another host may be at it.
    """
    # An intent of this host's is one of a dead process: whoever asks has the lock, which holds on one host.
    others = session.journal.writers(entry.ref.uuid) - {session.journal.host}
    now = session.clock()
    if others and entry.may_be_under_way(now):
        ago = max(0.0, now - (entry.intended or entry.when))
        raise SubmissionUncertain(
            f"nothing was submitted: a hep_sub on {', '.join(sorted(others))} began to submit these jobs {ago:.0f} s"
            " ago, and may be at it",
            remedy=f"try again in {AT_IT_S - ago:.0f} s",
        )
    seen = look_up(session, entry.ref, cause=HepsubError("an earlier hep_sub was interrupted"))
    return entry.with_cluster(seen.cluster if seen else NO_CLUSTER)


def look_up(
    session: Session, intended: SubmissionRef, cause: BaseException
) -> SubmissionRef | None:
    """Ask a schedd for the cluster of a submission.

    Raises:
        SubmissionUncertain: it cannot be asked.
    """
    try:
        # It is located anew: a restart changes its address.
        schedd = session.schedd(intended.pool, intended.schedd)
        found = schedd.find(Selection(uuid=intended.uuid))
    except HepsubError as trouble:
        raise SubmissionUncertain(
            f"the connection to {intended.schedd} was lost during the submission ({cause}), and it cannot be"
            f" asked now whether the cluster exists ({trouble})",
            remedy="do not submit again blindly: when the schedd is back, hep_q -u shows the cluster or not"
            f" (its UUID is {intended.uuid}); hep_sub -once KEY can always be repeated safely",
        ) from cause
    return found[0] if found else None


def take_back(
    session: Session, schedd: BatchSystem, ref: SubmissionRef, bundle: Bundle | None
) -> str:
    """Remove a cluster whose jobs cannot have started yet; why that was not possible, empty when it was.

    What is to be is noted before anything is tried: `recover` goes on with it.
    """
    cancel(bundle)
    try:
        # By the UUID: Slurm's ids come again, and so do those of a schedd whose queue was lost.
        count = schedd.act(Act.REMOVE, Selection(uuid=ref.uuid))
    except HepsubError as error:
        return error.message
    if count.denied or count.wrong_state:
        return f"the schedd {ref.schedd} does not let you remove it"
    if bundle is not None:
        _discard(bundle)
    note_gone(session, ref.uuid)
    return ""


def cancel(bundle: Bundle | None) -> None:
    """Note that a submission is not to be; where that cannot be written, nothing is left to finish it with."""
    if bundle is None:
        return
    from hepsub.bundle.notes import mark_cancelled

    try:
        mark_cancelled(bundle)
    except BundleUnusable:
        _discard(bundle)


def note_gone(session: Session, uuid: str) -> None:
    """Let the journal know that a submission has no cluster, and its key is free; its bundle has gone before."""
    if (noted := session.journal.find(uuid)) is not None:
        session.journal.note(noted.taken_back())


def interrupted(ref: SubmissionRef, why: str, bundle: Bundle | None) -> Interrupted:
    """What the user reads who pressed Ctrl-C before the jobs could start; and why they were not removed, if so."""
    cluster = ref.cluster
    if not why:
        return Interrupted(f"interrupted; cluster {cluster} was removed again")
    # The bundle has noted it (`cancel`); without one nobody comes back to it.
    later = ", as the next hep_sub or hep_auth renew does by itself" if bundle is not None else ""
    return Interrupted(
        f"interrupted, but cluster {cluster} could not be removed again: {why}",
        remedy=f"its jobs do not start; hep_rm {cluster} removes it{later}",
    )


def _discard(bundle: Bundle) -> None:
    from hepsub.bundle.directory import discard_bundle

    discard_bundle(bundle.directory)
