"""How long what travels with a job is good for, held against how long the job may wait and run. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hepsub.units import moment_text, rough_text

_MARGIN_S = 60
REFRESHER = "hep_auth renew"
"""Who renews, where it runs by itself for this user."""


class Outlook(Struct, frozen=True, kw_only=True):
    """A credential or a storage's keys, as far as a forecast needs them.

    Attributes:
        what: what it is, as a subject: "your Kerberos ticket".
        expires: when it ends, in seconds since the epoch; None for never, or not known.
        renewable_until: until when it can be renewed without its user; None for as long as its
            source works.
        obtain: what its user does for a new one: "kinit".
        loss: what happens to a job that outlives it.
    """

    what: str
    expires: float | None
    renewable_until: float | None
    obtain: str
    loss: str


class Span(Struct, frozen=True, kw_only=True):
    """From now, in seconds since the epoch, to when the last job should have ended, in seconds from now."""

    now: float
    needed: float

    @property
    def end(self) -> float:
        """When the last job should have ended."""
        return self.now + self.needed


def unrefreshed_note(outlook: Outlook, span: Span, *, walltime: float) -> str:
    """A sentence where it may end while a job runs that cannot ask for a newer one; empty where it will not.

    What waits is renewed at half of its life: so much, at least, is left when the job starts.

    Args:
        outlook: what travels.
        span: how long it is needed.
        walltime: how long a job may run, in seconds.
    """
    if outlook.expires is None:
        return ""
    left = max(0.0, outlook.expires - span.now) / 2
    if left >= walltime:
        return ""
    return (
        f"{outlook.what} may end {rough_text(left)} after a job has started, and jobs at the remote site cannot ask"
        f" for a newer one while they run (io_proxy is not set): then {outlook.loss}"
    )


def forecast_note(outlook: Outlook, span: Span, *, renewer: str, way: Callable[[], str]) -> str:
    """A sentence where it may end before the job does; empty where it will not.

    Args:
        outlook: what travels.
        span: how long it is needed.
        renewer: who renews it by itself, in words; empty for nobody.
        way: what to do for that, where nobody does.
    """
    if outlook.expires is None or outlook.expires >= span.end:
        return ""
    ends = f"{outlook.what} ends in {rough_text(max(0.0, outlook.expires - span.now))}"
    job = f"a job may wait and run up to {rough_text(span.needed)}"
    limit = outlook.renewable_until
    if limit is not None and limit <= outlook.expires + _MARGIN_S:
        return (
            f"{ends} and cannot be renewed; {job}: {outlook.obtain} before then, or {outlook.loss}"
        )
    if limit is None or limit >= span.end:
        until = f" and can be renewed until {moment_text(limit, span.now)}" if limit else ""
        if renewer:
            return ""
        return f"{ends}{until}; {job}, and nothing renews it: {way()}, or {outlook.loss}"
    who = f"{renewer} does it" if renewer else f"nothing does it: {way()}"
    until = moment_text(limit, span.now)
    return (
        f"{ends} and can be renewed until {until} ({who}), but {job}: {outlook.obtain} before then,"
        f" or {outlook.loss}"
    )
