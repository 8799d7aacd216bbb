"""The texts of hep_auth: tables and sentences, from values alone."""

from __future__ import annotations

import pytest

from hepsub.actions.auth.login import Login, Told
from hepsub.actions.auth.status import AuthStatus, Row
from hepsub.actions.renew.install import Installed, Uninstalled
from hepsub.actions.renew.renew import Renewed
from hepsub.actions.renew.rounds import Looped, Silent
from hepsub.actions.renew.status import RenewalStatus
from hepsub.auth.renewal import Outcome, RenewalState
from hepsub.cli.output import value_text
from hepsub.result import Problem, document_of
from hepsub.units import moment_text
from tests.fakes.world import NOON

MISSING = Problem(code="credential-missing", message="token x: there is none", remedy="get one")
STATE = RenewalState(
    when=NOON - 120,
    host="login02",
    every=600.0,
    jobs=12,
    credentials={
        "krb": Outcome(expires=NOON + 3600, renewable_until=NOON + 7200, renewed=NOON - 120),
        "iam": Outcome(expires=NOON - 500, failures=1, message="no"),
    },
    storages={"herd": Outcome(expires=None)},
    notes=("cluster 13: its gate was opened",),
)


def lines(*rows: Row) -> list[str]:
    return value_text(AuthStatus(credentials=rows, now=NOON)).splitlines()


def test_a_good_row() -> None:
    """Who, until when, how long that is, until when it can be renewed, what needs it."""
    row = Row(
        kind="kerberos",
        name="krb",
        who="alice@X.ORG",
        expires=NOON + 3600,
        renewable_until=NOON + 7200,
        needed_by=("pool local", "site cnaf"),
    )
    head, line = lines(row)
    assert head.split() == [
        "WHO",
        "VALID",
        "UNTIL",
        "RENEWABLE",
        "UNTIL",
        "NEEDED",
        "BY",
        "NEXT",
        "COMMAND",
    ]
    until, renewable = moment_text(NOON + 3600, NOON), moment_text(NOON + 7200, NOON)
    words = f"Kerberos krb alice@X.ORG {until} (in 1 h) {renewable} pool local, site cnaf -"
    assert line.split() == words.split()


@pytest.mark.parametrize(
    ("expires", "renewable_until", "text"),
    [
        (NOON + 60, None, "its source ends"),
        (NOON + 60, NOON + 60, " no "),
        (None, None, "does not end"),
    ],
)
def test_until_when_it_can_be_renewed(
    expires: float | None, renewable_until: float | None, text: str
) -> None:
    """As long as its source works; not at all; no question."""
    row = Row(kind="token", name="iam", who="a", expires=expires, renewable_until=renewable_until)
    assert text in lines(row)[1]


def test_a_row_in_trouble_names_the_trouble_and_the_next_command() -> None:
    """What is required is told as an error by the renderer; what is needed elsewhere below the table."""
    row = Row(
        kind="token",
        name="x",
        needed_by=("site s",),
        problem=MISSING,
        next_command="hep_auth login x",
    )
    assert lines(row)[1].split() == [
        "token",
        "x",
        "(credential-missing)",
        "-",
        "-",
        "site",
        "s",
        "hep_auth",
        "login",
        "x",
    ]
    assert lines(row)[2] == "token x: there is none: get one"
    required = Row(kind="token", name="x", needed_by=("y",), problem=MISSING, required=True)
    assert len(lines(required)) == 2
    assert len(lines(Row(kind="token", name="x", problem=MISSING))) == 2


def test_a_word_on_a_good_one_stands_below() -> None:
    """A token that nothing renews, keys of a shorter session."""
    row = Row(kind="token", name="iam", who="a", note="nothing renews it")
    assert lines(row)[-1] == "token iam: nothing renews it"


def test_a_name_cannot_forge_a_row() -> None:
    """Nor can it carry markup."""
    row = Row(kind="token", name="x", who="[red]a\n\x1b[0mb", expires=NOON + 1)
    assert "[red]a\\n\\x1b[0mb" in lines(row)[1]


def test_the_steps_of_a_login() -> None:
    """The commands stand on lines of their own, to be copied."""
    value = Login(
        credentials=(
            Told(name="krb", text="alice@X.ORG", good=True),
            Told(
                name="iam", text="no agent", good=False, commands=("eval x", "hep_auth login iam")
            ),
        )
    )
    assert value_text(value).splitlines() == [
        "krb: alice@X.ORG",
        "iam: no agent",
        "  eval x",
        "  hep_auth login iam",
    ]


def test_what_a_round_did() -> None:
    """Each credential and each storage; what could not be is an error of the renderer's."""
    text = value_text(Renewed(state=STATE, busy=False, pause=1)).splitlines()
    assert text[0] == "12 job(s) looked after"
    assert text[1].startswith("  krb: good until ")
    assert ", renewable until " in text[1]
    assert text[2].startswith("  iam: ended ")
    assert text[2].endswith(", NOT RENEWED")
    assert text[3] == "  URLs of herd: does not end"
    assert value_text(Renewed(state=STATE, busy=True, pause=1)).startswith("another hep_auth renew")
    nothing = Renewed(state=RenewalState(), busy=False, pause=1)
    assert value_text(nothing).startswith("no waiting or running job")


def test_the_installation() -> None:
    """Which, where, how often, and why it lasts."""
    value = Installed(kind="cron", host="h", where="3 * * * * x", every=3600, proof="crond runs it")
    assert value_text(value).splitlines() == [
        "installed on h: cron starts hep_auth renew every 1 h",
        "  3 * * * * x",
        "  it goes on when you log out: crond runs it",
    ]
    assert value_text(Uninstalled(removed=("a", "b"), host="h")) == "removed: a and b"
    assert value_text(Uninstalled(removed=(), host="h")) == "nothing was installed on h"


def test_the_status_of_the_renewal() -> None:
    """Installed or not, the last run, what it did."""
    value = RenewalStatus(state=STATE, kind="", where="", host="h", active=True, now=NOON)
    text = value_text(value).splitlines()
    assert text[0] == "not installed on h"
    assert text[1] == (
        "last run 2 min ago on login02, 12 job(s) looked after; it seems to run by itself"
    )
    assert text[-1] == "  cluster 13: its gate was opened"
    fresh = RenewalStatus(
        state=RenewalState(), kind="cron", where="x", host="h", active=False, now=NOON
    )
    assert value_text(fresh).splitlines() == ["installed on h (cron): x", "it has not run yet"]


def test_loops_and_silence() -> None:
    """A loop counts; silence has a document all the same."""
    assert value_text(Looped(rounds=3)) == "3 round(s)"
    round_ = Renewed(state=STATE, busy=False, pause=60.0)
    assert value_text(Silent(value=round_)) == ""
    assert document_of(Silent(value=round_)) == document_of(round_)


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (NOON + 7200, "renewable until"),
        (NOON + 3600, "cannot be renewed"),
        (NOON + 60, "cannot be renewed"),
    ],
)
def test_what_ends_when_its_renewal_does_cannot_be_renewed(limit: float, text: str) -> None:
    """A ticket whose renewable life is used up is told as one that has none."""
    outcome = Outcome(expires=NOON + 3600, renewable_until=limit, renewed=NOON)
    state = RenewalState(
        when=NOON, host="login01", every=600.0, jobs=1, credentials={"krb": outcome}
    )
    told = value_text(Renewed(state=state, busy=False, pause=600.0))
    assert text in told
    assert ("cannot be renewed" in told) == (limit <= NOON + 3600)
