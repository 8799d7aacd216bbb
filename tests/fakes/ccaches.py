"""Credential caches of type FILE, written as MIT's documentation describes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

RENEWABLE, FORWARDABLE, INITIAL = 0x00800000, 0x40000000, 0x00400000
REALM = "TEST.HEP"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A ticket in a cache."""

    server: tuple[str, ...] = ("krbtgt", REALM)
    realm: str = REALM
    authenticated: int = 1000
    starts: int = 1000
    expires: int = 2000
    renew_until: int = 5000
    flags: int = RENEWABLE | FORWARDABLE
    addresses: tuple[bytes, ...] = ()
    ticket: bytes = b"ticket"


def configuration(key: str, value: bytes) -> Entry:
    """An entry that is no ticket."""
    return Entry(
        server=("krb5_ccache_conf_data", key), realm="X-CACHECONF:", authenticated=0, starts=0,
        expires=0, renew_until=0, flags=0, ticket=value,
    )  # fmt: skip


def cache(
    *entries: Entry,
    owner: Sequence[str] = ("alice",),
    realm: str = REALM,
    version: int = 4,
    header: bytes | None = None,
) -> bytes:
    """The bytes of a cache."""
    mine = _principal(owner, realm)
    head = struct.pack(">BB", 5, version)
    if version == 4:
        fields = struct.pack(">HHii", 1, 8, 0, 0) if header is None else header
        head += struct.pack(">H", len(fields)) + fields
    return head + mine + b"".join(_entry(each, mine, version) for each in entries)


def _entry(entry: Entry, owner: bytes, version: int) -> bytes:
    key_type = struct.pack(">H", 18) * (2 if version == 3 else 1)
    times = (entry.authenticated, entry.starts, entry.expires, entry.renew_until)
    addresses = b"".join(struct.pack(">H", 2) + _data(each) for each in entry.addresses)
    return (
        owner
        + _principal(entry.server, entry.realm)
        + key_type
        + _data(bytes(range(32)))
        + struct.pack(">4IBI", *times, 0, entry.flags)
        + struct.pack(">I", len(entry.addresses))
        + addresses
        + struct.pack(">I", 0)
        + _data(entry.ticket)
        + _data(b"")
    )


def _principal(components: Sequence[str], realm: str) -> bytes:
    texts = [realm, *components]
    return struct.pack(">II", 1, len(components)) + b"".join(_data(each.encode()) for each in texts)


def _data(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
