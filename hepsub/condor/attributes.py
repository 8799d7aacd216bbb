"""The attributes of a ClassAd, each as a type and in a range: whoever wrote the ad may have put anything there. Pure.

A job's owner may set nearly all of its attributes (`+QDate = "abc"`), and everybody's hep_q reads them. What is
not of the type, or out of the range, counts as not there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

ClassAd: TypeAlias = Any
"""A ClassAd of HTCondor's bindings, which have no types; or a mapping of plain values."""

SITE = "HepSub_Site"
"""The attribute that is expanded to the name of the site where a job starts."""

GATE = "HepSub_Ready"
"""The attribute that lets the jobs of a cluster start when their bundle is complete."""

IDLE, REMOVED, COMPLETED, HELD = 1, 3, 4, 5
"""JobStatus (HTCondor Manual, "Job ClassAd Attributes"); all of them are in jobs.py."""

GRID_UNIVERSE = 9
"""JobUniverse of a job that goes through a computing element (ibid.)."""

SUBMITTED_ON_HOLD = 15
"""HoldReasonCode of `hold = true` (ibid.)."""

LONGEST = 2**14
"""So many characters of a path, a reason or a list of sites are read; Linux has no path of more than 4096."""

WALLTIME_SUBCODE, MEMORY_SUBCODE, LOST_SUBCODE = 72, 34, 87
"""HoldReasonSubCode of hepsub's own expressions; the last is the wrapper's exit code when outputs found no place."""

_LARGEST = 2**31 - 1
_LAST_MOMENT_S = 2.0**33
"""In the year 2242, which every library can still write as a date."""
_LONGEST_WALK = 1000
_NAME = r"[A-Za-z_]\w*"
_TEXT = r'(?s)"(?:[^"\\]|\\.)*"'
_COMPUTED = r"(?i)\beval"
_ESCAPE = rb"(?s)\\([0-7]{3}|.)"
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}


def integer(ad: ClassAd, name: str, least: int = 0, most: int = _LARGEST) -> int | None:
    """An attribute as a whole number from `least` to `most`; a real is cut off."""
    found = _number(ad, name)
    return int(found) if found is not None and least <= found <= most else None


def real(ad: ClassAd, name: str, most: float) -> float | None:
    """An attribute as a number from 0 to `most`."""
    found = _number(ad, name)
    return float(found) if found is not None and 0 <= found <= most else None


def seconds(ad: ClassAd, name: str) -> float:
    """An attribute as a moment, in seconds since the epoch, or as so many seconds; 0 for none."""
    return real(ad, name, _LAST_MOMENT_S) or 0.0


def boolean(ad: ClassAd, name: str) -> bool | None:
    """An attribute as a boolean."""
    found = _literal(ad, name)
    return found if isinstance(found, bool) else None


def text(ad: ClassAd, name: str, longest: int = 1024) -> str:
    """An attribute as a text of so many characters, and an ellipsis for what is cut off; empty for none."""
    found = _literal(ad, name)
    if not isinstance(found, str):
        return ""
    return found if len(found) <= longest else f"{found[:longest]}…"


def expression(ad: ClassAd, name: str) -> str:
    """An attribute as it was written, in the ClassAd language; empty for none."""
    try:
        return str(ad.lookup(name))
    except (KeyError, ValueError, SystemError):
        return ""


def is_short(ad: ClassAd, written: str, longest: int = _LONGEST_WALK) -> bool:
    """Whether an evaluation has no more than so many characters to walk through; names are looked for in the ad."""
    # HTCondor evaluates an attribute anew wherever it is named: of thirty that name the one before twice, the last
    # costs a billion steps.
    left, waiting, below = longest, [], written
    while (left := left - len(below) - 1) >= 0:
        bare = re.sub(_TEXT, "", below)
        if re.search(_COMPUTED, bare):  # it might evaluate any text
            return False
        waiting += re.findall(_NAME, bare)
        if not waiting:
            return True
        below = expression(ad, waiting.pop())
    return False


def evaluated(tree: Any, *ads: ClassAd) -> object:  # noqa: ANN401 (the bindings have no types)
    """The value of an expression in an ad, or of two; None where HTCondor has none, or Python cannot hold it."""
    import classad2

    try:
        return tree.eval(*ads)
    except (classad2.ClassAdException, ValueError, OverflowError, SystemError):
        return None


def _number(ad: ClassAd, name: str) -> int | float | None:
    found = _literal(ad, name)
    if _is_expression(found):
        written = str(found)
        # No number needs a text: so nothing is searched, put together or evaluated that a text holds.
        found = evaluated(found, ad) if '"' not in written and is_short(ad, written) else None
    # A boolean is an int for Python, and so are the bindings' UNDEFINED and ERROR.
    if isinstance(found, int | float) and type(found) in (int, float) and math.isfinite(found):
        return found
    return None


def _literal(ad: ClassAd, name: str) -> object:
    """The value of an attribute that is no expression; else the expression."""
    try:
        return ad.get(name)
    except UnicodeDecodeError:
        # An ad holds bytes, and the bindings make no text of what is no UTF-8.
        return _decoded(expression(ad, name))
    except (ValueError, OverflowError, SystemError):
        return None


def _is_expression(value: object) -> bool:
    if value is None or isinstance(value, int | float | str):
        return False
    import classad2

    return isinstance(value, classad2.ExprTree)


def _decoded(written: str) -> str | None:
    """A text that is not UTF-8, from how it is written in the ad; None for what is no text."""
    if not written.startswith('"'):
        return None
    raw = re.sub(
        _ESCAPE,
        lambda found: (
            bytes([int(found[1], 8) & 255])
            if found[1].isdigit() and len(found[1]) == 3
            else _ESCAPED.get(found[1], found[1])
        ),
        written[1:-1].encode(),
    )
    return raw.decode(errors="replace")


def unreadable(expressions: Iterable[str]) -> frozenset[str]:
    """Those that are no ClassAd expression, or none any more with others beside them."""
    import classad2

    wrong = set()
    for each in expressions:
        try:
            # A comment at an end, a line end or a parenthesis too many would change what stands next to it.
            classad2.ExprTree(each)
            classad2.ExprTree(f"({each})")
            if "\n" in each or "\r" in each:
                wrong.add(each)
        except classad2.ClassAdException:
            wrong.add(each)
    return frozenset(wrong)
