"""What a command loads before it does anything: its users wait for that each time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hepsub.cli.main import PROGRAMS, VERBS
from tests.fakes.world import make_script

_MOST = 12
"""Modules of hepsub that help may load, its own included."""
_WITH_POLICY = 25
"""The same for help that names the groups, classes and systems of the policy."""
_DRY_RUN, _SUBMISSION = 62, 68
"""The same for a plain job where a pool answers."""
_NOT_FOR_A_PLAIN_JOB = {
    "hepsub.bundle",
    "hepsub.storage",
    "hepsub.auth",
    "hepsub.tools",
    "hepsub.local",
}
_HEAVY = {
    "htcondor2", "classad2", "boto3", "botocore", "rich", "urllib3", "sqlite3", "click", "cryptography",
}  # fmt: skip
_NOT_AT_ONCE = {"hashlib", "shutil", "tempfile", "logging", "socket"}
"""What a plain submission has no need of; some of it comes with HTCondor's bindings, which are none here."""
_ASK = """
import builtins, re._compiler, sys
from collections import Counter

made = Counter()
def counted(what, original):
    def count(*args, **kwargs):
        if what == "classes":
            name = args[0].__globals__["__name__"]
        else:
            frame = sys._getframe(1)
            while (name := frame.f_globals["__name__"]).split(".")[0] in ("re", "functools"):
                frame = frame.f_back
        made[what] += name.split(".")[0] == "hepsub"
        return original(*args, **kwargs)
    return count
builtins.__build_class__ = counted("classes", builtins.__build_class__)
re._compiler.compile = counted("patterns", re._compiler.compile)
def compiled(*args, original=builtins.compile, **kwargs):
    frame = sys._getframe(1)
    while (name := frame.f_globals["__name__"]).split(".")[0] == "typing":
        frame = frame.f_back
    made["texts"] += name.split(".")[0] == "hepsub"
    return original(*args, **kwargs)
builtins.compile = compiled
from hepsub.cli.main import main
code = main(sys.argv[1], sys.argv[2:])
print(*sorted(sys.modules), *(f"{what}={number}" for what, number in made.items()), sep="\\n", file=sys.stderr)
sys.exit(code)
"""
_HELP_MAKES = {"classes": 70, "patterns": 0, "texts": 0}
_HELP_WITH_POLICY_MAKES = {"classes": 93, "patterns": 4, "texts": 0}
_SUBMISSION_MAKES = {"classes": 163, "patterns": 12, "texts": 0}
"""So many classes are made, and regular expressions and annotations compiled, at most.

Each takes as long as a small module, the first annotation (that of a NamedTuple, say) as long as a large one.
"""

_POOL = """
import sys, types

class Collector:
    def __init__(self, where): pass
    def query(self, kind, constraint, projection):
        return [{"Name": "schedd01", "Machine": "a", "CondorVersion": "25.0.0", "MyAddress": "<127.0.0.1:1>"}]

class Schedd:
    def __init__(self, ad): pass
    def submit(self, description, count, spool): return types.SimpleNamespace(cluster=lambda: 13)

sys.modules["htcondor2"] = types.SimpleNamespace(
    HTCondorException=OSError, AdType=types.SimpleNamespace(Schedd=1), param={}, Collector=Collector, Schedd=Schedd,
    Submit=str,
)
"""


_GARBAGE = """
import atexit, gc, json, sys
from hepsub.__main__ import run

before = gc.get_stats()
def tell():
    now = [each["collections"] - old["collections"] for each, old in zip(gc.get_stats(), before)]
    print(json.dumps([now, gc.get_freeze_count()]), file=sys.stderr)
atexit.register(tell)
run()
"""


def loaded(*words: str, **variables: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", _ASK, *words],
        capture_output=True,
        text=True,
        check=True,
        env=variables or None,
    )
    return set(done.stderr.split())


def check_made(said: set[str], most: dict[str, int]) -> None:
    """Compare what a command made with what it may make."""
    made = {what: int(number) for each in said for what, eq, number in [each.partition("=")] if eq}
    assert made
    assert {what: number for what, number in made.items() if number > most[what]} == {}


def ours(modules: set[str]) -> list[str]:
    return sorted(each for each in modules if each.split(".")[0] == "hepsub")


@pytest.mark.parametrize("program", [*PROGRAMS])
def test_help_loads_little(program: str) -> None:
    modules = loaded(program, "-h")
    assert not {each.split(".")[0] for each in modules} & _HEAVY
    check_made(modules, _HELP_MAKES)
    assert "msgspec" not in modules
    verbs = len(VERBS["hep_auth"]) if program == "hep_auth" else 0  # it says what each does
    assert len(ours(modules)) <= _MOST + verbs


@pytest.mark.parametrize("words", [("hep_sub", "-help", "all"), ("hep_clus", "-h")])
def test_help_that_reads_a_policy_loads_no_more_than_that(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text("[defaults]\ncpus = 1\n")
    modules = loaded(*words, HEPSUB_CONFIG=str(tmp_path / "policy.toml"))
    assert not {each.split(".")[0] for each in modules} & _HEAVY
    assert len(ours(modules)) <= _WITH_POLICY
    check_made(modules, _HELP_WITH_POLICY_MAKES)


@pytest.mark.parametrize("verb", ["login", "renew", "s3", "token"])
def test_help_of_a_verb_loads_little_more(verb: str) -> None:
    modules = loaded("hep_auth", verb, "-h")
    assert len(ours(modules)) <= _MOST + 1
    assert not {each.split(".")[0] for each in modules} & (_HEAVY | {"msgspec"})


@pytest.mark.parametrize(("words", "most"), [(["-dry-run"], _DRY_RUN), ([], _SUBMISSION)])
def test_a_plain_job_loads_nothing_of_what_travels(
    tmp_path: Path, words: list[str], most: int
) -> None:
    make_script(tmp_path)
    (tmp_path / "policy.toml").write_text(
        '[pool.local]\ncollector = "127.0.0.1"\n[defaults]\npool = "local"\n'
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", _POOL + _ASK, "hep_sub", *words, "job.sh"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "HEPSUB_CONFIG": str(tmp_path / "policy.toml")},
    )
    assert "cluster 13" in done.stdout or words
    modules = set(done.stderr.split())
    assert not {each for each in modules if ".".join(each.split(".")[:2]) in _NOT_FOR_A_PLAIN_JOB}
    assert not modules & _NOT_AT_ONCE
    check_made(modules, _SUBMISSION_MAKES)
    assert len(ours(modules)) <= most


_LISTING = 50
"""Modules of hepsub that a table of the queue needs, from the session to its text."""


def test_a_look_at_the_queue_loads_little() -> None:
    """No plan, no bundle, no program to start: the schedd is asked, and its answer shown."""
    wanted = (
        "hepsub.session", "hepsub.condor.schedd", "hepsub.actions.queue.query", "hepsub.actions.queue.status",
        "hepsub.actions.queue.control", "hepsub.cli.output", "hepsub.cli.text.queue",
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


def test_what_seals_letters_is_loaded_when_one_is_sealed() -> None:
    """Submissions with files, and rounds of the renewal, mostly have none."""
    wanted = "hepsub.actions.renew.renew, hepsub.actions.submit.stage, hepsub.bundle.mailbox"
    program = f"import sys, {wanted}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert "hepsub.bundle.sealing" in done.stdout.split()
    assert not any(each.startswith("cryptography") for each in done.stdout.split())


def test_nobody_looks_for_garbage_while_a_command_starts_and_ends() -> None:
    """Python does so after each 700 objects and at the end, which takes a tenth of a short command's time."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _GARBAGE, "hep_sub", "-h"],
        capture_output=True,
        text=True,
        check=True,
    )
    collections, frozen = json.loads(done.stderr)
    assert collections == [0, 0, 0]
    assert frozen > 1000
