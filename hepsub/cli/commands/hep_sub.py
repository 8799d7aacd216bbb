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
        "Submit once for this key: repeated, the same cluster is reported and nothing is submitted."),
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
    except ScriptMissing as missing:
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
    words = values[
        "script"
    ]  # -check takes no value, so that `-check` alone works: policy is the free word behind it
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
    description=(
        "hep_sub submits a script or program as one cluster of N jobs. On success it prints one line on"
        " stdout, 'N job(s) submitted to cluster C', and ends with 0; on failure nothing was submitted, and"
        " stderr says why and what to do. When that line is printed and the exit code is not 0, the cluster exists,"
        " but its jobs cannot start yet, or Ctrl-C came too late; stderr says what to do. Ctrl-C before the jobs can"
        " start takes the submission back: nothing of it starts later.",
        "The job runs in the directory where hep_sub is called, on the shared file system, and gets the"
        " submitter's environment, less exported shell functions, variables that look like secrets, and"
        " those that belong to the login session; and without hepsub's own virtual environment, in PATH and in"
        " VIRTUAL_ENV, also when you have activated it: python3 in the job is yours. In the job,"
        " _CONDOR_IHEP_JOB_ID holds CLUSTER.PROC. Everybody"
        " can read the queue: a secret that -env names travels in a file of mode 0600, and stands nowhere else;"
        " -env NAME keeps it out of your command line, too.",
        "With -os or -image the job runs in a container image. On this machine (-p here) and at sites whose policy says"
        " so, apptainer or singularity starts it, from PATH, /usr/bin or /usr/local/bin. On this machine the job begins"
        " in the directory where hep_sub is called, and sees that one, its script's, the home directory and /cvmfs;"
        " APPTAINER_BIND=/data shows more. PATH and all other files are the image's, which needs a /bin/sh; /tmp is the"
        " job's own. A job whose image does not start is put on hold; hep_q -why says why.",
        "-check submits nothing. Each line of it begins with ok, with NO where jobs will not get far without it (the"
        " exit code is that of the first of these), or with - where only some commands need it; what to type stands"
        " below.",
        "Options may stand before, between and after the script and its arguments. Only -argu takes"
        " more than one word; it ends at the next option or at --. A word with blanks in it is always a"
        " value, also when it begins with a dash.",
        "The names %{ProcId}, %{ClusterId}, %{Index}, %{Uuid} and %{item} are replaced in -argu, -o, -e, -in, -out, the"
        " values after -env NAME= and the script's name, in any case of letters. Two schedds give the same ClusterIds;"
        " %{Uuid} is this submission's alone. The words behind -argu are joined and split at white"
        " space, so an argument with a blank in it can come only from a list's %{item}.",
        "%{item.name} is the last part of an item that is a path or an object, %{item.stem} the same without its last"
        " suffix. %{item.2} is the second column of an item, %{item.run} the one that -columns, or with -columns header"
        " the first line of the list, calls run; %{item.file.stem} is a part of the path in it. Lines are divided only"
        " where columns are asked for. Then all have as many; quotes are those of RFC 4180, none goes on in the next"
        " line. Capital letters make no difference in names; one with blanks or dots in it, which a list may have,"
        " is reached by its number. With -per, %{items.file} are the columns of all of a job's lines: alone after -in"
        " they are a file each, alone in -argu a word each; a size after -per is that of the files in the column behind"
        " -in. %{item} stays the whole line.",
        "A directory after -o, -e or -dir that is missing is made, if the one that it lies in is there. That is a path"
        " with / at its end, and for more than one job also a name without a dot where nothing is yet (-n 293 -o log)."
        " Any other path is one file for all jobs, and hep_sub says so.",
        "With -in or -out the job runs in a private scratch directory, its inputs under their names;"
        " HEPSUB_SUBMIT_DIR tells where hep_sub was called. An input from a path is a copy of the job's own, also of a"
        " directory (links in it followed), up to copy_limit of [staging] for one job. What is larger, or a directory"
        " of more than 10000 files, is a link to your own file where the jobs see it; hep_sub names it. What stands"
        " behind the last '=' of -in is the name, unless there is a / in it or the whole is the URL of something that"
        " exists; with nothing behind it ('s3://raw/pt=50.root=') all in front of it is the URL. The name in -out ends"
        " at the '=' in front of s3://, STORAGE:BUCKET/, /, ./ or ../, else at the first one.",
        "Before anything is submitted hep_sub names the inputs that do not exist and the outputs that do, and refuses"
        " places that no job could write to: a bucket that is not there, a directory that cannot be made. -nocheck"
        " looks at nothing; overwrite = false in [staging] refuses to overwrite. What %{ClusterId} or %{Uuid} is a part"
        " of is new.",
        "An output that was not made ends the job with"
        " exit code 84, unless it is marked NAME?. When the store is away, outputs come home into the bundle"
        " (exit code 85). A pattern needs a store that knows POST policies, as AWS, Ceph and MinIO do;"
        " elsewhere its matches come home.",
        "A job that something travels with ends with an exit code of hepsub's own where its program ended with 0,"
        " was not run, or was ended by the walltime: 80 its manifest is missing or wrong; 81 an input did not come; 82"
        " an input is not what was submitted; 83 the program cannot be started; 84 an output was not made; 85 outputs"
        " are at home; 86 the walltime ended the program; 87 outputs are lost; 88 there is neither curl nor python3;"
        " 89 the libraries cannot be unpacked; 90 what was sent is not what was submitted, and is not run.",
        "With -lib DIR the job finds the directory as $HEPSUB_LIB/DIR, with -lib FILE the file in $HEPSUB_LIB."
        " LD_LIBRARY_PATH gets lib64, lib and the directory itself, PYTHONPATH python, lib/python and itself, PATH"
        " bin and itself, each where it exists; $HEPSUB_LIB stands in all three for a file. What comes first on the"
        " command line is found first, your own values last. Packed are contents, names and which files may be"
        " started; .git, .hg, .svn and __pycache__ are left out. A link inside the directory stays a link, one that"
        " leads out of it becomes what it leads to. Where the policy names a place in S3 (libraries in [staging])"
        " an archive is uploaded once, under its SHA-256; else it travels with the jobs.",
        "For those who know HTCondor: -attr, -require, -rank and -append go into the submit description, which -dry-run"
        " shows. An expression is read before anything is submitted. What hepsub says itself cannot be said again:"
        " attributes of HepSub_ and of HTCondor's own, submit commands that have an option, that move files, stream"
        " logs or open the I/O proxy; -append without a known command names those that there are. -retry counts runs"
        " that ended with another code than 0, or by a signal; hep_q shows the job as idle in between. With"
        " -maxidle or -maxrun the schedd makes the jobs as they are needed, as it does for large clusters. Slurm has"
        " none of this but -maxrun and -notify: hepsub(7) has a section SLURM, and a table of what each batch system"
        " does.",
        "Job options of BOSS are no program, and are run as boss.condor does it: boss.exe, found by your PATH, gets the"
        " file. So set up BOSS first. A job options file for each job (simjob_%{ProcId}.txt) has its own random numbers"
        " and outputs. At a site without this host's file system the files that the options name are inputs and outputs"
        " as if -in and -out named them: those of digiRootInputFile and InputFiles, of digiRootOutputFile, OutputFile"
        " and NTupleSvc.Output, and texts that name a file that is here, such as a decay table. The job gets a copy of"
        " the options that names the files in its own directory; what you say with -in or -out of such a file counts."
        " boss.exe is the one that the job's PATH finds there; where it lies neither in /cvmfs nor in another of the"
        " site's mounts, no rule sends the jobs there by itself, unless -lib takes one along.",
        "-resubmit ID runs jobs of an earlier cluster again, as one new cluster: those that failed, were removed"
        " or are on hold; with -only, or an ID such as 13.3 or 13.0-9, those that are named. Nothing runs twice: a"
        " job that goes on, or that ended with 0, is passed over with -failed (or when no job is named), and"
        " refused by name otherwise; one that was resubmitted counts as its latest run, whichever of the two"
        " numbers is named. One of which nobody knows how it ended may have done its work: it runs again only with"
        " -unknown. A job on hold is removed first. Each job has the arguments, items and files of the"
        " first time, in that directory and with that environment; %{ProcId}, %{Index}, %{ClusterId}, %{Uuid} and"
        " _CONDOR_IHEP_JOB_ID are those of its first submission, so its outputs keep their names. Different are"
        " HTCondor's own ids (hep_q shows 14.0 for what was 13.3, and the attribute HepSub_Again says 13.3), and"
        " %{ClusterId} in the names of logs: those of the earlier run stay, unless their names have no"
        " %{ClusterId}. Scripts, inputs and libraries are taken as they are now; what was changed is named. Memory"
        " is what the jobs had; where one had outgrown it, its measured peak (or what it had asked for, where that was"
        " more) and a quarter. -mem, -wt, -np,"
        " -disk, -prio, -site, -rmt, -normt, -env, -cred and -nocheck say what is different; other options are"
        " refused. A secret that -env had named is taken from your environment, or named anew. hepsub keeps what"
        " it needs for that, without secrets, for three months.",
        "In a pool of Slurm's the lines of the script that begin with #SBATCH count, those in front of its first"
        " command, as sbatch reads them; every option counts more. With sbatch_lines in [defaults] of the policy such"
        " scripts go to Slurm by themselves, unless -p, -schedd, -site, -rmt or -gwn says where; it is said each time."
        " Time and memory that nobody says are then the partition's own, not the policy's. Without a line about them"
        " logs have HepJob's names; %j in theirs is CLUSTER, of several jobs CLUSTER_PROC. The indices of an array"
        " (1-100) are %{Index} and SLURM_ARRAY_TASK_ID, ProcId runs from 0. What hepsub cannot honour (several tasks"
        " or nodes, dependencies, signals) is refused with its line. -slurm is another word for -p with the name of"
        " the policy's pool of Slurm's; -wn is sbatch's --nodelist there, -gpu its --gpus, -notify its --mail-type.",
        "Memory, cores, disk and GPUs above the policy's defaults are held against the largest slots of the pool, which"
        " are asked for once a day: when none has as much, hep_sub says so, and how much there is. The jobs are"
        " submitted all the same, and hep_edit changes what they ask for.",
        "Jobs that wait for jobs: no option does that, because HTCondor starts no job when another has ended well, and"
        " nothing of hepsub runs meanwhile that could. In a terminal that stays: hep_sub -wait a.sh && hep_sub b.sh; or"
        " later, hep_wait 13 && hep_sub b.sh. Without one, on a submit node that has condor_submit_dag, HTCondor's"
        " DAGMan runs hep_sub for you; a file chain.dag has these five lines: 'JOB a noop.sub NOOP', 'SCRIPT PRE a"
        " /home/alice/hepsub/bin/hep_sub -once reco-7 -wait a.sh', the same two for b with 'b.sh' and a key of its own,"
        " 'PARENT a CHILD b'. noop.sub holds 'executable = /bin/true' and 'queue'. condor_submit_dag -import_env"
        " chain.dag starts it; you may log out. b is submitted when all jobs of a have ended with 0; when one failed or"
        " is on hold, never, and chain.dag.dagman.out says so. With -once nothing is submitted twice when DAGMan begins"
        " again, so no other chain may have the same keys.",
        "What the files of a job tell of its type counts for the rules of the policy where -type says nothing: job"
        " options are bes-simulation, bes-reconstruction or bes-analysis; a card of CORSIKA is corsika, a macro of"
        " Geant4 is geant4, each as an argument or in the script. Which step of Geant4 it is only -type can say.",
        "Without a word about it, a job stays where this host's file system is, unless a rule of the policy sends such"
        " jobs away; then hep_sub says so. With -rmt or -site it runs"
        " at a remote site of the policy: the script travels, and new files of its working directory come home, for"
        " hep_fetch. Of the sites that take the job, those of one kind may run it: machines that joined the pool, else"
        " a computing element, else the pool of others; -dry-run says why not the rest. At a site where the policy has"
        " paths that stand for objects, -in and -out of such paths are these objects. Nothing secret goes to a site"
        " whose policy names no isolation. At a site without io_proxy URLs"
        " and credentials are as the job found them when it started, unless [staging] has a mailbox. hepsub(5)"
        " has the keys of [site.NAME] and [rule.NAME], and hep_clus shows the sites.",
    ),
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
