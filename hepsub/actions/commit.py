"""One cluster for one command, whatever happens to the connection.

The intent is in the journal before the schedd is called. After any error the schedd is asked, over a
new connection, whether the cluster exists; only its answer decides what the user reads.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from hepsub.actions.session import Session
from hepsub.batch import Act, BatchSystem, Selection, Submitted
from hepsub.errors import (
    AuthenticationRefused,
    HepsubError,
    Interrupted,
    JournalNotWritable,
    ScheddNotReached,
    SubmissionUncertain,
)
from hepsub.journal import NO_CLUSTER, Entry
from hepsub.plan.model import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A submission that is about to be made.

    Attributes:
        uuid: what the cluster will be found by.
        plan: the decided submission.
    """

    uuid: str
    plan: Plan


def commit(session: Session, schedd: BatchSystem, order: Order) -> Submitted:
    """Submit, and know afterwards whether it happened.

    Raises:
        SubmissionUncertain: the schedd could be asked neither to submit nor whether it had.
        HepsubError: the schedd refused, and there is no cluster.
    """
    intent = Entry(
        uuid=order.uuid,
        pool=order.plan.route.pool,
        schedd=schedd.name,
        number=order.plan.number,
        when=session.situation.now,
        once=order.plan.once,
        what=order.plan.digest(),
    )
    session.journal.append(intent)
    try:
        submitted = schedd.submit(order.plan, order.uuid)
    except (ScheddNotReached, AuthenticationRefused):  # the schedd never heard of it
        session.journal.append(replace(intent, cluster=NO_CLUSTER))
        raise
    except (HepsubError, KeyboardInterrupt) as error:
        found = _after_trouble(session, schedd, intent, error)
        if isinstance(error, KeyboardInterrupt):
            raise _interrupted(found) from error
        if found is None:
            raise
        if order.plan.route.spool:  # its files could not be sent any more
            schedd.act(Act.REMOVE, Selection(uuid=order.uuid))
            session.journal.append(replace(intent, cluster=NO_CLUSTER))
            raise
        submitted = found
    # The cluster exists, and its ad tells all of this too.
    with contextlib.suppress(JournalNotWritable):
        session.journal.append(replace(intent, cluster=submitted.cluster))
    return submitted


def _interrupted(found: Submitted | None) -> Interrupted:
    if found is None:
        return Interrupted("interrupted; nothing was submitted")
    return Interrupted(
        f"interrupted, but cluster {found.cluster} had been submitted already",
        remedy=f"hep_rm {found.cluster} removes it",
    )


def _after_trouble(
    session: Session, schedd: BatchSystem, intent: Entry, error: BaseException
) -> Submitted | None:
    """The cluster if the schedd has it; what is certain goes into the journal."""
    found = look_up(session, schedd.name, intent, cause=error)
    session.journal.append(replace(intent, cluster=found.cluster if found else NO_CLUSTER))
    return found


def look_up(
    session: Session, schedd_name: str, intent: Entry, cause: BaseException
) -> Submitted | None:
    """Ask a schedd, located anew (a restart changes its address), for the cluster of an intent.

    Raises:
        SubmissionUncertain: it cannot be asked.
    """
    try:
        schedd = session.schedd(intent.pool, schedd_name)
        found = schedd.find(Selection(uuid=intent.uuid))
    except HepsubError as trouble:
        raise SubmissionUncertain(
            f"the connection to {schedd_name} was lost during the submission ({cause}), and it cannot be"
            f" asked now whether the cluster exists ({trouble})",
            remedy="do not submit again blindly: when the schedd is back, hep_q -u shows the cluster or not"
            f" (its HepSub_UUID is {intent.uuid}); hep_sub -once KEY can always be repeated safely",
        ) from cause
    return found[0] if found else None
