"""The words of hep_fetch."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.cli.commands.hep_fetch import COMMAND, run
from hepsub.cli.output import Console
from hepsub.cli.parse import parse
from hepsub.errors import UsageError
from tests.fakes.world import make_session, make_situation


def test_a_file_is_no_directory_for_outputs(tmp_path: Path) -> None:
    """Said at once, not after -wait has waited for the jobs."""
    (tmp_path / "file").touch()
    session = make_session(tmp_path, situation=make_situation(cwd=tmp_path))
    quiet = Console(result_now=lambda _: None, progress=lambda _: None)
    with pytest.raises(UsageError, match=f"-d file: {tmp_path}/file is no directory"):
        run(session, parse(["13", "-wait", "-d", "file"], COMMAND), quiet)
