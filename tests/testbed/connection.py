"""One connection of a client to the proxy: its requests, one after the other."""

import contextlib
import hashlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from io import BufferedReader
from typing import TYPE_CHECKING, Literal

from tests.testbed import http1, spoil
from tests.testbed.faults import Answer, Fault, Hang, Late, Lose, Reset
from tests.testbed.http1 import Head, MessageError

if TYPE_CHECKING:
    from tests.testbed.proxy import FaultProxy

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CONNECT_TIMEOUT = 10
CONTINUE_TIMEOUT = 1
LINGER = 1
POLL = 0.05
RESET = struct.pack("ii", 1, 0)


class ResetError(Exception):
    """The connection of the client is to be reset."""


class Connection:
    """Passes requests on and answers back, and does what the rules of the proxy say."""

    def __init__(self, proxy: "FaultProxy", client: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.stream: BufferedReader = client.makefile("rb")

    def serve(self) -> None:
        """Serve requests until the connection ends."""
        try:
            while self._serve_one():
                pass
            self._linger()
        except spoil.CutError:
            self._linger()
        except ResetError:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except (OSError, MessageError, ValueError):
            pass  # one of the peers has gone, or speaks something else
        finally:
            self.stream.close()
            self.client.close()

    def _linger(self) -> None:
        """Let the client read what was sent to it, even if it is still sending itself."""
        end = time.monotonic() + LINGER
        with contextlib.suppress(OSError):
            self.client.shutdown(socket.SHUT_WR)
            self.client.settimeout(LINGER)
            while time.monotonic() < end and self.client.recv(http1.PIECE):
                pass

    def _serve_one(self) -> bool:
        """Serve a request and tell whether another may follow."""
        head = http1.read_head(self.stream)
        if head is None:
            return False
        number, fault = self.proxy.arrived(head)
        match fault:
            case Reset(after=False):
                raise ResetError
            case Hang():
                return self._hang()
            case Answer():
                return self._answer(number, head, fault)
            case Lose():
                return self._lose(number, head)
            case Late():
                return self._serve_late(number, head, fault)
            case _:
                return self._forward(number, head, fault)

    # ---- faults without the server ----------------------------------------------------------

    def _hang(self) -> Literal[False]:
        """Read and say nothing, until the client or the proxy ends."""
        while not self.proxy.closing.is_set():
            readable, _, _ = select.select([self.client], [], [], POLL)
            if readable and not self.client.recv(http1.PIECE):
                break
        return False

    def _answer(self, number: int, head: Head, answer: Answer) -> bool:
        keep = head.keeps_alive and not head.waits_for_continue
        if keep:
            self._read_body(head)
        fields = ["Content-Type: application/xml"] if answer.code else []
        fields += [f"Retry-After: {answer.retry_after}"] if answer.retry_after else []
        self._send(number, head, answer.status, answer.reason, fields, answer.body, keep=keep)
        return keep

    def _lose(self, number: int, head: Head) -> bool:
        if head.waits_for_continue:
            self.client.sendall(CONTINUE)
        fields = [f'ETag: "{self._read_body(head)}"']
        self._send(number, head, 200, "OK", fields, b"", keep=head.keeps_alive)
        return head.keeps_alive

    def _read_body(self, head: Head) -> str:
        """Read the body of a request and return its ETag."""
        digest = hashlib.md5(usedforsecurity=False)
        for piece in http1.request_framing(head).payload(self.stream):
            digest.update(piece)
        return digest.hexdigest()

    def _send(
        self,
        number: int,
        request: Head,
        status: int,
        reason: str,
        fields: list[str],
        body: bytes,
        *,
        keep: bool,
    ) -> None:
        if not keep:
            fields = [*fields, "Connection: close"]
        head = Head(f"HTTP/1.1 {status} {reason}", tuple(fields)).with_length(len(body))
        self.proxy.answered(number, status)
        self.client.sendall(head.encode() + (b"" if request.method == "HEAD" else body))

    # ---- with the server --------------------------------------------------------------------

    def _serve_late(self, number: int, head: Head, fault: Late) -> Literal[False]:
        """Take the request, wait, and let the server have it; the client may have gone."""
        if head.waits_for_continue:
            self.client.sendall(CONTINUE)
        framing = http1.request_framing(head)
        body = b"".join(framing.payload(self.stream))
        while not fault.now.wait(POLL):
            if self.proxy.closing.is_set():
                return False
        with socket.create_connection(self.proxy.upstream, CONNECT_TIMEOUT) as upstream:
            upstream.sendall(head.encode())
            _send_body(upstream, framing.encode(iter([body])))
            with upstream.makefile("rb") as stream:
                while (answer := http1.read_head(stream)) is not None and answer.is_interim:
                    pass
        if answer is not None:
            self.proxy.answered(number, answer.status)
            fault.stored.set()
        return False

    def _forward(self, number: int, head: Head, fault: Fault | None) -> bool:
        try:
            upstream = socket.create_connection(self.proxy.upstream, CONNECT_TIMEOUT)
        except OSError as error:
            self.proxy.failed(number)
            raise ResetError from error
        upstream.settimeout(None)
        with upstream, self.proxy.watched(upstream), upstream.makefile("rb") as stream:
            return self._exchange(number, head, fault, upstream, stream)

    def _exchange(
        self,
        number: int,
        head: Head,
        fault: Fault | None,
        upstream: socket.socket,
        stream: BufferedReader,
    ) -> bool:
        framing = http1.request_framing(head)
        is_upload = framing.chunked or bool(framing.length)
        body = framing.payload(self.stream)
        sent = head
        if is_upload:
            sent, framing, body = spoil.body(fault, head, framing, body, self.proxy.closing)
        upstream.sendall(sent.encode())
        answer = self._wait_for_continue(upstream, stream) if head.waits_for_continue else None
        complete = answer is None and _send_body(upstream, framing.encode(body))
        answer = answer or self._read_answer(stream)
        framing = http1.response_framing(answer, head.method)
        body = framing.payload(stream)
        if fault == Reset(after=True):
            for _ in body:
                pass
            raise ResetError
        if not is_upload:
            answer, framing, body = spoil.body(fault, answer, framing, body, self.proxy.closing)
        self.proxy.answered(number, answer.status)
        self.client.sendall(answer.encode())
        for piece in framing.encode(body):
            self.client.sendall(piece)
        return complete and head.keeps_alive and answer.keeps_alive and not framing.until_close

    def _wait_for_continue(self, upstream: socket.socket, stream: BufferedReader) -> Head | None:
        """Hand on "100 Continue"; return what the server says instead, if it refuses."""
        readable, _, _ = select.select([upstream], [], [], CONTINUE_TIMEOUT)
        if not readable:
            return None
        answer = http1.read_head(stream)
        if answer is None:
            raise ResetError
        if not answer.is_interim:
            return answer
        self.client.sendall(answer.encode())
        return None

    def _read_answer(self, stream: BufferedReader) -> Head:
        while True:
            answer = http1.read_head(stream)
            if answer is None:
                raise ResetError
            if not answer.is_interim:
                return answer
            self.client.sendall(answer.encode())


def _send_body(upstream: socket.socket, pieces: Iterator[bytes]) -> bool:
    """Send a body; tell whether the server took all of it: it may have refused meanwhile."""
    for piece in pieces:
        try:
            upstream.sendall(piece)
        except OSError:
            return False
    return True
