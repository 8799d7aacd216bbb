"""Which of the paths that a job names are here: of real scripts, arguments and search paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hepsub.plan import portability
from hepsub.plan.draft import Reading, draft
from hepsub.plan.portability import Mention, Use
from hepsub.survey.mentions import look_at_mentions
from tests.fakes.world import make_policy, make_situation, make_spec

SITE = """
[site.far]
requirements = 'GLIDEIN_Site == "far"'
"""
AUTOMATIC = '\n[rule.big]\nremote = "automatic"\n'


@pytest.fixture(autouse=True)
def everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take nothing but what is not below the test's directory for a part of every machine."""
    monkeypatch.chdir(tmp_path)
    own = portability._EVERYWHERE - {tmp_path.parts[1]}
    monkeypatch.setattr(portability, "_EVERYWHERE", own)


def found(
    directory: Path,
    *words: str,
    environment: Mapping[str, str] | None = None,
    items: tuple[str, ...] = (),
) -> dict[str, Mention]:
    """What is found of a job in a directory, by the path below it."""
    situation = make_situation(cwd=directory, environment=environment)
    made = draft(make_spec(*words), make_policy(SITE), situation, Reading(items=items))
    return {each.path.removeprefix(f"{directory}/"): each for each in look_at_mentions(made)}


def furnish(directory: Path, script: str) -> None:
    (directory / "data").mkdir()
    (directory / "data/x y.raw").touch()
    (directory / "data/a.raw").touch()
    (directory / "job.sh").write_text(script.replace("HERE", str(directory)))


def test_what_is_here_and_what_is_written(tmp_path: Path) -> None:
    furnish(
        tmp_path,
        "#!/bin/sh\ncat HERE/data/a.raw HERE/none\nls HERE/data >HERE/new\nls >HERE/no/new\n",
    )
    seen = found(tmp_path, "job.sh")
    assert {name: (each.line, each.use, each.is_directory) for name, each in seen.items()} == {
        "data/a.raw": (2, Use.READ, False),
        "data": (3, Use.READ, True),
        "new": (3, Use.WRITE, False),
    }


def test_arguments_as_the_first_job_gets_them(tmp_path: Path) -> None:
    furnish(tmp_path, "#!/bin/sh\n")
    items = (f"{tmp_path}/data/a.raw", f"{tmp_path}/data/x y.raw")
    seen = found(tmp_path, "-list", "l", "job.sh", "-argu", "%{item}", items=items)
    assert {name: each.said for name, each in seen.items()} == {"data/a.raw": "%{item}"}


@pytest.mark.parametrize(
    ("words", "names"), [((), ["data"]), (("-noenv",), []), (("-noenv", "-env", "PATH"), ["data"])]
)
def test_search_paths_that_travel(tmp_path: Path, words: tuple[str, ...], names: list[str]) -> None:
    furnish(tmp_path, "#!/bin/sh\n")
    (tmp_path / ".local").mkdir()
    environment = {
        "PATH": f"/usr/bin:{tmp_path}/.local:{tmp_path}/data:{tmp_path}/none:rel",
        "OTHER": f"{tmp_path}",
    }
    seen = found(tmp_path, *words, "job.sh", environment=environment)
    assert list(seen) == names


def test_what_cannot_be_looked_at_names_nothing(tmp_path: Path) -> None:
    """A directory that its user may not enter, or a name that is none."""
    name = "n" * 300
    furnish(tmp_path, f"cat HERE/data/a.raw HERE/{name} >HERE/{name}/x\n")
    assert set(found(tmp_path, "job.sh", "-argu", f"{tmp_path}/{name}")) == {"data/a.raw"}


def test_a_binary_and_what_is_not_there_name_nothing(tmp_path: Path) -> None:
    furnish(tmp_path, "\x7fELF\0 HERE/data/a.raw")
    assert found(tmp_path, "job.sh") == {}
    assert found(tmp_path, "none.sh") == {}


def test_no_more_is_read_and_looked_for_than_so_much(tmp_path: Path) -> None:
    furnish(tmp_path, "#!/bin/sh\n" + "#" * 2**20 + "\ncat HERE/data/a.raw\n")
    assert found(tmp_path, "job.sh") == {}
    lines = "".join(f"cat HERE/none{i}\n" for i in range(300))
    (tmp_path / "job.sh").write_text(f"{lines}cat HERE/data/a.raw\n".replace("HERE", str(tmp_path)))
    assert found(tmp_path, "job.sh") == {}


@pytest.mark.parametrize(
    ("policy", "words", "leaves"),
    [
        ("", (), False),
        (SITE, (), False),
        (SITE, ("-rmt",), True),
        (SITE, ("-site", "far"), True),
        (SITE + AUTOMATIC, (), True),
        (SITE + AUTOMATIC, ("-normt",), False),
        ("[pool.far]\nspool = true\n", ("-p", "far"), True),
    ],
)
def test_jobs_that_stay_at_home_are_not_looked_at(
    policy: str, words: tuple[str, ...], leaves: bool
) -> None:
    made = draft(make_spec(*words, "job.sh"), make_policy(policy), make_situation(), Reading())
    assert made.may_leave is leaves


def test_words_that_no_path_can_be_are_passed_over(tmp_path: Path) -> None:
    """Path.is_dir raises where a name is too long, or lies where the user may not look."""
    furnish(tmp_path, f"#!/bin/sh\ncat HERE/{'x' * 300} HERE/data/a.raw >HERE/{'y' * 300}/new\n")
    assert list(found(tmp_path, "job.sh")) == ["data/a.raw"]
