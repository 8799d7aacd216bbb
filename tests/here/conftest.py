"""The pool of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.here.shell import Home
from tests.here.world import Here


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    """An embedded pool; nothing of it is left behind."""
    world = Here(directory=tmp_path)
    yield world
    world.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Somebody with a home and hepsub's commands; none of his jobs is left behind."""
    somebody = Home(tmp_path)
    somebody.settle()
    yield somebody
    somebody.type("hep_rm -a")
