"""hepsub: submit physics jobs to HTCondor with HepJob's commands, or from Python.

    from hepsub import JobSpec, fetch, status, submit, wait

    cluster = submit(JobSpec(script="job.sh", arguments=("%{ProcId}",), number=600))
    wait(cluster)

`hepsub.api` describes the functions, `hepsub.job` what a JobSpec has. All errors are `hepsub.errors.HepsubError`, with
a message, a remedy and an exit code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepsub.api import fetch, jobs, preview, status, submit, wait
    from hepsub.errors import HepsubError
    from hepsub.job import (
        Columns,
        EnvironmentRequest,
        FileRequest,
        JobSpec,
        Placement,
        Remote,
        Resources,
    )

__version__ = "0.1.0"

__all__ = [
    "Columns",
    "EnvironmentRequest",
    "FileRequest",
    "HepsubError",
    "JobSpec",
    "Placement",
    "Remote",
    "Resources",
    "__version__",
    "fetch",
    "jobs",
    "preview",
    "status",
    "submit",
    "wait",
]


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for: `hep_sub -h` does without.

    Raises:
        AttributeError: there is no such name.
    """
    if name in __all__:
        from importlib import import_module

        home = "errors" if name == "HepsubError" else "api" if name.islower() else "job"
        return getattr(import_module(f"hepsub.{home}"), name)
    raise AttributeError(f"module 'hepsub' has no attribute '{name}'")
