"""What a command loads before it does anything: its users wait for that each time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hepsub.cli.main import PROGRAMS, VERBS

_MOST = 15
"""Modules of hepsub that help may load, its own included."""
_WITH_POLICY = 45
"""The same for help that names the groups, classes and systems of the policy."""
_HEAVY = {"htcondor2", "classad2", "boto3", "botocore", "rich", "urllib3", "sqlite3"}
_ASK = """
import sys
from hepsub.cli.main import main
code = main(sys.argv[1], sys.argv[2:])
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
sys.exit(code)
"""


def loaded(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", _ASK, *words], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def ours(modules: set[str]) -> list[str]:
    return sorted(each for each in modules if each.split(".")[0] == "hepsub")


@pytest.mark.parametrize("program", [*PROGRAMS])
def test_help_loads_little(program: str) -> None:
    modules = loaded(program, "-h")
    assert not {each.split(".")[0] for each in modules} & _HEAVY
    if program in ("hep_sub", "hep_clus"):
        assert len(ours(modules)) <= _WITH_POLICY
        return
    assert "msgspec" not in modules
    verbs = len(VERBS["hep_auth"]) if program == "hep_auth" else 0  # it says what each does
    assert len(ours(modules)) <= _MOST + verbs


@pytest.mark.parametrize("verb", ["login", "renew", "s3", "token"])
def test_help_of_a_verb_loads_little_more(verb: str) -> None:
    modules = loaded("hep_auth", verb, "-h")
    assert len(ours(modules)) <= _MOST + 1
    assert not {each.split(".")[0] for each in modules} & (_HEAVY | {"msgspec"})


_LISTING = 50
"""Modules of hepsub that a table of the queue needs, from the session to its text."""


def test_a_look_at_the_queue_loads_little() -> None:
    """No plan, no bundle, no program to start: the schedd is asked, and its answer shown."""
    wanted = (
        "hepsub.session", "hepsub.condor.schedd", "hepsub.actions.queue.query", "hepsub.actions.queue.status",
        "hepsub.actions.queue.control", "hepsub.cli.render", "hepsub.cli.text.queue",
    )  # fmt: skip
    program = f"import sys, {', '.join(wanted)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    modules = set(done.stdout.split())
    assert not {each.split(".")[0] for each in modules} & _HEAVY
    assert "subprocess" not in modules
    assert len(ours(modules)) <= _LISTING
    assert not [
        each for each in ours(modules) if each.startswith(("hepsub.bundle", "hepsub.tools"))
    ]
