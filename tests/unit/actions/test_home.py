"""Outputs that came home for a path: put there whole, or left where they are."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from hepsub.actions.home import place_outputs
from hepsub.bundle.directory import read_bundle
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]


def test_a_full_disk_gets_no_rubbish(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be written whole is removed; the output stays at home, and is placed later."""
    goal = tmp_path / "results/r"
    bundle = read_bundle(world.submit("-out", f"r={goal}"))
    assert bundle is not None
    came = bundle.directory / "job/0/home.0/outputs/r"
    came.parent.mkdir(parents=True)
    came.write_text("result")

    def full(_: Path, half: Path) -> None:
        half.write_text("res")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copy2", full)
        [trouble] = place_outputs(bundle, 13)
    assert "No space left on device" in trouble
    assert list(goal.parent.iterdir()) == []
    assert place_outputs(bundle, 13) == ()
    assert goal.read_text() == "result"
    assert not came.exists()
