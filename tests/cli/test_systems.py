"""The table of hepsub(7) is whole; what stands beside its exit codes has a test, which is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hepsub.cli.generate import sources
from hepsub.cli.generate.systems import SYSTEMS, notes, rows
from hepsub.cli.main import PROGRAMS
from tests.systems import ELSEWHERE

TESTS = Path(__file__).parents[1]
NOTED = {
    "a": "slurm/test_slurm.py::test_what_cannot_be_is_refused",
    "b": "here/test_images.py::test_without_apptainer_images_are_refused",
    "c": "pool/test_site_pool.py::test_the_element_overwrites_what_a_job_asks_for",
    "d": "pool/test_site_pool.py::test_a_job_that_would_begin_again_is_removed_there",
    "e": "here/test_commands.py::test_no_event_log_is_written",
    "f": "unit/actions/test_tail.py::test_an_empty_log_that_was_made_beforehand_is_none",
    "g": "slurm/test_staged.py::test_a_job_put_back_runs_once_more_and_has_one_marker",
    "h": "sites/test_edit.py::test_what_a_computing_element_has",
    "i": "here/test_limits.py::test_edit_of_what_a_cluster_has_in_common",
    "j": "sites/test_edit.py::test_what_waits_in_the_queue_of_others",
    "k": "slurm/test_slurm.py::test_hold_release_remove_and_edit",
}
"""What each note says is seen in a test."""
NAMED = sorted(
    {*NOTED.values(), *(test for cells in ELSEWHERE.values() for test in cells.values())}
)


def test_the_table_is_whole() -> None:
    """Every command is in it that knows of batch systems; every number is the exit code of an error."""
    codes = {0, *(error.exit_code for error in sources.errors())}
    assert {cell.code for cells in rows().values() for cell in cells.values()} <= codes
    without = {"hep_auth", "hep_clus", "hep_mount"}
    assert {row.split()[0] for row in rows() if row.startswith("hep_")} == set(PROGRAMS) - without
    assert all(set(cells) == set(SYSTEMS) for cells in ELSEWHERE.values())
    assert ELSEWHERE.keys() <= rows().keys()


def test_each_note_is_used_and_seen() -> None:
    """Their letters are those of the alphabet, as they come."""
    used = dict.fromkeys(cell.note for cells in rows().values() for cell in cells.values())
    assert [letter for letter in used if letter] == list(notes()) == list(NOTED)


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_is_named_is_there(named: str) -> None:
    file, _, function = named.partition("::")
    assert re.search(rf"^def {function}\(", (TESTS / file).read_text(), re.MULTILINE)
