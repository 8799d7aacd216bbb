"""The closest match to a mistyped word."""

from __future__ import annotations

from collections.abc import Iterable

_BEGUN = 3
_COVERED = 0.6
"""A word that leaves letters out of another one has at least so much of it: grp is group, mail is not maxidle."""


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like the word, case and dashes in front aside; None when nothing is like it.

    Like it is what a third of its letters make of it, changed, left out, added or exchanged with the next one; and what
    it begins.
    """
    meant = _folded(word)
    found = ((_distance(meant, _folded(each)), each) for each in sorted(choices))
    near = [(far, each) for far, each in found if _is_like(meant, _folded(each), far)]
    return min(near, key=lambda one: (one[0], len(one[1]), one[1]))[1] if near else None


def _folded(word: str) -> str:
    """What of a word is its own: two options are not alike for their dashes."""
    return word.casefold().lstrip("-")


def _is_like(word: str, choice: str, far: int) -> bool:
    # A key that was held too long: -nn, of which a third is no letter.
    doubled = word == f"{choice}{choice[-1:]}"
    begun = len(word) >= _BEGUN and choice.startswith(word)
    if far <= len(word) // 3 or doubled or begun:
        return True
    letters = iter(choice)  # `in` takes letters from it, so they have to come in this order
    left_out = word[:1] == choice[:1] and all(each in letters for each in word)
    return left_out and len(word) >= _COVERED * len(choice)


def _distance(one: str, other: str) -> int:
    """How many letters have to be changed, left out, added or exchanged with the next one."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        above, before, row = before, row, [number]
        for place, each in enumerate(other, start=1):
            cost = min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != each))
            if number > 1 and place > 1 and letter == other[place - 2] and each == one[number - 2]:
                cost = min(cost, above[place - 2] + 1)
            row.append(cost)
    return row[-1]


def did_you_mean(word: str, choices: Iterable[str], otherwise: str = "") -> str:
    """A remedy: the closest match, else the other one, else all choices."""
    known = sorted(choices)
    match = closest(word, known)
    if match is not None:
        return f"did you mean '{match}'?"
    if otherwise:
        return otherwise
    return f"choose from {', '.join(known)}" if known else ""
