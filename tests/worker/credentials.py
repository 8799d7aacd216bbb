"""Credentials made by hand: credential caches byte by byte, tokens with an end."""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.fakes.ccaches import REALM, Entry, cache, configuration
from tests.worker.store import SIGNATURE

FLAGS = 0x40E00000


def now() -> int:
    """The time, in whole seconds."""
    return int(time.time())


def iso(seconds: int) -> str:
    """As the report says it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Ticket:
    """A ticket; its times in seconds since 1970."""

    end: int
    renew: int = 0
    start: int = 0
    server: tuple[str, ...] = ("krbtgt", REALM)
    realm: str = REALM


def ticket(life: int, renewable: int = 0, age: int = 0) -> Ticket:
    """A ticket that ends so many seconds from now, can be renewed so long, and is so old."""
    return Ticket(now() + life, now() + renewable if renewable else 0, now() - age)


def ccache(*tickets: Ticket, version: int = 4, mark: str = "") -> bytes:
    """A credential cache of these tickets, as MIT writes it."""
    entries = (
        Entry(
            server=each.server,
            realm=each.realm,
            authenticated=each.start or now(),
            starts=each.start or now(),
            expires=each.end,
            renew_until=each.renew,
            flags=FLAGS,
            addresses=(b"\x7f\0\0\x01",),
            ticket=f"{SIGNATURE}{mark}".encode() + bytes(range(256)),
        )
        for each in tickets
    )
    return cache(configuration("fast_avail", b"yes"), *entries, version=version)


def token(life: int | None = 3600, mark: str = "") -> str:
    """A JWT that ends so many seconds from now; with None, a token that says nothing about itself."""
    if life is None:
        return f"{SIGNATURE}-{mark}"
    claims = {"sub": "é?>" + mark, "exp": now() + life, "scope": "compute.read storage.read:/"}
    return ".".join(_segment(part) for part in ({"alg": "none"}, claims, SIGNATURE))


def _segment(part: object) -> str:
    text = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
    if isinstance(part, str):
        return text
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def states(report: dict[str, Sequence[dict[str, str]]]) -> list[str]:
    """The states of the credentials in a report."""
    return [each["state"] for each in report["credentials"]]
