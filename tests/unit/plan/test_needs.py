"""What a submission is like, as rules and sites see it: from its words, and from what was found of its files."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.errors import HepsubError, InputsMissing
from hepsub.plan.accounting import Walltime
from hepsub.plan.draft import Draft, Reading, draft
from hepsub.plan.facts import Facts, FileFact, FileFacts, Program, ProgramState
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.plan.needs import Need, need_of, profile_of
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.remap import Paths
from hepsub.plan.rules import Profile
from tests.fakes.world import make_policy, make_situation, make_spec

MB = 2**20
POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
buckets = ["raw", "besfs"]
[site.plain]
requirements = 'G == "plain"'
[site.mapped]
requirements = 'G == "mapped"'
isolation = "slot"
paths = { "/besfs/" = "herd:besfs/" }
[limits]
factory_above = 3
"""
MAPPED: Paths = (("/besfs/", "herd:besfs/"),)
HOURS = Walltime(name="default", limit=36000)
GONE = InputsMissing("no such file: /besfs/a", remedy="check it")


def place(key: str, bucket: str = "raw") -> ObjectPlace:
    return ObjectPlace(storage="herd", bucket=bucket, key=key)


def drafted(*words: str) -> Draft:
    """The draft of a job that may go to a site."""
    spec = make_spec("job.sh", "-rmt", *words)
    return draft(spec, make_policy(POLICY), make_situation(), Reading())


def facts(**found: Any) -> Facts:
    return Facts(programs={}, places={}, **found)


def files(**sizes: int) -> dict[str, FileFact]:
    return {f"/besfs/{name}": FileFact(size=size) for name, size in sizes.items()}


def objects(bucket: str = "raw", **sizes: int) -> dict[ObjectPlace, ObjectInfo]:
    return {place(name, bucket): ObjectInfo(size=size, etag="") for name, size in sizes.items()}


def profile(made: Draft, known: Facts) -> Profile:
    return profile_of(made, known, "juno", HOURS)


def need(made: Draft, known: Facts) -> Need:
    return need_of(made, known, group="juno", walltime=HOURS, memory_mb=0, os="")


@pytest.mark.parametrize(
    ("words", "known", "input_mb"),
    [
        ((), facts(), 0.0),
        (("-in", "s3://raw/a"), facts(objects=objects(a=3 * MB)), 3.0),
        (("-in", "s3://raw/a", "-in", "/besfs/b"), facts(objects=objects(a=MB), files=files(b=MB)), 2.0),
        (("-in", "s3://raw/a%{ProcId}", "-n", "2"), facts(objects=objects(a0=MB, a1=5 * MB)), 5.0),
        (("-in", "s3://raw/a", "-in", "s3://raw/b"), facts(objects=objects(a=MB)), None),
        (("-in", "s3://raw/a", "-nocheck"), facts(), None),
        (("-in", "/besfs/b"), facts(files=files(b=MB), elsewhere={MAPPED: GONE}), 1.0),
        (
            ("-in", "/besfs/b"),
            facts(elsewhere={MAPPED: FileFacts(objects=objects("besfs", b=7 * MB)), (): GONE}), 7.0,
        ),
        (("-in", "/besfs/b"), facts(elsewhere={MAPPED: GONE, (): GONE}), None),
    ],
)  # fmt: skip
def test_the_largest_job_decides_how_much_goes_in(
    words: tuple[str, ...], known: Facts, input_mb: float | None
) -> None:
    """Of files that are at a site only, the sizes there; where one is not known, nothing is."""
    assert profile(drafted(*words), known).input_mb == input_mb


@pytest.mark.parametrize(
    ("words", "known", "output_mb"),
    [
        ((), facts(), None),
        (("-outsize", "3"), facts(), 3),
        (("-outsize", "3 GB"), facts(output_mb=7.0), 3072),
        ((), facts(output_mb=7.5), 7.5),
    ],
)
def test_what_the_user_says_of_outputs_counts_more_than_experience(
    words: tuple[str, ...], known: Facts, output_mb: float | None
) -> None:
    made = drafted(*words)
    assert profile(made, known).output_mb == output_mb
    assert need(made, known).disk_mb == (output_mb or 0)


def test_a_profile_says_what_rules_look_at() -> None:
    said = profile(drafted("-type", "Sim"), facts())
    assert (said.type, said.group, said.walltime) == ("Sim", "juno", 36000)
    assert said.program == "/work/alice/job.sh"
    assert profile(drafted("-n", "2"), facts()).program == "/work/alice/job.sh"


def test_jobs_of_several_programs_have_none_of_their_names() -> None:
    spec = make_spec("run_%{ProcId}.sh", "-n", "2")
    made = draft(spec, make_policy(POLICY), make_situation(), Reading())
    assert profile(made, facts()).program == ""


def test_a_need_says_what_sites_look_at() -> None:
    made = drafted(
        *("-n", "4", "-cpu", "2", "-wn", "node1", "-schedd", "s1", "-os", "CentOS7", "-cred", "none"),
        *("-in", "/besfs/a", "-in", "/home/b", "-in", "s3://raw/c", "-out", "o=/besfs/o"),
    )  # fmt: skip
    known = facts(
        files={"/besfs/a": FileFact(size=1), "/home/b": FileFact(size=2)},
        objects=objects(c=MB),
        elsewhere={MAPPED: GONE},
    )
    program = Program(state=ProgramState.RUNNABLE, machine="aarch64")
    known = replace(known, programs={"/work/alice/job.sh": program})
    assert need(made, known) == Need(
        group="juno",
        walltime=HOURS,
        secrets=("signed URLs",),
        takes_credentials=False,
        cpus=2,
        number=4,
        made_as_needed=True,
        in_image=True,
        on_node=True,
        on_schedd=True,
        built=({"aarch64": "job.sh"},),
        files=[[("/besfs/a", 1), ("/home/b", 2)]] * 4,
        outputs=frozenset({"/besfs/o"}),
        disk_mb=(MB + 3) / MB,
        storages=frozenset({"herd"}),
        missing={MAPPED: GONE},
    )
    assert set(need(made, known).paths) == {"/besfs/a", "/home/b", "/besfs/o"}


@pytest.mark.parametrize(
    ("elsewhere", "missing"),
    [
        ({}, {}),
        ({MAPPED: FileFacts()}, {}),
        ({MAPPED: GONE}, {MAPPED: GONE}),
        ({MAPPED: FileFacts(), (): GONE}, {(): GONE}),
        ({MAPPED: GONE, (): GONE}, {MAPPED: GONE, (): GONE}),
    ],
)
def test_where_the_files_cannot_be_had(
    elsewhere: dict[Paths, FileFacts | HepsubError], missing: dict[Paths, HepsubError]
) -> None:
    """Here, at sites where their paths are objects, or at both."""
    assert need(drafted("-in", "/besfs/a"), facts(elsewhere=elsewhere)).missing == missing


@pytest.mark.parametrize(("stored", "archives"), [(False, 30), (True, 0)])
def test_libraries_travel_where_no_storage_keeps_them(stored: bool, archives: int) -> None:
    kept = place("lib") if stored else None
    library = Library(name="l", is_directory=True, sha256="0" * 64, size=30, place=kept)
    assert need(drafted(), facts(libraries=(library,))).archives == archives
