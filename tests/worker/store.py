"""A store on loopback for the wrapper: objects behind signed URLs, and faults when a test wants them."""

import contextlib
import hashlib
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

SIGNATURE = "hush4711"
"""In every signed URL, every form and every cookie: what nobody may find anywhere afterwards."""


@dataclass(frozen=True)
class Request:
    """What came, and what was answered."""

    method: str
    path: str
    status: int
    start: int = 0


ENCRYPTED = "00112233445566778899aabbccddeeff"
"""The ETag of objects that the store encrypts by a key of its own."""


class Store:
    """Objects by path; those in `encrypted` have an ETag that looks like an MD5 and is none.

    Faults are taken one by one, by method and path: a status to answer with, or
    `reset`, `truncate` (half the body), `corrupt` (one bit), `slow` (a second for the body), `error`
    (200 with an error inside), `wrong` (another ETag), `silent` (no answer), `endless` (chunks),
    `late` (404 after 2.5 s),
    or a status and the code of the error (`403 QuotaExceeded`).
    While `is_away` says so, every answer is 503."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.headers: list[dict[str, str]] = []
        self.encrypted: set[str] = set()
        self.forms: list[dict[str, str]] = []
        self.faults: defaultdict[tuple[str, str], deque[int | str]] = defaultdict(deque)
        self.signatures = {SIGNATURE}
        self.ranges = True
        self.is_away: Callable[[], bool] = lambda: False
        self.arrived = threading.Event()
        self.closing = threading.Event()
        self._server = _Server(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def url(self, path: str, signature: str = SIGNATURE) -> str:
        """A signed URL; the path is percent-encoded already."""
        return f"{self.host}{path}?X-Amz-Expires=60&X-Amz-Signature={signature}"

    def put(self, path: str, body: bytes) -> str:
        """Store an object and return its signed URL."""
        self.objects[path] = body
        return self.url(path)

    def fault(self, method: str, path: str, *faults: int | str) -> None:
        """Let these happen to the next requests."""
        self.faults[method, path].extend(faults)

    def count(self, method: str, path: str) -> int:
        """How often something was asked for."""
        return len(self.order(method, path))

    def order(self, method: str = "", path: str = "") -> list[str]:
        """The paths of the requests, in order."""
        return [
            each.path
            for each in self.requests
            if method in {"", each.method} and path in {"", each.path}
        ]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Store) -> None:
        self.store = store
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: broken connections are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name)
        """Say nothing."""

    def _begin(self) -> tuple[str, int | str]:
        store = self.server.store
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        store.headers.append(dict(self.headers))
        faults = store.faults[self.command, path]
        fault = faults.popleft() if faults else ""
        if store.is_away():
            fault = 503
        signature = parse_qs(parts.query).get("X-Amz-Signature", [""])[0]
        if self.command != "POST" and not fault and signature not in store.signatures:
            fault = 403
        store.arrived.set()
        return path, fault

    def _answer(self, path: str, status: int, body: bytes = b"", **headers: str) -> None:
        start = int(headers.pop("start", "0"))
        self.server.store.requests.append(Request(self.command, path, status, start))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refused(self, path: str, fault: int | str) -> bool:
        if isinstance(fault, int):
            self.close_connection = True
            extra = {"Retry_After": "1"} if fault == 429 else {}
            self._answer(path, fault, b"<Error><Code>SlowDown</Code></Error>", **extra)
            return True
        if fault[:3].isdigit():
            status, code = fault.split()
            self.close_connection = True
            self._answer(path, int(status), f"<Error>\n<Code>{code}</Code></Error>".encode())
            return True
        if fault == "late":
            time.sleep(2.5)
            self._answer(path, 404)
            return True
        if fault in {"reset", "silent", "endless"}:
            self.server.store.requests.append(Request(self.command, path, 0))
            self.close_connection = True
            if fault == "silent":
                self.server.store.closing.wait()
            elif fault == "endless":
                self._send_for_ever()
            return True
        return False

    def _send_for_ever(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        with contextlib.suppress(OSError):
            while not self.server.store.closing.is_set():
                self.wfile.write(chunk)

    def do_GET(self) -> None:
        """Send an object, or the rest of it."""
        store = self.server.store
        path, fault = self._begin()
        if self._refused(path, fault):
            return
        if path not in store.objects:
            self._answer(path, 404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        body = store.objects[path]
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        encryption = {}
        if path in store.encrypted:
            etag = f'"{ENCRYPTED}"'
            encryption["x_amz_server_side_encryption"] = "aws:kms"
        if self.headers.get("If-None-Match") == etag:
            self._answer(path, 304, ETag=etag)
            return
        if fault == "corrupt":
            body = bytes([body[0] ^ 1]) + body[1:]
        status, start = 200, 0
        headers = {"ETag": etag, **encryption}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and store.ranges and self.headers.get("If-Range", etag) == etag:
            start = int(wanted[1])
            if start >= len(body):
                self._answer(path, 416)
                return
            status = 206
            headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        part = body[start:]
        headers["Content_Length"] = str(len(part))
        if fault == "truncate":
            self.close_connection = True
            part = part[: len(part) // 2]
        if fault == "slow":
            half = len(part) // 2
            self._answer(path, status, part[:half], start=str(start), **headers)
            time.sleep(1)
            self.wfile.write(part[half:])
            return
        self._answer(path, status, part, start=str(start), **headers)

    def do_PUT(self) -> None:
        """Store an object."""
        path, fault = self._begin()
        if fault == "slow":
            time.sleep(1)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._refused(path, fault):
            return
        if fault == "error":
            self._answer(path, 200, b"<Error><Code>InternalError</Code></Error>")
            return
        self.server.store.objects[path] = body
        etag = "0" * 32 if fault == "wrong" else hashlib.md5(body).hexdigest()
        self._answer(path, 200, ETag=f'"{etag}"')

    def do_DELETE(self) -> None:
        """Remove an object; as S3 does, whether it was there or not."""
        path, fault = self._begin()
        if not self._refused(path, fault):
            self.server.store.objects.pop(path, None)
            self._answer(path, 204)

    def do_POST(self) -> None:
        """Store an object that came with a form, as S3 does: fields first, the file last."""
        store = self.server.store
        path, fault = self._begin()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._refused(path, fault):
            return
        boundary = self.headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        fields: dict[str, bytes] = {}
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            found = re.search(rb'name="([^"]*)"', head)
            assert found
            fields[found[1].decode()] = content[:-2]
        form = {name: value.decode() for name, value in fields.items() if name != "file"}
        store.forms.append(form)
        if form.get("x-amz-signature") not in store.signatures:
            self._answer(path, 403)
            return
        assert list(fields)[-1] == "file"
        key = f"{path}/{form['key']}"
        store.objects[key] = fields["file"]
        self._answer(key, 204, ETag=f'"{hashlib.md5(fields["file"]).hexdigest()}"')
