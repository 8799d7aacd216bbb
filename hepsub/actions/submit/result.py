"""What hep_sub did, or would do, as values, and as they stand in JSON."""

from __future__ import annotations

from msgspec import Struct

from hepsub.jobid import SubmissionRef
from hepsub.plan.model import Plan, Proc
from hepsub.result import Json

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
            "libraries": _library_documents(plan, uploaded=False),
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
        notes: what the user should know.
    """

    submitted: SubmissionRef
    plan: Plan | None
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
        procs: list[Json] = [
            {
                "proc": proc.proc,
                "stdout": proc.stdout.replace("%{ClusterId}", str(ref.cluster)),
                "stderr": proc.stderr.replace("%{ClusterId}", str(ref.cluster)),
            }
            for proc in (self.plan.procs() if self.plan else ())
        ]
        return {
            "cluster": ref.cluster,
            "jobs": ref.number,
            "pool": ref.pool,
            "schedd": ref.schedd,
            "uuid": ref.uuid,
            "new": self.plan is not None,
            "libraries": _library_documents(self.plan, uploaded=True),
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


def _library_documents(plan: Plan | None, *, uploaded: bool) -> list[Json]:
    """The libraries; `uploaded` tells whether those that were missing were uploaded, or only would be."""
    if plan is None or plan.staging is None:
        return []
    return [each.document(uploaded=uploaded) for each in plan.staging.libraries]


def _route_document(plan: Plan) -> dict[str, Json]:
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
