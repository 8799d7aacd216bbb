"""hep_sub -dry-run: what would be submitted, with nothing written."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.actions.submit.result import Preview
from hepsub.actions.submit.submit import check_places, misfit_of, new_uuid, planned, with_lines
from hepsub.errors import BundleUnusable, HepsubError
from hepsub.job import JobSpec
from hepsub.plan.draft import Reading
from hepsub.plan.model import Plan
from hepsub.result import NotedProblem, Result
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.actions.submit.submit import StoresOf
    from hepsub.batch_system import BatchSystem
    from hepsub.storage.store import Store


def preview(
    session: Session,
    spec: JobSpec,
    known: Reading | None = None,
    notes_of: Callable[[Plan], tuple[str, ...]] = lambda _: (),
) -> Result[Preview]:
    """Show what would be submitted; read-only, and possible without a pool.

    Args:
        session: the session.
        spec: what is asked for.
        known: the list as it was read once; None for one that is read now.
        notes_of: what else to say of a plan.

    Raises:
        HepsubError: the submission would be refused.
    """
    stores = functools.cache(session.open_stores)
    notes: tuple[str, ...] = ()
    if known is None:
        spec, known, notes = with_lines(session, stores, spec)
    plan, facts = planned(session, stores, spec, keeps=False, known=known)
    plan = replace(plan, notes=(*notes_of(plan), *notes, *plan.notes))
    check_places(session, plan, facts.outputs)
    expiries = _expiry_notes(session, stores, plan)
    schedd, unreachable = _reachable(session, plan)
    identity = new_uuid()
    sealed = _sealed(plan.with_uuid(identity))
    value = Preview(
        plan=plan,
        description=_description(schedd, sealed, identity),
        schedd=schedd.name if schedd else "",
        unreachable=unreachable,
    )
    away = (f"the pool could not be asked: {unreachable}",) if unreachable else ()
    problems = (NotedProblem(code="pool-unreachable", message=unreachable),) if unreachable else ()
    misfit = misfit_of(session, schedd, plan) if schedd is not None else None
    sizes = (misfit.text(),) if misfit else ()
    return Result(value=value, notes=(*plan.notes, *expiries, *sizes, *away), problems=problems)


def _expiry_notes(session: Session, stores: StoresOf, plan: Plan) -> tuple[str, ...]:
    """How long the credentials of a preview are good for; they are obtained as they would be for its jobs."""
    if plan.staging is None:
        return ()
    from hepsub.actions.submit.forecast import forecast
    from hepsub.actions.submit.stage import obtain_all

    staging, mailbox = plan.staging, plan.staging.mailbox
    used: dict[str, Store] = {}
    if mailbox is not None:  # whether there are keys at all is the submission's to find out
        with contextlib.suppress(HepsubError):
            used[mailbox.storage] = stores().store(mailbox.storage)
    return forecast(session, plan, staging, obtain_all(session, staging), used)


def _description(schedd: BatchSystem | None, plan: Plan, identity: str) -> str:
    if schedd is not None:
        return schedd.describe(plan, identity)
    from hepsub.condor.description import describe

    return describe(plan, identity).text


def _sealed(plan: Plan) -> Plan:
    """The plan with the hashes of what would be sent.

    Raises:
        BundleUnusable: a file cannot be read.
    """
    if plan.staging is None:
        return plan
    from hepsub.bundle.sent import preview_seal

    try:
        seal = preview_seal(plan.staging, plan.executable, plan.jobs(), plan.secrets)
    except OSError as error:
        raise BundleUnusable(
            f"{error.filename} cannot be read: {error.strerror}",
            remedy="name a file that you can read",
        ) from error
    return replace(plan, staging=replace(plan.staging, seal=seal))


def _reachable(session: Session, plan: Plan) -> tuple[BatchSystem | None, str]:
    """The schedd that would take the jobs, or why the pool cannot be asked."""
    try:
        return session.schedd(plan.route.pool, plan.route.schedd), ""
    except HepsubError as error:
        return None, error.message
