"""hep_sub: submit jobs."""

from __future__ import annotations

import time

from hepsub.actions.session import Session
from hepsub.actions.submit import Submission, preview, submit
from hepsub.actions.wait import Clock, wait
from hepsub.cli.options import COMMON, Command, Kind, Option, Takes, Values, Words
from hepsub.cli.talk import Talk
from hepsub.errors import UsageError
from hepsub.job import EnvironmentRequest, FileRequest, JobSpec, Placement, Remote, Resources
from hepsub.result import Result

_OPTIONS = (
    Option(
        names=("-argu", "--argu", "--arguments"),
        field="argu",
        metavar="WORD",
        takes=Takes.MANY,
        help="Arguments of the job, up to the next option or --; blanks separate them. %{ProcId},"
        " %{ClusterId}, %{Index} and %{item} stand for the job's own.",
    ),
    Option(
        names=("-g", "--group"),
        field="group",
        metavar="GROUP",
        kind=Kind.GROUP,
        help="Accounting group, one of your own; default: your primary group.",
    ),
    Option(
        names=("-n", "--number"),
        field="number",
        metavar="N",
        kind=Kind.INTEGER,
        help="Number of jobs in the cluster; ProcId runs from 0 to N-1.",
    ),
    Option(
        names=("-o", "--output"),
        field="output",
        metavar="PATH",
        kind=Kind.FILE,
        help="Standard output: a file, a directory, /dev/null, or a pattern with %{ProcId}, %{ClusterId};"
        " default: SCRIPT.out.CLUSTER.PROC.",
    ),
    Option(
        names=("-e", "--error"),
        field="error",
        metavar="PATH",
        kind=Kind.FILE,
        help="Standard error, likewise; default: SCRIPT.err.CLUSTER.PROC.",
    ),
    Option(
        names=("-mem", "-m", "--memory"),
        field="memory",
        metavar="MB",
        kind=Kind.MEMORY,
        help="Memory of each job; a bare number is MB, 2GB is fine too.",
    ),
    Option(
        names=("-wt", "--walltime"),
        field="walltime",
        metavar="CLASS",
        kind=Kind.WALLTIME,
        help="Walltime class (test, short, default, mid, long), or a duration such as 90min or 3d: the"
        " smallest class that holds it, limited to it.",
    ),
    Option(
        names=("-os", "--OperatingSystem"),
        field="os",
        metavar="OS",
        kind=Kind.SYSTEM,
        help="Operating system (SL6, SL7, CentOS7, AlmaLinux9): the job runs in its container.",
    ),
    Option(
        names=("-np", "--numberprocess", "-cpu", "--cpu"),
        field="cpus",
        metavar="CORES",
        kind=Kind.POSITIVE,
        help="Cores of each job.",
    ),
    Option(
        names=("-gpu", "--gpu"),
        field="gpus",
        metavar="GPUS",
        kind=Kind.COUNT,
        help="GPUs of each job.",
    ),
    Option(
        names=("-prio", "--priority"),
        field="priority",
        metavar="N",
        kind=Kind.INTEGER,
        help="Priority among your own jobs; the higher, the earlier.",
    ),
    Option(names=("-name", "--name"), field="name", metavar="NAME", help="Name of the job."),
    Option(
        names=("-list", "--list"),
        field="list",
        metavar="FILE",
        kind=Kind.FILE,
        help="One job for each line of the file; %{item} is the line. Empty lines and # lines do not count.",
    ),
    Option(
        names=("-per", "--per"),
        field="per",
        metavar="K",
        kind=Kind.POSITIVE,
        help="K lines of the list for each job: %{items}; they also lie in the job's items.txt.",
    ),
    Option(
        names=("-in", "--in"),
        field="inputs",
        metavar="URL[=NAME]",
        repeated=True,
        help="Input of each job: s3://bucket/key, storage:bucket/key, a path, or %{items}; may be repeated.",
    ),
    Option(
        names=("-out", "--out"),
        field="outputs",
        metavar="NAME=URL",
        repeated=True,
        help="Output of each job and where it goes; NAME? may be missing, a pattern goes to URL/; may be"
        " repeated.",
    ),
    Option(
        names=("-nocheck", "--nocheck"),
        field="nocheck",
        takes=Takes.NOTHING,
        help="Do not look whether the inputs exist.",
    ),
    Option(
        names=("-first", "--first"),
        field="first",
        metavar="N",
        kind=Kind.INTEGER,
        help="%{Index} of the first job: Index = N + ProcId.",
    ),
    Option(
        names=("-env", "--env"),
        field="env",
        metavar="NAME[=VALUE]",
        repeated=True,
        help="Set a variable for the job, or send your own with -noenv; may be repeated.",
    ),
    Option(
        names=("-noenv", "--noenv"),
        field="noenv",
        takes=Takes.NOTHING,
        help="Do not send your environment; only what -env names.",
    ),
    Option(
        names=("-rmt", "--remote"),
        field="remote",
        takes=Takes.NOTHING,
        help="Remote: run at any site outside the local cluster that takes the job.",
    ),
    Option(names=("-normt",), field="normt", takes=Takes.NOTHING, help="Never remote."),
    Option(
        names=("-site", "--site"),
        field="site",
        metavar="SITE",
        help="Run at this remote site; implies -rmt.",
    ),
    Option(
        names=("-wn", "--wn"),
        field="wn",
        metavar="NODE",
        help="Run on this worker node, full or short name.",
    ),
    Option(
        names=("-gwn", "--gwn"),
        field="gwn",
        metavar="NAME",
        help="Run on this group of worker nodes.",
    ),
    Option(
        names=("-image", "--image"),
        field="image",
        metavar="FILE",
        kind=Kind.FILE,
        help="Run in this container image.",
    ),
    Option(
        names=("-dir", "--dir"),
        field="dir",
        metavar="DIR",
        kind=Kind.DIRECTORY,
        help="Directory of the logs that -o and -e do not place.",
    ),
    Option(
        names=("-l", "--log"),
        field="log",
        metavar="FILE",
        kind=Kind.FILE,
        help="HTCondor's event log of the cluster.",
    ),
    Option(
        names=("-p", "--pool"),
        field="pool",
        metavar="POOL",
        help="Pool: virtual, physical, local, …",
    ),
    Option(
        names=("-schedd", "--schedd"), field="schedd", metavar="NAME", help="Submit to this schedd."
    ),
    Option(
        names=("-u", "--universe"),
        field="universe",
        metavar="UNIVERSE",
        help="HTCondor's universe: vanilla.",
    ),
    Option(
        names=("-once", "--once"),
        field="once",
        metavar="KEY",
        help="Submit once for this key: repeated, the same cluster is reported and nothing is submitted.",
    ),
    Option(
        names=("-wait", "--wait"),
        field="wait",
        takes=Takes.NOTHING,
        help="Wait until all jobs have ended; exit code 0 only if all ended with 0.",
    ),
    Option(
        names=("-dry-run", "--dry-run"),
        field="dry_run",
        takes=Takes.NOTHING,
        help="Show the plan, its reasons and the submit description; submit nothing.",
    ),
    Option(
        names=("-quiet", "--quiet"),
        field="quiet",
        takes=Takes.NOTHING,
        help="No talk on stderr but errors.",
    ),
    *COMMON,
)


def run(session: Session, values: Values, talk: Talk) -> Result:
    """Submit, or show what would be submitted.

    Raises:
        HepsubError: nothing was submitted.
    """
    spec = job_spec(values)
    if values["dry_run"]:
        return preview(session, spec)
    result = submit(session, spec)
    if not values["wait"]:
        return result
    assert isinstance(result.value, Submission)  # noqa: S101 (what submit returns)
    talk.early(result.value)
    for note in result.notes:
        talk.progress(note)
    return wait(session, result.value, Clock(sleep=time.sleep, progress=talk.progress))


def job_spec(values: Values) -> JobSpec:
    """The JobSpec that a command line means.

    Raises:
        UsageError: there is no script, or options contradict each other.
    """
    if not values["script"]:
        raise _no_script(values)
    return JobSpec(
        script=values["script"][0],
        arguments=split_arguments(values["argu"]),
        number=values["number"],
        first=values["first"] or 0,
        list_file=values["list"],
        per=values["per"],
        inputs=tuple(_input(each) for each in values["inputs"]),
        outputs=tuple(_output(each) for each in values["outputs"]),
        check_objects=not values["nocheck"],
        group=values["group"],
        name=values["name"],
        stdout=values["output"],
        stderr=values["error"],
        event_log=values["log"],
        directory=values["dir"],
        os=values["os"],
        image=values["image"],
        priority=values["priority"],
        universe=values["universe"],
        resources=Resources(
            cpus=values["cpus"],
            gpus=values["gpus"],
            memory_mb=values["memory"],
            walltime=values["walltime"],
        ),
        placement=Placement(
            pool=values["pool"],
            schedd=values["schedd"],
            remote=_remote(values),
            site=values["site"],
            worker_node=values["wn"],
            worker_group=values["gwn"],
        ),
        environment=EnvironmentRequest(
            inherit=not values["noenv"], named=tuple(_variable(each) for each in values["env"])
        ),
        once=values["once"],
    )


def split_arguments(values: tuple[str, ...]) -> tuple[str, ...]:
    """HepJob's rule: one outer pair of double quotes is dropped, then all is split at white space."""
    return tuple(word for value in values for word in _unquoted(value).split())


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value


def _remote(values: Values) -> Remote:
    if values["remote"] and values["normt"]:
        raise UsageError("-rmt and -normt contradict each other", remedy="drop one of them")
    return Remote.WANTED if values["remote"] else Remote.NEVER if values["normt"] else Remote.UNSAID


def _variable(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    if not name:
        raise UsageError(
            f"argument -env/--env: '{text}' has no name", remedy="-env NAME=VALUE, or -env NAME"
        )
    return name, value if equals else None


def _input(text: str) -> FileRequest:
    """URL[=NAME]; what follows the last `=` is a name only when there is no `/` in it."""
    url, equals, name = text.rpartition("=")
    if not equals or "/" in name:
        return FileRequest(name="", url=text)
    return FileRequest(name=name, url=url)


def _output(text: str) -> FileRequest:
    name, equals, url = text.partition("=")
    optional = name.endswith("?")
    if not equals or not name.rstrip("?") or not url:
        raise UsageError(
            f"argument -out/--out: '{text}' is not NAME=URL",
            remedy="for example -out hist.root=herd:out/hist_%{ProcId}.root",
        )
    return FileRequest(name=name.removesuffix("?"), url=url, optional=optional)


def _no_script(values: Values) -> UsageError:
    if not values["argu"]:
        return UsageError(
            "the following arguments are required: script", remedy="hep_sub [options] script"
        )
    last = values["argu"][-1]
    return UsageError(
        "the following arguments are required: script; -argu takes every word up to the next option",
        remedy=f"if '{last}' is the script, put it in front, or write -- before it: -argu … -- {last}",
    )


COMMAND = Command(
    name="hep_sub",
    summary="Submit jobs to HTCondor",
    description=(
        "hep_sub submits a script or program as one cluster of N jobs. On success it prints one line on"
        " stdout, 'N job(s) submitted to cluster C', and ends with 0; on failure nothing was submitted, and"
        " stderr says why and what to do.",
        "The job runs in the directory where hep_sub is called, on the shared file system, and gets the"
        " submitter's environment, less exported shell functions, variables that look like secrets, and"
        " those that belong to the login session. In the job, _CONDOR_IHEP_JOB_ID holds CLUSTER.PROC.",
        "Options may stand before, between and after the script and its arguments. Only -argu takes"
        " more than one word; it ends at the next option or at --. A word with blanks in it is always a"
        " value, also when it begins with a dash.",
        "The names %{ProcId}, %{ClusterId}, %{Index} and %{item} are replaced in -argu, -o, -e and the"
        " script's name, in any case of letters. The words behind -argu are joined and split at white"
        " space, so an argument with a blank in it can come only from a list's %{item}.",
        "Without a word about it, a job stays where this host's file system is. With -rmt or -site it runs"
        " at a remote site of the policy: the script and new files in its working directory travel.",
    ),
    options=_OPTIONS,
    words=Words(field="script", metavar="script", help="Any executable: script or binary.", most=1),
    examples=(
        ("hep_sub job.sh", "one job"),
        (
            'hep_sub -g juno -mem 4000 -wt mid -argu "%{ProcId}" 0 ihep -n 600 ntuplize.sh',
            "600 jobs, numbered",
        ),
        (
            'hep_sub run-"%{ProcId}".sh -n 293 -o log -e log',
            "293 scripts, logs in the directory log",
        ),
        ("hep_sub -list runs.txt -argu %{item} reco.sh", "one job for each line of runs.txt"),
        ("hep_sub job.sh -rmt -dry-run", "where it would go and why; nothing is submitted"),
        (
            "hep_sub -once reco-v3 -wait -json reco.sh",
            "for frameworks: repeatable, with all exit codes",
        ),
    ),
    run=run,
)
