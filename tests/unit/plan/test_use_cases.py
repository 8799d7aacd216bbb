"""The use cases of the profile "ihep": which jobs may go where, and which do by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.errors import NoSuitableSite
from hepsub.plan.facts import FileFact, FileFacts
from hepsub.plan.model import Plan
from hepsub.plan.remap import path_map
from tests.fakes.world import make_policy, make_situation, make_spec, make_world, plan_for

MB, GB = 2**20, 2**30
IHEP = make_policy("profile = 'ihep'")
EDGE = "the rule else (only jobs with little to transfer go to edge sites (-outsize says how much it is))"


def planned(*words: str, **world: Any) -> Plan:
    """The plan of a user of all groups."""
    groups = ("physics", "juno", "lhaaso", "cms")
    made = replace(make_world(situation=make_situation(groups=groups)), **world)
    return plan_for(make_spec("job.sh", *words), IHEP, made)


def with_input(size: int) -> FileFacts:
    return FileFacts(files={"/data/in": FileFact(size=size)})


BES = ("-g", "physics", "-type", "bes-simulation")
LHAASO = ("-g", "lhaaso", "-wt", "mid")
BIG, SMALL, LARGE = ("-outsize", "20 GB"), ("-outsize", "100 MB"), with_input(40 * GB)
IN, LITTLE = ("-in", "/data/in"), with_input(20 * MB)


@pytest.mark.parametrize(
    ("words", "found", "rule", "sites"),
    [
        # BES simulation goes anywhere by itself
        (BES, FileFacts(), "bes-simulation", ("hpc", "dongguan")),
        ((*BES, *BIG), FileFacts(), "bes-simulation", ("hpc", "dongguan")),
        ((*BES, "-normt"), FileFacts(), "bes-simulation", ()),
        ((*BES, "-p", "virtual"), FileFacts(), "bes-simulation", ()),
        ((*BES, "-site", "dongguan"), FileFacts(), "bes-simulation", ("dongguan",)),
        # nothing said, and nothing that goes by itself
        (("-g", "physics"), FileFacts(), "else", ()),
        (("-g", "physics", *SMALL), FileFacts(), "small", ()),
        ((*LHAASO, "-type", "corsika"), FileFacts(), "corsika", ()),
        # small transfers may go to edge sites, too, by opportunity
        (("-g", "juno", "-rmt", *SMALL), FileFacts(), "small", ("hpc", "dongguan", "edge")),
        (("-g", "juno", "-rmt", *SMALL, *IN), LITTLE, "small", ("hpc", "dongguan", "edge")),
        (("-g", "juno", "-site", "edge", *SMALL), FileFacts(), "small", ("edge",)),
        (("-g", "juno", "-site", "shandong", *SMALL), FileFacts(), "small", ("shandong",)),
        (("-g", "juno", "-site", "cnaf", *SMALL), FileFacts(), "small", ("cnaf",)),
        (("-g", "cms", "-rmt", *SMALL), FileFacts(), "small", ("hpc", "edge")),
        # of what nothing is known, or much travels: not to edge sites
        (("-g", "juno", "-rmt"), FileFacts(), "else", ("hpc", "dongguan")),
        (("-g", "juno", "-rmt", *SMALL, *IN), LARGE, "else", ("hpc", "dongguan")),
        # large output: big sites with a good network
        (("-g", "juno", "-rmt", *BIG), FileFacts(), "large-output", ("hpc", "dongguan")),
        (("-g", "juno", "-site", "cnaf", *BIG), FileFacts(), "large-output", ("cnaf",)),
        # everything may go to the local HPC
        (("-g", "cms", "-site", "hpc"), FileFacts(), "else", ("hpc",)),
        (("-g", "cms", "-site", "hpc", *BIG), FileFacts(), "large-output", ("hpc",)),
        (("-g", "cms", "-site", "hpc", "-type", "analysis"), FileFacts(), "reconstruction", ("hpc",)),
        (("-g", "juno", "-site", "hpc", *SMALL, *IN), LARGE, "else", ("hpc",)),
        # LHAASO where the user says, longer than the HPC allows
        ((*LHAASO, "-type", "corsika", "-rmt"), FileFacts(), "corsika", ("dongguan",)),
        ((*LHAASO, "-type", "CORSIKA", "-rmt", *BIG), FileFacts(), "large-output", ("dongguan",)),
        ((*LHAASO, "-type", "geant4-step1", "-rmt"), FileFacts(), "geant4-step1", ("dongguan",)),
        ((*LHAASO, "-type", "geant4-step2", "-rmt"), FileFacts(), "reconstruction", ("dongguan",)),
        (("-g", "lhaaso", "-type", "reconstruction", "-rmt"), FileFacts(), "reconstruction", ("hpc", "dongguan")),
        (("-g", "lhaaso", "-type", "analysis", "-rmt", *IN), LARGE, "reconstruction", ("hpc", "dongguan")),
        (("-g", "lhaaso", "-type", "analysis", *IN), LARGE, "reconstruction", ()),
    ],
)  # fmt: skip
def test_where_jobs_may_go(
    words: tuple[str, ...], found: FileFacts, rule: str, sites: tuple[str, ...]
) -> None:
    plan = planned(*words, found=found)
    assert (plan.route.rule, plan.route.sites) == (rule, sites)


@pytest.mark.parametrize(
    ("words", "found", "why"),
    [
        (("-g", "juno", "-site", "edge"), FileFacts(), f"edge: {EDGE} sends such jobs elsewhere"),
        (("-g", "juno", "-site", "shandong"), FileFacts(), f"shandong: {EDGE} sends such jobs elsewhere"),
        (("-g", "juno", "-site", "edge", *SMALL, *IN), with_input(99 * MB), "edge: it takes 50 MB of files with"),
        (("-g", "juno", "-site", "edge", *BIG), FileFacts(), "edge: the rule large-output"),
        (("-g", "lhaaso", "-site", "edge", "-type", "corsika"), FileFacts(), "edge: the rule corsika"),
        (("-g", "lhaaso", "-site", "cnaf", "-type", "geant4-step1"), FileFacts(), "cnaf: the rule geant4-step1"),
        (("-g", "cms", "-site", "dongguan"), FileFacts(), "dongguan: group cms may not go there"),
        (("-g", "juno", "-wt", "long", "-rmt"), FileFacts(), "hpc: it ends jobs after 2 d; dongguan: it ends"),
    ],
)  # fmt: skip
def test_where_they_may_not(words: tuple[str, ...], found: FileFacts, why: str) -> None:
    with pytest.raises(NoSuitableSite) as caught:
        planned(*words, found=found)
    assert why in caught.value.message


def test_bes_simulation_finds_besfs_at_the_site() -> None:
    """Without -rmt, and without another word: its files are objects there, and it is told so."""
    paths = path_map(IHEP.site["dongguan"])
    card = FileFacts(files={"/besfs/cards/1": FileFact(size=1000)})
    words = (*BES, "-wt", "mid", "-in", "/besfs/cards/1", "-out", "r=/besfs/rtraw/%{ProcId}.rtraw")
    plan = planned(*words, found=card, elsewhere={paths: FileFacts()})
    [proc] = plan.procs()
    assert (plan.route.sites, plan.route.paths) == (("dongguan",), paths)
    assert [str(each.place) for each in (*proc.inputs, *proc.outputs)] == [
        "herd:besfs/cards/1",
        "herd:besfs/rtraw/0.rtraw",
    ]
    assert plan.notes[0] == (
        "the rule bes-simulation of the policy sends the jobs to dongguan; -normt keeps them here"
    )
    assert (
        "what is below /besfs/ here is read from, and written to, herd:besfs/ at dongguan"
        in plan.notes
    )


def test_a_program_tells_what_type_its_jobs_are() -> None:
    world = make_world(
        programs={"/work/bes-simulation/kkmc.sh": make_world().programs["/work/alice/job.sh"]}
    )
    spec = make_spec("/work/bes-simulation/kkmc.sh", "-g", "physics")
    assert plan_for(spec, IHEP, world).route.sites == ("hpc", "dongguan")
    analysis = replace(spec, type="analysis")
    assert plan_for(analysis, IHEP, world).route.sites == ()


@pytest.mark.parametrize("profile", ["personal", "herd"])
def test_the_other_profiles_have_no_rules(profile: str) -> None:
    """A job goes away where its user says so."""
    policy = make_policy(f"profile = '{profile}'")
    assert not policy.rule
    world = make_world(situation=make_situation(groups=("herd",)))
    plan = plan_for(make_spec("job.sh", "-type", "bes-simulation"), policy, world)
    assert plan.route.sites == ()
    if policy.site:
        plan = plan_for(make_spec("job.sh", "-rmt"), policy, world)
        assert plan.route.sites == ("herd",)
