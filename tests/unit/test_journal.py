"""The journal: append-only, one file for each host, of use after any crash."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub import __version__
from hepsub.errors import JournalNotWritable
from hepsub.jobid import Again, SubmissionRef
from hepsub.journal import NO_CLUSTER, Entry, Journal


def entry(
    uuid: str = "u1",
    *,
    cluster: int = 0,
    schedd: str = "schedd01.example.org",
    when: float = 100,
    once: str = "",
) -> Entry:
    """One submission of two jobs."""
    ref = SubmissionRef(uuid=uuid, pool="local", schedd=schedd, cluster=cluster, number=2)
    return Entry(ref=ref, when=when, once=once)


def test_an_empty_journal_has_no_entries(tmp_path: Path) -> None:
    """The first command of a user's life finds no directory, and that is no error."""
    assert Journal(directory=tmp_path / "none", host="a").entries() == ()


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    """Every field survives the way through the file."""
    journal = Journal(directory=tmp_path / "journal", host="a")
    wanted = entry(cluster=13, once='reco-v3 ü "quoted"')
    journal.append(wanted)
    assert journal.entries() == (wanted,)


def test_whether_it_was_written_today(tmp_path: Path) -> None:
    """By the local calendar, not by 24 hours; by this host's file alone."""
    journal = Journal(directory=tmp_path, host="login01")
    noon = time.mktime((2026, 11, 30, 12, 0, 0, 0, 0, -1))
    assert not journal.is_of_day(noon)
    journal.append(entry(cluster=13))
    for hours, same in ((0, True), (11, True), (-11, True), (13, False), (-13, False)):
        os.utime(tmp_path / "login01.jsonl", (noon, noon + hours * 3600))
        assert journal.is_of_day(noon) is same
    assert not Journal(directory=tmp_path, host="login02").is_of_day(noon)


def test_a_line_is_one_json_object(tmp_path: Path) -> None:
    """The file is of use to other programs: one object with the documented names on each line."""
    journal = Journal(directory=tmp_path, host="login01")
    journal.append(entry(cluster=13))
    lines = (tmp_path / "login01.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "v": 1,
            "hepsub": __version__,
            "uuid": "u1",
            "pool": "local",
            "schedd": "schedd01.example.org",
            "number": 2,
            "when": 100,
            "cluster": 13,
            "once": "",
            "what": "",
        }
    ]


def test_nobody_else_can_read_the_journal(tmp_path: Path) -> None:
    """Directory 0700, file 0600: what somebody submits is nobody else's business."""
    directory = tmp_path / "journal"
    Journal(directory=directory, host="a").append(entry())
    assert oct(directory.stat().st_mode & 0o777) == "0o700"
    assert oct((directory / "a.jsonl").stat().st_mode & 0o777) == "0o600"


def test_the_last_line_about_a_submission_counts(tmp_path: Path) -> None:
    """First the intent, then what became of it: one entry, with the cluster."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry(cluster=0))
    journal.append(entry(cluster=13))
    assert [each.ref.cluster for each in journal.entries()] == [13]


def test_the_oldest_submission_comes_first(tmp_path: Path) -> None:
    """The order is that of the submissions, not of files or lines."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("late", when=300))
    journal.append(entry("early", when=100))
    Journal(directory=tmp_path, host="b").append(entry("middle", when=200))
    assert [each.ref.uuid for each in journal.entries()] == ["early", "middle", "late"]


def test_two_hosts_share_one_journal(tmp_path: Path) -> None:
    """Each host writes to a file of its own, and each sees what the other wrote."""
    one, two = (Journal(directory=tmp_path, host=host) for host in ("login01", "login02"))
    one.append(entry("u1", cluster=13))
    two.append(entry("u2", cluster=14))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["login01.jsonl", "login02.jsonl"]
    assert one.entries() == two.entries()
    assert len(one.entries()) == 2


def test_another_host_can_finish_a_submission(tmp_path: Path) -> None:
    """The intent of host zeus, found in the queue by host alpha, is finished, whatever their names."""
    zeus, alpha = (Journal(directory=tmp_path, host=host) for host in ("zeus", "alpha"))
    zeus.append(entry(cluster=0))
    alpha.append(entry(cluster=13))
    assert [each.ref.cluster for each in zeus.entries()] == [13]


def test_a_line_that_a_crash_left_half_written_is_passed_over(tmp_path: Path) -> None:
    """The submissions before it are still known."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("u1", cluster=13))
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"uuid":"u2","pool":"lo')
    assert [each.ref.uuid for each in journal.entries()] == ["u1"]


def test_what_is_appended_after_a_half_written_line_is_kept(tmp_path: Path) -> None:
    """A crash costs the line it hit, never the intent of the next submission."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("u1", cluster=13))
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"uuid":"u2","pool":"lo')
    journal.append(entry("u3", cluster=15, when=200))
    assert [each.ref.uuid for each in journal.entries()] == ["u1", "u3"]


def test_lines_of_other_versions_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    """A key that this version does not know is no reason to forget a submission."""
    line = {
        "uuid": "u9",
        "pool": "local",
        "schedd": "s",
        "number": 1,
        "when": 5,
        "cluster": 7,
        "bundle": "/b",
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n[1]\n\n3\nnull\n")
    assert [each.ref.cluster for each in Journal(directory=tmp_path, host="a").entries()] == [7]


def test_what_another_version_wrote_in_its_own_form_is_said(tmp_path: Path) -> None:
    """Who wrote it, so that nobody wonders where a submission is; a line without a version says nothing."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("u1", cluster=13))
    (tmp_path / "old.jsonl").write_text('{"v":1,"uuid":"u0"}\n{}\n')
    assert journal.why_of_another() == ""
    (tmp_path / "b.jsonl").write_text('{"v":2,"hepsub":"9.0","id":"u2"}\n')
    assert f"written by hepsub 9.0, and this is {__version__}" in journal.why_of_another()
    assert [each.ref.uuid for each in journal.entries()] == ["u1"]


def test_a_file_that_is_not_utf8_does_not_stop_hepsub(tmp_path: Path) -> None:
    """A disk error inside one line costs that line only."""
    journal = Journal(directory=tmp_path, host="a")
    (tmp_path / "a.jsonl").write_bytes(b'{"uuid":"\xff\n')
    journal.append(entry("u1"))
    assert [each.ref.uuid for each in journal.entries()] == ["u1"]


GOOD = {"uuid": "u9", "pool": "local", "schedd": "s", "number": 1, "when": 5, "cluster": 7}


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(GOOD | {"when": "abc"}),
        json.dumps(GOOD | {"when": None}),
        json.dumps(GOOD | {"when": -1}),
        json.dumps(GOOD).replace("5", "1e999"),
        json.dumps(GOOD).replace("5", "NaN"),
        json.dumps(GOOD | {"cluster": 10**30}),
        json.dumps(GOOD).replace("7", "7" * 5000),
        json.dumps(GOOD | {"cluster": -2}),
        json.dumps(GOOD | {"cluster": "7"}),
        json.dumps(GOOD | {"uuid": ["u9"]}),
        json.dumps(GOOD | {"pool": {}}),
        json.dumps(GOOD | {"schedd": "s" * 2000}),
        json.dumps(GOOD | {"number": 1.5}),
        json.dumps(GOOD | {"bundle": json.loads("[" * 100 + "]" * 100)}),
        "[" * 200_000,
        json.dumps(GOOD | {"what": "x" * (2 << 20)}),
    ],
)
def test_a_line_of_another_kind_is_passed_over(tmp_path: Path, line: str) -> None:
    """Whoever wrote it: the lines before and after it are read, and no command ends because of it."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("u1", cluster=13))
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write(f"{line}\n")
    journal.append(entry("u3", cluster=15, when=200))
    assert [each.ref.uuid for each in journal.entries()] == ["u1", "u3"]


def test_what_is_no_file_of_the_users_is_passed_over(tmp_path: Path) -> None:
    """A directory, a FIFO (nobody writes to it: reading would hang), links to a journal or to nothing."""
    journal = Journal(directory=tmp_path / "journal", host="a")
    journal.append(entry("u1", cluster=13))
    (tmp_path / "foreign").write_text(json.dumps(GOOD) + "\n")
    (tmp_path / "journal/b.jsonl").mkdir()
    os.mkfifo(tmp_path / "journal/c.jsonl")
    (tmp_path / "journal/d.jsonl").symlink_to(tmp_path / "foreign")
    (tmp_path / "journal/e.jsonl").symlink_to("nothing")
    (tmp_path / "journal/f.jsonl").symlink_to("/dev/zero")
    assert [each.ref.uuid for each in journal.entries()] == ["u1"]


def make_directory(path: Path) -> None:
    """Something that is no file."""
    path.mkdir()


def make_link(path: Path) -> None:
    """A link to a file that is not the journal's."""
    path.symlink_to(path.parent.parent / "thesis.tex")


@pytest.mark.parametrize("make", [make_directory, os.mkfifo, make_link])
def test_a_journal_that_is_no_file_of_the_users_is_not_written(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """Nothing hangs, and nothing outside is written: without its intent a submission is not made."""
    (tmp_path / "thesis.tex").write_text("chapter 1")
    (tmp_path / "journal").mkdir(mode=0o700)
    make(tmp_path / "journal/a.jsonl")
    with pytest.raises(JournalNotWritable):
        Journal(directory=tmp_path / "journal", host="a").append(entry("u1"))
    assert (tmp_path / "thesis.tex").read_text() == "chapter 1"


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """What it names is not emptied."""
    journal = Journal(directory=tmp_path / "journal", host="a")
    with journal.locked("k"):
        [lock] = (tmp_path / "journal").iterdir()
    lock.unlink()
    (tmp_path / "thesis.tex").write_text("chapter 1")
    lock.symlink_to(tmp_path / "thesis.tex")
    with pytest.raises(JournalNotWritable), journal.locked("k"):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "chapter 1"


def test_of_a_huge_file_the_end_is_read(tmp_path: Path) -> None:
    """A terabyte of nothing in front of the last line costs neither memory nor time: nobody would see its end."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("u1", cluster=13))
    os.truncate(tmp_path / "a.jsonl", 1 << 40)
    journal.append(entry("u2", cluster=14))
    assert [each.ref.uuid for each in journal.entries()] == ["u2"]


LIMITED = """
import resource, signal, sys
from pathlib import Path
from hepsub.errors import JournalNotWritable
from hepsub.jobid import Again, SubmissionRef
from hepsub.journal import NO_CLUSTER, Entry, Journal
journal = Journal(directory=Path(sys.argv[1]), host="a")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    journal.append(Entry(ref=SubmissionRef(uuid="u2", pool="p", schedd="s", cluster=14), when=5))
except JournalNotWritable:
    print("said")
"""


def test_a_line_that_did_not_fit_is_an_error_and_costs_no_other(tmp_path: Path) -> None:
    """write(2) wrote a part and then nothing, as on a disk that gets full: said, and the next line is whole."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("u1", cluster=13))
    room = (tmp_path / "a.jsonl").stat().st_size + 40
    said = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), str(room)],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == "said\n"
    assert (tmp_path / "a.jsonl").stat().st_size == room
    journal.append(entry("u3", cluster=15, when=200))
    assert [each.ref.uuid for each in journal.entries()] == ["u1", "u3"]


def test_directories_on_the_way_are_private_too(tmp_path: Path) -> None:
    """Under any umask: nobody else may put a file into what lies above the journal."""
    before = os.umask(0)
    try:
        Journal(directory=tmp_path / "state/hepsub/journal", host="a").append(entry())
    finally:
        os.umask(before)
    assert oct((tmp_path / "state").stat().st_mode & 0o777) == "0o700"


def test_a_key_finds_its_submission(tmp_path: Path) -> None:
    """A key finds the submission that was made with it, and no other."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry("u1", cluster=13, once="reco"))
    journal.append(entry("u2", cluster=14, once="sim"))
    found = journal.once("reco")
    assert found is not None
    assert found.ref.cluster == 13
    assert journal.once("rec") is None


def test_a_key_whose_submission_did_not_happen_is_free(tmp_path: Path) -> None:
    """-1 says that there is certainly no cluster: the key may be used again."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry(cluster=0, once="reco"))
    journal.append(entry(cluster=-1, once="reco"))
    assert journal.once("reco") is None


def test_a_key_whose_submission_may_have_happened_is_taken(tmp_path: Path) -> None:
    """An intent without an answer may have become a cluster: it has to be looked up."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(entry(cluster=0, once="reco"))
    found = journal.once("reco")
    assert found is not None
    assert found.ref.cluster == 0


WAITER = """
import sys
from pathlib import Path
from hepsub.journal import Journal
directory, key = Path(sys.argv[1]), sys.argv[2]
print("waiting", flush=True)
with Journal(directory=directory, host="b").locked(key):
    print("entered", flush=True)
"""


def start_waiter(directory: Path, key: str) -> subprocess.Popen[str]:
    """Another process that wants the lock of a key; it has said that it waits."""
    waiter = subprocess.Popen(
        [sys.executable, "-c", WAITER, str(directory), key], stdout=subprocess.PIPE, text=True
    )
    assert waiter.stdout is not None
    assert waiter.stdout.readline() == "waiting\n"
    return waiter


def rest_of(waiter: subprocess.Popen[str]) -> str:
    """What it says until its end."""
    with waiter:
        assert waiter.stdout is not None
        return waiter.stdout.read()


def test_a_lock_keeps_other_processes_with_the_same_key_waiting(tmp_path: Path) -> None:
    """Two hep_sub with one key run one after the other."""
    with Journal(directory=tmp_path, host="a").locked("key with /slash"):
        waiter = start_waiter(tmp_path, "key with /slash")
        time.sleep(0.3)
        assert waiter.poll() is None
    assert rest_of(waiter) == "entered\n"
    assert waiter.returncode == 0


def test_a_file_system_without_locks_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one, a key, or a job, might be submitted twice."""

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", none)
    journal = Journal(directory=tmp_path, host="a")
    with (
        pytest.raises(JournalNotWritable, match="No locks available; nothing was submitted"),
        journal.locked("key"),
    ):
        pytest.fail("it went on")


def test_a_lock_leaves_other_keys_alone(tmp_path: Path) -> None:
    """A process with another key does not wait."""
    with Journal(directory=tmp_path, host="a").locked("one"):
        assert rest_of(start_waiter(tmp_path, "two")) == "entered\n"


def test_appending_adds_whole_lines_only(tmp_path: Path) -> None:
    """Eight processes that append at once leave eight entries."""
    journal = Journal(directory=tmp_path, host="a")
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            journal.append(entry(f"u{number}", cluster=number + 1, once="x" * 2000))
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
    assert {each.ref.uuid for each in journal.entries()} == {f"u{number}" for number in range(8)}


def test_what_was_run_again_is_noted(tmp_path: Path) -> None:
    """With the jobs, and through all that is noted later; a line that contradicts itself says nothing of it."""
    journal = Journal(directory=tmp_path, host="a")
    again = Again(uuid="u1", cluster=13, procs=(3, 17, 18))
    ref = SubmissionRef(uuid="u2", pool="local", schedd="schedd01", number=3)
    noted = Entry(ref=ref, when=5.0, again=again)
    journal.append(noted)
    journal.append(noted.with_cluster(14))
    assert [(each.ref.cluster, each.again) for each in journal.entries()] == [(14, again)]
    file = tmp_path / "a.jsonl"
    assert '"procs":"3,17-18"' in file.read_text()
    for other in ("3,17", "3,x,18", ""):
        file.write_text(file.read_text().replace('"procs":"3,17-18"', f'"procs":"{other}"'))
        assert [each.again for each in journal.entries()] == [None]
        file.write_text(file.read_text().replace(f'"procs":"{other}"', '"procs":"3,17-18"'))


@pytest.mark.parametrize("first", ["a", "b"])
def test_who_looked_too_early_says_nothing_against_who_made_it(tmp_path: Path, first: str) -> None:
    """Two hosts, one home: the files have no order between them."""
    maker = Journal(directory=tmp_path, host=first)
    looker = Journal(directory=tmp_path, host="b" if first == "a" else "a")
    maker.append(entry())
    looker.append(entry(cluster=NO_CLUSTER))
    maker.append(entry(cluster=14))
    assert [each.ref.cluster for each in looker.entries()] == [14]
    assert maker.writers("u1") == {"a", "b"}


@pytest.mark.parametrize("host", ["a", "b", "c"])
def test_what_was_taken_back_stays_so(tmp_path: Path, host: str) -> None:
    """Whichever host did it: another one may finish, or clear away, what the first one left."""
    Journal(directory=tmp_path, host="b").append(entry(cluster=14))
    Journal(directory=tmp_path, host=host).append(entry(cluster=14).taken_back())
    [found] = Journal(directory=tmp_path, host="a").entries()
    assert (found.ref.cluster, found.gone) == (NO_CLUSTER, True)


def test_a_line_may_name_every_second_one_of_very_many_jobs(tmp_path: Path) -> None:
    """What cannot be read would run again."""
    procs = tuple(range(0, 600_000, 2))
    ref = SubmissionRef(uuid="u2", pool="local", schedd="s", cluster=14, number=len(procs))
    wanted = Entry(ref=ref, when=1, again=Again(uuid="u1", cluster=13, procs=procs))
    journal = Journal(directory=tmp_path, host="a")
    journal.append(wanted)
    assert (tmp_path / "a.jsonl").stat().st_size > 1 << 20
    assert journal.entries() == (wanted,)


def test_a_line_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    journal = Journal(directory=tmp_path, host="a")
    with pytest.raises(JournalNotWritable, match="too long"):
        journal.append(entry(once="x" * (9 << 20)))
    assert journal.entries() == ()


def test_a_name_is_kept_for_people(tmp_path: Path) -> None:
    """Cut off and made printable: no name makes a line that is not believed."""
    journal = Journal(directory=tmp_path, host="a")
    journal.append(replace(entry(cluster=13), name="fit \x1b[2J\udcff" + 2000 * "x"))
    [found] = journal.entries()
    assert found.name.startswith("fit \\x1b[2J\\xffxxx")
    assert len(found.name) == 200
