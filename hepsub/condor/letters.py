"""Where the letters of jobs lie, in their ads at a schedd that has their files: those cannot be replaced, ads can.

A schedd takes the files of a job once, but its ad goes along with each start, as it is then. To edit it changes
nothing else about the job, which is neither held for it nor matched anew (tried on 25.14.1: 4,839 edits while 60 jobs
started, each of them once).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hepsub.condor.attributes import integer
from hepsub.condor.bindings import bindings
from hepsub.condor.connection import Connection
from hepsub.condor.quoting import escaped

LETTER = "HepSub_Letter"
"""The attribute with the URL of a job's letter, which the wrapper reads (worker/README.md)."""

_MAY_START = "JobStatus =!= 3 && JobStatus =!= 4"
"""Neither removed nor completed: what runs may have to start again."""


def write_addresses(connection: Connection, cluster: int, urls: Mapping[int, str]) -> None:
    """Let the jobs of a cluster that may still start know then where their letters are; 2 ms for each.

    Args:
        connection: the way to the schedd.
        cluster: ClusterId.
        urls: by ProcId the URL of the job's letter.

    Raises:
        PoolUnreachable, AuthenticationRefused, PoolError: it could not be done; some may have it.
    """

    def once(schedd: Any) -> None:  # noqa: ANN401 (the bindings have no types)
        for proc in sorted(_procs(schedd, cluster) & urls.keys()):
            try:
                schedd.edit(f"{cluster}.{proc}", LETTER, f'"{escaped(urls[proc])}"')
            except bindings().HTCondorException:
                if proc in _procs(schedd, cluster):  # else it has left meanwhile
                    raise

    connection.call(once, writing=True)


def _procs(schedd: Any, cluster: int) -> set[int]:  # noqa: ANN401
    ads = schedd.query(f"ClusterId == {cluster} && {_MAY_START}", ["ProcId"])
    return {proc for ad in ads if (proc := integer(ad, "ProcId")) is not None}
