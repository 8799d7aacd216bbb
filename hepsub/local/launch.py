"""What is started for a job: Plan + values → Launch. Pure.

A job whose files travel is started by the bundle's scratch.sh, which gives it a private directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct, convert

from hepsub.plan.bundle_paths import SCRATCH, SHARED
from hepsub.plan.environment import JOB_ID
from hepsub.plan.model import Plan
from hepsub.plan.template import Values


class Launch(Struct, frozen=True, kw_only=True):
    """One job, as the kernel is asked to start it.

    Attributes:
        argv: the program, absolute, and its arguments.
        variables: the job's own variables, above those that its cluster shares.
        stdout: where standard output goes, absolute.
        stderr: where standard error goes, absolute; the same path means the same open file.
        bundle: the bundle's directory, for a job whose files travel; empty for others.
    """

    argv: tuple[str, ...]
    cwd: str
    variables: Mapping[str, str]
    stdout: str
    stderr: str
    bundle: str = ""


def make_launch(plan: Plan, values: Values, uuid: str) -> Launch:
    """What is started for one job of a plan.

    Args:
        plan: the plan.
        uuid: the submission's UUID, after which its bundle is named.
        values: what the names stand for in this job, ClusterId included.
    """
    words = [word.fill(values) for word in (plan.executable, *plan.arguments_of(values))]
    bundle = ""
    if plan.staging is not None:
        bundle = f"{plan.staging.bundle_root}/{uuid}"
        words = [f"{bundle}/{SHARED}/{SCRATCH}", bundle, str(values.proc), *words[1:]]
    return Launch(
        argv=tuple(exact(word) for word in words),
        cwd=exact(plan.directory),
        variables={JOB_ID: f"{values.cluster}.{values.proc}"},
        stdout=exact(plan.stdout.fill(values)),
        stderr=exact(plan.stderr.fill(values)),
        bundle=exact(bundle),
    )


def shared_environment(plan: Plan) -> dict[str, str]:
    """The variables that all jobs of a plan get."""
    return {exact(name): exact(value) for name, value in plan.environment.items()}


def exact(text: str) -> str:
    """The text that stands for the same bytes in the runner, which uses UTF-8 in every locale."""
    return os.fsencode(text).decode("utf-8", "surrogateescape")


def read_launch(document: object) -> Launch:
    """A launch from what the queue keeps; rows of an earlier hepsub have no bundle."""
    return convert(document, Launch)
