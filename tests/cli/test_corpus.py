"""Real command lines, and some more in their spirit: each means what HepJob made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.errors import UsageError
from hepsub.job import EnvironmentRequest, JobSpec, Placement, Remote, Resources
from tests.fakes.world import make_spec

CORPUS = Path(__file__).resolve().parents[1] / "data" / "hep_sub.jsonl"
LINES = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]

FIELDS = {
    "script": "script",
    "group": "group",
    "number": "number",
    "output": "stdout",
    "error": "stderr",
    "log": "event_log",
    "name": "name",
    "OperatingSystem": "os",
    "image": "image",
    "universe": "universe",
}
RESOURCES = {
    "memory": "memory_mb",
    "walltime": "walltime",
    "cpu": "cpus",
    "numberprocess": "cpus",
    "gpu": "gpus",
}
PLACEMENT = {"wn": "worker_node", "gwn": "worker_group"}


def meant(expect: dict[str, Any]) -> JobSpec:
    """The JobSpec of a line's expectation; what it does not name keeps its default."""
    known = {*FIELDS, *RESOURCES, *PLACEMENT, "arguments", "priority"}
    assert set(expect) <= known
    return JobSpec(
        **{FIELDS[key]: value for key, value in expect.items() if key in FIELDS},
        arguments=tuple(expect.get("arguments", ())),
        priority=int(expect["priority"]) if "priority" in expect else None,
        resources=Resources(
            **{RESOURCES[key]: value for key, value in expect.items() if key in RESOURCES}
        ),
        placement=Placement(
            **{PLACEMENT[key]: value for key, value in expect.items() if key in PLACEMENT}
        ),
    )


def test_the_corpus_is_complete() -> None:
    """116 real command lines."""
    assert len(LINES) == 116


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line["argv"])[:60])
def test_a_real_command_line_means_what_it_always_meant(line: dict[str, Any]) -> None:
    """Each value is the one that HepJob saw, and nothing else is set."""
    assert make_spec(*line["argv"]) == meant(line["expect"])


JOB = JobSpec(script="job.sh")


def with_arguments(*words: str) -> JobSpec:
    """job.sh with these arguments."""
    return replace(JOB, arguments=words)


def with_resources(**values: Any) -> JobSpec:
    """job.sh with these resources."""
    return replace(JOB, resources=Resources(**values))


def with_placement(**values: Any) -> JobSpec:
    """job.sh at this place."""
    return replace(JOB, placement=Placement(**values))


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        # values that are attached
        (["-mem=4000", "job.sh"], with_resources(memory_mb=4000)),
        (["-m4000", "job.sh"], with_resources(memory_mb=4000)),
        (["-m2GB", "job.sh"], with_resources(memory_mb=2048)),
        (["-n100", "job.sh"], replace(JOB, number=100)),
        (["--group=juno", "job.sh"], replace(JOB, group="juno")),
        (["-g=juno", "job.sh"], replace(JOB, group="juno")),
        (["-name=a=b", "job.sh"], replace(JOB, name="a=b")),
        (["-name=-x", "job.sh"], replace(JOB, name="-x")),
        (["-o=a b.log", "job.sh"], replace(JOB, stdout="a b.log")),
        # the long names
        (["--group", "juno", "--number", "3", "job.sh"], replace(JOB, group="juno", number=3)),
        (["--OperatingSystem", "SL7", "job.sh"], replace(JOB, os="SL7")),
        (["--numberprocess", "4", "job.sh"], with_resources(cpus=4)),
        (["--priority", "-5", "job.sh"], replace(JOB, priority=-5)),
        (["--memory", "3000", "--walltime", "mid", "job.sh"], with_resources(memory_mb=3000, walltime="mid")),
        (["job.sh", "--argu", "a", "b"], with_arguments("a", "b")),
        # unique prefixes of long names
        (["--gro", "juno", "job.sh"], replace(JOB, group="juno")),
        (["--Operating=SL7", "job.sh"], replace(JOB, os="SL7")),
        (["--prior", "5", "job.sh"], replace(JOB, priority=5)),
        (["--numberp", "4", "job.sh"], with_resources(cpus=4)),
        # memory with units, walltime as a duration
        (["-mem", "2GB", "job.sh"], with_resources(memory_mb=2048)),
        (["-mem", "1.5 G", "job.sh"], with_resources(memory_mb=1536)),
        (["-wt", "1h", "job.sh"], with_resources(walltime="1h")),
        # arguments
        (["job.sh", "-argu", "a b c"], with_arguments("a", "b", "c")),
        (["job.sh", "-argu", "a  b", "c"], with_arguments("a", "b", "c")),
        (["job.sh", "-argu", '"a b"'], with_arguments("a", "b")),
        (["job.sh", "-argu", '"a', 'b"'], with_arguments('"a', 'b"')),
        (["job.sh", "-argu", '""a""'], with_arguments('"a"')),
        (["job.sh", "-argu", ""], with_arguments()),
        (["job.sh", "-argu", " "], with_arguments()),
        (["job.sh", "-argu", '"'], with_arguments('"')),
        (["job.sh", "-argu", "-5", "-1.5", "-.5"], with_arguments("-5", "-1.5", "-.5")),
        (["job.sh", "-argu", "-1e3", "-1e-3"], with_arguments("-1e3", "-1e-3")),
        (["job.sh", "-argu", "-m mod.x --opt"], with_arguments("-m", "mod.x", "--opt")),
        (["job.sh", "-argu", "-n 5"], with_arguments("-n", "5")),
        (["job.sh", "-argu", "x", "-c 1 2", "y"], with_arguments("x", "-c", "1", "2", "y")),
        (["job.sh", "-argu=-x"], with_arguments("-x")),
        (["job.sh", "-argu", "-"], with_arguments("-")),
        (["job.sh", "-argu", "a=b", "--", "-n", "2"][:4], with_arguments("a=b")),
        (["-argu", "1", "2", "--", "job.sh"], with_arguments("1", "2")),
        (["-argu", "1", "-n", "2", "job.sh"], replace(with_arguments("1"), number=2)),
        (["-argu", "1", "--", "job.sh", "-n", "2"], replace(with_arguments("1"), number=2)),
        (["--", "job.sh"], JOB),
        (["job.sh", "-argu", "$HOME", "$$(X)", "%{PROCID}"], with_arguments("$HOME", "$$(X)", "%{PROCID}")),
        # the last of several counts
        (["-n", "1", "-n", "2", "job.sh"], replace(JOB, number=2)),
        (["-mem", "1000", "-m", "2000", "job.sh"], with_resources(memory_mb=2000)),
        (["-np", "2", "-cpu", "8", "job.sh"], with_resources(cpus=8)),
        (["job.sh", "-argu", "a", "-n", "2", "-argu", "b", "c"], replace(with_arguments("b", "c"), number=2)),
        # scripts with odd names
        (["run 1.sh"], JobSpec(script="run 1.sh")),
        (["./status"], JobSpec(script="./status")),
        (["-5"], JobSpec(script="-5")),
        (["-odd name"], JobSpec(script="-odd name")),
        (["--", "-n"], JobSpec(script="-n")),
        # what hepsub adds
        (["job.sh", "-list", "runs.txt", "-first", "100"], replace(JOB, list_file="runs.txt", first=100)),
        (
            ["job.sh", "-env", "A=1", "-env", "B", "-noenv"],
            replace(JOB, environment=EnvironmentRequest(inherit=False, named=(("A", "1"), ("B", None)))),
        ),
        (["job.sh", "-env", "A="], replace(JOB, environment=EnvironmentRequest(named=(("A", ""),)))),
        (["job.sh", "-env", "A=b=c"], replace(JOB, environment=EnvironmentRequest(named=(("A", "b=c"),)))),
        (["job.sh", "-rmt"], with_placement(remote=Remote.WANTED)),
        (["-rmt", "job.sh"], with_placement(remote=Remote.WANTED)),
        (["--remote", "job.sh"], with_placement(remote=Remote.WANTED)),
        (["job.sh", "-normt"], with_placement(remote=Remote.NEVER)),
        (["-site", "far", "job.sh"], with_placement(site="far")),
        (["-p", "virtual", "-schedd", "schedd07", "job.sh"], with_placement(pool="virtual", schedd="schedd07")),
        (["-once", "reco-v3", "-dir", "log", "job.sh"], replace(JOB, once="reco-v3", directory="log")),
        (["-wait", "-json", "-quiet", "-dry-run", "job.sh"], JOB),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_command_line_in_argparses_spirit(words: list[str], spec: JobSpec) -> None:
    """Attached values, prefixes, negative numbers, words with blanks, `--`, repetition."""
    assert make_spec(*words) == spec


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["--grup", "juno", "job.sh"], "unknown option '--grup'", "did you mean '--group'?"),
        (["--memry=3", "job.sh"], "unknown option '--memry'", "did you mean '--memory'?"),
        (["--num", "3", "job.sh"], "unknown option '--num'", "did you mean"),
        (
            ["job.sh", "-argu", "a", "--use-ssl"],
            "unknown option '--use-ssl'",
            'an argument of the job that begins with a dash goes into one quoted word: -argu "--use-ssl …"',
        ),
        (
            ["job.sh", "\N{EM DASH}group=juno"],
            "'\N{EM DASH}group=juno' begins with a long dash (U+2014), not with a hyphen",
            "did you mean '--group'?",
        ),
        (
            ["job.sh", "-argu", "\N{EN DASH}5"],
            "'\N{EN DASH}5' begins with a long dash (U+2013), not with a hyphen",
            "did you mean '-5'?",
        ),
        (
            ["job.sh", "--", "x"],
            "unrecognized arguments: x (the script is job.sh)",
            "arguments of the job go behind -argu: job.sh -argu x …",
        ),
        (["-n", "1.5", "job.sh"], "argument -n/--number: '1.5' is not a valid integer.", ""),
        (["-np", "0", "job.sh"], "argument -np/--numberprocess/-cpu/--cpu: 0 is less than 1", ""),
        (["-mem", "0", "job.sh"], "argument -mem/-m/--memory: '0' is less than 1 MB", ""),
        (["-gpu", "-1", "job.sh"], "argument -gpu/--gpu: ", ""),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else "",
)  # fmt: skip
def test_a_command_line_that_cannot_be_read_is_refused(
    words: list[str], message: str, remedy: str
) -> None:
    """The error says what is wrong in argparse's words, and what to type instead."""
    with pytest.raises(UsageError) as caught:
        make_spec(*words)
    assert message in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("option", ["-o", "-e", "-image", "-once", "-dir", "-l", "-list", "-site"])
def test_an_empty_value_is_refused(option: str) -> None:
    """`-o "$LOG"` with LOG unset is a slip: an empty path would be the directory itself, an empty key no key."""
    with pytest.raises(UsageError):
        make_spec("job.sh", option, "")


def test_an_en_dash_inside_a_value_is_a_value() -> None:
    """Only an option's beginning is judged."""
    assert make_spec("job.sh", "-name", "a \N{EN DASH} b").name == "a \N{EN DASH} b"
