"""How jobs share the items of a list."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.plan.items import ends_by_count, ends_by_size


@pytest.mark.parametrize(
    ("number", "per", "ends"),
    [(3, 1, (1, 2, 3)), (3, 2, (2, 3)), (4, 2, (2, 4)), (3, 20, (3,)), (0, 2, ())],
)
def test_by_count(number: int, per: int, ends: tuple[int, ...]) -> None:
    """The last job gets what is left."""
    assert ends_by_count(number, per) == ends


@pytest.mark.parametrize(
    ("sizes", "ends"),
    [
        ([], ()),
        ([10], (1,)),
        ([11], (1,)),
        ([5, 5], (2,)),
        ([5, 6], (1, 2)),
        ([4, 3, 3, 1], (3, 4)),
        ([1, 99, 1, 1], (1, 2, 4)),
        ([99, 99], (1, 2)),
        ([99, 0, 1], (1, 3)),
        ([0, 0, 10, 0, 1], (4, 5)),
    ],
)
def test_by_size(sizes: list[int], ends: tuple[int, ...]) -> None:
    """Ten bytes for each job: exactly ten fit, one that is larger is alone, empty ones weigh nothing."""
    assert ends_by_size(sizes, 10) == ends


@given(st.lists(st.integers(0, 30)), st.integers(1, 20))
def test_every_item_has_one_job_and_no_job_could_take_the_next(sizes: list[int], most: int) -> None:
    """The promise itself, for any sizes."""
    ends = ends_by_size(sizes, most)
    groups = [sizes[begin:end] for begin, end in pairwise((0, *ends))]
    assert [size for group in groups for size in group] == sizes
    assert all(groups)
    assert all(sum(group) <= most or len(group) == 1 for group in groups)
    assert all(sum(group) + following[0] > most for group, following in pairwise(groups))
