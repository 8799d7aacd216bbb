"""What is said at submission of what may end before the job does."""

import pytest

from hepsub.plan.forecast import Expiry, Window, forecast_note, unrefreshed_note
from hepsub.units import moment_text

NOON = 1_700_000_000.0
INSTALL = "hep_auth renew -install"
HOUR, DAY = 3600.0, 86400.0
WINDOW = Window(now=NOON, needed=10 * DAY + 10 * HOUR)


def note(expires: float | None, renewable: float | None, *, renewed: bool) -> str:
    """The sentence about a ticket; times in seconds from now."""
    expiry = Expiry(
        what="your Kerberos ticket",
        expires=None if expires is None else NOON + expires,
        renewable_until=None if renewable is None else NOON + renewable,
        obtain="kinit",
        consequence="jobs that come later run without a ticket",
    )
    return forecast_note(
        expiry, WINDOW, renewer="hep_auth renew" if renewed else "", way=lambda: INSTALL
    )


@pytest.mark.parametrize("renewed", [True, False])
def test_what_lasts_needs_no_word(renewed: bool) -> None:
    """Unlimited, or longer than wait and walltime together."""
    assert not note(None, None, renewed=renewed)
    assert not note(11 * DAY, 11 * DAY, renewed=renewed)
    assert not note(WINDOW.needed, WINDOW.needed, renewed=renewed), "it ends when the job does"


def test_what_cannot_be_renewed_is_said_with_what_to_do() -> None:
    """Whether or not hep_auth renew is installed."""
    for renewed in (True, False):
        text = note(6 * HOUR, 6 * HOUR, renewed=renewed)
        assert text == (
            "your Kerberos ticket ends in 6 h and cannot be renewed; a job may wait and run up to 10 d 10 h:"
            " kinit before then, or jobs that come later run without a ticket"
        )


def test_renewal_that_is_enough_is_silent_only_when_somebody_does_it() -> None:
    """Otherwise the user is told how to have it done."""
    assert not note(6 * HOUR, 20 * DAY, renewed=True)
    text = note(6 * HOUR, 20 * DAY, renewed=False)
    assert "nothing renews it: hep_auth renew -install" in text
    assert not note(6 * HOUR, None, renewed=True)
    assert "hep_auth renew -install" in note(6 * HOUR, None, renewed=False)


def test_renewal_that_is_not_enough_names_the_true_limit() -> None:
    """The day after which only the user's own kinit helps."""
    text = note(6 * HOUR, 5 * DAY, renewed=True)
    assert (
        f"can be renewed until {moment_text(NOON + 5 * DAY, NOON)} (hep_auth renew does it)" in text
    )
    assert "kinit before then" in text
    assert "nothing does it: hep_auth renew -install" in note(6 * HOUR, 5 * DAY, renewed=False)


def test_moments_are_as_short_as_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time today, the weekday this week, else the date."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert moment_text(NOON + 60, NOON) == "22:14"
    assert moment_text(NOON + 2 * DAY, NOON) == "Thursday 22:13"
    assert moment_text(NOON + 9 * DAY, NOON) == "2023-11-23 22:13"
    assert moment_text(NOON - 2 * DAY, NOON) == "2023-11-12 22:13"
    monkeypatch.undo()
    time.tzset()


def test_whoever_renews_is_named() -> None:
    """A pool with a credmon renews the tickets that it delivers, whether or not hep_auth renew runs."""
    expiry = Expiry(
        what="your Kerberos ticket",
        expires=NOON + HOUR,
        renewable_until=NOON + 5 * DAY,
        obtain="kinit and hep_auth renew",
        consequence="jobs that come later run without a ticket",
    )
    text = forecast_note(expiry, WINDOW, renewer="the pool's credmon", way=lambda: INSTALL)
    assert "(the pool's credmon does it), but" in text
    assert text.endswith(
        ": kinit and hep_auth renew before then, or jobs that come later run without a ticket"
    )


@pytest.mark.parametrize(
    ("expires", "walltime", "said"),
    [
        (None, 9e9, ""),
        (NOON + 7200, 3600, ""),
        (NOON + 7200, 3601, "may end 1 h after a job has started"),
        (NOON - 5, 60, "may end"),
    ],
)
def test_what_cannot_be_refreshed_has_half_of_its_life_when_a_job_starts(
    expires: float | None, walltime: float, said: str
) -> None:
    """Longer jobs are told at submission what will happen to them."""
    expiry = Expiry(
        what="the token iam",
        expires=expires,
        renewable_until=None,
        obtain="login",
        consequence="it runs without it",
    )
    note = unrefreshed_note(expiry, Window(now=NOON, needed=1e6), walltime=walltime)
    assert said in note
    assert bool(note) is bool(said)
