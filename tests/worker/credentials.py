"""Credentials made by hand: credential caches byte by byte, tokens with an end."""

import base64
import json
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.worker.store import SIGNATURE

REALM = "TEST.HEP"
NAME_TYPE = 1
FLAGS = 0x40E00000
CONFIGURATION = ("X-CACHECONF:", "krb5_ccache_conf_data", "fast_avail")


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
    head = struct.pack(">H", 0x0500 + version)
    if version == 4:
        offset = struct.pack(">HHII", 1, 8, 0, 0)
        head += struct.pack(">H", len(offset)) + offset
    body = _principal("alice")
    for each in (Ticket(0, server=CONFIGURATION[1:], realm=CONFIGURATION[0]), *tickets):
        body += _credential(each, version, mark)
    return head + body


def _data(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _principal(*names: str, realm: str = REALM) -> bytes:
    head = struct.pack(">II", NAME_TYPE, len(names)) + _data(realm.encode())
    return head + b"".join(_data(name.encode()) for name in names)


def _credential(each: Ticket, version: int, mark: str) -> bytes:
    start = each.start or now()
    key = struct.pack(">H", 18) * (2 if version == 3 else 1) + _data(bytes(range(32)))
    times = struct.pack(">IIII", start, start, each.end, each.renew)
    address = struct.pack(">IH", 1, 2) + _data(b"\x7f\0\0\x01")
    return (
        _principal("alice")
        + _principal(*each.server, realm=each.realm)
        + key
        + times
        + struct.pack(">BI", 0, FLAGS)
        + address
        + struct.pack(">I", 0)
        + _data(f"{SIGNATURE}{mark}".encode() + bytes(range(256)))
        + _data(b"")
    )


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
