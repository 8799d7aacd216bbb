"""-in and -out as words: which `=` divides, what a ? means, and that each takes one value."""

from __future__ import annotations

import pytest

from hepsub.errors import UsageError
from hepsub.job import EnvironmentRequest, FileRequest, JobSpec, Placement, Remote, Resources
from tests.fakes.world import make_spec


@pytest.mark.parametrize(
    ("word", "url", "name"),
    [
        ("s3://raw/a.root", "s3://raw/a.root", ""),
        ("s3://raw/a.root=b.root", "s3://raw/a.root", "b.root"),
        ("s3://raw/day=1/a.root", "s3://raw/day=1/a.root", ""),
        ("s3://raw/day=1/a.root=b", "s3://raw/day=1/a.root", "b"),
        ("s3://raw/a=b=c", "s3://raw/a=b", "c"),
        ("herd:raw/a", "herd:raw/a", ""),
        ("calib.txt=const.txt", "calib.txt", "const.txt"),
        ("%{items}", "%{items}", ""),
        ("%{item}=in.root", "%{item}", "in.root"),
        ("s3://raw/a=", "s3://raw/a", ""),
        ("s3://raw/pt=50.root=", "s3://raw/pt=50.root", ""),
        ("s3://raw/pt=50.root=in.root", "s3://raw/pt=50.root", "in.root"),
    ],
)
def test_an_input(word: str, url: str, name: str) -> None:
    """The last `=` divides, unless a slash stands behind it; where it gives a name, the whole is in doubt."""
    expected = FileRequest(name=name, url=url, whole=word if name else "")
    assert make_spec("job.sh", "-in", word).inputs == (expected,)


@pytest.mark.parametrize(
    ("word", "name", "url", "optional"),
    [
        ("r.csv=herd:out/r.csv", "r.csv", "herd:out/r.csv", False),
        ("r=s3://out/day=1/r", "r", "s3://out/day=1/r", False),
        ("r?=herd:out/r", "r", "herd:out/r", True),
        ("h_?.root=herd:out/d/", "h_?.root", "herd:out/d/", False),
        ("h_*.root?=herd:out/d/", "h_*.root", "herd:out/d/", True),
        ("d/r=res/", "d/r", "res/", False),
        ("r=res/day=1/r", "r", "res/day=1/r", False),
        ("pt=50.root=s3://out/pt=50.root", "pt=50.root", "s3://out/pt=50.root", False),
        ("pt=50.root?=herd:out/pt=50.root", "pt=50.root", "herd:out/pt=50.root", True),
        ("pt=50.root=/data/pt=50.root", "pt=50.root", "/data/pt=50.root", False),
        ("pt=50.root=../pt=50.root", "pt=50.root", "../pt=50.root", False),
        ("pt=50.root", "pt", "50.root", False),
    ],
)
def test_an_output(word: str, name: str, url: str, optional: bool) -> None:
    """The `=` in front of a URL divides, else the first; only a ? at the name's end means that it may be missing."""
    expected = FileRequest(name=name, url=url, optional=optional)
    assert make_spec("job.sh", "-out", word).outputs == (expected,)


@pytest.mark.parametrize("word", ["r", "=herd:out/r", "r=", "?=herd:out/r", "??=x"])
def test_what_is_no_output_is_refused(word: str) -> None:
    """Without a name or a place; the remedy is an example."""
    with pytest.raises(UsageError) as error:
        make_spec("job.sh", "-out", word)
    assert "-out hist.root=herd:out/hist_%{ProcId}.root" in error.value.remedy


def test_both_may_be_repeated_and_keep_their_order() -> None:
    """One value each, so that the script's name is never swallowed."""
    spec = make_spec("-in", "a", "-in", "b=c", "-out", "x=1", "job.sh", "-out", "y=2", "-in", "d")
    assert spec.script == "job.sh"
    assert [each.url for each in spec.inputs] == ["a", "b", "d"]
    assert [each.name for each in spec.outputs] == ["x", "y"]
    assert spec.check_objects
    assert not make_spec("job.sh", "-nocheck").check_objects


@pytest.mark.parametrize("option", ["-lib", "--lib"])
def test_libraries_may_be_repeated(option: str) -> None:
    """The script behind it is a script, and -l, -list and -lib are three options."""
    spec = make_spec(option, "setup/", option, "libA.so", "-l", "log", "job.sh")
    assert spec.libraries == ("setup/", "libA.so")
    assert (spec.script, spec.event_log) == ("job.sh", "log")
    assert make_spec("-list", "ib", "job.sh").libraries == ()


@pytest.mark.parametrize(
    ("text", "per", "per_bytes"),
    [("20", 20, None), ("2GB", None, 2**31)],
)
def test_per_is_a_number_or_a_size(text: str, per: int | None, per_bytes: int | None) -> None:
    """-per K counts items, -per 2GB weighs them: the unit tells."""
    spec = make_spec("job.sh", "-list", "l", "-per", text)
    assert (spec.per, spec.per_bytes) == (per, per_bytes)


def test_without_per_there_is_neither() -> None:
    """One item for each job."""
    spec = make_spec("job.sh", "-list", "-")
    assert (spec.list_file, spec.per, spec.per_bytes) == ("-", None, None)


def test_each_option_has_its_place() -> None:
    """All of them at once, in words as their users write them."""
    words = (
        "job.sh -n 3 -first 5 -list l -per 2 -in a=b -out c?=s3://d/e -lib f -nocheck -g g -name h -o i -e j -l k"
        " -dir m -os o -image q -prio -5 -u vanilla -np 4 -gpu 1 -m 5GB -wt short -p r -schedd s -rmt -site t -wn v"
        " -gwn w -noenv -env X -env Y=1=2 -env Z= -once y -cred c1 -cred c2 -argu"
    )
    assert make_spec(*words.split(), '"x  y"', "z") == JobSpec(
        script="job.sh",
        arguments=("x", "y", "z"),
        number=3,
        first=5,
        list_file="l",
        per=2,
        inputs=(FileRequest(name="b", url="a", whole="a=b"),),
        outputs=(FileRequest(name="c", url="s3://d/e", optional=True),),
        libraries=("f",),
        check_objects=False,
        group="g",
        name="h",
        stdout="i",
        stderr="j",
        event_log="k",
        directory="m",
        os="o",
        image="q",
        priority=-5,
        universe="vanilla",
        resources=Resources(cpus=4, gpus=1, memory_mb=5120, walltime="short"),
        placement=Placement(
            pool="r",
            schedd="s",
            remote=Remote.WANTED,
            site="t",
            worker_node="v",
            worker_group="w",
        ),
        environment=EnvironmentRequest(inherit=False, named=(("X", None), ("Y", "1=2"), ("Z", ""))),
        once="y",
        credentials=("c1", "c2"),
    )
    assert make_spec("job.sh") == JobSpec(
        script="job.sh", environment=EnvironmentRequest(inherit=True)
    )
    assert make_spec("job.sh", "-normt").placement.remote is Remote.NEVER


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["-rmt", "-normt", "job.sh"], "-rmt and -normt contradict each other", "drop one of them"),
        (["job.sh", "-env", "=x"], "argument -env/--env: there is no name in front of the '='", "-env NAME=VALUE"),
        (["-n", "3"], "the following arguments are required: script",
         "hep_sub job.sh submits the script job.sh, hep_sub status shows your jobs; hep_sub demo shows how it goes,"
         " hep_sub -h what there is"),
        (["-only", "3"], "-only is about jobs of an earlier cluster, and belongs to -resubmit",
         "hep_sub -resubmit 13 -only 3"),
        (["-failed"], "-failed is about jobs of an earlier cluster, and belongs to -resubmit",
         "hep_sub -resubmit 13 -failed"),
        (["-argu", "a", "job.sh"],
         "the following arguments are required: script; -argu takes every word up to the next option",
         "if 'job.sh' is the script, put it in front, or write -- before it: -argu … -- job.sh"),
        (["job.sh", "-out", "?=x"], "argument -out/--out: '?=x' is not NAME=URL",
         "for example -out hist.root=herd:out/hist_%{ProcId}.root"),
    ],
)  # fmt: skip
def test_what_is_no_job_is_refused(words: list[str], message: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_spec(*words)
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (['"a b"', "c  d"], ["a", "b", "c", "d"]),
        (['"'], ['"']),
        (['""'], []),
        (['"a', 'b"'], ['"a', 'b"']),
        (["'a b'"], ["'a", "b'"]),
    ],
)
def test_arguments_are_split_at_white_space(values: list[str], words: list[str]) -> None:
    """HepJob's rule: one outer pair of double quotes is dropped first."""
    assert make_spec("job.sh", "-argu", *values).arguments == tuple(words)
