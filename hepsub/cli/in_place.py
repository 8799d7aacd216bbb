"""Text that takes the place of what was shown before, on a terminal; rich draws it.

The cursor stays visible: whatever stops the process, a shell that comes after it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class InPlace:
    """A place at the end of a terminal's text."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._widths: list[int] = []  # of the lines that are there

    def show(self, what: RenderableType) -> None:
        """Show something instead of what is there; lines that do not fit on the screen are left out."""
        from rich.segment import Segment, Segments

        width, height = self._console.size
        options = self._console.options.update(width=width, height=None)
        lines = self._console.render_lines(what, options, pad=False)
        lines = lines[: max(1, height - 1)]
        with self._console:  # one write: a terminal far away would show the empty lines in between
            self.clear()
            for number, line in enumerate(lines):
                segments = [*([Segment.line()] if number else []), *line]
                self._console.print(Segments(segments), end="", soft_wrap=True)
        self._widths = [Segment.get_line_length(line) for line in lines]

    def clear(self) -> None:
        """Remove what is there; a terminal that has become narrower since has wrapped it."""
        from rich.control import Control
        from rich.segment import ControlType

        if not self._widths:
            return
        width = max(1, self._console.width)
        rows = sum(max(1, -(-each // width)) for each in self._widths)
        erase = (ControlType.ERASE_IN_LINE, 2)
        above = ((ControlType.CURSOR_UP, 1), erase) * (rows - 1)
        self._console.control(Control(ControlType.CARRIAGE_RETURN, erase, *above))
        self._widths = []
