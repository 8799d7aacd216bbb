"""The one renderer: data on stdout, talk on stderr, one JSON document."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest

from hepsub.actions.queue.control import Control, Outcome
from hepsub.actions.queue.counted import ClusterStatus
from hepsub.actions.queue.edit import Change, Edited
from hepsub.actions.queue.history import Past
from hepsub.actions.queue.status import Status
from hepsub.actions.queue.wait import Waited
from hepsub.actions.queue.walltimes import Walltimes
from hepsub.actions.queue.why import Explanation, Explanations
from hepsub.actions.submit.documents import RouteDocument
from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.result import Submission
from hepsub.batch import Act, State
from hepsub.cli import output, text
from hepsub.cli.output import render_json, render_json_error, render_text, value_text
from hepsub.jobid import SubmissionRef
from hepsub.result import AnyResult, Problem, Result, Value
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job
from tests.fakes.world import (
    NOON,
    make_policy,
    make_script,
    make_session,
    make_situation,
    make_spec,
)

SUBMISSION = Submission(
    submitted=SubmissionRef(
        uuid="u", pool="local", schedd="schedd01.example.org", cluster=13, number=1
    ),
    plan=None,
)


def shown(result: AnyResult, *, quiet: bool = False) -> str:
    """What a script sees that reads stdout and stderr together."""
    both = io.StringIO()
    with contextlib.redirect_stdout(both), contextlib.redirect_stderr(both):
        render_text("hep_sub", result, quiet=quiet)
    return both.getvalue()


def test_success_is_one_line_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """`1 job(s) submitted to cluster 13`, no full stop."""
    render_text("hep_sub", Result(value=SUBMISSION), quiet=False)
    assert capsys.readouterr() == ("1 job(s) submitted to cluster 13\n", "")


PARSERS = [r"submitted to cluster (\d+)", r"cluster ([0-9]+)", r"(?:cluster|job)\D+(\d+)"]
NOTES = [
    "not sent with the job, because they look like secrets: S3_TOKEN, GITHUB_TOKEN",
    "the interpreter /opt/python3 does not exist on this machine",
    "-once cluster-7: submitted before, nothing was submitted now",
]


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("pattern", PARSERS)
def test_every_parser_in_use_finds_the_cluster_whatever_else_is_said(
    pattern: str, note: str
) -> None:
    """Some read stdout and stderr together: nothing that is said may match before the cluster's line."""
    found = re.search(pattern, shown(Result(value=SUBMISSION, notes=(note,))))
    assert found is not None
    assert found[1] == "13"


def test_notes_are_talk(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, behind the command's name; -quiet leaves them out."""
    result = Result(value=SUBMISSION, notes=("be careful",))
    render_text("hep_sub", result, quiet=False)
    assert capsys.readouterr().err == "hep_sub: be careful\n"
    render_text("hep_sub", result, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_problem_is_told_with_its_remedy_even_with_quiet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What happened, then what to do; without a remedy there is no second line."""
    problems = (
        Problem(code="a", message="13 is gone", remedy="look"),
        Problem(code="b", message="x"),
    )
    value = Control(act=Act.REMOVE, number=0, outcomes=())
    render_text("hep_rm", Result(value=value, problems=problems, exit_code=53), quiet=True)
    assert capsys.readouterr().err == (
        "hep_rm: error: 13 is gone\nhep_rm: look\nhep_rm: error: x\n"
    )


def test_json_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """Any terminal, any locale: one document, and nothing on stderr."""
    value = Past(pool="local", jobs=(make_job("13.0", name="ünïcode\n"),))
    render_json("hep_history", Result(value=value))
    out, err = capsys.readouterr()
    assert err == ""
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out)["result"]["jobs"][0]["name"] == "ünïcode\n"


def test_json_of_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    """The envelope around a submission."""
    render_json("hep_sub", Result(value=SUBMISSION))
    assert json.loads(capsys.readouterr().out) == {
        "schema": "hepsub/1",
        "command": "hep_sub",
        "ok": True,
        "result": {
            "cluster": 13,
            "jobs": 1,
            "pool": "local",
            "schedd": "schedd01.example.org",
            "uuid": "u",
            "new": False,
            "libraries": [],
            "notes": [],
            "procs": [],
            "runs_again": [],
        },
        "problems": [],
    }


def test_json_of_a_partial_success(capsys: pytest.CaptureFixture[str]) -> None:
    """What was done and what was not, together; ok says that it was not all."""
    value = Control(act=Act.REMOVE, number=2, outcomes=(Outcome(meant="13", number=2),))
    problems = (Problem(code="unknown-job", message="99 is not in the queue", remedy="r"),)
    render_json("hep_rm", Result(value=value, problems=problems, exit_code=51))
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["result"]["jobs"] == 2
    assert document["problems"] == [
        {"code": "unknown-job", "message": "99 is not in the queue", "remedy": "r"}
    ]


def test_json_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The same envelope, without a result."""
    render_json_error("hep_sub", Problem(code="usage", message="m", remedy="r"))
    assert json.loads(capsys.readouterr().out) == {
        "schema": "hepsub/1",
        "command": "hep_sub",
        "ok": False,
        "result": None,
        "problems": [{"code": "usage", "message": "m", "remedy": "r"}],
    }


PREVIEW_KEYS = [
    "jobs", "script", "resources", "group", "os", "image", "name", "pool", "universe", "priority", "first",
    "factory", "procs", "route", "schedd", "description", "notes",
]  # fmt: skip


def test_the_keys_of_a_dry_run_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The contract: none of these keys may go, and what each holds stays what it is."""
    make_script(tmp_path)
    session = make_session(
        tmp_path,
        as_batch_systems(FakeSchedd()),
        situation=make_situation(cwd=tmp_path, environment={"GITHUB_TOKEN": "x"}),
    )
    spec = make_spec(
        "job.sh",
        "-n",
        "2",
        "-argu",
        "%{Index}",
        "-first",
        "5",
        "-mem",
        "3000",
        "-name",
        "scan",
        "-prio",
        "1",
    )
    render_json("hep_sub", preview(session, spec))
    document = json.loads(capsys.readouterr().out)
    result = document["result"]
    assert (document["schema"], document["command"], document["ok"]) == (
        "hepsub/1",
        "hep_sub",
        True,
    )
    assert set(PREVIEW_KEYS) <= set(result)
    assert result["description"].startswith("2 of job.sh as ")
    requirements = result["route"].pop("requirements")
    assert requirements == []
    assert {key: result[key] for key in PREVIEW_KEYS if key != "description"} == {
        "jobs": 2,
        "script": "job.sh",
        "resources": {
            "cpus": 1,
            "gpus": 0,
            "memory_mb": 3000,
            "left_to_slurm": [],
            "walltime_class": "default",
            "walltime_s": 36000,
        },
        "group": "juno",
        "os": None,
        "image": None,
        "name": "scan",
        "pool": "local",
        "universe": "vanilla",
        "priority": 1,
        "first": 5,
        "factory": False,
        "procs": [
            {
                "proc": proc,
                "executable": f"{tmp_path}/job.sh",
                "arguments": [str(5 + proc)],
                "stdout": f"{tmp_path}/job.sh.out.%{{ClusterId}}.{proc}",
                "stderr": f"{tmp_path}/job.sh.err.%{{ClusterId}}.{proc}",
                "inputs": [],
                "outputs": [],
            }
            for proc in range(2)
        ],
        "route": {
            "pool": "local",
            "site": None,
            "transfer": False,
            "reasons": [
                {
                    "rule": "pool",
                    "matched": "no -p",
                    "because": "local is the first pool of the policy",
                },
                {
                    "rule": "local",
                    "matched": "no -rmt",
                    "because": "a plain job runs where this host's file system is",
                },
            ],
            "kind": None,
            "rule": None,
            "refused": {},
        },
        "schedd": "schedd01.example.org",
        "notes": [
            "not sent with the job, because they look like secrets: GITHUB_TOKEN; -env NAME sends one all the same,"
            " in a file that only the job reads"
        ],
    }  # fmt: skip


def test_a_dry_run_shows_plan_reasons_and_description(tmp_path: Path) -> None:
    """Nothing is submitted; the first three jobs are written out, the others counted."""
    make_script(tmp_path)
    session = make_session(tmp_path, as_batch_systems(FakeSchedd()))
    text = value_text(preview(session, make_spec("job.sh", "-n", "5", "-gpu", "1")).value)
    head = text.split("The submit description:")[0].splitlines()
    assert head == [
        "Nothing is submitted. The plan:",
        "  jobs        5",
        "  each        1 core(s), 1 GPU(s), 2000 MB, walltime default (10 h)",
        "  group       JUNO.juno.default",
        "  where       pool local, schedd schedd01.example.org",
        "  because     no -p: local is the first pool of the policy",
        "  because     no -rmt: a plain job runs where this host's file system is",
        f"  job 0       {tmp_path}/job.sh",
        f"              stdout {tmp_path}/job.sh.out.%{{ClusterId}}.0",
        f"              stderr {tmp_path}/job.sh.err.%{{ClusterId}}.0",
        f"  job 1       {tmp_path}/job.sh",
        f"              stdout {tmp_path}/job.sh.out.%{{ClusterId}}.1",
        f"              stderr {tmp_path}/job.sh.err.%{{ClusterId}}.1",
        f"  job 2       {tmp_path}/job.sh",
        f"              stdout {tmp_path}/job.sh.out.%{{ClusterId}}.2",
        f"              stderr {tmp_path}/job.sh.err.%{{ClusterId}}.2",
        "  and 2 more",
    ]
    assert text.endswith(f"The submit description:\n  5 of job.sh as {text.rsplit(' ', 1)[1]}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            Control(act=Act.REMOVE, number=4, outcomes=(Outcome(meant="13", number=3), Outcome(meant="14", number=1))),
            "13: 3 job(s) removed\n14: 1 job(s) removed",
        ),
        (Control(act=Act.HOLD, number=1, outcomes=(Outcome(meant="13", number=1),)), "13: 1 job(s) held"),
        (Control(act=Act.RELEASE, number=0, outcomes=(Outcome(meant="s1", number=0),)), "0 job(s) released"),
        (Control(act=Act.REMOVE, number=0, outcomes=()), ""),
        (
            Edited(
                number=2,
                changes=(
                    Change(meant="13", number=2, what="memory", old=2000, new=3000),
                    Change(meant="13", number=2, what="cores", old=1, new=4),
                    Change(meant="13", number=2, what="disk", old=None, new=20480),
                    Change(meant="13", number=2, what="priority", old=0, new=-5),
                    Change(meant="13", number=2, what="walltime", old=36000, new=5400),
                ),
            ),
            "13: memory 2000 MB -> 3000 MB (2 job(s))\n13: cores 1 -> 4 (2 job(s))\n"
            "13: disk (not known) -> 20480 MB (2 job(s))\n13: priority 0 -> -5 (2 job(s))\n"
            "13: walltime 10 h -> 1 h 30 min (2 job(s))",
        ),
        (Edited(number=0, changes=()), "0 job(s) changed"),
        (
            Walltimes(
                group="cms",
                limits={"default": 36000, "long": 2592000, "mid": 360000, "short": 1800, "test": 300},
            ),
            "Walltime Limit INFO for group 'cms':\n"
            "'default' job walltime limit is: 10.0 hours.\n"
            "'long' job walltime limit is: 720.0 hours.\n"
            "'mid' job walltime limit is: 100.0 hours.\n"
            "'short' job walltime limit is: 30.0 minutes.\n"
            "'test' job walltime limit is: 5.0 minutes.",
        ),
        (
            Waited(
                submission=SUBMISSION,
                jobs=(
                    make_job("13.0", State.COMPLETED, exit_code=0),
                    make_job("13.1", State.COMPLETED, exit_code=3),
                ),
            ),
            "1 of 2 job(s) ended with exit code 0",
        ),
        (Waited(submission=SUBMISSION, jobs=(), interrupted=True), ""),
        (
            Explanations(explanations=(
                Explanation(
                    jobs=("13.0",), state=State.IDLE, sentence="it waits", details=("a", "b"), next_command="hep_rm 13"
                ),
                Explanation(jobs=("1.0", "1.1", "1.2", "1.3", "1.4"), state=State.HELD, sentence="it is held"),
            )),
            "13.0 (I): it waits\n    a\n    b\n    next: hep_rm 13\n1.0, 1.1, 1.2 and 2 more (H): it is held",
        ),
        (Status(pool="local", clusters=()), "You have no jobs in the queue, and none that ended in the last days."),
    ],
)  # fmt: skip
def test_a_value_as_text(value: Value, text: str) -> None:
    """What each command prints on stdout."""
    assert value_text(value) == text


def history_rows(*jobs: object) -> list[str]:
    """The lines of hep_history."""
    return value_text(Past(pool="local", jobs=jobs)).splitlines()  # type: ignore[arg-type]


def test_the_history_as_text() -> None:
    """How each job ended: an exit code, a signal, or a removal with its reason."""
    rows = history_rows(
        make_job("13.0", State.COMPLETED, exit_code=3, run_seconds=7448, memory_mb=732.0, ended=NOON,
                 cpu_seconds=7300.4),
        make_job("13.1", State.COMPLETED, exit_signal=9, ended=NOON),
        make_job("13.2", State.REMOVED, remove_reason="by user alice"),
    )  # fmt: skip
    assert rows[0].split() == [
        "JOBID",
        "OWNER",
        "ENDED",
        "RUN_TIME",
        "EXIT",
        "SIZE",
        "CPU_TIME",
        "CMD",
    ]
    assert rows[1].split()[0] == "13.0"
    assert rows[1].split()[4:] == ["0+02:04:08", "3", "732.0", "0+02:01:40", "job.sh"]
    assert "sig 9" in rows[2]
    assert rows[3].split()[2:5] == ["-", "0+00:00:00", "X"]
    assert rows[4] == "    by user alice"


def test_a_job_cannot_forge_a_row_of_the_history() -> None:
    """Control characters of other people's arguments and reasons do not reach the terminal."""
    rows = history_rows(
        make_job("13.0", State.REMOVED, arguments=("a\n99.0 root", "\x1b[2J"), remove_reason="x\ny")
    )
    assert len(rows) == 3
    assert "\x1b" not in "".join(rows)


def test_the_status_as_text() -> None:
    """One line for each cluster with a bar and counts; below it the first hold reason, and what to do."""
    cluster = ClusterStatus(
        pool="local",
        schedd="schedd01.example.org",
        cluster=13,
        name="scan [bold]x",
        submitted=NOON,
        idle=90,
        running=1,
        held=2,
        reason="memory [limit]",
        id="13",
        number=100,
        done=5,
        failed=1,
        removed=1,
        waiting_since=NOON,
        next_command="hep_q -i 13 -why",
    )
    value = Status(pool="local", clusters=(cluster,), now=NOON + 7200)
    lines = value_text(value).splitlines()
    assert lines[0].split() == [
        "CLUSTER", "SCHEDD", "SUBMITTED", "NAME", "PROGRESS", "DONE", "FAILED", "RUNNING", "IDLE", "HELD", "SINCE",
    ]  # fmt: skip
    assert lines[1].split()[:2] == ["13", "schedd01"]
    assert lines[1].split()[-9:] == [
        "#x~>!...............",
        "5",
        "1",
        "1",
        "90",
        "2",
        "waits",
        "2",
        "h",
    ]
    assert "scan [bold]x" in lines[1]
    assert [line.strip() for line in lines[2:]] == [
        "on hold: memory [limit]", "1 removed", "next: hep_q -i 13 -why",
    ]  # fmt: skip


def test_a_value_without_a_text_is_a_bug_that_is_seen() -> None:
    """A new kind of value has to be taught to the renderer."""

    class New:
        """A value that nobody renders."""

        def document(self) -> dict[str, object]:
            """Nothing."""
            return {}

    with pytest.raises(TypeError, match="no text for New"):
        value_text(New())  # type: ignore[arg-type]


def test_every_module_of_texts_shows_the_values_it_is_said_to() -> None:
    """Each function takes a value of the name that finds it."""
    there = {each.name for each in pkgutil.iter_modules(text.__path__)}
    shown = {value: found.split(":") for value, found in output._TEXTS.items() if found}
    assert {module for module, _ in shown.values()} == there
    for value, (module, name) in shown.items():
        function = getattr(importlib.import_module(f"hepsub.cli.text.{module}"), name)
        assert next(iter(function.__annotations__.values())) == value


def test_a_dry_run_in_json_tells_of_sites_and_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the jobs go and how, by which rule, and why not elsewhere."""
    make_script(tmp_path)
    policy = make_policy(
        "[site.a]\nrequirements = 'G == \"a\"'\n[site.b]\nrequirements = 'true'\nmax_memory = 10\n"
        "[rule.r]\nremote = 'automatic'\nbecause = 'it is small'\n"
    )
    session = make_session(tmp_path, as_batch_systems(FakeSchedd()), policy=policy)
    render_json("hep_sub", preview(session, make_spec("job.sh")))
    route = json.loads(capsys.readouterr().out)["result"]["route"]
    refused = {"b": "it has 10 MB for a job"}
    assert {key: route[key] for key in ("site", "kind", "rule", "refused", "reasons")} == {
        "site": "a",
        "kind": "glidein",
        "rule": "r",
        "refused": refused,
        "reasons": [
            {
                "rule": "pool",
                "matched": "no -p",
                "because": "local is the first pool of the policy",
            },
            {
                "rule": "r",
                "matched": "any job",
                "because": "it may run at a, by the rule r (it is small); not at b: it has 10 MB for a job",
            },
        ],
    }
    schema = msgspec.json.schema(RouteDocument)["$defs"]["RouteDocument"]["properties"]
    assert schema["refused"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert schema["kind"] == schema["rule"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
