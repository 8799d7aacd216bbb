"""hep_sub -once KEY: one cluster for one key, however often the command is repeated."""

from __future__ import annotations

from msgspec.structs import replace

from hepsub.actions.submit.commit import settle
from hepsub.actions.submit.result import Submission
from hepsub.batch import Selection
from hepsub.errors import HepsubError, NotDone
from hepsub.jobid import SubmissionRef
from hepsub.journal import NO_CLUSTER, Entry
from hepsub.plan.model import Plan
from hepsub.result import Result
from hepsub.session import Session


def repeated_note(session: Session, plan: Plan) -> str:
    """What to say when a key had been used before."""
    noted = session.journal.once(plan.once)
    differs = noted is not None and noted.what not in ("", plan.digest())
    but = (
        "; but the job differs from the one of that time: a new job needs a new key"
        if differs
        else ""
    )
    return f"-once {plan.once}: submitted before, nothing was submitted now{but}"


def find_earlier(session: Session, plan: Plan) -> Submission | None:
    """The cluster that this key already has: by the journal, else by the schedds' ads."""
    if (noted := _noted(session, plan.once)) is not None:
        return noted
    # The journal may be of another home, or lost: the ads have the key, too.
    foreign = plan.route.delivery.handed_over  # its pool may have another name for the user
    entries = session.journal.entries()
    # A history still tells of clusters that were taken back, whose key is free again.
    gone = frozenset(entry.ref.uuid for entry in entries if entry.ref.cluster == NO_CLUSTER)
    for each in session.schedds(plan.route.pool):
        owner = each.account() if foreign else session.situation.user
        for ref in each.find(Selection(once=plan.once, owner=owner)):
            if ref.uuid not in gone:
                session.journal.note(Entry(ref=ref, when=session.situation.now, once=plan.once))
                return _of_earlier(session, ref)
    return None


def find_all_the_same(session: Session, key: str, error: HepsubError) -> Result[Submission]:
    """The cluster that a key already has, where its command can no longer be planned.

    A framework repeats a command whose inputs went when their work was done.

    Args:
        session: the session.
        key: the key.
        error: why the command cannot be planned.

    Raises:
        HepsubError: this error, where the journal has no cluster for the key.
    """
    with session.journal.locked(key):
        earlier = _noted(session, key)
    if earlier is None:
        raise error
    note = f"-once {key}: submitted before, nothing was submitted now; nor could it be: {error.message}"
    return Result(value=replace(earlier, notes=(note,)), notes=(note,))


def _noted(session: Session, key: str) -> Submission | None:
    """The cluster of a key by the journal."""
    noted = session.journal.once(key)
    # Whoever intended it is dead: the key is locked.
    if noted is not None and noted.ref.cluster == 0:
        noted = settle(session, noted)
        session.journal.note(noted)
    return _of_earlier(session, noted.ref) if noted is not None and noted.ref.cluster > 0 else None


def check_alone(session: Session, key: str, uuid: str) -> None:
    """See that no other submission than this one has the key, now that its intent is noted.

    Raises:
        NotDone: another one has, or is about to.
    """
    # The key is locked; but not every file system keeps a lock between hosts. Each host notes its own intent first and
    # then looks for the other's: at least one of the two sees both, and gives up.
    now = session.clock()
    for each in session.journal.entries():
        lives = each.ref.cluster > 0 or each.may_be_under_way(now)
        if each.once == key and each.ref.uuid != uuid and lives:
            hosts = ", ".join(sorted(session.journal.writers(each.ref.uuid)))
            raise NotDone(
                f"nothing was submitted: another hep_sub on {hosts} submits with -once {key} at this moment",
                remedy="repeat this command: it finds that cluster",
            )


def _of_earlier(session: Session, ref: SubmissionRef) -> Submission:
    from hepsub.bundle.bundle import find_bundle

    return Submission(submitted=ref, plan=None, bundle=find_bundle(session.bundles, ref))
