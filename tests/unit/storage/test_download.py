"""Transfers against a small server in this process that answers as it is told; and where files land."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.destination import Destination, safe_parts
from hepsub.storage.download import Download, Downloader, DownloadResult
from hepsub.storage.listing import common_prefixes
from hepsub.storage.store import Store
from hepsub.storage.workers import StopAsked, run_all

BODY = bytes(range(256)) * 2000
MD5 = hashlib.md5(BODY).hexdigest()


@dataclass
class Script:
    """What the server answers, request by request; then the object.

    Attributes:
        answers: status codes; negative: so many bytes of the body and then the end; 0: a flipped byte.
        ranged: whether it knows ranges.
        whole: whether it gives objects in one answer; else 503.
        head: more headers of its answers.
        ranges: the Range headers that came.
        matches: the If-Match headers that came.
    """

    answers: list[int] = field(default_factory=list)
    ranged: bool = True
    whole: bool = True
    head: dict[str, str] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)
    matches: list[str] = field(default_factory=list)


@pytest.fixture
def script() -> Script:
    """Give a server that does everything right, until told otherwise."""
    return Script()


@pytest.fixture
def endpoint(script: Script) -> Iterator[str]:
    """Give the address of the server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            script.ranges.append(asked)
            script.matches.append(self.headers.get("If-Match", ""))
            told = script.answers.pop(0) if script.answers else 200
            if not asked and not script.whole:
                told = 503
            if told >= 300:
                self.send_response(told)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin = int(first or 0) if script.ranged else 0
            body = BODY[begin : int(last) + 1 if last and script.ranged else None]
            if told == 0:
                body = body[:-1] + bytes([body[-1] ^ 255])
            self.send_response(206 if asked and script.ranged else 200)
            if asked and script.ranged:
                end = begin + len(body) - 1
                self.send_header("Content-Range", f"bytes {begin}-{end}/{len(BODY)}")
            for name, value in script.head.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:-told] if told < 0 else body)
            self.close_connection = told < 0

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


Fetch = Callable[..., DownloadResult]


@pytest.fixture
def fetch(endpoint: str, tmp_path: Path, renewed: list[bool]) -> Fetch:
    """Give a function that fetches the object into `r` of the test's directory."""
    keys = S3Credentials(access="AK", secret="s", token="", expires=None)
    store = Store(name="herd", storage=Storage(endpoint=endpoint, allow_http=True), keys=keys)

    def stores(_: str, renew: bool) -> Store:
        renewed.append(renew)
        return store

    def one(md5: str = MD5, size: int = len(BODY), name: str = "r") -> DownloadResult:
        download = Download(
            place=ObjectPlace(storage="herd", bucket="out", key="d/r"),
            size=size,
            etag="an-etag",
            md5=md5,
            modified=1_700_000_000,
            destination=Destination(root=tmp_path, parts=(name,), part=f"{name}.part"),
        )
        [arrival] = Downloader(stores=stores, pause=lambda _: None).fetch(
            [download], lambda _: None
        )
        return arrival

    return one


@pytest.fixture
def renewed() -> list[bool]:
    """Give what was asked of the keys, request by request."""
    return []


def test_a_whole_object(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """One request, for this version; the file has the object's time, and no .part is left."""
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert (tmp_path / "r").stat().st_mtime == 1_700_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    assert (script.ranges, script.matches) == ([""], ['"an-etag"'])


def test_a_cut_goes_on_where_it_was(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """Short bodies and 503 in between: each request asks for the rest only."""
    script.answers = [-1000, 503, 503, -300_000]
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert script.ranges == ["", "bytes=1000-", "bytes=1000-", "bytes=1000-", "bytes=301000-"]


def test_an_earlier_part_is_taken_up_if_a_checksum_will_tell(
    fetch: Fetch, tmp_path: Path, script: Script
) -> None:
    """With MD5 the rest is asked for, without everything."""
    (tmp_path / "r.part").write_bytes(BODY[:5000])
    assert fetch().trouble == ""
    (tmp_path / "s.part").write_bytes(BODY[:5000])
    assert fetch(md5="", name="s").trouble == ""
    assert script.ranges == ["bytes=5000-", ""]
    assert (tmp_path / "r").read_bytes() == (tmp_path / "s").read_bytes() == BODY


@pytest.mark.parametrize("part", [b"x" * 5000, b"x" * len(BODY), BODY + b"more"])
def test_a_part_of_something_else_is_thrown_away(fetch: Fetch, tmp_path: Path, part: bytes) -> None:
    """The checksum of the whole does not fit: everything is fetched anew."""
    (tmp_path / "r.part").write_bytes(part)
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY


def test_a_part_is_fetched_anew_where_the_file_system_tells_no_holes(
    fetch: Fetch, tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some that are served by a program of a user do not know SEEK_HOLE."""
    (tmp_path / "r.part").write_bytes(b"x" * 5000)

    def unknown(*_: int) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    with monkeypatch.context() as patch:
        patch.setattr(os, "lseek", unknown)
        assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert script.ranges == [""]


def test_wrong_contents_never_get_the_name(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """A flipped byte, three times: said, and no file; once: mended."""
    script.answers = [0, 0, 0]
    assert "not those of the object" in fetch().trouble
    assert not (tmp_path / "r").exists()
    script.answers = [0]
    assert fetch().trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY


@pytest.mark.parametrize(
    ("answers", "words", "requests"),
    [
        ([404], "not there any more", 1),
        ([412], "replaced while it was fetched", 1),
        ([403, 403], "refuses it (403)", 2),
        ([301], "answers 301", 1),
        ([503] * 9, "answers 503, 6 times in a row", 6),
    ],
)
def test_what_is_final(
    fetch: Fetch, tmp_path: Path, script: Script, answers: list[int], words: str, requests: int
) -> None:
    """Said in words, after so many requests."""
    script.answers = answers
    assert words in fetch().trouble
    assert len(script.ranges) == requests
    assert not (tmp_path / "r").exists()


def test_new_keys_are_asked_for_once(fetch: Fetch, script: Script, renewed: list[bool]) -> None:
    """A 403 is answered with new keys, as of a session that has just ended."""
    script.answers = [403]
    assert fetch().trouble == ""
    assert renewed == [False, True]


def test_an_object_that_grew_is_not_half_taken(fetch: Fetch, tmp_path: Path) -> None:
    """Larger than it was listed: said, not cut off."""
    assert "larger than it was" in fetch(md5="", size=1000).trouble
    assert not (tmp_path / "r").exists()


def test_an_empty_object_is_an_empty_file(fetch: Fetch, tmp_path: Path, script: Script) -> None:
    """Nothing has to be asked for."""
    assert fetch(md5=hashlib.md5(b"").hexdigest(), size=0).trouble == ""
    assert (tmp_path / "r").read_bytes() == b""
    assert script.ranges == []


def test_the_etag_of_an_object_encrypted_by_the_store_is_no_md5(
    fetch: Fetch, tmp_path: Path, script: Script
) -> None:
    """Though it looks like one; an MD5 from elsewhere still holds."""
    script.head = {"x-amz-server-side-encryption": "aws:kms"}
    assert fetch(md5="an-etag").trouble == ""
    assert (tmp_path / "r").read_bytes() == BODY
    assert "not those of the object" in fetch(md5="0" * 32, name="s").trouble


def test_ctrl_c_stops_the_workers() -> None:
    """Tasks are told to stop, have a moment to tidy up, and the interruption goes on."""
    begun: list[int] = []
    tidy: list[int] = []

    def one(number: int, stop: threading.Event) -> None:
        begun.append(number)
        assert stop.wait(10)
        time.sleep(0.2)
        tidy.append(number)
        raise StopAsked

    def watch() -> None:
        if len(begun) == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_all(3, one, watch)
    assert sorted(tidy) == [0, 1, 2]


def test_a_bug_in_a_task_is_not_swallowed() -> None:
    """It is raised where the tasks were given."""

    def one(_: int, stop: threading.Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_all(3, one, lambda: None)


def test_a_task_that_fails_stops_the_others() -> None:
    """Those that run are told, and those that wait are not begun."""
    begun: list[int] = []
    others = threading.Event()

    def one(number: int, stop: threading.Event) -> None:
        begun.append(number)
        if number == 1:
            assert others.wait(10)
            raise ZeroDivisionError
        others.set()
        assert stop.wait(10), "nobody told it"
        raise StopAsked

    with pytest.raises(ZeroDivisionError):
        run_all(9, one, lambda: None, at_once=2)
    assert sorted(begun) == [0, 1]


# ---- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "d/b.txt", "...", "a b", "é", ".hidden", "a" * 250])
def test_good_names(name: str) -> None:
    """They stay as they are."""
    assert safe_parts(name) == tuple(name.split("/"))


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../a", "a/../../b", "a/..", ".", "a//b", "a/", "a\nb", "a\x1b[2J", "a\0", "a\x7f", "a" * 251,
     "a\u202eb", "a\u0085", "\udcff"],
)  # fmt: skip
def test_bad_names(name: str) -> None:
    """No file may have them."""
    assert safe_parts(name) is None


def landing(root: Path, *parts: str) -> Destination:
    """The landing of a file below a directory."""
    return Destination(root=root, parts=parts, part=f"{parts[-1]}.part")


def test_no_symbolic_link_below_the_root_is_followed(tmp_path: Path) -> None:
    """A directory, the .part and the file itself may be links: nothing outside is touched."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("precious")
    root = tmp_path / "root"
    root.mkdir()
    (root / "13").symlink_to(outside)
    with pytest.raises(OSError, match=r"link|directory"), landing(root, "13", "new").open_part():
        pass
    (root / "r.part").symlink_to(outside / "victim")
    with pytest.raises(OSError, match="link"), landing(root, "r").open_part():
        pass
    (root / "s").symlink_to(outside / "victim")
    with landing(root, "s").open_part() as part:
        part.finish(0)
    assert not (root / "s").is_symlink()
    assert (outside / "victim").read_text() == "precious"
    assert [path.name for path in outside.iterdir()] == ["victim"]


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    """It is the user who names it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "data")
    with landing(tmp_path / "results", "13", "0", "r").open_part():
        pass
    assert (tmp_path / "data/13/0/r.part").exists()


def test_a_fifo_in_the_place_of_a_part_does_not_hang(tmp_path: Path) -> None:
    """It is no regular file."""
    os.mkfifo(tmp_path / "r.part")
    with pytest.raises(OSError, match="no regular file"), landing(tmp_path, "r").open_part():
        pass


# ---- listings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "prefixes"),
    [
        ([["out/13/a_0", "out/13/a_1"]], ("out/13/a_",)),
        ([["out/0/a", "out/1/a"], ["out/0/.m", "out/1/.m"]], ("out/",)),
        ([["a/x"], ["b/y"]], ("a/x", "b/y")),
        ([["0/a", "1/a"], ["x/y"]], ("", "x/y")),
        ([[], ["k"]], ("k",)),
    ],
)
def test_prefixes(groups: list[list[str]], prefixes: tuple[str, ...]) -> None:
    """One listing for what has much in common; the whole bucket swallows nothing else."""
    assert common_prefixes(groups) == prefixes


@pytest.mark.parametrize(
    ("etag", "md5"), [(MD5, MD5), (f"{MD5}-2", ""), ("", ""), (MD5.upper(), ""), ("x" * 32, "")]
)
def test_an_etag_is_an_md5_only_if_it_looks_like_one(etag: str, md5: str) -> None:
    """Those of multipart uploads are none."""
    assert ObjectInfo(size=1, etag=etag).md5 == md5
