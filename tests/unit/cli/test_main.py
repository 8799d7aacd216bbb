"""From argv to an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hepsub.cli.main import PROGRAMS, VERBS, load, main
from hepsub.cli.options import Takes
from hepsub.cli.parse import parse
from tests.fakes.world import make_script

ROOT = Path(__file__).resolve().parents[3]


def started(
    *words: str, cwd: Path, program: str = "hep_sub", **variables: str
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with a home and a policy of the test's own."""
    return subprocess.run(
        [sys.executable, "-m", "hepsub", program, *words],
        cwd=cwd,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": os.environ["PATH"],
            "HOME": str(cwd / "home"),
            "CONDOR_CONFIG": "ONLY_ENV",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_shows_its_help(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    """-h is status 0 and stdout."""
    assert main(program, ["-h"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: {program} [options]")
    assert err == ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_shows_its_version(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line with x.y.z."""
    assert main(program, ["-version"]) == 0
    assert capsys.readouterr().out == f"{program} (hepsub) 0.1.0\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_refuses_an_unknown_option(
    program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, stderr, nothing on stdout."""
    assert main(program, ["-zzz"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{program}: error: unknown option '-zzz'\n")


@pytest.mark.parametrize("word", ["-json", "--json"])
def test_an_error_is_json_when_json_was_asked_for(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also an error of the command line itself."""
    assert main("hep_sub", ["-memm", "3", word]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "schema": "hepsub/1",
        "command": "hep_sub",
        "ok": False,
        "result": None,
        "problems": [
            {
                "code": "usage",
                "message": "unknown option '-memm'",
                "remedy": "did you mean '-mem'?",
            }
        ],
    }
    assert err == ""


@pytest.mark.parametrize("word", VERBS["hep_sub"])
def test_a_subcommand_is_found_by_the_first_word(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`hep_sub rm -h` is the help of the command behind it, not of hep_sub."""
    assert main("hep_sub", [word, "-h"]) == 0
    assert not capsys.readouterr().out.startswith("usage: hep_sub [options] script")


@pytest.mark.parametrize("word", ["./status", "Status", "stat", "statuses"])
def test_other_first_words_are_scripts(word: str, tmp_path: Path) -> None:
    """Only the exact name is a subcommand: a script called so is submitted as ./status."""
    done = started(word, cwd=tmp_path)
    assert done.returncode == 11
    assert "no such script" in done.stderr


def test_a_subcommand_is_only_the_first_word(tmp_path: Path) -> None:
    """`hep_sub -n 1 status` submits a script."""
    assert started("-n", "1", "status", cwd=tmp_path).returncode == 11


def test_a_designed_error_has_its_exit_code(tmp_path: Path) -> None:
    """A script without exec bit: 12, the cause and the command that mends it, nothing on stdout."""
    make_script(tmp_path).chmod(0o644)
    done = started("job.sh", cwd=tmp_path)
    assert done.returncode == 12
    assert done.stdout == ""
    assert done.stderr == (
        f"hep_sub: error: {tmp_path}/job.sh is not executable\nhep_sub: chmod +x {tmp_path}/job.sh\n"
    )


def test_a_policy_error_has_its_exit_code(tmp_path: Path) -> None:
    """Exit code 10, with file and line."""
    (tmp_path / "p.toml").write_text("[defaults]\nmemmory = 1\n")
    done = started("job.sh", cwd=tmp_path, HEPSUB_CONFIG=str(tmp_path / "p.toml"))
    assert done.returncode == 10
    assert f"{tmp_path}/p.toml line 2: unknown key 'memmory'" in done.stderr


def test_a_collector_that_does_not_answer_has_its_exit_code(tmp_path: Path) -> None:
    """Exit code 40 in JSON; a configured pool that is away is an error, never a silent switch."""
    make_script(tmp_path)
    (tmp_path / "p.toml").write_text("[pool.local]\ncollector = '127.0.0.1:9'\n")
    done = started("job.sh", "-json", cwd=tmp_path, HEPSUB_CONFIG=str(tmp_path / "p.toml"))
    assert done.returncode == 40
    document = json.loads(done.stdout)
    assert document["problems"][0]["code"] == "pool-unreachable"
    assert "127.0.0.1:9" in document["problems"][0]["message"]


def test_a_configuration_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """CONDOR_CONFIG names a file that is gone: exit code 40, never another pool instead."""
    make_script(tmp_path)
    done = started("job.sh", cwd=tmp_path, CONDOR_CONFIG="/no/such/condor_config")
    assert done.returncode == 40
    assert "/no/such/condor_config" in done.stderr
    assert done.stdout == ""


def test_a_dry_run_works_without_a_pool(tmp_path: Path) -> None:
    """Status 0, the plan on stdout, the pool's silence on stderr."""
    make_script(tmp_path)
    (tmp_path / "p.toml").write_text("[pool.local]\ncollector = '127.0.0.1:9'\n")
    done = started("job.sh", "-dry-run", cwd=tmp_path, HEPSUB_CONFIG=str(tmp_path / "p.toml"))
    assert done.returncode == 0
    assert done.stdout.startswith("Nothing is submitted. The plan:\n")
    assert "the pool could not be asked" in done.stderr


def test_a_bug_is_reported_with_a_file(tmp_path: Path) -> None:
    """Exit code 1; the traceback lies in a file of mode 0600 whose path is told."""
    script = (
        "import sys\n"
        "from hepsub.cli import main as command\n"
        "command.PROGRAMS['hep_sub'] = 'bug'\n"
        "sys.exit(command.main('hep_sub', []))\n"
    )
    (tmp_path / "bug.py").write_text(
        "from hepsub.cli.commands import hep_clus\n"
        "def run(session, values, talk):\n"
        "    raise ZeroDivisionError('secret detail \\udcff\\ud800')\n"
        "COMMAND = hep_clus.COMMAND._replace(run=run)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    reports = list((tmp_path / ".local/state/hepsub/reports").iterdir())
    assert done.returncode == 1
    assert len(reports) == 1
    assert str(reports[0]) in done.stderr
    assert "Traceback" not in done.stderr
    assert r"ZeroDivisionError: secret detail \udcff\ud800" in reports[0].read_text()
    assert oct(reports[0].stat().st_mode & 0o777) == "0o600"


def test_a_closed_pipe_is_no_bug(tmp_path: Path) -> None:
    """`hep_sub -h | head -1` ends quietly."""
    done = subprocess.run(
        ["/bin/bash", "-c", f"'{sys.executable}' -m hepsub hep_sub -h | true; echo ${{PIPESTATUS[0]}}"],
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout in ("0\n", "141\n")


@pytest.mark.parametrize("words", ["-h", "-h -json", "-completion bash", "-version"])
def test_a_full_disk_is_no_bug(words: str, tmp_path: Path) -> None:
    """Of what is printed without asking anybody, too: 71, and that it can be called again."""
    done = subprocess.run(
        ["/bin/sh", "-c", f"'{sys.executable}' -m hepsub hep_sub {words} >/dev/full"],
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 71
    assert "No space left on device" in done.stderr
    assert "call it again" in done.stderr


def test_only_argu_can_swallow_a_scripts_name() -> None:
    """Every other option of hep_sub takes one value or none."""
    many = [
        option.names[0]
        for option in load("hep_sub").options
        if option.takes in (Takes.MANY, Takes.PERHAPS_ONE)
    ]
    assert many == ["-argu"]


@pytest.mark.parametrize(
    ("program", "words", "expected"),
    [
        ("hep_q", [], {"user": None, "id": (), "ids": ()}),
        ("hep_q", ["-u"], {"user": ""}),
        ("hep_q", ["-u", "bob"], {"user": "bob"}),
        ("hep_q", ["-u", "-i", "13", "14.2"], {"user": "", "id": ("13", "14.2")}),
        ("hep_q", ["-i", "13", "-hold"], {"id": ("13",), "hold": True}),
        ("hep_q", ["13", "14"], {"ids": ("13", "14")}),
        ("hep_q", ["-stat", "R", "-p", "virtual"], {"stat": "R", "pool": "virtual"}),
        ("hep_rm", ["13", "14.0-9", "schedd07:15"], {"ids": ("13", "14.0-9", "schedd07:15"), "all": False}),
        ("hep_rm", ["-a"], {"all": True, "ids": ()}),
        ("hep_rm", ["-p", "virtual", "13"], {"pool": "virtual", "ids": ("13",)}),
        ("hep_edit", ["-m", "3000", "-a"], {"memory": 3000, "all": True}),
        ("hep_edit", ["13", "-m", "4GB"], {"memory": 4096, "ids": ("13",)}),
        ("hep_history", ["-n", "5", "-u", "bob"], {"number": 5, "user": "bob"}),
        ("hep_clus", ["-g", "cms", "--walltime"], {"group": "cms", "walltime": True}),
    ],
)  # fmt: skip
def test_the_other_commands_words(
    program: str, words: list[str], expected: dict[str, object]
) -> None:
    """HepJob's forms of the other commands."""
    values = parse(words, load(program))
    assert {key: values[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("program", "words", "message"),
    [
        ("hep_rm", [], "no job was named"),
        ("hep_hold", [], "no job was named"),
        ("hep_rm", ["-a", "13"], "both ids and -a were given"),
        ("hep_rm", ["job.sh"], "'job.sh' is no job id"),
        ("hep_edit", ["13"], "nothing to change was named"),
        ("hep_q", ["-stat", "Z"], "argument -stat/--stat: invalid choice: 'Z'"),
        ("hep_q", ["-hold", "-run"], "no job is in two states at once"),
        ("hep_q", ["-i"], "argument -i/--id: expected at least one argument"),
        ("hep_clus", ["cms"], "unrecognized arguments: cms"),
    ],
)
def test_what_the_other_commands_refuse(
    program: str, words: list[str], message: str, tmp_path: Path
) -> None:
    """Status 2 before any pool is asked."""
    done = started(*words, cwd=tmp_path, program=program)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{program}: error: {message}")
    assert done.stdout == ""
