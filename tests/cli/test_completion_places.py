"""What the shells offer of storages: buckets and keys of a real S3 server, hostile ones, and one that is away."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.cli.completion.offer import DEADLINE_S
from tests.cli.shells import Place
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server

pytestmark = pytest.mark.s3

SHELLS = ("bash", "zsh", "fish")
QUIET = {"bash": ["--norc"], "zsh": ["-f"]}
HOSTILE: tuple[str, ...] = (
    "$(touch caught)",
    "`touch caught`",
    "a;touch caught",
    "two  blanks",
    "it's",
    'say "x"',
    "-rf",
    "~root",
)
HOSTILE += (
    "*",
    "a&b",
    "a|b",
    "a>caught",
    "!!",
    "#x",
    "{a,b}",
    "back\\slash",
    "a=b",
    "日本 é",
    "run:1",
)
DIRECTORY = "dir $(touch caught) 'q\" `x`;=:&"
UNSAID = ("line\nend", "esc\x1b[2J", "tab\tx")
POLICY = """
[storage.herd]
endpoint = "{endpoint}"
allow_http = true
default = true
buckets = ["named"]
[storage.away]
endpoint = "http://127.0.0.1:{closed}"
allow_http = true
[storage.silent]
endpoint = "http://127.0.0.1:{silent}"
allow_http = true
"""


@pytest.fixture(scope="module")
def store(rclone_s3: S3Server) -> S3Server:
    """Give the store with a bucket that somebody filled."""
    rclone_s3.start()
    client = rclone_s3.client()
    client.create_bucket(Bucket="rawdata")
    for key in ("2026/a_1.root", "2026/a_2.root", "2025/b.root", "notes.txt", ".hepsub/x"):
        client.put_object(Bucket="rawdata", Key=key, Body=b"")
    for number, name in enumerate((*HOSTILE, *UNSAID)):
        client.put_object(Bucket="rawdata", Key=f"odd/{name}", Body=b"")
        client.put_object(Bucket="rawdata", Key=f"numbered/{number:02d}{name}", Body=b"")
    client.put_object(Bucket="rawdata", Key=f"{DIRECTORY}/inner.root", Body=b"")
    return rclone_s3


@pytest.fixture
def silent() -> Iterator[int]:
    """Give the port of a server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield server.getsockname()[1]


@pytest.fixture
def place(tmp_path: Path, store: S3Server, silent: int) -> Place:
    made = Place(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    made.policy.write_text(POLICY.format(endpoint=store.endpoint, closed=closed, silent=silent))
    made.variables = {"AWS_SHARED_CREDENTIALS_FILE": str(store.write_credentials())}
    return made


def line_of(place: Place, shell: str, typed: str) -> str:
    """A line after the tabulator key; of fish, which completes a line without a terminal, the line it would be."""
    if shell != "fish":
        return {"bash": place.bash_line, "zsh": place.zsh_line}[shell](typed)
    [found] = place.fish(typed)
    return f"{typed.rpartition(' ')[0]} {found}{'' if found[-1] in '/:' else ' '}"


TYPED = [
    ("hep_sub -in herd:raw", "hep_sub -in herd:rawdata/"),
    ("hep_sub -in s3://raw", "hep_sub -in s3://rawdata/"),
    ("hep_sub -in s3://na", "hep_sub -in s3://named/"),
    ("hep_sub -in herd:rawdata/no", "hep_sub -in herd:rawdata/notes.txt "),
    ("hep_sub -in s3://rawdata/2025", "hep_sub -in s3://rawdata/2025/"),
    ("hep_sub -in s3://rawdata/2025/", "hep_sub -in s3://rawdata/2025/b.root "),
    ("hep_sub -out h.root=herd:rawdata/2025", "hep_sub -out h.root=herd:rawdata/2025/"),
    ("hep_sub -list herd:rawdata/2025", "hep_sub -list herd:rawdata/2025/"),
    ("hep_mount herd:rawdata/2026", "hep_mount herd:rawdata/2026/"),
    ("hep_sub -in herd:rawdata/.hep", "hep_sub -in herd:rawdata/.hepsub/"),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("typed", "completed"), TYPED)
def test_a_place_is_completed_down_to_the_next_slash(
    place: Place, shell: str, typed: str, completed: str
) -> None:
    assert line_of(place, shell, typed) == completed


def test_within_quotes(place: Place) -> None:
    assert place.bash_line('hep_sub -in "herd:rawdata/20') == 'hep_sub -in "herd:rawdata/202'
    assert place.bash_line('hep_sub -in "herd:raw') == 'hep_sub -in "herd:rawdata/"'
    assert place.bash_line('hep_sub -in "herd:rawdata/"no') == "hep_sub -in herd:rawdata/notes.txt "
    assert (
        place.bash_line("hep_sub -in 's3://rawdata/no") == "hep_sub -in 's3://rawdata/notes.txt' "
    )
    assert place.bash_line('hep_sub -out "h x=herd:raw') == 'hep_sub -out "h x=herd:rawdata/"'
    assert place.zsh_line("hep_sub -in 's3://rawdata/no") == "hep_sub -in 's3://rawdata/notes.txt' "


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_reads_the_completed_word_as_the_key(place: Place, shell: str, name: str) -> None:
    """Whatever it is called, nothing of it is run: neither while it is completed nor when the line is."""
    number = f"{HOSTILE.index(name):02d}"
    line = line_of(place, shell, f"hep_sub -in herd:rawdata/numbered/{number}")
    assert line.endswith(" ")
    place.install("hep_sub", "printf '<%s>' \"$@\"")
    done = place.run(shell, *QUIET[shell], "-c", line)
    assert done == [f"<-in><herd:rawdata/numbered/{number}{name}>"]
    assert not list(place.work.rglob("caught"))


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_what_lies_in_a_directory_of_a_hostile_name_is_completed(place: Place, shell: str) -> None:
    line = line_of(place, shell, "hep_sub -in herd:rawdata/dir\t")
    assert line.endswith("inner.root ")
    place.install("hep_sub", "printf '<%s>' \"$@\"")
    done = place.run(shell, *QUIET[shell], "-c", line)
    assert done == [f"<-in><herd:rawdata/{DIRECTORY}/inner.root>"]
    assert not list(place.work.rglob("caught"))


@pytest.mark.parametrize("shell", SHELLS)
def test_all_that_can_be_typed_is_offered(place: Place, shell: str) -> None:
    """A key with a control character is none that hep_sub takes, and never reaches the terminal."""
    found = {"bash": place.bash, "zsh": place.zsh, "fish": place.fish}[shell]
    offered = {each.rpartition("odd/")[2] for each in found("hep_sub -in herd:rawdata/odd/")}
    if shell != "fish":
        offered = {re.sub(r"\\(.)", r"\1", each) for each in offered}
    assert offered == set(HOSTILE)
    assert not list(place.work.rglob("caught"))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "where", ["away:", "silent:", "away:b/", "silent:b/k", "s3://gone/x", "nobody:x/"]
)
def test_a_store_that_is_away_offers_nothing_and_keeps_nobody_waiting(
    place: Place, shell: str, where: str
) -> None:
    place.answer_within(DEADLINE_S)
    begin = time.monotonic()
    found = {"bash": place.bash, "zsh": place.zsh, "fish": place.fish}[shell]
    assert found(f"hep_sub -in {where}") == []
    assert time.monotonic() - begin < 20  # and not a minute; shells start slowly on a busy machine


def test_the_deadline_ends_what_was_started_and_says_nothing(place: Place, store: S3Server) -> None:
    """A program that gives keys, and asks for a password, has no terminal, and does not outlive it."""
    program = place.bin / "give-keys"
    place.install("give-keys", "echo $$ > ~/pid; echo password: >/dev/tty; exec sleep 60")
    config = place.home / "aws"
    config.write_text(f"[default]\ncredential_process = {program}\n")
    place.variables = {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }
    place.answer_within(DEADLINE_S)
    begin = time.monotonic()
    assert place.run("hep_sub", "__offer", "inputs", "herd:rawdata/") == []
    assert time.monotonic() - begin < 20
    pid = int((place.home / "pid").read_text())
    end = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and "sleep" in Path(f"/proc/{pid}/cmdline").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    "keys", ["", "[default]\naws_access_key_id = AK\naws_secret_access_key = no\n"]
)
def test_without_keys_that_are_good_only_the_policy_is_offered(place: Place, keys: str) -> None:
    (place.home / "keys").write_text(keys)
    place.variables = {"AWS_SHARED_CREDENTIALS_FILE": str(place.home / "keys")}
    assert place.bash("hep_sub -in herd:") == ["named/"]
    assert place.bash("hep_sub -in herd:rawdata/") == []


def test_one_page_is_asked_for_once(place: Place, store: S3Server) -> None:
    with FaultProxy(store) as proxy:
        policy = POLICY.format(endpoint=proxy.server.endpoint, closed=1, silent=1)
        place.policy.write_text(policy)
        assert place.bash("hep_sub -in herd:rawdata/2026/") == [
            "rawdata/2026/a_1.root",
            "rawdata/2026/a_2.root",
        ]
        assert len(proxy.requests()) == 1
