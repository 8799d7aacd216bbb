"""Whether anybody listens at an address at all: HTCondor's own calls wait up to a minute for a host that is gone.

So a pool that is not this site's is asked for a connection first, which takes one round trip where it is there.
"""

from __future__ import annotations

import contextlib
import re
import socket
from functools import lru_cache

from hepsub.apart import Lost, side_by_side
from hepsub.condor.bindings import bindings
from hepsub.errors import PoolUnreachable, ScheddNotReached

PATIENCE_S = 4.0
"""Time for two lost packets: TCP sends the first one again after 1 s and 3 s (RFC 6298)."""
SILENCE_S = 5
"""A daemon answers sooner, or is in trouble; it is asked twice where it wants a token."""
_COLLECTOR_PORT = 9618
_HOST = r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])"
_COLLECTOR = rf"{_HOST}(?::(?P<port>\d+))?"
_SINFUL = rf"<{_HOST}:(?P<port>\d+)(?:\?(?P<more>.*))?>"
_INDIRECT = ("CCBID=", "PrivNet=", "PrivAddr=")
"""Whoever is reached by way of another one, or has a second address, need not listen at the first."""


def check_reachable(address: str, what: str) -> None:
    """Fail soon where nobody takes a connection; an address in any other form than these is not looked at.

    Args:
        address: `host[:port]` of a collector, or HTCondor's own form, `<host:port?...>`.
        what: what messages call it.

    Raises:
        ScheddNotReached: nobody did.
    """
    # Of several collectors (`cm1, cm2`) any may answer: HTCondor tries them itself.
    found = re.fullmatch(_SINFUL, address) or re.fullmatch(_COLLECTOR, address)
    if found is None or any(each in address for each in _INDIRECT):
        return
    try:
        _connect(found["host"].strip("[]"), int(found["port"] or _COLLECTOR_PORT))
    except (OSError, UnicodeError) as error:
        said = f"no connection within {PATIENCE_S:.0f} s"
        # Python's word for two dots in a row, or a part above 63 characters.
        if isinstance(error, UnicodeError):
            said = "no host has such a name"
        elif error.strerror:
            said = error.strerror
        raise ScheddNotReached(
            f"{what} does not answer ({said})",
            remedy="its jobs are not lost; try again when it answers",
        ) from error


_ANSWERED: set[str] = set()
"""The schedds that have said anything to this process."""


def check_answers(address: str, ad: object, what: str) -> None:
    """Fail soon where a schedd takes connections and says nothing; a refusal is an answer.

    HTCondor waits 20 s for a queue and two minutes for a history, whatever its configuration says (tried: 25.14.1).

    Args:
        address: HTCondor's own form of its address.
        ad: its location, as the bindings want it.
        what: what messages call it.

    Raises:
        PoolUnreachable: it says nothing.
    """
    if address in _ANSWERED:
        return
    answer = side_by_side({address: lambda: _says_anything(ad)}, SILENCE_S).get(address)
    if isinstance(answer, Lost):
        raise PoolUnreachable(
            f"{what} could not be asked: {answer.why}",
            remedy="try again; hep_auth renew does so by itself",
        )
    if not answer:
        raise PoolUnreachable(
            f"{what} takes connections and says nothing for {SILENCE_S} s",
            remedy="its jobs are not lost; try again when it answers",
        )
    _ANSWERED.add(address)


def _says_anything(ad: object) -> bool:
    htcondor = bindings()
    with contextlib.suppress(htcondor.HTCondorException):  # a refusal is told by what is asked next
        htcondor.ping(ad, "READ")
    return True


@lru_cache(64)
def _connect(host: str, port: int) -> None:
    """Connect once; what failed is tried anew the next time."""
    socket.create_connection((host, port), PATIENCE_S).close()
