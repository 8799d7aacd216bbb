"""The man page hepsub(7), a tour of all commands: made of tour.txt."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub import __version__
from hepsub.cli.generate import man, roff, sources, systems

_INDENT = "    "


def sections() -> dict[str, tuple[str, ...]]:
    """The tour: heading → its blocks; those of lines to type are indented by four blanks."""
    return sources.sections("tour.txt")


def typed(heading: str) -> list[str]:
    """The lines of a section that can be typed."""
    blocks = (block for block in sections()[heading] if block.startswith(_INDENT))
    return [line.removeprefix(_INDENT) for block in blocks for line in block.split("\n")]


def tour_page() -> str:
    """The page hepsub(7), as roff source."""
    return roff.page([
        roff.title("hepsub", 7, __version__),
        roff.section("NAME", [r"hepsub \- a tour of the commands that submit physics jobs"]),
        *(roff.section(heading, _body(blocks)) for heading, blocks in sections().items()),
        roff.section("BATCH SYSTEMS", systems.section()),
        roff.section("FILES", man.files()),
        roff.section("ENVIRONMENT", man.environment()),
        roff.section("SEE ALSO", man.see_also("hepsub", 7)),
    ])  # fmt: skip


def _body(blocks: tuple[str, ...]) -> Iterator[str]:
    """The blocks, paragraphs apart from each other; a heading is followed by no empty line."""
    for number, block in enumerate(blocks):
        if block.startswith(_INDENT):
            lines = [line.removeprefix(_INDENT) for line in block.split("\n")]
            yield from ([".sp"] if number else [])
            yield from roff.verbatim("\n".join(lines))
        else:
            yield from ([".PP"] if number else [])
            yield from roff.lines(roff.prose(block))
