"""The wrapper's Python programs, and the one of bash, as they travel: under each Python 3 that is here."""

import ast
import base64
import gzip
import hashlib
import io
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hepsub.worker.build import SOURCES, program_text
from tests.worker.chirp import Chirp
from tests.worker.store import SIGNATURE, Store

PROGRAMS = sorted(path.name for path in SOURCES.glob("*.py"))
Python = Callable[..., "subprocess.CompletedProcess[bytes]"]


def pythons() -> dict[str, str]:
    """This Python, and the oldest and the newest one that work here."""
    found = {}
    for minor in range(6, 30):
        path = shutil.which(f"python3.{minor}")
        if (
            path
            and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            found[f"3.{minor}"] = path
    mine = {f"3.{sys.version_info.minor}": sys.executable}
    ends = {name: found[name] for name in [*found][:1] + [*found][-1:]}
    return ends | mine


PYTHONS = pythons()


@pytest.fixture(params=list(PYTHONS))
def python(request: pytest.FixtureRequest, tmp_path: Path) -> Python:
    """Give each Python: run a program with its arguments in a directory."""

    def run(
        name: str, *arguments: str, content: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        words = [PYTHONS[request.param], "-IS", "-c", program_text(name), *arguments]
        return subprocess.run(words, input=content, cwd=tmp_path, capture_output=True, check=False)

    return run


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_travels_is_what_stands_in_the_file_and_python_3_6_reads_it(name: str) -> None:
    source = ast.parse((SOURCES / name).read_text(encoding="utf-8"), feature_version=(3, 6))
    assert ast.dump(ast.parse(program_text(name))) == ast.dump(source)


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_a_checksum(python: Python, kind: str) -> None:
    content = bytes(range(256)) * 10_000
    told = python("checksum.py", kind, content=content).stdout
    assert told.decode().strip() == hashlib.new(kind, content).hexdigest()


def test_an_archive_is_unpacked(python: Python, tmp_path: Path) -> None:
    with (
        gzip.open(tmp_path / "a.tar.gz", "wb") as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        member = tarfile.TarInfo("lib/x.so")
        member.size, member.mode = 3, 0o755
        tar.addfile(member, io.BytesIO(b"elf"))
    assert python("untar.py", "a.tar.gz", "there").returncode == 0
    assert (tmp_path / "there/lib/x.so").read_bytes() == b"elf"
    assert stat.S_IMODE((tmp_path / "there/lib/x.so").stat().st_mode) == 0o755


def test_a_program_in_a_session_of_its_own_heeds_signals(python: Python) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        script = "echo $(ps -o sid= -p $$) $$; kill -INT $$; echo deaf"
        done = python("session.py", "sh", "-c", script)
    finally:
        signal.signal(signal.SIGINT, before)
    session, process = done.stdout.split()
    assert session == process
    assert done.returncode == -signal.SIGINT


# ---- chirp --------------------------------------------------------------------------------------------


@pytest.fixture(params=[*PYTHONS, "bash"])
def ask(request: pytest.FixtureRequest, tmp_path: Path, chirp: Chirp) -> Python:
    """Give each way to speak chirp."""
    config = tmp_path / "config"
    config.write_text(chirp.config)

    def run(verb: str, one: str, two: str) -> "subprocess.CompletedProcess[bytes]":
        if request.param == "bash":
            words = ["bash", "--norc", "--noprofile", "-c", program_text("chirp.bash"), "hepsub"]
        else:
            words = [PYTHONS[request.param], "-IS", "-c", program_text("chirp.py")]
        return subprocess.run(
            [*words, verb, str(config), one, two], capture_output=True, check=False
        )

    return run


def test_a_file_by_chirp(ask: Python, chirp: Chirp, tmp_path: Path) -> None:
    chirp.files["/a b\\c\td"] = b"\0\xffsecret\n"
    assert ask("get", "/a b\\c\td", str(tmp_path / "new")).returncode == 0
    assert (tmp_path / "new").read_bytes() == b"\0\xffsecret\n"


def test_a_file_that_chirp_does_not_have(ask: Python, tmp_path: Path) -> None:
    assert ask("get", "/missing", str(tmp_path / "new")).returncode == 1
    assert not (tmp_path / "new").exists()


def test_an_attribute_by_chirp(ask: Python, chirp: Chirp) -> None:
    assert ask("set", "ChirpHepSub_Phase", '"a \\"b\\" c"').returncode == 0
    assert chirp.attributes == [("ChirpHepSub_Phase", '"a \\"b\\" c"')]


# ---- HTTP ---------------------------------------------------------------------------------------------


@pytest.fixture
def http(python: Python, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Give a transfer: VERB FILE and the lines of the request; returns the exit code and the status."""

    def run(
        verb: str, file: str, *lines: str, stall: str = "10", limit: str = "20"
    ) -> tuple[int, str]:
        (tmp_path / "request").write_text("".join(f"{line}\n" for line in lines))
        done = python("http.py", verb, file, ".", limit, stall, "")
        assert done.stderr == b""
        return done.returncode, done.stdout.decode().strip()

    return run


Http = Callable[..., tuple[int, str]]
BODY = bytes(range(256)) * 5000
MD5 = hashlib.md5(BODY).hexdigest()


def test_an_object_is_fetched(http: Http, store: Store, tmp_path: Path) -> None:
    assert http("get", "in", store.put("/b/k", BODY), "") == (0, "200")
    assert (tmp_path / "in").read_bytes() == BODY
    assert f'ETag: "{MD5}"' in (tmp_path / "headers").read_text()


@pytest.mark.parametrize("etag", ["", f'"{MD5}"'])
def test_the_rest_of_an_object_is_fetched(
    http: Http, store: Store, tmp_path: Path, etag: str
) -> None:
    (tmp_path / "in").write_bytes(BODY[:1000])
    assert http("get", "in", store.put("/b/k", BODY), etag) == (0, "206")
    assert (tmp_path / "in").read_bytes() == BODY


def test_the_rest_of_another_object_is_not(http: Http, store: Store, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"old")
    assert http("get", "in", store.put("/b/k", BODY), '"another"') == (0, "200")
    assert (tmp_path / "in").read_bytes() == BODY


def test_a_letter_is_fetched_whole_and_once(http: Http, store: Store, tmp_path: Path) -> None:
    """What is there already is another version, not the first part of this one."""
    (tmp_path / "sealed").write_bytes(BODY[:1000])
    url = store.put("/b/k", BODY)
    assert http("letter", "sealed", url, "") == (0, "200")
    assert (tmp_path / "sealed").read_bytes() == BODY
    assert http("letter", "sealed", url, '"another"') == (0, "200")
    assert http("letter", "sealed", url, f'"{MD5}"') == (22, "304")
    assert not any(name in head for head in store.headers for name in ("Range", "If-Range"))


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([404], (22, "404")),
        ([503], (22, "503")),
        (["truncate"], (18, "200")),
        (["reset"], (56, "000")),
    ],
)
def test_what_goes_wrong_has_the_exit_code_of_curl(
    http: Http, store: Store, faults: list[int | str], expected: tuple[int, str]
) -> None:
    url = store.put("/b/k", BODY)
    store.fault("GET", "/b/k", *faults)
    assert http("get", "in", url, "") == expected


def test_what_never_arrives_has_the_exit_code_of_curl(http: Http, store: Store) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    url = store.put("/b/k", BODY)
    assert http("get", "in", f"http://127.0.0.1:{port}/k", "") == (7, "000")
    assert http("get", "in", "no-url", "") == (3, "000")
    assert http("get", "no/such/directory", url, "") == (23, "200")
    assert http("put", "missing", url, "-") == (26, "000")


def test_a_store_that_is_too_slow_is_28(http: Http, store: Store) -> None:
    url = store.put("/b/k", BODY)
    store.fault("GET", "/b/k", "slow", "slow")
    assert http("get", "in", url, "", stall="0.2")[0] == 28


def test_a_file_is_uploaded(http: Http, store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(BODY)
    assert http("put", "out", store.url("/b/k"), MD5) == (0, "200")
    assert store.objects["/b/k"] == BODY
    assert store.headers[-1]["Content-Md5"] == base64.b64encode(bytes.fromhex(MD5)).decode()
    assert "Content-Type" not in store.headers[-1]


def test_a_refusal_leaves_the_answer(http: Http, store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(BODY)
    store.fault("PUT", "/b/k", "403 QuotaExceeded")
    assert http("put", "out", store.url("/b/k"), "-") == (22, "403")
    assert "QuotaExceeded" in (tmp_path / "answer").read_text()


def test_a_file_is_uploaded_by_a_form(http: Http, store: Store, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(BODY)
    form = f"key=out%2F${{filename}}&a=b%25c&x-amz-signature={SIGNATURE}"
    assert http("post", "out", f"{store.host}/b", "r é.root", form) == (0, "204")
    assert store.forms == [{"key": "out/r é.root", "a": "b%c", "x-amz-signature": SIGNATURE}]
    assert store.objects["/b/out/r é.root"] == BODY


def test_an_object_is_deleted(http: Http, store: Store) -> None:
    assert http("delete", "-", store.put("/b/k", b"")) == (0, "204")
    assert "/b/k" not in store.objects
