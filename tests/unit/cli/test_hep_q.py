"""hep_q: what it asks the schedd for."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.cli.commands.hep_q import COMMAND
from hepsub.cli.output import Console
from hepsub.cli.parse import parse
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job
from tests.fakes.world import make_session

QUIET = Console(result_now=lambda _: None, progress=lambda _: None)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), "queue brief"),
        (("-u", "-run"), "queue brief"),
        (("-json",), "queue"),
        (("-hold",), "queue"),
        (("-why",), "queue"),
    ],
)
def test_a_table_asks_for_what_it_shows(tmp_path: Path, words: tuple[str, ...], asked: str) -> None:
    """Of 20,000 jobs each attribute takes its time; reasons, explanations and JSON need them all."""
    schedd = FakeSchedd(jobs=[make_job("13.0")])
    session = make_session(tmp_path, as_batch_systems(schedd))
    COMMAND.run(session, parse(words, COMMAND), QUIET)
    assert schedd.calls[0] == asked
