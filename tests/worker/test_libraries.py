"""Libraries: unpacked once before the payload, found by it alone, and never brought home."""

import hashlib
import io
import signal
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.worker.conftest import Programs
from tests.worker.job import Job, died_of, encode, wait_for
from tests.worker.modules import SHELLS
from tests.worker.store import Store

SHOW = 'echo "$HEPSUB_LIB"; echo "$LD_LIBRARY_PATH"; echo "$PYTHONPATH"; echo "$PATH"'


def archive(members: Mapping[str, str | None], mode: int = 0o755) -> bytes:
    """An archive as hep_sub makes it: directories (None), and files with this mode."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o755 if text is None else mode
            member.mtime = 315532800
            member.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            content = (text or "").encode()
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


SETUP = archive({
    "setup": None,
    "setup/lib": None,
    "setup/lib/libMyAna.so": "an elf",
    "setup/lib/python": None,
    "setup/lib/python/calib.py": "value = 'calibrated'\n",
    "setup/bin": None,
    "setup/bin/reco": "#!/bin/sh\necho reconstructed\n",
    "setup/sh": "#!/bin/false\n",
    "setup/env": "#!/bin/false\n",
    "setup/tar": "#!/bin/false\n",
})  # fmt: skip
ONE = archive({"libOne.so": "an elf"})


def name_of(content: bytes) -> str:
    """The name of an archive in the scratch directory."""
    return f"hepsub_lib.{hashlib.sha256(content).hexdigest()}.tar.gz"


def send(job: Job, name: str, kind: str, content: bytes) -> str:
    """Let the batch system bring a library."""
    file = name_of(content)
    job.write(file, content, 0o600)
    job.add("sent", file)
    job.add("library", encode(name), kind, file)
    return file


def left(job: Job) -> list[str]:
    """What is in the scratch directory after the job, but for the home directory and the payload."""
    return sorted(
        path.name for path in job.directory.iterdir() if path.name not in ("hepsub_home", "run.sh")
    )


def test_the_payload_finds_program_module_and_library(job: Job) -> None:
    """In front of the user's own values, in the order of the manifest; nothing stays behind."""
    send(job, "setup", "dir", SETUP)
    send(job, "libOne.so", "file", ONE)
    job.env |= {"LD_LIBRARY_PATH": "/mine", "PYTHONPATH": "/mine/python"}
    job.payload(f"{SHOW}; reco; cat $HEPSUB_LIB/libOne.so; ls -d hepsub_lib*")
    ended = job.run()
    assert (ended.code, ended.stderr) == (0, "")
    top = f"{job.directory}/hepsub_lib"
    assert ended.stdout.splitlines() == [
        top,
        f"{top}/setup/lib:{top}/setup:{top}:/mine",
        f"{top}/setup/lib/python:{top}/setup:{top}:/mine/python",
        f"{top}/setup/bin:{top}/setup:{top}:{job.path}",
        "reconstructed",
        "an elfhepsub_lib",
    ]
    assert left(job) == []


def test_without_values_of_the_users_own_there_is_no_empty_one(job: Job) -> None:
    """An empty part of a search path would be the working directory."""
    send(job, "libOne.so", "file", ONE)
    job.env["LD_LIBRARY_PATH"] = ""
    job.payload(SHOW)
    lines = job.run().stdout.splitlines()
    assert lines[:3] == [f"{job.directory}/hepsub_lib"] * 3


def test_a_job_without_libraries_sees_nothing_of_them(job: Job) -> None:
    """No variable, no directory."""
    job.env["PYTHONPATH"] = "/mine"
    job.payload(f"{SHOW}; ls -d hepsub_lib")
    ended = job.run()
    assert ended.stdout.splitlines() == ["", "", "/mine", str(job.path)]


def test_a_python_module_is_imported(job: Job) -> None:
    """From lib/python, by PYTHONPATH."""
    send(job, "setup", "dir", SETUP)
    job.payload("/usr/bin/python3 -c 'import calib; print(calib.value)'")
    assert job.run().stdout == "calibrated\n"


def test_a_shared_library_is_loaded(job: Job) -> None:
    """By the dynamic linker, from LD_LIBRARY_PATH: a copy of one that the system has under another name."""
    found = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True)
    original = next(line.split()[-1] for line in found.stdout.splitlines() if "libz.so.1" in line)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        tar.add(Path(original).resolve(), "libMyAna.so")
    send(job, "libMyAna.so", "file", packed.getvalue())
    job.payload(
        "/usr/bin/python3 -c 'import ctypes; print(ctypes.CDLL(\"libMyAna.so\").zlibCompileFlags() > 0)'"
    )
    ended = job.run()
    assert (ended.stdout, ended.stderr) == ("True\n", "")


def test_the_payload_finds_them_where_it_runs_elsewhere(job: Job, tmp_path: Path) -> None:
    """HEPSUB_LIB is absolute, and the submit directory stays clean."""
    elsewhere = tmp_path / "submitted"
    elsewhere.mkdir()
    send(job, "setup", "dir", SETUP)
    job.add("workdir", str(elsewhere))
    job.payload('pwd; reco; ls "$HEPSUB_LIB/setup"')
    ended = job.run()
    assert ended.code == 0
    assert ended.stdout.splitlines() == [
        str(elsewhere), "reconstructed", "bin", "env", "lib", "sh", "tar",
    ]  # fmt: skip
    assert list(elsewhere.iterdir()) == []


def test_a_variable_that_shells_cannot_spell_arrives_all_the_same(job: Job) -> None:
    """Env hands it on: the system's, though a library has a program of this name."""
    send(job, "setup", "dir", SETUP)
    job.env["MY.VERSION"] = "3"
    job.payload("tr '\\0' '\\n' </proc/$$/environ | grep ^MY")
    ended = job.run()
    assert (ended.code, ended.stdout) == (0, "MY.VERSION=3\n")


def test_an_archive_is_fetched_like_an_input(web_job: Job, store: Store) -> None:
    """By its URL, checked by its SHA-256, told in the report; and uploads work as without it."""
    file = name_of(SETUP)
    url = store.put(f"/user/lib/{file}", SETUP)
    checksum = f"sha256:{hashlib.sha256(SETUP).hexdigest()}"
    web_job.add("input", file, str(len(SETUP)), checksum, url)
    web_job.add("library", "setup", "dir", file)
    web_job.add("output", "r", "-", store.url("/out/r"))
    web_job.payload("reco >r")
    ended = web_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert store.objects["/out/r"] == b"reconstructed\n"
    assert [each["name"] for each in ended.report["inputs"]] == [file]
    assert left(web_job) == ["r"]


def test_an_archive_that_is_another_one_is_82(web_job: Job, store: Store) -> None:
    """What S3 has under this name is not what was submitted: the payload does not run."""
    file = name_of(SETUP)
    url = store.put(f"/user/lib/{file}", ONE.ljust(len(SETUP), b"x"))
    checksum = f"sha256:{hashlib.sha256(SETUP).hexdigest()}"
    web_job.add("input", file, str(len(SETUP)), checksum, url)
    web_job.add("library", "setup", "dir", file)
    web_job.payload("touch ran")
    ended = web_job.run()
    assert (ended.code, ended.report["payload"]) == (82, None)
    assert left(web_job) == []


@pytest.mark.parametrize("content", [SETUP[: len(SETUP) // 2], b"no archive", b""])
def test_a_broken_archive_is_82(job: Job, content: bytes) -> None:
    """Cut off on its way, or never one."""
    send(job, "setup", "dir", content)
    job.payload("touch ran")
    ended = job.run()
    assert (ended.code, ended.report["payload"]) == (82, None)
    assert "library 'setup'" in ended.stderr
    assert left(job) == []


def test_an_archive_that_was_lost_on_its_way_is_81(job: Job) -> None:
    """As any input that was not sent."""
    file = send(job, "setup", "dir", SETUP)
    (job.directory / file).unlink()
    job.payload("touch ran")
    assert job.run().code == 81


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_python_unpacks_where_there_is_no_tar(
    tmp_path: Path, shell: str, programs: Programs
) -> None:
    """And without both the code is 89, and the message says what is missing."""
    system = programs(shell, "curl")
    for number, (hidden, code) in enumerate([(("tar",), 0), (("tar", "python3"), 89)]):
        path = tmp_path / f"bin{number}"
        path.mkdir()
        for program in system.iterdir():
            if program.name not in hidden:
                (path / program.name).symlink_to(program.readlink())
        directory = tmp_path / f"scratch{number}"
        directory.mkdir(mode=0o700)
        job = Job(directory, SHELLS[shell], path)
        send(job, "setup", "dir", SETUP)
        job.payload("reco")
        ended = job.run()
        assert ended.code == code, ended.stderr
        assert ("neither tar nor python3" in ended.stderr) == (code == 89)
        assert ended.stdout == ("reconstructed\n" if code == 0 else "")
        assert left(job) == []


def replace_program(job: Job, tmp_path: Path, text: str) -> None:
    """Give the job's machine another tar, and no python3."""
    path = tmp_path / "bin"
    path.mkdir()
    for program in job.path.iterdir():
        if program.name not in ("tar", "python3"):
            (path / program.name).symlink_to(program.readlink())
    (path / "tar").write_text(f"#!/bin/sh\n{text}\n")
    (path / "tar").chmod(0o755)
    job.path = path


def test_what_tar_says_is_told(job: Job, tmp_path: Path) -> None:
    """A full disk is no broken archive."""
    send(job, "setup", "dir", SETUP)
    replace_program(job, tmp_path, 'echo "tar: x: No space left on device" >&2; exit 2')
    job.payload("touch ran")
    ended = job.run()
    assert (ended.code, ended.report["payload"]) == (89, None)
    assert "No space left on device" in ended.stderr
    assert "No space left on device" in ended.report["message"]
    assert left(job) == []


def test_a_signal_while_unpacking_ends_the_job_by_it(job: Job, tmp_path: Path) -> None:
    """At once, and with all that was started for it."""
    send(job, "setup", "dir", SETUP)
    replace_program(job, tmp_path, f": >{tmp_path}/begun; exec sleep 1000")
    job.payload("touch ran")
    process = job.start()
    wait_for((tmp_path / "begun").exists, "the unpacking")
    process.send_signal(signal.SIGTERM)
    ended = job.end(process)
    assert ended.code == died_of(signal.SIGTERM)
    assert (ended.report["code"], ended.report["payload"]) == (143, None)
    assert left(job) == []


def test_the_walltime_ends_the_unpacking(job: Job, tmp_path: Path) -> None:
    """A disk that hangs."""
    send(job, "setup", "dir", SETUP)
    replace_program(job, tmp_path, "exec sleep 1000")
    job.add("walltime", "6", "3")
    job.payload("touch ran")
    ended = job.run()
    assert (ended.code, ended.report["payload"]) == (86, None)
    assert left(job) == []


def test_no_pattern_takes_them_for_outputs(job: Job, store: Store) -> None:
    """`*/*` means what the payload made."""
    send(job, "setup", "dir", SETUP)
    url = f"{store.host}/out"
    form = f"key=d%2F%24%7Bfilename%7D&x-amz-signature={next(iter(store.signatures))}"
    job.add("glob", "*/*", "-", url, form)
    job.payload("mkdir mine && echo 1 >mine/r && cp $HEPSUB_LIB/setup/sh hepsub_lib/new")
    assert job.run().code == 0
    assert [path for path in store.objects if path.startswith("/out")] == ["/out/d/r"]


def test_what_could_be_started_can_be_started(job: Job) -> None:
    """And nothing else."""
    send(job, "setup", "dir", archive({"setup": None, "setup/a": "x"}, 0o644))
    send(job, "tools", "dir", archive({"tools": None, "tools/a": "x"}, 0o755))
    job.payload("cd hepsub_lib; test ! -x setup/a && test -r setup/a && test -x tools/a")
    assert job.run().code == 0


@pytest.mark.parametrize(
    "line",
    [
        ("library", "../setup", "dir", "a.tar.gz"),
        ("library", "a/b", "dir", "a.tar.gz"),
        ("library", "..", "dir", "a.tar.gz"),
        ("library", "setup", "tree", "a.tar.gz"),
        ("library", "setup", "dir", "../a.tar.gz"),
        ("sent", "hepsub_lib/x"),
    ],
)
def test_a_wrong_line_is_80(job: Job, line: tuple[str, ...]) -> None:
    """Before anything is done."""
    job.add(*line)
    job.payload("touch ran")
    ended = job.run()
    assert (ended.code, ended.report["payload"]) == (80, None)


@pytest.mark.parametrize("name", ["my libs", "é%41", "-x", "hepsub_lib", ".hepsub"])
def test_odd_names_arrive(job: Job, name: str) -> None:
    """Blanks, percent signs, a dash in front, names that are hepsub's own one level higher."""
    send(job, name, "dir", archive({name: None, f"{name}/tool": "#!/bin/sh\necho it works\n"}))
    job.payload("tool")
    assert job.run().stdout == "it works\n"
