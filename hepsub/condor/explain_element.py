"""Why a job is where it is that goes through a computing element: its ad at home tells what the site said. Pure.

A job of the grid universe matches no slot here. HTCondor's grid manager sends it on, and notes in its ad what it hears
(tried: 23.9.6, 25.14.1): GridJobId when the site has taken it, GridJobStatus what it does there,
GridResourceUnavailableTime since when the site does not answer. What the site holds it for stands here, code for code;
what the grid manager itself gives up on has code 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.batch import Advice, JobStatus, State
from hepsub.condor.attributes import (
    GRID_UNIVERSE,
    LONGEST,
    SUBMITTED_ON_HOLD,
    ClassAd,
    integer,
    seconds,
    text,
)
from hepsub.condor.explain import explain_held
from hepsub.condor.holds import is_about_memory
from hepsub.condor.leaving import is_moving, is_recalled, left_sites, may_move_to
from hepsub.units import duration_text, moment_text

_GONE = "disappeared from remote schedd"


def goes_through_element(ad: ClassAd) -> bool:
    """Whether a job is sent on to another schedd."""
    return integer(ad, "JobUniverse") == GRID_UNIVERSE


def explain_there(
    job: JobStatus, ad: ClassAd, meant: str, now: float, token_end: float | None
) -> Advice:
    """Why a job is where it is, at home and at its site.

    Args:
        job: the job.
        ad: all that the schedd at home knows of it.
        meant: what the next command shall name.
        now: seconds since the epoch.
        token_end: when the token ends that the site is shown; None for none.
    """
    site = _site(ad)
    expired = token_end is not None and token_end <= now
    if is_moving(ad):
        sentence, next_command = (
            "it has left the site that held it, and goes to another one",
            "hep_auth renew",
        )
        more: tuple[str, ...] = ()
    elif job.state is State.HELD:
        sentence, next_command, more = _held(job, ad, meant, site, expired=expired)
    else:
        sentence, next_command = _moving(job, ad, site, now, expired=expired)
        more = ()
    details = tuple(_details(ad, token_end, now))
    return Advice(sentence=sentence, details=(*more, *details), next_command=next_command)


def _site(ad: ClassAd) -> str:
    """What people call the site: its name in the policy, else the element's host."""
    named = text(ad, "HepSub_Sites", LONGEST)
    words = text(ad, "GridResource", LONGEST).split()
    return f"the site {named or (words[1] if len(words) > 1 else 'that it goes to')}"


def _details(ad: ClassAd, token_end: float | None, now: float) -> Iterator[str]:
    if reason := text(ad, "HepSub_Reason", LONGEST):
        yield f"route: {reason}"
    if left := left_sites(ad):
        yield f"it was on hold at {', '.join(left)}, was removed there, and goes to another site"
    elif is_recalled(ad):
        yield (
            "that site, which was left out, was asked to remove it where it waited: it goes to another one once it has"
        )
    elif others := may_move_to(ad):
        yield f"where that site goes on to hold jobs for reasons of its own, it goes to {' or '.join(others)}"
    if number := text(ad, "GridJobId", LONGEST):
        status = text(ad, "GridJobStatus")
        yield f"GridJobId {number}{f', there {status}' if status else ''}"
    if token_end is not None:
        ends = "ended" if token_end <= now else "is good until"
        yield f"the token that the site is shown {ends} {moment_text(token_end, now)}"


def _moving(
    job: JobStatus, ad: ClassAd, site: str, now: float, *, expired: bool
) -> tuple[str, str]:
    """What a job does that is not on hold."""
    since = seconds(ad, "GridResourceUnavailableTime")
    silence = f"{site} has not answered for {duration_text(max(1.0, now - since))}"
    taken = bool(text(ad, "GridJobId"))
    if since and expired:
        goes_on = "the job goes on there" if taken else "the job waits"
        return f"{silence}: the token that it is shown has ended; {goes_on}", "hep_auth renew"
    if job.state is State.RUNNING:
        ran = duration_text(job.run_seconds)
        return (
            f"{silence}; the job goes on there" if since else f"it runs at {site}, for {ran} so far"
        ), ""
    if since:
        return f"{silence}; the job {'is there, and ' if taken else ''}waits until it does", ""
    if not taken:
        waited = duration_text(max(1.0, now - job.submitted))
        return f"it is on its way to {site}, which has not taken it yet; submitted {waited} ago", (
            "hep_auth renew" if expired else ""
        )
    status = text(ad, "GridJobStatus")
    if status in ("", "IDLE"):
        return f"{site} has taken it, and has not started it yet: it is idle there", ""
    return f"it is at {site}, which says that it is {status}", ""


def _held(
    job: JobStatus, ad: ClassAd, meant: str, site: str, *, expired: bool
) -> tuple[str, str, tuple[str, ...]]:
    """Why a job is on hold: because of the site, or because the grid manager could not go on."""
    words = (f"HTCondor: {job.hold_code}/{job.hold_subcode} {job.hold_reason}",)
    again = f"hep_rm {meant}, and submit it again"
    if job.hold_code == 0 and _GONE in job.hold_reason:
        risk = f"hep_release {meant} would start it a second time"
        return f"{site} removed it, and does not say why", f"{again} ({risk})", words
    if job.hold_code == 0 and expired:
        return (
            f"{site} did not take it: the token that it is shown has ended",
            f"hep_auth renew && hep_release {meant}",
            words,
        )
    if job.hold_code == 0:
        return (
            f"{site} could not be asked to run it: {job.hold_reason}",
            f"hep_release {meant}",
            words,
        )
    advice = explain_held(job, ad, meant)
    if job.hold_code == SUBMITTED_ON_HOLD:
        return advice.sentence, advice.next_command, advice.details
    next_command = advice.next_command
    # HTCondor-CE's usual policy lets a job start once.
    if seconds(ad, "JobStartDate") and next_command == f"hep_release {meant}":
        next_command += f"; where the site starts no job twice (HTCondor-CE's usual way), {again}"
    there = f"on hold at {site}: {advice.sentence}" if text(ad, "GridJobId") else advice.sentence
    if is_about_memory(job.hold_code, job.hold_subcode):  # what is changed here does not reach it
        return there, f"hep_rm {meant}, and submit it again with more memory (-mem)", advice.details
    return there, next_command, advice.details
