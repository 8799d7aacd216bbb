"""Which template stands for the texts that several jobs have. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hepsub.plan.template import Name, Values, parse_template


def fitting_template(texts: Sequence[str], jobs: Sequence[Values]) -> str | None:
    """The template that gives each job its text, as a text; None where no one does.

    Args:
        texts: job by job; there are no names in them.
        jobs: what the names stand for.
    """
    if len(set(texts)) == 1:
        return texts[0]
    last, values = texts[-1], jobs[-1]
    for name, word in (
        (Name.PROC, str(values.said)),
        (Name.INDEX, str(values.index)),
        (Name.ITEM, values.item),
    ):
        at = [found.start() for found in re.finditer(re.escape(word), last)] if word else []
        for chosen in (*([each] for each in at), at):
            text = _replaced(last, chosen, len(word), f"%{{{name.value}}}")
            if parse_template(text).fill_all(jobs) == list(texts):
                return text
    return None


def _replaced(text: str, at: Iterable[int], length: int, by: str) -> str:
    for start in sorted(at, reverse=True):
        text = text[:start] + by + text[start + length :]
    return text
