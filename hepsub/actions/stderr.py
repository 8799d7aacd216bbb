"""Where the standard error of a job is: by its bundle, or by what its submission was made from."""

from __future__ import annotations

from pathlib import Path

from hepsub.actions.lineage import Run
from hepsub.bundle.bundle import read_bundle
from hepsub.documents import Malformed
from hepsub.orders import Order
from hepsub.plan.template import Template, parse_template, values_of
from hepsub.session import Session

_Known = tuple[Template, Order]


def stderr_of_run(session: Session, run: Run) -> Path | None:
    """Where the standard error of a run is; None where that is not known, or nothing is there."""
    path = _stderr(session, run)
    return path if path is not None and path.is_file() else None


def _stderr(session: Session, run: Run) -> Path | None:
    ref = run.ref
    if not ref.uuid:
        return None
    bundle = read_bundle(session.bundles / ref.uuid)
    if bundle is not None:
        return next(iter(bundle.request.logs(run.proc, ref.cluster)[-1:]), None)
    try:
        order = session.orders.find(ref.uuid, run.when)
    except Malformed:
        return None
    if order is None:
        return None
    template = parse_template(order.stderr).with_uuid(ref.uuid)
    first, again = order.spec.first, order.again
    values = values_of(run.proc, first, order.items, order.ends, ref.cluster, again)
    return Path(template.fill(values))
