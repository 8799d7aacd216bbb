"""The texts of hep_fetch, hep_auth s3, the demo and a dry run; and what a narrow terminal is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.auth.s3 import StorageKeys
from hepsub.actions.auth.status import KEYS, SCHEDD, AuthStatus, Row
from hepsub.actions.demo.demo import DemoResult
from hepsub.actions.demo.events import Histogram
from hepsub.actions.fetch.result import (
    Fetched,
    FetchedCluster,
    JobOutputs,
    LocalFile,
    LocalState,
    Missing,
    Output,
)
from hepsub.actions.submit.result import Preview
from hepsub.cli.output import value_text
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import KERBEROS
from hepsub.result import Problem
from hepsub.units import moment_text
from tests.fakes.world import NOON, make_policy, make_spec, make_world, plan_for


def output(
    proc: int, name: str, *, size: int = 2048, stays: bool = False, path: str = ""
) -> Output:
    """An output in the storage herd, or at a path."""
    place = ObjectPlace(storage="herd", bucket="out", key=name)
    return Output(
        proc=proc, name=name, source=Path(path) if path else place, size=size, stays=stays
    )


def fetched(*heres: LocalState, listing: bool = False) -> Fetched:
    """Files of job 13.0 that stand like this, 2 kB each."""
    files = tuple(
        LocalFile(output=output(0, f"r{number}"), path=Path("/x"), state=state)
        for number, state in enumerate(heres)
    )
    cluster = FetchedCluster(cluster=13, schedd="s", jobs=(JobOutputs(proc=0),), files=files)
    moved = sum(each.output.size for each in files if each.state is LocalState.FETCHED)
    return Fetched(clusters=(cluster,), directory=Path("/x"), listing=listing, moved=moved)


@pytest.mark.parametrize(
    ("heres", "text"),
    [
        ((), "0 file(s) fetched, 0 B; 0 were here"),
        ((LocalState.FETCHED, LocalState.EQUAL, LocalState.FETCHED), "2 file(s) fetched, 4.0 kB; 1 were here"),
        ((LocalState.IN_PLACE, LocalState.FAILED, LocalState.DIFFERENT),
         "0 file(s) fetched, 0 B; 0 were here; 1 are where -out says"),
    ],
)  # fmt: skip
def test_what_was_fetched_is_one_line(heres: tuple[LocalState, ...], text: str) -> None:
    assert value_text(fetched(*heres)) == text


def test_what_there_is_is_one_line_a_file() -> None:
    """Job by job: where it stands here, what it is, and what is missing, and why."""
    words = {
        LocalState.ABSENT: "-", LocalState.EQUAL: "here", LocalState.DIFFERENT: "differs", LocalState.FAILED: "no",
        LocalState.IN_PLACE: "here", LocalState.FETCHED: "here",
    }  # fmt: skip
    rows = value_text(fetched(*words, listing=True)).splitlines()
    assert rows == [
        "JOBID        SIZE       HERE     FROM       NAME",
        *(
            f"13.0         2.0 kB     {word:<8} herd       r{number} <- herd:out/r{number}"
            for number, word in enumerate(words.values())
        ),
    ]
    home = LocalFile(
        output=output(1, "h", path="/home/h"), path=Path("/x"), state=LocalState.ABSENT
    )
    stays = LocalFile(
        output=output(1, "s", size=0, stays=True, path="/d/s"),
        path=Path("/x"),
        state=LocalState.IN_PLACE,
    )
    missing = (
        Missing(proc=1, name="m", why="it was not written"),
        Missing(proc=1, name="o", why="none", optional=True),
    )
    jobs = (JobOutputs(proc=0), JobOutputs(proc=1, missing=missing))
    cluster = FetchedCluster(cluster=14, schedd="s", jobs=jobs, files=(home, stays))
    value = Fetched(clusters=(cluster,), directory=Path("/x"), listing=True)
    assert value_text(value).splitlines()[1:] == [
        "14.1         2.0 kB     -        home       h <- /home/h",
        "14.1         0 B        here     path       s <- /d/s",
        "14.1         -          missing  -          m: it was not written",
        "14.1         -          missing  -          o (optional): none",
    ]


@pytest.mark.parametrize(
    ("token", "good", "expires", "text"),
    [
        ("iam", True, NOON + 3600, f"by the token iam, valid until {moment_text(NOON + 3600, NOON)} (in 1 h)"),
        (None, True, None, "from ~/.aws, which does not end"),
        (None, False, None, "from ~/.aws"),
        ("iam", True, NOON - 5, f"by the token iam, valid until {moment_text(NOON - 5, NOON)} (in 0 s)"),
    ],
)  # fmt: skip
def test_whose_keys_a_storage_has(
    token: str | None, good: bool, expires: float | None, text: str
) -> None:
    keys = StorageKeys(
        storage="herd", key="AKIA", token=token, good=good, expires=expires, now=NOON
    )
    assert value_text(keys) == f"herd: key AKIA…, {text}"


def test_the_demo_says_what_to_type() -> None:
    histogram = Histogram(edges=(0.0, 1.0), counts=(3, 4))
    value = DemoResult(
        jobs=2,
        events=7,
        peak_gev=1.0,
        edges=histogram.edges,
        counts=histogram.counts,
        seconds={"run": 1.25, "merge": 2.0},
        commands=("a", "b"),
        next="hep_sub /bin/hostname",
        script=None,
    )
    first, *drawn, empty, times, typed, one, two, now, line = value_text(value).splitlines()
    assert first == "Invariant mass of 7 generated muon pairs, from 2 jobs:"
    assert drawn == list(histogram.lines())
    assert (empty, times) == ("", "It took: run 1.2 s, merge 2.0 s.")
    assert (typed, one, two) == (
        "With a storage in your policy you would have typed:",
        "  a",
        "  b",
    )
    assert (now, line) == (
        "This works right now:",
        "  hep_sub /bin/hostname",
    )
    left = replace(value, next="hep_sub job.sh", script="/work/job.sh")
    assert value_text(left).endswith(
        "\njob.sh is here, and this works right now:\n  hep_sub job.sh"
    )


def test_a_dry_run_names_all_that_travels() -> None:
    policy = make_policy(
        "[os.SL7]\nimage = '/i'\n[credential.iam]\n[pool.local]\ncredentials = ['krb', 'iam']\n"
        "[storage.herd]\nendpoint = 'https://s3.org'\ndefault = true\n"
    )
    words = "job.sh -n 4 -os SL7 -in s3://raw/x -out r=herd:out/%{ProcId} -argu a"
    plan = plan_for(make_spec(*words.split()), policy, make_world())
    assert plan.staging is not None
    place = ObjectPlace(storage="herd", bucket="out", key="lib")
    libraries = (
        Library(name="one", is_directory=True, sha256="0", size=1),
        Library(name="two", is_directory=True, sha256="0", size=2048, place=place),
        Library(name="three", is_directory=True, sha256="0", size=2048, place=place, stored=True),
    )
    plan = replace(plan, staging=replace(plan.staging, libraries=libraries), factory_idle=9)
    value = Preview(plan=plan, schedd="", description="queue\n", unreachable="x")
    lines = value_text(value).splitlines()
    assert lines[1:3] == [
        "  jobs        4 (made by the schedd as they are needed)",
        "  each        1 core(s), 2000 MB, walltime default (10 h)",
    ]
    assert "  where       pool local, schedd (the pool does not answer)" in lines
    start = lines.index("  image       /i")
    job = [
        "/work/alice/job.sh a",
        "stdout /work/alice/job.sh.out.%{ClusterId}.0",
        "stderr /work/alice/job.sh.err.%{ClusterId}.0",
        "in     x <- herd:raw/x",
        "out    r -> herd:out/0",
    ]
    assert lines[start:] == [
        "  image       /i",
        "  carries     krb, iam",
        "  fresh       krb: refreshed by the shadow",
        "  fresh       iam: refreshed by the shadow",
        "  fresh       URLs of herd: refreshed by the shadow",
        "  library     one (1 B) travels with the jobs",
        "  library     two (2.0 kB) would be uploaded to herd:out/lib",
        "  library     three (2.0 kB) is there already: herd:out/lib",
        f"  job 0       {job[0]}",
        *(f"              {each}" for each in job[1:]),
        *lines[start + 13 : start + 23],
        "  and 1 more",
        "The submit description:",
        "  queue",
    ]
    assert "more" not in value_text(replace(value, plan=replace(plan, number=3)))


def test_a_narrow_terminal_has_one_fact_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each row what it has; and each kind by the name that people know."""
    problem = Problem(code="credential-missing", message="there is none", remedy="")
    rows = (
        Row(kind=KERBEROS, name="krb", who="alice", expires=NOON + 60, renewable_until=NOON + 90),
        Row(kind=KEYS, name="herd", who="AKIA", needed_by=("storage herd",), expires=None),
        Row(kind=SCHEDD, name="s1", who="alice@x", expires=NOON),
        Row(kind="token", name="iam", problem=problem, needed_by=("x", "y"), next_command="login"),
    )
    monkeypatch.setattr("hepsub.cli.text.auth.fits", lambda _: False)
    until, renewable = moment_text(NOON + 60, NOON), moment_text(NOON + 90, NOON)
    assert value_text(AuthStatus(credentials=rows, now=NOON)).splitlines() == [
        "Kerberos krb: alice",
        f"    valid until: {until} (in 1 min)",
        f"    renewable until: {renewable}",
        "S3 keys herd: AKIA",
        "    valid until: does not end",
        "    needed by: storage herd",
        "schedd s1: alice@x",
        "token iam: (credential-missing)",
        "    needed by: x, y",
        "    next command: login",
        "there is none",
    ]
