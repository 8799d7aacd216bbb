"""What hep_sub did, or would do, as values, and as they stand in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.jobid import SubmissionRef
from hepsub.plan.model import Plan, Proc
from hepsub.result import Json

if TYPE_CHECKING:
    from hepsub.bundle.bundle import Bundle
    from hepsub.bundle.request import BundleRequest
    from hepsub.plan.staging import StagingPlan

_SHOWN_PROCS = 10


class Preview(Struct, frozen=True, kw_only=True):
    """What would be submitted.

    Attributes:
        plan: the decided submission.
        description: what HTCondor would get.
        schedd: the schedd that would take it; empty when the pool did not answer.
        unreachable: why the pool could not be asked; empty when it could.
    """

    plan: Plan
    description: str
    schedd: str
    unreachable: str

    def document(self) -> dict[str, Json]:
        """The preview as it stands under `result` in JSON."""
        plan = self.plan
        return {
            "jobs": plan.number,
            "script": plan.script,
            "resources": {
                "cpus": plan.cpus,
                "gpus": plan.gpus,
                "memory_mb": plan.memory_mb,
                "walltime_class": plan.walltime.name,
                "walltime_s": plan.walltime.limit,
            },
            "group": plan.group,
            "os": plan.os or None,
            "image": plan.image or None,
            "name": plan.name or None,
            "pool": plan.route.pool,
            "universe": plan.universe,
            "priority": plan.priority,
            "credentials": [each.name for each in plan.staging.credentials] if plan.staging else [],
            "libraries": _library_documents(plan.staging, uploaded=False),
            "secret_variables": list(plan.secrets),
            "first": plan.first,
            "factory": plan.factory_idle > 0,
            "procs": [_proc_document(proc) for proc in plan.procs(_SHOWN_PROCS)],
            "route": _route_document(plan),
            "schedd": self.schedd or None,
            "description": self.description,
            "notes": list(plan.notes),
        }


class Submission(Struct, frozen=True, kw_only=True):
    """A cluster that was submitted, now or earlier with the same key.

    Attributes:
        submitted: the cluster.
        plan: the decided submission; None when the key had been used before.
        bundle: what travelled with it when the key was used first; None where nothing did, or it is gone.
        notes: what the user should know.
    """

    submitted: SubmissionRef
    plan: Plan | None
    bundle: Bundle | None = None
    notes: tuple[str, ...] = ()

    @property
    def pool(self) -> str:
        """The pool's name in the policy."""
        return self.submitted.pool

    @property
    def must_be_told(self) -> bool:
        """Whether people are told of it on stderr where stdout cannot be written."""
        return True

    def document(self) -> dict[str, Json]:
        """The submission as it stands under `result` in JSON."""
        ref = self.submitted
        procs: list[Json] = []
        libraries: list[Json] = []
        if self.plan is not None:
            procs += [
                _log_document(each.proc, each.stdout, each.stderr, ref.cluster)
                for each in self.plan.procs()
            ]
            libraries = _library_documents(self.plan.staging, uploaded=True)
        elif self.bundle is not None:
            request = self.bundle.request
            procs = _earlier_procs(request, ref.cluster)
            libraries = _library_documents(request.staging, uploaded=False)
        return {
            "cluster": ref.cluster,
            "jobs": ref.number,
            "pool": ref.pool,
            "schedd": ref.schedd,
            "uuid": ref.uuid,
            "new": self.plan is not None,
            "libraries": libraries,
            "notes": list(self.notes),
            "procs": procs,
        }


def _proc_document(proc: Proc) -> dict[str, Json]:
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


def _library_documents(staging: StagingPlan | None, *, uploaded: bool) -> list[Json]:
    """The libraries; `uploaded` tells whether those that were missing were uploaded, or only would be."""
    if staging is None:
        return []
    return [each.document(uploaded=uploaded) for each in staging.libraries]


def _earlier_procs(request: BundleRequest, cluster: int) -> list[Json]:
    """The jobs of an earlier submission, as its bundle has them; none where that is of a time that did not note it."""
    if not request.stdout:
        return []
    return [
        _log_document(proc, *request.log_names(proc), cluster) for proc in range(request.ref.number)
    ]


def _log_document(proc: int, stdout: str, stderr: str, cluster: int) -> dict[str, Json]:
    """Where a job of a submitted cluster writes."""
    return {
        "proc": proc,
        "stdout": stdout.replace("%{ClusterId}", str(cluster)),
        "stderr": stderr.replace("%{ClusterId}", str(cluster)),
    }


def _route_document(plan: Plan) -> dict[str, Json]:
    """Where the jobs go, and why."""
    route = plan.route
    return {
        "pool": route.pool,
        "site": ",".join(route.sites) or None,
        "transfer": not route.delivery.shared,
        "requirements": list(route.requirements),
        "reasons": [
            {"rule": reason.rule, "matched": reason.matched, "because": reason.because}
            for reason in route.reasons
        ],
    }
