"""The man page hepsub-exit-codes(7): each exit code, what it means, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hepsub import __version__
from hepsub.actions.queue.failures import HEPSUB_CODES
from hepsub.cli.generate import man, roff, sources

NAME = "hepsub-exit-codes"
_DESCRIPTION = (
    "Every command of hepsub ends with 0 if all that was asked was done. Each kind of error has an exit code of its"
    " own, and a word, which stands in parentheses here and as `code` of a problem in the output of -json. Both stay"
    " what they are. The message on stderr says what happened and where, and what to do in this case; below is what"
    " helps in general.",
    "After an error of hep_sub nothing was submitted, unless its line on stdout says that N job(s) were submitted to a"
    " cluster, or the message says that it may be (43).",
)
_JOBS = (
    "hep_sub -wait, hep_wait and hep_tail -f end with 60 when a job did not end with 0; the job's own exit code is in"
    " hep_history, hep_sub status and the output of -json. What runs a job that something travels with has exit codes"
    " of its own, where the program ended with 0, was not run, or was ended:",
)
REMEDIES: Mapping[str, str] = {
    "usage": "Type what the message proposes; `-h` shows what there is.",
    "policy": "Correct the line of the file that the message names; `hep_sub -check policy` tells all keys.",
    "script-missing": "Check the name, and the directory in which hep_sub is called.",
    "script-not-executable": "chmod +x, a first line such as #!/bin/bash, or what else the message names.",
    "log-directory-missing": "Make the directory, or name another one with -o and -e.",
    "log-directory-not-writable": "Choose another place with -o and -e, or make room there.",
    "environment-too-large": "Unset what the job does not need, or send none of it: -noenv, and -env NAME for each that"
    " it does need.",
    "list-unreadable": "Check the file or the pattern after -list.",
    "image-missing": "Check the path after -image.",
    "journal-not-writable": "Make room in your home, or name another place with XDG_STATE_HOME.",
    "library-unusable": "Check the path after -lib; what is large belongs into S3.",
    "unknown-group": "Choose one of the groups that the message names, with -g.",
    "no-group": "Ask the administrators for a group.",
    "unknown-pool": "Choose a pool with -p; hep_clus shows them.",
    "unknown-walltime": "Choose a class or write a duration; `hep_clus --walltime` shows the classes.",
    "unknown-site": "Choose a site with -site; hep_clus shows them.",
    "unknown-os": "Choose one of the systems that the message names, with -os, or an image with -image.",
    "no-suitable-site": "Change what keeps the job from the sites; `hep_sub -dry-run` tells it for each.",
    "job-count-too-small": "-n 1, or more.",
    "job-count-too-large": "Submit several clusters; -first numbers their jobs on. `hep_sub -per` gives one job several"
    " items.",
    "walltime-too-long": "Divide the work: no class of the pool is that long.",
    "not-expressible": "Leave the characters out that the message names.",
    "unknown-storage": "Describe the storage in the policy, see hepsub(5), or correct its name in the URL.",
    "inputs-missing": "Check the names; -nocheck submits all the same.",
    "output-conflict": "Put %{ProcId}, %{ClusterId} or %{Uuid} into the name of the output.",
    "storage-refused": "hep_auth shows the keys, and what to type for others.",
    "storage-unreachable": "Try again later; `hep_sub -check` asks each storage.",
    "bundle-unusable": "Make room, or name another place with bundle_dir in [staging] of the policy.",
    "output-place-unusable": "Name a bucket that is there, or a directory that you may write into.",
    "pool-unreachable": "Try again later; jobs that were submitted are not lost. hep_clus shows the pools.",
    "authentication-refused": "hep_auth shows how you are known to the schedd, and what to type.",
    "submission-refused": "Do what the schedd says, or ask the administrators.",
    "submission-uncertain": "`hep_q -u` shows whether it is there, when the schedd answers again. With -once the same"
    " command never submits twice.",
    "unknown-schedd": "Choose one of the schedds that the message names.",
    "pool-error": "Try again; the administrators know what the daemon's message means.",
    "queue-directory-refused": "Name another directory with HEPSUB_HERE_DIR, on a local file system.",
    "queue-not-writable": "Make room where the message says.",
    "not-on-this-machine": "Ask for less, or submit to another pool with -p.",
    "not-on-slurm": "Leave out the options that it names, or submit to another pool with -p.",
    "ambiguous-job": "Say the schedd, too: schedd07:13.2.",
    "unknown-job": "`hep_q -u` and `hep_sub status` show your jobs; hep_history those that ended.",
    "not-yet-made": "Wait: the schedd makes the jobs of a large cluster as they are needed; or name the whole cluster.",
    "not-done": "The problems say for each what was not done, and why; the same command tries it again.",
    "credential-missing": "`hep_auth login` gets it.",
    "credential-expired": "`hep_auth login` gets a new one; `hep_auth renew -install` keeps it fresh, or"
    " `hep_auth renew -loop` where nothing would run that.",
    "agent-unavailable": "`hep_auth login` starts it, or tells how.",
    "credential-refused": "Do what the provider says; `hep_auth login` begins anew.",
    "provider-unreachable": "Try again later.",
    "renewal-not-installed": "`hep_auth renew -loop` in tmux or screen, or in the container's entry point.",
    "jobs-failed": "`hep_sub status ID` groups the reasons; `hep_sub -resubmit ID -failed` runs them again.",
    "time-over": "The jobs go on: the same command waits further.",
    "tool-failed": "The message has the program's own words; `hep_sub -check` tells what is installed.",
    "output-unwritable": "Make room, or read to the end; the message tells whether the command may be repeated.",
    "mount-point-refused": "Name an empty directory, or one that is not there yet.",
    "fuse-unavailable": "Ask the administrators for fuse3 and /dev/fuse; hep_fetch needs neither.",
    "mount-failed": "Do what rclone's message says; `hep_auth s3` tries the keys.",
    "mount-busy": "Leave the directory with all programs, and wait for the uploads; then `hep_mount -u` again.",
    "unknown-mount": "`hep_mount -ls` shows your mounts on this host.",
    "interrupted": "Nothing was submitted, or the message names the cluster.",
}
"""What helps after an error, by its code."""


def exit_codes_page() -> str:
    """The page hepsub-exit-codes(7), as roff source."""
    return roff.page([
        roff.title(NAME, 7, __version__),
        roff.section("NAME", [rf"{roff.escape(NAME)} \- what hepsub's exit codes mean, and what to do"]),
        roff.section("DESCRIPTION", roff.paragraphs(_DESCRIPTION)),
        roff.section("EXIT CODES", _items(_commands())),
        roff.section("EXIT CODES OF JOBS", [*roff.paragraphs(_JOBS), *_items(_jobs())]),
        roff.section("SEE ALSO", man.see_also(NAME, 7)),
    ])  # fmt: skip


def _commands() -> Iterable[tuple[str, list[str]]]:
    own = {code: [meaning] for code, meaning in man.CODES.items()}
    for error in sources.errors():
        meaning = f"{sources.summary(error).rstrip('.')} ({error.code})."
        own[error.exit_code] = [meaning, REMEDIES[error.code]]
    return ((str(code), texts) for code, texts in sorted(own.items()))


def _jobs() -> Iterable[tuple[str, list[str]]]:
    return ((str(code), [f"{said[:1].upper()}{said[1:]}."]) for code, said in HEPSUB_CODES.items())


def _items(rows: Iterable[tuple[str, list[str]]]) -> list[str]:
    made = []
    for tag, (meaning, *more) in rows:
        made += roff.item(roff.bold(tag), roff.prose(meaning))
        made += [".br", *roff.lines(roff.prose(more[0]))] if more else []
    return made
