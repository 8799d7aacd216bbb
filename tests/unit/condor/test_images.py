"""How a container image is said to who starts it, at a site of each kind: the table, as text."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.condor.description import describe
from hepsub.errors import NoSuitableSite, NotExpressible
from hepsub.jobid import Again
from hepsub.plan.draft import Reading, draft
from hepsub.plan.facts import Facts
from hepsub.plan.model import Plan
from hepsub.plan.planner import make_plan
from tests.fakes.world import make_policy, make_spec, make_world

FAR = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
[pool.far]
spool = true
[defaults]
pool = "local"
[credential.way]
command = ["cat", "/token"]
[os.SL7]
image = "/cvmfs/image/SL7"
[site.away]
isolation = "user"
mounts = ["/cvmfs"]
"""
WAYS = {
    "glidein": "requirements = 'GLIDEIN_Site == \"far\"'",
    "near": "requirements = 'GLIDEIN_Site == \"near\"'\nshared_filesystem = true",
    "ce": 'kind = "ce"\ngrid_resource = "condor ce.far ce.far:9619"\ntoken = "way"',
    "schedd": 'kind = "schedd"\npool = "far"',
}
TABLE = """\
glidein universe -os SL7: universe = container, container_image = /cvmfs/image/SL7, transfer_container = false
glidein universe -image x.sif: universe = container, container_image = x.sif, transfer_container = false; sent x.sif
glidein universe -image /cvmfs/x: universe = container, container_image = /cvmfs/x, transfer_container = false
glidein universe -image docker://a:9: universe = container, container_image = docker://a:9
glidein singularity -os SL7: universe = vanilla, My.SingularityImage = "/cvmfs/image/SL7"
glidein singularity -image docker://a:9: universe = vanilla, My.SingularityImage = "docker://a:9"
glidein wrapper -os SL7: universe = vanilla; wrapper starts /cvmfs/image/SL7, shows /cvmfs
glidein wrapper -image x.sif: universe = vanilla; wrapper starts x.sif, shows /cvmfs; sent x.sif
glidein wrapper -image x.sif -in x.sif=y: universe = vanilla; wrapper starts y, shows /cvmfs; sent y
glidein wrapper -image docker://a:9: universe = vanilla; wrapper starts docker://a:9, shows /cvmfs
near universe -image x.sif: universe = container, container_image = /work/alice/x.sif, transfer_container = false
near wrapper -image x.sif: universe = vanilla; wrapper starts /work/alice/x.sif, shows /cvmfs
ce universe -os SL7: universe = grid, WantContainer, ContainerImage = "/cvmfs/image/SL7", WantSandboxImage
ce universe -image x.sif: universe = grid, WantContainer, ContainerImage = "x.sif", WantSIF; sent x.sif
ce universe -image docker://a:9: universe = grid, WantContainer, ContainerImage = "docker://a:9", WantDockerImage
ce singularity -os SL7: universe = grid, My.SingularityImage = "/cvmfs/image/SL7"
ce wrapper -os SL7: universe = grid; wrapper starts /cvmfs/image/SL7, shows /cvmfs
ce wrapper -image x.sif: universe = grid; wrapper starts x.sif, shows /cvmfs; sent x.sif
schedd universe -image x.sif: universe = container, container_image = x.sif, transfer_container = false; sent x.sif
schedd singularity -os SL7: universe = vanilla, My.SingularityImage = "/cvmfs/image/SL7"
schedd wrapper -image x.sif: universe = vanilla; wrapper starts x.sif, shows /cvmfs; sent x.sif
"""
COMMANDS = {
    "universe", "container_image", "transfer_container", "My.SingularityImage", "My.WantContainer", "My.ContainerImage",
    "My.WantSIF", "My.WantSandboxImage", "My.WantDockerImage",
}  # fmt: skip


def planned(
    kind: str, containers: str, *words: str, is_directory: bool = False, more: str = ""
) -> Plan:
    """The plan of a job in an image at a site."""
    world = make_world()
    policy = make_policy(f'{FAR}{WAYS[kind]}\ncontainers = "{containers}"\n{more}\n')
    spec = replace(make_spec("-site", "away", *words, "job.sh"), check_objects=False)
    facts = Facts(programs=world.programs, places=world.places, image_is_directory=is_directory)
    return make_plan(draft(spec, policy, world.situation, Reading(places=world.places)), facts)


def told(plan: Plan) -> str:
    """Who is told of the image, and what is sent."""
    lines = describe(plan, "u-1").text.splitlines()
    said = [each for each in lines if each.partition(" = ")[0] in COMMANDS]
    words = [", ".join(_short(each) for each in said)]
    if plan.staging is not None and plan.staging.image:
        words.append(f"wrapper starts {plan.staging.image}, shows {', '.join(plan.staging.mounts)}")
    if plan.staging is not None and plan.staging.inputs:
        words.append(
            f"sent {', '.join(each.name for each in plan.staging.inputs_of(plan.values(0)))}"
        )
    return "; ".join(words)


def _short(line: str) -> str:
    """A line without what all of its kind have."""
    return line.replace("My.Want", "Want").replace("My.Con", "Con").removesuffix(" = true")


@pytest.mark.parametrize("row", TABLE.splitlines())
def test_the_table(row: str) -> None:
    """By its path where the site has it; one of the user's own is sent, and whoever starts it gets its name."""
    said = row.partition(": universe")[0]
    kind, containers, *words = said.split()
    assert f"{said}: {told(planned(kind, containers, *words))}" == row


@pytest.mark.parametrize("kind", ["glidein", "ce", "schedd"])
def test_what_cannot_travel_is_refused(kind: str) -> None:
    for containers, why in (
        ("singularity", "it starts images that are there, and takes none along with a job"),
        ("none", "it starts no container images"),
    ):
        with pytest.raises(NoSuitableSite, match=why):
            planned(kind, containers, "-image", "x.sif")
    with pytest.raises(NoSuitableSite, match="an image that is a directory cannot travel"):
        planned(kind, "wrapper", "-image", "tree", is_directory=True)
    assert told(planned(kind, "wrapper", "-image", "/cvmfs/tree", is_directory=True))


def test_an_image_among_objects_is_refused() -> None:
    """Where the job's files are such objects; else it is a file as any other."""
    mapped = 'paths = { "/besfs/" = "s3://raw/besfs/" }'
    image = ("-image", "/besfs/x.sif")
    assert told(planned("glidein", "wrapper", *image, more=mapped))
    with pytest.raises(NoSuitableSite, match="files where the image lies are objects there"):
        planned("glidein", "wrapper", *image, "-in", "/besfs/a.raw", more=mapped)


def test_an_image_that_would_be_divided_is_refused() -> None:
    with pytest.raises(NotExpressible, match=r"the input 'a b\.sif' cannot be handed over"):
        planned("ce", "wrapper", "-image", "a b.sif")


@pytest.mark.parametrize(
    ("kind", "known_as"),
    [("ce", "$(HEPAGAIN)"), ("schedd", "$$([MY.HepSub_Again])"), ("near", "$$([MY.HepSub_Again])")],
)
def test_jobs_that_run_again_are_known_as_before_at_every_site(kind: str, known_as: str) -> None:
    """The element's own schedd gives other ids, and expands nothing of this one's ads."""
    plan = planned(kind, "universe", "-argu", "%{ProcId}", "-n", "1")
    found = describe(replace(plan, again=Again(uuid="u", cluster=13, procs=(5,))), "u-1")
    assert f"_CONDOR_IHEP_JOB_ID={known_as}" in found.text
    assert found.items[0]["HEPAGAIN"] == "13.5"
    assert "'5'" in found.items[0]["HEPARGS"]
