"""Every real command line of HepJob's users is submitted, and its jobs run and get what HepJob gives them."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.corpus import TELL, Line, check_received, read_lines
from tests.pool.shell import Shell
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

TIME = 120
POOL_MB, POOL_CORES = 16000, 8
IDLE_STATUS = 1


def waits(line: Line) -> bool:
    """Whether this pool lacks what the line asks for."""
    elsewhere = bool(line.expect.get("gpu")) or "wn" in line.expect
    return elsewhere or line.memory_mb() > POOL_MB or line.cores() > POOL_CORES


def prepare(user: Shell, line: Line) -> None:
    """Make what the line names: scripts, directories, the image."""
    for place in line.directories():
        user.directory(str(place.relative_to(user.work)))
    if "image" in line.expect:
        user.account.write(f"{line.directory.relative_to(user.work)}/{line.expect['image']}", "")
    for path, text in line.programs():
        user.account.write(str(path.relative_to(user.work)), text, mode=0o755)


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
    user.account.write("results/tell", TELL)

    def submit(line: Line) -> int:
        return user.submit(*line.argv, cwd=line.directory, env={"CORPUS_OUT": str(results)})

    with ThreadPoolExecutor(4) as threads:
        clusters = dict(zip(threads.map(submit, lines), lines, strict=True))
    check_ads(user, clusters)
    running = {cluster: line for cluster, line in clusters.items() if not waits(line)}
    wanted = {f"{c}.{proc}" for c, line in running.items() for proc in range(line.jobs)}

    def missing() -> set[str]:
        return wanted - {path.name for path in results.iterdir()}

    user.pool.wait_for(lambda: not missing(), TIME, "the jobs of the corpus")
    user.pool.wait_for(
        lambda: not user.pool.jobs(f"JobStatus != {IDLE_STATUS}", ["ProcId"]), TIME, "their ends"
    )
    for cluster, line in running.items():
        check_received(line, cluster, results)
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
        assert ad["RequestMemory"] == line.memory_mb(), line
        assert ad["RequestCpus"] == line.cores(), line
        assert ad["JobPrio"] == int(expect.get("priority", 0)), line
        assert ad["TotalSubmitProcs"] == line.jobs, line
        assert ("ContainerImage" in ad) == line.has_image(), line
