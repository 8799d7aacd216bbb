"""Fixtures of the wrapper's tests: each runs under dash, bash and busybox; with curl, with python3."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.worker.chirp import Chirp
from tests.worker.job import Job, link_busybox, link_programs
from tests.worker.letters import Post
from tests.worker.modules import SHELLS
from tests.worker.store import Store

Programs = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Give the PATH of a machine: the shell (busybox: nothing but busybox) and the program for HTTP."""
    top = tmp_path_factory.mktemp("programs")
    made: dict[str, Path] = {}

    def make(shell: str, http: str) -> Path:
        kind = f"{'busybox' if shell == 'busybox' else 'system'}-{http}"
        if kind not in made:
            if shell == "busybox":
                others = {} if http == "none" else {http: f"/usr/bin/{http}"}
                made[kind] = link_busybox(top / kind, others)
            else:
                hidden = {"curl": [], "python3": ["curl"], "none": ["curl", "python3"]}[http]
                made[kind] = link_programs(top / kind, hidden)
        return made[kind]

    return make


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    """Give each shell in turn."""
    name: str = request.param
    if not Path(SHELLS[name][0]).exists():
        pytest.skip(f"no {name} here")
    return name


@pytest.fixture(params=["curl", "python3"])
def http(request: pytest.FixtureRequest) -> str:
    """Give each program for HTTP in turn."""
    name: str = request.param
    return name


@pytest.fixture
def job(tmp_path: Path, shell: str, programs: Programs) -> Job:
    """Give a job on a machine with curl."""
    return _job(tmp_path, shell, programs(shell, "curl"))


@pytest.fixture
def web_job(tmp_path: Path, shell: str, http: str, programs: Programs) -> Job:
    """Give a job on a machine with curl, and one with python3."""
    return _job(tmp_path, shell, programs(shell, http))


def _job(directory: Path, shell: str, path: Path) -> Job:
    scratch = directory / "scratch"
    scratch.mkdir(mode=0o700)
    return Job(scratch, SHELLS[shell], path)


@pytest.fixture
def store() -> Iterator[Store]:
    """Give the store."""
    with Store() as running:
        yield running


@pytest.fixture
def chirp() -> Iterator[Chirp]:
    """Give HTCondor's I/O proxy."""
    with Chirp() as running:
        yield running


@pytest.fixture(scope="session")
def post(tmp_path_factory: pytest.TempPathFactory) -> Post:
    """Give the keys of a submission, and those of others."""
    made = Post(tmp_path_factory.mktemp("post"))
    made.make()
    return made
