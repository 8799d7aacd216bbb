"""survey: everything the planner needs to know, from real files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from hepsub.errors import JobCountTooLarge, JobCountTooSmall, UsageError
from hepsub.plan.draft import draft
from hepsub.plan.facts import Facts, Program, ProgramState
from hepsub.plan.location import PlaceState
from hepsub.survey.survey import read, survey
from tests.fakes.world import make_policy, make_script, make_situation, make_spec


def no_store(name: str) -> NoReturn:
    """No job of these tests has inputs in S3."""
    raise AssertionError(f"the storage {name} was asked for")


def facts(directory: Path, *words: str, policy: str = "") -> Facts:
    """What the survey finds for `hep_sub WORDS` called in a directory."""
    spec, decided, situation = make_spec(*words), make_policy(policy), make_situation(cwd=directory)
    made = draft(spec, decided, situation, read(spec, decided, situation, no_store))
    return survey(made, no_store)


RUNNABLE = Program(state=ProgramState.RUNNABLE, interpreter="/bin/sh")


def test_one_script(tmp_path: Path) -> None:
    """The script, and the directory of the default logs."""
    make_script(tmp_path)
    found = facts(tmp_path, "job.sh")
    assert found.programs == {f"{tmp_path}/job.sh": RUNNABLE}
    assert found.places[str(tmp_path)] is PlaceState.DIRECTORY
    assert found.image_exists


def test_every_script_of_a_cluster_is_looked_at(tmp_path: Path) -> None:
    """run-%{ProcId}.sh -n 3 with one missing: that one is named."""
    make_script(tmp_path, "run-0.sh")
    make_script(tmp_path, "run-2.sh")
    found = facts(tmp_path, "run-%{ProcId}.sh", "-n", "3")
    assert found.programs == {
        f"{tmp_path}/run-0.sh": RUNNABLE,
        f"{tmp_path}/run-1.sh": Program(state=ProgramState.MISSING),
        f"{tmp_path}/run-2.sh": RUNNABLE,
    }


def test_scripts_of_a_list_are_looked_at(tmp_path: Path) -> None:
    """%{item} names the scripts; -first shifts the index, not the items."""
    make_script(tmp_path, "a.sh")
    (tmp_path / "l").write_text("a.sh\n")
    found = facts(tmp_path, "%{item}", "-list", "l", "-first", "7")
    assert found.programs == {f"{tmp_path}/a.sh": RUNNABLE}


def test_directories_after_o_and_e_are_found(tmp_path: Path) -> None:
    """log is a directory; err is not there, and its parent is looked at."""
    make_script(tmp_path)
    (tmp_path / "log").mkdir()
    found = facts(tmp_path, "job.sh", "-o", "log", "-e", "err/x")
    assert found.places[f"{tmp_path}/log"] is PlaceState.DIRECTORY
    assert found.places[f"{tmp_path}/err"] is PlaceState.MISSING


def test_a_directory_for_each_job_is_looked_at(tmp_path: Path) -> None:
    """log-0 is there, log-1 is not."""
    make_script(tmp_path)
    (tmp_path / "log-0").mkdir()
    found = facts(tmp_path, "job.sh", "-n", "2", "-o", "log-%{ProcId}/out")
    assert found.places[f"{tmp_path}/log-0"] is PlaceState.DIRECTORY
    assert found.places[f"{tmp_path}/log-1"] is PlaceState.MISSING


def test_dev_null_is_a_device(tmp_path: Path) -> None:
    """Nothing has to be made there."""
    make_script(tmp_path)
    found = facts(tmp_path, "job.sh", "-o", "/dev/null", "-e", "/dev/null")
    assert found.places["/dev/null"] is PlaceState.DEVICE


def test_the_event_log_is_looked_at(tmp_path: Path) -> None:
    """An old event log is a file."""
    make_script(tmp_path)
    (tmp_path / "run.log").touch()
    assert facts(tmp_path, "job.sh", "-l", "run.log").places[f"{tmp_path}/run.log"] is (
        PlaceState.FILE
    )


@pytest.mark.parametrize(("name", "exists"), [("x.sif", True), ("y.sif", False)])
def test_the_image_is_looked_for(tmp_path: Path, name: str, *, exists: bool) -> None:
    """Relative to where hep_sub is called."""
    make_script(tmp_path)
    (tmp_path / "x.sif").touch()
    assert facts(tmp_path, "job.sh", "-image", name).image_exists is exists


def test_an_image_that_no_file_can_be(tmp_path: Path) -> None:
    """Path.is_dir raises where a name is too long, or lies where the user may not look."""
    make_script(tmp_path)
    found = facts(tmp_path, "job.sh", "-image", "x" * 300)
    assert (found.image_exists, found.image_is_directory) == (False, False)


def test_a_pipe_that_has_nothing_to_say_yet_is_no_program(tmp_path: Path) -> None:
    """hep_sub <(make-script): it is told of, not read, and nobody waits for its other end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    try:
        found = facts(tmp_path, "./pipe")
    finally:
        os.close(reader)
        os.close(writer)
    assert found.programs == {str(path): Program(state=ProgramState.NO_FILE)}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("job-%{ProcId}", "-n", "2000000"), JobCountTooLarge),
        (("job.sh", "-n", "0"), JobCountTooSmall),
        (("job.sh", "-argu", "%{item}"), UsageError),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_disk_is_asked(
    tmp_path: Path, words: tuple[str, ...], error: type[Exception]
) -> None:
    """Two million looks at the disk for a slip of the finger would take minutes."""
    with pytest.raises(error):
        facts(tmp_path, *words)


def test_nothing_is_changed(tmp_path: Path) -> None:
    """-dry-run surveys: no file and no directory is made."""
    make_script(tmp_path)
    facts(tmp_path, "job.sh", "-o", "log/out", "-l", "run.log", "-dir", "d")
    assert [path.name for path in tmp_path.iterdir()] == ["job.sh"]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ((), {"x =="}),
        (("-gwn", "g"), {"x ==", "(y"}),
        (("-p", "here"), set()),
    ],
)
def test_expressions_of_the_policy_are_read_as_htcondor_does(
    tmp_path: Path, words: tuple[str, ...], wrong: set[str]
) -> None:
    """Those of the sites, which stand in every job; -gwn's where it is used; none for the embedded pool."""
    make_script(tmp_path)
    policy = (
        "[defaults]\npool = 'main'\n[pool.main]\nworker_group = '(y'\n"
        "[site.a]\nrequirements = 'x =='\n[site.b]\nrequirements = 'x == 1'\n"
    )
    assert facts(tmp_path, "job.sh", *words, policy=policy).unreadable == wrong
