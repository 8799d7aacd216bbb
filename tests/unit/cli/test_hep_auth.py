"""hep_auth's verbs: two doors, their words, what they print, and how a loop ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hepsub.actions.renew import rounds as renew_rounds
from hepsub.actions.renew.renew import Renewed
from hepsub.auth.renewal import RenewalState
from hepsub.cli.help import help_text, usage
from hepsub.cli.main import VERBS, find, load_verbs, main
from hepsub.cli.parse import parse
from hepsub.errors import UsageError
from hepsub.result import Result
from tests.fakes.credentials import make_token

ROOT = Path(__file__).resolve().parents[3]
ALL = sorted(VERBS["hep_auth"])


HERE = "[defaults]\npool = 'here'\n"
"""Whatever HTCondor this machine is configured for."""


def environment(home: Path, **variables: str) -> dict[str, str]:
    """A home, a policy and programs of the test's own; no agent, no ticket, no cron."""
    home.mkdir(exist_ok=True)
    (home / "bin").mkdir(exist_ok=True)
    for name in ("sh", "env", "cat"):
        link = home / "bin" / name
        if not link.is_symlink():
            link.symlink_to(f"/bin/{name}")
    return {
        "PYTHONPATH": str(ROOT),
        "PATH": str(home / "bin"),
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "KRB5CCNAME": f"FILE:{home}/krb5cc",
        "HEPSUB_HERE_DIR": str(home / "here"),
        "AWS_EC2_METADATA_DISABLED": "true",
        **variables,
    }


def started(
    home: Path, *words: str, program: str = "hep_auth", **variables: str
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "hepsub", program, *words],
        cwd=ROOT,
        env=environment(home, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def policy(home: Path, text: str) -> str:
    home.mkdir(exist_ok=True)
    path = home / "p.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("words", "name", "left"),
    [
        (["hep_auth"], "hep_auth", []),
        (["hep_auth", "renew", "-loop"], "hep_auth renew", ["-loop"]),
        (["hep_sub", "auth"], "hep_auth", []),
        (["hep_sub", "auth", "s3", "-process", "x"], "hep_auth s3", ["-process", "x"]),
        (["hep_auth", "-json", "renew"], "hep_auth", ["-json", "renew"]),
        (["hep_auth", "Renew"], "hep_auth", ["Renew"]),
        (["hep_auth", "token", "renew"], "hep_auth token", ["renew"]),
        (["hep_auth", "auth"], "hep_auth", ["auth"]),
        (["hep_sub", "token"], "hep_sub", ["token"]),
        (["hep_sub", "-n", "1", "auth"], "hep_sub", ["-n", "1", "auth"]),
        (["hep_rm", "login"], "hep_rm", ["login"]),
    ],
)
def test_a_verb_is_the_first_word_and_only_exactly(
    words: list[str], name: str, left: list[str]
) -> None:
    """Anything else is what it was."""
    command, rest = find(words[0], words[1:])
    assert (command.name, list(rest)) == (name, left)


@pytest.mark.parametrize("door", [["hep_auth"], ["hep_sub", "auth"]])
def test_the_help_lists_the_verbs(door: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With what each does."""
    assert main(door[0], [*door[1:], "-h"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: hep_auth [options]")
    for word, command in load_verbs("hep_auth").items():
        assert f"  hep_auth {word} " in out
        assert command.summary in out


@pytest.mark.parametrize("verb", ALL)
def test_every_verb_has_a_help_of_its_own(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Both doors show the same."""
    assert main("hep_auth", [verb, "-h"]) == 0
    out = capsys.readouterr().out
    command = load_verbs("hep_auth")[verb]
    assert out == help_text(command) + "\n"
    assert out.startswith(usage(command))
    assert main("hep_sub", ["auth", verb, "-h"]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize(
    ("verb", "words", "expected"),
    [
        ("token", ["iam", "-aud", "A", "-scope", "x", "-scope", "y:/", "-t", "5min"],
         {"name": ("iam",), "audience": "A", "scopes": ("x", "y:/"), "seconds": 300}),
        ("token", ["-t", "90"], {"name": (), "seconds": 90}),
        ("s3", ["-process", "herd"], {"process": True, "storage": ("herd",)}),
        ("s3", ["herd", "-process"], {"process": True, "storage": ("herd",)}),
        ("login", ["-krb"], {"krb": True, "iam": False, "names": ()}),
        ("login", ["a", "b"], {"names": ("a", "b")}),
        ("renew", ["-loop", "-every", "2 s"], {"loop": True, "every": 2}),
    ],
)  # fmt: skip
def test_the_words_of_the_verbs(verb: str, words: list[str], expected: dict[str, object]) -> None:
    """As they are in the help."""
    values = parse(words, load_verbs("hep_auth")[verb])
    assert {key: values[key] for key in expected} == expected


def test_a_duration_that_is_none_is_refused() -> None:
    """With what it may be."""
    with pytest.raises(UsageError, match="a number of seconds, or a text such as 10min"):
        parse(["-t", "soon"], load_verbs("hep_auth")["token"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["renew", "-loop", "-install"], "-loop and -install at once"),
        (["renew", "-every", "5min"], "-every goes with -loop"),
        (["s3", "-process", "-json", "x"], "-process prints a document of its own"),
        (["s3", "a", "b"], "unrecognized arguments: b"),
        (["renwe"], "unrecognized arguments: renwe"),
        (["login", "ima"], "no credential 'ima' in the policy"),
    ],
)
def test_what_is_refused(words: list[str], message: str, tmp_path: Path) -> None:
    """Status 2, and nothing is done."""
    done = started(tmp_path / "home", *words)
    assert done.returncode == 2
    assert message in (done.stdout if "-json" in words else done.stderr)
    assert "-json" in words or not done.stdout


def test_the_table_of_a_laptop(tmp_path: Path) -> None:
    """Neither ticket nor token is needed there: exit code 0, no error, the rows last."""
    done = started(tmp_path / "home", HEPSUB_CONFIG=policy(tmp_path / "home", HERE))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["schedd", "here"],
        ["Kerberos", "krb"],
        ["token", "iam"],
    ]
    assert lines[2].split()[2:] == [
        "(credential-missing)",
        "-",
        "-",
        "-",
        "hep_auth",
        "login",
        "krb",
    ]


def test_what_is_needed_and_missing_is_the_exit_code(tmp_path: Path) -> None:
    """A site that wants a ticket, and there is none: 54, in JSON too."""
    site = "[site.s]\nrequirements = 'true'\ncredentials = ['krb']\n"
    text = policy(tmp_path / "home", HERE + site)
    done = started(tmp_path / "home", HEPSUB_CONFIG=text)
    assert done.returncode == 54
    assert "hep_auth: error: kerberos krb: you have no Kerberos ticket" in done.stderr
    done = started(tmp_path / "home", "-json", HEPSUB_CONFIG=text)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["command"]) == (54, False, "hep_auth")
    assert [each["code"] for each in document["problems"]] == ["credential-missing"]


def test_login_without_a_terminal_tells_the_commands(tmp_path: Path) -> None:
    """And ends with the exit code of what is missing."""
    done = started(tmp_path / "home", "login", "-krb")
    assert done.returncode == 54
    assert done.stdout.splitlines()[1] == "  kinit -r 30d"


def test_a_token_on_stdout(tmp_path: Path) -> None:
    """One line; in JSON under `result`."""
    text = make_token(time.time(), 1000).decode()
    done = started(tmp_path / "home", "token", BEARER_TOKEN=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{text}\n", "")
    done = started(tmp_path / "home", "token", "-json", program="hep_auth", BEARER_TOKEN=text)
    assert json.loads(done.stdout)["result"]["token"] == text


def test_keys_for_aws_are_all_there_is_on_stdout(tmp_path: Path) -> None:
    """Of a profile of ~/.aws; by both doors. Whether the store takes them is asked only where people ask."""
    home = tmp_path / "home"
    text = policy(home, "[storage.x]\nendpoint = 'http://127.0.0.1:1'\nprofile = 'p'\n")
    (home / "keys").write_text("[p]\naws_access_key_id = AKIAX\naws_secret_access_key = s3cr3t\n")
    variables = {"HEPSUB_CONFIG": text, "AWS_SHARED_CREDENTIALS_FILE": str(home / "keys")}
    expected = {"Version": 1, "AccessKeyId": "AKIAX", "SecretAccessKey": "s3cr3t"}
    for words, program in (
        (["s3", "-process"], "hep_auth"),
        (["auth", "s3", "-process"], "hep_sub"),
    ):
        done = started(home, *words, program=program, **variables)
        assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, expected, "")
    done = started(home, "s3", **variables)
    assert (done.returncode, done.stdout) == (35, "x: key AKIA…, from ~/.aws\n")
    assert "the storage x at http://127.0.0.1:1 does not answer (ConnectionRefusedError): " in (
        done.stderr
    )


def test_no_keys_are_an_error_with_an_empty_stdout(tmp_path: Path) -> None:
    """An SDK shows what stands on stderr."""
    text = policy(tmp_path / "home", "[storage.x]\nendpoint = 'https://x'\n")
    done = started(tmp_path / "home", "s3", "-process", HEPSUB_CONFIG=text)
    assert (done.returncode, done.stdout) == (34, "")
    assert "no keys for the storage x" in done.stderr


def test_a_round_with_nothing_to_do(tmp_path: Path) -> None:
    """Says so, and leaves a state; -quiet says nothing."""
    home = tmp_path / "home"
    done = started(home, "renew")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no waiting or running job has anything that could be renewed\n"
    done = started(home, "renew", "-quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = started(home, "renew", "-status")
    assert done.returncode == 0
    assert done.stdout.startswith("not installed on ")
    assert "it seems to run by itself" in done.stdout


def test_where_nothing_would_run_it_the_installation_says_so(tmp_path: Path) -> None:
    """Exit code 59, and what is left."""
    done = started(tmp_path / "home", "renew", "-install")
    assert (done.returncode, done.stdout) == (59, "")
    assert "there is no systemd for users here; crontab is not installed" in done.stderr
    assert "hep_auth renew -loop" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_ends_when_it_is_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    """After some rounds, with exit code 0: that is its ordinary end."""
    home = tmp_path / "home"
    running = subprocess.Popen(
        [sys.executable, "-m", "hepsub", "hep_auth", "renew", "-loop", "-every", "1s"],
        cwd=ROOT,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        states = _moments(home / ".local/share/hepsub/bundles/.renew/state.json", 2)
        assert len(states) == 2
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    finally:
        running.kill()
    assert (running.returncode, err) == (0, "")
    assert out.endswith(" round(s)\n")


def _moments(state: Path, number: int) -> set[float]:
    """When the rounds ended, once there were so many."""
    seen: set[float] = set()
    end = time.monotonic() + 40
    while len(seen) < number and time.monotonic() < end:
        if state.exists():
            seen.add(json.loads(state.read_text())["when"])
        time.sleep(0.1)
    return seen


def test_a_loop_says_once_what_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that refuses for good would fill the log of a container."""
    state = RenewalState()
    rounds = [("a",), ("a", "b"), ("b",), ("a", "b")]
    said: list[str] = []

    def one_round(*, unattended: bool) -> Result[Renewed]:
        assert unattended
        notes = rounds.pop(0)
        if not rounds:
            os.kill(os.getpid(), signal.SIGTERM)
        return Result(value=Renewed(state=state, busy=False, pause=0), notes=notes)

    monkeypatch.setattr(renew_rounds, "one_round", one_round)
    monkeypatch.setattr(renew_rounds, "_SHORTEST_S", 0.0)
    renew_rounds.loop(None, said.append)
    assert said == ["a", "b", "a"]


def test_a_loop_goes_on_where_a_file_system_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home directory that is away for a while is there again later."""
    rounds: list[OSError | None] = [OSError(errno.ESTALE, "Stale file handle", "/h/x"), None]
    said: list[str] = []

    def one_round(*, unattended: bool) -> Result[Renewed]:
        assert unattended
        trouble = rounds.pop(0)
        if trouble is not None:
            raise trouble
        os.kill(os.getpid(), signal.SIGTERM)
        return Result(value=Renewed(state=RenewalState(), busy=False, pause=0))

    monkeypatch.setattr(renew_rounds, "one_round", one_round)
    for name in ("_SHORTEST_S", "_AFTER_TROUBLE_S"):
        monkeypatch.setattr(renew_rounds, name, 0.0)
    renew_rounds.loop(None, said.append)
    assert said == [f"nothing was renewed: [Errno {errno.ESTALE}] Stale file handle: '/h/x'"]
    assert rounds == []


def test_a_loop_goes_on_after_a_trouble(tmp_path: Path) -> None:
    """A policy that is being edited; a later round reads it again."""
    home = tmp_path / "home"
    text = policy(home, "")
    state = home / ".local/share/hepsub/bundles/.renew/state.json"
    running = subprocess.Popen(
        [sys.executable, "-m", "hepsub", "hep_auth", "renew", "-loop", "-every", "1s"],
        cwd=ROOT,
        env=environment(home, HEPSUB_CONFIG=text),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    try:
        assert _moments(state, 1)
        policy(home, "[renew]\nevvery = '1 h'\n")
        assert "line 2: unknown key 'evvery'" in running.stderr.readline()
        policy(home, "")
        assert len(_moments(state, 2)) == 2
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == 0
    finally:
        running.kill()
        running.stderr.close()


@pytest.mark.parametrize("closed", ["stdin", "stderr"])
def test_login_where_a_stream_is_closed_is_one_without_a_terminal(
    closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`hep_auth login <&-`: Python has None there, which is no terminal."""
    for name, text in environment(tmp_path, HEPSUB_CONFIG=policy(tmp_path, HERE)).items():
        monkeypatch.setenv(name, text)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(sys, closed, None)
    assert main("hep_auth", ["login"]) == 0
    assert "hep_auth shows the S3 keys" in capsys.readouterr().out
