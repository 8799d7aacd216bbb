"""What a job's report says of the files that came home beside it, and of those in stores.

HTCondor adds what a later run of a job brings home to what an earlier run left there: only the report,
which each run replaces, tells which of the files are of one run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hepsub.plan.staging import ObjectFact
from hepsub.storage.page import is_md5

REPORT = "report.json"
LARGEST = 16 * 2**20
"""No report is larger, in bytes."""
AT_HOME, UPLOADED = "home", "uploaded"
_SAVED_AT_HOME = 85


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An output in a report.

    Attributes:
        name: its name.
        state: `uploaded`, `moved`, `home`, `missing` or `lost`.
        size: its size in bytes; None for not known.
        md5: its MD5, in hex; empty for not known.
        url: its URL without signature, or its path; empty for none.
        etag: what the store answered to the upload; empty for not known.
    """

    name: str
    state: str
    size: int | None
    md5: str
    url: str
    etag: str

    def is_what(self, fact: ObjectFact) -> bool:
        """Whether an object is this output, as far as size, ETag and MD5 tell."""
        if self.size is not None and fact.size != self.size:
            return False
        if self.etag and self.etag == fact.etag:
            return True
        return not (is_md5(self.md5) and fact.md5) or self.md5 == fact.md5


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeReport:
    """The report of the last run that brought anything home.

    Attributes:
        outputs: its outputs.
        started: when the run began, in seconds since the epoch; 0 for not known.
        has_succeeded: whether the program ended with 0.
        code: the wrapper's own complaint; 0 for none.
        document: all of it.
    """

    outputs: tuple[Said, ...]
    started: float
    has_succeeded: bool
    code: int
    document: Mapping[str, Any]

    @property
    def is_complete(self) -> bool:
        """Whether the run left nothing to be done."""
        return self.has_succeeded and self.code == 0

    @property
    def owes_marker(self) -> bool:
        """Whether nothing but outputs that came home keeps the run from being complete."""
        return self.has_succeeded and self.code == _SAVED_AT_HOME

    def came_home(self, name: str, destination: str | None = None, md5: str = "") -> bool:
        """Whether the run brought home what has this name, or a directory that holds it."""
        return any(
            each.state == AT_HOME
            and _is_below(_ascii(name), _ascii(each.name))
            and (destination is None or _ascii(each.url) == _ascii(destination))
            and (not is_md5(md5) or each.md5 == md5)
            for each in self.outputs
        )

    def marker_text(self, etags: Mapping[str, str]) -> str:
        """The report as the marker holds it, when all outputs that came home are in their place.

        Args:
            etags: the ETags of objects by their URLs without signature.
        """
        document = {**self.document, "code": 0, "message": ""}
        document["outputs"] = [
            {**each, "state": UPLOADED, "etag": etags[each["url"]] or None}
            if each.get("state") == AT_HOME and each.get("url") in etags
            else each
            for each in self.document["outputs"]
        ]
        return json.dumps(document, indent=1) + "\n"


def report_at(home: Path) -> HomeReport | None:
    """The report in a job's home directory; None for none that can be read."""
    try:
        with (home / REPORT).open("rb") as file:
            document = json.loads(file.read(LARGEST))
        payload = document["payload"] or {}
        return HomeReport(
            outputs=tuple(_said(document["outputs"])),
            started=_time(str(document.get("started") or "")),
            has_succeeded=payload.get("exit_code") == 0,
            code=int(document["code"]),
            document=document,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _said(outputs: list[Mapping[str, Any]]) -> Iterator[Said]:
    for each in outputs:
        yield Said(
            name=str(each["name"]),
            state=str(each["state"]),
            size=int(each["size"]) if each.get("size") is not None else None,
            md5=str(each.get("md5") or "").lower(),
            url=str(each.get("url") or ""),
            etag=str(each.get("etag") or ""),
        )


def _time(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 time; 0 for none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _is_below(name: str, directory: str) -> bool:
    return name == directory or name.startswith(f"{directory}/")


def _ascii(text: str) -> str:
    """The part of a name that survives JSON: bytes that are not UTF-8 do not."""
    return "".join(character for character in text if character.isascii())
