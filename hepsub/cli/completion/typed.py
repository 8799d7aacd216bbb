"""Words as they are typed, not finished yet, in the quotes of a shell; nothing in them is ever evaluated. Pure."""

from __future__ import annotations

_BEHIND_BACKSLASH = '"\\$`'
"""What a backslash takes the meaning of within double quotes."""


def unquoted(typed: str) -> str:
    """What a shell makes of a word, whose last quote may still be open; `$` and backquotes stay what they are."""
    found: list[str] = []
    quote = ""
    letters = iter(typed)
    for letter in letters:
        if letter == "\\" and quote != "'":
            following = next(letters, "")
            kept = letter if quote and following not in _BEHIND_BACKSLASH else ""
            found.append(kept + following)
        elif letter == quote:
            quote = ""
        elif letter in "'\"" and not quote:
            quote = letter
        else:
            found.append(letter)
    return "".join(found)


def head_of(typed: str, piece: str) -> str:
    """What stands in front of the piece of a word that its shell replaces.

    Args:
        typed: the word.
        piece: its end; bash parts words at `:` and `=`, and leaves an opening quote out.
    """
    return unquoted(typed[: len(typed) - len(piece)]) if typed.endswith(piece) else ""
