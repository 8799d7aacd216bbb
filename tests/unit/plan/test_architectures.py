"""Programs, libraries and sites of several architectures: who takes what, and what HTCondor is asked."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.errors import NoSuitableSite
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.libraries import Library
from hepsub.plan.model import Plan
from tests.fakes.world import RUNNABLE, make_policy, make_spec, make_world, plan_for

SITES = """
[pool.far]
spool = true
[site.arm]
requirements = 'GLIDEIN_Site == "arm"'
arch = "aarch64"
[site.any]
requirements = 'GLIDEIN_Site == "any"'
arch = ""
[site.intel]
requirements = 'GLIDEIN_Site == "intel"'
identity = "glidein@intel"
[site.other]
kind = "schedd"
pool = "far"
arch = "aarch64"
[defaults]
pool = "local"
"""
X86, ARM = "X86_64", "aarch64"


def built(**machines: str) -> Library:
    """A directory with a file for each architecture."""
    return Library(
        name="setup",
        is_directory=True,
        sha256="a" * 64,
        size=5,
        machines={machine: f"setup/{file}" for machine, file in machines.items()},
    )


def plan(site: str, program: str = "", *libraries: Library) -> Plan:
    """The plan of a job with a program for an architecture (a script: for none) and libraries."""
    state = RUNNABLE
    if program:
        state = Program(state=ProgramState.RUNNABLE, machine=program)
    world = replace(make_world(programs={"/work/alice/job.sh": state}), libraries=libraries)
    lib = ["-lib", "setup"] if libraries else []
    return plan_for(make_spec("-site", site, *lib, "job.sh"), make_policy(SITES), world)


@pytest.mark.parametrize(
    ("site", "program", "libraries", "asked"),
    [
        ("arm", "", (), '((GLIDEIN_Site == "arm") && TARGET.Arch == "aarch64")'),
        ("arm", ARM, (), '((GLIDEIN_Site == "arm") && TARGET.Arch == "aarch64")'),
        ("arm", "", (built(aarch64="l.so"),), '((GLIDEIN_Site == "arm") && TARGET.Arch == "aarch64")'),
        (
            "arm",
            "",
            (built(X86_64="x/l.so", aarch64="a/l.so"),),
            '((GLIDEIN_Site == "arm") && TARGET.Arch == "aarch64")',
        ),
        ("any", "", (), '((GLIDEIN_Site == "any") && TARGET.Arch isnt undefined)'),
        ("any", ARM, (), '((GLIDEIN_Site == "any") && TARGET.Arch == "aarch64")'),
        (
            "any",
            "",
            (built(X86_64="x/l.so", aarch64="a/l.so"),),
            '((GLIDEIN_Site == "any") && ((TARGET.Arch == "X86_64") || (TARGET.Arch == "aarch64")))',
        ),
        (
            "any",
            X86,
            (built(X86_64="x/l.so", aarch64="a/l.so"),),
            '((GLIDEIN_Site == "any") && TARGET.Arch == "X86_64")',
        ),
        (
            "intel",
            X86,
            (),
            '((GLIDEIN_Site == "intel") && TARGET.AuthenticatedIdentity == "glidein@intel")',
        ),
        ("other", "", (), 'TARGET.Arch == "aarch64"'),
    ],
)  # fmt: skip
def test_requirements_name_the_architecture(
    site: str, program: str, libraries: tuple[Library, ...], asked: str
) -> None:
    """HTCondor adds the submit host's where they name none, as they may where all sites have the usual one."""
    (found,) = plan(site, program, *libraries).route.requirements
    assert found in (asked, f"({asked})")


@pytest.mark.parametrize(
    ("site", "program", "libraries", "why"),
    [
        ("arm", X86, (), "arm: its machines are aarch64, and job.sh is for X86_64"),
        ("intel", ARM, (), "intel: its machines are X86_64, and job.sh is for aarch64"),
        (
            "arm",
            ARM,
            (built(X86_64="lib/libFoo.so"),),
            "arm: its machines are aarch64, and setup/lib/libFoo.so is for X86_64",
        ),
        (
            "arm",
            X86,
            (built(X86_64="libFoo.so", ppc64le="libBar.so"),),
            "its machines are aarch64, and job.sh is for X86_64, setup/libFoo.so is for X86_64,"
            " setup/libBar.so is for ppc64le",
        ),
        (
            "any",
            ARM,
            (built(X86_64="libFoo.so"),),
            "no machine runs all of it: job.sh is for aarch64, setup/libFoo.so is for X86_64",
        ),
        ("other", X86, (), "other: its machines are aarch64, and job.sh is for X86_64"),
    ],
)
def test_what_was_built_for_another_one_is_refused_by_name(
    site: str, program: str, libraries: tuple[Library, ...], why: str
) -> None:
    with pytest.raises(NoSuitableSite, match=why):
        plan(site, program, *libraries)
