"""Inputs: what is fetched is what was submitted, or the payload does not run."""

import hashlib
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.worker.conftest import Programs
from tests.worker.job import Job, died_of, encode, wait_for
from tests.worker.store import ENCRYPTED, Store

DATA = random.Random(4711).randbytes(300_000)
MD5 = f"md5:{hashlib.md5(DATA).hexdigest()}"
SHA256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
SIZE = str(len(DATA))


@pytest.mark.parametrize("checksum", [MD5, SHA256, "-"])
def test_an_input_arrives_whole(web_job: Job, store: Store, checksum: str) -> None:
    web_job.add("input", "in.root", SIZE, checksum, store.put("/b/in.root", DATA))
    web_job.payload("ls -l in.root | cut -c 2-10")
    ended = web_job.run()
    assert ended.code == 0
    assert (web_job.directory / "in.root").read_bytes() == DATA
    assert ended.stdout == "rw-r-----\n", "readable as the payload's umask says"
    (item,) = ended.report["inputs"]
    assert item.items() >= {"name": "in.root", "size": len(DATA), "tries": 1}.items()


def test_names_with_blanks_utf8_and_directories_arrive(web_job: Job, store: Store) -> None:
    name = "dir one/é 100%/in [1].root"
    url = store.put("/b/in {1} [2].root", b"x").replace(" ", "%20")
    web_job.add("input", encode(name), "1", "-", url)
    web_job.payload("exit 0")
    assert web_job.run().code == 0
    assert (web_job.directory / name).read_bytes() == b"x"


def test_an_empty_input_arrives(web_job: Job, store: Store) -> None:
    web_job.add("input", "empty", "0", "-", store.put("/b/empty", b""))
    web_job.payload("test -f empty && test ! -s empty")
    assert web_job.run().code == 0


def test_a_broken_download_is_resumed_where_it_broke(web_job: Job, store: Store) -> None:
    web_job.add("input", "in", SIZE, MD5, store.put("/b/in", DATA))
    web_job.payload("exit 0")
    store.fault("GET", "/b/in", "truncate", "truncate")
    ended = web_job.run()
    assert ended.code == 0
    starts = [each.start for each in store.requests]
    assert starts == [0, len(DATA) // 2, len(DATA) // 2 + len(DATA) // 4]
    assert ended.report["inputs"][0]["tries"] == 3


def test_a_broken_download_begins_anew_where_the_server_cannot_resume(
    web_job: Job, store: Store
) -> None:
    web_job.add("input", "in", SIZE, MD5, store.put("/b/in", DATA))
    web_job.payload("exit 0")
    store.ranges = False
    store.fault("GET", "/b/in", "truncate")
    assert web_job.run().code == 0
    assert (web_job.directory / "in").read_bytes() == DATA


def test_two_halves_of_two_versions_are_never_one_file(web_job: Job, store: Store) -> None:
    web_job.add("input", "in", "-", "-", store.put("/b/in", b"a" * 200_000))
    web_job.payload("exit 0")
    web_job.env["HEPSUB_PAUSE_MS"] = "300"
    store.fault("GET", "/b/in", "truncate")
    process = web_job.start()
    wait_for(lambda: store.requests, "the first try")
    store.objects["/b/in"] = b"b" * 200_000
    assert web_job.end(process).code == 0
    assert (web_job.directory / "in").read_bytes() == b"b" * 200_000


@pytest.mark.parametrize("fault", [500, 503, 429, "reset"])
def test_a_fault_that_passes_is_waited_for(web_job: Job, store: Store, fault: int | str) -> None:
    web_job.add("input", "in", SIZE, MD5, store.put("/b/in", DATA))
    web_job.payload("exit 0")
    store.fault("GET", "/b/in", fault)
    begun = time.monotonic()
    ended = web_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.report["inputs"][0]["tries"] == 2
    if fault == 429:
        assert time.monotonic() - begun > 0.5, "the server said Retry-After"


def test_the_etag_of_an_object_that_the_store_encrypts_is_no_md5(
    web_job: Job, store: Store
) -> None:
    """Listings do not say so, so it stands in the manifest; that of another object is still wrong."""
    web_job.payload("cat in.root")
    store.objects["/b/in.root"] = DATA
    store.encrypted = {"/b/in.root"}
    web_job.add("input", "in.root", SIZE, f"md5:{ENCRYPTED}", store.url("/b/in.root"))
    assert web_job.run().code == 0
    store.encrypted = set()
    assert web_job.run().code == 82


def test_a_wrong_byte_is_seen_and_fetched_again(web_job: Job, store: Store) -> None:
    web_job.add("input", "in", SIZE, MD5, store.put("/b/in", DATA))
    web_job.payload("exit 0")
    store.fault("GET", "/b/in", "corrupt")
    assert web_job.run().code == 0
    assert (web_job.directory / "in").read_bytes() == DATA


@pytest.mark.parametrize(
    ("size", "checksum"), [("5", "-"), (SIZE, "md5:" + "0" * 32), ("999999", "-")]
)
def test_an_input_that_is_another_one_is_82(
    web_job: Job, store: Store, size: str, checksum: str
) -> None:
    web_job.add("input", "in", size, checksum, store.put("/b/in", DATA))
    web_job.payload("touch ran")
    ended = web_job.run()
    assert (ended.code, ended.report["payload"]) == (82, None)
    assert f"{store.host}/b/in" in ended.stderr
    assert not (web_job.directory / "ran").exists()
    assert not (web_job.directory / "in").exists()


def test_a_missing_object_is_81_at_once(web_job: Job, store: Store) -> None:
    web_job.add("input", "in", "-", "-", store.url("/b/missing"))
    web_job.payload("touch ran")
    ended = web_job.run()
    assert (ended.code, store.count("GET", "/b/missing")) == (81, 1)
    assert "HTTP 404" in ended.stderr


def test_a_refused_url_without_chirp_is_81_at_once(web_job: Job, store: Store) -> None:
    store.put("/b/in", DATA)
    web_job.add("input", "in", "-", "-", store.url("/b/in", "old"))
    web_job.payload("touch ran")
    ended = web_job.run()
    assert (ended.code, store.count("GET", "/b/in")) == (81, 1)
    assert "HTTP 403" in ended.stderr


def test_a_server_that_is_away_is_81_after_some_patience(web_job: Job) -> None:
    web_job.add("input", "in", "-", "-", "http://127.0.0.1:9/b/in?X-Amz-Signature=hush4711")
    web_job.payload("touch ran")
    web_job.env["HEPSUB_PATIENCE_S"] = "5"
    ended = web_job.run()
    assert ended.code == 81
    assert "no connection" in ended.stderr
    assert ended.report["inputs"][0]["tries"] > 1
    assert ended.seconds < 20


def test_the_walltime_bounds_the_patience(web_job: Job) -> None:
    web_job.add("input", "in", "-", "-", "http://127.0.0.1:9/b/in?X-Amz-Signature=hush4711")
    web_job.payload("touch ran")
    web_job.add("walltime", "3", "2")
    ended = web_job.run()
    assert ended.code == 81
    assert "no time left" in ended.stderr
    assert ended.seconds < 20


def test_sent_and_linked_inputs_are_checked_and_linked(job: Job) -> None:
    target = job.directory.parent / "on the shared disk.root"
    target.write_text("shared")
    job.write("sent.txt", "sent")
    job.add("sent", "sent.txt")
    job.add("link", "sub dir/linked", encode(str(target)))
    job.payload('cat sent.txt "sub dir/linked"')
    assert job.run().stdout == "sentshared"


@pytest.fixture
def clones(tmp_path: Path) -> bool:
    """Whether files of this file system can share their blocks: then they are copied whatever their size."""
    (tmp_path / "one").write_text("x")
    words = ["cp", "--reflink=always", "one", "other"]
    return subprocess.run(words, check=False, cwd=tmp_path, stderr=-3).returncode == 0


def make_directory(path: Path) -> Path:
    """A directory of the user's, with a link in it, and one out of it."""
    (path / "sub").mkdir(parents=True)
    (path / "sub/a.txt").write_text("a")
    (path / "b.txt").symlink_to("sub/a.txt")
    (path.parent / "c").write_text("c")
    (path / "c.txt").symlink_to("../c")
    return path


def test_a_copied_input_is_the_jobs_own(job: Job) -> None:
    """It may write to it, also where the original is read-only; the original stays as it is."""
    origin = job.directory.parent / "on the shared disk.sh"
    origin.write_text("#!/bin/sh\n")
    origin.chmod(0o555)
    setup = make_directory(job.directory.parent / "set up")
    job.add("copylimit", "1000000", "100")
    job.add("copy", "sub dir/own.sh", encode(str(origin)))
    job.add("copy", "setup", encode(str(setup)))
    job.payload(
        'echo "echo mine" >>"sub dir/own.sh" && "./sub dir/own.sh" && rm setup/sub/a.txt &&'
        " echo + >>setup/b.txt && echo + >>setup/c.txt && cat setup/?.txt"
    )
    ended = job.run()
    assert (ended.code, ended.stdout, ended.stderr) == (0, "mine\na+\nc+\n", "")
    assert (job.directory / "sub dir/own.sh").stat().st_mode & 0o200
    assert origin.read_text() == "#!/bin/sh\n"
    assert [(setup / n).read_text() for n in ("sub/a.txt", "b.txt", "c.txt")] == ["a", "a", "c"]


def test_what_does_not_fit_into_the_limit_is_linked(job: Job, clones: bool) -> None:
    """The limit is that of all copies of a job; a smaller one that comes later still fits."""
    above = job.directory.parent
    job.add("copylimit", "10", "100")
    for name, size in (("one", 6), ("two", 6), ("three", 4), ("four", 1)):
        (above / name).write_text("x" * size)
        job.add("copy", name, str(above / name))
    job.payload("cat one two three four | wc -c")
    ended = job.run()
    assert (ended.code, ended.stdout.strip(), ended.stderr) == (0, "17", "")
    linked = [n for n in ("one", "two", "three", "four") if (job.directory / n).is_symlink()]
    assert linked == ([] if clones else ["two", "four"])


@pytest.mark.parametrize(("limit", "files"), [("1000000", "5"), ("1", "6")])
def test_a_directory_that_is_too_large_is_linked(job: Job, limit: str, files: str) -> None:
    """By the number of what is in it, itself included, or by its size."""
    setup = make_directory(job.directory.parent / "setup")
    (setup / "sub/d").mkdir()
    job.add("copylimit", limit, files)
    job.add("copy", "setup", str(setup))
    job.payload("cat setup/?.txt")
    assert job.run().stdout == "ac"
    assert (job.directory / "setup").is_symlink()


def test_a_directory_that_cannot_be_copied_whole_is_linked_and_told(job: Job) -> None:
    """A link in it that leads nowhere, as editors make them: what the payload wants may be there all the same."""
    setup = make_directory(job.directory.parent / "setup")
    (setup / ".#lock").symlink_to("alice@host.1")
    job.add("copylimit", "1000000", "100")
    job.add("copy", "setup", str(setup))
    job.payload("cat setup/?.txt")
    ended = job.run()
    assert (ended.code, ended.stdout) == (0, "ac")
    assert (job.directory / "setup").is_symlink()
    assert "input 'setup' cannot be copied: " in ended.stderr
    assert f"it is a link to {setup} itself" in ended.stderr


def test_without_a_limit_all_is_copied(job: Job) -> None:
    """As the contract says."""
    setup = make_directory(job.directory.parent / "setup")
    job.add("copy", "setup", str(setup))
    job.payload("cat setup/?.txt; test ! -L setup")
    ended = job.run()
    assert (ended.code, ended.stdout) == (0, "ac")


@pytest.mark.parametrize(
    "line",
    [
        ("sent", "in.txt"),
        ("link", "in.txt", "/no/such/file"),
        ("copy", "in.txt", "/no/such/file"),
    ],
)
def test_a_sent_or_linked_input_that_is_not_there_is_81(job: Job, line: tuple[str, ...]) -> None:
    job.add(*line)
    job.payload("touch ran")
    ended = job.run()
    assert ended.code == 81
    assert "in.txt" in ended.stderr
    assert not (job.directory / "ran").exists()


def test_without_a_program_for_http_it_is_88(job: Job, shell: str, programs: Programs) -> None:
    job.path = programs(shell, "none")
    job.add("output", "out", "-", "http://127.0.0.1:9/b/out")
    job.payload("touch ran")
    assert job.run().code == 88
    assert not (job.directory / "ran").exists()


def test_a_job_without_urls_needs_no_program_for_http(
    job: Job, shell: str, programs: Programs
) -> None:
    job.path = programs(shell, "none")
    job.payload("exit 0")
    assert job.run().code == 0


def test_the_users_libraries_do_not_break_the_transfer(web_job: Job, store: Store) -> None:
    """A software stack's LD_LIBRARY_PATH is the classic reason why a system's curl dies."""
    library = web_job.directory.parent / "lib"
    library.mkdir()
    for name in ("libcurl.so.4", "libssl.so.3", "libcrypto.so.3", "libz.so.1", "libexpat.so.1"):
        (library / name).write_text("not a library")
    web_job.env["LD_LIBRARY_PATH"] = str(library)
    web_job.env["PYTHONHOME"] = "/nowhere"
    web_job.add("input", "in", SIZE, MD5, store.put("/b/in", DATA))
    web_job.payload('echo "$LD_LIBRARY_PATH"')
    assert web_job.run().stdout == f"{library}\n"


def test_a_signal_while_fetching_ends_the_job_by_it(web_job: Job, store: Store) -> None:
    web_job.add("input", "in", SIZE, MD5, store.put("/b/in", DATA))
    web_job.payload("touch ran")
    store.fault("GET", "/b/in", *["slow"] * 9)
    process = web_job.start()
    wait_for(store.arrived.is_set, "the request")
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    ended = web_job.end(process)
    assert ended.code == died_of(signal.SIGTERM)
    assert time.monotonic() - begun < 5  # nine bodies take nine seconds
    assert (ended.report["code"], ended.report["payload"]) == (143, None)
    assert not (web_job.directory / "ran").exists()
