"""Why an HTCondor job is idle or on hold, from its ad and the pool's slots. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from hepsub.batch import Advice, JobStatus
from hepsub.condor.attributes import (
    GATE,
    LONGEST,
    SUBMITTED_ON_HOLD,
    ClassAd,
    boolean,
    integer,
    text,
)
from hepsub.condor.holds import Hold, explain_hold
from hepsub.condor.leaving import left_sites
from hepsub.condor.match import Clause, Matching, match
from hepsub.plan.model import LEFT_OUT
from hepsub.units import duration_text

_JUST_SUBMITTED_S = 60
"""A pool looks for a slot as often as that, if nobody configured it otherwise (NEGOTIATOR_INTERVAL)."""


def explain_held(job: JobStatus, ad: ClassAd, meant: str) -> Advice:
    """Why a job is on hold, and the command that mends it."""
    known = {} if ad is None else ad
    if job.hold_code == SUBMITTED_ON_HOLD and boolean(known, GATE) is False:
        return _prepared(meant)
    advice = explain_hold(
        Hold(
            job=meant,
            code=job.hold_code,
            subcode=job.hold_subcode,
            reason=job.hold_reason,
            executable=text(known, "Cmd", LONGEST),
            stdout=text(known, "Out", LONGEST),
            memory_mb=job.requested_mb,
            used_mb=round(job.memory_mb),
            walltime_s=integer(known, "HepSub_WalltimeLimit") or 0,
        )
    )
    return replace(advice, details=(*advice.details, *_sent_elsewhere(known)))


def _sent_elsewhere(ad: ClassAd) -> Iterator[str]:
    """From where a job was sent to other sites, and where the jobs of its cluster do not go now."""
    if left := left_sites(ad):
        yield f"it was on hold at {', '.join(left)}, or waited there, and was sent elsewhere"
    if out := text(ad, LEFT_OUT):
        yield f"left out for a while, because jobs fail there: {out}"


def _prepared(meant: str) -> Advice:
    return Advice(
        sentence="it is being prepared: its bundle is not complete yet",
        next_command=f"hep_rm {meant}, when the hep_sub that submitted it is no longer running",
    )


def explain_idle(
    job: JobStatus,
    ad: ClassAd,
    slots: Callable[[], Iterable[ClassAd]],
    meant: str,
    now: float,
) -> Advice:
    """Why a job waits; the slots are asked for only when they matter."""
    if ad is None:
        return Advice(sentence="it has just left the queue, or started")
    if boolean(ad, GATE) is False:
        return _prepared(meant)
    reason = text(ad, "HepSub_Reason", LONGEST)
    route = (*((f"route: {reason}",) if reason else ()), *_sent_elsewhere(ad))
    matching = match(ad, slots())
    if matching is None:
        return Advice(
            sentence="its requirements are longer than hepsub looks into",
            details=route,
            next_command=f"condor_q -better-analyze {job.job}",  # which knows no ranges
        )
    sentence, next_command = _idle_sentence(matching, meant, waited=now - job.submitted)
    # Its requirements refuse the sites that are left out; as they are, they are met again when the time is over.
    if (left := text(ad, LEFT_OUT)) and any(
        LEFT_OUT in each.text and not each.offered for each in matching.clauses
    ):
        sentence, next_command = f"it waits for a remote site: {left} is left out for a while", ""
    counts = tuple(
        f"{clause.offered} of {matching.slots} slots offer {clause.words}"
        for clause in sorted(matching.clauses, key=lambda clause: clause.offered)
    )
    return Advice(sentence=sentence, details=(*route, *counts), next_command=next_command)


def _idle_sentence(matching: Matching, meant: str, waited: float) -> tuple[str, str]:
    if not matching.slots:
        return "the pool has no worker node at the moment", ""
    refused = [clause for clause in matching.clauses if not clause.offered]
    if refused:
        wanted = " and ".join(clause.words for clause in refused)
        sentence = f"no machine of the pool offers {wanted}: as it is, it can never start"
        return sentence, _mend(refused, meant, matching)
    if not matching.possible:
        rarest = min(matching.clauses, key=lambda clause: clause.offered)
        return (
            "each of its requirements is met somewhere, but no machine meets them all; the rarest is"
            f" {rarest.words}",
            _mend([rarest], meant, matching),
        )
    if waited < _JUST_SUBMITTED_S:
        return (
            f"it was submitted {duration_text(waited)} ago; {matching.possible} slot(s) could run it",
            "",
        )
    if not matching.free:
        return f"{matching.possible} slot(s) could run it, but all of them are busy now", ""
    return (
        f"{matching.free} slot(s) could run it now; it waits for its turn (other users or your other jobs go first)",
        "",
    )


_EDITABLE = (
    (" MB of memory", "-m", "Memory", 1),
    (" cores", "-np", "Cpus", 1),
    (" of disk", "-disk", "Disk", 1024),
)
"""How the words of a clause end, hep_edit's option, and the attribute of a slot with how many there are in a unit."""


def _mend(refused: list[Clause], meant: str, matching: Matching) -> str:
    options = [
        f"{option} {matching.most[name] // unit}"
        for clause in refused
        for end, option, name, unit in _EDITABLE
        if clause.words.endswith(end) and matching.most[name] >= unit
    ]
    if len(options) == len(refused):
        return f"hep_edit {' '.join(options)} {meant} (the largest machine's), or hep_rm {meant}"
    return f"hep_rm {meant}, and submit it with other options"
