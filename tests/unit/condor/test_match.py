"""Why a job is idle: its requirements against the slots, by HTCondor's own evaluation."""

from __future__ import annotations

from typing import Any

import classad2
import pytest

from hepsub.condor.match import Clause, Matching, in_words, match, split_conjunction, value_text
from tests.unit.condor.test_explain import slot


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("true", ["true"]),
        ("a && b", ["a", "b"]),
        ("a&&b", ["a", "b"]),
        ("(a) && (b)", ["a", "b"]),
        ("((a && b))", ["a", "b"]),
        ("(a && (b && c)) && d", ["a", "b", "c", "d"]),
        ("a || b", ["a || b"]),
        ("(a || b) && c", ["a || b", "c"]),
        ("a && b || c", ["a && b || c"]),
        ("a || b && c", ["a || b && c"]),
        ('x == "a && b" && c', ['x == "a && b"', "c"]),
        ('x == "a\\" && b" && c', ['x == "a\\" && b"', "c"]),
        ("f(a && b) && c", ["f(a && b)", "c"]),
        ("{a && b} && c", ["{a && b}", "c"]),
        ("(a) == (b)", ["(a) == (b)"]),
        ('(x == ")") && b', ['x == ")"', "b"]),
        ("!(a && b)", ["!(a && b)"]),
        ("'a && b' && c", ["'a && b'", "c"]),
        ("('a )' && b)", ["'a )'", "b"]),
        ('x == "it\'s" && b', ['x == "it\'s"', "b"]),
    ],
)
def test_a_conjunction_is_split_at_its_outermost_level(text: str, parts: list[str]) -> None:
    """Brackets, strings and functions keep their own `&&`; `||` keeps everything together."""
    assert split_conjunction(text) == parts


def test_a_choice_is_not_split() -> None:
    """`a ? b && c : d` is one requirement: `?:` binds weaker than `&&`."""
    assert split_conjunction("a ? b && c : d") == ["a ? b && c : d"]


@pytest.mark.parametrize(
    "text",
    [
        '(TARGET.Arch == "X86_64") && (TARGET.Memory >= RequestMemory)',
        "(a || b) && (c && !d) && e",
        "a && b || c && d",
    ],
)
def test_the_parts_together_mean_the_whole(text: str) -> None:
    """Joined by `&&` again, the parts give the whole's value in every case."""
    joined = " && ".join(f"({part})" for part in split_conjunction(text))
    for number in range(32):
        ad = classad2.ClassAd({name: bool(number >> bit & 1) for bit, name in enumerate("abcde")})
        ad["TARGET"] = classad2.ClassAd({"Arch": "X86_64", "Memory": 3})
        assert classad2.ExprTree(joined).eval(ad) == classad2.ExprTree(text).eval(ad)


VALUES = {
    "RequestMemory": 3000,
    "RequestCpus": 4,
    "RequestDisk": 75,
    "RequestGPUs": 2,
    "FileSystemDomain": "example.org",
}


def value_of(name: str) -> str:
    """A value of the job, in words."""
    return value_text(VALUES, name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TARGET.Memory >= RequestMemory", "3000 MB of memory"),
        ("TARGET.Cpus >= RequestCpus", "4 cores"),
        ("TARGET.Disk >= RequestDisk", "75.0 kB of disk"),
        ("TARGET.GPUs >= RequestGPUs", "2 GPU(s)"),
        (
            "TARGET.FileSystemDomain == MY.FileSystemDomain",
            "this host's shared file system (example.org)",
        ),
        ('TARGET.Arch == "X86_64"', "the processor type X86_64"),
        ('TARGET.OpSys == "LINUX"', "the system LINUX"),
        ("TARGET.HasFileTransfer", "HTCondor's file transfer"),
        ("TARGET.HasSingularity", "a container runtime for the image"),
        ('TARGET.Machine == "bws01.ihep.ac.cn"', "the worker node bws01.ihep.ac.cn"),
        (
            'TARGET.Machine == "bws01" || regexp("^bws01[.]", TARGET.Machine, "i")',
            "the worker node bws01",
        ),
        (
            'stringListMember("CMS", TARGET.HepJob_WorkerGroups)',
            "the worker-node group CMS",
        ),
        ('GLIDEIN_Site == "far"', "a machine at the remote site far"),
        ("TARGET.Odd =?= 7", "TARGET.Odd =?= 7"),
    ],
)
def test_a_requirement_in_words(text: str, words: str) -> None:
    """What hepsub and HTCondor write themselves is put into words; the rest is shown as it is."""
    assert in_words(text, value_of) == words


def test_the_refusal_of_a_remote_site_in_words() -> None:
    """HTCondor's parser rewrites `=!=` as `isnt`: the expression as it comes back from an ad."""
    text = str(classad2.ExprTree('((GLIDEIN_Site == "far") =!= true)'))
    found = split_conjunction(text)
    assert [in_words(each, value_of) for each in found] == [
        "a machine that is not at the remote site far"
    ]


REQUIREMENTS = (
    '(TARGET.Arch == "X86_64") && (TARGET.Memory >= RequestMemory) && (TARGET.Cpus >= RequestCpus)'
)


def job(requirements: str = REQUIREMENTS, **attributes: Any) -> Any:
    """A job's ClassAd that asks for 3000 MB and 1 core."""
    ad = classad2.ClassAd({"RequestMemory": 3000, "RequestCpus": 1, **attributes})
    ad["Requirements"] = classad2.ExprTree(requirements)
    return ad


def matched(job_ad: Any, slots: list[Any]) -> Matching:
    """A job's requirements against slots; they are not too long."""
    found = match(job_ad, slots)
    assert found is not None
    return found


def test_a_job_that_fits_everywhere() -> None:
    """Each requirement is met by each slot, now."""
    assert matched(job(), [slot(), slot()]) == Matching(
        clauses=(
            Clause(text='TARGET.Arch == "X86_64"', words="the processor type X86_64", offered=2),
            Clause(text="TARGET.Memory >= RequestMemory", words="3000 MB of memory", offered=2),
            Clause(text="TARGET.Cpus >= RequestCpus", words="1 cores", offered=2),
        ),
        slots=2,
        possible=2,
        free=2,
        most={"Memory": 16000, "Cpus": 8, "Disk": 0},
    )


def test_a_slot_in_use_could_run_it_later() -> None:
    """What is left now is told apart from what the slot has when it is empty."""
    found = matched(job(), [slot(Memory=100, Cpus=0), slot()])
    assert (found.slots, found.possible, found.free) == (2, 2, 1)
    assert [clause.offered for clause in found.clauses] == [2, 2, 2]


def test_a_requirement_that_nobody_meets() -> None:
    """The clause that is offered nowhere is the one to tell of."""
    found = matched(job(RequestMemory=99000), [slot(), slot()])
    assert [(clause.words, clause.offered) for clause in found.clauses] == [
        ("the processor type X86_64", 2),
        ("99000 MB of memory", 0),
        ("1 cores", 2),
    ]
    assert (found.possible, found.free) == (0, 0)


def test_requirements_that_are_met_but_never_together() -> None:
    """Each clause has a slot, no slot has them all."""
    found = matched(job(RequestMemory=20000, RequestCpus=8), [
        slot(), slot(Memory=64000, TotalSlotMemory=64000, Cpus=4, TotalSlotCpus=4),
    ])  # fmt: skip
    assert [clause.offered for clause in found.clauses] == [2, 1, 1]
    assert (found.possible, found.free) == (0, 0)


def test_an_attribute_that_a_slot_lacks_is_no_match() -> None:
    """Undefined is not true."""
    found = matched(job('GLIDEIN_Site == "far"'), [slot(), slot(GLIDEIN_Site="far")])
    assert [clause.offered for clause in found.clauses] == [1]


def test_a_site_that_is_excluded() -> None:
    """A slot without the attribute is not at that site, and so it is offered."""
    found = matched(job('(GLIDEIN_Site == "far") =!= true'), [slot(), slot(GLIDEIN_Site="far")])
    assert [(clause.words, clause.offered) for clause in found.clauses] == [
        ("a machine that is not at the remote site far", 1)
    ]


def test_a_pool_without_slots() -> None:
    """Nothing is offered, and nothing breaks."""
    found = matched(job(), [])
    assert (found.slots, found.possible, found.free) == (0, 0, 0)
    assert [clause.offered for clause in found.clauses] == [0, 0, 0]


def test_a_job_without_requirements_fits_everywhere() -> None:
    """One that another program submitted."""
    found = matched(classad2.ClassAd("[RequestMemory = 1]"), [slot()])
    assert (found.slots, found.possible) == (1, 1)


def test_the_slots_are_left_as_they_are() -> None:
    """Looking at an emptied copy does not fill the slot."""
    busy = slot(Memory=100)
    matched(job(), [busy])
    assert busy["Memory"] == 100
