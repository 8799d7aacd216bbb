"""What a job names of this host's files, found in texts and told where it would be missed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.plan.draft import Reading, draft
from hepsub.plan.facts import Facts
from hepsub.plan.model import Plan
from hepsub.plan.planner import make_plan
from hepsub.plan.portability import Mention, Use, paths_in, paths_of_argument
from tests.fakes.world import make_policy, make_spec, make_world

SITES = """
[pool.far]
spool = true
[site.dongguan]
requirements = 'GLIDEIN_Site == "dongguan"'
isolation = "user"
mounts = ["/data/shared"]
[site.shandong]
requirements = 'GLIDEIN_Site == "shandong"'
isolation = "user"
mounts = ["/data"]
[site.near]
requirements = 'GLIDEIN_Site == "near"'
shared_filesystem = true
[defaults]
pool = "local"
"""
WORDS = {Use.READ: "read", Use.WRITE: "write", Use.SEARCH: "search"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("cat /besfs/x.raw", "read /besfs/x.raw"),
        ('reco -i "/besfs/x.raw" -n 5', "read /besfs/x.raw"),
        ("in=/besfs/é/x-1.2_3@a+b.raw;", "read /besfs/é/x-1.2_3@a+b.raw"),
        ("f('/besfs/a.raw', '/besfs/b.raw')", "read /besfs/a.raw, read /besfs/b.raw"),
        ("see /besfs/x.", "read /besfs/x"),
        ("source ~/sw/setup.sh", "read /home/alice/sw/setup.sh"),
        ("cat $HOME/a ${HOME}/b", "read /home/alice/a, read /home/alice/b"),
        ("cat /besfs/run/$RUN/x.raw", "read /besfs/run/"),
        ("cat /besfs/run/*.raw", "read /besfs/run/"),
        ("cat /besfs/run/r%{Index}", "read /besfs/run/"),
        ("reco >/besfs/out/x.log", "write /besfs/out/x.log"),
        ("reco >> '/besfs/out/x.log' 2>&1", "write /besfs/out/x.log"),
        ("reco -o /besfs/out/x.root", "write /besfs/out/x.root"),
        ("reco --output=/besfs/out/x.root", "write /besfs/out/x.root"),
        ("cp x.root /besfs/out/", "write /besfs/out/"),
        ("cp /besfs/x.raw . && mv x /besfs/y", "read /besfs/x.raw, write /besfs/y"),
        ("cp -r x.root /besfs/out; ls /besfs/out", "write /besfs/out, read /besfs/out"),
        ("export LD_LIBRARY_PATH=/a/lib:/b/lib:$LD_LIBRARY_PATH", "search /a/lib, search /b/lib"),
        ("sys.path.append('/a/python')", "search /a/python"),
        ("# cat /besfs/x.raw", ""),
        ("cat /etc/passwd /dev/null /tmp/x/y /usr/bin/env /cvmfs/a/b", ""),
        ("ls /besfs / //besfs/x", ""),
        ("xrdcp root://eos//eos/x/y s3://b/k/x https://h/p/q file:///b/c .", ""),
        ("sed s/a/b/; cd a/b/c; ls $X/a/b ../a/b", ""),
    ],
)  # fmt: skip
def test_paths_in_a_line(line: str, found: str) -> None:
    mentions = paths_in(line, "job.sh", "/home/alice")
    assert ", ".join(f"{WORDS[each.use]} {each.path}" for each in mentions) == found


def test_lines_are_counted() -> None:
    [found] = paths_in("#!/bin/sh\n\ncat /besfs/x.raw\n", "job.sh", "/home/alice")
    assert (found.source, found.line) == ("job.sh", 3)


@pytest.mark.parametrize(
    ("said", "value", "found"),
    [
        ("/besfs/x.raw", "/besfs/x.raw", [("/besfs/x.raw", "/besfs/x.raw")]),
        ("/besfs/a b,c", "/besfs/a b,c", [("/besfs/a b,c", "/besfs/a b,c")]),
        ("%{item}", "/besfs/x.raw", [("/besfs/x.raw", "%{item}")]),
        ("-i=/besfs/x.raw", "-i=/besfs/x.raw", [("/besfs/x.raw", "/besfs/x.raw")]),
        ("/tmp/x/y", "/tmp/x/y", []),
        ("x/y", "x/y", []),
    ],
)
def test_paths_of_an_argument(said: str, value: str, found: list[tuple[str, str]]) -> None:
    mentions = paths_of_argument(said, value, "/home/alice")
    assert [(each.path, each.said) for each in mentions] == found


def plan(*words: str, mentions: tuple[Mention, ...], policy: str = SITES) -> Plan:
    """The plan where these paths were found."""
    world = make_world()
    reading = Reading(places=world.places)
    facts = Facts(programs=world.programs, places=world.places, mentions=mentions)
    spec = replace(make_spec(*words), check_objects=False)
    return make_plan(draft(spec, make_policy(policy), world.situation, reading), facts)


def told(*words: str, mentions: tuple[Mention, ...]) -> list[str]:
    """What is said of them."""
    notes = plan(*words, mentions=mentions).notes
    return [each for each in notes if "not at" in each]


def mention(path: str, line: int = 12, **more: object) -> Mention:
    return Mention(path=path, source="job.sh", line=line, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (
            mention("/besfs/x.raw"),
            "job.sh names /besfs/x.raw (line 12), which is not at dongguan: -in /besfs/x.raw brings it along, as x.raw",
        ),
        (
            mention("/besfs/run/", is_directory=True),
            "job.sh names /besfs/run/ (line 12), which is not at dongguan: -in /besfs/run brings it along, as run",
        ),
        (
            mention("/besfs/out/x.root", use=Use.WRITE),
            "job.sh writes to /besfs/out/x.root (line 12), which is not at dongguan: -out x.root=/besfs/out/x.root"
            " puts the job's file x.root there",
        ),
        (
            mention("/besfs/out", use=Use.WRITE, is_directory=True),
            "job.sh writes to /besfs/out (line 12), which is not at dongguan: -out NAME=/besfs/out/ puts the job's"
            " file NAME there",
        ),
        (
            mention("/sw/ana/lib", use=Use.SEARCH, is_directory=True),
            "job.sh looks for programs and libraries in /sw/ana/lib (line 12), which is not at dongguan: -lib"
            " /sw/ana/lib takes it along",
        ),
        (
            Mention(path="/besfs/a b", said="/besfs/a b"),
            "the argument /besfs/a b is not at dongguan: -in '/besfs/a b' brings it along, as a b",
        ),
        (
            Mention(path="/besfs/x.raw", said="%{item}"),
            "the argument /besfs/x.raw is not at dongguan: -in '%{item}' brings it along, as x.raw",
        ),
        (
            Mention(path="/sw/bin", source="PATH", use=Use.SEARCH, is_directory=True),
            "the directory /sw/bin of PATH is not at dongguan: -lib /sw/bin takes it along",
        ),
    ],
)
def test_each_path_is_told_with_what_mends_it(found: Mention, note: str) -> None:
    assert told("-site", "dongguan", "job.sh", mentions=(found,)) == [note]


def test_at_home_and_where_the_file_system_is_nothing_is_told() -> None:
    found = (mention("/besfs/x.raw"),)
    assert told("job.sh", mentions=found) == []
    assert told("-site", "near", "job.sh", mentions=found) == []


def test_a_pool_that_sees_nothing_of_this_host_is_told_as_one() -> None:
    [note] = told("-p", "far", "job.sh", mentions=(mention("/besfs/x.raw"),))
    assert "which is not at the pool far: " in note


@pytest.mark.parametrize(
    "path",
    [
        "/besfs/x.raw",
        "/work/alice/dir/below/x",
        "/work/alice/out/x.root",
        "/work/alice/sw/lib/x",
        "/work/alice/job.sh",
        "/data/shared/x/y",
        "/work/alice/x.sif",
    ],
)
def test_what_travels_or_is_there_is_not_told(path: str) -> None:
    words = (
        "-in",
        "/besfs/x.raw",
        "-in",
        "dir",
        "-out",
        "x.root=out/x.root",
        "-lib",
        "sw",
        "-image",
        "x.sif",
    )
    assert told("-site", "dongguan", *words, "job.sh", mentions=(mention(path),)) == []


def test_a_directory_that_outputs_go_to_is_not_told() -> None:
    found = (mention("/besfs/out", use=Use.WRITE, is_directory=True),)
    words = ("-site", "dongguan", "-out", "r=/besfs/out/", "job.sh")
    assert told(*words, mentions=found) == []
    assert told("-site", "dongguan", "-out", "r=/besfs/other/", "job.sh", mentions=found) != []


def test_what_one_of_the_sites_lacks_is_told() -> None:
    found = (mention("/data/shared/x/y"), mention("/data/x/y"))
    policy = SITES.partition("[site.near]")[0] + '[defaults]\npool = "local"\n'
    [note] = [
        each
        for each in plan("-rmt", "job.sh", mentions=found, policy=policy).notes
        if "not at" in each
    ]
    assert note.startswith("job.sh names /data/x/y (line 12), which is not at dongguan, shandong: ")


def test_many_are_counted_and_each_is_told_once() -> None:
    found = [mention(f"/besfs/{i}.raw", line=i) for i in range(12)]
    twice = mention("/besfs/1.raw/", line=99)
    sw = [Mention(path=f"/sw/{i}/bin", source="PATH", use=Use.SEARCH) for i in range(5)]
    notes = told("-site", "dongguan", "job.sh", mentions=(*found, twice, *sw))
    assert len(notes) == 7
    assert notes[5] == "and 7 more paths that are not at dongguan"
    assert notes[6] == (
        "the directories /sw/0/bin, /sw/1/bin, /sw/2/bin and 2 more of PATH are not at dongguan: -lib takes one along"
    )
