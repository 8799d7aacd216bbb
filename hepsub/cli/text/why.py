"""The text of hep_q -why: a sentence for jobs that are where they are for the same reason."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.queue.why import Explanation, Explanations
from hepsub.terminal import joined

_NAMED = 3


def text(value: Explanations) -> str:
    """The text of explanations."""
    return joined(line for each in value.explanations for line in _explanation(each))


def _explanation(each: Explanation) -> Iterator[str]:
    named = ", ".join(each.jobs[:_NAMED])
    more = f" and {len(each.jobs) - _NAMED} more" if len(each.jobs) > _NAMED else ""
    yield f"{named}{more} ({each.state.value}): {each.sentence}"
    for detail in each.details:
        yield f"    {detail}"
    if each.next_command:
        yield f"    next: {each.next_command}"
