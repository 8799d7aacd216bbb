"""HTCondor's bindings in memory: what hepsub/condor/schedd.py calls of them, and the words with which they fail.

The words were said by htcondor2 25.14.1 with schedds of 23.9.6 and 25 (tests/pool has the real ones).
"""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

Ad = Mapping[str, object]
_UUID = re.compile(r'^My\.HepSub_UUID = "(.*)"$', re.MULTILINE)
_WANTED = re.compile(r'HepSub_UUID == "([^"]*)"')

NOT_BELIEVED = (
    "Failed to connect to schedd|AUTHENTICATE:1003:Failed to authenticate with any method"
    "|AUTHENTICATE:1004:Failed to authenticate using IDTOKENS"
)
NO_ANSWER = (
    "Failed to connect to <127.0.0.1:9618>: CEDAR:6001:Failed to connect to <127.0.0.1:9618>"
)
BUSY = (
    "Failed to fetch ads from schedd, errmsg=SECMAN:2007:This service is running, but did not respond in a"
    " reasonable time"
)
NOT_COMMITTED = "Unable to commit transaction: "
NO_MORE = "expected next ProcId to be 5, but Schedd says -4"


class HTCondorException(Exception):
    """The bindings' one type of error."""


class JobAction(enum.Enum):
    """What can be done to jobs."""

    Remove = 1
    Hold = 2
    Release = 3


class QueryOpts(enum.Enum):
    """How a queue is asked."""

    Default = 0
    IncludeClusterAd = 16
    SummaryOnly = 8
    GroupBy = 2


class AdType(enum.Enum):
    """Which daemons' ads a collector is asked for."""

    Schedd = 1
    Credd = 2
    Startd = 3


class CredType(enum.Enum):
    """What a credd keeps."""

    Kerberos = 1
    OAuth = 2


@dataclass(frozen=True, slots=True)
class Submit:
    """A submit description."""

    text: str


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What a submission is answered with."""

    number: int

    def cluster(self) -> int:
        """ClusterId."""
        return self.number


@dataclass(slots=True)
class Schedd:
    """A schedd, as a location opens it.

    Attributes:
        pool: what all of them share.
        ad: the location.
    """

    pool: FakeBindings
    ad: object

    def submit(
        self,
        description: Submit,
        count: int = 0,
        itemdata: Iterator[Mapping[str, str]] | None = None,
        spool: bool = False,
    ) -> SubmitResult:
        """Make a cluster; a fault is raised before or after it is there."""
        items = [dict(each) for each in itemdata or ()]
        self.pool.called("submit", description.text, count, items, spool)
        cluster = 13 + len(self.pool.submitted)
        self.pool.submitted.append(description.text)
        uuid = _UUID.search(description.text)
        self.pool.queue.append(
            {"ClusterId": cluster, "ProcId": 0, "HepSub_UUID": uuid[1] if uuid else ""}
        )
        self.pool.after("submit")
        return SubmitResult(cluster)

    def spool(self, result: SubmitResult) -> None:
        """Take the files of a cluster."""
        self.pool.called("spool", result.cluster())

    def retrieve(self, constraint: str) -> None:
        """Give back the files of ended jobs."""
        self.pool.called("retrieve", constraint)

    def edit(self, constraint: str, attribute: str, value: str) -> int:
        """Change an attribute; how many jobs have it."""
        self.pool.called("edit", constraint, attribute, value)
        return self.pool.edited

    def act(self, action: JobAction, constraint: str, reason: tuple[str, int]) -> Ad:
        """Do something to jobs."""
        self.pool.called("act", action, constraint, reason)
        return self.pool.acted

    def query(
        self,
        constraint: str,
        projection: Sequence[str] = (),
        opts: QueryOpts = QueryOpts.Default,
        limit: int = -1,
    ) -> list[Ad]:
        """The ads in the queue: of one UUID, or whatever was asked."""
        self.pool.called("query", constraint, tuple(projection), opts)
        wanted = _WANTED.search(constraint)
        found = [ad for ad in self.pool.queue if not wanted or ad.get("HepSub_UUID") == wanted[1]]
        return found if limit < 0 else found[:limit]

    def history(
        self, constraint: str, projection: Sequence[str], match: int, since: str | None = None
    ) -> Iterator[Ad]:
        """The ads of the past, whatever was asked."""
        self.pool.since.append(since)
        self.pool.called("history", constraint, tuple(projection), match)
        yield from self.pool.past if match < 0 else self.pool.past[:match]


@dataclass(slots=True)
class Collector:
    """A collector: a host and a port, or the one of the configuration.

    Attributes:
        pool: what all of them share.
        address: where it is; empty for the configuration's.
    """

    pool: FakeBindings
    address: str

    def query(
        self, kind: AdType, *, constraint: str = "", projection: Sequence[str] = ()
    ) -> list[Ad]:
        """The ads of one kind, with what was asked for, whole if nothing was; `Only` is a part of its constraint."""
        self.pool.called("collector", self.address, kind, constraint or tuple(projection))
        ads = self.pool.daemons.get(kind, [])
        ads = [ad for ad in ads if str(ad.get("Only", "")) in constraint]
        if not projection:
            return ads
        return [{name: ad[name] for name in projection if name in ad} for ad in ads]


@dataclass(slots=True)
class Credd:
    """A credd, as its ad opens it.

    Attributes:
        pool: what all of them share.
        ad: its ad.
    """

    pool: FakeBindings
    ad: Ad

    def add_user_cred(self, kind: CredType, content: bytes) -> None:
        """Keep a ticket."""
        self.pool.called("add_user_cred", kind, content)

    def add_user_service_cred(
        self, kind: CredType, content: bytes, service: str, *, refresh: bool
    ) -> None:
        """Keep a token of a service."""
        self.pool.called("add_user_service_cred", kind, content, service, refresh)


@dataclass(slots=True, kw_only=True)
class FakeBindings:
    """What stands in for the module htcondor2.

    Attributes:
        param: HTCondor's configuration.
        queue: ads in the queue.
        past: ads of the history.
        daemons: the ads that a collector has.
        acted: what the next `act` answers.
        edited: how many jobs the next `edit` changes.
        ping_answer: what a ping answers.
        submitted: the descriptions that became clusters.
        calls: what was asked, in order: the name and its values.
        faults: what the next calls of a name raise; None for a call that works.
        late: the same, raised by a submission that is committed already.
        since: where each look at the history was to end.
    """

    param: dict[str, str] = field(default_factory=dict)
    queue: list[Ad] = field(default_factory=list)
    past: list[Ad] = field(default_factory=list)
    daemons: dict[AdType, list[Ad]] = field(default_factory=dict)
    acted: Ad = field(default_factory=dict)
    edited: int = 0
    ping_answer: Ad = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    calls: list[tuple[object, ...]] = field(default_factory=list)
    faults: dict[str, list[Exception | None]] = field(default_factory=dict)
    late: dict[str, list[Exception | None]] = field(default_factory=dict)
    since: list[str | None] = field(default_factory=list)

    AdType = AdType
    CredType = CredType
    HTCondorException = HTCondorException
    JobAction = JobAction
    QueryOpts = QueryOpts
    Submit = Submit

    def Schedd(self, ad: object) -> Schedd:  # noqa: N802  (htcondor2's own name)
        """Open a schedd."""
        return Schedd(self, ad)

    def Collector(self, address: str = "") -> Collector:  # noqa: N802  (htcondor2's own name)
        """Open a collector."""
        return Collector(self, address)

    def Credd(self, ad: Ad) -> Credd:  # noqa: N802  (htcondor2's own name)
        """Open a credd."""
        return Credd(self, ad)

    def ping(self, ad: object, permission: str) -> Ad:
        """As whom a daemon knows us."""
        self.called("ping", ad, permission)
        return self.ping_answer

    def fails(self, name: str, *texts: str, kind: Callable[[str], Exception] | None = None) -> None:
        """Let the next calls of a name fail with these words; an empty text lets one work."""
        make = kind or HTCondorException
        self.faults[name] = [make(text) if text else None for text in texts]

    def called(self, *call: object) -> None:
        """Note a call, and fail as told."""
        self.calls.append(call)
        _raise_next(self.faults.get(str(call[0])))

    def after(self, name: str) -> None:
        """Fail as told, after the fact."""
        _raise_next(self.late.get(name))

    def names(self) -> list[str]:
        """The names of what was asked, in order."""
        return [str(call[0]) for call in self.calls]


Fake = TypeVar("Fake", bound=FakeBindings)


def put_in_place(monkeypatch: pytest.MonkeyPatch, fake: Fake) -> Fake:
    """Bindings in memory in the place of the real ones, which no configuration leads anywhere."""
    monkeypatch.setenv("CONDOR_CONFIG", "ONLY_ENV")
    monkeypatch.setitem(sys.modules, "htcondor2", fake)
    return fake


def _raise_next(faults: list[Exception | None] | None) -> None:
    fault = faults.pop(0) if faults else None
    if fault is not None:
        raise fault
