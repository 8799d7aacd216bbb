"""Text for people: what is not hepsub's own is made safe for a terminal, and long lists are cut short. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_RAW_BYTES = range(0xDC80, 0xDD00)
"""What Python makes of the bytes of a word that is not UTF-8."""


class Styled(str):
    """Lines whose escape sequences are hepsub's own: what stands between them was made printable before."""

    __slots__ = ()


def printable(text: str) -> str:
    r"""A text that a terminal shows as it is, on one line.

    Control characters (ESC, NUL, line ends, those behind 0x7f), marks that turn the direction of writing or are not
    seen, and halves of characters become escapes such as `\x1b`; all other characters stay. So no file name, hold
    reason or answer of a server moves the cursor, changes the title, hides a word or forges a line.
    """
    if text.isprintable():
        return text
    import unicodedata  # which few texts need

    return "".join(
        _escaped(each) if unicodedata.category(each) in _UNSAFE else each for each in text
    )


def joined(lines: Iterable[str]) -> str:
    """Lines as one text: each is printable, and stays one line."""
    return "\n".join(printable(each) for each in lines)


def few(words: Sequence[str], most: int) -> str:
    """Words in a row; of many the first ones, and how many more there are."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"


def _escaped(character: str) -> str:
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if number in _RAW_BYTES:
        return f"\\x{number - 0xDC00:02x}"
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
