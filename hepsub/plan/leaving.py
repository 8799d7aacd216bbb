"""Which remote sites are left out for a while, because they hold or fail jobs for reasons of their own. Pure.

What a user's own job brings about never counts: its exit code, memory, walltime, its image, inputs that are not there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta, Struct

from hepsub.documents import Moment, has_been
from hepsub.plan.model import LEFT_OUT, LEFT_SITES
from hepsub.policy.model import Policy
from hepsub.units import moment_text

_Text = Annotated[str, Meta(max_length=1000)]

_HOLDS: Mapping[int, str] = {
    6: "the job could not be started",
    19: "what the site runs before each job failed",
    23: "the account of the job could not be used",
    45: "the container runtime failed",
}
"""HoldReasonCode (HTCondor Manual, "Job ClassAd Attributes") of what a job with a bundle cannot bring about.

Such a job is /bin/sh: where that does not start (6), nothing would.
"""
_KEPT = 100
"""So many troubles of a site are remembered, if they are enough to leave it out."""
_TRANSFER = 13
_AT_THE_SITE = "failure at execution point"
"""HTCondor's words for the side of a transfer that failed; at the other side are the user's own files."""
_LOST = "Job disappeared from remote schedd"
_CODES: Mapping[int, str] = {
    88: "there was neither curl nor python3",
    89: "libraries could not be unpacked",
    90: "what arrived was not what had been sent",
}
"""What the wrapper says of a job that it could not start (worker/README.md)."""


class Trouble(Struct, frozen=True, kw_only=True):
    """A job, with its schedd, that a site held or failed for reasons of its own."""

    site: _Text
    job: _Text
    when: Moment
    why: _Text


class LeftOut(Struct, frozen=True, kw_only=True):
    """A site that gets no jobs for a while.

    Attributes:
        since: when the first of the jobs was held or failed, in seconds since the epoch.
        jobs: how many there were.
        why: the most frequent reason, a clause for people.
    """

    site: _Text
    since: Moment
    until: Moment
    jobs: Annotated[int, Meta(ge=1, le=2**31)]
    why: _Text

    def text(self, now: float) -> str:
        """Why it gets no jobs, and until when, for people."""
        since, until = moment_text(self.since, now), moment_text(self.until, now)
        return (
            f"{self.jobs} of your jobs were held or failed there since {since} ({self.why}); it is left out until"
            f" {until}"
        )


class SiteRecord(Struct, frozen=True, kw_only=True):
    """What is remembered of sites: troubles that are not too old, and which sites are left out."""

    troubles: Annotated[tuple[Trouble, ...], Meta(max_length=100_000)] = ()
    left_out: Annotated[tuple[LeftOut, ...], Meta(max_length=1000)] = ()

    def now_left_out(self, policy: Policy, now: float) -> Mapping[str, LeftOut]:
        """The sites of the policy that are left out now, by name."""
        # What cannot be is not believed: a clock that was wrong once would leave a site out for years.
        return {
            each.site: each
            for each in self.left_out
            if (site := policy.site.get(each.site)) is not None
            and now < each.until <= now + site.leave_out
            and has_been(each.since, now)
        }


def hold_by_site(code: int, reason: str) -> str:
    """Why a job with a bundle is on hold, by HoldReasonCode and HoldReason, where that is the site's own fault."""
    # The grid manager has no codes.
    if code == 0 and _LOST in reason:
        return "the site lost the job"
    if code == _TRANSFER and _AT_THE_SITE in reason:
        return "files could not be received"
    return _HOLDS.get(code, "")


def failure_by_site(code: int, *, started: bool) -> str:
    """Why a job failed, by what its wrapper reported, where that is the site's own fault."""
    # A program may end with 88 itself: only before it was started is that the wrapper's word.
    return "" if started else _CODES.get(code, "")


def judged(record: SiteRecord, found: Iterable[Trouble], policy: Policy, now: float) -> SiteRecord:
    """The record with what was found now: a site is left out from so many jobs on, and the time ends by itself."""
    # A job that stays on hold is seen in each round, and counts once.
    known = {(each.site, each.job): each for each in (*record.troubles, *found)}
    recent = tuple(each for each in known.values() if _counts(each, policy, now))
    left = dict(record.now_left_out(policy, now))
    by_site: defaultdict[str, list[Trouble]] = defaultdict(list)
    for each in recent:
        by_site[each.site].append(each)
    for name, those in by_site.items():
        site = policy.site[name]
        if name not in left and len(those) >= site.leave_out_after:
            left[name] = LeftOut(
                site=name,
                since=min(each.when for each in those),
                until=now + site.leave_out,
                jobs=len(those),
                why=Counter(each.why for each in those).most_common(1)[0][0],
            )
    kept = (_latest(those, policy.site[name].leave_out_after) for name, those in by_site.items())
    return SiteRecord(
        troubles=tuple(each for those in kept for each in those), left_out=tuple(left.values())
    )


def _latest(troubles: Iterable[Trouble], needed: int) -> list[Trouble]:
    """As many of them as can matter later."""
    return sorted(troubles, key=lambda each: (each.when, each.job))[-max(_KEPT, needed) :]


def _counts(trouble: Trouble, policy: Policy, now: float) -> bool:
    """Whether a trouble is not too old, at a site that may be left out."""
    site = policy.site.get(trouble.site)
    return site is not None and now - site.leave_out < trouble.when and has_been(trouble.when, now)


def unless_left_out(site: str, slots: str) -> str:
    """What is true of a site's slots as long as it is not left out."""
    # The jobs' own attribute decides, so that those that wait already need no other requirements.
    return f'({slots}) && !stringListMember({_literal(site)}, MY.{LEFT_OUT}, ",")'


def where(slots: Mapping[str, str]) -> str:
    """What the name of a slot's site is, by what is true of the slots of each; `?` for none of these."""
    found = '"?"'
    for name, each in reversed(list(slots.items())):
        found = f"ifThenElse(({each}) is true, {_literal(name)}, {found})"
    return found


def left_attribute(sites: Iterable[str]) -> Mapping[str, str]:
    """What jobs have in their ads that were taken away from these sites."""
    return {LEFT_SITES: _literal(",".join(sites))}


def _literal(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
