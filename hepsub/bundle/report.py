"""What the wrapper says of a job: `report.json`, brought back or as the marker object (worker/README.md).

A job can write what it likes there. So a report decides states only: names, places and sizes of a
submission's outputs are its request's.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal, TypeAlias
from urllib.parse import unquote

import msgspec

from hepsub.bundle.bundle import Bundle
from hepsub.bundle.returned import content_at
from hepsub.documents import Malformed, read_json
from hepsub.plan.objects import ObjectInfo
from hepsub.terminal import printable
from hepsub.tree import Tree

REPORT = "report.json"
LARGEST = 16 * 2**20
"""No report is larger, in bytes."""
RETURNED, UPLOADED = "home", "uploaded"
_SAVED_AT_HOME, _OVER_TIME = 85, 86
"""The wrapper's own codes."""
_SHOWN = 2000

_Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=4096)]
_Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=2**17)]
_Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
_Size: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_Byte: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=255)]
_DIGEST = re.compile(r"([0-9a-f]{32})?")
_TIME = re.compile(r"-?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """How the program ended: its exit code or what signal ended it, and after how many seconds."""

    exit_code: _Byte | None = None
    signal: _Byte | None = None
    seconds: _Number = 0


class ReportedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output: its state; size, MD5, URL without signature (or path), and the store's ETag, as far as known."""

    name: _Name
    state: Literal["uploaded", "moved", "home", "missing", "lost"]
    size: _Size | None = None
    md5: _Text | None = None
    url: _Text | None = None
    etag: _Text | None = None

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.md5 or ""):
            raise ValueError("its md5 is none")

    def is_what(self, fact: ObjectInfo) -> bool:
        """Whether an object is this output, as far as size, ETag and MD5 tell."""
        if self.size is not None and fact.size != self.size:
            return False
        if self.etag and self.etag == fact.etag:
            return True
        # Another ETag proves nothing: the same file, uploaded again in other parts, has another one.
        return not (self.md5 and fact.md5) or self.md5 == fact.md5


class Report(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a wrapper reported; the fields are those of worker/README.md."""

    version: Literal[1] = 1
    job: _Text = ""
    run: _Size | None = None
    host: _Text = ""
    started: _Text = ""
    ended: _Text = ""
    payload: Payload | None = None
    code: _Byte
    message: Annotated[str, msgspec.Meta(max_length=LARGEST)] = ""
    # Of these nothing is read, and the marker holds them as they are.
    inputs: msgspec.Raw = msgspec.Raw(b"[]")
    credentials: msgspec.Raw = msgspec.Raw(b"[]")
    outputs: Annotated[tuple[ReportedOutput, ...], msgspec.Meta(max_length=LARGEST // 30)] = ()
    chirp: bool = False

    def __post_init__(self) -> None:
        if not (_TIME.fullmatch(self.started) and _TIME.fullmatch(self.ended)):
            raise ValueError("it does not say when it began and ended")

    @property
    def complaint(self) -> str:
        """The message, as it may be shown."""
        return printable(self.message[:_SHOWN])

    @property
    def exit_code(self) -> int | None:
        """The program's exit code; None when it has none."""
        return self.payload.exit_code if self.payload is not None else None

    @property
    def has_succeeded(self) -> bool:
        """Whether the program ended with 0."""
        return self.exit_code == 0 and self.payload is not None and self.payload.signal is None

    @property
    def is_complete(self) -> bool:
        """Whether the run left nothing to be done."""
        return self.has_succeeded and self.code == 0

    @property
    def owes_marker(self) -> bool:
        """Whether nothing but returned outputs keeps the run from being complete."""
        return self.has_succeeded and self.code == _SAVED_AT_HOME

    @property
    def started_at(self) -> float:
        """When the run began, in seconds since the epoch; 0 for not known."""
        return _moment(self.started)

    @property
    def ended_at(self) -> float:
        """When the run ended, in seconds since the epoch; 0 for not known."""
        return _moment(self.ended)

    @property
    def job_exit_code(self) -> int:
        """The exit code with which the job ended, if no signal ended it (worker/README.md, "Exit codes")."""
        # A payload that its walltime ended may have ended with whatever code it gives itself at SIGTERM.
        return self.code if self.code == _OVER_TIME else (self.exit_code or self.code)

    def end_text(self) -> str:
        """How the program ended, in words."""
        if self.payload is None:
            return "the program was never started"
        if self.payload.signal is not None:
            return f"signal {self.payload.signal} ended the program"
        return f"the program ended with exit code {self.payload.exit_code}"

    def is_overtaken_by(self, other: Report) -> bool:
        """Whether another report is of a later run of the job; or of another one, and nobody knows which is later."""
        if self.run is not None and other.run is not None:
            return other.run > self.run
        # Clocks of two worker nodes do not tell which began later.
        return (self.host, self.started) != (other.host, other.started)

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[ReportedOutput]]:
        found: defaultdict[str, list[ReportedOutput]] = defaultdict(list)
        for each in self.outputs:
            found[each.name].append(each)
        return dict(found)

    def outputs_named(self, name: str) -> Sequence[ReportedOutput]:
        """What it says of an output; an output with two destinations is there twice."""
        return self._by_name.get(as_reported(name), ())

    def output_named(self, name: str) -> ReportedOutput | None:
        """What it says of an output last; None for nothing."""
        return next(reversed(self.outputs_named(name)), None)

    def was_returned(self, name: str, size: int | None = None) -> bool:
        """Whether the run brought back the file of this name, or the directory that it is in.

        Args:
            name: the file's.
            size: its size, for a file that a broken transfer may have left from another run; None for any.
        """
        said = self.output_named(name)
        if size is not None and said is not None and said.size not in (None, size):
            return False
        parts = name.split("/")
        return any(
            each.state == RETURNED
            for number in range(1, len(parts) + 1)
            for each in self.outputs_named("/".join(parts[:number]))
        )

    def by_url(self) -> dict[str, str]:
        """The names of outputs by their URLs, unquoted; and by their paths, which are not quoted."""
        return {
            unquote(each.url) if "://" in each.url else each.url: each.name
            for each in self.outputs
            if each.url
        }

    def marker_text(self, etags: Mapping[str, str]) -> bytes:
        """The report as the marker holds it, when all returned outputs are in their place.

        Args:
            etags: the ETags of objects by their URLs without signature.
        """
        outputs = tuple(
            msgspec.structs.replace(each, state=UPLOADED, etag=etags[each.url] or None)
            if each.state == RETURNED and each.url is not None and each.url in etags
            else each
            for each in self.outputs
        )
        marker = msgspec.structs.replace(self, code=0, message="", outputs=outputs)
        return msgspec.json.format(msgspec.json.encode(marker), indent=1) + b"\n"


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def as_reported(name: str) -> str:
    """A name as a report has it: bytes that are not UTF-8 do not survive JSON."""
    return _NOT_UTF8.sub("\ufffd", name)


def read_report(content: bytes) -> Report:
    """The report in a document.

    Raises:
        Malformed: it is none.
    """
    return read_json(content, Report, most=LARGEST)


def report_of(bundle: Bundle | None, proc: int) -> Report | None:
    """The report that a job of a bundle brought back; None where there is none that can be read."""
    with contextlib.suppress(OSError, Malformed):
        if bundle is not None:
            with bundle.open_returned(proc) as tree:
                return report_at(tree) if tree is not None else None
    return None


def report_at(tree: Tree) -> Report | None:
    """The report in what a job brought back; None where there is none.

    Raises:
        Malformed: it cannot be used.
    """
    content = content_at(tree, REPORT, LARGEST)
    return read_report(content) if content is not None else None
