"""An embedded pool in a directory of the test, with real processes, and short lengths of time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from hepsub.actions.submit.submit import submit
from hepsub.batch import Act, JobStatus, Selection, State
from hepsub.jobid import parse_job_id
from hepsub.local.directory import Place
from hepsub.local.pool import HereBatch, open_here
from hepsub.local.record import FREE, holder
from hepsub.local.start import Timing
from hepsub.plan.draft import draft
from hepsub.plan.model import Plan
from hepsub.plan.planner import make_plan
from hepsub.session import Session
from hepsub.survey.survey import read, survey
from tests.fakes.world import make_policy, make_session, make_situation, make_spec

FAST = Timing(grace_s=0.4, linger_s=0.1, turn_s=0.1, retry_s=0.2)
LONG_S = 20.0
"""After this a test gives up."""


def until(true: Callable[[], object], what: str = "") -> None:
    """Wait for something, a hundred times a second."""
    give_up = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < give_up, f"waited in vain {what}"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


@dataclass(frozen=True, kw_only=True)
class Here:
    """The pool, and what tests do with it."""

    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timing: Timing = FAST
    policy: str = '[pool.here]\nkind = "here"\n[defaults]\nmemory = 100\n'

    @property
    def place(self) -> Place:
        return Place(self.directory / "queue")

    @property
    def pool(self) -> HereBatch:
        variables = {"HEPSUB_HERE_DIR": str(self.place.directory)}
        return open_here("here", variables, "laptop", time.time(), self.timing)[0]

    def session(self) -> Session:
        situation = replace(
            make_situation(cwd=self.directory, environment=self.environment), now=time.time()
        )
        return make_session(
            self.directory,
            lambda pool, _: open_here(
                pool,
                {"HEPSUB_HERE_DIR": str(self.place.directory)},
                "laptop",
                time.time(),
                self.timing,
            ),
            policy=make_policy(self.policy),
            situation=situation,
        )

    def script(self, text: str, name: str = "job.sh") -> Path:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def plan(self, *words: str) -> Plan:
        session, spec = self.session(), make_spec("-p", "here", *words)
        store_of = session.open_stores().store
        reading = read(spec, session.policy, session.situation, store_of)
        made = draft(spec, session.policy, session.situation, reading)
        return make_plan(made, survey(made, store_of))

    def submit(self, *words: str) -> int:
        """Submit as hep_sub does; returns the cluster."""
        value = submit(self.session(), make_spec("-p", "here", *words)).value
        return value.submitted.cluster

    def queued(self, job: str = "") -> tuple[JobStatus, ...]:
        ids = (parse_job_id(job),) if job else ()
        return self.pool.queue(Selection(ids=ids), time.time()).jobs

    def past(self, job: str = "") -> tuple[JobStatus, ...]:
        ids = (parse_job_id(job),) if job else ()
        return self.pool.history(Selection(ids=ids), 100_000)

    def act(self, act: Act, job: str = "") -> int:
        ids = (parse_job_id(job),) if job else ()
        return self.pool.act(act, Selection(ids=ids)).done

    def state(self, job: str) -> State:
        found = self.queued(job) or self.past(job)
        assert len(found) == 1, found
        return found[0].state

    def reach(self, job: str, state: State) -> JobStatus:
        """Wait until a job is in a state."""
        until(lambda: self.state(job) is state, f"for {state} of {job}")
        return (self.queued(job) or self.past(job))[0]

    def ended(self, cluster: int) -> tuple[JobStatus, ...]:
        """Wait until all jobs of a cluster left the queue."""
        until(lambda: not self.queued(str(cluster)), f"for cluster {cluster} to end")
        return tuple(sorted(self.past(str(cluster)), key=lambda job: job.proc))

    def runner(self) -> int:
        """The runner's pid; FREE for none."""
        return holder(self.place.lock)

    def kill_runner(self) -> None:
        pid = self.runner()
        assert pid > 0
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.runner() != pid)

    def supervisor(self, job: str, run: int = 1) -> int:
        cluster, proc = job.split(".")
        return holder(self.place.record(int(cluster), int(proc), run))

    def read(self, name: str) -> str:
        path = self.directory / name
        return path.read_text() if path.exists() else ""

    def pid(self, name: str) -> int:
        """A pid that a job wrote into a file."""
        until(lambda: self.read(name).endswith("\n"), f"for {name}")
        return int(self.read(name))

    def close(self) -> None:
        """End everything that this pool started."""
        if not self.place.database.exists():
            return
        self.act(Act.REMOVE)
        until(lambda: not self.queued())
        until(lambda: self.runner() == FREE, "for the runner to end")
