"""Responses of storages, read strictly: no more lines, fields or bytes of them are taken than S3 has.

Most of the time of a small object would be spent in http.client, which reads fields as those of mails; it also reads
lines without end, and takes a chunk whose size is below zero for one to the end.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

from hepsub.storage.bounds import LARGEST_OBJECT

BROKEN = (HTTPException, OSError)
"""What a connection that breaks raises, or one that says something else than HTTP."""

_LARGEST_HEAD = 2**16
_MOST_FIELDS = 200
_MOST_INTERIM = 8
_LONGEST_LINE = 1024
_HEAD_S = 60.0
_BODY_S = 60.0
_SOME = 2**16
_WITHOUT_BODY = (204, 304)
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n\0]*)?\r\n")
_FIELD = re.compile(r"^([!#-'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)\r\n", re.MULTILINE)
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,12}")
_FRAMES = ("content-length", "transfer-encoding")
"""What says where a body ends (RFC 9112, "Message Body Length"): it is said once."""


class Incoming:
    """The bytes that come over a connection, whose `socket` this is."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._kept = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether everything that has come was taken, as far as is known."""
        return not self._kept

    def until(self, mark: bytes, most: int) -> bytes:
        """Take the bytes before a mark, and the mark, which is not given.

        Raises:
            HTTPException, OSError: it does not come among so many bytes, or within a minute.
        """
        deadline = 0.0
        while (end := self._kept.find(mark)) < 0 and len(self._kept) <= most:
            # The socket's own limit is for each piece: a byte each half minute would keep us for ever.
            now = time.monotonic()
            deadline = deadline or now + _HEAD_S
            if now > deadline:
                raise TimeoutError("its head does not come to an end")
            came = self.socket.recv(_SOME)
            if not came:
                raise IncompleteRead(bytes(self._kept[:_LONGEST_LINE]))
            self._kept += came
        if not 0 <= end <= most:
            raise HTTPException("line after line, and no answer")
        taken = bytes(self._kept[:end])
        del self._kept[: end + len(mark)]
        return taken

    def read_into(self, view: memoryview) -> int:
        """Take what has come, as much as there is room for, and give its size; 0 at the end of all."""
        if not self._kept:
            return self.socket.recv_into(view)
        part = self._kept[: len(view)]
        view[: len(part)] = part
        del self._kept[: len(part)]
        return len(part)


@dataclass(slots=True)
class Response:
    """A response of a server; its body is read once.

    Attributes:
        fields: of its head, by their names in small letters.
        is_last: whether the server closes the connection after it.
        left: how much of the body, or of its chunk, has not been read, in bytes; None for all until the end.
        is_chunked: whether another chunk follows.
    """

    status: int
    fields: Mapping[str, str]
    incoming: Incoming
    is_last: bool
    left: int | None
    is_chunked: bool

    def header(self, name: str) -> str:
        """The field of this name, in small letters; empty for none."""
        return self.fields.get(name, "")

    def is_of(self, etag: str) -> bool:
        """Whether it is of this version of an object, as far as it says: some servers ignore If-Match."""
        said = self.header("etag").strip('"')
        return not said or not etag or said == etag

    @property
    def is_encrypted(self) -> bool:
        """Whether the store encrypts the object in a way that makes its ETag no MD5 (S3 API: Object, ETag)."""
        return (
            "kms" in self.header("x-amz-server-side-encryption")
            or "x-amz-server-side-encryption-customer-algorithm" in self.fields
        )

    @property
    def is_read(self) -> bool:
        """Whether nothing of its body is left."""
        return self.left == 0 and not self.is_chunked

    def read_into(self, view: memoryview) -> int:
        """Read what has come of the body, as much as there is room for, and give its size; 0 at its end.

        Raises:
            HTTPException, OSError: the connection broke, or the body is cut off.
        """
        if self.left == 0:
            if self.is_chunked:
                self._begin_chunk()
            if self.left == 0:
                return 0
        got = self.incoming.read_into(view if self.left is None else view[: self.left])
        if self.left is None:
            self.left = None if got else 0
            return got
        if not got:
            raise IncompleteRead(b"", self.left)
        self.left -= got
        if self.is_chunked and not self.left and self.incoming.until(b"\r\n", _LONGEST_LINE):
            raise HTTPException("a chunk longer than its size")
        return got

    def read_whole(self, most: int) -> bytes:
        """The body, of which so many bytes are believed.

        Raises:
            HTTPException: it is larger, or is cut off.
            OSError: the connection broke, or it does not come to its end within a minute.
        """
        body = bytearray()
        buffer = memoryview(bytearray(min(_SOME, self.left or _SOME)))
        deadline = time.monotonic() + _BODY_S
        while got := self.read_into(buffer):
            body += buffer[:got]
            if len(body) > most:
                raise HTTPException("its body is too large")
            if time.monotonic() > deadline:
                raise TimeoutError("its body does not come to an end")
        return bytes(body)

    def _begin_chunk(self) -> None:
        """Read the size of the next chunk; after the one of no bytes, the fields that end the body."""
        size = self.incoming.until(b"\r\n", _LONGEST_LINE).partition(b";")[0].strip()
        if _CHUNK.fullmatch(size) is None:
            raise HTTPException("a chunk without a size")
        self.left = int(size, 16)
        if self.left:
            return
        for _ in range(_MOST_FIELDS):
            if not self.incoming.until(b"\r\n", _LARGEST_HEAD):
                self.is_chunked = False
                return
        raise HTTPException("line after line, and no end")


def read_response(incoming: Incoming, method: str) -> Response:
    """The beginning of the response to a request; its body is not read yet.

    Raises:
        HTTPException, OSError: there is none.
    """
    for _ in range(_MOST_INTERIM):
        try:
            version, status, fields = _head(incoming.until(b"\r\n\r\n", _LARGEST_HEAD))
        except IncompleteRead as error:
            if error.partial:
                raise
            raise RemoteDisconnected("the connection was closed without an answer") from error
        if status >= 200:
            break
        if status == 101:
            raise HTTPException("another protocol, which nobody asked for")
    else:
        raise HTTPException("it goes on and on without an answer")
    is_chunked, left = _frame(fields)
    if method in ("HEAD", "CONNECT") or status in _WITHOUT_BODY:
        is_chunked, left = False, 0
    # HTTP/1.0 keeps connections only by a word of its own, which no store needs.
    closes = version == "0" or "close" in fields.get("connection", "").lower()
    return Response(status, fields, incoming, closes or left is None, left, is_chunked)


def _head(head: bytes) -> tuple[str, int, dict[str, str]]:
    """The digit after HTTP/1, the status and the fields of a head."""
    text = f"{head.decode('latin-1')}\r\n"  # which takes any byte, and gives each back
    first = _STATUS.match(text)
    if first is None:
        raise BadStatusLine(text[:100].partition("\r\n")[0])
    found = _FIELD.findall(text, first.end())
    # One that is no field, or a CR or LF by itself, is where two readers disagree about the end of a head.
    ends = (len(found) + 1, text.count("\r"), text.count("\n"))
    if len(found) > _MOST_FIELDS or min(ends) != max(ends):
        raise HTTPException("lines that no head has")
    fields: dict[str, str] = {}
    for name, value in found:
        small = name.lower()
        if small in fields and small in _FRAMES:
            raise HTTPException("a body that ends twice")
        fields.setdefault(small, value.strip())
    return first[1], int(first[2]), fields


def _frame(fields: Mapping[str, str]) -> tuple[bool, int | None]:
    """Whether a body comes in chunks, and how much of it there is otherwise; None for all until the end."""
    length, encoding = (fields.get(name) for name in _FRAMES)
    if encoding is not None:
        if length is not None or encoding.lower() != "chunked":
            raise HTTPException("a body that ends nobody knows where")
        return True, 0
    if length is None:
        return False, None
    if _LENGTH.fullmatch(length) is None or int(length) > LARGEST_OBJECT:
        raise HTTPException("a length that no object has")
    return False, int(length)
