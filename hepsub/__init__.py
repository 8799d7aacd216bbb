"""hepsub: submit physics jobs to HTCondor with HepJob's commands. The Python API is in this module.

    from hepsub import JobSpec, submit

    submission = submit(JobSpec(script="job.sh", number=600))
    print(submission.submitted.cluster)

All errors are `hepsub.errors.HepsubError`, with a message, a remedy and an exit code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepsub.actions.queue.query import Filter, Listing
    from hepsub.actions.submit.result import Preview, Submission
    from hepsub.job import Columns, EnvironmentRequest, JobSpec, Placement, Remote, Resources

__version__ = "0.1.0"

__all__ = [
    "Columns",
    "EnvironmentRequest",
    "JobSpec",
    "Placement",
    "Remote",
    "Resources",
    "__version__",
    "jobs",
    "preview",
    "submit",
]


def __getattr__(name: str) -> object:
    """The values of `hepsub.job`, when they are asked for: `hep_sub -h` does without.

    Raises:
        AttributeError: there is no such name.
    """
    if name in __all__:
        from hepsub import job

        return getattr(job, name)
    raise AttributeError(f"module 'hepsub' has no attribute '{name}'")


def submit(spec: JobSpec) -> Submission:
    """Submit one cluster; with `once`, the cluster that the key already has.

    Raises:
        NotDone: a cluster was submitted, which the message names, but its jobs cannot start.
        Interrupted: Ctrl-C; the message names the cluster, if there is one.
        HepsubError: nothing was submitted (or, for SubmissionUncertain, perhaps something).
    """
    from hepsub.actions.submit.result import Submission
    from hepsub.actions.submit.submit import submit as action
    from hepsub.errors import Interrupted, NotDone
    from hepsub.session import open_session

    result = action(open_session(), spec)
    for problem in result.problems:
        kind = Interrupted if problem.code == Interrupted.code else NotDone
        raise kind(problem.message, remedy=problem.remedy)
    assert isinstance(result.value, Submission)  # noqa: S101 (what the action returns)
    return result.value


def preview(spec: JobSpec) -> Preview:
    """What `submit` would do, without doing it.

    Raises:
        HepsubError: the submission would be refused.
    """
    from hepsub.actions.submit.preview import preview as action
    from hepsub.session import open_session

    value = action(open_session(), spec).value
    assert isinstance(value, Preview)  # noqa: S101 (what the action returns)
    return value


def jobs(wanted: Filter | None = None) -> Listing:
    """The jobs in the queue that match; without a filter, everybody's in the default pool.

    Raises:
        HepsubError: the pool cannot be asked.
    """
    from hepsub.actions.queue import query as action
    from hepsub.session import open_session

    value = action.query(open_session(), wanted or action.Filter()).value
    assert isinstance(value, action.Listing)  # noqa: S101 (what the action returns)
    return value
