"""The memory of jobs that go through a computing element: in the element's word, and only until it has them."""

from __future__ import annotations

from hepsub.condor.attributes import text
from hepsub.condor.connection import Connection
from hepsub.errors import NotDone

_THROUGH_ELEMENT = "JobUniverse == 9"


def edit_for_element(connection: Connection, meant: str, memory_mb: int) -> None:
    """Change what jobs will ask a computing element for, where there are such jobs.

    HTCondor's grid manager does not pass on what is changed afterwards.

    Args:
        connection: the way to the schedd at home.
        meant: the expression that is true for the jobs, of any kind.
        memory_mb: in MB (2**20 bytes).

    Raises:
        NotDone: the element has some of them already: nothing was changed.
        PoolUnreachable, AuthenticationRefused, PoolError: it could not be done.
    """
    through = f"({meant}) && {_THROUGH_ELEMENT}"
    found = connection.call(lambda schedd: list(schedd.query(through, ["GridJobId"])))
    if not found:
        return
    if number := sum(bool(text(ad, "GridJobId")) for ad in found):
        raise NotDone(
            f"the memory was not changed: {number} job(s) are at their site, with what they asked for",
            remedy="hep_rm, and submit again with more memory (-mem)",
        )
    connection.call(lambda schedd: schedd.edit(through, "maxMemory", str(memory_mb)), writing=True)
