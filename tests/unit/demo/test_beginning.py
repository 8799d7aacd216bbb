"""The command with which hep_sub demo ends, and the script that it leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.demo.beginning import begin, own_command
from hepsub.errors import OutputPlaceUnusable
from tests.fakes.world import make_policy, make_session, make_situation

HERE = "[defaults]\npool = 'here'\n"
ABOVE = "[defaults]\npool = 'local'\n"


@pytest.mark.parametrize(
    ("policy", "command"),
    [
        (HERE, "hep_sub job.sh"),
        ("[pool.own]\nkind = 'here'\n[defaults]\npool = 'own'\n", "hep_sub job.sh"),
        (ABOVE, "hep_sub -p here job.sh"),
        ("[defaults]\npool = 'physical'\n", "hep_sub -p here job.sh"),  # an alias of it
    ],
)
def test_the_command_has_jobs_run_on_this_machine(
    tmp_path: Path, policy: str, command: str
) -> None:
    beside = {"PATH": str(Path(sys.executable).parent)}
    session = make_session(
        tmp_path,
        policy=make_policy(policy),
        situation=make_situation(cwd=tmp_path, environment=beside),
    )
    assert own_command(session, "job.sh") == command


def test_where_it_is_not_on_path_the_command_is_told_by_its_own(tmp_path: Path) -> None:
    """Who typed ~/hepsub/bin/hep_sub demo has to type that again."""
    session = make_session(tmp_path, policy=make_policy(HERE))
    program, script = own_command(session, "job.sh").split()
    assert (Path(program), script) == (Path(sys.executable).parent / "hep_sub", "job.sh")


def test_the_script_is_left_at_the_end_and_runs(tmp_path: Path) -> None:
    session = make_session(tmp_path, policy=make_policy(HERE))
    beginning = begin(session)
    assert not beginning.path.exists()
    assert beginning.leave().endswith("/hep_sub job.sh")
    ran = subprocess.run([beginning.path, "x"], capture_output=True, text=True, check=True)
    assert "with the arguments 'x'" in ran.stdout


def test_a_script_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Told before anything is done; also of a link to nowhere, and of one that came meanwhile."""
    session = make_session(tmp_path, policy=make_policy())
    beginning = begin(session)
    (tmp_path / "job.sh").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputPlaceUnusable, match=r"job\.sh cannot be left: there is one already"):
        begin(session)
    with pytest.raises(OutputPlaceUnusable, match="File exists"):
        beginning.leave()
    assert list(tmp_path.iterdir()) == [tmp_path / "job.sh"]


def test_a_directory_that_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    """/proc lets nobody write, root neither."""
    situation = replace(make_situation(), cwd=Path("/proc/self"))
    session = make_session(tmp_path, situation=situation)
    with pytest.raises(OutputPlaceUnusable, match="nothing can be written there"):
        begin(session)
