"""What can go wrong between a client and an S3 server, and when it shall."""

import random
import re
import threading
from dataclasses import dataclass, field

XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'


@dataclass(frozen=True)
class Reset:
    """The connection is reset: before the server saw the request, or `after` it was served."""

    after: bool = False


@dataclass(frozen=True)
class Truncate:
    """The body ends after `keep` bytes, by default half of it, and the connection with it.

    With `quietly` both sides are made to believe that this was all. The body is the one of the
    request if it has any (an upload), else the one of the response (a download).
    """

    keep: int | None = None
    quietly: bool = False

    def kept(self, length: int | None) -> int:
        """Return how many bytes of a body pass."""
        return self.keep if self.keep is not None else (length or 0) // 2


@dataclass(frozen=True)
class Flip:
    """All bits of one byte of the body are flipped: the one at `at`, by default in the middle."""

    at: int | None = None

    def position(self, length: int | None) -> int:
        """Return which byte of a body is wrong."""
        return self.at if self.at is not None else (length or 0) // 2


@dataclass(frozen=True)
class Slow:
    """The body passes slowly."""

    bytes_per_second: int


@dataclass(frozen=True)
class Answer:
    """The server is not asked: this is the answer, with the XML of S3 if there is a code."""

    status: int
    reason: str
    code: str = ""
    message: str = ""
    retry_after: str = ""

    @property
    def body(self) -> bytes:
        """Return the body of the answer."""
        text = XML.format(code=self.code, message=self.message) if self.code else ""
        return text.encode()


@dataclass(frozen=True)
class Lose:
    """An upload is answered with 200 and its ETag, but nothing is stored."""


@dataclass(frozen=True)
class Hang:
    """The request is taken and never answered, until the client gives up or the proxy ends."""


@dataclass(frozen=True)
class Late:
    """An upload is taken whole, and stored when `now` is set, whether or not its client lives; it hears nothing."""

    now: threading.Event = field(default_factory=threading.Event, compare=False)
    stored: threading.Event = field(default_factory=threading.Event, compare=False)


Fault = Reset | Truncate | Flip | Slow | Answer | Lose | Hang | Late

DENIED = Answer(403, "Forbidden", "AccessDenied", "Access Denied")
EXPIRED = Answer(403, "Forbidden", "AccessDenied", "Request has expired")
NOT_FOUND = Answer(404, "Not Found", "NoSuchKey", "The specified key does not exist.")
INTERNAL_ERROR = Answer(500, "Internal Server Error", "InternalError", "Please try again.")
BROKEN_200 = Answer(200, "OK", "InternalError", "Please try again.")


def unavailable(retry_after: int | str = "") -> Answer:
    """Return the answer of a store that is too busy, with the seconds (or date) to wait or without."""
    text = "Please reduce your request rate."
    return Answer(503, "Service Unavailable", "SlowDown", text, str(retry_after))


@dataclass
class Rule:
    """A fault and when it happens, among the requests that match, which are counted from 1."""

    fault: Fault
    method: str = ""
    path: str = ""
    query: str = ""
    first: int = 1
    last: int | None = None
    chance: float = 1
    seed: int = 0
    seen: int = 0
    hits: int = 0
    dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def matches(self, method: str, path: str, query: str) -> bool:
        """Tell whether a request is one of those which this rule counts."""
        return (
            self.method in {"", method}
            and re.search(self.path, path) is not None
            and re.search(self.query, query) is not None
        )

    def is_due(self) -> bool:
        """Count one more request that matches, and tell whether the fault is due."""
        self.seen += 1
        lucky = self.dice.random() >= self.chance
        return (
            not lucky and self.first <= self.seen and (self.last is None or self.seen <= self.last)
        )


def name(fault: Fault | None) -> str:
    """Return the name of a fault for a log."""
    if fault is None:
        return ""
    if isinstance(fault, Answer):
        return f"answer {fault.status}"
    return type(fault).__name__.lower()
