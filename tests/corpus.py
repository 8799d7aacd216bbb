"""The command lines of HepJob's users, what their jobs tell of what they got, and what HepJob gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed.host import checkout

CORPUS = checkout() / "tests/data/hep_sub.jsonl"
_ROOTS = ("home", "junofs", "scratchfs", "publicfs", "cefs", "sharefs", "eos", "besfs", "hpcfs", "afs")  # fmt: skip
_ABSOLUTE = re.compile(rf"(?<![\w.])/(?={'|'.join(f'{root}/' for root in _ROOTS)})")
_MOST = 2
_DIRECTORIES = ("log", "logs", "joboutput", "hep_jobs", "PocketCoffea")
"""Names behind -o and -e that were directories where the lines were typed."""
STREAMS = {"output": "out", "error": "err"}
"""The options for logs, by what stands for them in the names of logs without a word about them."""
TELL = """\
env -0 > "$CORPUS_OUT/env.$_CONDOR_IHEP_JOB_ID"
readlink /proc/self/cwd /proc/self/fd/0 > "$CORPUS_OUT/place.$_CONDOR_IHEP_JOB_ID"
echo "out $_CONDOR_IHEP_JOB_ID"
echo "err $_CONDOR_IHEP_JOB_ID" >&2
"""
_SH = f"""\
#!/bin/sh
{TELL}\
{{ echo $#; for word in "$@"; do printf '%s\\n' "$word"; done; }} > "$CORPUS_OUT/new.$_CONDOR_IHEP_JOB_ID"
mv "$CORPUS_OUT/new.$_CONDOR_IHEP_JOB_ID" "$CORPUS_OUT/$_CONDOR_IHEP_JOB_ID"
"""
_CSH = """\
#!/bin/tcsh
sh "$CORPUS_OUT/tell"
echo $#argv > "$CORPUS_OUT/new.$_CONDOR_IHEP_JOB_ID"
foreach word ($argv:q)
    echo $word:q >> "$CORPUS_OUT/new.$_CONDOR_IHEP_JOB_ID"
end
mv "$CORPUS_OUT/new.$_CONDOR_IHEP_JOB_ID" "$CORPUS_OUT/$_CONDOR_IHEP_JOB_ID"
"""


@dataclass(frozen=True)
class Line:
    """One line of the corpus, its absolute paths moved below the user's directory.

    Attributes:
        number: of the line in the file.
        argv: the words behind hep_sub.
        expect: the values they mean.
        jobs: how many jobs it is cut down to.
        directory: where it is typed.
    """

    number: int
    argv: tuple[str, ...]
    expect: Mapping[str, Any]
    jobs: int
    directory: Path

    def arguments(self, cluster: int, proc: int) -> list[str]:
        """What a job has to receive."""
        return [_filled(word, cluster, proc) for word in self.expect.get("arguments", [])]

    def cores(self) -> int:
        """How many cores a job asks for."""
        return int(self.expect.get("cpu", self.expect.get("numberprocess", 1)))

    def memory_mb(self) -> int:
        """How much memory a job asks for; HepJob's default is 2 GB."""
        return int(self.expect.get("memory", 2000))

    def has_image(self) -> bool:
        """Whether it runs in a container."""
        return "OperatingSystem" in self.expect or "image" in self.expect

    def script(self, proc: int) -> Path:
        """The program of a job."""
        return self.directory / _filled(self.expect["script"], 0, proc)

    def log(self, key: str, cluster: int, proc: int) -> Path:
        """The file behind `output` or `error`, as HepJob names it."""
        default = f"{self.script(proc).name}.{STREAMS[key]}.{cluster}.{proc}"
        name = self.expect.get(key)
        if name is None:
            return self.directory / default
        place = self.directory / _filled(name, cluster, proc)
        return place / default if _is_directory(key, name) else place

    def directories(self) -> Iterator[Path]:
        """The directories that were there when it was typed."""
        yield self.directory
        for key in (*STREAMS, "log"):
            if (name := self.expect.get(key)) and not name.startswith("/dev/"):
                place = self.directory / name
                yield place if _is_directory(key, name) else place.parent

    def programs(self) -> Iterator[tuple[Path, str]]:
        """Its programs, and the text of each."""
        for proc in range(self.jobs):
            path = self.script(proc)
            yield path, _CSH if path.suffix == ".csh" else _SH


def _is_directory(key: str, name: str) -> bool:
    return name.endswith("/") or (key in STREAMS and Path(name).name in _DIRECTORIES)


def _filled(text: str, cluster: int, proc: int) -> str:
    names = {"procid": str(proc), "clusterid": str(cluster)}
    return re.sub(r"%\{(\w+)\}", lambda name: names[name[1].casefold()], text)


def read_lines(work: Path) -> list[Line]:
    """The corpus, each line in a directory of its own below `work`."""
    texts = CORPUS.read_text().splitlines()
    return [_line(number, text, work / f"line{number}") for number, text in enumerate(texts, 1)]


def _line(number: int, text: str, directory: Path) -> Line:
    record = _moved(json.loads(text), directory)
    expect = record["expect"]
    jobs = min(expect.get("number", 1), _MOST)
    argv = _with_number(record["argv"], jobs) if "number" in expect else record["argv"]
    return Line(number, tuple(argv), expect, jobs, directory)


def _moved(value: Any, directory: Path) -> Any:
    """A JSON value with the absolute paths in its texts put below a directory."""
    if isinstance(value, str):
        return _ABSOLUTE.sub(f"{directory}/", value)
    if isinstance(value, list):
        return [_moved(each, directory) for each in value]
    if isinstance(value, dict):
        return {key: _moved(each, directory) for key, each in value.items()}
    return value


def _with_number(argv: Sequence[str], jobs: int) -> Iterator[str]:
    words = iter(argv)
    for word in words:
        yield word
        if word in ("-n", "--number"):
            next(words)
            yield str(jobs)


def check_received(line: Line, cluster: int, results: Path) -> None:
    """Compare what the jobs of a line got with what HepJob gives them: argv, directory, stdin and logs."""
    for proc in range(line.jobs):
        job = f"{cluster}.{proc}"
        arguments = line.arguments(cluster, proc)
        assert (results / job).read_text().splitlines() == [str(len(arguments)), *arguments], line
        place = (results / f"place.{job}").read_text().splitlines()
        assert place == [str(line.directory), "/dev/null"], line
        for key, stream in STREAMS.items():
            path = line.log(key, cluster, proc)
            if str(path) == "/dev/null":
                continue
            others = [at for at in range(line.jobs) if line.log(key, cluster, at) == path]
            said = path.read_text().splitlines()
            # Jobs that write one file write over each other, with HepJob, too.
            assert any(f"{stream} {cluster}.{at}" in said for at in others), (line, path, said)


def environment_of(job: str, results: Path) -> dict[str, str]:
    """The environment that a job had."""
    pairs = (results / f"env.{job}").read_bytes().decode().split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs if pair)
