"""What a storage answers, and what that means."""

from __future__ import annotations

import http.client
import re
import time
from typing import BinaryIO

from hepsub.storage.bounds import LARGEST_OBJECT

_AGAIN = (408, 425, 429)
_REFUSED = (400, 401, 403)
_WITHOUT_BODY = (204, 304)
_MOST_FIELDS = 200
_LONGEST_FIELD = 2**16
_MOST_CONTINUE = 8
_LENGTH = re.compile(r"[0-9]{1,15}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_AT_ONCE = 2**16
_BODY_S = 60.0


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
        for _ in range(_MOST_CONTINUE):
            version, status, self.reason = self._read_status()  # type: ignore[attr-defined]
            self.head = _read_head(self.fp)
            if status != http.client.CONTINUE:
                break
        else:
            raise http.client.HTTPException("it goes on and on without an answer")
        self.code = self.status = status
        self.version = 11 if version.startswith("HTTP/1.") and version != "HTTP/1.0" else 10
        self.chunked = self.head.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else _length(self.head.get("content-length"))
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

    def _read_next_chunk_size(self) -> int:
        """The size of the next chunk; http.client takes any number, also one below zero.

        Raises:
            ValueError: it is none (http.client makes an incomplete answer of it).
        """
        line = self.fp.readline(_LONGEST_FIELD)
        size = line.partition(b";")[0].strip()
        if not size.isalnum() or len(size) > 12:
            self.will_close = True
            raise ValueError("a chunk without a size")
        return int(size, 16)

    def _read_and_discard_trailer(self) -> None:
        """Read what follows the last chunk; http.client would do so for ever."""
        _read_head(self.fp)

    def read_whole(self, most: int) -> bytes:
        """The body.

        Args:
            most: so many bytes are believed.

        Raises:
            HTTPException: it is larger, or is cut off.
            OSError: the connection broke, or it does not come to its end within a minute.
        """
        parts: list[bytes] = []
        left, deadline = most, time.monotonic() + _BODY_S
        while part := self.read1(_AT_ONCE):
            parts.append(part)
            left -= len(part)
            if left < 0:
                raise http.client.HTTPException("its body is too large")
            if time.monotonic() > deadline:
                raise TimeoutError("its body does not come to an end")
        if self.length:
            self.will_close = True
            raise http.client.IncompleteRead(b"", self.length)
        self.read()  # nothing is left, and the connection can be used again
        return b"".join(parts)


def _length(said: str | None) -> int | None:
    if said is None:
        return None
    if _LENGTH.fullmatch(said) is None or int(said) > LARGEST_OBJECT:
        raise http.client.HTTPException("a length that no object has")
    return int(said)


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
        raise Again(
            f"the storage answers {status}", float(after) if _SECONDS.fullmatch(after) else 0.0
        )
    if status == 404:
        raise Never("it is not there any more")
    if status == 412:
        raise Never("it was replaced while it was fetched; run this again")
    raise Never(f"the storage answers {status}")
