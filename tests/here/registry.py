"""A registry of container images with one image of one layer, whatever its name."""

from __future__ import annotations

import hashlib
import json
import platform
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_OCI = "application/vnd.oci.image"
_MANIFEST = f"{_OCI}.manifest.v1+json"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The names of these in the OCI Image Format Specification."""


@contextmanager
def serve(layer: bytes) -> Iterator[str]:
    """Serve the image of a layer, a tar archive; gives host and port, without TLS."""
    handler = partial(_Registry, _contents(layer))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _contents(layer: bytes) -> dict[str, bytes]:
    """What the registry holds, by the last part of its path."""
    tar = _descriptor("layer.v1.tar", layer)
    config = json.dumps(
        {
            "architecture": _MACHINES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [tar["digest"]]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor("config.v1+json", config),
            "layers": [tar],
        }
    ).encode()
    named = {_digest(each): each for each in (layer, config, manifest)}
    return named | {"latest": manifest, "": b"{}"}


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class _Registry(BaseHTTPRequestHandler):
    """GET and HEAD of the OCI Distribution Specification."""

    def __init__(self, contents: Mapping[str, bytes], *words: Any) -> None:
        self.contents = contents
        super().__init__(*words)

    def do_GET(self) -> None:
        content = self.contents.get(self.path.rpartition("/")[2])
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", _MANIFEST if "/manifests/" in self.path else "text/plain")
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *words: object) -> None:
        """Say nothing: who asked for what is of no interest."""
