"""hep_sub: submit jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hepsub.cli.options import (
    HELP,
    JSON,
    POOLS,
    SHELLS,
    VERSION,
    Command,
    Kind,
    Takes,
    Values,
    Words,
    flag,
    option,
)
from hepsub.errors import ScriptMissing

if TYPE_CHECKING:
    from hepsub.actions.submit.result import Submission
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult, Result
    from hepsub.session import Session

_OPTIONS = (
    option("-argu --argu --arguments", "WORD",
        "Arguments of the job, up to the next option or --; blanks separate them. %{ProcId},"
        " %{ClusterId}, %{Index}, %{Uuid} and %{item} stand for the job's own.",
        kind=Kind.FILE, takes=Takes.MANY, field="argu"),
    option("-g --group", "GROUP",
        "Accounting group, one of your own; default: your primary group.", kind=Kind.GROUP),
    option("-n --number", "N",
        "Number of jobs in the cluster; ProcId runs from 0 to N-1.", kind=Kind.INTEGER),
    option("-o --output", "PATH",
        "Standard output: a file, a directory, /dev/null, or a pattern with %{ProcId}, %{ClusterId};"
        " a directory that is missing is made; default: SCRIPT.out.CLUSTER.PROC.", kind=Kind.FILE),
    option("-e --error", "PATH",
        "Standard error, likewise; default: SCRIPT.err.CLUSTER.PROC.", kind=Kind.FILE),
    option("-mem -m --memory", "MB",
        "Memory of each job; a bare number is MB, 2GB is fine too.", kind=Kind.MEMORY),
    option("-wt --walltime", "CLASS",
        "Walltime class of the policy, or a duration such as 90min or 3d: the smallest class that holds"
        " it, limited to it.", kind=Kind.WALLTIME),
    option("-os --OperatingSystem", "OS",
        "Operating system of the policy: the job runs in its container.", kind=Kind.SYSTEM, field="os"),
    option("-np --numberprocess -cpu --cpu", "CORES", "Cores of each job.", kind=Kind.POSITIVE, field="cpus"),
    option("-gpu --gpu", "GPUS", "GPUs of each job.", kind=Kind.COUNT, field="gpus"),
    option("-prio --priority", "N",
        "Priority among your own jobs; the higher, the earlier.", kind=Kind.INTEGER),
    option("-name --name", "NAME", "Name of the job."),
    option("-list --list", "LIST",
        "One job for each line of a file, or of stdin (-); %{item} is the line, %{item.1} its first column,"
        " %{item.name} and %{item.stem} the last part of a path, with its suffix and without. Empty lines and # lines"
        " do not count. Or one for each object below s3://bucket/dir/ or storage:bucket/dir/, by name; behind it"
        " there may be a pattern, '*.root', in which * stops at / and ** does not.", kind=Kind.LIST),
    option("-columns", "NAMES|header",
        "Names of the list's columns, in their order: run,file; or `header`: its first line has them. Then %{item.run}"
        " is a column, as %{item.1} is without names.", exact=True),
    option("-sep", "comma|tab|blank",
        "What stands between the columns: comma (CSV, the default), tab (TSV; the default for NAME.tsv), or blank: as"
        " for HTCondor's queue a,b from, blanks or a comma, and the last column is the rest of the line.", exact=True),
    option("-per --per", "K|SIZE",
        "K items of the list for each job; with a size such as 2GB (2*2**30 bytes) as many files or objects in"
        " a row as fit into it, a larger one alone. %{items} stands for them; they also lie in the job's items.txt."
        " In the job each has the last part of its name; those of one job that share it keep the directory, too:"
        " run1/hist.root and run2/hist.root.", kind=Kind.PORTION),
    option("-in --in", "URL[=NAME]",
        "Input of each job: s3://bucket/key, storage:bucket/key, a path (of which it gets a copy), or %{items};"
        " may be repeated. URL= where a '=' belongs to the URL.", kind=Kind.INPUT, field="inputs", repeated=True),
    option("-out --out", "NAME=URL",
        "Output of each job and where it goes; NAME? may be missing, a pattern goes to URL/; may be"
        " repeated.", kind=Kind.OUTPUT, field="outputs", repeated=True),
    option("-lib --lib", "FILE|DIR",
        "Library, program or directory of your own that goes along: packed and stored once, unpacked in each job"
        " below $HEPSUB_LIB, and put in front of LD_LIBRARY_PATH, PYTHONPATH and PATH; may be repeated.",
        kind=Kind.FILE, field="libraries", repeated=True),
    flag("-nocheck --nocheck", "Do not look whether inputs, or outputs of earlier jobs, exist."),
    option("-cred --cred", "NAME",
        "Send this credential along, and keep it fresh: krb (the Kerberos ticket), iam (the IAM token),"
        " or another of the policy; `none` drops those that the pool or site wants. May be repeated.",
        kind=Kind.CREDENTIAL, repeated=True),
    option("-first --first", "N", "%{Index} of the first job: Index = N + ProcId.", kind=Kind.INTEGER),
    option("-env --env", "NAME[=VALUE]",
        "Set a variable for the job, or send your own, with -noenv or although it looks like a secret; may be"
        " repeated.", repeated=True),
    flag("-noenv --noenv", "Do not send your environment; only what -env names."),
    flag("-rmt --remote", "Remote: run at any site outside the local cluster that takes the job."),
    flag("-normt", "Never remote."),
    option("-site --site", "SITE", "Run at this remote site; implies -rmt.", kind=Kind.SITE),
    option("-type --type", "TYPE",
        "What kind of work it is, for the rules of the policy about remote sites; default: what they know the"
        " program by, or what its files tell: bes-simulation, bes-reconstruction, bes-analysis, corsika, geant4.",
        choices=("bes-simulation", "bes-reconstruction", "bes-analysis", "corsika", "geant4")),
    option("-outsize --outsize", "MB",
        "How much one job leaves behind, for the rules of the policy about remote sites; a bare number is MB."
        " Default: what the program's last jobs left behind.",
        kind=Kind.MEMORY),
    option("-disk", "MB",
        "Disk of each job; a bare number is MB, 20GB is fine too. Default: the sizes of its inputs, as far as they are"
        " known.",
        kind=Kind.MEMORY, exact=True),
    option("-retry", "N[:CODES]",
        "Start a job that failed again, N times at the most; with exit codes (2:81,134) only after these.", exact=True),
    option("-attr", "NAME=EXPR",
        "An attribute of the jobs' ads, as +NAME of condor_submit; may be repeated.", exact=True, repeated=True),
    option("-require", "EXPR",
        "A ClassAd expression that has to hold for a slot, besides what hepsub asks for; may be repeated.",
        exact=True, repeated=True),
    option("-rank", "EXPR", "A ClassAd expression: the higher it is, the better a slot.", exact=True),
    option("-append", "'NAME = VALUE'",
        "A submit command of condor_submit that hepsub leaves alone; may be repeated.", exact=True, repeated=True),
    option("-maxidle", "N", "Keep at most N idle jobs of the cluster in the queue; the others are made as these start.",
        kind=Kind.POSITIVE, exact=True),
    option("-maxrun", "N", "Have at most N jobs of the cluster in the queue at a time.",
        kind=Kind.POSITIVE, exact=True),
    option("-notify", "WHEN", "When mail is sent: never, complete, error or always.", exact=True,
        choices=("never", "complete", "error", "always")),
    option("-wn --wn", "NODE", "Run on this worker node, full or short name."),
    option("-gwn --gwn", "NAME", "Run on this group of worker nodes."),
    option("-image --image", "FILE", "Run in this container image, which goes along to sites.", kind=Kind.FILE),
    option("-dir --dir", "DIR", "Directory of the logs that -o and -e do not place.", kind=Kind.DIRECTORY),
    option("-l --log", "FILE", "HTCondor's event log of the cluster.", kind=Kind.FILE),
    *POOLS,
    option("-schedd --schedd", "NAME", "Submit to this schedd.", kind=Kind.SCHEDD),
    option("-u --universe", "UNIVERSE", "HTCondor's universe: vanilla.", choices=("vanilla",)),
    option("-once --once", "KEY",
        "Submit once for this key: repeated, the same cluster is reported and nothing is submitted, even when"
        " what the jobs needed is gone by now."),
    option("-resubmit", "ID",
        "Run jobs of this earlier cluster again that failed or are on hold (those are removed first), as they were:"
        " same %{ProcId}, items and outputs. Memory: what they had, or need by their measured peak.",
        kind=Kind.JOB, exact=True),
    flag("-failed",
        "With -resubmit: those that failed, were removed or are on hold; what went well or goes on is passed over.",
        exact=True),
    option("-only", "PROCS", "With -resubmit: only these, such as 3,17-20.", exact=True),
    flag("-unknown", "With -resubmit: also those of which nobody knows how they ended.", exact=True),
    flag("-wait --wait",
        "Wait until all jobs have ended, or are on hold; exit code 0 only if all ended with 0."),
    flag("-dry-run --dry-run", "Show the plan, its reasons and the submit description; submit nothing."),
    flag("-check",
        "Submit nothing, and say whether all is there that a submission needs: policy, group, credentials, storages,"
        " pools, programs; -check policy tells each key of the policy that counts, its value, file and line.",
        exact=True, choices=("policy",)),
    flag("-write", "With -check: write to the storages, too.", exact=True),
    option("-completion", "SHELL",
        "Print what has bash, zsh or fish complete all commands, with the path of this hep_sub in it.",
        exact=True, choices=SHELLS),
    flag("-quiet --quiet", "No talk on stderr but errors."),
    JSON,
    VERSION,
    HELP._replace(choices=("all",)),
)  # fmt: skip
"""HepJob's first, then those that hepsub adds."""


def run(session: Session, values: Values, console: Console) -> AnyResult:
    """Submit, or show what would be submitted.

    Raises:
        HepsubError: nothing was submitted.
    """
    if values["check"] or values["write"]:
        return _check(session, values)
    if values["resubmit"] is not None:
        return _resubmit(session, values, console)
    try:
        return _submit(session, values, console)
    except ScriptMissing as missing:  # only now: a script may well be called `statsu`
        from hepsub.cli.meant import script_meant

        raise script_meant(missing, values["script"][0], COMMAND) from missing


def _submit(session: Session, values: Values, console: Console) -> AnyResult:
    """Submit, or show what would be submitted."""
    from hepsub.cli.job_spec import job_spec

    spec = job_spec(values)
    if values["dry_run"]:
        from hepsub.actions.submit.preview import preview

        return preview(session, spec)
    from hepsub.actions.submit.submit import submit

    return _waited(session, values, console, submit(session, spec, console.alert))


def _resubmit(session: Session, values: Values, console: Console) -> AnyResult:
    """Run jobs again, or show what would be submitted."""
    from hepsub.actions.submit.resubmit import preview_again, resubmit
    from hepsub.cli.resubmission import changes_of, wanted_jobs

    wanted, changes = wanted_jobs(values, _OPTIONS), changes_of(values)
    if values["dry_run"]:
        return preview_again(session, wanted, changes)
    return _waited(session, values, console, resubmit(session, wanted, changes, console.alert))


def _waited(
    session: Session, values: Values, console: Console, result: Result[Submission]
) -> AnyResult:
    """The result of a submission, with -wait after its jobs have ended."""
    if not values["wait"] or result.exit_code:
        return result
    from hepsub.actions.queue.ends import Clock
    from hepsub.actions.queue.wait import wait

    # The line that scripts parse comes now, not in three days; Ctrl-C while waiting leaves the jobs alone.
    console.result_now(result.value)
    for note in result.notes:
        console.progress(note)
    with session.progress.step() as step:
        return wait(session, result.value, Clock(sleep=time.sleep, progress=step.say))


def _check(session: Session, values: Values) -> AnyResult:
    """Look at what a submission needs, or tell the policy.

    Raises:
        UsageError: something else is to be done as well.
    """
    from hepsub.errors import UsageError

    if not values["check"]:
        raise UsageError("-write belongs to -check", remedy="hep_sub -check -write")
    # -check takes no value, so that `-check` alone works: policy is the free word behind it.
    words = values["script"]
    if words and words[0] != "policy":
        raise UsageError(
            f"-check submits nothing, so '{words[0]}' has no place there",
            remedy="hep_sub -check, or hep_sub -check policy; -dry-run shows what becomes of a script",
        )
    if words:
        from hepsub.actions.check.effective import effective_policy

        return effective_policy(session.policy)
    from hepsub.actions.check.check import check

    return check(session, values["pool"], write=values["write"])


_BRIEF = {
    "argu": "arguments up to the next option; %{ProcId} numbers jobs",
    "group": "accounting group",
    "number": "number of jobs",
    "memory": "memory of each job",
    "walltime": "walltime: a class of the policy, or 90min, 3d",
    "os": "operating system: the job runs in its container",
    "output": "standard output: file, directory, pattern; -e: its errors",
    "inputs": "input: s3://bucket/key, storage:bucket/key or a path",
    "outputs": "output and where it goes",
    "list": "a job for each line of a file, or each object: %{item}",
}
_GROUPS = {
    "Jobs": ("argu", "number", "first", "list", "columns", "sep", "per", "name", "once", "priority", "universe"),
    "Resources": ("group", "memory", "walltime", "cpus", "gpus", "disk", "retry", "os", "image"),
    "Logs": ("output", "error", "dir", "log"),
    "Files that travel": ("inputs", "outputs", "libraries", "nocheck"),
    "Environment and credentials": ("env", "noenv", "cred"),
    "Where": ("pool", "slurm", "schedd", "remote", "normt", "site", "type", "outsize", "wn", "gwn"),
    "For those who know HTCondor": ("attr", "require", "rank", "append", "maxidle", "maxrun", "notify"),
    "Again": ("resubmit", "failed", "only", "unknown"),
    "Talk": ("wait", "dry_run", "check", "write", "completion", "quiet", "json", "version", "help"),
}  # fmt: skip

_EXAMPLES = (
    ("hep_sub job.sh", "one job"),
    ("hep_sub job.sh -n 600 -argu %{ProcId}", "600 jobs, numbered"),
    ('hep_sub -g juno -mem 4000 -wt mid -argu "%{ProcId}" 0 ihep -n 600 ntuplize.sh', "with group, memory, walltime"),
    ('hep_sub run-"%{ProcId}".sh -n 293 -o log -e log', "293 scripts, logs in the directory log"),
    ("hep_sub -list runs.txt reco.sh -argu %{item}", "one job for each line of runs.txt"),
    ("hep_sub -list runs.csv -columns header reco.sh -argu %{item.run} -in %{item.file}",
        "run and file are columns, named in the first line of runs.csv"),
    ("hep_sub -list 's3://raw/2026/*.root' -per 2GB -in %{items} job.sh",
        "all these objects, 2 GB at the most for each job"),
    ("hep_sub -lib setup/ -lib libMyAna.so -out hist.root=herd:hists/%{ProcId}.root job.sh",
        "with libraries of your own, uploaded once"),
    ("hep_sub job.sh -rmt -dry-run", "where it would go, and why"),
    ("hep_sub simjob_%{ProcId}.txt -n 100", "BOSS, job options for each"),
    ("hep_sub -check", "is all there that jobs need?"),
    ("hep_sub status", "your jobs; status 13: why they failed"),
    ("hep_sub -resubmit 13 -failed", "the failed jobs of cluster 13 again"),
    ("hep_sub -once reco-v3 -wait -json reco.sh", "for frameworks: repeatable, with all exit codes"),
)  # fmt: skip

COMMAND = Command(
    name="hep_sub",
    summary="Submit jobs to HTCondor",
    options=_OPTIONS,
    words=Words(
        "script",
        "script",
        "Any executable: script or binary; or job options of BOSS.",
        1,
        Kind.FILE,
    ),
    examples=_EXAMPLES,
    results=(
        "hepsub.actions.submit.documents:SubmissionDocument",
        "hepsub.actions.submit.documents:PreviewDocument",
        "hepsub.actions.queue.wait:WaitedDocument",
        "hepsub.actions.check.check:Checked",
        "hepsub.actions.check.effective:EffectivePolicy",
    ),
    run=run,
    brief=_BRIEF,
    groups=_GROUPS,
)
