"""The queue of a computing element itself, asked with the token of the jobs that it has taken.

The grid manager at home tells late what became of a job there, and never why it is gone. The element knows its jobs by
SubmitterGlobalJobId, whatever number they have there (tried: 23.9.6 to 25.14.1).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from msgspec import Struct

from hepsub.batch_sites import Removed
from hepsub.condor.attributes import ClassAd, integer, text
from hepsub.condor.bindings import bindings, showing_only
from hepsub.condor.collector import find_schedds
from hepsub.condor.connection import Connection
from hepsub.condor.quoting import escaped
from hepsub.condor.reachable import SILENCE_S, check_reachable
from hepsub.errors import NotDone, ScheddNotReached

_KNOWN_AS = "SubmitterGlobalJobId"
_PROJECTION = [_KNOWN_AS, "JobStatus", "LastJobStatus", "CompletionDate"]
_REMOVED, _COMPLETED, _HELD = 3, 4, 5
_MOST = 500
"""So many jobs in one question."""
_LOOKS, _PAUSE_S = 14, 0.5
"""A job router lets a job go when its own copy is gone, seconds later."""
_SLACK_S = 86400
"""So much the element's clock may differ."""


class FarElement(Struct, frozen=True, kw_only=True):
    """The queue of a computing element.

    Attributes:
        resource: HTCondor's words for it (grid_resource).
        token: what is shown to it.
        sleep: waits so many seconds.
    """

    resource: str
    token: str
    sleep: Callable[[float], None] = time.sleep

    def remove(self, jobs: Collection[str], since: float) -> Removed:
        """Remove jobs that it has on hold, and tell what is known of them then.

        Args:
            jobs: the ids by which they are known at home (GlobalJobId).
            since: when the first of them was submitted, in seconds since the epoch.

        Raises:
            NotDone: it is none of HTCondor's.
            PoolUnreachable, AuthenticationRefused, PoolError: it does not answer, or does not believe the token.
        """
        with showing_only(self.token):
            connection = self._connect()
            ids = sorted(jobs)
            parts = [ids[i : i + _MOST] for i in range(0, len(ids), _MOST)]
            return _together(self._remove(connection, part, since) for part in parts)

    def _connect(self) -> Connection:
        kind, name, collector = (*self.resource.split(), "", "", "")[:3]
        if kind != "condor" or not collector:
            raise NotDone(f"the computing element {self.resource} is none that hepsub can ask")
        check_reachable(collector, f"the computing element {name}")
        for each in find_schedds(collector, SILENCE_S):
            if each.name == name:
                return Connection(address=each, obtain_token=lambda _: False, far=True)
        raise ScheddNotReached(
            f"the computing element {name} does not answer: its collector does not know it now",
            remedy="its jobs are not lost; try again when it is back",
        )

    def _remove(self, connection: Connection, jobs: list[str], since: float) -> Removed:
        mine = f"member({_KNOWN_AS}, {{{', '.join(_string(each) for each in jobs)}}})"
        found = connection.call(lambda schedd: list(schedd.query(mine, _PROJECTION)))
        if any(integer(ad, "JobStatus") == _HELD for ad in found):
            connection.call(lambda schedd: _act(schedd, mine), writing=True)
        for _ in range(_LOOKS):
            found = connection.call(lambda schedd: list(schedd.query(mine, _PROJECTION)))
            if not any(integer(ad, "JobStatus") == _REMOVED for ad in found):
                break
            self.sleep(_PAUSE_S)
        there = frozenset(text(ad, _KNOWN_AS) for ad in found)
        if there.issuperset(jobs):
            return Removed(there=there)
        older = f"EnteredCurrentStatus < {int(since - _SLACK_S)}"
        past = connection.call(
            lambda schedd: list(schedd.history(mine, _PROJECTION, -1, since=older))
        )
        return _told(there, past)


def _act(schedd: Any, mine: str) -> None:  # noqa: ANN401 (the bindings have no types)
    wanted = f"{mine} && JobStatus == {_HELD}"
    schedd.act(bindings().JobAction.Remove, wanted, ("hepsub sends it to another site", 0))


def _told(there: frozenset[str], past: Iterable[ClassAd]) -> Removed:
    """What became of jobs, by those that are in the queue and those that have left it."""
    removed, ended = set[str](), set[str]()
    for ad in past:
        (removed if _never_ended(ad) else ended).add(text(ad, _KNOWN_AS))
    return Removed(
        gone=frozenset(removed - ended - there), ended=frozenset(ended - there), there=there
    )


def _never_ended(ad: ClassAd) -> bool:
    """Whether a job was removed before it had ended: one whose end was waiting to be fetched did its work."""
    completed = integer(ad, "LastJobStatus") == _COMPLETED or bool(integer(ad, "CompletionDate"))
    return integer(ad, "JobStatus") == _REMOVED and not completed


def _together(parts: Iterable[Removed]) -> Removed:
    every = list(parts)
    return Removed(
        gone=frozenset[str]().union(*(each.gone for each in every)),
        ended=frozenset[str]().union(*(each.ended for each in every)),
        there=frozenset[str]().union(*(each.there for each in every)),
    )


def _string(value: str) -> str:
    return f'"{escaped(value)}"'
