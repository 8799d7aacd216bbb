"""Parts of a plan as they stand in JSON."""

from __future__ import annotations

from hepsub.plan.model import Plan, Proc
from hepsub.result import Json


def proc_document(proc: Proc) -> dict[str, Json]:
    """One job."""
    return {
        "proc": proc.proc,
        "executable": proc.executable,
        "arguments": list(proc.arguments),
        "stdout": proc.stdout,
        "stderr": proc.stderr,
        "inputs": [{"name": each.name, "url": str(each.place)} for each in proc.inputs],
        "outputs": [
            {"name": each.name, "url": str(each.place), "optional": each.optional}
            for each in proc.outputs
        ],
    }


def library_documents(plan: Plan | None, *, uploaded: bool) -> list[Json]:
    """The libraries; `uploaded` tells whether those that were missing were uploaded, or only would be."""
    if plan is None or plan.staging is None:
        return []
    return [each.document(uploaded=uploaded) for each in plan.staging.libraries]


def route_document(plan: Plan) -> dict[str, Json]:
    """Where the jobs go, and why."""
    route = plan.route
    return {
        "pool": route.pool,
        "site": ",".join(route.sites) or None,
        "transfer": route.transfer,
        "requirements": list(route.requirements),
        "reasons": [
            {"rule": reason.rule, "matched": reason.matched, "because": reason.because}
            for reason in route.reasons
        ],
    }
