"""Which files a submission touches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hepsub.errors import UsageError
from hepsub.plan.draft import Reading, draft
from hepsub.plan.layout import (
    Layout,
    asked_places,
    check_item_names,
    lay_out,
    log_directories,
    log_notes,
    said_directories,
    written_out,
)
from hepsub.plan.location import PlaceState, absolute
from hepsub.plan.template import Values, job_values, parse_template
from tests.fakes.world import make_policy, make_situation, make_spec

CWD = Path("/work/alice")
DEFAULT_OUT = "/work/alice/job.sh.out.%{ClusterId}.%{ProcId}"
DEFAULT_ERR = "/work/alice/job.sh.err.%{ClusterId}.%{ProcId}"


def layout(*words: str, places: Mapping[str, PlaceState] | None = None) -> Layout:
    """The layout of `hep_sub job.sh WORDS` in /work/alice."""
    return lay_out(make_spec("job.sh", *words), CWD, places or {})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/abs/job.sh", "/abs/job.sh"),
        ("job.sh", "/work/alice/job.sh"),
        ("./job.sh", "/work/alice/job.sh"),
        ("log/", "/work/alice/log"),
        ("a//b/./c", "/work/alice/a/b/c"),
        ("../job.sh", "/work/alice/../job.sh"),
        ("~/job.sh", "/work/alice/~/job.sh"),
        ("run %{ProcId}.sh", "/work/alice/run %{ProcId}.sh"),
    ],
)
def test_a_path_is_made_absolute_by_the_users_directory(text: str, path: str) -> None:
    """`..` stays, because a link may be in the way; `~` was the shell's business."""
    assert absolute(text, CWD) == path


def test_a_path_in_the_root_directory_has_one_slash() -> None:
    """`hep_sub job.sh` called in / starts /job.sh."""
    assert absolute("job.sh", Path("/")) == "/job.sh"


def test_without_a_word_the_logs_have_hepjobs_names() -> None:
    """<script>.out.<cluster>.<proc> and <script>.err.<cluster>.<proc> in the working directory."""
    found = layout()
    assert str(found.executable) == "/work/alice/job.sh"
    assert str(found.stdout) == DEFAULT_OUT
    assert str(found.stderr) == DEFAULT_ERR
    assert found.event_log == ""


def test_a_script_elsewhere_leaves_its_logs_here() -> None:
    """The logs are named after the script, not put beside it."""
    found = lay_out(make_spec("/soft/bin/reco"), CWD, {})
    assert str(found.stdout) == "/work/alice/reco.out.%{ClusterId}.%{ProcId}"


def test_a_script_with_a_name_in_it_gives_logs_with_it() -> None:
    """run-%{ProcId}.sh writes run-%{ProcId}.sh.out.…"""
    found = lay_out(make_spec("run-%{ProcId}.sh"), CWD, {})
    assert str(found.executable) == "/work/alice/run-%{ProcId}.sh"
    assert str(found.stdout) == "/work/alice/run-%{ProcId}.sh.out.%{ClusterId}.%{ProcId}"


@pytest.mark.parametrize(
    ("asked", "places", "stdout"),
    [
        ("a.log", {}, "/work/alice/a.log"),
        ("/x/a.log", {}, "/x/a.log"),
        ("log/%{ProcId}.out", {}, "/work/alice/log/%{ProcId}.out"),
        ("log.%{clusterid}", {}, "/work/alice/log.%{ClusterId}"),
        ("log/", {}, "/work/alice/log/job.sh.out.%{ClusterId}.%{ProcId}"),
        ("./log/", {}, "/work/alice/log/job.sh.out.%{ClusterId}.%{ProcId}"),
        ("/x/log/", {}, "/x/log/job.sh.out.%{ClusterId}.%{ProcId}"),
        (
            "log",
            {"/work/alice/log": PlaceState.DIRECTORY},
            "/work/alice/log/job.sh.out.%{ClusterId}.%{ProcId}",
        ),
        (
            "/x/log",
            {"/x/log": PlaceState.LOCKED_DIRECTORY},
            "/x/log/job.sh.out.%{ClusterId}.%{ProcId}",
        ),
        (".", {"/work/alice": PlaceState.DIRECTORY}, DEFAULT_OUT),
        ("log", {"/work/alice/log": PlaceState.FILE}, "/work/alice/log"),
        ("log", {"/work/alice/log": PlaceState.MISSING}, "/work/alice/log"),
        ("/dev/null", {"/dev/null": PlaceState.DEVICE}, "/dev/null"),
        ("/", {"/": PlaceState.DIRECTORY}, "/job.sh.out.%{ClusterId}.%{ProcId}"),
    ],
)
def test_o_is_a_file_a_directory_or_a_pattern(
    asked: str, places: Mapping[str, PlaceState], stdout: str
) -> None:
    """A directory, existing or with a slash at its end, holds the default name; anything else is a file."""
    found = layout("-o", asked, places=places)
    assert str(found.stdout) == stdout
    assert str(found.stderr) == DEFAULT_ERR


def test_e_is_placed_by_itself() -> None:
    """One without the other is fine."""
    found = layout("-e", "log/")
    assert str(found.stdout) == DEFAULT_OUT
    assert str(found.stderr) == "/work/alice/log/job.sh.err.%{ClusterId}.%{ProcId}"


def test_both_may_be_the_same_file() -> None:
    """-o x -e x is accepted."""
    found = layout("-o", "both.log", "-e", "both.log")
    assert str(found.stdout) == str(found.stderr) == "/work/alice/both.log"


def test_both_in_one_directory_do_not_collide() -> None:
    """-o log/ -e log/ gives two names."""
    found = layout("-o", "log/", "-e", "log/")
    assert str(found.stdout) == "/work/alice/log/job.sh.out.%{ClusterId}.%{ProcId}"
    assert str(found.stderr) == "/work/alice/log/job.sh.err.%{ClusterId}.%{ProcId}"


@pytest.mark.parametrize("directory", ["out", "out/", "/work/alice/out"])
def test_dir_holds_what_o_and_e_do_not_place(directory: str) -> None:
    """-dir is the directory of the default names; -o goes its own way."""
    found = layout("-dir", directory, "-o", "a.log")
    assert str(found.stdout) == "/work/alice/a.log"
    assert str(found.stderr) == "/work/alice/out/job.sh.err.%{ClusterId}.%{ProcId}"


def test_the_event_log_is_absolute() -> None:
    """-l is a file relative to the working directory."""
    assert layout("-l", "run.log").event_log == "/work/alice/run.log"


def test_the_places_to_be_looked_at_are_those_that_were_asked_for() -> None:
    """What may turn out to be a directory: -o, -e and -dir."""
    spec = make_spec("job.sh", "-o", "log", "-e", "/x/err", "-dir", "out")
    assert asked_places(spec, CWD) == ("/work/alice/log", "/x/err", "/work/alice/out")
    assert asked_places(make_spec("job.sh"), CWD) == ()


@pytest.mark.parametrize("option", ["-o", "-e"])
def test_a_directory_cannot_be_named_after_the_cluster(option: str) -> None:
    """The id is given at submission: the directory could not exist."""
    with pytest.raises(UsageError) as caught:
        log_directories(layout(option, "log.%{ClusterId}/x"), job_values(1, 0, ()))
    assert caught.value.message == (
        "the log directory /work/alice/log.%{ClusterId} is named after the cluster,"
        " whose id is given at submission"
    )
    assert caught.value.remedy == "put %{ClusterId} into the file's name instead"


def test_a_log_named_after_an_item_that_is_a_path_lies_deeper() -> None:
    """Its directory is missed now, and not by HTCondor, which would hold the job."""
    logs = layout("-list", "l", "-o", "log/%{item}.out", "-e", "log/%{item.name}.err")
    found = log_directories(logs, job_values(2, 0, ("a/b", "c")))
    assert found == {
        "/work/alice/log/%{item}.out": {"/work/alice/log/a", "/work/alice/log"},
        "/work/alice/log/%{item.name}.err": {"/work/alice/log"},
    }


def needed(places: Mapping[str, PlaceState], *words: str) -> frozenset[str]:
    """The directories that have to be there for `hep_sub WORDS job.sh`."""
    made = draft(
        make_spec("job.sh", *words), make_policy(), make_situation(), Reading(places=places)
    )
    return made.needed_directories(places)


def test_the_directories_of_all_jobs_are_needed() -> None:
    """A directory for each job has to exist for each job."""
    assert needed({}, "-n", "3", "-o", "log-%{ProcId}/x", "-e", "e.log") == {
        "/work/alice/log-0",
        "/work/alice/log-1",
        "/work/alice/log-2",
        "/work/alice",
    }


def test_an_existing_file_needs_no_directory_to_write_to() -> None:
    """/dev is nobody's to write, and -o /dev/null needs nothing there."""
    places = {"/dev/null": PlaceState.DEVICE}
    assert needed(places, "-o", "/dev/null", "-e", "/dev/null") == frozenset()


def test_a_template_without_names_is_written_out_once() -> None:
    """10,000 jobs with one script are one look at the disk."""
    assert list(written_out(parse_template("/x/job.sh"), job_values(10_000, 0, ()))) == [
        "/x/job.sh"
    ]


def test_a_template_with_names_is_written_out_for_each_job() -> None:
    """Index begins where -first says, ProcId always at 0."""
    template = parse_template("%{item}-%{Index}-%{ProcId}")
    assert list(written_out(template, job_values(2, 40, ("a", "b")))) == ["a-40-0", "b-41-1"]


def test_the_values_of_the_jobs() -> None:
    """ProcId, Index and the line of the list, job by job."""
    assert job_values(2, 100, ("a", "b")) == [
        Values(proc=0, index=100, item="a", items=("a",)),
        Values(proc=1, index=101, item="b", items=("b",)),
    ]


def test_a_job_may_get_several_items() -> None:
    """Two lines for each job, the last job gets what is left."""
    assert job_values(2, 0, ("a", "b", "c"), (2, 3)) == [
        Values(proc=0, index=0, item="a", items=("a", "b")),
        Values(proc=1, index=1, item="c", items=("c",)),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("run-%{item}.sh",),
        ("job.sh", "-argu", "%{ITEM}"),
        ("job.sh", "-o", "%{item}.out"),
        ("job.sh", "-e", "%{item}.err"),
    ],
)
def test_item_without_a_list_is_refused(words: tuple[str, ...]) -> None:
    """%{item} has no meaning without -list, wherever it stands."""
    with pytest.raises(UsageError) as caught:
        check_item_names(make_spec(*words))
    assert caught.value.message == "%{item} is used, but there is no list"


def test_item_with_a_list_is_accepted() -> None:
    """With -list the same words are fine."""
    spec = make_spec("job.sh", "-list", "runs.txt", "-argu", "%{item}")
    assert check_item_names(spec) is None  # type: ignore[func-returns-value]


FILE, DIRECTORY = PlaceState.FILE, PlaceState.DIRECTORY
LOG = "/work/alice/log"


@pytest.mark.parametrize(
    ("number", "asked", "state", "inside"),
    [
        (4, "log", None, True),
        (1, "log", None, False),
        (1, "log", DIRECTORY, True),
        (4, "log", FILE, False),
        (4, "log.txt", None, False),
        (4, ".log", None, False),
        (1, "log/", None, True),
        (4, "log.d/", None, True),
        (4, "log.%{ClusterId}", None, False),
        (4, "log%{ProcId}", None, False),
        (4, "run.d/log", None, True),
    ],
)
def test_what_a_place_of_logs_means(
    number: int, asked: str, state: PlaceState | None, inside: bool
) -> None:
    """Many jobs and a plain word where nothing is yet: their directory, as README's example means it."""
    path = absolute(asked, CWD)
    found = lay_out(make_spec("job.sh", "-o", asked), CWD, {path: state} if state else {}, number)
    log = f"{path}/job.sh.out.%{{ClusterId}}.%{{ProcId}}" if inside else path
    assert str(found.stdout) == log
    said = {str(each) for each in found.said}
    assert said == ({path, str(CWD)} if inside else {str(CWD)})


def test_directories_that_are_made_are_told() -> None:
    """Each by its name, hundreds by their number."""
    where = layout("-o", "log-%{ProcId}/", "-dir", "err")
    said = said_directories(where, job_values(5, 0, ()))
    assert said == {"/work/alice/err", *(f"/work/alice/log-{proc}" for proc in range(5))}
    assert log_notes(where, [LOG], {}, 1) == (f"the directory {LOG} is made for the jobs' logs",)
    assert log_notes(where, ["/a", "/b", "/c", "/d"], {}, 1) == (
        "these directories are made for the jobs' logs: /a, /b, /c and 1 more",
    )


def test_one_log_for_many_jobs_is_told() -> None:
    """HepJob's habit stays; /dev/null, a directory and a name for each job are no news."""
    places = {"/dev/null": PlaceState.DEVICE}
    both = layout("-o", "x.log", "-e", "x.log")
    assert log_notes(both, (), {}, 4) == (
        "all 4 jobs write their standard output and standard error into /work/alice/x.log:"
        " %{ProcId} in its name gives each its own",
    )
    assert log_notes(both, (), {}, 1) == ()
    (told,) = log_notes(layout("-e", "%{ClusterId}.log", "-o", "/dev/null"), (), places, 4)
    assert "standard error into /work/alice/%{ClusterId}.log" in told
    assert log_notes(layout("-o", "%{ProcId}.log"), (), {}, 4) == ()
