"""The world as values: a situation, a policy, facts, a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from hepsub.auth.credential import CredentialSource
from hepsub.cli.commands.hep_sub import COMMAND
from hepsub.cli.job_spec import job_spec
from hepsub.cli.parse import parse
from hepsub.errors import HepsubError
from hepsub.job import Columns, JobSpec
from hepsub.journal import Journal
from hepsub.plan.draft import Reading, draft
from hepsub.plan.facts import Facts, FileFacts, Program, ProgramState
from hepsub.plan.libraries import Library
from hepsub.plan.location import PlaceState
from hepsub.plan.model import Plan
from hepsub.plan.planner import make_plan
from hepsub.plan.remap import Paths as PathMap
from hepsub.policy.load import merge
from hepsub.policy.model import Layer, Policy
from hepsub.result import Value, document_of
from hepsub.session import Connect, Session
from hepsub.situation import Paths, Situation
from hepsub.storage.credentials import keys_for as stored_keys
from tests.fakes.programs import write_program

NOON = 1_700_000_000.0
"""A moment, in seconds since the epoch."""

RUNNABLE = Program(state=ProgramState.RUNNABLE, interpreter="/bin/sh")


def as_json(value: Value | Struct) -> Any:
    """A value as a program reads it."""
    return json.loads(json.dumps(document_of(value)))


def make_situation(
    *,
    user: str = "alice",
    groups: tuple[str, ...] = ("juno", "physics"),
    host: str = "login01.example.org",
    cwd: Path = Path("/work/alice"),
    environment: Mapping[str, str] | None = None,
    now: float = NOON,
) -> Situation:
    """Alice on a login node."""
    return Situation(
        user=user,
        uid=1000,
        groups=groups,
        host=host,
        cwd=cwd,
        home=Path("/home/alice"),
        environment={} if environment is None else environment,
        now=now,
    )


def make_policy(text: str = "") -> Policy:
    """The shipped policy with this text above it, as a file called `test.toml`."""
    return merge([Layer(file="test.toml", text=text)])


def make_spec(*words: str) -> JobSpec:
    """The JobSpec that these words mean behind hep_sub."""
    return job_spec(parse(words, COMMAND))


class World(Struct, frozen=True, kw_only=True):
    """What a submission depends on: who calls, and all that could be looked at."""

    situation: Situation
    items: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    columns: Columns | None = None
    whole: frozenset[str] = frozenset()
    programs: Mapping[str, Program]
    places: Mapping[str, PlaceState]
    libraries: tuple[Library, ...] = ()
    library_trouble: str = ""
    image_exists: bool = True
    unreadable: frozenset[str] = frozenset()
    found: FileFacts = FileFacts()
    elsewhere: Mapping[PathMap, FileFacts | HepsubError] = {}
    left_out: Mapping[str, str] = {}
    output_mb: float | None = None
    submitted_today: bool = False


def make_world(
    *,
    situation: Situation | None = None,
    items: tuple[str, ...] = (),
    columns: Columns | None = None,
    programs: Mapping[str, Program] | None = None,
    places: Mapping[str, PlaceState] | None = None,
    image_exists: bool = True,
    left_out: Mapping[str, str] | None = None,
) -> World:
    """A world in which /work/alice and /work/alice/log are directories and job.sh can be started."""
    return World(
        situation=situation or make_situation(),
        items=items,
        columns=columns,
        programs={"/work/alice/job.sh": RUNNABLE} if programs is None else programs,
        places={
            "/work/alice": PlaceState.DIRECTORY,
            "/work/alice/log": PlaceState.DIRECTORY,
            "/dev": PlaceState.LOCKED_DIRECTORY,
            "/dev/null": PlaceState.DEVICE,
            **(places or {}),
        },
        image_exists=image_exists,
        left_out=left_out or {},
    )


def plan_for(spec: JobSpec, policy: Policy, world: World) -> Plan:
    """The plan of a submission in a world."""
    reading = Reading(
        items=world.items,
        ends=world.ends,
        columns=world.columns,
        whole=world.whole,
        places=world.places,
    )
    facts = Facts(
        programs=world.programs,
        places=world.places,
        libraries=world.libraries,
        library_trouble=world.library_trouble,
        image_exists=world.image_exists,
        unreadable=world.unreadable,
        objects=world.found.objects,
        files=world.found.files,
        outputs=world.found.outputs,
        output_mb=world.output_mb,
        elsewhere=world.elsewhere,
        left_out=world.left_out,
        submitted_today=world.submitted_today,
    )
    return make_plan(draft(spec, policy, world.situation, reading), facts)


def make_paths(directory: Path, *, extra: Path | None = None) -> Paths:
    """Places below a directory of the test."""
    return Paths(
        user_policy=directory / "user.toml",
        extra_policy=extra,
        site_policy=directory / "site",
        journal=directory / "journal",
        orders=directory / "orders",
        reports=directory / "reports",
        logins=directory / "logins",
        mounts=directory / "mounts",
        ended=directory / "ended",
        slurm=directory / "slurm",
    )


def make_session(
    directory: Path,
    connect: Connect = lambda _name, _pool: (),
    *,
    policy: Policy | None = None,
    situation: Situation | None = None,
    sources: Mapping[str, CredentialSource] | None = None,
) -> Session:
    """A session whose files are in a directory of the test and whose pools are the test's."""
    where = situation or make_situation(cwd=directory)
    rules = policy or make_policy()
    return Session(
        situation=where,
        paths=make_paths(directory),
        policy=rules,
        journal=Journal(directory=directory / "journal", host=where.host, pool_now=rules.pool_now),
        connect=connect,
        keys=stored_keys,
        prove=lambda _name, _storage, _keys: "",
        credential=lambda name: (sources or {})[name],
        way_to_renew=lambda: "hep_auth renew -install",
        clock=lambda: where.now,
    )


def make_script(directory: Path, name: str = "job.sh") -> Path:
    """A script that can be started."""
    return write_program(directory / name, "#!/bin/sh\necho done\n")
