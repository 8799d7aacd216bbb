"""The closest match to a mistyped word."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like the word, case aside; None when nothing is like it."""
    import difflib  # which nobody needs who mistypes nothing

    by_folded = {choice.casefold(): choice for choice in sorted(choices)}
    matches = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A remedy: the closest match, else all choices."""
    known = sorted(choices)
    match = closest(word, known)
    if match is not None:
        return f"did you mean '{match}'?"
    return f"choose from {', '.join(known)}" if known else ""
