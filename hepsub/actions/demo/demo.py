"""hep_sub demo: the whole way of the data in the first minute, on this machine alone.

A small S3 server on loopback, generated dimuon events in it, three jobs in an embedded pool of their
own that read and write through pre-signed URLs, and their histograms added up. Everything lies in one
temporary directory, and nothing is left behind but a script to begin with, for those who ask for it.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.demo.beginning import begin, own_command
from hepsub.actions.demo.events import Histogram, add_up, events_csv, read_histogram
from hepsub.actions.queue.ends import Clock
from hepsub.actions.queue.wait import Waited, wait
from hepsub.actions.submit.submit import submit
from hepsub.batch import Act, Selection
from hepsub.errors import Interrupted, JobsFailed
from hepsub.job import EnvironmentRequest, FileRequest, JobSpec
from hepsub.journal import Journal
from hepsub.local.pool import open_here
from hepsub.local.start import USUAL
from hepsub.policy.load import merge
from hepsub.policy.model import Layer
from hepsub.result import Result
from hepsub.session import Session
from hepsub.situation import paths_for
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.store import Store
from hepsub.tools.rclone import S3Server, serve_s3
from hepsub.tools.run import uninterrupted

_JOBS = 3
_EVENTS = 2000
_SEED = 20261122
_STORAGE = "demo"
_ENDING_S = 1.5
"""The pool's own process ends the jobs, and writes in the directory until then."""
_POLICY = """
[pool.here]
kind = "here"
[defaults]
pool = "here"
memory = "200 MB"
walltime = "test"
[storage.demo]
endpoint = "{endpoint}"
allow_http = true
default = true
[staging]
bundle_dir = "{bundles}"
grace = "10 s"
"""


class DemoResult(Struct, frozen=True, kw_only=True):
    """What the demo did; its fields are its JSON.

    Attributes:
        peak_gev: the lower edge of the histogram's fullest bin, in GeV.
        edges: those of its bins, in GeV.
        seconds: how long each step took, in order.
        commands: what one would have typed with a storage in the policy.
        next: a command that works right now.
        script: the script that was left; None where none was asked for.
    """

    jobs: int
    events: int
    peak_gev: float
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    seconds: Mapping[str, float]
    commands: tuple[str, ...]
    next: str
    script: str | None


def demo(
    session: Session, tell: Callable[[str], None], *, leave_script: bool = False
) -> Result[DemoResult]:
    """Run the demo, and tell how far it is; a script to begin with may be left in the current directory.

    Raises:
        OutputPlaceUnusable: the script cannot be left there.
        ToolFailed: rclone is missing, or its server does not come up.
        JobsFailed: a job did not end with 0.
    """
    script = begin(session) if leave_script else None
    watch = _Watch()
    # The pool's own process may still write there for a moment: that is no reason to end with an error.
    with tempfile.TemporaryDirectory(prefix="hepsub-demo-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        tell("starting an S3 server on this machine")
        with _server(directory) as (server, keys):
            watch.lap("server")
            tell(f"{_JOBS} files of {_EVENTS} generated dimuon events into s3://raw")
            inner = _session(session, directory, server, keys)
            store = Store(name=_STORAGE, storage=inner.policy.storage[_STORAGE], keys=keys)
            _upload_events(store)
            watch.lap("events")
            tell(f"submitting {_JOBS} jobs")
            with _nothing_left(inner):
                waited = _run_jobs(inner, directory, tell, watch)
            histogram = _collect(store, waited)
            watch.lap("histogram")
    commands = (
        f"hep_sub dimuon.py -in s3://raw/run_%{{ProcId}}.csv=events.csv"
        f" -out mass.csv=s3://out/mass_%{{ProcId}}.csv -n {_JOBS}",
        "hep_q -u",
        f"hep_history {waited.submission.submitted.cluster}",
    )
    return Result(
        value=DemoResult(
            jobs=_JOBS,
            events=histogram.total(),
            peak_gev=histogram.peak(),
            edges=histogram.edges,
            counts=histogram.counts,
            seconds=watch.laps,
            commands=commands,
            next=script.leave() if script else own_command(session, "/bin/hostname"),
            script=str(script.path) if script else None,
        )
    )


@dataclass(slots=True)
class _Watch:
    started: float = field(default_factory=time.monotonic)
    laps: dict[str, float] = field(default_factory=dict)

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self.started, 2)
        self.started = now


@contextmanager
def _server(directory: Path) -> Iterator[tuple[S3Server, S3Credentials]]:
    buckets = directory / "s3"
    for bucket in ("raw", "out"):
        (buckets / bucket).mkdir(parents=True)
    access, secret = secrets.token_hex(10), secrets.token_hex(20)
    server: S3Server | None = None
    try:
        # Ctrl-C between the start and the assignment would leave a server that nobody ends.
        with uninterrupted():
            server = serve_s3(buckets, directory / "rclone.log", access, secret)
        yield server, S3Credentials(access=access, secret=secret, token="", expires=None)
    finally:
        if server is not None:
            server.process.stop()


@contextmanager
def _nothing_left(session: Session) -> Iterator[None]:
    """Jobs that are still there when the block ends (Ctrl-C, an error) are removed."""
    try:
        yield
    finally:
        for schedd in session.schedds("here"):
            if schedd.queue(Selection(), session.situation.now).jobs:
                schedd.act(Act.REMOVE, Selection())
                time.sleep(_ENDING_S)


def _session(session: Session, directory: Path, server: S3Server, keys: S3Credentials) -> Session:
    """A session of the demo's own: its policy, keys, embedded pool, and what hepsub keeps of submissions."""
    environment = {
        **session.situation.environment,
        "HEPSUB_HERE_DIR": str(directory / "here"),
        "XDG_STATE_HOME": str(directory),
    }
    situation = replace(session.situation, cwd=directory, environment=environment)
    paths = paths_for(environment, directory)
    policy = _POLICY.format(endpoint=server.endpoint, bundles=directory / "bundles")
    return replace(
        session,
        situation=situation,
        paths=paths,
        policy=merge([Layer(file="the demo's policy", text=policy)]),
        journal=Journal(directory=paths.journal, host=situation.host),
        connect=lambda pool, _: open_here(
            pool,
            situation.environment,
            situation.host,
            situation.now,
            replace(USUAL, linger_s=0.0),  # who waits for more jobs would outlive the directory
        ),
        keys=lambda _name, _storage: keys,
    )


def _upload_events(store: Store) -> None:
    client = store.client()
    for run in range(_JOBS):
        text = events_csv(_EVENTS, _SEED + run)
        client.put_object(Bucket="raw", Key=f"run_{run}.csv", Body=text.encode())


def _run_jobs(
    session: Session, directory: Path, tell: Callable[[str], None], watch: _Watch
) -> Waited:
    script = directory / "dimuon.py"
    text = resources.files("hepsub.actions.demo").joinpath("dimuon.py").read_text(encoding="utf-8")
    # The Python that runs hepsub, whatever the caller's environment holds.
    script.write_text(text.replace("#!/usr/bin/env python3", f"#!{sys.executable} -I", 1))
    script.chmod(0o755)
    spec = JobSpec(
        script="dimuon.py",
        number=_JOBS,
        # Nothing of the caller's, so that what works here works for everybody.
        environment=EnvironmentRequest(
            inherit=False, named=(("PATH", "/usr/local/bin:/usr/bin:/bin"),)
        ),
        inputs=(FileRequest(name="events.csv", url="s3://raw/run_%{ProcId}.csv"),),
        outputs=(FileRequest(name="mass.csv", url="s3://out/mass_%{ProcId}.csv"),),
    )
    result = submit(session, spec)
    if result.exit_code:  # its jobs wait for nothing that could fail
        raise Interrupted("interrupted; the demo's jobs were removed")
    watch.lap("submission")
    value = wait(session, result.value, Clock(sleep=time.sleep, progress=tell)).value
    watch.lap("jobs")
    if value.interrupted:
        raise Interrupted("interrupted; the demo's jobs were removed")
    if value.failed() or value.unknown():
        raise _failure(directory, value)
    return value


def _failure(directory: Path, waited: Waited) -> JobsFailed:
    errors = [
        path.read_text(errors="replace") for path in sorted(directory.glob("dimuon.py.err.*"))
    ]
    words = " ".join(" ".join(text.split("\n")[-3:]) for text in errors[:1])
    return JobsFailed(
        f"{len(waited.failed())} of the demo's jobs failed: {words}",
        remedy="please report it: the demo needs nothing but this machine",
    )


def _collect(store: Store, waited: Waited) -> Histogram:
    client = store.client()
    answers = (
        client.get_object(Bucket="out", Key=f"mass_{proc}.csv") for proc in range(len(waited.jobs))
    )
    return add_up(read_histogram(each["Body"].read().decode()) for each in answers)
