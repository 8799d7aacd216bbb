"""Ids of jobs in the embedded pool, as the shells complete them: no command that lists jobs was called before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.shells import Place
from tests.here.world import until

NAME = "fit $(touch caught); \x1b[2J"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    (made.work / "sleep.sh").write_text("#!/bin/sh\nexec sleep 600\n")
    (made.work / "sleep.sh").chmod(0o755)
    yield made
    made.run("hep_sub", "rm", "-p", "here", "-a")


def submit(place: Place, default: str) -> None:
    place.policy.write_text(f'[defaults]\npool = "{default}"\n')
    said = place.run("hep_sub", "sleep.sh", "-p", "here", "-n", "2", "-name", NAME, "-quiet")
    assert said == ["2 job(s) submitted to cluster 1"]


def offered(place: Place, shell: str, line: str) -> set[str]:
    found: dict[str, Callable[[str], list[str]]] = {
        "bash": place.bash,
        "zsh": place.zsh,
        "fish": place.fish,
    }
    return set(found[shell](line))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_in_the_queue_and_what_has_left_it(place: Place, shell: str) -> None:
    submit(place, "here")
    assert offered(place, shell, "hep_rm ") == {"1"}
    assert offered(place, shell, "hep_tail 1.") == {"1.0", "1.1"}
    [told] = place.fish_lines("hep_hold ")
    assert told.startswith("1\tfit $(touch caught); \\x1b[2J, 2 jobs, submitted ")
    place.run("hep_sub", "rm", "1")
    until(lambda: offered(place, shell, "hep_rm ") == set())
    assert offered(place, shell, "hep_history ") == {"1"}
    [told] = place.fish_lines("hep_history ")
    assert told.endswith(", ended")
    assert not list(place.work.rglob("caught"))


def test_an_id_of_another_pool_than_the_usual_one_names_its_schedd(place: Place) -> None:
    """It has a colon and an @, at which readline parts words."""
    submit(place, "local")
    host = os.uname().nodename
    assert place.bash_line("hep_tail he") == f"hep_tail here@{host}:1 "
    assert place.bash_line("hep_tail here@") == f"hep_tail here@{host}:1 "
    assert place.bash_line(f"hep_tail here@{host}:1.\t1") == f"hep_tail here@{host}:1.1 "
    assert place.zsh_line(f"hep_tail here@{host}:1.1") == f"hep_tail here@{host}:1.1 "
    assert offered(place, "fish", "hep_tail he") == {f"here@{host}:1"}
