"""What is to be mounted, where, and what is remembered of it; no FUSE, no storage."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.mount import mount as mount_made
from hepsub.actions.mount import places as mount_places
from hepsub.actions.mount import record as mount_record
from hepsub.actions.mount import unmount as mount_end
from hepsub.actions.mount.list import State, list_mounts, offer_login
from hepsub.actions.mount.mount import Order, mount
from hepsub.actions.mount.places import (
    cache_directory,
    cache_mb,
    prepare_point,
    rescue,
    resolve_point,
)
from hepsub.actions.mount.record import (
    Record,
    Remote,
    find_remote,
    forget,
    home_of,
    identity,
    only_one,
    read_records,
    write_record,
)
from hepsub.actions.mount.unmount import End, take_away, unmount_all
from hepsub.errors import (
    HepsubError,
    MountBusy,
    MountFailed,
    MountPointRefused,
    StorageRefused,
    UnknownStorage,
    UsageError,
)
from hepsub.local.processes import boot_id
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.model import Mount, Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.store import Store
from hepsub.tools import fuse
from hepsub.tools.fuse import Mounted
from tests.fakes.user import ordinary_user
from tests.fakes.world import make_session

STORAGES = {
    "herd": Storage(endpoint="https://s3.example.org", buckets=("user",)),
    "open": Storage(endpoint="http://s3.example.org"),
}
CWD = Path("/home/alice")


REMOTE = Remote(storage="herd", bucket="user", prefix="alice")


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("herd:user/alice", "user", "alice"),
        ("herd:user/alice/", "user", "alice"),
        ("herd:user", "user", ""),
        ("herd:user/", "user", ""),
        ("s3://user", "user", ""),
        ("s3://user/a/b", "user", "a/b"),
        ("S3://user/a b", "user", "a b"),
    ],
)
def test_what_is_meant(text: str, bucket: str, prefix: str) -> None:
    found = find_remote(text, STORAGES, CWD)
    assert found == Remote(storage="herd", bucket=bucket, prefix=prefix)


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("herd", UsageError, "names no bucket"),
        ("herd:", UsageError, "names no bucket"),
        ("herd:/", UsageError, "names no bucket"),
        ("files", UsageError, "is no bucket"),
        ("/data/x", UsageError, "is no bucket"),
        ("https://x/y", UsageError, "only s3"),
        ("hurd:user/x", UnknownStorage, "no storage 'hurd'"),
        ("s3://other/x", UnknownStorage, "no storage of the policy has the bucket"),
        ("herd:user/a//b", UsageError, "cannot be a directory"),
        ("herd:user/../b", UsageError, "between slashes"),
        ("open:user/x", StorageRefused, "in the clear"),
    ],
)
def test_what_is_not_understood(text: str, kind: type[HepsubError], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        find_remote(text, STORAGES, CWD)
    assert caught.value.remedy


def test_a_remote_as_users_write_it() -> None:
    assert str(REMOTE) == "herd:user/alice"
    assert str(replace(REMOTE, prefix="")) == "herd:user"


# ---- the directory --------------------------------------------------------------------------------


def test_symbolic_links_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert resolve_point("link", tmp_path) == tmp_path / "real"
    assert resolve_point("link/deep/", tmp_path) == tmp_path / "real/deep"


def test_a_directory_is_made_and_an_empty_one_is_taken(tmp_path: Path) -> None:
    assert prepare_point(tmp_path / "a/b", "fusermount3")
    assert not prepare_point(tmp_path / "a/b", "fusermount3")


def test_files_are_not_hidden(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(MountPointRefused, match="not empty \\('f' is in it\\)"):
        prepare_point(tmp_path, "fusermount3")
    with pytest.raises(MountPointRefused, match="no directory"):
        prepare_point(tmp_path / "f", "fusermount3")


def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with ordinary_user():
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user's own directory")
        with pytest.raises(MountPointRefused, match="cannot be a mount"):
            prepare_point(tmp_path / "new", "fusermount3")


def test_another_kind_of_mount_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Mounted(point=str(tmp_path), kind="fuse.sshfs", source="x:")
    monkeypatch.setattr(mount_places, "mount_at", lambda _: found)
    with pytest.raises(MountPointRefused, match=r"a mount already \(fuse\.sshfs\)"):
        prepare_point(tmp_path, "fusermount3")


# ---- what is remembered -----------------------------------------------------------------------------


def record_in(directory: Path, **more: object) -> Record:
    state = str(more.get("state", directory / "state"))
    made = Record(
        remote=REMOTE,
        directory=str(directory / "files"),
        writable=True,
        since=1.0,
        state=state,
        cache=str(directory / "cache" / Path(state).name),
    )
    return replace(made, **more)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = replace(record_in(tmp_path, state=str(home / "1")), directory="/x/ü '\udcff")
    made = made.run_by(os.getpid())
    write_record(made)
    assert read_records(home) == (made,)
    assert stat.S_IMODE((home / "1/mount.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "1").stat().st_mode) == 0o700
    assert made.is_alive()
    assert not replace(made, boot="former").is_alive()
    assert not replace(made, start=made.start + 1).is_alive()
    forget(made, cache=True)
    assert read_records(home) == ()


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"storage": "x"}', '{"other": 1}', '{"a":' * 10**5]
)
def test_a_record_that_cannot_be_read_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1/mount.json").write_text(text)
    assert read_records(tmp_path) == ()
    assert (tmp_path / "1/mount.json").exists()


@pytest.mark.parametrize(
    "said",
    [
        {"pid": -1}, {"pid": 10**30}, {"start": 1.5}, {"since": 1e30}, {"since": "soon"}, {"directory": ["a"]},
        {"directory": "a\0b"}, {"directory": "x" * 20_000}, {"writable": 1}, {"made": "yes"},
        {"state": "/home/alice"}, {"cache": "/home/alice"}, {"directory": None},
    ],
)  # fmt: skip
def test_a_record_does_not_say_what_it_cannot_know(tmp_path: Path, said: dict[str, object]) -> None:
    """Its directory and its cache are removed with it: so they are what they have to be."""
    home = tmp_path / "home"
    write_record(record_in(tmp_path, state=str(home / "1")))
    path = home / "1/mount.json"
    assert len(read_records(home)) == 1
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    assert read_records(home) == ()


def test_the_same_mount_has_the_same_name() -> None:
    def name(endpoint: str = "e", remote: Remote = REMOTE, point: str = "/a") -> str:
        return identity(endpoint, remote, Path(point))

    others = {
        name("f"),
        name(remote=replace(REMOTE, bucket="b")),
        name(remote=replace(REMOTE, prefix="p")),
        name(point="/b"),
    }
    assert name() == name()
    assert len(others | {name()}) == 5
    assert name(remote=replace(REMOTE, storage="renamed")) == name(), (
        "its unsent writes are the same"
    )


def test_one_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def other() -> None:
        inside.wait(10)
        with only_one(tmp_path):
            order.append("second")

    thread = threading.Thread(target=other)
    thread.start()
    with only_one(tmp_path):
        inside.set()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_what_is_no_more_is_forgotten_unless_something_is_unsent(tmp_path: Path) -> None:
    session = make_session(tmp_path)
    home = home_of(session)
    gone = record_in(tmp_path, state=str(home / "gone"), boot="former")
    unsent = record_in(tmp_path, state=str(home / "unsent"), boot="former")
    alive = record_in(tmp_path, state=str(home / "alive"))
    alive = alive.run_by(os.getpid())
    for each in (gone, unsent, alive):
        write_record(each)
    meta = tmp_path / "cache/unsent/vfsMeta/store/user/alice/f"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Dirty": True}))
    result = list_mounts(session)
    found = {Path(each.record.state).name: each for each in result.value.mounts}
    assert set(found) == {"unsent", "alive"}
    assert (found["unsent"].state, found["unsent"].pending) == (State.DEAD, 1)
    assert not Path(gone.state).exists()
    assert boot_id() == alive.boot
    assert any("hep_mount -rw herd:user/alice" in note for note in result.notes)


def test_of_two_that_a_directory_has_shown_the_one_that_is_up_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unsent writes of the other one stay in its cache, and stay known."""
    session = make_session(tmp_path)
    home = home_of(session)
    unsent = record_in(tmp_path, state=str(home / "unsent"), boot="former")
    alive = record_in(tmp_path, state=str(home / "alive"))
    alive = replace(alive, remote=replace(REMOTE, bucket="raw")).run_by(os.getpid())
    for each in (unsent, alive):
        write_record(each)
    meta = tmp_path / "cache/unsent/vfsMeta/store/user/alice/f"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Dirty": True}))
    taken: list[str] = []

    def stays(record: Record, *_: object) -> None:
        taken.append(Path(record.state).name)
        raise MountBusy("it is in use", remedy="leave it")

    monkeypatch.setattr(mount_end, "unmounter", lambda _path: "fusermount3")
    monkeypatch.setattr(mount_end, "take_away", stays)
    unmount_all(session, End(directories=(str(tmp_path / "files"),)), lambda _: None)
    assert taken == ["alive"]


def test_one_that_was_mounted_anew_meanwhile_stays(tmp_path: Path) -> None:
    """Its cache is the same: to forget it would take away what the other command's rclone still has to send."""
    meant = record_in(tmp_path, state=str(tmp_path / "home/1"), boot="former")
    anew = replace(meant, since=2.0)
    write_record(anew)
    with pytest.raises(MountBusy, match="mounted anew"):
        take_away(meant, "false", End(), lambda _: None)
    assert read_records(tmp_path / "home") == (anew,)


def test_who_keeps_a_mount_is_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """hep_mount -u called in the mount stands in it, too; the user cannot end that one."""
    made = record_in(tmp_path, state=str(tmp_path / "home/1"), boot="former")
    write_record(made)
    users = (f"{os.getpid()} (python3)", "4711 (bash)")
    answers = {"mount_at": True, "unmount": "Device or resource busy", "users_of": users}
    for name, answer in answers.items():
        monkeypatch.setattr(mount_end, name, lambda *_, answer=answer, **__: answer)
    with pytest.raises(MountBusy, match=r"stays, in use by 4711 \(bash\)$"):
        take_away(made, "false", End(), lambda _: None)


def test_nothing_is_taken_away_while_another_command_mounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mount_record, "_LOCK_S", 0.1)
    made = record_in(tmp_path, state=str(tmp_path / "home/1"), boot="former")
    write_record(made)
    with only_one(tmp_path / "home"), pytest.raises(MountBusy, match="another hep_mount"):
        take_away(made, "false", End(), lambda _: None)
    assert read_records(tmp_path / "home") == (made,)
    assert take_away(made, "false", End(), lambda _: None) == ()
    assert read_records(tmp_path / "home") == ()


def test_a_later_session_is_offered_to_what_is_up(tmp_path: Path) -> None:
    """A token's file with its whole path: rclone runs in another directory."""
    session = make_session(tmp_path)
    there = {"OIDC_SOCK": "/tmp/a b/'x", "BEARER_TOKEN_FILE": "token", "AWS_SECRET_ACCESS_KEY": "s"}
    session = replace(session, situation=replace(session.situation, environment=there))
    up = record_in(tmp_path, state=str(tmp_path / "up")).run_by(os.getpid())
    down = record_in(tmp_path, state=str(tmp_path / "down"), boot="former")
    for each in (up, down):
        write_record(each)
    offer_login(session, (up, down))
    script = '. ./login; printf "%s\\n" "$OIDC_SOCK" "$BEARER_TOKEN_FILE" "${AWS_SECRET_ACCESS_KEY-none}"'
    done = subprocess.run(
        ["sh", "-c", script], cwd=up.state, env={}, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["/tmp/a b/'x", f"{session.situation.cwd}/token", "none"]
    assert stat.S_IMODE((tmp_path / "up/login").stat().st_mode) == 0o600
    assert not (tmp_path / "down/login").exists()


# ---- the cache ------------------------------------------------------------------------------------


def test_the_cache_is_the_users_own(tmp_path: Path) -> None:
    session = make_session(tmp_path)
    policy = replace(session.policy, mount=Mount(cache=str(tmp_path / "local")))
    session = replace(session, policy=policy)
    uid = os.getuid()
    session = replace(session, situation=replace(session.situation, uid=uid))
    found = cache_directory(session, "abc")
    assert found == tmp_path / f"local/hepsub-{uid}/mounts/abc"
    for each in (found, found.parent, found.parent.parent):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700
    found.parent.chmod(0o755)
    cache_directory(session, "abc")
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
    strange = replace(session, situation=replace(session.situation, uid=uid + 1))
    (tmp_path / f"local/hepsub-{uid + 1}").mkdir()
    with pytest.raises(MountPointRefused, match="directory of your own"):
        cache_directory(strange, "abc")


def test_no_cache_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session(tmp_path)
    info = tmp_path / "mountinfo"
    info.write_text("27 1 0:1 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(fuse, "_MOUNTINFO", info)
    session = replace(session, policy=replace(session.policy, mount=Mount(cache=str(tmp_path))))
    with pytest.raises(MountPointRefused, match="network file system \\(nfs4\\)") as caught:
        cache_directory(session, "abc")
    assert "[mount]" in caught.value.remedy


def test_the_cache_leaves_room(tmp_path: Path) -> None:
    assert cache_mb(tmp_path, 100) == 100
    huge = cache_mb(tmp_path, 10**12)
    assert 64 <= huge < 10**12


class Known(Store, frozen=True):
    """A store that knows some objects."""

    def look_up(self, places: object) -> dict[ObjectPlace, ObjectInfo | None]:
        """Size and ETag of what is there."""
        known = {"same": ObjectInfo(size=4, etag="81dc9bdb52d04dc20036dbd8313ed055")}
        known["other"] = ObjectInfo(size=4, etag="x")
        known["read"] = ObjectInfo(size=10**6, etag="y")
        return {each: known.get(each.key) for each in places}  # type: ignore[attr-defined]


KNOWN = Known(
    name="herd",
    storage=STORAGES["herd"],
    keys=S3Credentials(access="a", secret="b", token="", expires=None),
)


def test_what_a_crash_left_unknown_is_saved(tmp_path: Path) -> None:
    cache = tmp_path / "mounts/id"
    data = cache / "vfs/store/user"
    data.mkdir(parents=True)
    for name in ("same", "other", "new"):
        (data / name).write_text("1234")
    for name in ("part", "read"):
        with (data / name).open("wb") as file:
            file.truncate(10**6)
    notes = rescue(cache, KNOWN, replace(REMOTE, prefix=""))
    assert len(notes) == 3
    assert any("new had not been sent" in note for note in notes)
    assert any(f"{tmp_path}/rescued/id/user/part may not have been sent" in note for note in notes)
    aside = tmp_path / "rescued/id/user/other"
    assert aside.read_text() == "1234"
    assert any(str(aside) in note for note in notes)
    assert json.loads((cache / "vfsMeta/store/user/new").read_text())["Dirty"]
    assert {each.name for each in data.iterdir()} == {"same", "new", "read"}


def crashed(cache: Path, content: str) -> Path:
    """A file in the cache of which a crash left unknown whether it was sent."""
    data = cache / "vfs/store/user/other"
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text(content)
    return data


def test_what_was_put_aside_before_stays(tmp_path: Path) -> None:
    """Nobody has looked at it yet, and the machine crashes again; a name may have become a directory, too."""
    cache = tmp_path / "mounts/id"
    for content in ("5678", "9012"):
        crashed(cache, content)
        [note] = rescue(cache, KNOWN, replace(REMOTE, prefix=""))
        assert "rescued" in note
    crashed(cache, "3456").rename(tmp_path / "moved")
    (cache / "vfs/store/user/other").mkdir()
    (tmp_path / "moved").rename(cache / "vfs/store/user/other/below")
    with (cache / "vfs/store/user/other/below").open("r+b") as file:
        file.truncate(10**6)
    rescue(cache, KNOWN, replace(REMOTE, prefix=""))
    found = sorted(each for each in (tmp_path / "rescued").rglob("*") if each.is_file())
    assert [each.read_text()[:4] for each in found] == ["5678", "9012", "3456"]


def test_what_cannot_be_put_aside_is_not_left_to_rclone(tmp_path: Path) -> None:
    """Which would delete it: the mount does not come up, and the error names the place."""
    cache = tmp_path / "mounts/id"
    data = crashed(cache, "5678")
    (tmp_path / "rescued").write_text("in the way")
    with pytest.raises(OSError, match="rescued"):
        rescue(cache, KNOWN, replace(REMOTE, prefix=""))
    assert data.read_text() == "5678"


def test_a_directory_that_was_made_goes_when_nothing_comes_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails between; one that was there stays."""
    session = make_session(tmp_path)
    policy = replace(session.policy, storage=STORAGES, mount=Mount(cache=str(tmp_path / "local")))
    situation = replace(session.situation, uid=os.getuid())
    session = replace(session, policy=policy, situation=situation, keys=lambda *_: KNOWN.keys)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/cache")

    monkeypatch.setattr(mount_made, "require_fuse", lambda _: "fusermount3")
    monkeypatch.setattr(mount_made, "find_rclone", lambda *_: "rclone")
    monkeypatch.setattr(mount_made, "check_prefix", lambda *_: True)
    (tmp_path / "there").mkdir()
    for step in ("rescue", "cache_mb", "write_record"):
        with monkeypatch.context() as broken:
            broken.setattr(mount_made, step, full)
            for name in ("new", "there"):
                order = Order(what="herd:user/alice", directory=str(tmp_path / name))
                with pytest.raises(MountFailed, match="/cache: No space left"):
                    mount(session, order, lambda _: None)
        assert (tmp_path / "there").is_dir()
        assert not (tmp_path / "new").exists()


def test_what_is_sent_now_is_what_the_former_rclone_knew_of(tmp_path: Path) -> None:
    """Of what a crash left unknown a note of its own tells: it may be put aside."""
    made = record_in(tmp_path)
    for name in ("known", "unknown"):
        data = Path(made.cache) / "vfs/store/user/alice" / name
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text("1234")
    meta = Path(made.cache) / "vfsMeta/store/user/alice/known"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Dirty": True}))
    assert list(mount_made._notes(made, is_empty=False)) == [
        "1 write(s) of the former mount had not been sent: they are sent now"
    ]
    meta.write_text("cut o")
    assert list(mount_made._notes(made, is_empty=False)) == []
