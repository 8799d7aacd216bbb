"""hep_q and hep_history on the pool: HepJob's table for scripts, and the reasons for people."""

import json
import os
import re

import pytest

from tests.pool.shell import IDLE, Shell, is_row, next_command, read_counts
from tests.schemas import schema
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

HEADER = "JOBID           OWNER           SUBMITTED       RUN_TIME        ST PRI SIZE  CMD"
NOTHING = "0 jobs; 0 completed, 0 removed, 0 idle, 0 running, 0 held, 0 suspended"
COLUMNS = (0, 16, 32, 48, 64, 67, 71, 77)
FILTERS: tuple[tuple[str, ...], ...] = (
    (), ("-u",), ("-u", "nobody"), ("-i", "4711"), ("-i", "4711.3", "4712"), ("-hold",), ("-run",),
    ("-stat", "C"), ("-stat", "X"), ("-stat", "S"), ("-u", "-hold"), ("-p", "local"), ("-p", "physical"),
)  # fmt: skip

SLEEP = "sleep 600"


def why(user: Shell, job: str) -> str:
    """What hep_q -why says about one job."""
    return user.ok("hep_q", "-i", job, "-why")


@pytest.mark.parametrize("words", FILTERS, ids=" ".join)
def test_an_empty_listing_is_four_lines(user: Shell, words: tuple[str, ...]) -> None:
    """Cron scripts count the lines; header and last line are HepJob's own."""
    assert user.ok("hep_q", *words).splitlines() == [HEADER, "", "", NOTHING]


def test_rows_are_where_scripts_look_for_them(user: Shell) -> None:
    """The columns begin at fixed places; `$6` is the state, `$9` the command, arguments follow."""
    user.script("job.sh", SLEEP)
    cluster = user.submit("job.sh", "-argu", "alpha", "%{ProcId}", "-n", "2", "-prio", "5", *IDLE)
    lines = user.ok("hep_q").splitlines()
    assert lines[0] == HEADER
    assert lines[-2] == ""
    assert lines[-1] == NOTHING.replace("0 jobs", "2 jobs").replace("0 idle", "2 idle")
    for proc, line in enumerate(lines[1:3]):
        starts = [match.start() for match in re.finditer(r"(?<!\S)\S", line)]
        assert [start for start in starts if start in COLUMNS] == list(COLUMNS), line
        row = line.split()
        assert row[:2] == [f"{cluster}.{proc}", "hepalice"]
        assert re.fullmatch(r"\d\d/\d\d \d\d:\d\d 0\+00:00:00", " ".join(row[2:5]))
        assert row[5:7] == ["I", "5"]
        assert row[8:] == ["job.sh", "alpha", str(proc)]


def test_every_filter_narrows_and_the_last_line_counts_what_is_shown(
    user: Shell, other: Shell
) -> None:
    """-u, -u USER, -i, -run, -hold, -stat, alone and together; the last line follows each filter."""
    for shell in (user, other):
        shell.script("job.sh", SLEEP)
    idle = user.submit("job.sh", "-n", "3", *IDLE)
    running = user.submit("job.sh", "-n", "2")
    held = user.submit("job.sh", *IDLE)
    user.ok("hep_hold", str(held))
    bobs = other.submit("job.sh", "-schedd", "schedd02", *IDLE)
    user.wait_for_state(2, running, 2)
    mine = {f"{idle}.0", f"{idle}.1", f"{idle}.2", f"{running}.0", f"{running}.1", f"{held}.0"}
    bob = user.pool.schedds[1]
    shown: dict[tuple[str, ...], set[str]] = {
        ("-u",): mine,
        ("-u", "hepalice", "-stat", "I"): {f"{idle}.{proc}" for proc in range(3)},
        ("-i", str(running)): {f"{running}.0", f"{running}.1"},
        ("-i", f"{idle}.1", f"{running}.0", f"{held}"): {f"{idle}.1", f"{running}.0", f"{held}.0"},
        ("-i", f"{idle}.1-2"): {f"{idle}.1", f"{idle}.2"},
        (f"{idle}.0",): {f"{idle}.0"},
        ("-hold",): {f"{held}.0"},
        ("-run",): {f"{running}.0", f"{running}.1"},
        ("-stat", "h"): {f"{held}.0"},
        ("-u", "-run"): {f"{running}.0", f"{running}.1"},
    }
    for words, jobs in shown.items():
        assert set(user.states(*words)) == jobs, words
        counts = user.counts(*words)
        assert counts["jobs"] == len(jobs), words
        by_state = [counts[name] for name in counts if name != "jobs"]
        assert sum(by_state) == len(jobs), words
    assert len(user.states()) + 0 in (6, 7), "bob's job may have the number of one of alice's"
    assert user.counts()["jobs"] == 7
    assert other.states("-u") == user.states("-u", "hepbob") == {f"{bobs}.0": "I"}
    documents = user.result("hep_q", "-u", "hepbob")["jobs"]
    assert [(job["schedd"], job["owner"]) for job in documents] == [(bob, "hepbob")]


def test_hold_shows_the_reasons_below_the_rows(user: Shell) -> None:
    """-hold: a line with reason and code below each row, which no script takes for a row."""
    user.script("job.sh", SLEEP)
    cluster = user.submit("job.sh", *IDLE)
    user.ok("hep_hold", str(cluster))
    lines = user.ok("hep_q", "-hold").splitlines()
    assert is_row(lines[1])
    assert lines[2].startswith("    ")
    assert "(code 1/0)" in lines[2]
    assert read_counts("\n".join(lines))["held"] == 1


def test_json_has_what_the_table_shows_and_more(user: Shell) -> None:
    """-json: ids, states, requested memory, arguments as they are, and the counts."""
    user.script("job.sh", SLEEP)
    user.account.write("items", "a b\n")
    cluster = user.submit("job.sh", "-list", "items", "-argu", "%{item}", "-name", "scan", *IDLE)
    result = user.result("hep_q", "-u")
    assert result["counts"]["idle"] == result["counts"]["jobs"] == 1
    job = result["jobs"][0]
    expected = {
        "id": f"{cluster}.0", "state": "I", "owner": "hepalice", "command": "job.sh", "arguments": ["a b"],
        "name": "scan", "requested_mb": 2000, "exit_code": None, "hold_reason": None,
    }  # fmt: skip
    assert {name: job[name] for name in expected} == expected


def test_a_pipe_that_is_closed_ends_hep_q_quietly(user: Shell) -> None:
    """`hep_q | head -1` says nothing on stderr, although the table was much longer."""
    user.policy.write_text("")
    user.script("job.sh", SLEEP)
    user.submit("job.sh", "-n", "3000", "-o", "/dev/null", "-e", "/dev/null", *IDLE)
    done = user("sh", "-c", "hep_q | head -1; hep_q -json | head -c 10 | wc -c")
    assert done.stdout == f"{HEADER}\n10\n"
    assert done.stderr == ""


def test_hep_q_works_inside_any_software_environment(user: Shell) -> None:
    """PYTHONHOME, PYTHONPATH, LD_LIBRARY_PATH and a python3 of its own first on PATH hurt nothing."""
    user.script("bin/python3", "echo the wrong python >&2; exit 9")
    variables = {
        "PYTHONHOME": "/x",
        "LD_LIBRARY_PATH": "/y",
        "PYTHONPATH": "/z",
        "PYTHONSTARTUP": "/nowhere",
        "PATH": f"{user.work}/bin:{user.account.environment()['PATH']}",
    }
    done = user("hep_q", env=variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == NOTHING


def test_why_for_idle_jobs_names_what_the_pool_lacks(user: Shell) -> None:
    """GPU, memory, cores, worker node, group of nodes: each is named, and a next command is given."""
    user.script("job.sh", SLEEP)
    lacks: dict[tuple[str, ...], str] = {
        ("-gpu", "2"): "2 GPU(s)",
        ("-mem", "64GB"): "65536 MB of memory",
        ("-np", "64"): "64 cores",
        ("-wn", "bws0765.ihep.ac.cn"): "the worker node bws0765.ihep.ac.cn",
        ("-wn", "bws0765"): "the worker node bws0765",
        ("-gwn", "ATLAS"): "the worker-node group ATLAS",
    }
    for words, lack in lacks.items():
        cluster = user.submit("job.sh", *words)
        text = why(user, str(cluster))
        sentence = f"no machine of the pool offers {lack}: as it is, it can never start"
        assert text.splitlines()[0] == f"{cluster}.0 (I): {sentence}"
        assert next_command(text).startswith(
            f"hep_{'edit' if {'-mem', '-np'} & {*words} else 'rm'} "
        )


def test_why_for_jobs_that_can_start_and_jobs_that_run(user: Shell) -> None:
    """A running job names its machine; one that waits for busy slots says so."""
    user.script("job.sh", SLEEP)
    running = user.submit("job.sh", "-np", "8")
    user.wait_for_state(2, running)
    assert re.search(rf"{running}\.0 \(R\): it runs on \S*ap\.test\.hep", why(user, str(running)))
    waiting = user.submit("job.sh", "-np", "8", "-n", "2")
    text = why(user, str(waiting))
    assert text.startswith(f"{waiting}.0, {waiting}.1 (I): it was submitted ")
    assert "1 slot(s) could run it" in text
    explained = user.result("hep_q", "-why", "-i", str(running))["explanations"]
    assert [(each["state"], each["next"]) for each in explained] == [("R", None)]


@pytest.mark.parametrize(("stdout", "log"), [("logs", "out"), ("others", "err")])
def test_why_for_a_job_whose_output_cannot_be_written(
    user: Shell, pool: Pool, stdout: str, log: str
) -> None:
    """Held 7/13: the log in the directory that became unwritable after the submission is named."""
    user.script("job.sh", "echo done")
    user.directory(stdout)
    logs = user.directory("logs")
    cluster = user.submit("job.sh", "-o", stdout, "-e", "logs", *IDLE)
    os.chown(logs, 0, 0)
    pool.run(["condor_qedit", "-name", pool.schedds[0], str(cluster), "Requirements", "true"])
    user.wait_for_state(5, cluster)
    assert user.ad(cluster)["HoldReasonCode"] == 7
    text = why(user, f"{cluster}.0")
    assert f"{logs}/job.sh.{log}.{cluster}.0 could not be opened: permission denied" in text
    os.chown(logs, user.account.uid, user.account.gid)
    user.ok("hep_release", f"{cluster}.0")
    user.ended(cluster)
    assert user.text(f"{stdout}/job.sh.out.{cluster}.0") == "done\n"


def test_why_for_a_job_that_the_user_held(user: Shell) -> None:
    """Held 1: it is said who did it and that hep_release continues; the command works."""
    user.script("job.sh", SLEEP)
    cluster = user.submit("job.sh", "-n", "2", *IDLE)
    user.ok("hep_hold", f"{cluster}.1")
    text = why(user, str(cluster))
    assert f"{cluster}.1 (H): you, or somebody for you, put it on hold with hep_hold" in text
    assert next_command(text[text.index("(H)") :]) == f"hep_release {cluster}.1"


def test_history_tells_how_jobs_ended(user: Shell, other: Shell) -> None:
    """hep_history: exit codes, signals, removals; one's own without a word, anybody's by id."""
    user.script("job.sh", "case $1 in 0) exit 0;; 1) exit 41;; *) kill -SEGV $$;; esac")
    cluster = user.submit("job.sh", "-argu", "%{ProcId}", "-n", "3")
    removed = user.submit("job.sh", *IDLE)
    user.ok("hep_rm", str(removed))
    user.all_ended({cluster: 3, removed: 1})
    lines = user.ok("hep_history").splitlines()
    ends = {line[:16].strip(): line[64:71].strip() for line in lines if is_row(line)}
    mine = {
        f"{cluster}.0": "0",
        f"{cluster}.1": "41",
        f"{cluster}.2": "sig 11",
        f"{removed}.0": "X",
    }
    assert {job: ends.get(job) for job in mine} == mine
    past = user.result("hep_history", f"{cluster}.1")["jobs"]
    assert [(job["id"], job["exit_code"], job["exit_signal"]) for job in past] == [
        (f"{cluster}.1", 41, None)
    ]
    assert other.result("hep_history", f"schedd01:{cluster}.2")["jobs"][0]["exit_signal"] == 11
    assert {job["owner"] for job in other.result("hep_history")["jobs"]} <= {"hepbob"}
    assert json.loads(other.ok("hep_history", "-json"))["ok"]


def test_all_states_are_seen(user: Shell, pool: Pool) -> None:
    """I, R, H, X and C stand in the column where scripts look, and the last line counts each."""
    user.script("job.sh", SLEEP)
    user.script("deaf.sh", "trap '' TERM; while test -e keep; do sleep 0.2; done")
    user.script("quick.sh", "true")
    idle, held, running = (user.submit("job.sh", *words) for words in (IDLE, IDLE, ()))
    keep = user.account.write("keep", "as long as this is there")
    removed = user.submit("deaf.sh")
    ended = user.submit("quick.sh", *IDLE)
    qedit = ["condor_qedit", "-name", pool.schedds[0], str(ended)]
    pool.run([*qedit, "LeaveJobInQueue", "true"])
    pool.run([*qedit, "Requirements", "true"])
    user.ok("hep_hold", str(held))
    for cluster in (running, removed):
        user.wait_for_state(2, cluster)
    user.wait_for_state(4, ended)
    user.ok("hep_rm", str(removed))
    letters = {idle: "I", running: "R", held: "H", removed: "X", ended: "C"}
    assert user.states("-u") == {f"{cluster}.0": letter for cluster, letter in letters.items()}
    assert user.counts("-u") == {
        "jobs": 5, "completed": 1, "removed": 1, "idle": 1, "running": 1, "held": 1, "suspended": 0,
    }  # fmt: skip
    for cluster, letter in letters.items():
        assert user.states("-stat", letter) == {f"{cluster}.0": letter}
    assert user.ok("hep_q", "-i", str(ended), "-why").startswith(f"{ended}.0 (C): it has ended")
    keep.unlink()
    user.ended(removed)


def test_the_schemas_are_installed_with_the_commands(user: Shell) -> None:
    assert json.loads(user.ok("hep_q", "-json", "-h")) == schema("hep_q")
    assert json.loads(user.ok("hep_sub", "status", "-json", "-h")) == schema("hep_sub status")
