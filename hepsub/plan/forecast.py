"""How long what travels with a job is good for, held against how long the job may wait and run. Pure.

Each function returns a sentence for the user, empty where nothing ends too early.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hepsub.units import moment_text, rough_text

_MARGIN_S = 60
"""A ticket that can be renewed for less than this beyond its end cannot really be renewed."""
REFRESHER = "hep_auth renew"
"""Who renews, where it runs by itself for this user."""


class Expiry(Struct, frozen=True, kw_only=True):
    """A credential or a storage's keys, as far as a forecast needs them.

    Attributes:
        what: as a subject: "your Kerberos ticket".
        expires: in seconds since the epoch; None for never, or not known.
        renewable_until: until when it can be renewed without its user; None for as long as its
            source works.
        obtain: what its user does for a new one: "kinit".
        consequence: what happens to a job that outlives it.
    """

    what: str
    expires: float | None
    renewable_until: float | None
    obtain: str
    consequence: str


class Window(Struct, frozen=True, kw_only=True):
    """From now, in seconds since the epoch, to when the last job should have ended, in seconds from now."""

    now: float
    needed: float

    @property
    def end(self) -> float:
        """When the last job should have ended."""
        return self.now + self.needed


def unrefreshed_note(expiry: Expiry, window: Window, *, walltime: float) -> str:
    """A sentence where it may end while a job runs, for `walltime` seconds, that cannot ask for a newer one."""
    left = _left_then(expiry, window)
    if left is None or left >= walltime:
        return ""
    return (
        f"{expiry.what} may end {rough_text(left)} after a job has started, and jobs at the remote site cannot ask"
        f" for a newer one while they run (io_proxy is not set): then {expiry.consequence}"
    )


def taken_note(expiry: Expiry, window: Window) -> str:
    """A sentence where it may end at a site that has taken the job's files, and gets no newer ones."""
    left = _left_then(expiry, window)
    if left is None or left >= window.needed:
        return ""
    return (
        f"{expiry.what} may end {rough_text(left)} after the site has taken a job, waiting or running: from then on"
        f" nothing is refreshed there, and {expiry.consequence}"
    )


def _left_then(expiry: Expiry, window: Window) -> float | None:
    """How long it is good for, at least, when its job starts or is taken, in seconds; None for ever."""
    if expiry.expires is None:
        return None
    # What waits here is renewed at half of its life.
    return max(0.0, expiry.expires - window.now) / 2


def unopened_note(left: float, wait: float) -> str:
    """A sentence where a job may wait at a site for longer than it can open its mailbox.

    Args:
        left: for how long the URL is good that it takes along, in seconds.
        wait: how long it may wait, in seconds.
    """
    left = left / 2  # the other half may be over when it is taken
    if left >= wait:
        return ""
    return (
        f"a job must start within {rough_text(left)} after the site has taken it to find anything newer in its mailbox,"
        f" whose signed URL ends then, and may wait"
        f" {rough_text(wait)}: with mailbox_public = true in [staging], where the store lets everybody read there, it"
        " does not end"
    )


def forecast_note(expiry: Expiry, window: Window, *, renewer: str, way: Callable[[], str]) -> str:
    """A sentence where it may end before the job does.

    Args:
        expiry: what travels.
        window: how long it is needed.
        renewer: who renews it by itself, in words; empty for nobody.
        way: what to do for that, where nobody does.
    """
    if expiry.expires is None or expiry.expires >= window.end:
        return ""
    ends = f"{expiry.what} ends in {rough_text(max(0.0, expiry.expires - window.now))}"
    job = f"a job may wait and run up to {rough_text(window.needed)}"
    limit = expiry.renewable_until
    if limit is not None and limit <= expiry.expires + _MARGIN_S:
        return f"{ends} and cannot be renewed; {job}: {expiry.obtain} before then, or {expiry.consequence}"
    if limit is None or limit >= window.end:
        if renewer:
            return ""
        until = f" and can be renewed until {moment_text(limit, window.now)}" if limit else ""
        return f"{ends}{until}; {job}, and nothing renews it: {way()}, or {expiry.consequence}"
    who = f"{renewer} does it" if renewer else f"nothing does it: {way()}"
    until = moment_text(limit, window.now)
    return (
        f"{ends} and can be renewed until {until} ({who}), but {job}: {expiry.obtain} before then,"
        f" or {expiry.consequence}"
    )
