"""hep_mount with FUSE, rclone and a real S3 server: reading, writing, listing, taking away."""

import hashlib
import json
import os
import random
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mount.user import User, is_mounted, wait_for

pytestmark = pytest.mark.s3


def test_a_bucket_is_a_directory(user: User) -> None:
    out = user.ok("herd:user/alice", "files")
    assert out == f"herd:user/alice is mounted on {user.files}, read-only\n"
    assert (
        user.sh("cd files; find . -type f | sort; cat a.txt") == "./a.txt\n./deep/er/b.txt\nhello\n"
    )
    done = user("sh", "-c", "echo x > files/new")
    assert "Read-only file system" in done.stderr
    found = user.only()
    assert (found["state"], found["what"], found["writable"]) == ("ok", "herd:user/alice", False)
    assert found["directory"] == str(user.files)
    assert user.ok("-u", "files") == f"herd:user/alice is no longer mounted on {user.files}\n"
    assert user.listed() == []
    assert not user.files.exists(), "hep_mount had made it"
    assert not Path(found["cache"]).exists()
    assert not Path(found["log"]).parent.exists()


def test_the_second_door(user: User) -> None:
    done = user("hep_sub", "mount", "s3://user/alice", "files")
    assert done.returncode == 0, done.stderr
    assert user.sh("cat files/a.txt") == "hello\n"
    assert "ok " in user("hep_sub", "mount", "-ls").stdout
    assert user("hep_sub", "mount", "-u", "-a").returncode == 0
    assert not is_mounted(user.files)


def test_what_is_written_arrives_before_it_is_taken_away(user: User) -> None:
    user.ok("-rw", "herd:user/alice", "files")
    body = random.Random(5).randbytes(20 * 2**20)
    (user.home / "big").write_bytes(body)
    user.sh("cp big files/big.bin; mkdir files/sub; echo more > files/sub/more.txt")
    done = user.mount("-u", "files")
    assert done.returncode == 0, done.stderr
    assert (
        hashlib.sha256(user.server.content("user", "alice/big.bin")).digest()
        == hashlib.sha256(body).digest()
    )
    assert user.server.content("user", "alice/sub/more.txt") == b"more\n"


def test_a_file_may_be_changed_in_its_middle(user: User) -> None:
    user.put("alice/long", b"a" * 1000)
    user.ok("-rw", "herd:user/alice", "files")
    user.sh(
        "printf B | dd of=files/long bs=1 seek=500 conv=notrunc 2>/dev/null; "
        "mv files/a.txt files/c.txt; rm files/deep/er/b.txt"
    )
    user.ok("-u", "files")
    assert user.server.content("user", "alice/long") == b"a" * 500 + b"B" + b"a" * 499
    assert set(user.server.objects("user")) == {"alice/long", "alice/c.txt"}


def test_random_reads_are_right(user: User) -> None:
    body = random.Random(7).randbytes(30 * 2**20)
    user.put("alice/ntuple.root", body)
    user.ok("herd:user/alice", "files")
    places = [random.Random(3).randrange(len(body) - 5000) for _ in range(50)]
    script = (
        "import sys,hashlib\nf=open('files/ntuple.root','rb')\nd=hashlib.sha256()\n"
        f"for p in {places}:\n f.seek(p); d.update(f.read(5000))\nprint(d.hexdigest())\n"
    )
    wanted = hashlib.sha256(b"".join(body[p : p + 5000] for p in places)).hexdigest()
    assert user("python3", "-c", script).stdout.strip() == wanted


def test_nothing_secret_is_written_and_nothing_is_open_to_others(user: User) -> None:
    user.ok("-rw", "herd:user/alice", "files")
    found = user.only()
    state = Path(found["log"]).parent
    for path in [state, *state.rglob("*"), Path(found["cache"])]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    texts = [path.read_text() for path in state.iterdir() if path.is_file()]
    texts.append(Path(f"/proc/{found['pid']}/cmdline").read_text())
    texts.append(Path(f"/proc/{found['pid']}/environ").read_text())
    assert len(texts) >= 7
    assert not [text for text in texts if user.server.secret_key in text]


def test_the_users_own_variables_reach_the_keys_and_not_rclone(user: User) -> None:
    """Keys in the environment, as a policy without profile takes them; and options that would break rclone."""
    (user.account.home / ".aws/credentials").unlink()
    variables = {
        "AWS_ACCESS_KEY_ID": user.server.access_key,
        "AWS_SECRET_ACCESS_KEY": user.server.secret_key,
        "RCLONE_S3_ENDPOINT": "http://127.0.0.1:1",
        "RCLONE_CONFIG": "/nowhere",
    }
    user = replace(user, environment=variables)
    user.ok("herd:user/alice", "files")
    assert user.sh("cat files/a.txt") == "hello\n"


def test_names_that_a_shell_would_split(with_blanks: User) -> None:
    user = with_blanks
    prefix = 'al ice\'s, "x" $(id)/1'
    user.put(f"{prefix}/f.txt", "strange\n")
    place = "mein 'Verzeichnis', ü $x"
    user.ok("-rw", f"herd:user/{prefix}", place)
    assert (found := user.only())["state"] == "ok"
    assert found["prefix"] == prefix
    done = user("cat", f"{place}/f.txt")
    assert done.stdout == "strange\n", done.stderr
    user("sh", "-c", 'echo back > "$0/g.txt"', place)
    user.ok("-u", place)
    assert user.server.content("user", f"{prefix}/g.txt") == b"back\n"


def test_all_at_once(user: User) -> None:
    user.ok("herd:user/alice", "one")
    user.ok("-rw", "herd:user/alice", "two")
    user.sh("echo x > two/x")
    assert [each["directory"] for each in user.listed()] == [
        str(user.home / "one"),
        str(user.home / "two"),
    ]
    table = user.ok("-ls").splitlines()
    assert table[0].split()[:4] == ["STATE", "MODE", "SINCE", "PENDING"]
    assert [line.split()[:2] for line in table[1:]] == [["ok", "ro"], ["ok", "rw"]]
    document = json.loads(user.ok("-u", "-a", "-json"))
    assert [each["state"] for each in document["result"]["mounts"]] == ["unmounted"] * 2
    assert user.server.content("user", "alice/x") == b"x\n"


def test_in_the_foreground(user: User) -> None:
    with (user.home / "log").open("w") as log:
        running = user.account.popen(
            ["hep_mount", "-f", "-rw", "herd:user/alice", "files"],
            env=user.variables(), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(lambda: "^C takes it away" in (user.home / "log").read_text(), "the mount")
        user.sh("echo late > files/late.txt")
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(60) == 0
    finally:
        running.kill()
    assert not is_mounted(user.files)
    assert user.server.content("user", "alice/late.txt") == b"late\n"


def test_it_outlives_its_terminal(user: User) -> None:
    running = user.account.popen(
        ["sh", "-c", "hep_mount herd:user/alice files; kill -HUP -$$; kill -HUP $$"],
        env=user.variables(), start_new_session=True,
    )  # fmt: skip
    running.wait(60)
    assert user.sh("cat files/a.txt") == "hello\n"
    assert user.only()["state"] == "ok"
