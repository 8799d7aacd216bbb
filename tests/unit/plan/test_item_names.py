"""Names of items in a job's directory."""

from __future__ import annotations

import pytest

from hepsub.plan.items import item_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([], ()),
        (["raw/a/1.root", "raw/b/2.root"], ("1.root", "2.root")),
        (["raw/a/1.root", "raw/b/1.root"], ("a/1.root", "b/1.root")),
        (
            ["raw/a/x/1.root", "raw/b/x/1.root", "raw/1.root"],
            ("a/x/1.root", "b/x/1.root", "raw/1.root"),
        ),
        (["/1.root", "/a/1.root"], ("1.root", "a/1.root")),
        (["one/1.root", "two/1.root"], ("one/1.root", "two/1.root")),
        (["raw/a/1.root", "raw/a/1.root"], ("raw/a/1.root", "raw/a/1.root")),
    ],
)
def test_names(paths: list[str], names: tuple[str, ...]) -> None:
    """Only what is ambiguous gets its directories; what is one and the same stays so, to be refused."""
    assert item_names(paths) == names


def test_the_order_makes_no_difference() -> None:
    """A rerun with another order of the list finds its files by the same names."""
    paths = ["raw/a/1.root", "raw/b/1.root", "raw/c/2.root"]
    assert item_names(paths[::-1]) == item_names(paths)[::-1]
