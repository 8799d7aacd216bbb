"""MIT's credential cache of type FILE, read: whose ticket it is, and how long it lives. Pure.

Source: MIT Kerberos documentation, "Credential cache file format" (versions 3 and 4, which all of today's
programs write). No key and no ticket is kept: what is not asked for here is skipped.
"""

from __future__ import annotations

import io

from msgspec import Struct

from hepsub.errors import CredentialMissing

LARGEST = 2**22
"""Caches hold some tickets of some kB each."""

_MOST_COMPONENTS = 16
_LONGEST_NAME = 1024
_VERSION_3 = 0x0503
_VERSION_4 = 0x0504
_RENEWABLE = 0x00800000


class CacheFacts(Struct, frozen=True, kw_only=True):
    """What a cache tells of its ticket-granting ticket; times in seconds since the epoch.

    Attributes:
        principal: whose ticket it is: `alice@EXAMPLE.ORG`.
        renew_until: until when it can be renewed; 0 when it cannot.
    """

    principal: str
    starts: int
    expires: int
    renew_until: int


class _Principal(Struct, frozen=True, kw_only=True):
    realm: str
    components: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'/'.join(self.components)}@{self.realm}"


class _Ticket(Struct, frozen=True, kw_only=True):
    server: _Principal
    starts: int
    expires: int
    renew_until: int
    flags: int


class _Garbled(Exception):
    """The bytes end too early, or say what they cannot mean."""


class _Reader(io.BytesIO):
    """Takes numbers and texts off bytes, one after the other."""

    def take(self, count: int) -> bytes:
        taken = self.read(count)
        if len(taken) < count:
            raise _Garbled
        return taken

    def u16(self) -> int:
        return int.from_bytes(self.take(2))

    def u32(self) -> int:
        return int.from_bytes(self.take(4))

    def data(self) -> bytes:
        return self.take(self.u32())

    def principal(self) -> _Principal:
        self.u32()  # the type of the name
        count = self.u32()
        if count > _MOST_COMPONENTS:
            raise _Garbled
        realm, *parts = [self.text() for _ in range(count + 1)]
        return _Principal(realm=realm, components=tuple(parts))

    def text(self) -> str:
        """A name, which is shown to people."""
        text = self.data().decode("utf-8", "replace")
        if len(text) > _LONGEST_NAME or not text.isprintable():
            raise _Garbled
        return text


def read_ccache(content: bytes) -> CacheFacts:
    """What a cache's file tells of its ticket-granting ticket.

    Raises:
        CredentialMissing: these bytes are no cache, or hold no ticket-granting ticket.
    """
    try:
        return _read(_Reader(content), len(content))
    except _Garbled as error:
        raise CredentialMissing(
            "what lies there is not a Kerberos ticket cache, or a damaged one", remedy="kinit"
        ) from error


def _read(reader: _Reader, size: int) -> CacheFacts:
    version = reader.u16()
    if size > LARGEST or version not in {_VERSION_3, _VERSION_4}:
        raise _Garbled
    if version == _VERSION_4:
        reader.take(reader.u16())  # the header's fields: clocks' differences
    owner = reader.principal()
    # That of the owner's realm: by a ticket for another realm, or a configuration entry, which looks like a ticket for
    # X-CACHECONF:, nothing is had here.
    wanted = _Principal(realm=owner.realm, components=("krbtgt", owner.realm))
    granting = []
    while reader.tell() < size:
        ticket = _ticket(reader, version)
        if ticket.server == wanted:
            granting.append(ticket)
    if not granting:
        raise CredentialMissing(
            f"the Kerberos ticket cache of {owner} holds no ticket-granting ticket", remedy="kinit"
        )
    best = max(granting, key=lambda ticket: ticket.expires)
    return CacheFacts(
        principal=str(owner),
        starts=best.starts,
        expires=best.expires,
        renew_until=best.renew_until if best.flags & _RENEWABLE else 0,
    )


def _ticket(reader: _Reader, version: int) -> _Ticket:
    reader.principal()
    server = reader.principal()
    reader.take(4 if version == _VERSION_3 else 2)  # the key's type, which version 3 says twice
    reader.data()
    authenticated, starts, expires, renew_until = (reader.u32() for _ in range(4))
    reader.take(1)  # whether the key is a session key
    flags = reader.u32()
    for _ in range(2):  # addresses, authorisation data
        for _ in range(reader.u32()):
            reader.u16()
            reader.data()
    reader.data()  # the ticket
    reader.data()  # the second ticket
    return _Ticket(
        server=server,
        starts=starts or authenticated,  # 0 for one that was good at once
        expires=expires,
        renew_until=renew_until,
        flags=flags,
    )
