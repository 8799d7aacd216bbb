"""Make wrapper.sh out of the modules in src: `python -m hepsub.worker.build [--check]`.

One file travels with a job, but nobody can read, lint or test one of 2,800 lines in four languages. A module says
`'@include NAME@'` where a program in another language stands, which is a file of its own. Comments stay here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

WORKER = Path(__file__).parent
SOURCES = WORKER / "src"
WRAPPER = WORKER / "wrapper.sh"
_RENEW = "python -m hepsub.worker.build"
_HEAD = f"""\
#!/bin/sh
# hepsub's wrapper: travels with a job, fetches its inputs, runs the payload, saves its outputs.
# Made by `{_RENEW}` of the modules in hepsub/worker/src, which have the comments.
"""
_INCLUDE = re.compile(r"'@include ([a-z_0-9]+\.[a-z]+)@'")
_INDENT = re.compile(r"^(?: {4})+", re.MULTILINE)
_COMMENT = re.compile(
    r"^ *(?:#[^\n]*)?\n| +#[^\n]*|(?P<indent>^(?: {4})+)"
    r"|(?P<kept>\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"|<<(?P<end>\w+)\n.*?\n(?P=end)\n)",
    re.MULTILINE | re.DOTALL,
)
"""What does not travel as it is, and what only looks like that: it is quoted, or in a here-document."""


def modules() -> list[Path]:
    """The modules of the wrapper, in the order in which they stand in it."""
    return sorted(SOURCES.glob("[0-9][0-9]_*.sh"))


def wrapper_text() -> str:
    """The text of wrapper.sh as its sources say it."""
    return _HEAD + "".join(module_text(path) for path in modules()) + 'main "$@"\n'


def module_text(path: Path) -> str:
    """The text of a module as it travels, with the programs that it includes."""
    text = condensed(path.read_text(encoding="utf-8"))
    return _INCLUDE.sub(lambda found: f"'\n{program_text(found[1])}'", text)


def program_text(name: str) -> str:
    """The text of an included program as it travels.

    Raises:
        ValueError: it has a single quote, which would end the shell's word that it becomes.
    """
    lines = (SOURCES / name).read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if "'" in text:
        raise ValueError(f"{name}: a single quote outside comments")
    return _INDENT.sub(lambda found: _tabs(found[0]), text)


def condensed(text: str) -> str:
    """A text in the shell's language without comments and blank lines, indented by tabs."""
    return _COMMENT.sub(lambda found: found["kept"] or _tabs(found["indent"] or ""), text)


def _tabs(blanks: str) -> str:
    return "\t" * (len(blanks) // 4)


def main(words: Sequence[str]) -> int:
    """Write wrapper.sh, or only tell whether it is stale; returns the exit code.

    Args:
        words: none, or `--check`.
    """
    if list(words) not in ([], ["--check"]):
        print(f"usage: {_RENEW} [--check]", file=sys.stderr)
        return 2
    text = wrapper_text()
    if WRAPPER.read_text(encoding="utf-8") == text:
        return 0
    if words:
        print(f"stale: {WRAPPER}; renew with: {_RENEW}", file=sys.stderr)
        return 1
    WRAPPER.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
