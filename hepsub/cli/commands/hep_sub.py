"""hep_sub: submit jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hepsub.cli.commands.hep_sub_options import OPTIONS
from hepsub.cli.options import Command, Values, Words

if TYPE_CHECKING:
    from hepsub.cli.output import Talk
    from hepsub.result import Result
    from hepsub.session import Session


def run(session: Session, values: Values, talk: Talk) -> Result:
    """Submit, or show what would be submitted.

    Raises:
        HepsubError: nothing was submitted.
    """
    from hepsub.cli.job_spec import job_spec

    spec = job_spec(values)
    if values["dry_run"]:
        from hepsub.actions.submit.preview import preview

        return preview(session, spec)
    from hepsub.actions.submit.result import Submission
    from hepsub.actions.submit.submit import submit

    result = submit(session, spec, talk.alert)
    if not values["wait"] or result.exit_code:
        return result
    assert isinstance(result.value, Submission)  # noqa: S101 (what submit returns)
    from hepsub.actions.queue.ends import Clock
    from hepsub.actions.queue.wait import wait

    talk.early(result.value)
    for note in result.notes:
        talk.progress(note)
    return wait(session, result.value, Clock(sleep=time.sleep, progress=talk.progress))


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
        "Options may stand before, between and after the script and its arguments. Only -argu takes"
        " more than one word; it ends at the next option or at --. A word with blanks in it is always a"
        " value, also when it begins with a dash.",
        "The names %{ProcId}, %{ClusterId}, %{Index}, %{Uuid} and %{item} are replaced in -argu, -o, -e, -in, -out and"
        " the script's name, in any case of letters. Two schedds give the same ClusterIds; %{Uuid} is this submission's"
        " alone. The words behind -argu are joined and split at white"
        " space, so an argument with a blank in it can come only from a list's %{item}.",
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
        "Without a word about it, a job stays where this host's file system is. With -rmt or -site it runs"
        " at a remote site of the policy: the script travels, and new files of its working directory come home, for"
        " hep_fetch. Nothing secret goes to a site whose policy names no isolation. At a site without io_proxy URLs"
        " and credentials are as the job found them when it started. hepsub(5) has the keys of [site.NAME].",
    ),
    options=OPTIONS,
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
        ("hep_sub -list runs.txt reco.sh -argu %{item}", "one job for each line of runs.txt"),
        (
            "hep_sub -list 's3://raw/2026/*.root' -per 2GB -in %{items} job.sh",
            "all these objects, 2 GB at the most for each job",
        ),
        (
            "hep_sub -lib setup/ -lib libMyAna.so -out hist.root=herd:hists/%{ProcId}.root job.sh",
            "with libraries of your own, uploaded once",
        ),
        ("hep_sub job.sh -rmt -dry-run", "where it would go and why; nothing is submitted"),
        (
            "hep_sub -once reco-v3 -wait -json reco.sh",
            "for frameworks: repeatable, with all exit codes",
        ),
    ),
    results=(
        "hepsub.actions.submit.documents:SubmissionDocument",
        "hepsub.actions.submit.documents:PreviewDocument",
        "hepsub.actions.queue.wait:WaitedDocument",
    ),
    run=run,
)
