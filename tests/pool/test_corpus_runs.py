"""Every real command line of HepJob's users is submitted, and its jobs run and get what was meant."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pool.shell import Shell
from tests.testbed.host import checkout
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

CORPUS = checkout() / "tests/data/hep_sub.jsonl"
ROOTS = (
    "home",
    "junofs",
    "scratchfs",
    "publicfs",
    "cefs",
    "sharefs",
    "eos",
    "besfs",
    "hpcfs",
    "afs",
)
ABSOLUTE = re.compile(rf"(?<![\w.])/(?={'|'.join(f'{root}/' for root in ROOTS)})")
MOST = 2
TIME = 120
POOL_MB, POOL_CORES = 16000, 8
IDLE_STATUS = 1

SH = """\
{ echo $#; for word in "$@"; do printf '%s\\n' "$word"; done; } > "$CORPUS_OUT/$_CONDOR_IHEP_JOB_ID"
"""
CSH = """\
echo $#argv > "$CORPUS_OUT/$_CONDOR_IHEP_JOB_ID"
foreach word ($argv:q)
    echo $word:q >> "$CORPUS_OUT/$_CONDOR_IHEP_JOB_ID"
end
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
        names = {"procid": str(proc), "clusterid": str(cluster)}
        return [
            re.sub(r"%\{(\w+)\}", lambda name: names[name[1].casefold()], word)
            for word in self.expect.get("arguments", [])
        ]

    def cores(self) -> int:
        """How many cores a job asks for."""
        return int(self.expect.get("cpu", self.expect.get("numberprocess", 1)))

    def waits(self) -> bool:
        """Whether this pool lacks what the line asks for."""
        expect = self.expect
        elsewhere = bool(expect.get("gpu")) or "wn" in expect
        too_large = expect.get("memory", 0) > POOL_MB or self.cores() > POOL_CORES
        return elsewhere or too_large


def read_lines(work: Path) -> list[Line]:
    """The corpus, each line in a directory of its own below `work`."""
    texts = CORPUS.read_text().splitlines()
    return [_line(number, text, work / f"line{number}") for number, text in enumerate(texts, 1)]


def _line(number: int, text: str, directory: Path) -> Line:
    record = _moved(json.loads(text), directory)
    expect = record["expect"]
    jobs = min(expect.get("number", 1), MOST)
    argv = _with_number(record["argv"], jobs) if "number" in expect else record["argv"]
    return Line(number, tuple(argv), expect, jobs, directory)


def _moved(value: Any, directory: Path) -> Any:
    """A JSON value with the absolute paths in its texts put below a directory."""
    if isinstance(value, str):
        return ABSOLUTE.sub(f"{directory}/", value)
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


def prepare(user: Shell, line: Line) -> None:
    """Make what the line names: scripts, directories, the image."""
    below = line.directory.relative_to(user.work)
    user.directory(str(below))
    for key in ("output", "error", "dir", "log"):
        if (name := line.expect.get(key)) and not name.startswith("/dev/"):
            place = (line.directory / name).relative_to(user.work)
            is_directory = name.endswith("/") or key == "dir" or Path(name).name in DIRECTORIES
            user.directory(str(place if is_directory else place.parent))
    if "image" in line.expect:
        user.account.write(f"{below}/{line.expect['image']}", "")
    for proc in range(line.jobs):
        name = re.sub(r"%\{procid\}", str(proc), line.expect["script"], flags=re.IGNORECASE)
        path = str((line.directory / name).relative_to(user.work))
        if name.endswith(".csh"):
            user.script(path, CSH, shell="/bin/tcsh")
        else:
            user.script(path, SH)


DIRECTORIES = ("log", "logs", "joboutput", "hep_jobs", "PocketCoffea")
"""Names behind -o and -e that were directories where the lines were typed."""


@pytest.fixture
def fast_matching(clean_pool: Pool) -> Iterator[None]:
    """Match many groups in one cycle of the negotiator, which is one group a cycle otherwise."""
    clean_pool.add_config("CONSUMPTION_POLICY = True\nCLAIM_PARTITIONABLE_LEFTOVERS = False")
    restart_startd(clean_pool, "ConsumptionCpus isnt undefined")
    yield
    clean_pool.purge()
    clean_pool.forget_history()
    clean_pool.reset_config()
    restart_startd(clean_pool, "ConsumptionCpus is undefined")


def restart_startd(pool: Pool, changed: str) -> None:
    """Let the start daemon take a configuration that it reads only when it starts."""
    pool.run(["condor_restart", "-startd"])
    slot = f'SlotType == "Partitionable" && GLIDEIN_Site is undefined && {changed}'
    pool.wait_for(lambda: pool.slots(slot), TIME, "the start daemon to come back")


@pytest.mark.usefixtures("fast_matching")
def test_every_line_of_the_corpus_runs_and_its_jobs_get_the_arguments(user: Shell) -> None:
    """All lines are accepted; their jobs run with the arguments and resources that the line means."""
    lines = read_lines(user.work)
    assert len(lines) >= 116
    for line in lines:
        prepare(user, line)
    results = user.directory("results")

    def submit(line: Line) -> int:
        return user.submit(*line.argv, cwd=line.directory, env={"CORPUS_OUT": str(results)})

    with ThreadPoolExecutor(4) as threads:
        clusters = dict(zip(threads.map(submit, lines), lines, strict=True))
    check_ads(user, clusters)
    running = {cluster: line for cluster, line in clusters.items() if not line.waits()}
    wanted = {f"{c}.{proc}" for c, line in running.items() for proc in range(line.jobs)}

    def missing() -> set[str]:
        return wanted - {path.name for path in results.iterdir()}

    user.pool.wait_for(lambda: not missing(), TIME, "the jobs of the corpus")
    user.pool.wait_for(
        lambda: not user.pool.jobs(f"JobStatus != {IDLE_STATUS}", ["ProcId"]), TIME, "their ends"
    )
    for cluster, line in running.items():
        for proc in range(line.jobs):
            expected = line.arguments(cluster, proc)
            got = (results / f"{cluster}.{proc}").read_text().splitlines()
            assert got == [str(len(expected)), *expected], line
    left = {ad["ClusterId"] for ad in user.pool.jobs(attributes=["ClusterId"])}
    assert left == set(clusters) - set(running)


def check_ads(user: Shell, clusters: Mapping[int, Line]) -> None:
    """The ads carry what each line asks for."""
    ads = {ad["ClusterId"]: ad for ad in [*user.pool.jobs(), *user.pool.history()]}
    for cluster, line in clusters.items():
        ad, expect = ads[cluster], line.expect
        group = expect.get("group", "hepalice")
        assert ad["AcctGroup"].split(".")[1] == group, line
        assert ad["HepJob_Walltime"] == expect.get("walltime", "default"), line
        assert ad["RequestMemory"] == expect.get("memory", 2000), line
        assert ad["RequestCpus"] == line.cores(), line
        assert ad["JobPrio"] == int(expect.get("priority", 0)), line
        assert ad["TotalSubmitProcs"] == line.jobs, line
        assert ("ContainerImage" in ad) == ("OperatingSystem" in expect or "image" in expect), line
