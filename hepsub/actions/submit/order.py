"""What a submission is made from is kept before it is made: hep_sub -resubmit and hep_wait go by it."""

from __future__ import annotations

from msgspec.structs import replace

from hepsub.job import EnvironmentRequest, JobSpec
from hepsub.orders import Order
from hepsub.plan.environment import inheritable, without_own
from hepsub.plan.model import Plan
from hepsub.plan.secrets import looks_secret
from hepsub.session import Session


def keep_order(session: Session, spec: JobSpec, plan: Plan, uuid: str) -> tuple[str, ...]:
    """Keep what a submission is made from; a sentence where that cannot be, which does not stop it.

    Args:
        session: the session.
        spec: what is asked for.
        plan: what was decided of it; its UUID is still a name in it.
        uuid: the submission's.
    """
    own = without_own(session.situation)
    order = Order(
        spec=replace(spec, once=None, environment=_without_secrets(spec.environment, own)),
        cwd=str(session.situation.cwd),
        environment=inheritable(own),
        items=plan.items,
        ends=plan.ends,
        columns=plan.columns,
        stdout=str(plan.stdout),
        stderr=str(plan.stderr),
        again=plan.again,
    )
    try:
        session.orders.keep(uuid, session.situation.now, order)
    except OSError as error:
        place = session.orders.directory
        return (
            f"{place} cannot be written ({error.strerror}): hep_sub -resubmit cannot run these jobs again",
        )
    return ()


def _without_secrets(request: EnvironmentRequest, own: dict[str, str]) -> EnvironmentRequest:
    """The variables that were named, with the values that they had; of a secret the name alone."""
    named: list[tuple[str, str | None]] = []
    for name, given in request.named:
        value = own.get(name, "") if given is None else given
        # What came from the environment is data: no name in it may be filled in the second time.
        is_kept = given is not None or "%{" not in value
        named.append((name, value if is_kept and not looks_secret(name, value) else None))
    return replace(request, named=tuple(named))
