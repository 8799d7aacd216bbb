"""Whoever listens at the cable to the far site."""

import socket
import threading
from types import TracebackType

ALL_FRAMES = 0x0003


class Sniffer:
    """All that crosses an interface while it listens.

    Attributes:
        seen: the frames, one after the other.
    """

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**25)
        self._socket.bind((interface, 0))
        self._socket.settimeout(0.2)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._frames: list[bytes] = []

    @property
    def seen(self) -> bytes:
        """Return what was heard."""
        return b"".join(self._frames)

    def __enter__(self) -> "Sniffer":
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """End."""
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self._frames.append(self._socket.recv(2**16))
            except TimeoutError:
                continue
