"""SECURITY.md names a test for what it promises: each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "tests").rglob("test_*.py"))
NAMED = sorted(set(re.findall(r"\btest_\w+(?:\.py)?", (ROOT / "SECURITY.md").read_text())))


def test_it_names_tests() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_is_there(name: str) -> None:
    """A file by its name, a function by its definition."""
    if name.endswith(".py"):
        assert name in {path.name for path in FILES}
    else:
        stem_or_function = re.compile(rf"^def {name}\b", re.MULTILINE)
        assert any(path.stem == name or stem_or_function.search(path.read_text()) for path in FILES)
