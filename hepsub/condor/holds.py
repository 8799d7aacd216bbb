"""Why jobs are on hold: HTCondor's code and subcode → a sentence and the next command. Pure.

Codes: HTCondor Manual, "Job ClassAd Attributes", HoldReasonCode. Subcodes are errno values where
the table there says so; 3/72, 3/34 and 3/87 are hepsub's own expressions.
"""

from __future__ import annotations

import errno
import re

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import Advice, memory_to_ask_for
from hepsub.condor.attributes import LOST_SUBCODE, MEMORY_SUBCODE, WALLTIME_SUBCODE
from hepsub.units import duration_text

_MEMORY_CODES = ((3, MEMORY_SUBCODE), (21, 102), (34, 0), (34, 34), (26, 34))


class Hold(Struct, frozen=True, kw_only=True):
    """A job on hold, as its ad tells it.

    Attributes:
        job: `cluster.proc`.
        reason: HoldReason, HTCondor's own text.
        memory_mb: RequestMemory in MB.
        used_mb: MemoryUsage in MB; 0 when it was not measured.
        walltime_s: the limit in seconds; 0 for none.
    """

    job: str
    code: int
    subcode: int
    reason: str
    executable: str
    stdout: str
    memory_mb: int
    used_mb: int
    walltime_s: int


def explain_hold(hold: Hold) -> Advice:
    """Why the job is on hold, and what to do; HTCondor's own words are the details."""
    words = f"HTCondor: {hold.code}/{hold.subcode} {hold.reason}"
    return replace(_advice(hold), details=(words,))


def is_about_memory(code: int, subcode: int) -> bool:
    """Whether a job with these codes has outgrown its memory."""
    return code == 34 or (code, subcode) in _MEMORY_CODES


def is_about_walltime(code: int, subcode: int) -> bool:
    """Whether a job with these codes has outrun its walltime, or HTCondor's own limits (allowed_job_duration)."""
    return code in (46, 47) or (code, subcode) == (3, WALLTIME_SUBCODE)


def _advice(hold: Hold) -> Advice:
    pair = (hold.code, hold.subcode)
    if pair in _MEMORY_CODES:
        return _memory(hold)
    if is_about_walltime(hold.code, hold.subcode):
        return _walltime(hold)
    if pair == (3, LOST_SUBCODE):
        return Advice(
            sentence=f"its program ended, but the store was away and the outputs are larger than what may come"
            f" home (home_limit): {hold.reason}",
            next_command=f"hep_release {hold.job}, which runs it again, when the store is back",
        )
    explained = _CODES.get(hold.code)
    if explained is None:
        return Advice(
            sentence=f"HTCondor put it on hold with code {hold.code}/{hold.subcode}: {hold.reason}",
            next_command=f"hep_release {hold.job}",
        )
    said = {
        "job": hold.job,
        "executable": hold.executable,
        "stdout": _log(hold),
        "errno": _errno_text(hold.subcode),
        "reason": hold.reason,
    }
    sentence, command = (each.format_map(said) for each in explained)
    return Advice(sentence=sentence, next_command=command)


def _log(hold: Hold) -> str:
    """The log that could not be opened."""
    # One code stands for both logs: HTCondor's words, or the embedded pool's, tell which.
    named = re.search(r"Failed to open '(.+)' (?:as standard|\(errno=)", hold.reason)
    return named[1] if named is not None else hold.stdout


def _errno_text(number: int) -> str:
    # Not os.strerror: "Exec format error" and "Text file busy" tell a physicist nothing.
    return {
        errno.ENOENT: "no such file or directory",
        errno.EACCES: "permission denied",
        errno.ENOEXEC: "not a program that Linux can start",
        errno.EISDIR: "it is a directory",
        errno.ENOTDIR: "a part of the path is no directory",
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the quota is used up",
        errno.ETXTBSY: "the file is being written",
        errno.E2BIG: "arguments or environment are too large",
    }.get(number, f"error {number}")


def _memory(hold: Hold) -> Advice:
    # Released as it is, it would be put on hold again.
    rounded = memory_to_ask_for(hold.used_mb, hold.memory_mb)
    used = f"it used {hold.used_mb} MB" if hold.used_mb else "it used more"
    return Advice(
        sentence=f"it outgrew its memory: {used}, but had asked for {hold.memory_mb} MB",
        next_command=f"hep_edit -m {rounded} {hold.job} && hep_release {hold.job}",
    )


def _twice(limit: int) -> str:
    """Twice a limit in seconds, as users write it after -wt; a class where no limit is known."""
    if not limit:
        return "mid"
    minutes = max(1, -(-2 * limit // 60))
    return f"{minutes}min" if minutes < 120 else f"{-(-minutes // 60)}h"


def _walltime(hold: Hold) -> Advice:
    limit = f" of {duration_text(hold.walltime_s)}" if hold.walltime_s else ""
    return Advice(
        sentence=f"it ran longer than its walltime{limit} and was stopped",
        next_command=f"submit it again with a longer walltime: hep_sub -wt {_twice(hold.walltime_s)} …",
    )


_CODES: dict[int, tuple[str, str]] = {
    1: ("you, or somebody for you, put it on hold with hep_hold", "hep_release {job}"),
    2: ("a credential that it needs could not be delegated: {reason}", "hep_release {job}"),
    3: ("a rule of the job itself put it on hold: {reason}", "hep_release {job}"),
    4: ("its credentials are not valid: {reason}", "hep_release {job}"),
    5: (
        "a rule of the pool put it on hold: {reason}",
        "ask the administrators; then hep_release {job}",
    ),
    6: (
        "{executable} could not be started: {errno}",
        "check the script and its #! line, then hep_release {job}",
    ),
    7: (
        "its output file {stdout} could not be opened: {errno}",
        "mend that directory, then hep_release {job}",
    ),
    8: ("its input could not be opened: {errno}", "mend the file, then hep_release {job}"),
    11: (
        "its working directory could not be entered: {errno}",
        "mend the directory, then hep_release {job}",
    ),
    12: (
        "its outputs could not be brought home ({errno}): {reason}",
        "mend the place, then hep_release {job}",
    ),
    13: (
        "its inputs could not be sent ({errno}): {reason}",
        "mend the file, then hep_release {job}",
    ),
    14: (
        "its working directory on the submit side is not there: {errno}",
        "make it, then hep_release {job}",
    ),
    15: ("it was submitted on hold", "hep_release {job}"),
    16: ("its inputs are still being sent to the schedd", ""),
    21: (
        "the schedd was told to put it on hold: {reason}",
        "ask the administrators; then hep_release {job}",
    ),
    22: ("HTCondor could not prepare the job on the worker node: {reason}", "hep_release {job}"),
    26: (
        "a rule of the pool put it on hold: {reason}",
        "ask the administrators; then hep_release {job}",
    ),
    34: ("it outgrew its memory: {reason}", "hep_edit -m MB {job} && hep_release {job}"),
    35: ("the container runtime of the worker node failed: {reason}", "hep_release {job}"),
    45: (
        "its environment or arguments could not be expanded: {reason}",
        "submit it again without $$",
    ),
}
