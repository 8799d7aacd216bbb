"""Text that is not hepsub's own, as it may be shown."""

from __future__ import annotations


def plain(text: str) -> str:
    """A text that a terminal shows as it is: control characters are question marks."""
    return "".join(character if character.isprintable() else "?" for character in text)
