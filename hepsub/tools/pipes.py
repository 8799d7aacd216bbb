"""What a program writes to stdout and stderr, read side by side: one that is full stops nobody."""

from __future__ import annotations

import os
import selectors
import time
from typing import IO

_PIECE = 2**16


class TooMuch(Exception):
    """A program writes more than anybody wants to read."""


def read_pipes(out: IO[bytes], err: IO[bytes], *, most: int, seconds: float) -> tuple[str, str]:
    """Read both to their ends; what is no UTF-8 is replaced, and lines end as they do here.

    `most` is the number of bytes that are read in all.

    Raises:
        TooMuch: there is more.
        TimeoutError: it takes longer.
    """
    parts: dict[int, list[bytes]] = {out.fileno(): [], err.fileno(): []}
    left, deadline = most, time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for descriptor in parts:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            if (rest := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            for key, _ in selector.select(rest):
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    selector.unregister(key.fd)
                parts[key.fd].append(piece)
                left -= len(piece)
            if left < 0:
                raise TooMuch
    return _text(parts[out.fileno()]), _text(parts[err.fileno()])


def _text(parts: list[bytes]) -> str:
    text = b"".join(parts).decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")
