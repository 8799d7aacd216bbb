"""In which line of a TOML file a key stands (tomllib does not tell)."""

from __future__ import annotations

import re
import tomllib

_HEADER = re.compile(r"\s*\[\[?(?P<key>[^\[\]]+)\]\]?\s*(#.*)?")
_KEY = re.compile(
    r"""\s*(?P<key>(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


def key_lines(text: str) -> dict[str, int]:
    """The line, from 1, of every table header and key of a valid TOML text, by dotted name."""
    lines: dict[str, int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            table = _path(header["key"])
            _note(lines, table, number)
        elif key := _KEY.match(line):
            _note(lines, (*table, *_path(key["key"])), number)
    return lines


def _note(lines: dict[str, int], path: tuple[str, ...], number: int) -> None:
    """Note the line of a name, and of the tables around it where it is the first of them."""
    for length in range(1, len(path) + 1):
        lines.setdefault(".".join(path[:length]), number)


def line_of(text: str, name: str) -> int:
    """The line of a dotted name in a valid TOML text, or of the nearest table around it (an inline one); 0 for none."""
    lines = key_lines(text)
    while name not in lines and "." in name:
        name = name.rpartition(".")[0]
    return lines.get(name, 0)


def _path(key: str) -> tuple[str, ...]:
    """The parts of a dotted key, unquoted by TOML's own rules."""
    if re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", key):
        return tuple(key.split("."))
    try:
        node: object = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:  # a line of a multi-line string that looks like a header
        return (key,)
    parts = []
    while isinstance(node, dict):
        name = next(iter(node))
        parts.append(name)
        node = node[name]
    return tuple(parts)
