"""Jobs in a queue elsewhere are removed, and seen to be gone: only a removal that its history tells is a proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec import Struct

from hepsub.batch_sites import Removed
from hepsub.condor.ads import any_of
from hepsub.condor.attributes import COMPLETED, REMOVED, ClassAd, integer, text
from hepsub.condor.connection import Connection
from hepsub.errors import PoolError

T = TypeVar("T", int, str)

SENT_ON = "hepsub sends it to another site"
"""The reason with which jobs are removed and released."""
_ENDS = ("JobStatus", "LastJobStatus", "CompletionDate", "RemoveReason")
_LOOKS, _PAUSE_S = 14, 0.5
"""A job router lets a job go when its own copy is gone, seconds later."""
_RUNS = 100
"""So many ads a job may have there: the copies of a job router have its id, too."""
_SLACK_S = 86400
"""So much another site's clock may differ."""
_MOST = 400
"""So many jobs in one question: an expression of a few tens of kB."""


class Removal(Struct, frozen=True, kw_only=True):
    """How some jobs of one queue are removed.

    Attributes:
        mine: what is true of the jobs.
        jobs: the ids by which they are known to who asks.
        name: the id of a job, by its ad.
        names: the attributes that tell it.
        states: the JobStatus of those that are removed; the others are left alone.
        ours: whether a removal counts only with the reason that is given here: their owner may remove them, too.
    """

    connection: Connection
    mine: str
    jobs: frozenset[str]
    name: Callable[[ClassAd], str]
    names: tuple[str, ...]
    states: tuple[int, ...]
    ours: bool = False
    sleep: Callable[[float], None] = time.sleep

    def carry_out(self, since: float) -> Removed:
        """Remove them, and tell what is known of them then.

        Args:
            since: when the first of them was submitted, in seconds since the epoch.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: the schedd cannot be asked, or tells too much.
        """
        found = self._queue()
        if any(integer(ad, "JobStatus") in self.states for ad in found):
            states = any_of(f"JobStatus == {each}" for each in self.states)
            self.connection.act("Remove", f"{self.mine} && {states}", SENT_ON)
        for _ in range(_LOOKS):
            # What is X is still in the queue: only the history tells whether it had ended before.
            found = self._queue()
            if not any(integer(ad, "JobStatus") == REMOVED for ad in found):
                break
            self.sleep(_PAUSE_S)
        there = self.jobs.intersection(map(self.name, found))
        if there == self.jobs:
            return Removed(there=there)
        older = f"EnteredCurrentStatus < {int(since - _SLACK_S)}"
        past = self.connection.history(self.mine, (*self.names, *_ENDS), self._most, older)
        return self._told(there, self._all(past))

    @property
    def _most(self) -> int:
        return _RUNS * len(self.jobs) + 1

    def _all(self, ads: list[ClassAd]) -> list[ClassAd]:
        """All that a schedd tells.

        Raises:
            PoolError: that is not all.
        """
        # Among what was not sent may be that one of the jobs has ended.
        if len(ads) >= self._most:
            raise PoolError(
                f"the schedd {self.connection.name} tells of more jobs than it was asked about",
                remedy="ask its administrators what it has",
            )
        return ads

    def _queue(self) -> list[ClassAd]:
        names = (*self.names, *_ENDS)
        return self._all(self.connection.query(self.mine, names, most=self._most))

    def _told(self, there: frozenset[str], past: Iterable[ClassAd]) -> Removed:
        """What became of jobs, by those that are in the queue and those that have left it."""
        removed, ended = set[str](), set[str]()
        for ad in past:
            (removed if self._is_proof(ad) else ended).add(self.name(ad))
        # Whoever stands in the history twice, as a job router's copies do, has ended if one of them has.
        mine = self.jobs - there
        return Removed(gone=mine & removed - ended, ended=mine & ended, there=there)

    def _is_proof(self, ad: ClassAd) -> bool:
        """Whether a job was removed before it had ended: one whose end was waiting to be fetched did its work."""
        completed = integer(ad, "LastJobStatus") == COMPLETED or integer(ad, "CompletionDate")
        meant = not self.ours or SENT_ON in text(ad, "RemoveReason")
        return integer(ad, "JobStatus") == REMOVED and not completed and meant


def in_parts(jobs: Iterable[T], remove: Callable[[list[T]], Removed]) -> Removed:
    """Remove jobs, some at a time.

    Args:
        jobs: the jobs.
        remove: removes some of them, and tells what is known of them then.
    """
    ordered = sorted(jobs)
    every = [remove(ordered[i : i + _MOST]) for i in range(0, len(ordered), _MOST)]
    return Removed(
        gone=frozenset[str]().union(*(each.gone for each in every)),
        ended=frozenset[str]().union(*(each.ended for each in every)),
        there=frozenset[str]().union(*(each.there for each in every)),
    )
