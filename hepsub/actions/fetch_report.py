"""What the wrapper says of a job: `report.json`, at home or as the marker object (worker/README.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

LARGEST = 16 * 2**20
"""No report is larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """An output in a report: its state there, its MD5 (empty: not known), its URL without signature."""

    state: str
    md5: str = ""
    url: str = ""


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
    """When its run began, in the same way: two reports of one run have it in common."""

    def end_text(self) -> str:
        """How the program ended, in words."""
        if not self.ran:
            return "the program was never started"
        if self.signal is not None:
            return f"signal {self.signal} ended the program"
        return f"the program ended with exit code {self.exit_code}"

    @property
    def has_failed(self) -> bool:
        """Whether the program, or the wrapper, complains."""
        return self.code != 0 or not self.ran or self.signal is not None or self.exit_code != 0

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
    )


def plain(text: str) -> str:
    """A text that a terminal shows as it is: control characters are question marks."""
    return "".join(character if character.isprintable() else "?" for character in text)
