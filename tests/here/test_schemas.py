"""What each command prints with -json on a machine without a pool is what its schema says."""

from __future__ import annotations

import json
import os
import pwd
from collections import defaultdict
from collections.abc import Iterator

import pytest

from hepsub.cli.generate import sources
from hepsub.cli.options import Command
from tests.here.user import User
from tests.schemas import check_document

POLICY = f"""
[defaults]
memory = 10
pool = "here"
[group.juno]
members = ["{pwd.getpwuid(os.getuid()).pw_name}"]
[site.far]
requirements = "x"
[storage.herd]
endpoint = "https://127.0.0.1:9"
default = true
[credential.iam]
command = ["sh", "-c", "echo token"]
"""
ELSEWHERE = {
    "hep_sub demo": {"DemoResult"},  # tests/staging/test_demo.py
    "hep_auth renew": {"Installed", "Uninstalled", "Looped"},  # tests/cli/test_schemas.py
    "hep_clus": {"Partitions"},  # tests/slurm/test_directives.py
    "hep_auth s3": {"StorageKeysDocument"},  # tests/cli/test_schemas.py
}
"""What needs more than this machine has: command → results."""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    made = User(directory=tmp_path_factory.mktemp("user"))
    (made.directory / "policy.toml").write_text(POLICY)
    made.script('echo "$1"; echo complaint >&2; exit $(($1 % 2))')
    made.script("exec sleep 1000", "long.sh")
    yield made
    made.close()


ENDED = ("hep_sub", "job.sh", "-argu", "%{ProcId}", "-n", "3", "-name", "n")
LINES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, (*ENDED, "-dry-run")),
    (60, (*ENDED, "-wait")),
    (0, ENDED),
    (60, ("hep_wait", "2")),
    (0, ("hep_sub", "-resubmit", "2", "-failed")),
    (0, ("hep_sub", "long.sh", "-n", "40")),
    (34, ("hep_sub", "-check")),
    (0, ("hep_sub", "-check", "policy")),
    (0, ("hep_q",)),
    (0, ("hep_q", "-i", "4", "-why")),
    (0, ("hep_hold", "4.30-39")),
    (0, ("hep_edit", "4.30-39", "-m", "20")),
    (0, ("hep_q", "-hold")),
    (53, ("hep_release", "4.30", "4.0")),
    (0, ("hep_sub", "status")),
    (0, ("hep_sub", "status", "2", "4")),
    (0, ("hep_sub", "status", "-state", "2.0")),
    (60, ("hep_sub", "status", "-watch", "4", "-until", "any-held")),
    (0, ("hep_tail", "2.1", "-e")),
    (61, ("hep_wait", "4", "-timeout", "1")),
    (51, ("hep_rm", "4", "77")),
    (0, ("hep_history", "2")),
    (0, ("hep_clus",)),
    (0, ("hep_clus", "-g", "juno", "--walltime")),
    (53, ("hep_fetch", "-ls", "2")),
    (0, ("hep_mount", "-ls")),
    (34, ("hep_auth",)),
    (0, ("hep_auth", "login", "iam")),
    (0, ("hep_auth", "token", "iam")),
    (0, ("hep_auth", "renew")),
    (59, ("hep_auth", "renew", "-status")),
)
"""Exit codes and command lines."""


def test_every_result_of_every_command_is_as_its_schema_says(user: User) -> None:
    seen: defaultdict[str, set[str]] = defaultdict(set)
    codes = []
    for _, words in LINES:
        code, stdout, _ = user.run(*words, "-json")
        document = json.loads(stdout)
        codes.append((code, words))
        print(code, words, document["problems"])
        assert document["ok"] == (code == 0)
        seen[document["command"]] |= check_document(stdout)
    assert codes == [*LINES]
    for command in sources.every_command():
        named = {each.partition(":")[2] for each in command.results}
        assert named - seen[command.name] == ELSEWHERE.get(command.name, set()), command.name


@pytest.mark.parametrize("command", sources.every_command(), ids=lambda command: command.name)
def test_an_error_of_every_command_is_as_its_schema_says(user: User, command: Command) -> None:
    name = command.name
    code, stdout, _ = user.run(*name.split(), "-json", "--no-such-option")
    document = json.loads(stdout)
    assert (code, document["ok"], document["result"]) == (2, False, None)
    assert document["command"] == name
    assert [each["code"] for each in document["problems"]] == ["usage"]
    assert check_document(stdout) == set()
