"""Bodies made shorter, slower or wrong on their way through the proxy."""

import threading
from collections.abc import Iterator

from tests.testbed.faults import Fault, Flip, Slow, Truncate
from tests.testbed.http1 import Framing, Head

BEATS = 20


class CutError(Exception):
    """The connections end here."""


def body(
    fault: Fault | None, head: Head, framing: Framing, pieces: Iterator[bytes], end: threading.Event
) -> tuple[Head, Framing, Iterator[bytes]]:
    """Return what a fault makes of a message; the waits of a slow one stop with the event."""
    match fault:
        case Slow(bytes_per_second=rate):
            pieces = _slowly(pieces, rate, end)
        case Flip():
            pieces = _flipped(pieces, fault.position(framing.length))
        case Truncate(quietly=False):
            pieces = _cut(pieces, fault.kept(framing.length))
        case Truncate(quietly=True):
            kept = fault.kept(framing.length)
            pieces = _shortened(pieces, kept)
            if framing.length is not None:
                kept = min(kept, framing.length)
                head, framing = head.with_length(kept), Framing(kept)
        case _:
            pass
    return head, framing, pieces


def _slowly(pieces: Iterator[bytes], rate: int, end: threading.Event) -> Iterator[bytes]:
    step = max(1, rate // BEATS)
    for piece in pieces:
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            end.wait(len(part) / rate)
            yield part


def _flipped(pieces: Iterator[bytes], position: int) -> Iterator[bytes]:
    passed = 0
    for piece in pieces:
        at = position - passed
        if 0 <= at < len(piece):
            yield piece[:at] + bytes([piece[at] ^ 0xFF]) + piece[at + 1 :]
        else:
            yield piece
        passed += len(piece)


def _shortened(pieces: Iterator[bytes], kept: int) -> Iterator[bytes]:
    """Yield the first bytes, and read the others."""
    for piece in pieces:
        yield piece[:kept]
        kept -= len(piece[:kept])


def _cut(pieces: Iterator[bytes], kept: int) -> Iterator[bytes]:
    for piece in pieces:
        if len(piece) >= kept:
            yield piece[:kept]
            raise CutError
        yield piece
        kept -= len(piece)
