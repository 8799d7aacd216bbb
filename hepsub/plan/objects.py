"""What is known of an object in a storage, whoever told it: HEAD, a listing, or the notes of a submission."""

from __future__ import annotations

from msgspec import Struct

_HEX = frozenset("0123456789abcdef")


class ObjectInfo(Struct, frozen=True, kw_only=True):
    """An object that exists.

    Attributes:
        size: in bytes.
        etag: without quotes: an MD5 for small ones.
        modified: when it was written, in seconds since the epoch; 0 for not known.
        encrypted: whether a key of its own encrypts it: its ETag looks like an MD5 then, and is none. A listing
            does not tell.
    """

    size: int
    etag: str
    modified: float = 0.0
    encrypted: bool = False

    @property
    def md5(self) -> str:
        """The MD5 in hex where the ETag is one; empty for what came in parts or is encrypted."""
        return self.etag if is_md5(self.etag) and not self.encrypted else ""


def is_md5(text: str) -> bool:
    """Whether an ETag has the form of an MD5 (those of multipart uploads end with -N)."""
    return len(text) == 32 and _HEX.issuperset(text)
