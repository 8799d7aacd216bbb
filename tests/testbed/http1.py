"""As much of HTTP/1.1 as a proxy needs: heads kept to the byte, bodies as streams."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BufferedReader

PIECE = 64 * 1024
LONGEST_HEAD = 64 * 1024


class MessageError(Exception):
    """The peer does not speak HTTP, or stopped in the middle."""


@dataclass(frozen=True)
class Head:
    """The first line and the fields of a message, unchanged."""

    first: str
    lines: tuple[str, ...]

    def field(self, name: str) -> str:
        """Return the value of a field, or nothing."""
        for line in self.lines:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""

    def with_length(self, length: int) -> "Head":
        """Return the head of a shorter body."""
        kept = (line for line in self.lines if not line.lower().startswith("content-length:"))
        return replace(self, lines=(*kept, f"Content-Length: {length}"))

    def encode(self) -> bytes:
        """Return the head as it is sent."""
        return "".join(f"{line}\r\n" for line in (self.first, *self.lines, "")).encode("latin-1")

    # ---- of a request -----------------------------------------------------------------------

    @property
    def method(self) -> str:
        """Return the method of a request."""
        return self.first.split(" ")[0]

    @property
    def path(self) -> str:
        """Return the path of a request, without the query."""
        return self.first.split(" ")[1].partition("?")[0]

    @property
    def query(self) -> str:
        """Return the query of a request: it may hold a signature."""
        return self.first.split(" ")[1].partition("?")[2]

    @property
    def keeps_alive(self) -> bool:
        """Tell whether the connection is meant to be used again."""
        return "HTTP/1.1" in self.first and self.field("connection").lower() != "close"

    @property
    def waits_for_continue(self) -> bool:
        """Tell whether the client sends the body only when asked for it."""
        return self.field("expect").lower() == "100-continue"

    # ---- of a response ----------------------------------------------------------------------

    @property
    def status(self) -> int:
        """Return the status of a response."""
        return int(self.first.split(" ")[1])

    @property
    def is_interim(self) -> bool:
        """Tell whether another head follows this one."""
        return self.status < 200


@dataclass(frozen=True)
class Framing:
    """How the end of a body is found: after `length` bytes, by chunks, or where the stream ends."""

    length: int | None = 0
    chunked: bool = False

    @property
    def until_close(self) -> bool:
        """Tell whether only the end of the connection ends the body."""
        return self.length is None and not self.chunked

    def payload(self, stream: BufferedReader) -> Iterator[bytes]:
        """Read a body, as it comes."""
        if self.chunked:
            return _chunks(stream)
        return _plain(stream, self.length)

    def encode(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Frame the pieces of a body as they were framed when they came."""
        if not self.chunked:
            yield from pieces
            return
        for piece in pieces:
            if piece:
                yield b"%x\r\n%b\r\n" % (len(piece), piece)
        yield b"0\r\n\r\n"


def read_head(stream: BufferedReader) -> Head | None:
    """Read the head of a message; None if the peer has closed the connection instead."""
    lines: list[str] = []
    size = 0
    while line := stream.readline(LONGEST_HEAD):
        text = line.decode("latin-1").rstrip("\r\n")
        if not text and lines:
            return _head(lines)
        if text:
            lines.append(text)
        size += len(line)
        if size > LONGEST_HEAD:
            raise MessageError("a head without end")
    if lines:
        raise MessageError("the connection ended within a head")
    return None


def _head(lines: list[str]) -> Head:
    words = lines[0].split(" ")
    if len(words) < 2 or not lines[0].isprintable():
        raise MessageError("not HTTP")
    return Head(lines[0], tuple(lines[1:]))


def request_framing(head: Head) -> Framing:
    """Return how the body of a request is framed."""
    if head.field("transfer-encoding").lower().endswith("chunked"):
        return Framing(None, chunked=True)
    return Framing(int(head.field("content-length") or 0))


def response_framing(head: Head, method: str) -> Framing:
    """Return how the body of a response to a method is framed."""
    if method == "HEAD" or head.status in {204, 304}:
        return Framing(0)
    if head.field("transfer-encoding").lower().endswith("chunked"):
        return Framing(None, chunked=True)
    length = head.field("content-length")
    return Framing(int(length) if length else None)


def _plain(stream: BufferedReader, length: int | None) -> Iterator[bytes]:
    missing = length
    while missing is None or missing > 0:
        piece = stream.read1(PIECE if missing is None else min(PIECE, missing))
        if not piece:
            break
        if missing is not None:
            missing -= len(piece)
        yield piece
    if missing:
        raise MessageError(f"the connection ended {missing} bytes before the body did")


def _chunks(stream: BufferedReader) -> Iterator[bytes]:
    while line := stream.readline(LONGEST_HEAD):
        size = int(line.partition(b";")[0], 16)
        if not size:
            while stream.readline(LONGEST_HEAD).strip():
                pass  # trailers
            return
        yield from _plain(stream, size)
        stream.readline(LONGEST_HEAD)
    raise MessageError("the connection ended between the chunks of a body")
