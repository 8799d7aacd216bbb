"""Who calls, where from and when."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from hepsub.situation import caller_environment, home_directory, login_name, read_situation, set_own

SHOW = """
import json
from hepsub.situation import read_situation
s = read_situation()
print(json.dumps({"cwd": str(s.cwd), "home": str(s.home), "environment": dict(s.environment),
                  "user": s.user, "uid": s.uid, "groups": s.groups}))
"""
ROOT = Path(__file__).resolve().parents[2]


def shown(cwd: Path, **variables: str) -> dict[str, object]:
    """The situation of a process in this directory with these variables only."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    ("given", "callers"),
    [
        ({"A": "1"}, {"A": "1"}),
        ({"HEPSUB_SAVED_LD_LIBRARY_PATH": "/lib"}, {"LD_LIBRARY_PATH": "/lib"}),
        ({"HEPSUB_SAVED_LD_PRELOAD": ""}, {"LD_PRELOAD": ""}),
        ({"LD_PRELOAD": "b", "HEPSUB_SAVED_LD_PRELOAD": "a"}, {"LD_PRELOAD": "a"}),
        ({"HEPSUB_CONFIG": "/c"}, {"HEPSUB_CONFIG": "/c"}),
    ],
)
def test_the_callers_environment_is_as_it_was(
    given: dict[str, str], callers: dict[str, str]
) -> None:
    """What the launcher put aside is back in its place, and the launcher's names are gone."""
    assert caller_environment(given) == callers


def test_the_directory_is_the_one_that_the_user_sees(tmp_path: Path) -> None:
    """$PWD names the way through a link: that name travels, not what the link stands for."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    seen = shown(tmp_path / "link", PWD=str(tmp_path / "link"))
    assert seen["cwd"] == f"{tmp_path}/link"


@pytest.mark.parametrize(
    ("variables", "user", "home"),
    [
        ({"USER": "alice", "LOGNAME": "bob", "HOME": "/h"}, "alice", "/h"),
        ({"LOGNAME": "bob"}, "bob", "/"),
        ({}, str(os.getuid()), "/"),
    ],
)
def test_a_uid_without_a_line_in_passwd(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], user: str, home: str
) -> None:
    """Containers run under any number; the names are then the environment's, or the number."""

    def nobody(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("USER", "LOGNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = read_situation()
    assert (found.user, found.home) == (user, Path(home))
    assert home_directory(variables) == Path(home)
    assert login_name(os.getuid()) == f"uid {os.getuid()}"


def as_nobody(
    words: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run something as a uid without a line in passwd."""
    return subprocess.run(
        words,
        cwd="/",
        env={"PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
        user=54321,
        group=54321,
        extra_groups=[],
    )


def others_may_read() -> bool:
    """Whether the checkout and the interpreter of these tests are anybody's to use."""
    if os.getuid() != 0:
        return False
    with contextlib.suppress(PermissionError):
        return as_nobody([sys.executable, "-c", "import hepsub.situation"], {}).returncode == 0
    return False


@pytest.mark.skipif(
    not others_may_read(), reason="it takes root, and a checkout that others can read"
)
@pytest.mark.parametrize("with_home", [True, False])
@pytest.mark.parametrize("words", [("hep_auth",), ("hep_auth", "renew", "-status"), ("hep_q",)])
def test_no_command_fails_for_a_uid_without_a_line_in_passwd(
    words: tuple[str, ...], *, with_home: bool
) -> None:
    """What a command then says may be an error, but none of hepsub's own."""
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, 54321, 54321)
        variables = {"HOME": home} if with_home else {}
        here = {"HEPSUB_HERE_DIR": f"{home}/here", "CONDOR_CONFIG": "/nonexistent"}
        policy = Path(home, "p.toml")
        policy.write_text('[defaults]\npool = "here"\n')
        policy.chmod(0o644)
        done = as_nobody(
            [sys.executable, "-m", "hepsub", *words],
            {"HEPSUB_CONFIG": str(policy), **here, **variables},
        )
    assert done.returncode in (0, 59), done.stderr


@pytest.mark.parametrize("lie", ["/nowhere", "/", "relative", ""])
def test_a_false_pwd_is_not_believed(tmp_path: Path, lie: str) -> None:
    """A $PWD that is stale, relative or empty gives way to the kernel's answer."""
    assert shown(tmp_path, PWD=lie)["cwd"] == str(tmp_path)


def test_the_home_directory_is_the_environments(tmp_path: Path) -> None:
    """$HOME is where the user's files are, whatever the passwd entry says."""
    assert shown(tmp_path, HOME="/home/elsewhere")["home"] == "/home/elsewhere"


def test_the_situation_knows_its_user(tmp_path: Path) -> None:
    """User id and groups are those of the process, the primary group first."""
    seen = shown(tmp_path)
    done = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True)
    groups = seen["groups"]
    assert isinstance(groups, list)
    assert seen["uid"] == os.getuid()
    assert groups[0] == done.stdout.strip()


def test_what_hepsub_sets_for_its_libraries_is_not_the_callers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In hep_auth renew -loop a token shown to a schedd would hide the user's own for ever."""
    monkeypatch.setattr("hepsub.situation._OWN", {})
    monkeypatch.setenv("BEARER_TOKEN", "the caller's")
    monkeypatch.delenv("HEPSUB_TEST_ONLY", raising=False)
    set_own("BEARER_TOKEN", "one for the schedd")
    set_own("BEARER_TOKEN", "its successor")
    monkeypatch.setenv("HEPSUB_TEST_ONLY", "")  # so that it is removed again
    monkeypatch.delenv("HEPSUB_TEST_ONLY")
    set_own("HEPSUB_TEST_ONLY", "1")
    assert os.environ["BEARER_TOKEN"] == "its successor"
    environment = read_situation().environment
    assert environment["BEARER_TOKEN"] == "the caller's"
    assert "HEPSUB_TEST_ONLY" not in environment


LIBRARIES = str(Path(msgspec.__file__).parents[1])


@pytest.mark.parametrize("isolated", [True, False])
def test_hepsubs_own_virtual_environment_is_known_by_any_name(
    tmp_path: Path, *, isolated: bool
) -> None:
    """Only where a launcher started it: who imports hepsub works in an environment of their own."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (tmp_path / "link").symlink_to("venv")
    show = (
        f"import sys; sys.path[:0] = {[str(ROOT), LIBRARIES]!r}\n"
        "from hepsub.situation import read_situation\n"
        "s = read_situation()\nprint(*sorted(s.own_programs), s.own_environment, sep='\\n')"
    )
    flags = ["-I"] if isolated else []
    done = subprocess.run(
        [f"{venv}/bin/python3", *flags, "-c", show],
        env={"PATH": f"/usr/bin:{tmp_path}/link/bin:{venv}/bin:/gone"},
        capture_output=True,
        text=True,
        check=True,
    )
    own = [f"{tmp_path}/link/bin", f"{venv}/bin", str(venv)]
    assert done.stdout.split() == (own if isolated else [])
