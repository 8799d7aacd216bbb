"""The job options of BOSS (Gaudi's text): what kind of work they describe, and which files they name. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct, field

LARGEST: Final = 2**20
"""Bytes; no job options are larger."""

SIMULATION: Final = "bes-simulation"
RECONSTRUCTION: Final = "bes-reconstruction"
ANALYSIS: Final = "bes-analysis"

INPUT: Final = "input"
OUTPUT: Final = "output"
INCLUDED: Final = "included"
OTHER: Final = "other"
"""What a file is to a job; `other` is a text that may be no file at all."""

_TOKEN = re.compile(
    r"""
    (?P<blank> \s+ | //[^\n]* | /\*.*?\*/ )
    | (?P<directive> \#[^\n]* )
    | "(?P<text> (?:[^"\\\n]|\\.)* )"
    | (?P<sign> \+= | -= | = )
    | (?P<end> ; )
    | (?P<mark> [{}()\[\],:] )
    | (?P<word> (?:[^\s"\#;={}()\[\],:+/-] | [+-](?!=) | /(?![/*]) | ::)+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r'#\s*include\s*"([^"\n]+)"\s*(?://.*)?')
_PROPERTY = re.compile(r"[A-Za-z_][\w:]*(?:[./][\w:]+)*\.[A-Za-z_]\w*")
_DATA_FILE = re.compile(r"DATAFILE\s*=\s*'([^']+)'", re.IGNORECASE)
_GENERATOR = re.compile(r"(?i)kkmc|evtgen|bessim|g4svc|babayaga|generator|digi2root")
_INPUTS = ("digirootinputfile", "inputfiles")
_WRITTEN = "digirootoutputfile"
_HISTOGRAMS = "outputfile"
_BOSS = frozenset({
    "KKMC", "EvtDecay", "BesRndmGenSvc", "RealizationSvc", "RootCnvSvc", "EventCnvSvc", "RawDataInputSvc",
    "NTupleSvc", "WriteDst", "WriteRec",
})  # fmt: skip
"""Components that tell that a Gaudi text is BOSS's."""
_BOSS_INCLUDE = re.compile(r"\$\{?\(?[A-Z0-9_]+ROOT\b")


class NotJobOptions(Exception):
    """A text is none of BOSS's job options."""


class NamedFile(Struct, frozen=True, kw_only=True):
    """A file that job options name.

    Attributes:
        path: as it stands there.
        use: what it is to the job.
        start: where it begins in the text, in characters.
        optional: whether an output may never be made.
    """

    path: str
    use: str
    start: int
    optional: bool = False


class JobOptions(Struct, frozen=True, kw_only=True):
    """Job options, read.

    Attributes:
        text: all of them.
        encoding: how they are written.
        type: what kind of work they describe, as the policy's rules know it; empty for not known.
        files: the files that count, in the order of the text: what is assigned anew later does not.
    """

    text: str
    encoding: str
    type: str
    files: tuple[NamedFile, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The paths of the outputs."""
        return tuple(each.path for each in self.files if each.use == OUTPUT)

    def can_say(self, name: str) -> bool:
        """Whether a name can stand in the text for a file."""
        try:
            name.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError:
            return False
        return {'"', "'", "\\"}.isdisjoint(name)

    def rewritten(self, name_of: Callable[[NamedFile], str]) -> bytes:
        """The options with other names for their files; each byte of the rest stays."""
        parts, at = [], 0
        for each in self.files:
            parts += [self.text[at : each.start], name_of(each)]
            at = each.start + len(each.path)
        return "".join((*parts, self.text[at:])).encode(self.encoding, "surrogateescape")


class _Seen(Struct):
    """What was read so far: the files of each property, the included ones, and which properties were set."""

    files: dict[str, list[NamedFile]] = field(default_factory=dict)
    included: list[NamedFile] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def read_job_options(content: bytes) -> JobOptions:
    """Job options as BOSS would read them, less what the files that they include say.

    Raises:
        NotJobOptions: they are none, or too large.
    """
    if len(content) > LARGEST or b"\0" in content:
        raise NotJobOptions
    text, encoding = _decoded(content)
    seen = _Seen()
    statement: list[re.Match[str]] = []
    for token in _tokens(text):
        if token["directive"]:
            _direct(token, statement, seen)
        elif token["end"]:
            _assign(statement, seen)
            statement = []
        else:
            statement.append(token)
    # Gaudi's grammar is that of other experiments, too, and a text that only looks like it may be anything.
    if statement or not _is_boss(seen):
        raise NotJobOptions
    found = [*seen.included, *(each for files in seen.files.values() for each in files)]
    return JobOptions(
        text=text,
        encoding=encoding,
        type=_type(seen),
        files=tuple(sorted(found, key=lambda each: each.start)),
    )


def _decoded(content: bytes) -> tuple[str, str]:
    # Comments of twenty years ago are in any encoding; in latin-1 each byte is a letter, and comes back as it was.
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"


def _tokens(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise NotJobOptions
        at = token.end()
        if token["blank"] is None:
            yield token


def _direct(token: re.Match[str], statement: list[re.Match[str]], seen: _Seen) -> None:
    """A line that begins with `#`: other files are included so; #units, #ifdef and the like say nothing of files."""
    if statement:
        raise NotJobOptions
    if found := _INCLUDE.match(token["directive"]):
        seen.included.append(
            NamedFile(path=found[1], use=INCLUDED, start=token.start() + found.start(1))
        )


def _assign(statement: list[re.Match[str]], seen: _Seen) -> None:
    """`Component.Property = value`; with `+=` to what it was, `-=` takes away what nobody knows here."""
    if len(statement) < 3 or not statement[1]["sign"]:
        raise NotJobOptions
    name = statement[0]["word"] or ""
    if not _PROPERTY.fullmatch(name):
        raise NotJobOptions
    sign, value = statement[1]["sign"], statement[2:]
    if any(token["sign"] for token in value):
        raise NotJobOptions
    key = name.casefold()
    if sign == "=":  # the later value counts, as Gaudi has it
        seen.files.pop(key, None)
    if sign != "-=":
        texts = [token for token in value if token["text"] is not None]
        seen.files.setdefault(key, []).extend(each for text in texts for each in _files(key, text))
    seen.names.add(name)


def _files(key: str, token: re.Match[str]) -> Iterator[NamedFile]:
    text, start = token["text"], token.start("text")
    if "\\" in text or not text:  # nobody writes a path so, and what it means only Gaudi knows
        return
    if key == "ntuplesvc.output":
        for found in _DATA_FILE.finditer(text):
            yield NamedFile(path=found[1], use=OUTPUT, start=start + found.start(1))
        return
    last = _last(key)
    use = INPUT if last in _INPUTS else OUTPUT if last in (_WRITTEN, _HISTOGRAMS) else OTHER
    yield NamedFile(path=text, use=use, start=start, optional=last == _HISTOGRAMS)


def _is_boss(seen: _Seen) -> bool:
    return any(name.partition(".")[0] in _BOSS for name in seen.names) or any(
        _BOSS_INCLUDE.match(each.path) for each in seen.included
    )


def _type(seen: _Seen) -> str:
    # A reconstruction writes what it has read; what reads and writes no data of its own is an analysis.
    reads = any(files and _last(key) in _INPUTS for key, files in seen.files.items())
    writes = any(files and _last(key) == _WRITTEN for key, files in seen.files.items())
    if reads:
        return RECONSTRUCTION if writes else ANALYSIS
    made = any(_GENERATOR.search(each.path) for each in seen.included) or any(
        name.startswith(("KKMC.", "EvtDecay.", "RealizationSvc.")) for name in seen.names
    )
    return SIMULATION if writes and made else ""


def _last(key: str) -> str:
    return key.rpartition(".")[2]
