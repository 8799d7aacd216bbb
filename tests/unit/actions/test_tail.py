"""hep_tail: which job and which file are meant, what is said where there is nothing, no byte lost or shown twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.tail.files import LogFile, last_lines
from hepsub.actions.tail.follow import follow
from hepsub.actions.tail.tail import Tail, TailDocument, TailOrder, tail
from hepsub.auth.renewal import DIRECTORY
from hepsub.batch import State
from hepsub.batch_logs import LogPlaces, Piece, Stream
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import new_bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.leaving import Move, note_move
from hepsub.errors import HepsubError, NotDone, PoolUnreachable, ToolFailed, UsageError
from hepsub.jobid import Again, SubmissionRef, parse_job_id
from hepsub.journal import Entry
from hepsub.plan.model import BUNDLE
from hepsub.result import Result
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job
from tests.fakes.world import NOON, make_policy, make_script, make_session
from tests.unit.actions.test_wait import Step, Time
from tests.unit.bundle.test_request import make_request

AWAY = PoolUnreachable("the schedd does not answer", remedy="try again")
REFUSED = ToolFailed("condor_tail cannot look into the job: no", remedy="try again")


class Bench:
    """Job 13.0 of a cluster, what its schedd says of it, and what was shown."""

    def __init__(self, directory: Path, number: int = 1) -> None:
        self.schedd = FakeSchedd()
        self.directory = directory
        self.shown = b""
        policy = make_policy(f'[staging]\nbundle_dir = "{directory}/bundles"\n')
        connect = as_batch_systems(self.schedd)
        self.session: Session = make_session(directory, connect, policy=policy)
        ref = SubmissionRef(
            uuid="u", pool="local", schedd=self.schedd.name, cluster=13, number=number
        )
        self.session.journal.append(Entry(ref=ref, when=NOON))

    @property
    def log(self) -> Path:
        return self.directory / "out"

    def places(self, state: State, **values: object) -> LogPlaces:
        """What the schedd says of 13.0: a job whose logs come home at its end."""
        given = {"run": 1.0, "stdout": str(self.log), "stderr": str(self.directory / "err")}
        job = {"exit_code": 0} if state is State.COMPLETED else {}
        status = make_job("13.0", state, **{**job, **values.pop("job", {})})  # type: ignore[dict-item]
        return LogPlaces(status=status, **{**given, **values})  # type: ignore[arg-type]

    def show(self, data: bytes) -> None:
        assert data
        self.shown += data

    def tail(self, job: str = "13.0", *, lines: int = 2, stderr: bool = False) -> Result[Tail]:
        stream = Stream.STDERR if stderr else Stream.STDOUT
        order = TailOrder(job=parse_job_id(job), stream=stream, lines=lines, pool=None)
        shown: list[bytes] = []
        result = tail(self.session, order, shown.append)
        self.shown = b"".join(shown)
        return result

    def follow(self, steps: Sequence[Step] = (), *, lines: int = 2) -> tuple[Result[Tail], Time]:
        time = Time(list(steps))
        order = TailOrder(job=parse_job_id("13.0"), stream=Stream.STDOUT, lines=lines, pool=None)
        return follow(self.session, order, self.show, time.clock()), time

    def writes(self, text: str, how: str = "a") -> Callable[[], None]:
        """What the job does during a sleep."""

        def write() -> None:
            with self.log.open(how) as file:
                file.write(text)

        return write


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a job that nobody knows anything of yet."""
    return Bench(tmp_path)


def document(result: Result[Tail]) -> TailDocument:
    return result.value.document()


def at(offset: int, text: str) -> Piece:
    return Piece(offset=offset, data=text.encode())


@pytest.mark.parametrize(
    ("text", "lines", "offset", "end"),
    [
        ("", 3, 0, ""),
        ("a\nb\nc\n", 2, 2, "b\nc\n"),
        ("a\nb\nc", 2, 2, "b\nc"),
        ("a\nb\n", 9, 0, "a\nb\n"),
        ("a\nb\n", 0, 4, ""),
        ("\n\n\n", 1, 2, "\n"),
        ("a", 1, 0, "a"),
    ],
)
def test_the_last_lines(text: str, lines: int, offset: int, end: str) -> None:
    """As tail counts them; what is cut off moves the place."""
    assert last_lines(at(100, text), lines) == at(100 + offset, end)


def test_the_end_of_a_file_is_read_block_by_block(tmp_path: Path) -> None:
    """From behind, however long the lines are."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 200_000 + b"\n" + b"y" * 100_000 + b"\nlast")
    file = LogFile(path=path)
    assert file.end(1, 2**20) == at(300_002, "last")
    assert file.end(2, 2**20) == Piece(offset=200_001, data=b"y" * 100_000 + b"\nlast")
    assert file.end(2, 70_000).offset >= 300_006 - 2 * 2**16
    assert (file.size(), file.before(3), file.after(300_002)) == (300_006, b"xxx", b"last")


def test_what_is_no_file_is_none(tmp_path: Path) -> None:
    """A FIFO would wait for ever, a device never end."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, tmp_path / "absent", Path("/dev/zero")):
        assert LogFile(path=path).size() is None
    with pytest.raises(NotDone, match="cannot be read"):
        LogFile(path=tmp_path / "fifo").end(1, 10)


# ---- the end, as it is now ----------------------------------------------------------------------


def test_the_log_of_a_job_that_ended_is_at_home(bench: Bench) -> None:
    bench.log.write_text("1\n2\n3\n")
    bench.schedd.logs = [bench.places(State.COMPLETED, queued=False)]
    result = bench.tail()
    assert (bench.shown, result.exit_code, result.notes) == (b"2\n3\n", 0, ())
    found = document(result)
    assert (found.id, found.state, found.text, found.base64) == (
        "13.0",
        State.COMPLETED,
        "2\n3\n",
        None,
    )
    assert (found.running, found.path, found.offset) == (False, str(bench.log), 2)


def test_what_is_no_text_is_told_in_base64(bench: Bench) -> None:
    bench.log.write_bytes(b"\xff\x00")
    bench.schedd.logs = [bench.places(State.COMPLETED)]
    found = document(bench.tail())
    assert (found.text, found.base64, bench.shown) == (None, "/wA=", b"\xff\x00")


def test_a_running_job_is_looked_into(bench: Bench) -> None:
    """What lies at home then is of an earlier run."""
    bench.log.write_text("old\n")
    bench.schedd.logs = [bench.places(State.RUNNING)]
    bench.schedd.watched = [[None, at(7, "7\n8\n9\n")]]
    found = document(bench.tail())
    assert (found.text, found.offset, found.running) == ("8\n9\n", 9, True)
    assert bench.schedd.calls[-1] == "watch 13.0 stdout 65536"


def test_one_log_for_both_is_called_stdout_where_it_runs(bench: Bench) -> None:
    bench.schedd.logs = [bench.places(State.RUNNING, stderr=str(bench.log))]
    bench.schedd.watched = [[at(0, "x")]]
    bench.tail(stderr=True)
    assert bench.schedd.calls[-1] == "watch 13.0 stdout 65536"


def test_long_lines_take_a_longer_look(bench: Bench) -> None:
    bench.schedd.logs = [bench.places(State.RUNNING)]
    bench.schedd.watched = [[at(9, "end of a long line\n")], [at(0, "a\na long line\n")]]
    assert document(bench.tail()).text == "a\na long line\n"
    assert [each for each in bench.schedd.calls if "watch" in each] == [
        "watch 13.0 stdout 65536",
        "watch 13.0 stdout 1048576",
    ]


@pytest.mark.parametrize("pieces", [[REFUSED], [None] * 50])
def test_a_worker_node_that_tells_nothing(
    bench: Bench, pieces: list[Piece | HepsubError | None]
) -> None:
    bench.schedd.logs = [bench.places(State.RUNNING, job={"host": "wn1"})]
    bench.schedd.watched = [pieces]
    with pytest.raises(NotDone, match=r"13\.0 runs at wn1, and its stdout cannot be seen"):
        bench.tail()


def test_where_the_log_is_written_at_home_nobody_looks_elsewhere(bench: Bench) -> None:
    bench.log.write_text("now\n")
    bench.schedd.logs = [bench.places(State.RUNNING, while_running=True)]
    assert document(bench.tail()).text == "now\n"


@pytest.mark.parametrize(
    ("state", "values", "said"),
    [
        (State.IDLE, {"run": 0.0}, "13.0 is idle: it has not written any stdout yet"),
        (State.IDLE, {}, "13.0 is idle again, and of the stdout of its last run nothing came home"),
        (State.HELD, {"job": {"hold_reason": "why"}}, "13.0 is on hold (why), and of its stdout nothing came home"),
        (State.HELD, {"job": {"hold_reason": "why"}, "while_running": True},
         "13.0 is on hold (why), and {log} is not there"),
        (State.RUNNING, {"element": True}, "13.0 is with a computing element, behind which nobody can look"),
        (State.RUNNING, {"while_running": True}, "13.0 runs, and {log} is not there"),
        (State.COMPLETED, {}, "13.0 has ended, and {log} is not there"),
        (State.RUNNING, {"while_running": True, "on_node": True},
         "13.0 runs, and its stdout is on its node, of which this host sees nothing: in {log}, if"),
        (State.REMOVED, {"stdout": ""}, "13.0 has ended, and it is not known where its log is"),
        (State.COMPLETED, {"stdout": "/dev/null"}, "the stdout of 13.0 goes to /dev/null"),
        (State.RUNNING, {"stdout": "/dev/null", "while_running": True}, "the stdout of 13.0 goes to /dev/null"),
    ],
)  # fmt: skip
def test_where_there_is_nothing_it_is_said_why(
    bench: Bench, state: State, values: dict[str, object], said: str
) -> None:
    bench.schedd.logs = [bench.places(state, **values)]
    with pytest.raises(NotDone) as caught:
        bench.tail()
    assert caught.value.message.startswith(said.format(log=bench.log))
    assert caught.value.remedy


def test_an_empty_log_that_was_made_beforehand_is_none(bench: Bench) -> None:
    bench.log.touch()
    bench.schedd.logs = [bench.places(State.IDLE, run=0.0)]
    with pytest.raises(NotDone, match="is idle"):
        bench.tail()
    bench.schedd.logs = [bench.places(State.RUNNING, element=True)]
    with pytest.raises(NotDone, match="behind which nobody can look"):
        bench.tail()
    bench.schedd.logs = [bench.places(State.COMPLETED)]
    assert bench.tail().notes == ("13.0 wrote nothing to stdout",)


def test_a_schedd_that_is_away_hides_nothing_that_is_at_home(bench: Bench) -> None:
    """The journal does not know the place; a bundle does."""
    bench.schedd.logs = [AWAY]
    with pytest.raises(PoolUnreachable):
        bench.tail()


def test_a_cluster_means_its_only_job_or_the_only_one_that_runs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, number=600)
    bench.schedd.jobs = [make_job("13.7", State.RUNNING), make_job("13.8"), make_job("13.9")]
    bench.schedd.logs = [bench.places(State.COMPLETED)]
    bench.log.write_text("x\n")
    assert document(bench.tail("13")).id == "13.7"
    bench.schedd.jobs += [make_job("13.11", State.RUNNING)]
    with pytest.raises(UsageError, match="13 means 600 jobs, of which 2 run") as caught:
        bench.tail("13")
    assert caught.value.remedy == "say which one: 13.7, 13.11"
    bench.schedd.jobs = []
    with pytest.raises(UsageError) as caught:
        bench.tail("13")
    assert caught.value.remedy == "say which one: 13.0, 13.1, 13.2, 13.3, 13.4 and 595 more"


# ---- following ----------------------------------------------------------------------------------


def test_what_comes_where_it_runs_and_then_at_home(bench: Bench) -> None:
    """A look may bring again what was shown, or nothing; the end comes from the file."""
    bench.schedd.logs = [bench.places(State.RUNNING), bench.places(State.COMPLETED)]
    bench.schedd.watched = [[at(2, "b\nc\nd\n"), None, at(8, "e\n"), at(8, "e\n"), at(10, "")]]
    bench.log.write_text("a\nb\nc\nd\ne\nf\n")
    result, time = bench.follow()
    assert bench.shown == b"c\nd\ne\nf\n"
    assert (result.exit_code, result.notes) == (0, ("13.0 ended with exit code 0",))
    assert time.told == []


def test_a_look_that_ends_is_taken_up_where_it_was(bench: Bench) -> None:
    """Where more was written meanwhile than one look brings, a longer one is taken."""
    runs = bench.places(State.RUNNING)
    bench.schedd.logs = [runs, runs, bench.places(State.COMPLETED)]
    bench.schedd.watched = [
        [at(0, "a\nb\n")],
        [at(8, "e\n")],
        [at(2, "b\nc\nd\ne\n")],
    ]
    bench.log.write_text("a\nb\nc\nd\ne\nf\n")
    bench.follow()
    assert bench.shown == b"a\nb\nc\nd\ne\nf\n"
    looks = [int(each.split()[3]) for each in bench.schedd.calls if "watch" in each]
    assert looks == [2**20, 2**20, 2**24]


def test_what_no_look_brings_is_told(bench: Bench) -> None:
    """A job that writes faster than one can look: what is left out is said, and no look grows without end."""
    runs = bench.places(State.RUNNING)
    bench.schedd.logs = [runs, runs, bench.places(State.COMPLETED)]
    bench.schedd.watched = [[at(0, "a\nb\n")], [at(10, "z\n")], [at(10, "z\n")], [at(10, "z\n")]]
    bench.log.write_text("a\nb\n" + 6 * "-" + "z\n")
    _, time = bench.follow()
    assert bench.shown == b"a\nb\nz\n"
    assert time.told == [
        "13.0 has written faster than it can be shown: 6 bytes of its stdout are left out here"
    ]
    looks = [int(each.split()[3]) for each in bench.schedd.calls if "watch" in each]
    assert looks == [2**20, 2**20, 2**24, 2**26]


def test_each_run_begins_anew(bench: Bench) -> None:
    """On hold, released, and elsewhere: all of the next run is shown."""
    again = bench.places(State.RUNNING, run=2.0, job={"host": "wn2"})
    bench.schedd.logs = [
        bench.places(State.RUNNING),
        bench.places(State.HELD, job={"hold_reason": "too large"}),
        bench.places(State.IDLE),
        again,
        bench.places(State.COMPLETED, run=2.0),
    ]
    bench.schedd.watched = [[at(0, "a\nb\n")], [at(0, "A\n")]]
    bench.log.write_text("A\nB\n")
    _, time = bench.follow()
    assert bench.shown == b"a\nb\nA\nB\n"
    assert time.told == [
        "13.0 is on hold (too large); waiting until it is released",
        "13.0 is idle; waiting until it starts",
        "13.0 runs at wn2 again: its log begins anew",
    ]


@pytest.mark.parametrize("waits", [False, True])
def test_a_job_that_goes_into_another_pool_is_followed_there(bench: Bench, *, waits: bool) -> None:
    """hep_auth renew removes it where it is, and submits it anew: it has not ended."""
    journal = bench.session.journal
    again = Again(uuid="u", cluster=13, procs=(0,))
    ref = replace(journal.entries()[0].ref, uuid="u2", cluster=14)
    anew = {"run": 7.0, "job": {"cluster": 14, "exit_code": 0}}
    held = bench.places(State.HELD, job={"hold_reason": "no"})
    bench.schedd.logs = [
        bench.places(State.RUNNING),
        *(() if waits else (held,)),
        bench.places(State.REMOVED),
        bench.places(State.RUNNING, **anew),
        bench.places(State.COMPLETED, **anew),
    ]
    bench.schedd.watched = [[at(0, "a\nb\n")], [at(0, "A\n")]]
    bench.log.write_text("A\nB\n")
    if waits:
        (bench.session.bundles / DIRECTORY).mkdir(parents=True)
        note_move(bench.session.bundles, {}, "u", Move(site="far", procs=(0,), since=NOON))
    steps: list[Step] = [lambda: journal.append(Entry(ref=ref, when=NOON, again=again))]
    result, time = bench.follow(steps)
    assert bench.shown == b"a\nb\nA\nB\n"
    anew_said = "13.0 runs again as 14.0: its log begins anew"
    assert time.told == (
        ["13.0 is being submitted anew; waiting until it is", anew_said]
        if waits
        else ["13.0 is on hold (no); waiting until it is released", anew_said, "14.0 runs"]
    )
    assert (result.exit_code, result.notes) == (
        0,
        ("13.0 was run again: this is of 14.0", "14.0 ended with exit code 0"),
    )


def test_a_job_that_was_removed_for_good_has_ended(bench: Bench) -> None:
    bench.schedd.logs = [bench.places(State.RUNNING), bench.places(State.REMOVED)]
    bench.schedd.watched = [[at(0, "a\nb\n")]]
    result, _ = bench.follow()
    assert (result.exit_code, bench.shown) == (60, b"a\nb\n")
    assert result.problems[0].message == "13.0 was removed"


def test_a_run_that_nobody_saw_is_shown_whole(bench: Bench) -> None:
    bench.schedd.logs = [bench.places(State.RUNNING), bench.places(State.COMPLETED, run=3.0)]
    bench.schedd.watched = [[at(0, "a\nb\n")]]
    bench.log.write_text("x\ny\nz\n")
    _, time = bench.follow(lines=1)
    assert bench.shown == b"b\nx\ny\nz\n"
    assert time.told == ["13.0 ran again meanwhile, and its log is that of its last run"]


def test_a_job_that_cannot_be_looked_into_is_shown_at_its_end(bench: Bench) -> None:
    """One that has just ended cannot: the first failures are no news."""
    runs = bench.places(State.RUNNING)
    bench.schedd.logs = [runs, runs, runs, runs, bench.places(State.COMPLETED)]
    bench.schedd.watched = [[REFUSED]] * 4
    bench.log.write_text("1\n2\n3\n")
    _, time = bench.follow()
    assert bench.shown == b"2\n3\n"
    [told] = time.told
    assert told.startswith("13.0 runs, and its stdout cannot be seen (condor_tail cannot")


def test_a_file_at_home_is_followed(bench: Bench) -> None:
    """As it grows, and when a new run begins it anew, also if it is longer than before by then."""
    bench.log.write_text("a\nb\nc\n")
    runs = bench.places(State.RUNNING, while_running=True)
    bench.schedd.logs = [runs, runs, bench.places(State.COMPLETED, while_running=True)]
    steps = [bench.writes("d\n"), bench.writes("half"), bench.writes(" a line\nXYZ\n")]
    steps += [bench.writes("a new log, longer than the old one\n", "w"), bench.writes("x\n", "w")]
    _, time = bench.follow(steps)
    assert bench.shown == b"b\nc\nd\nhalf a line\nXYZ\na new log, longer than the old one\nx\n"
    assert time.told == [f"{bench.log} was begun anew"] * 2


def test_a_log_that_is_moved_away_does_not_end_the_following(bench: Bench) -> None:
    """Somebody renames it while the job runs; what is written under its name afterwards is shown."""
    runs = bench.places(State.RUNNING, while_running=True)
    bench.schedd.logs = [runs, bench.places(State.COMPLETED, while_running=True)]
    bench.log.write_text("a\n")
    steps = [lambda: bench.log.rename(bench.directory / "old"), lambda: None, bench.writes("b\n")]
    result, time = bench.follow(steps)  # type: ignore[arg-type]
    assert (result.exit_code, bench.shown) == (0, b"a\nb\n")
    assert time.told == [f"{bench.log} was begun anew"]


def test_an_idle_job_and_a_schedd_that_is_away_are_waited_for(bench: Bench) -> None:
    idle = bench.places(State.IDLE, run=0.0)
    bench.schedd.logs = [idle, AWAY, AWAY, idle, None, bench.places(State.COMPLETED)]
    bench.log.write_text("done\n")
    _, time = bench.follow()
    assert bench.shown == b"done\n"
    assert time.told == [
        "13.0 is idle; waiting until it starts",
        "the schedd does not answer; asking again",
        "13.0 is idle; waiting until it starts",
    ]


def test_a_job_that_nobody_knows_is_not_waited_for(bench: Bench) -> None:
    bench.schedd.logs = [None]
    with pytest.raises(NotDone, match=r"does not know 13\.0"):
        bench.follow()


@pytest.mark.parametrize(
    ("state", "job", "said"),
    [
        (State.COMPLETED, {"exit_code": 3}, "13.0 ended with exit code 3"),
        (State.COMPLETED, {"exit_code": None, "exit_signal": 9}, "13.0 was ended by signal 9"),
        (State.REMOVED, {}, "13.0 was removed"),
    ],
)
def test_the_exit_code_tells_how_the_job_ended(
    bench: Bench, state: State, job: dict[str, object], said: str
) -> None:
    bench.log.write_text("x\n")
    bench.schedd.logs = [bench.places(state, job=job)]
    result, _ = bench.follow()
    assert (result.exit_code, result.problems[0].message) == (60, said)


def test_what_did_not_come_home_is_said(bench: Bench) -> None:
    bench.schedd.logs = [bench.places(State.RUNNING), bench.places(State.REMOVED)]
    bench.schedd.watched = [[at(0, "a\n")]]
    _, time = bench.follow()
    assert bench.shown == b"a\n"
    assert time.told == [
        f"13.0 has ended, and {bench.log} is not there: what it wrote last is not shown"
    ]


def test_ctrl_c_ends_the_following_not_the_job(bench: Bench) -> None:
    def pressed() -> None:
        raise KeyboardInterrupt

    bench.schedd.logs = [bench.places(State.IDLE)]
    result, _ = bench.follow([pressed])
    assert (result.exit_code, result.notes, result.problems) == (130, ("13.0 goes on",), ())


def test_a_log_in_a_corner_is_read_there_and_no_link_is_followed(bench: Bench) -> None:
    """A job away from home may write in its corner: a link there shows no other file of the user."""
    shown = str(bench.directory / "out.%{ClusterId}.%{ProcId}")
    request = make_request(
        "-out", "r=/results/x", delivery=BUNDLE, uuid="u", stdout=shown, stderr=shown,
        executable=str(make_script(bench.directory)),
    )  # fmt: skip
    with new_bundle(bench.session.bundles, "u") as directory:
        bundle = Bundle(directory=directory, request=request)
        fill_bundle(bundle)
    corner = bundle.directory / "job/0/stdout"
    corner.parent.mkdir(parents=True, exist_ok=True)
    corner.write_text("from the corner\n")
    bench.schedd.logs = [bench.places(State.COMPLETED)]
    found = document(bench.tail(stderr=True))
    assert (found.text, found.path) == ("from the corner\n", f"{bench.directory}/out.13.0")
    secret = bench.directory / "secret"
    secret.write_text("secret\n")
    corner.unlink()
    corner.symlink_to(secret)
    with pytest.raises(NotDone, match="is not there"):
        bench.tail()
    (bench.directory / "out.13.0").write_text("placed\n")
    assert document(bench.tail()).text == "placed\n"
    bench.schedd.logs = [AWAY]
    result = bench.tail()
    assert document(result).text == "placed\n"
    assert result.notes == ("the schedd does not answer; this is what is at home",)
