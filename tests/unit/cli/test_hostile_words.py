"""Hostile words, names and policies: nothing that a terminal obeys leaves hepsub raw, whatever is refused."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.actions.auth.login import Login, Told
from hepsub.actions.auth.s3 import StorageKeys
from hepsub.actions.auth.status import AuthStatus, Row
from hepsub.actions.queue.cluster import ClusterReport, ClusterReports
from hepsub.actions.queue.control import Control, Outcome
from hepsub.actions.queue.counted import ClusterStatus
from hepsub.actions.queue.edit import Change, Edited
from hepsub.actions.queue.failures import Failure, Stderr
from hepsub.actions.queue.history import Past
from hepsub.actions.queue.query import Listing
from hepsub.actions.queue.status import Status
from hepsub.actions.queue.walltimes import Walltimes
from hepsub.actions.queue.why import Explanation, Explanations
from hepsub.actions.renew.install import Uninstalled
from hepsub.batch import Act, State
from hepsub.cli.main import PROGRAMS, VERBS, load, load_verbs, main
from hepsub.cli.options import Command, Kind, Takes
from hepsub.cli.output import error, render_text
from hepsub.result import Problem, Result, Value
from tests.fakes.batch import make_job
from tests.fakes.world import make_script

HOSTILE = "a\x1b[2J\x1b]0;t\x07\b\x9b31m\u202egpj\u2066\u2028\r\n13.0 root\udc9b"
TOML_HOSTILE = r"a\u001b[2J\u0000\u009b31m\u202e\n13.0 root"
POLICY = """\
[pool.local]
collector = "127.0.0.1:9"
"""


def assert_harmless(captured: tuple[str, str], words: object) -> None:
    """No character that moves a cursor, hides or turns a text, or forges a line."""
    for text in captured:
        unsafe = {
            each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        }
        assert unsafe <= {"\n"}, (words, text)
        assert not any(line.startswith("13.0 root") for line in text.split("\n")), (words, text)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory with a script, a home, and a policy whose pool does not answer."""
    make_script(tmp_path)
    (tmp_path / "policy.toml").write_text(POLICY)
    for name in ("HEPSUB_POOL", "BEARER_TOKEN", "KRB5CCNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDOR_CONFIG", "ONLY_ENV")
    monkeypatch.setenv("HEPSUB_CONFIG", str(tmp_path / "policy.toml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> Iterator[tuple[str, list[str], Command]]:
    """Every command, by the program and the words that reach it."""
    for program in PROGRAMS:
        yield program, [], load(program)
    for program in VERBS:
        for word, command in load_verbs(program).items():
            yield program, [word], command


def lines() -> Iterator[tuple[str, list[str]]]:
    """Command lines in which something is hostile: the word, an option, each option's value."""
    for program, words, command in commands():
        rest = ["job.sh", "-dry-run"] if command.name == "hep_sub" else []
        yield program, [*words, HOSTILE]
        yield program, [*words, f"-{HOSTILE}"]
        yield program, [*words, f"--{HOSTILE}=1"]
        yield program, [*words, "13", HOSTILE, HOSTILE]
        for option in command.options:
            if option.takes is not Takes.NOTHING:
                yield program, [*words, *rest, option.names[0], HOSTILE]
                yield program, [*words, *rest, option.names[0], HOSTILE, HOSTILE]


LINES = [each for each in lines() if "demo" not in each[1][:1]]


@pytest.mark.parametrize(("program", "words"), LINES, ids=range(len(LINES)))
def test_no_refusal_brings_a_hostile_word_raw(
    program: str, words: list[str], place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of every command, in each of its options; what is shown for a dry run, too."""
    code = main(program, words)
    captured = capfd.readouterr()
    assert code != 1, captured.err
    assert_harmless(captured, words)


NUMBERS = (Kind.INTEGER, Kind.POSITIVE, Kind.COUNT, Kind.MEMORY)
NUMERIC = [
    (program, [*words, option.names[0]])
    for program, words, command in commands()
    for option in command.options
    if option.kind in (*NUMBERS, Kind.DURATION)
]


@pytest.mark.parametrize("digits", [20, 400, 5000])
@pytest.mark.parametrize(("program", "words"), NUMERIC, ids=str)
def test_a_number_that_no_batch_system_counts_to_is_refused(
    program: str, words: list[str], digits: int, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the embedded pool's queue nor an attribute of a job holds more than 64 bits."""
    assert main(program, [*words, "9" * digits, "-json"]) == 2
    assert f"argument {words[-1]}" in json.loads(capfd.readouterr().out)["problems"][0]["message"]


SECTIONS = [
    f'"{TOML_HOSTILE}" = 1',
    f'["{TOML_HOSTILE}"]\nx = 1',
    f'[pool."{TOML_HOSTILE}"]\ncollector = "127.0.0.1:9"\n[defaults]\npool = "{TOML_HOSTILE}"',
    f'[pool.local]\ncollector = "{TOML_HOSTILE}"',
    f'[pool.local]\n"{TOML_HOSTILE}" = 1',
    f'[defaults]\nmemory = "{TOML_HOSTILE}"',
    f'[site."{TOML_HOSTILE}"]\nrequirements = "true"',
    f'[os."{TOML_HOSTILE}"]\nimage = "{TOML_HOSTILE}"',
    f'[storage."{TOML_HOSTILE}"]\nendpoint = "{TOML_HOSTILE}"\nbucket = "{TOML_HOSTILE}"',
    f'[storage.s]\nendpoint = "http://127.0.0.1:9"\nbucket = "{TOML_HOSTILE}"\ndefault = true',
    f'[credential."{TOML_HOSTILE}"]\nkind = "token"',
    f'[credential.t]\nkind = "{TOML_HOSTILE}"',
    f'[credential.t]\nkind = "token"\ncommand = ["false", "{TOML_HOSTILE}"]',
    f'[limits]\nfactory_above = "{TOML_HOSTILE}"',
    f'x = "{TOML_HOSTILE}',
    'x = "\x1b[2J\u202e"\n\x9b',
]
COMMANDS = (
    "hep_sub job.sh -dry-run",
    "hep_q",
    "hep_auth",
    "hep_auth s3 s",
    "hep_auth token t",
    "hep_mount -ls",
)


@pytest.mark.parametrize("section", SECTIONS, ids=range(len(SECTIONS)))
@pytest.mark.parametrize("line", COMMANDS)
@pytest.mark.parametrize("nul", ["", "\\u0000"])
def test_no_policy_brings_a_hostile_text_raw(
    nul: str, line: str, section: str, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Names of sections, keys and values, with and without a NUL, which no value can have."""
    extended = section if "pool.local" in section else f"{section}\n{POLICY}"
    (place / "policy.toml").write_text(extended.replace("\\u0000", nul))
    program, *words = line.split()
    assert main(program, words) != 1
    assert_harmless(capfd.readouterr(), line)


@pytest.mark.parametrize("name", ["x\x1b[2J\n13.0 root\u202e", "\x9b31m", "dat\udce9\udc9b"])
def test_no_name_of_a_file_is_brought_raw(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of a directory, a script, a list, a policy."""
    directory = place / name
    directory.mkdir()
    monkeypatch.chdir(directory)
    make_script(directory, name)
    make_script(directory, "job.sh").chmod(0o644)
    (directory / "list").write_text(f"{name.encode(errors='replace').decode()}\n")
    for words in (
        [name, "-dry-run"],
        ["job.sh"],
        [name, "-list", "list", "-dry-run", "-argu", "%{item}"],
    ):
        assert main("hep_sub", words) != 1
        assert_harmless(capfd.readouterr(), words)
    for policy in (place / name / "none.toml", place / name):
        monkeypatch.setenv("HEPSUB_CONFIG", str(policy))
        assert main("hep_q", []) != 1
        assert_harmless(capfd.readouterr(), policy)


@pytest.mark.parametrize("words", [[HOSTILE], ["-u", "\x7f\x1b"], ["-i", HOSTILE]])
def test_json_is_ascii_that_holds_the_text_itself(
    words: list[str], place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A program gets what was written, as JSON escapes it; DEL, too."""
    main("hep_q", [*words, "-json"])
    out, _ = capfd.readouterr()
    assert out.rstrip("\n").isprintable()
    assert out.isascii()
    assert json.loads(out)["problems"]


EVIL = "e\x1b[8m\x9b2J\u202e\n13.0 root"
JOB = make_job(
    "13.1",
    State.HELD,
    command=EVIL,
    arguments=(EVIL,),
    name=EVIL,
    hold_reason=EVIL,
    host=EVIL,
    remove_reason=EVIL,
)
RESULTS: list[Value] = [
    Listing(pool="local", jobs=(JOB,), unmade=(), reasons=True),
    Past(pool="local", jobs=(JOB,)),
    Explanations(
        explanations=(
            Explanation(
                jobs=("13.1",), state=State.HELD, sentence=EVIL, details=(EVIL,), next_command=EVIL
            ),
        )
    ),
    Status(
        pool="local",
        clusters=(
            ClusterStatus(
                pool="local",
                schedd="s",
                cluster=1,
                name=EVIL,
                submitted=5,
                idle=0,
                running=0,
                held=1,
                reason=EVIL,
            ),
        ),
    ),
    ClusterReports(
        pool="local",
        clusters=(
            ClusterReport(
                pool="local",
                schedd="s",
                cluster=1,
                name=EVIL,
                submitted=5,
                idle=0,
                running=0,
                held=1,
                reason=EVIL,
                failures=(
                    Failure(
                        state=State.COMPLETED,
                        reason=EVIL,
                        exit_code=1,
                        exit_signal=None,
                        ids=(EVIL,),
                        number=1,
                        message=EVIL,
                        stderr=Stderr(job=EVIL, path=EVIL, lines=(EVIL,)),
                        next_command=EVIL,
                    ),
                ),
                commands=(EVIL,),
            ),
        ),
        now=9,
    ),
    Control(act=Act.REMOVE, number=1, outcomes=(Outcome(meant=EVIL, number=1),)),
    Edited(number=1, changes=(Change(meant=EVIL, number=1, what="memory", old=1, new=2),)),
    Walltimes(group=EVIL, limits={EVIL: 60}),
    AuthStatus(credentials=(Row(kind="token", name=EVIL, who=EVIL, note=EVIL, expires=9),), now=5),
    Login(credentials=(Told(name=EVIL, text=EVIL, good=False, commands=(EVIL,)),)),
    Uninstalled(removed=(EVIL,), host=EVIL),
    StorageKeys(storage=EVIL, key=EVIL, token=EVIL, good=True, expires=9, now=5),
]


@pytest.mark.parametrize("value", RESULTS, ids=lambda value: type(value).__name__)
def test_no_value_brings_a_hostile_text_raw(
    value: Value, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a job, a store, a server: on a pipe, and on a terminal, where only rich's own colours are left."""
    problem = Problem(code="x", message=EVIL, remedy=EVIL)
    result = Result(value=value, notes=(EVIL,), problems=(problem,))
    render_text("hep_x", result, quiet=False)
    assert_harmless(capsys.readouterr(), value)
    monkeypatch.setenv("FORCE_COLOR", "1")
    render_text("hep_x", result, quiet=False)
    out, err = capsys.readouterr()
    assert_harmless((re.sub(r"\x1b\[(0|1|2|31)m", "", out), err), value)


def test_only_a_list_of_hepsubs_own_has_lines_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They are indented, so that none of them looks like another message."""
    error("hep_sub", Problem(code="x", message="2 inputs:\n  a\n  hep_sub: error: b\nhep_sub: c"))
    assert capsys.readouterr().err == (
        "hep_sub: error: 2 inputs:\n  a\n  hep_sub: error: b\\nhep_sub: c\n"
    )
