"""Parts of a plan as they stand in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.plan.model import Plan, Proc
from hepsub.plan.staging import StagingPlan
from hepsub.result import Json

if TYPE_CHECKING:
    from hepsub.bundle.request import BundleRequest


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


def library_documents(staging: StagingPlan | None, *, uploaded: bool) -> list[Json]:
    """The libraries; `uploaded` tells whether those that were missing were uploaded, or only would be."""
    if staging is None:
        return []
    return [each.document(uploaded=uploaded) for each in staging.libraries]


def earlier_procs(request: BundleRequest, cluster: int) -> list[Json]:
    """The jobs of an earlier submission, as its bundle has them; none where that is of a time that did not note it."""
    if not request.stdout:
        return []
    return [
        log_document(proc, *request.log_names(proc), cluster) for proc in range(request.ref.number)
    ]


def log_document(proc: int, stdout: str, stderr: str, cluster: int) -> dict[str, Json]:
    """Where a job of a submitted cluster writes."""
    return {
        "proc": proc,
        "stdout": stdout.replace("%{ClusterId}", str(cluster)),
        "stderr": stderr.replace("%{ClusterId}", str(cluster)),
    }


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
