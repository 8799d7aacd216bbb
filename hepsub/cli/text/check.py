"""The texts of hep_sub -check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepsub.actions.check.check import Checked
    from hepsub.actions.check.effective import EffectivePolicy

_MARKS = {"ok": "ok", "missing": "-", "trouble": "NO"}


def checked(value: Checked) -> Iterator[str]:
    """A line for each thing, and below it what to do."""
    width = max((len(each.what) for each in value.lines), default=0)
    for each in value.lines:
        yield f"{_MARKS[each.mark.value]:<3} {each.what:<{width}}  {each.said}"
        if each.remedy:
            yield f"    {'':<{width}}  -> {each.remedy}"


def effective_policy(value: EffectivePolicy) -> Iterator[str]:
    """A line for each key, which is TOML; what is behind # is its file and line."""
    said = [f"{each.key} = {each.value}" for each in value.settings]
    width = min(60, max(map(len, said), default=0))
    for text, each in zip(said, value.settings, strict=True):
        yield f"{text:<{width}}  # {each.file}{f' line {each.line}' if each.line else ''}"
