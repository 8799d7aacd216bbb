"""What tests of several parts stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.programs import Programs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Programs of this test."""
    return Programs(tmp_path / "bin", monkeypatch)
