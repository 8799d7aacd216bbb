"""After the commit: what the jobs still wait for is done, and whatever fails, the cluster is told.

Ctrl-C is held back here (`Interrupts.hold`): it is looked at where something can be left or taken back whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.errors import BundleUnusable, HepsubError, Interrupted, SubmissionRefused
from hepsub.jobid import SubmissionRef
from hepsub.plan.model import Delivery
from hepsub.result import Problem
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.actions.submit.submit import StoresOf
    from hepsub.batch_system import BatchSystem
    from hepsub.bundle.bundle import Bundle


class Completed(Struct, frozen=True, kw_only=True):
    """What became of a cluster after the commit.

    Attributes:
        notes: what could not be done, and is made up for later without the user.
        problems: why its jobs cannot start, or that the user pressed Ctrl-C when they could already.
        exit_code: 0 only if the jobs can start.
    """

    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0


def complete(
    session: Session,
    stores: StoresOf,
    bundle: Bundle | None,
    schedd: BatchSystem,
    ref: SubmissionRef,
    way: Delivery,
) -> Completed:
    """Let the jobs of a cluster start that was just committed.

    Raises:
        Interrupted: the user pressed Ctrl-C before they could; the cluster was removed again, if possible.
        SubmissionRefused: they never can; the cluster was removed again.
    """
    try:
        if way.handed_over:
            _hand_over(session, stores, bundle, schedd, ref.cluster)
        elif bundle is not None and bundle.request.staging.needs_cluster:
            from hepsub.actions.submit.stage import open_gate

            session.interrupts.check()
            open_gate(session, stores(), bundle, schedd, ref.cluster, first=True)
        elif way.on_hold:
            session.interrupts.check()
            schedd.open_gate(ref.cluster, factory=False, held=True)
    except KeyboardInterrupt as error:
        raise _taken_back(session, schedd, ref, bundle) from error
    except HepsubError as error:
        if session.interrupts.noted:
            raise _taken_back(session, schedd, ref, bundle) from error
        if way.handed_over:
            from hepsub.actions.submit.commit import take_back

            # Its files have one way there, by this process: without them the jobs can never start.
            why = take_back(session, schedd, ref, bundle)
            refused = _not_handed_over(ref.cluster, why, error)
            if not why:
                raise refused from error
            error = refused
        return Completed(problems=(Problem.of(error),), exit_code=error.exit_code)
    notes = _mark_ready(bundle, ref.cluster)
    if session.interrupts.take():
        return _too_late(ref.cluster, notes)
    return Completed(notes=notes)


def _hand_over(
    session: Session,
    stores: StoresOf,
    bundle: Bundle | None,
    schedd: BatchSystem,
    cluster: int,
) -> None:
    """Complete the bundle now that the cluster's id is known, and send all files to the schedd.

    Raises:
        HepsubError: they did not arrive, and the jobs can never start.
        KeyboardInterrupt: the user interrupted it before they were sent.
    """
    if bundle is not None and bundle.request.staging.needs_cluster:
        from hepsub.actions.submit.stage import sign

        sign(session, stores(), bundle, cluster, first=True)
    session.interrupts.check()
    with session.progress.step(f"sending the files of cluster {cluster} to {schedd.name}"):
        assert schedd.spool is not None  # noqa: S101 (the plan's delivery says so)
        schedd.spool.hand_over(cluster)


def _not_handed_over(cluster: int, why: str, error: HepsubError) -> SubmissionRefused:
    """What to say of a cluster without files, which was removed, or could not be, for a reason."""
    cause = f"its files could not be handed over to the schedd: {error.message}"
    if not why:
        return SubmissionRefused(
            f"cluster {cluster} was removed again: {cause}", remedy=error.remedy
        )
    return SubmissionRefused(
        f"cluster {cluster} cannot start: {cause}; nor could it be removed again: {why}",
        remedy=f"hep_rm {cluster} removes it; then submit again",
    )


def _taken_back(
    session: Session, schedd: BatchSystem, ref: SubmissionRef, bundle: Bundle | None
) -> Interrupted:
    from hepsub.actions.submit.commit import interrupted, take_back

    session.interrupts.take()
    return interrupted(ref, take_back(session, schedd, ref, bundle), bundle)


def _too_late(cluster: int, notes: tuple[str, ...]) -> Completed:
    problem = Problem(
        code=Interrupted.code,
        message=f"interrupted, but cluster {cluster} had been submitted already: its jobs can start",
        remedy=f"hep_rm {cluster} removes it",
    )
    return Completed(notes=notes, problems=(problem,), exit_code=Interrupted.exit_code)


def _mark_ready(bundle: Bundle | None, cluster: int) -> tuple[str, ...]:
    """The jobs may start already: what is not noted now, `recover` notes later."""
    if bundle is None:
        return ()
    from hepsub.bundle.logs import link_logs
    from hepsub.bundle.notes import mark_ready

    notes: tuple[str, ...] = ()
    try:
        notes = link_logs(bundle, cluster)
        mark_ready(bundle, cluster)
    except BundleUnusable as error:
        return (
            *notes,
            f"{error.message}: that it is complete is noted by the next hep_sub or hep_auth renew,"
            " and until then nothing in it is renewed",
        )
    return notes
