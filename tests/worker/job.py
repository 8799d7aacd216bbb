"""A job's scratch directory, and the wrapper run in it under one of the shells."""

import contextlib
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hepsub.bundle.pending import pending_at
from hepsub.bundle.report import report_at
from hepsub.tree import open_tree
from tests.worker.store import SIGNATURE

WRAPPER = Path(__file__).resolve().parents[2] / "hepsub" / "worker" / "wrapper.sh"
JOB = "1234.0"
POLL = 0.01
TIMEOUT = 30


def encode(name: str) -> str:
    """A name or path as it stands in a manifest."""
    return name.replace("%", "%25").replace("\t", "%09").replace("\n", "%0a")


@dataclass(frozen=True)
class Ended:
    """What a job left behind.

    Attributes:
        code: its exit code, or minus its signal, as subprocess says it.
        report: report.json.
        job: where it ran.
    """

    code: int
    stdout: str
    stderr: str
    seconds: float
    report: dict[str, Any]
    job: "Job"

    def outputs(self) -> dict[str, str]:
        """The states of the outputs by name."""
        return {each["name"]: each["state"] for each in self.report["outputs"]}

    def pending(self) -> list[list[str]]:
        """The lines of pending.tsv, as fields."""
        text = (self.job.home / "pending.tsv").read_text()
        return [line.split("\t") for line in text.splitlines()]


@dataclass
class Job:
    """A job that has not run yet.

    Attributes:
        directory: its scratch directory.
        shell: the words that start the shell.
        path: the PATH, which decides between curl and python3.
        timeout: after so many seconds a job that has not ended is a failure.
    """

    directory: Path
    shell: Sequence[str]
    path: Path
    lines: list[tuple[str, ...]] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    first: int = 1
    timeout: float = TIMEOUT

    @property
    def home(self) -> Path:
        """What the batch system would bring home."""
        return self.directory / "hepsub_home"

    def add(self, *fields: str) -> None:
        """Add a line to the manifest."""
        self.lines.append(fields)

    def payload(self, text: str, *, interpreter: str = "/bin/sh", name: str = "run.sh") -> None:
        """Make the payload: a script, not executable, as a batch system sends it."""
        self.write(name, f"#!{interpreter}\n{text}\n")
        self.add("payload", name)

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        """Write a file into the scratch directory."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def manifest(self, lines: Sequence[tuple[str, ...]] | None = None) -> str:
        """The manifest's text."""
        first = ("hepsub-manifest", "1", JOB)
        every = [first, *(self.lines if lines is None else lines)]
        return "".join("\t".join(line) + "\n" for line in every)

    # ---- running ------------------------------------------------------------------------------

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
        """Start the wrapper as a batch system does."""
        if not (self.directory / "hepsub.manifest").exists():
            self.write("hepsub.manifest", self.manifest())
        env = {
            "PATH": str(self.path),
            "HOME": "/nonexistent",
            "LANG": "C.UTF-8",
            "HEPSUB_PAUSE_MS": "10",
            "JOB_MARK": self.mark,
            **self.env,
        }
        process = subprocess.Popen(
            [*self.shell, str(WRAPPER), *arguments],
            cwd=self.directory,
            env=env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            umask=0o027,
            start_new_session=True,
        )
        self.first = process.pid
        return process

    def end(self, process: "subprocess.Popen[str]", begun: float | None = None) -> Ended:
        """Wait for the wrapper, and check what is true after every job."""
        start = time.monotonic() if begun is None else begun
        try:
            stdout, stderr = process.communicate(timeout=self.timeout)
        except BaseException:
            self.kill()
            process.communicate()
            raise
        seconds = time.monotonic() - start
        with open_tree(self.home) as tree:
            assert report_at(tree) is not None
            assert pending_at(tree)[1] == (), "a list that hepsub cannot read"
        report = json.loads((self.home / "report.json").read_bytes())
        ended = Ended(process.returncode, stdout, stderr, seconds, report, self)
        self._check(ended)
        return ended

    def run(self, *arguments: str) -> Ended:
        """Run the job to its end."""
        begun = time.monotonic()
        return self.end(self.start(*arguments), begun)

    def _check(self, ended: Ended) -> None:
        """After every job: nothing private is left, no process runs, nothing secret was told."""
        assert not (self.directory / ".hepsub").exists()
        assert not (self.directory / "hepsub.manifest").exists()
        wait_for(lambda: not self.processes(), self.processes, 3)
        assert SIGNATURE not in ended.stdout + ended.stderr
        for file in self.home.rglob("*"):
            assert not file.is_file() or SIGNATURE.encode() not in file.read_bytes(), file
        assert "wrapper.sh" not in ended.stderr, ended.stderr
        assert ended.report["version"] == 1

    def kill(self) -> None:
        """End everything that this job has started, as a batch system does: the payload has its own session."""
        while numbers := list(self._numbers()):
            for number in numbers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(POLL)

    def processes(self) -> list[str]:
        """The command lines of the processes with this job's environment that still run."""
        found = []
        for number in self._numbers():
            with contextlib.suppress(OSError):
                words = (Path("/proc") / str(number) / "cmdline").read_bytes()
                found.append(words.replace(b"\0", b" ").decode())
        return found

    def _numbers(self) -> Iterator[int]:
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                number = int(process.name)
                mark = f"JOB_MARK={self.mark}".encode()
                if number >= self.first and mark in (process / "environ").read_bytes():
                    yield number


def wait_for(condition: Callable[[], object], what: object, timeout: float = 10) -> None:
    """Poll until the condition is true; `what` was waited for, or gives what is there instead."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what() if callable(what) else what}"
        time.sleep(POLL)


def command_lines() -> str:
    """The command lines and environments of all processes of this machine, as ps shows them."""
    texts = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                texts.append((process / name).read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return "\n".join(texts)


def died_of(number: signal.Signals) -> int:
    """The return code of a process that a signal ended."""
    return -number


def link_programs(place: Path, hidden: Sequence[str]) -> Path:
    """A directory with all programs of the system but some."""
    place.mkdir()
    for directory in ("/usr/bin", "/bin"):
        for program in Path(directory).iterdir():
            link = place / program.name
            if program.name not in hidden and not link.is_symlink():
                link.symlink_to(program)
    return place


def link_busybox(place: Path, others: Mapping[str, str]) -> Path:
    """A directory with busybox's programs, and some others: a small container image."""
    place.mkdir()
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        (place / applet).symlink_to("/usr/bin/busybox")
    for name, target in others.items():
        (place / name).symlink_to(target)
    return place
