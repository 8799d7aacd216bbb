r"""Text as roff source for man(7).

A bare hyphen, quote, caret, tilde or grave accent is a typographic character to troff: what is copied
from such a page does not run. All of them are escaped, so each stands in the page as the ASCII
character it is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

_WIDTH = 78
_ESCAPES = str.maketrans({
    "\\": r"\(rs", "-": r"\-", "'": r"\(aq", '"': r"\(dq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti",
    "…": "...",
})  # fmt: skip
_MARKED = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|(?<![^\s(/])(?P<option>--?[A-Za-z][A-Za-z-]*)"
    r"|(?<![\w/.])(?P<command>hep_[a-z]+)"
)


def escape(text: str) -> str:
    """The text as roff shows it unchanged."""
    return "".join(
        each if each.isascii() else rf"\[u{ord(each):04X}]" for each in text.translate(_ESCAPES)
    )


def bold(text: str) -> str:
    """The text in bold: what is typed as it stands."""
    return rf"\fB{escape(text)}\fR"


def italic(text: str) -> str:
    """The text in italics: what stands for something else."""
    return rf"\fI{escape(text)}\fR"


def prose(text: str) -> str:
    """A text with its commands, its options and what stands between grave accents in bold."""
    parts, end = [], 0
    for found in _MARKED.finditer(text):
        parts += [escape(text[end : found.start()]), bold(found[found.lastgroup or 0])]
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def lines(source: str) -> list[str]:
    """Roff source in short lines, none of which troff takes for a request."""
    wrapped = textwrap.wrap(source, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_protected(line) for line in wrapped]


def title(name: str, section: int, version: str) -> list[str]:
    """The head of a page; it has no date, and words are not hyphenated."""
    head = f'.TH {escape(name).upper()} {section} "" "hepsub {version}" "hepsub"'
    return [
        r".\" Made by python -m hepsub.cli.generate: do not edit.",
        head,
        ".nr HY 0",  # each heading of man(7) would begin to hyphenate again
        ".nh",
        ".ad l",
        ".ss 12 0",
    ]


def section(name: str, body: Iterable[str]) -> list[str]:
    """A section of a page."""
    return [f".SH {name}", *body]


def subsection(name: str, body: Iterable[str]) -> list[str]:
    """A subsection of a page."""
    return [f'.SS "{escape(name)}"', *body]


def paragraphs(texts: Iterable[str]) -> list[str]:
    """Paragraphs of prose, the first one right behind a heading."""
    made: list[str] = []
    for text in texts:
        made += [".PP"] if made else []
        made += lines(prose(text))
    return made


def item(tag: str, source: str) -> list[str]:
    """An entry of a list: its tag, and its text below, both roff source."""
    return [".TP", _protected(tag), *lines(source)]


def forms(sources: Iterable[str]) -> list[str]:
    """Lines that stand one below the other."""
    made: list[str] = []
    for source in sources:
        made += [".br"] if made else []
        made += lines(source)
    return made


def verbatim(text: str) -> list[str]:
    """A text as it stands, line by line, indented."""
    kept = [_protected(escape(line)) for line in text.rstrip("\n").split("\n")]
    return [".RS 4", ".EX", *kept, ".EE", ".RE"]


def page(parts: Iterable[list[str]]) -> str:
    """A page from its parts."""
    return "\n".join(line for part in parts for line in part) + "\n"


def _protected(line: str) -> str:
    return rf"\&{line}" if line.startswith((".", "'")) else line
