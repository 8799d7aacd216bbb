"""hep_fetch: which outputs there are, where, what is missing and why; and whole runs over what came home."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.fetch.fetch import fetch
from hepsub.actions.fetch.local import compare, copy_returned, local_state
from hepsub.actions.fetch.plan import job_ranges
from hepsub.actions.fetch.plan import plan_job as planned
from hepsub.actions.fetch.result import (
    Fetched,
    FetchRequest,
    Job,
    JobOutputs,
    LocalFile,
    LocalState,
    Output,
    RemoteListing,
)
from hepsub.actions.queue.ends import Clock
from hepsub.actions.submit.submit import submit
from hepsub.batch import JobStatus, State
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.pending import PENDING
from hepsub.bundle.report import Report, read_report
from hepsub.bundle.returned import returned_outputs
from hepsub.cli.output import value_text
from hepsub.errors import AmbiguousJob, StorageUnreachable, UnknownJob
from hepsub.jobid import parse_job_id
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.result import Problem, Result
from hepsub.session import Session
from hepsub.storage.destination import Destination
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec
from tests.unit.bundle.test_request import make_request

CONTENT = b"result\n"
MD5 = hashlib.md5(CONTENT).hexdigest()
OTHER = hashlib.md5(b"other").hexdigest()


def place(key: str) -> ObjectPlace:
    """An object of the bucket out."""
    return ObjectPlace(storage="herd", bucket="out", key=key)


R = place("13/r_0")
MARKER = place("13/.hepsub/u/0.json")
ROOTS = place("13/0/")


def url(where: ObjectPlace) -> str:
    """The URL of an object."""
    return f"https://s3.example.org/out/{where.key}"


def report(
    outputs: Mapping[str, tuple[str, str, ObjectPlace]] | None = None,
    exit_code: int = 0,
    **more: Any,
) -> Report:
    """What a wrapper reports."""
    document = {
        "payload": {"exit_code": exit_code, "signal": None},
        "code": 0,
        "message": "",
        "ended": "2026-11-22T05:00:00Z",
        "outputs": [
            {"name": name, "state": state, "size": 7, "md5": md5, "url": url(where)}
            for name, (state, md5, where) in (outputs or {}).items()
        ],
        **more,
    }
    return read_report(json.dumps(document).encode())


def plan_job(job: Job, seen: RemoteListing, status: JobStatus | None = None) -> JobOutputs:
    """What there is of a job, as it lies there now."""
    with job.bundle.open_returned(job.proc) as tree:
        if tree is not None:
            job = replace(job, returned=returned_outputs(tree))
    return planned(job, seen, status)


def listing_of(*keys: ObjectPlace, etag: str = MD5, **more: Any) -> RemoteListing:
    """These objects, as they are after the first run."""
    return RemoteListing(
        objects={key: ObjectInfo(size=7, etag=etag, modified=5.0) for key in keys},
        urls={key: url(key) for key in keys},
        **more,
    )


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Give a job with the one output `r`, of which nothing is known."""
    carried = (Carried(name="r", place=R),)
    return Job(
        proc=0,
        carried=carried,
        bundle=Bundle(directory=tmp_path, request=make_request()),
        marker=MARKER,
    )


def was_returned(job: Job, name: str, content: bytes = CONTENT) -> Path:
    """Let an output be at home."""
    path = job.returned_directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# ---- what there is ----------------------------------------------------------------------------


def test_a_complete_job(job: Job) -> None:
    """Object and marker are there, and the object is the reported one."""
    known = replace(job, marked=report({"r": ("uploaded", MD5, R)}))
    files = plan_job(known, listing_of(R, MARKER))
    [output] = files.outputs
    assert (output.name, output.source, output.size, output.md5) == ("r", R, 7, MD5)
    assert (files.missing, files.oddities, files.complete) == ((), (), True)


def test_without_its_marker_a_job_is_not_complete(job: Job) -> None:
    """The output is taken all the same."""
    files = plan_job(job, listing_of(R))
    assert (len(files.outputs), files.complete) == (1, False)


def test_what_came_home_is_newer_than_what_is_in_the_store(job: Job) -> None:
    """An object of an earlier run is not taken for it."""
    path = was_returned(job, "r")
    [output] = plan_job(job, listing_of(R, etag=OTHER)).outputs
    assert str(output.source) == str(path)


def test_an_object_of_another_run_is_told(job: Job) -> None:
    """Its MD5 is not the one that the marker tells of."""
    known = replace(job, marked=report({"r": ("uploaded", MD5, R)}))
    files = plan_job(known, listing_of(R, MARKER, etag=OTHER))
    assert files.complete is False
    assert f"ETag {OTHER}; told were 7 bytes, {MD5})" in files.oddities[0]


STARTED = "2026-11-22T04:00:00Z"


@pytest.mark.parametrize(
    ("marked", "home", "is_told"),
    [
        ({"run": 1}, {"run": 2, "exit_code": 1}, True),
        ({"run": 1}, {"run": 1, "ended": "2026-11-22T05:00:09Z"}, False),
        ({"run": 2}, {"run": 1, "exit_code": 1}, False),
        ({"started": STARTED, "host": "a"}, {"started": "2026-11-22T03:00:00Z", "host": "b"}, True),
        ({"started": STARTED, "host": "a"}, {"started": STARTED, "host": "b"}, True),
        ({"started": STARTED, "host": "a"}, {"started": STARTED, "host": "a", "run": 7}, False),
    ],
)
def test_outputs_of_one_run_and_the_report_of_a_later_one_are_not_complete(
    job: Job, marked: dict[str, Any], home: dict[str, Any], is_told: bool
) -> None:
    """The number of the run tells which is later; without it clocks of two hosts do not, and both are told."""
    known = replace(
        job, marked=report({"r": ("uploaded", MD5, R)}, **marked), report=report(**home)
    )
    files = plan_job(known, listing_of(R, MARKER))
    assert files.complete is not is_told
    assert any("another run" in each for each in files.oddities) is is_told


def test_a_path_needs_no_copy(job: Job, tmp_path: Path) -> None:
    """It is where -out says; while it is at home, that is what is taken."""
    path = tmp_path / "results/r"
    known = replace(job, carried=(Carried(name="r", place=FilePlace(path=str(path))),), marker=None)
    assert plan_job(known, listing_of()).missing
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    [output] = plan_job(known, listing_of()).outputs
    assert output.stays
    home = was_returned(known, "r")
    [output] = plan_job(known, listing_of()).outputs
    assert (output.stays, str(output.source)) == (False, str(home))
    assert plan_job(known, listing_of()).complete is None


def test_a_path_that_cannot_be_looked_at_is_told(job: Job, tmp_path: Path) -> None:
    """As where AFS wants a token; here the name is longer than any."""
    path = tmp_path / ("n" * 300)
    for carried in (
        Carried(name="r", place=FilePlace(path=str(path))),
        Carried(name="*.root", place=FilePlace(path=f"{path}/")),
    ):
        known = replace(job, carried=(carried,), marker=None)
        [missing] = plan_job(known, listing_of()).missing
        assert missing.why == f"{carried.place} cannot be looked at: File name too long"


def test_a_link_at_home_is_not_followed(job: Job, tmp_path: Path) -> None:
    """What a job left behind does not read other files of the user's."""
    (tmp_path / "secret").write_text("secret")
    job.returned_directory.mkdir(parents=True)
    (job.returned_directory / "r").symlink_to(tmp_path / "secret")
    files = plan_job(job, listing_of())
    assert files.outputs == ()
    assert "a link, which is not followed" in files.missing[0].why


# ---- patterns ---------------------------------------------------------------------------------


@pytest.fixture
def roots(job: Job) -> Job:
    """Give a job whose output is a pattern."""
    return replace(job, carried=(Carried(name="d/h_*.root", place=ROOTS),))


A, B, C = place("13/0/h_1.root"), place("13/0/h_2.root"), place("13/0/other.txt")


def test_a_pattern_without_report_is_what_matches(roots: Job) -> None:
    """Under their last component."""
    files = plan_job(roots, listing_of(A, B, C))
    assert [each.name for each in files.outputs] == ["h_1.root", "h_2.root"]


def test_a_pattern_with_report_is_what_the_job_wrote(roots: Job) -> None:
    """Under their names in the job; what an earlier run left is told, and not mixed in."""
    known = replace(roots, marked=report({"d/h_1.root": ("uploaded", MD5, A)}))
    files = plan_job(known, listing_of(A, B))
    assert [each.name for each in files.outputs] == ["d/h_1.root"]
    assert "13/0/h_2.root" in files.oddities[0]


def test_jobs_that_share_a_directory_are_told_apart_by_their_reports(roots: Job) -> None:
    """Another job's objects are not this one's; without any report nobody can tell."""
    known = replace(roots, marked=report({"d/h_1.root": ("uploaded", MD5, A)}))
    seen = listing_of(A, B, shared=frozenset({ROOTS}))
    assert plan_job(known, seen).oddities == ()
    files = plan_job(roots, seen)
    assert files.outputs == ()
    assert "several jobs write there" in files.oddities[0]


# ---- what is missing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        (make_job(state=State.IDLE), None, "the job is idle"),
        (make_job(state=State.RUNNING), report(), "the job is running"),
        (make_job(state=State.HELD, hold_reason="no\x1bspace"), None, "the job is on hold (no\\x1bspace)"),
        (make_job(state=State.REMOVED, remove_reason="by alice"), None, "the job was removed (by alice)"),
        (make_job(state=State.COMPLETED, exit_code=3), None, "the job ended with exit code 3, and left no report"),
        (make_job(state=State.COMPLETED, exit_signal=9), None, "the job was ended by signal 9, and left no report"),
        (None, None, "the job left no report, and no schedd knows how it ended"),
        (None, report({"r": ("missing", "", R)}, 4), "it was not made; the program ended with exit code 4"),
        (None, report(payload=None, code=81, message="x"), "it was not made; the program was never started: x"),
        (None, report({"r": ("lost", "", R)}, code=87, message="too large"), "it is lost: too large"),
        (None, report({"r": ("uploaded", MD5, R)}), f"it was saved as {url(R)}, and is not there any more"),
        (None, report({"r": ("home", MD5, R)}), "it came home, and is not there any more"),
    ],
)  # fmt: skip
def test_why(job: Job, status: Any, said: Report | None, why: str) -> None:
    """The queue knows first, then the report, then the history."""
    [missing] = plan_job(replace(job, report=said), listing_of(), status).missing
    assert missing.why == why


def test_a_store_that_is_away_is_the_reason(job: Job) -> None:
    """Whatever the job did."""
    known = replace(job, report=report({"r": ("uploaded", MD5, R)}))
    [missing] = plan_job(known, listing_of(troubles={"herd": "herd does not answer"})).missing
    assert missing.why == "herd does not answer"


@pytest.mark.parametrize(
    ("procs", "text"), [([0], "13.0"), ([0, 1, 2, 7], "13.0-2,7"), ([5, 3, 4, 4], "13.3-5")]
)
def test_ranges(procs: list[int], text: str) -> None:
    """Runs of jobs are short."""
    assert job_ranges(13, procs) == text


# ---- what is here -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "md5", "age", "state"),
    [
        (None, MD5, 0, LocalState.ABSENT),
        (CONTENT, MD5, 0, LocalState.EQUAL),
        (CONTENT, MD5, 999, LocalState.EQUAL),
        (b"RESULT\n", MD5, 0, LocalState.DIFFERENT),
        (b"longer than it", MD5, 0, LocalState.DIFFERENT),
        (CONTENT, "", 0, LocalState.EQUAL),
        (CONTENT, "", 999, LocalState.DIFFERENT),
    ],
)
def test_compare(
    tmp_path: Path, content: bytes | None, md5: str, age: int, state: LocalState
) -> None:
    """Size and checksum decide; the time only where there is no checksum."""
    goal = Destination(root=tmp_path, parts=("r",), part="r.part")
    modified = 1_700_000_000.0
    if content is not None:
        (tmp_path / "r").write_bytes(content)
        os.utime(tmp_path / "r", (modified - age, modified - age))
    output = Output(proc=0, name="r", source=R, size=len(CONTENT), md5=md5, modified=modified)
    assert compare(output, goal)[0] is state


def test_parts_do_not_meet_outputs(tmp_path: Path) -> None:
    """An output that is itself called NAME.part keeps its name."""
    output = Output(proc=2, name="d/r", source=R, size=1)
    outputs = tuple(replace(output, name=name) for name in ("d/r", "d/r.part", "../r"))
    first, _, last = local_state(JobOutputs(proc=2, outputs=outputs), tmp_path, 13)
    found = first.destination
    assert found is not None
    assert (found.parts, found.part) == (("13", "2", "d", "r"), "r.part.part")
    assert (last.state, last.destination) == (LocalState.FAILED, None)


# ---- whole runs -------------------------------------------------------------------------------


class World:
    """Alice's login node; the store cannot be reached, unless nothing of it is needed."""

    def __init__(self, tmp_path: Path) -> None:
        self.directory = tmp_path
        make_script(tmp_path)
        self.schedd = FakeSchedd(host="login01.example.org")

    def session(self) -> Session:
        """A session at this moment."""
        policy = make_policy(
            f'[staging]\nbundle_dir = "/proc/self/root{self.directory}/bundles"\n'
            '[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n'
        )
        situation = make_situation(cwd=self.directory)
        return make_session(
            self.directory, as_batch_systems(self.schedd), policy=policy, situation=situation
        )

    def submit(self, *words: str) -> Path:
        """Submit, and give the bundle."""
        value = submit(self.session(), make_spec("job.sh", *words)).value
        return self.directory / "bundles" / value.submitted.uuid

    def fetch(self, *ids: str, **more: Any) -> Result[Fetched]:
        """Fetch into the directory `got`."""
        wanted = FetchRequest(
            ids=tuple(map(parse_job_id, ids)), directory=self.directory / "got", **more
        )
        clock = Clock(sleep=self.sleep, progress=lambda _: None)
        return fetch(self.session(), wanted, clock)

    sleep: Callable[[float], None] = staticmethod(lambda _: None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give the world, before anything was submitted."""
    return World(tmp_path)


def leave(bundle: Path, proc: int, name: str, content: bytes = CONTENT) -> None:
    """Let an output come home."""
    path = bundle / f"job/{proc}/home.{proc}/outputs/{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


OUT = ("-out", "r=results/r_%{ProcId}", "-n", "3")


def test_what_came_home_is_copied_and_the_rest_told(world: World) -> None:
    """Two of three: 53, the third one idle; the second time both are equal."""
    bundle = world.submit(*OUT)
    for proc in (0, 1):
        leave(bundle, proc, "r", b"%d" % proc)
    world.schedd.jobs = [each for each in world.schedd.jobs if each.proc == 2]
    result = world.fetch("13")
    assert result.exit_code == 53
    assert [each.message for each in result.problems] == ["13.2: no r: the job is idle"]
    assert (world.directory / "got/13/1/r").read_bytes() == b"1"
    again = world.fetch("13.0-1")
    assert (again.exit_code, again.value.count(LocalState.EQUAL)) == (0, 2)
    assert value_text(again.value) == "0 file(s) fetched, 0 B; 2 were here"


@pytest.mark.parametrize(
    ("state", "why"),
    [(State.TRANSFERRING, "the job is running"), (State.HELD, "the job is on hold (disk full)")],
)
def test_what_is_coming_home_now_is_not_taken(world: World, state: State, why: str) -> None:
    """HTCondor writes it where it belongs from the first byte on; the report comes with it."""
    bundle = world.submit(*OUT)
    leave(bundle, 0, "r", b"half of a resu")
    world.schedd.jobs = [make_job("13.0", state, hold_reason="disk full")]
    result = world.fetch("13.0")
    assert [each.message for each in result.problems] == [f"13.0: no r: {why}"]
    assert not (world.directory / "got/13/0/r").exists()
    world.schedd.jobs = []
    leave(bundle, 0, "r", b"half of a result")
    assert world.fetch("13.0").exit_code == 0
    assert (world.directory / "got/13/0/r").read_bytes() == b"half of a result"


def test_only_and_listing(world: World) -> None:
    """What does not match is neither fetched nor missed; -ls changes nothing; no match is said."""
    bundle = world.submit("-out", "a.root=results/", "-out", "b.txt=results/")
    leave(bundle, 0, "a.root")
    listed = world.fetch("13", listing=True, only=("*.root",))
    assert listed.exit_code == 0
    assert not (world.directory / "got").exists()
    assert "a.root" in value_text(listed.value)
    assert world.fetch("13", only=("*.root",)).exit_code == 0
    assert [each.code for each in world.fetch("13", only=("*.rot",)).problems] == ["no-match"]


def test_what_differs_stays_without_force(world: World) -> None:
    """It is named; -force replaces it."""
    bundle = world.submit("-out", "r=results/r")
    leave(bundle, 0, "r")
    own = world.directory / "got/13/0/r"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    [problem] = world.fetch("13").problems
    assert (problem.code, own.read_text()) == ("not-done", "mine")
    assert str(own) in problem.message
    assert world.fetch("13", force=True).exit_code == 0
    assert own.read_bytes() == CONTENT


def test_what_is_in_the_way_here_is_named(world: World) -> None:
    """A directory with the name of an output: which one, and that -d fetches to another place."""
    bundle = world.submit("-out", "r=results/r")
    leave(bundle, 0, "r")
    own = world.directory / "got/13/0/r"
    own.mkdir(parents=True)
    [problem] = world.fetch("13").problems
    assert problem.code == "not-fetched"
    assert problem.message.endswith(f" -> {own}: a directory is in the way")
    assert "-d DIR" in problem.remedy


def test_what_was_pushed_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """-push names the jobs whose outputs it put in their place, and no others."""
    bundle = world.submit(*OUT)
    lists = [bundle / f"job/{proc}/home.{proc}/{PENDING}" for proc in range(3)]
    for each in lists:
        each.parent.mkdir(parents=True, exist_ok=True)
        each.touch()

    def push(*_: object, **__: object) -> list[Problem]:
        lists[0].unlink()
        lists[1].unlink()
        return []

    monkeypatch.setattr("hepsub.actions.fetch.fetch.push_returned", push)
    assert "13.0-1: what had come home is in its place now" in world.fetch("13", push=True).notes
    assert not any("come home" in each for each in world.fetch("13").notes)


def test_a_storage_without_keys_stops_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came home is here; the storage is told once, and why each output is missing."""
    session = world.session()
    bundle = world.submit("-out", "r=results/r")
    leave(bundle, 0, "r")
    request = json.loads((bundle / "private/request.json").read_text())
    request["staging"]["outputs"].append({"name": "s", "url": "herd:out/s", "optional": False})
    (bundle / "private/request.json").write_text(json.dumps(request))

    def refuse(name: str, _: object) -> Any:
        raise StorageUnreachable(f"the storage {name} does not answer")

    world.session = lambda: replace(session, keys=refuse)  # type: ignore[method-assign]
    result = world.fetch("13")
    assert result.exit_code == 53
    assert {each.code for each in result.problems} == {"storage-unreachable", "output-missing"}
    assert (world.directory / "got/13/0/r").read_bytes() == CONTENT


def test_ids_that_nobody_knows(world: World) -> None:
    """A cluster, a job behind the last one, a bundle that is gone."""
    with pytest.raises(UnknownJob):
        world.fetch("99")
    bundle = world.submit(*OUT)
    with pytest.raises(UnknownJob, match=r"the last one is 13\.2"):
        world.fetch("13.3")
    bundle.rename(bundle.with_name("away"))
    result = world.fetch("13")
    assert [each.code for each in result.problems] == ["no-bundle"]


def test_without_a_journal_bundles_and_then_schedds_know(world: World) -> None:
    """As in a fresh container."""
    bundle = world.submit("-out", "r=results/r")
    leave(bundle, 0, "r")
    for path in (world.directory / "journal").glob("*.jsonl"):
        path.unlink()
    assert world.fetch("13").exit_code == 0
    assert "find" not in world.schedd.calls
    (bundle / "private/ready").unlink()
    assert world.fetch("13").exit_code == 0
    assert "find" in world.schedd.calls


def test_a_cluster_of_two_schedds_has_to_be_named(world: World) -> None:
    """Both are spelled out."""
    world.submit(*OUT)
    [entry] = world.session().journal.entries()
    other = replace(entry.ref, uuid="other", schedd="schedd02.example.org")
    world.session().journal.append(replace(entry, ref=other))
    with pytest.raises(AmbiguousJob) as caught:
        world.fetch("13")
    assert "schedd01:13 or schedd02:13" in caught.value.remedy


def test_waiting_ends_with_the_jobs(world: World) -> None:
    """The queue is asked again until nobody is left in it."""
    bundle = world.submit("-out", "r=results/r")

    def end(_: float) -> None:
        world.schedd.jobs.clear()
        leave(bundle, 0, "r")

    world.sleep = end
    assert world.fetch("13", wait=True).exit_code == 0


# ---- what a job leaves instead ----------------------------------------------------------------


def test_links_are_named_and_not_brought(world: World, tmp_path: Path) -> None:
    """A key of the user's, or a directory of them, does not become an output."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_rsa").write_text("secret")
    bundle = world.submit(*OUT)
    world.schedd.jobs.clear()
    leave(bundle, 0, "r")
    leave(bundle, 0, "d/x")
    outputs = [bundle / f"job/{proc}/home.{proc}/outputs" for proc in range(3)]
    outputs[1].mkdir(parents=True)
    (outputs[1] / "r").symlink_to(tmp_path / ".ssh/id_rsa")
    outputs[2].parent.mkdir()
    outputs[2].symlink_to(tmp_path / ".ssh")
    result = world.fetch("13")
    assert result.exit_code == 53
    told = [each.message for each in result.problems]
    assert any("13.1: no r: it came home as what is no regular file" in each for each in told), told
    assert any("13.2: what came home cannot be looked at" in each for each in told), told
    assert any("'r' of 13.1 stay in" in each for each in result.notes), result.notes
    got = world.directory / "got/13"
    assert [str(each.relative_to(got)) for each in got.rglob("*") if each.is_file()] == ["0/r"]


def test_a_link_that_takes_the_place_of_a_file_meanwhile_is_not_followed(
    job: Job, tmp_path: Path
) -> None:
    """What was looked at and what is copied are two moments."""
    path = was_returned(job, "r")
    [output] = plan_job(job, listing_of()).outputs
    (tmp_path / "secret").write_text("secret\n")
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    goal = Destination(root=tmp_path / "got", parts=("r",), part="r.part")
    copied = copy_returned(
        LocalFile(output=output, path=goal.path, state=LocalState.ABSENT, destination=goal)
    )
    assert copied.state is LocalState.FAILED
    assert not goal.path.exists()


def test_a_report_that_cannot_be_used_is_told_and_stops_nothing(world: World) -> None:
    """What came home is brought all the same: nobody knows of which run it is."""
    bundle = world.submit(*OUT)
    world.schedd.jobs.clear()
    for proc in range(3):
        leave(bundle, proc, "r")
    (bundle / "job/1/home.1/report.json").write_text('{"code": 0, "payload": {"exit_code": 1e999}}')
    result = world.fetch("13")
    [problem] = result.problems
    assert "13.1: its report.json cannot be used" in problem.message
    assert result.exit_code == 53
    assert {each.parent.name for each in (world.directory / "got").rglob("r")} == {"0", "1", "2"}


def test_a_report_gives_an_object_no_name_of_its_own(roots: Job) -> None:
    """Only one that the pattern has, with the object's last component."""
    for name in ("../../.bashrc", "d/h_9.root", "h_1.root", "d/e/h_1.root"):
        known = replace(roots, marked=report({name: ("uploaded", MD5, A)}))
        files = plan_job(known, listing_of(A))
        assert files.outputs == ()
        assert any("13/0/h_1.root" in each for each in files.oddities)
