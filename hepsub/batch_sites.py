"""What a batch system and computing elements say of jobs at remote sites that hold them: values of the seam."""

from __future__ import annotations

from msgspec import Struct


class ThroughElement(Struct, frozen=True, kw_only=True):
    """How a job that goes through a computing element is known.

    Attributes:
        id: by which its schedd knows it among all schedds, and the element, too (GlobalJobId).
        submitted: seconds since the epoch.
        moving: whether it is known to have left the element, and is on its way to another one.
        recalled: whether the element was asked to remove it where it waited: what it is on hold for is no fault then.
    """

    id: str
    submitted: float
    moving: bool = False
    recalled: bool = False


class Removed(Struct, frozen=True, kw_only=True):
    """What a computing element tells of jobs that it was to remove, by their ids; of others it knows nothing.

    Attributes:
        gone: they were removed there, and never come back.
        ended: they have ended there otherwise.
        there: they are still in its queue.
    """

    gone: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()


class HeldThere(Struct, frozen=True, kw_only=True):
    """A job on hold that was at a remote site.

    Attributes:
        since: since when it is on hold, in seconds since the epoch.
        code: HoldReasonCode; 0 for none.
        left: the sites that it was taken away from before.
        elsewhere: the other sites that it may go to.
        through: how it is known where it goes through a computing element; None where slots join a pool.
    """

    cluster: int
    proc: int
    site: str
    since: float
    code: int
    reason: str
    left: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    through: ThroughElement | None = None
