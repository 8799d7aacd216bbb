"""The state of hep_auth renew: kept whole, read whatever lies there, with a back-off."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.auth.renewal import Outcome, RenewalState, failed, read_state, state_path, state_text
from hepsub.files import write_whole
from hepsub.units import moment_text

NOON = 1_700_000_000.0
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
_OUTCOMES = st.dictionaries(
    st.text(max_size=3),
    st.fixed_dictionaries({}, optional={
        "expires": _PLAIN, "renewable_until": _PLAIN, "renewed": _PLAIN, "failures": _PLAIN, "not_before": _PLAIN,
        "message": _PLAIN,
    }),
    max_size=2,
)  # fmt: skip
VALUES = _PLAIN | st.fixed_dictionaries({}, optional={
    "when": _PLAIN, "by_itself": _PLAIN, "every": _PLAIN, "jobs": _PLAIN, "host": _PLAIN, "credentials": _OUTCOMES,
    "storages": _OUTCOMES | _PLAIN, "notes": st.lists(_PLAIN, max_size=2),
})  # fmt: skip


def test_the_state_survives_its_file(tmp_path: Path) -> None:
    """What the next run and -status read is what was written."""
    state = RenewalState(
        when=NOON,
        host="login01",
        every=600,
        jobs=3,
        credentials={"krb": Outcome(expires=NOON + 60, renewable_until=NOON + 600, renewed=NOON)},
        storages={"herd": Outcome(message="no keys", remedy="hep_auth login", failures=2)},
        notes=("cluster 13 was completed",),
    )
    state_path(tmp_path).parent.mkdir()
    write_whole(state_path(tmp_path), state_text(state), 0o600)
    assert read_state(tmp_path, NOON) == state


@pytest.mark.parametrize(
    "text",
    [
        None, "", "{", "[]", '{"when": "1"}', '{"credentials": 3}', '{"when": 1e999}', '{"when": -1}',
        '{"credentials": {"krb": {"expires": 1e30}}}', '{"storages": {"herd": {"not_before": NaN}}}',
        '{"storages": {"herd": {"failures": -1}}}', '{"jobs": 9e99}', '{"host": ["a"]}', '{"notes": {}}',
        '{"credentials": ' + '{"a":' * 100_000 + "1" + "}" * 100_000, '{"every": ' + "9" * 5000 + "}", "\udcff",
        '{"notes": ["' + "x" * 2**22 + '"]}',
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_none(tmp_path: Path, text: str | None) -> None:
    """A damaged file must not stop the renewal for ever."""
    if text is not None:
        state_path(tmp_path).parent.mkdir()
        state_path(tmp_path).write_text(text, errors="surrogateescape")
    assert read_state(tmp_path, NOON) == RenewalState()


def test_what_a_state_does_not_say_is_nothing(tmp_path: Path) -> None:
    state_path(tmp_path).parent.mkdir()
    state_path(tmp_path).write_text('{"credentials": {"krb": {}}}')
    nothing = Outcome(
        expires=None,
        renewable_until=None,
        renewed=0,
        failures=0,
        message="",
        remedy="",
        not_before=0,
    )
    assert read_state(tmp_path, NOON) == RenewalState(
        when=0,
        unattended=0,
        host="",
        every=0,
        jobs=0,
        credentials={"krb": nothing},
        storages={},
        notes=(),
    )


def test_a_state_that_is_a_named_pipe_is_none(tmp_path: Path) -> None:
    """Nobody waits for who never writes."""
    state_path(tmp_path).parent.mkdir()
    os.mkfifo(state_path(tmp_path))
    assert read_state(tmp_path, NOON) == RenewalState()


@settings(deadline=None)
@given(VALUES)
def test_any_state_can_be_shown_and_gone_on_with(value: object) -> None:
    """Whatever the file holds: the next round runs, and -status shows it."""
    with TemporaryDirectory() as name:
        root = Path(name)
        state_path(root).parent.mkdir()
        state_path(root).write_text(json.dumps(value))
        state = read_state(root, NOON)
    for outcome in (*state.credentials.values(), *state.storages.values()):
        assert moment_text(outcome.not_before, state.when)
        assert outcome.expires is None or moment_text(outcome.expires, NOON)
        assert failed(outcome, "down", "wait", NOON)[1] > NOON


def test_failures_back_off_to_an_hour() -> None:
    """A minute, two, four …: a provider that is down is not hammered, and not forgotten."""
    outcome = Outcome(expires=NOON + 60, renewable_until=NOON + 90, renewed=NOON - 60)
    pauses = []
    for _ in range(9):
        outcome, again = failed(outcome, "down", "wait", NOON)
        assert outcome.not_before == again
        pauses.append(again - NOON)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert outcome == Outcome(
        expires=NOON + 60,
        renewable_until=NOON + 90,
        renewed=NOON - 60,
        failures=9,
        message="down",
        remedy="wait",
        not_before=NOON + 3600,
    )


def test_what_failed_for_some_is_not_left_alone() -> None:
    """One bundle's trouble keeps nobody from serving the others; it is looked after as often as any."""
    outcome, again = failed(Outcome(failures=1), "broken", "mend it", NOON, for_all=False)
    assert (outcome.failures, outcome.not_before, again) == (2, 0.0, NOON + 120)


def test_what_a_clock_that_was_ahead_has_noted_is_not_known(tmp_path: Path) -> None:
    """It would be believed for as long as that clock was ahead; other machines' clocks may differ a little."""
    ahead, a_little = NOON + 400 * 86400, NOON + 60
    state_path(tmp_path).parent.mkdir()
    wrong = RenewalState(
        when=ahead, unattended=ahead, every=600,
        credentials={"krb": Outcome(renewed=ahead, expires=ahead, not_before=ahead + 60)},
        storages={"herd": Outcome(renewed=a_little, expires=ahead, not_before=a_little + 3600)},
    )  # fmt: skip
    state_path(tmp_path).write_text(state_text(wrong))
    state = read_state(tmp_path, NOON)
    assert (state.when, state.unattended, state.is_active(NOON)) == (0, 0, False)
    assert state.credentials["krb"] == Outcome(expires=ahead)
    assert state.storages["herd"] == wrong.storages["herd"]


def test_it_is_active_for_two_pauses() -> None:
    """What forecasts believe: something runs hep_auth renew by itself."""
    assert not RenewalState(when=NOON, every=600).is_active(NOON), "a run by hand promises nothing"
    state = RenewalState(when=NOON, unattended=NOON, every=600)
    assert state.is_active(NOON + 1200)
    assert not state.is_active(NOON + 1300)
    assert not RenewalState().is_active(NOON)


def test_a_long_message_is_cut_where_the_state_could_not_be_read_again(tmp_path: Path) -> None:
    """A store or a schedd wrote most of it."""
    outcome, _ = failed(Outcome(), "down " * 10_000, "wait " * 10_000, NOON)
    path = state_path(tmp_path)
    path.parent.mkdir()
    path.write_text(state_text(RenewalState(when=NOON, storages={"s": outcome})))
    assert read_state(tmp_path, NOON).storages == {"s": outcome}
    assert outcome.message.startswith("down down")
