"""Mounts whose rclone or whose store goes away, and what was written then."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.mount.user import User, is_mounted, wait_for

pytestmark = pytest.mark.s3


@pytest.fixture
def pending(user: User) -> User:
    """A writable mount with a write that cannot be sent, for the store is away."""
    user.ok("-rw", "herd:user/alice", "files")
    user.server.stop()
    user.sh("echo precious > files/p.txt")
    wait_for(lambda: user.only()["pending"] == 1, "write that is pending")
    return user


def die(user: User) -> None:
    """Kill rclone, as the kernel does when there is no memory."""
    user.kill()
    wait_for(lambda: user.only()["state"] == "stale", "stale mount")


def test_it_waits_for_what_is_pending_and_says_how_many(pending: User) -> None:
    begin = time.monotonic()
    stderr = pending.refused(75, "-u", "-t", "3s", "files")
    assert time.monotonic() - begin < 30
    assert "1 write(s) (9 B) on the way (p.txt)" in stderr
    assert "stays: after 3 s 1 write(s)" in stderr
    assert "connection refused" in stderr
    assert pending.only()["state"] == "ok"
    pending.server.start()
    pending.ok("-u", "files")
    assert pending.server.content("user", "alice/p.txt") == b"precious\n"


def test_only_force_gives_up_what_is_pending(pending: User) -> None:
    done = pending.mount("-u", "-force", "files")
    assert done.returncode == 0, done.stderr
    assert "given up: p.txt" in done.stderr
    assert pending.listed() == []
    pending.server.start()
    pending.ok("-rw", "herd:user/alice", "files")
    assert "alice/p.txt" not in pending.server.objects("user")


def test_a_crash_loses_no_write(pending: User) -> None:
    """kill -9 with a write that is pending; mounted again, it arrives."""
    die(pending)
    assert pending.only()["pending"] == 1
    pending.server.start()
    done = pending.mount("-rw", "herd:user/alice", "files")
    assert done.returncode == 0, done.stderr
    assert "1 write(s) of the former mount" in done.stderr
    assert pending.arrives("alice/p.txt") == b"precious\n"
    pending.ok("-u", "files")


def test_a_crash_in_the_middle_of_a_document_loses_no_write(pending: User) -> None:
    """rclone writes its documents in place; of one that was cut off it would delete the file (tried)."""
    die(pending)
    cache = Path(pending.only()["cache"])
    (document,) = (cache / "vfsMeta").rglob("p.txt")
    document.write_text("")
    pending.server.start()
    done = pending.mount("-rw", "herd:user/alice", "files")
    assert "alice/p.txt had not been sent" in done.stderr
    assert pending.arrives("alice/p.txt") == b"precious\n"


def test_a_write_whose_document_is_lost_is_kept_and_named(pending: User) -> None:
    """The power fails before it is on the disk: -ls and -u leave the file and name it; mounted, it is sent."""
    die(pending)
    cache = Path(pending.only()["cache"])
    (document,) = (cache / "vfsMeta").rglob("p.txt")
    document.unlink()
    (data,) = (cache / "vfs").rglob("p.txt")
    said = pending.refused(75, "-u", "files")
    assert "1 write(s) (9 B) did not arrive" in said
    assert f"no record of whether {data} arrived" in said
    assert not is_mounted(pending.files)
    assert str(data) in pending.mount("-ls").stderr
    found = pending.only()
    assert (found["state"], found["pending"]) == ("dead", 1)
    assert data.read_text() == "precious\n"
    pending.server.start()
    done = pending.mount("-rw", "herd:user/alice", "files")
    assert "alice/p.txt had not been sent" in done.stderr
    assert pending.arrives("alice/p.txt") == b"precious\n"


def test_only_force_gives_up_a_write_whose_document_is_lost(pending: User) -> None:
    die(pending)
    cache = Path(pending.only()["cache"])
    (document,) = (cache / "vfsMeta").rglob("p.txt")
    document.unlink()
    done = pending.mount("-u", "-force", "files")
    assert "p.txt" in done.stderr
    assert not is_mounted(pending.files)
    assert not list(cache.rglob("p.txt"))


def test_what_may_be_newer_than_the_stores_is_put_aside(pending: User) -> None:
    die(pending)
    cache = Path(pending.only()["cache"])
    (document,) = (cache / "vfsMeta").rglob("p.txt")
    document.write_text("{")
    pending.server.start()
    pending.put("alice/p.txt", "another one\n")
    done = pending.mount("-rw", "herd:user/alice", "files")
    assert "the storage has another one of this name" in done.stderr
    (aside,) = (cache.parent.parent / "rescued").rglob("p.txt")
    assert aside.read_text() == "precious\n"
    assert pending.sh("cat files/p.txt") == "another one\n"
    pending.ok("-u", "files")
    assert aside.exists()


def test_a_stale_mount_is_found_and_mended_by_mounting(user: User) -> None:
    user.ok("herd:user/alice", "files")
    die(user)
    done = user("ls", "files")
    assert "not connected" in done.stderr
    assert "mends it" in user.mount("-ls").stderr
    user.ok("herd:user/alice", "files")
    assert user.sh("cat files/a.txt") == "hello\n"


def test_a_stale_mount_is_taken_away(user: User) -> None:
    user.ok("herd:user/alice", "files")
    die(user)
    user.ok("-u", "files")
    assert not is_mounted(user.files)
    assert user.listed() == []


def test_a_stale_mount_with_a_pending_write_stays_known(pending: User) -> None:
    die(pending)
    assert "hep_mount -rw herd:user/alice" in pending.refused(75, "-u", "files")
    found = pending.only()
    assert (found["state"], found["pending"]) == ("dead", 1)
    assert "were not sent" in pending.mount("-ls").stderr
    pending.server.start()
    pending.ok("-rw", "herd:user/alice", "files")
    assert pending.arrives("alice/p.txt") == b"precious\n"


def test_after_a_reboot_nothing_is_left(user: User) -> None:
    """The mount and its process are gone, and what was remembered is of another boot."""
    user.ok("herd:user/alice", "files")
    found = user.only()
    die(user)
    user("fusermount3", "-u", "files")
    record = Path(found["log"]).parent / "mount.json"
    text = record.read_text()
    assert '"boot": "' in text
    record.write_text(text.replace('"boot": "', '"boot": "former-'))
    assert user.listed() == []
    assert not record.parent.exists()
    assert not Path(found["cache"]).exists()


def test_other_hosts_mounts_are_theirs(user: User) -> None:
    user.ok("herd:user/alice", "files")
    here = Path(user.only()["log"]).parent.parent
    here.rename(here.with_name("elsewhere"))
    assert user.listed() == []
    here.with_name("elsewhere").rename(here)
    assert user.only()["state"] == "ok"


def test_one_that_does_not_answer_is_listed_soon_and_taken_away(user: User) -> None:
    user.ok("herd:user/alice", "files")
    user.kill(signal.SIGSTOP)
    wait_for(lambda: user.only()["state"] == "silent", "silence", 20)
    begin = time.monotonic()
    user.listed()
    assert time.monotonic() - begin < 20
    user.ok("-u", "-force", "files")
    assert not is_mounted(user.files)


def test_a_read_survives_a_short_absence_of_the_store(user: User) -> None:
    body = os.urandom(1000)
    user.put("alice/unread.bin", body)
    user.ok("herd:user/alice", "files")
    user.server.stop()
    reader = user.account.popen(["sh", "-c", "cat files/unread.bin >../read; echo $? >../done"])
    log = Path(user.only()["log"])
    wait_for(lambda: "failed to download" in log.read_text(), "failed try")
    user.server.start()
    wait_for((user.home.parent / "done").exists, "end of the read", 120)
    reader.wait(10)
    assert (user.home.parent / "read").read_bytes() == body


def test_a_store_that_stays_away_gives_an_error(user: User) -> None:
    user.ok("herd:user/alice", "files")
    user.server.stop()
    done = user("ls", "files/deep", timeout=90)
    assert "Input/output error" in done.stderr
    assert user.only()["state"] == "ok"
    user.server.start()
    wait_for(lambda: user("cat", "files/deep/er/b.txt").stdout == "deep\n", "way back")


def test_in_use_it_stays_and_says_by_whom(user: User) -> None:
    user.ok("herd:user/alice", "files")
    reader = user.account.popen(["sh", "-c", "cd files; echo there >../there; exec sleep 600"])
    wait_for((user.home / "there").exists, "reader")
    try:
        assert f"in use by {reader.pid} (sleep)" in user.refused(75, "-u", "files")
        assert user.only()["state"] == "ok"
        user.ok("-u", "-force", "files")
        assert not is_mounted(user.files)
    finally:
        reader.kill()
        reader.wait()


def test_a_copy_of_the_mount_elsewhere_keeps_nothing_alive(user: User) -> None:
    """A container that was started meanwhile has the mount, too: rclone is ended all the same."""
    user.ok("-rw", "herd:user/alice", "files")
    pid = user.only()["pid"]
    elsewhere = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sleep", "600"])
    try:
        own = Path("/proc/self/ns/mnt").readlink()
        wait_for(lambda: Path(f"/proc/{elsewhere.pid}/ns/mnt").readlink() != own, "namespace", 20)
        user.sh("echo last > files/last.txt")
        user.ok("-u", "files")
        assert user.listed() == []
        wait_for(lambda: has_ended(pid), "end of rclone", 20)
        assert user.server.content("user", "alice/last.txt") == b"last\n"
        user.ok("herd:user/alice", "files")
        assert user.sh("cat files/last.txt") == "last\n"
    finally:
        elsewhere.kill()
        elsewhere.wait()


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie that nobody buries."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_two_at_once_make_one_mount(user: User) -> None:
    words = ["hep_mount", "herd:user/alice", "files"]
    both = [
        user.account.popen(words, env=user.variables(), stderr=subprocess.PIPE) for _ in range(2)
    ]
    said = [each.communicate(timeout=120)[1] for each in both]
    assert sorted(each.returncode for each in both) == [0, 72], said
    assert user.only()["state"] == "ok"
    text = Path("/proc/self/mountinfo").read_text()
    assert text.count(f" {user.files} ") == 1
