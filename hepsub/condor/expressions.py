"""Whether HTCondor can read an expression that somebody wrote."""

from __future__ import annotations

from collections.abc import Iterable


def unreadable(expressions: Iterable[str]) -> frozenset[str]:
    """Those that are no ClassAd expression, or none any more with others beside them.

    A comment at an end, a line end or a parenthesis too many would change what stands next to it.
    """
    import classad2

    wrong = set()
    for each in expressions:
        try:
            classad2.ExprTree(each)
            classad2.ExprTree(f"({each})")
            if "\n" in each or "\r" in each:
                wrong.add(each)
        except classad2.ClassAdException:
            wrong.add(each)
    return frozenset(wrong)
