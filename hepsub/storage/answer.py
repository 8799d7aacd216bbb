"""What a storage answers, and what that means."""

from __future__ import annotations

import http.client
from typing import BinaryIO

_AGAIN = (408, 425, 429)
_REFUSED = (400, 401, 403)
_WITHOUT_BODY = (204, 304)
_MOST_FIELDS = 200
_LONGEST_FIELD = 2**16


class Again(Exception):
    """It failed in a way that may pass; `after` is how long to wait at least, in seconds."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Never(Exception):
    """It failed, and trying again would change nothing."""


class Refused(Exception):
    """The keys, or the signature, are not accepted."""


class Answer(http.client.HTTPResponse):
    """An answer; its head is read without the reader of mails that http.client uses, which takes most of the time."""

    def begin(self) -> None:
        """Read the head.

        Raises:
            HTTPException: it is none.
        """
        status = http.client.CONTINUE
        while status == http.client.CONTINUE:
            version, status, self.reason = self._read_status()  # type: ignore[attr-defined]
            self.head = _read_head(self.fp)
        self.code = self.status = status
        self.version = 11 if version.startswith("HTTP/1.") and version != "HTTP/1.0" else 10
        self.chunked = self.head.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = self.head.get("content-length", "")
        self.length = int(length) if length.isdecimal() and not self.chunked else None
        if status in _WITHOUT_BODY:
            self.length = 0
        asked = self.head.get("connection", "").lower()
        endless = self.length is None and not self.chunked
        self.will_close = endless or self.version == 10 or "close" in asked

    @property
    def is_encrypted(self) -> bool:
        """Whether the store encrypts the object in a way that makes its ETag no MD5 (S3 API: Object, ETag)."""
        return (
            "kms" in self.head.get("x-amz-server-side-encryption", "")
            or "x-amz-server-side-encryption-customer-algorithm" in self.head
        )


def _read_head(file: BinaryIO) -> dict[str, str]:
    """The fields of a head by their names in lower case."""
    head: dict[str, str] = {}
    for _ in range(_MOST_FIELDS):
        line = file.readline(_LONGEST_FIELD)
        if line in (b"\r\n", b"\n", b""):
            return head
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not line.endswith(b"\n"):
            raise http.client.HTTPException("a field of the head is broken")
        head[name.lower()] = value.strip()
    raise http.client.HTTPException("the head is too long")


def check(answer: Answer) -> None:
    """Nothing, for an answer with the object in it.

    Raises:
        Again, Never, Refused: it is none.
    """
    status = answer.status
    if status in (200, 206):
        return
    answer.read(2**16)  # errors are short, and the connection can be used again
    if status in _REFUSED:
        raise Refused(f"the storage refuses it ({status})")
    if status in _AGAIN or status >= 500:
        after = answer.head.get("retry-after", "")
        raise Again(f"the storage answers {status}", float(after) if after.isdecimal() else 0.0)
    if status == 404:
        raise Never("it is not there any more")
    if status == 412:
        raise Never("it was replaced while it was fetched; run this again")
    raise Never(f"the storage answers {status}")
