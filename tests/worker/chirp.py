"""A stand-in for HTCondor's I/O proxy: the few words of chirp that the wrapper speaks."""

import re
import socketserver
import threading
from types import TracebackType
from typing import Self

from tests.worker.store import SIGNATURE

COOKIE = f"cookie-{SIGNATURE}"


class Chirp:
    """Serves files of the submit side by path; `silent` takes the connection and never answers."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.files: dict[str, str | bytes] = {}
        self.lines: list[str] = []
        self.attributes: list[tuple[str, str]] = []
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
    def config(self) -> str:
        """What HTCondor writes into .chirp.config."""
        return f"127.0.0.1 {self._server.server_address[1]} {COOKIE}\n"

    def phases(self) -> list[str]:
        """What the job's ad was told."""
        return [value.strip('"') for name, value in self.attributes if name == "ChirpHepSub_Phase"]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, chirp: Chirp) -> None:
        self.chirp = chirp
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer one connection."""
        chirp = self.server.chirp
        trusted = False
        if chirp.silent:
            chirp.closing.wait()
            return
        for raw in self.rfile:
            line = raw.decode().rstrip("\n")
            chirp.lines.append(line)
            word, *rest = [
                re.sub(r"\\(.)", r"\1", each) for each in re.findall(r"(?:\\.|\S)+", line)
            ]
            if word == "cookie":
                trusted = rest == [COOKIE]
                self._say(0 if trusted else -1)
            elif not trusted:
                self._say(-2)
            elif word == "getfile":
                self._send(chirp.files.get(rest[0]))
            elif word == "set_job_attr_delayed":
                chirp.attributes.append((rest[0], rest[1]))
                self._say(0)
            else:
                self._say(-8)

    def _say(self, number: int) -> None:
        self.wfile.write(f"{number}\n".encode())

    def _send(self, text: str | bytes | None) -> None:
        if text is None:
            self._say(-3)
            return
        body = text.encode() if isinstance(text, str) else text
        self._say(len(body))
        self.wfile.write(body)
