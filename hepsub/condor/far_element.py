"""The queue of a computing element itself, asked with the token of the jobs that it has taken.

The grid manager at home tells late what became of a job there, and never why it is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from msgspec import Struct

from hepsub.batch_sites import Removed
from hepsub.condor.attributes import HELD, IDLE, text
from hepsub.condor.bindings import showing_only
from hepsub.condor.collector import find_schedds
from hepsub.condor.connection import Connection
from hepsub.condor.quoting import string_literal
from hepsub.condor.reachable import SILENCE_S, check_reachable
from hepsub.condor.removal import Removal, in_parts
from hepsub.errors import NotDone, ScheddNotReached

_KNOWN_AS = "SubmitterGlobalJobId"
"""By this the element knows its jobs, whatever number they have there (tried: 23.9.6 to 25.14.1)."""


class FarElement(Struct, frozen=True, kw_only=True):
    """The queue of a computing element, by HTCondor's words for it (grid_resource), and the token that it is shown."""

    resource: str
    token: str
    sleep: Callable[[float], None] = time.sleep

    def remove(self, jobs: Collection[str], since: float, *, waiting: bool = False) -> Removed:
        """Remove jobs that it has on hold, and tell what is known of them then; as the seam says it.

        Raises:
            NotDone: it is none of HTCondor's.
            PoolUnreachable, AuthenticationRefused, PoolError: it does not answer, or does not believe the token.
        """
        # An IDTOKEN or a ticket that the user has besides would make them somebody else there, who has no such jobs.
        with showing_only(self.token):
            connection = self._connect()
            states = (HELD, IDLE) if waiting else (HELD,)
            return in_parts(jobs, lambda part: self._remove(connection, part, since, states))

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

    def _remove(
        self, connection: Connection, jobs: list[str], since: float, states: tuple[int, ...]
    ) -> Removed:
        mine = f"member({_KNOWN_AS}, {{{', '.join(string_literal(each) for each in jobs)}}})"
        return Removal(
            connection=connection,
            mine=mine,
            jobs=frozenset(jobs),
            name=lambda ad: text(ad, _KNOWN_AS),
            names=(_KNOWN_AS,),
            states=states,
            sleep=self.sleep,
        ).carry_out(since)
