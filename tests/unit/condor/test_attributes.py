"""Attributes of real ClassAds: whatever an owner has set, a value of the type and range that was asked for."""

from __future__ import annotations

import time
from typing import Any

import classad2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.actions.queue.counted import ClusterStatus
from hepsub.actions.queue.query import Listing
from hepsub.actions.queue.status import Status
from hepsub.batch import Selection
from hepsub.cli.output import value_text
from hepsub.condor.ads import PROJECTION, read_queue, read_submissions
from hepsub.condor.attributes import boolean, integer, is_short, real, seconds, text
from hepsub.condor.collector import read_schedds
from hepsub.condor.explain import explain_held, explain_idle
from hepsub.condor.jobs import read_carefully, read_job, read_quickly
from hepsub.condor.match import match
from hepsub.result import document_of
from tests.fakes.world import NOON

DOUBLED = "A0 = 1;" + "".join(f"A{n} = A{n - 1} + A{n - 1};" for n in range(1, 40))


def ad(written: str) -> Any:
    """An ad whose attribute X is this, beside some others."""
    return classad2.ClassAd(f"[X = {written}; Kilobytes = 5000; Word = X; {DOUBLED}]")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("5", 5),
        ("0", 0),
        ("2000.9", 2000),
        ("(Kilobytes + 1023) / 1024", 5),
        ("ifThenElse(Nothing is undefined, 7, 8)", 7),
        ("-1", None),
        ("2147483648", None),
        ('"abc"', None),
        ("true", None),
        ('real("INF")', None),
        ('real("NaN")', None),
        ("1e400", None),
        ("{1, 2}", None),
        ("[ a = 1 ]", None),
        ("error", None),
        ("undefined", None),
        ("X", None),
        ("Word + 1", None),
        ("nosuch(1)", None),
        ('absTime("0001-01-01T00:00:00Z")', None),
        ("absTime(2.0e18)", None),
        ("5 / 0", None),
        ('"\\377"', None),
        ('{ "\\377" }', None),
        ('eval("5")', None),
        ("A39", None),
    ],
)
def test_a_number_is_one_of_the_range_or_none(written: str, number: int | None) -> None:
    """As an int and as a float alike; an expression of numbers counts with its value."""
    assert integer(ad(written), "X") == number
    as_real = real(ad(written), "X", 2.0**31 - 1)
    assert (None if as_real is None else int(as_real)) == number


@pytest.mark.parametrize(("least", "most", "number"), [(-5, 5, -5), (-4, 5, None), (-9, -6, None)])
def test_a_range_is_the_callers(least: int, most: int, number: int | None) -> None:
    """A priority may be below 0, an amount of memory may not."""
    assert integer(ad("-5"), "X", least=least, most=most) == number


def test_a_moment_is_one_that_can_be_written_as_a_date() -> None:
    """Anything else is no moment, and 0."""
    assert seconds(ad("1700000000"), "X") == 1.7e9
    assert [seconds(ad(each), "X") for each in ("-1", "1e300", '"now"', "99999999999999")] == [
        0
    ] * 4


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('"plain"', "plain"),
        ('"é\\033[2J"', "é\x1b[2J"),
        ('"dat\\351i \\"x\\" \\\\351 \\303\\251"', 'dat\N{REPLACEMENT CHARACTER}i "x" \\351 é'),
        ('"12345678901"', "1234567890…"),
        ('strcat("a", "b")', ""),
        ("5", ""),
        ("undefined", ""),
        ('{ "a" }', ""),
        ('{ "\\377" }', ""),
    ],
)
def test_a_text_is_one_up_to_a_length_or_none(written: str, found: str) -> None:
    """Bytes that are no UTF-8 are replaced, as of a file name of another time; expressions are none."""
    longest = 10 if "123" in written else 1024
    assert text(ad(written), "X", longest) == found


@pytest.mark.parametrize(
    ("written", "found"),
    [("true", True), ("false", False), ("1", None), ('"true"', None), ("error", None)],
)
def test_a_boolean_is_one_or_none(written: str, found: bool | None) -> None:
    """A number is none."""
    assert boolean(ad(written), "X") is found


def test_an_attribute_that_is_not_there_is_none() -> None:
    """Whatever is asked for."""
    empty = classad2.ClassAd()
    assert integer(empty, "X") is real(empty, "X", 1) is boolean(empty, "X") is None
    assert (text(empty, "X"), seconds(empty, "X")) == ("", 0)


def test_no_attribute_costs_a_billion_steps() -> None:
    """Forty attributes that name the one before twice are not evaluated; names in a circle neither."""
    began = time.process_time()
    assert not is_short(ad("1"), "A39")
    assert not is_short(ad("Word"), "X")
    assert is_short(ad("1"), "A3 + A3")
    assert time.process_time() - began < 10  # a billion steps take minutes


def test_what_a_text_names_is_not_evaluated() -> None:
    """HTCondor's own CondorVersion holds the word CondorVersion."""
    job = classad2.ClassAd('[CondorVersion = "$CondorVersion: 25.14.1 $"; E = eval("1"); X = E]')
    assert is_short(job, 'versionGE(split(CondorVersion)[1], "25.12.0")')
    assert is_short(job, 'y == "eval"')
    assert not is_short(job, "X")


STRANGE = [
    '"abc"', '"\\377\\033\\n"', "true", 'real("INF")', 'real("NaN")', "1e400", "-5", "10000000000000",
    "9223372036854775807", "{1, 2}", "{ \"\\377\" }", "[ a = 1 ]", "error", "undefined", "QDate", "A39",
    'absTime("0001-01-01T00:00:00Z")', "relTime(1e300)", 'eval("A39")', "nosuch(1)", "1 / 0",
]  # fmt: skip
OTHERS = ("HepSub_UUID", "Out", "HepSub_WalltimeLimit", "HepSub_Reason", "HepSub_Ready")
NAMES = sorted({*PROJECTION, *OTHERS})


def strange_job(attributes: dict[str, str], status: int = 2) -> Any:
    """Job 13.2, whose owner has set these attributes."""
    ids = {"ClusterId": "13", "ProcId": "2", "JobStatus": str(status), "Owner": '"bob"'}
    own = "; ".join(f"{name} = {written}" for name, written in {**attributes, **ids}.items())
    return classad2.ClassAd(f"[{own}; {DOUBLED}]")


def seen(job_ad: Any) -> str:
    """All that hepsub does with a job's ad; the row that hep_q shows."""
    found = read_queue([job_ad], "schedd01", Selection(), NOON)
    assert [job.job for job in found.jobs] == ["13.2"]
    listing = Listing(pool="local", jobs=found.jobs, unmade=found.unmade, reasons=True)
    assert document_of(listing)
    assert [each.cluster for each in read_submissions([job_ad], "p", "schedd01")] == [13]
    assert explain_held(found.jobs[0], job_ad, "13.2").sentence
    assert explain_idle(found.jobs[0], job_ad, lambda: [job_ad], "13.2", NOON).sentence
    return value_text(listing).splitlines()[1]


@pytest.mark.parametrize("written", STRANGE)
@pytest.mark.parametrize("status", [1, 2, 5])
def test_a_job_whose_attributes_are_all_strange_has_its_row(written: str, status: int) -> None:
    """The columns are where they always were, and the row is one line."""
    row = seen(strange_job(dict.fromkeys(NAMES, written), status))
    assert row.startswith("13.2            bob             ")
    assert row[64] == "?IR??H"[status]
    assert row[48:64].rstrip().count("+") == 1


def test_a_date_that_is_none_is_shown_as_question_marks() -> None:
    """Two words, as scripts expect: the state stays `$6`."""
    row = seen(strange_job({"QDate": '"abc"', "Cmd": '"/bin/job.sh"'}))
    assert row.split()[2:6] == ["??/??", "??:??", "0+00:00:00", "R"]
    assert row.split()[8] == "job.sh"


def test_a_factory_cannot_make_the_count_endless() -> None:
    """A number of procs that no schedd would take counts as none, and nothing goes through them one by one."""
    factory = classad2.ClassAd(
        "[ClusterId = 13; JobMaterializeDigestFile = 1; TotalSubmitProcs = 1000000000]"
    )
    assert read_queue([factory], "schedd01", Selection(), NOON).unmade == ()


def test_an_ad_that_names_no_job_is_none() -> None:
    """It could not be shown, nor acted upon."""
    for written in ("[]", '[ClusterId = "13"; ProcId = 0]', "[ClusterId = 13; ProcId = -1]"):
        assert read_job(classad2.ClassAd(written), "schedd01", NOON) is None


VALUES = st.one_of(
    st.sampled_from(STRANGE),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.floats().map(lambda number: f'real("{number}")'),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(
        lambda string: str(classad2.quote(string))
    ),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(STRANGE), max_size=3).map(lambda each: "{" + ", ".join(each) + "}"),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from([1, 2, 3, 4, 5, 6, 7]))
def test_no_job_ad_is_too_strange(attributes: dict[str, str], status: int) -> None:
    """Any mixture of types, sizes and expressions."""
    seen(strange_job(attributes, status))


HTCONDORS_OWN = {
    "ClusterId": "13", "ProcId": "2", "Owner": '"alice"', "QDate": "1795961360", "JobPrio": "-5",
    "Cmd": '"/home/alice/job.sh"', "Args": '"a  b"', "ImageSize": "45000", "RemoteWallClockTime": "61.25",
    "ResidentSetSize": "40000", "MemoryUsage": "((ResidentSetSize + 1023) / 1024)",
    "RequestMemory": "ifthenelse(MemoryUsage =!= undefined,MemoryUsage,(ImageSize + 1023) / 1024)",
    "ShadowBday": "1795961400", "ServerTime": "1795961500", "RemoteHost": '"slot1@node"',
    "HoldReason": '"of its own"', "HoldReasonCode": "1", "HoldReasonSubCode": "-3",
    "ExitBySignal": "false", "ExitCode": "3", "CompletionDate": "0", "EnteredCurrentStatus": "1795961450",
    "RemoteUserCpu": "1.5", "RemoteSysCpu": "0.25", "TotalSubmitProcs": "9",
}  # fmt: skip


def as_htcondor_writes_it(attributes: dict[str, str]) -> Any:
    """Job 13.2 with what every job has, and these attributes in their places."""
    own = "; ".join(f"{name} = {each}" for name, each in {**HTCONDORS_OWN, **attributes}.items())
    return classad2.ClassAd(f"[{own}]")


@pytest.mark.parametrize("status", range(8))
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {
            "Arguments": "\"'-c' 'eval \\\"$HEPSUB_BOOT\\\"' 'job.sh' '5'\"",
            "HepSub_Cmd": '"/x/mine.sh"',
        },
        {"MemoryUsage": "70.5", "RequestMemory": "2000", "JobBatchName": '"a \\"name\\""'},
        {"ExitBySignal": "true", "ExitSignal": "9", "HoldReasonCode": "34"},
        {"Cmd": '"/Expr(x)/"', "MemoryUsage": "undefined"},
        {"ResidentSetSize": "0"},
        {"ResidentSetSize": "1"},
        {"ResidentSetSize": "1025"},
        {"MemoryUsage": "undefined", "ImageSize": "0"},
        {"MemoryUsage": "7"},
        {"ShadowBday": "0", "JobCurrentStartDate": "1795961450"},
        {"ServerTime": "0"},
        {"RemoteHost": '""', "LastRemoteHost": '"slot2@other"'},
        {"CompletionDate": "1795961470"},
        {"HepSub_Cmd": '""', "RemoveReason": '"via condor_rm"'},
    ],
)
def test_a_usual_job_is_read_quickly(attributes: dict[str, str], status: int) -> None:
    """Whatever has started it and however it ended, with the result of the careful reader."""
    own = as_htcondor_writes_it({**attributes, "JobStatus": str(status)})
    found = read_quickly(own, "s1", NOON)
    assert found == read_carefully(own, "s1", NOON)


@pytest.mark.parametrize(
    "attributes",
    [
        {"MemoryUsage": '"abc"'},
        {"MemoryUsage": '"5"', "RequestMemory": "5"},
        {"RequestMemory": '"5"'},
        {"ResidentSetSize": "-1"},
        {"ImageSize": "-2000", "MemoryUsage": "undefined"},
        {"MemoryUsage": "ImageSize / 2"},
        {"MemoryUsage": "ImageSize / 2", "RequestMemory": "2"},
        {"JobPrio": "1 + 1"},
    ],
)
def test_what_is_not_as_htcondor_writes_it_is_left_to_the_careful_reader(
    attributes: dict[str, str],
) -> None:
    own = as_htcondor_writes_it({**attributes, "JobStatus": "2"})
    assert read_quickly(own, "s1", NOON) in (None, read_carefully(own, "s1", NOON))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*NAMES, "ResidentSetSize", "Other"]), VALUES, max_size=4))
def test_the_quick_reader_says_what_the_careful_one_says_or_nothing(
    attributes: dict[str, str],
) -> None:
    """An ad with anything strange in it is left to the other one."""
    own = as_htcondor_writes_it(attributes)
    found = read_quickly(own, "s1", NOON)
    assert found in (None, read_carefully(own, "s1", NOON))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["Memory", "TotalSlotMemory", "Cpus", "Disk", "Arch"]), VALUES))  # fmt: skip
def test_no_machine_ad_is_too_strange(attributes: dict[str, str]) -> None:
    """A slot that is nothing a slot can be meets no requirement, or meets it: nothing is raised."""
    written = "; ".join(f"{name} = {value}" for name, value in attributes.items())
    slot = classad2.ClassAd(f"[{written}]")
    wanted = 'TARGET.Memory >= RequestMemory && TARGET.Arch == "X"'
    job = classad2.ClassAd(f"[RequestMemory = 1; Requirements = {wanted}]")
    found = match(job, [slot])
    assert found is not None
    assert found.slots == 1
    assert all(0 <= each < 2**63 for each in found.most.values())


@pytest.mark.parametrize(
    "written",
    [
        "(" * 50 + "true" + ")" * 50,
        "(true && " * 50 + "true" + ")" * 50,
        "'a && b' is undefined && true",
        'x == "it\'s && (" || true',
    ],
)
def test_requirements_of_any_shape_are_taken_apart(written: str) -> None:
    """Brackets in brackets, names that are no words, quotes in quotes."""
    job = classad2.ClassAd(f"[Requirements = {written}]")
    found = match(job, [classad2.ClassAd("[Memory = 5]")])
    assert found is not None
    assert found.possible == 1


@pytest.mark.parametrize(
    "written", ["A39 > 5", " && ".join(["true"] * 200), 'eval(strcat("A", "39")) > 5']
)
def test_requirements_that_are_too_long_are_said_to_be(written: str) -> None:
    """One user's job cannot keep another user's hep_q busy."""
    job = classad2.ClassAd(f"[Requirements = {written}; {DOUBLED}]")
    assert match(job, []) is None
    status = read_job(strange_job({}), "schedd01", NOON)
    assert status is not None
    assert explain_idle(status, job, list, "13.2", NOON).sentence == (
        "its requirements are longer than hepsub looks into"
    )


def test_a_schedd_that_cannot_be_named_or_reached_is_none() -> None:
    """The collector's ads are data, too: the others are there all the same."""
    good = '[Name = "s1@x"; Machine = "x"; CondorVersion = "25"; MyAddress = "<1.2.3.4:5>"]'
    bad = [
        good.replace('"s1@x"', each)
        for each in ("5", "undefined", '"../x"', '"a b"', '"\\033"', '"\\377"', "{1}")
    ]
    bad += [good.replace(each, "error") for each in ('"25"', '"<1.2.3.4:5>"')]
    found = read_schedds([classad2.ClassAd(each) for each in (*bad, good)])
    assert [each.name for each in found] == ["s1@x"]


def test_a_status_without_a_date_has_an_empty_one() -> None:
    """The grouped view leaves out what it does not know."""
    cluster = ClusterStatus(
        pool="local",
        schedd="s",
        cluster=13,
        name="x",
        submitted=0,
        idle=1,
        running=0,
        held=0,
        reason="",
    )
    assert "??" not in value_text(Status(pool="local", clusters=(cluster,)))
