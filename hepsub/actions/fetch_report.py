"""What the wrapper says of a job: `report.json`, at home or as the marker object (worker/README.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from hepsub.terminal import printable

LARGEST = 16 * 2**20
"""No report is larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """An output in a report.

    Attributes:
        state: `uploaded`, `moved`, `home`, `missing` or `lost`.
        md5: its MD5; empty for not known.
        url: its URL without signature; empty for none.
        etag: what the store answered to its upload; empty for not known.
        size: its size in bytes; None for not known.
    """

    state: str
    md5: str = ""
    url: str = ""
    etag: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a wrapper reported.

    Attributes:
        code: the wrapper's own complaint; 0 for none.
        message: the complaint in words.
        exit_code: the program's; None when it has none.
        signal: what ended the program; None for none.
        ran: whether the program ran at all.
        outputs: the outputs by name.
        ended: when, as it is written there (UTC, ISO 8601).
        md5: the MD5 of the report itself.
        started: when its run began, in the same way.
        host: where it ran.
        run: how often the job was started, this run included; None for not known.
    """

    code: int
    message: str
    exit_code: int | None
    signal: int | None
    ran: bool
    outputs: Mapping[str, Reported]
    ended: str
    md5: str
    started: str = ""
    host: str = ""
    run: int | None = None

    def is_overtaken_by(self, other: Report) -> bool:
        """Whether another report is of a later run of the job; or of another one, and nobody knows which is later."""
        if self.run is not None and other.run is not None:
            return other.run > self.run
        return self.md5 != other.md5 and (self.host, self.started) != (other.host, other.started)

    def end_text(self) -> str:
        """How the program ended, in words."""
        if not self.ran:
            return "the program was never started"
        if self.signal is not None:
            return f"signal {self.signal} ended the program"
        return f"the program ended with exit code {self.exit_code}"

    def came_home(self, name: str) -> bool:
        """Whether the run brought home the file of this name, or the directory that it is in."""
        if not name.isprintable():
            return True  # JSON does not carry every name
        return any(
            each.state == "home" and (name == own or name.startswith(f"{own}/"))
            for own, each in self.outputs.items()
        )

    def by_url(self) -> dict[str, str]:
        """The names of outputs by their URLs, unquoted."""
        return {unquote(each.url): name for name, each in self.outputs.items() if each.url}


def read_report(content: bytes) -> Report | None:
    """A report; None for what is none: it was written far away, and came over a network."""
    try:
        document = json.loads(content)
        payload: Mapping[str, Any] | None = document.get("payload")
        return Report(
            code=int(document.get("code") or 0),
            message=plain(str(document.get("message") or "")),
            exit_code=_number(payload, "exit_code"),
            signal=_number(payload, "signal"),
            ran=payload is not None,
            outputs={str(each["name"]): _reported(each) for each in document.get("outputs", ())},
            ended=plain(str(document.get("ended") or "")),
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            started=plain(str(document.get("started") or "")),
            host=plain(str(document.get("host") or "")),
            run=_number(document, "run"),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _number(payload: Mapping[str, Any] | None, name: str) -> int | None:
    value = (payload or {}).get(name)
    return int(value) if value is not None else None


def _reported(document: Mapping[str, Any]) -> Reported:
    return Reported(
        state=str(document.get("state") or ""),
        md5=str(document.get("md5") or "").lower(),
        url=str(document.get("url") or ""),
        etag=str(document.get("etag") or "").strip('"'),
        size=_number(document, "size"),
    )


def plain(text: str) -> str:
    """A text that a terminal shows as it is (hepsub/terminal.py)."""
    return printable(text)
