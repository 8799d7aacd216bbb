"""A credential in hand: its lifetime, its file, and that it is in no text."""

from __future__ import annotations

import pytest

from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.policy.model import TOKEN

NOW = 1_700_000_000.0


def held(content: bytes = b"secret") -> UserCredential:
    lifetime = Lifetime(expires=None, renewable_until=None)
    return UserCredential(name="iam", kind=TOKEN, who="alice", lifetime=lifetime, content=content)


@pytest.mark.parametrize(
    ("expires", "left", "good"),
    [(NOW + 60, 60, True), (NOW, 0, False), (NOW - 5, 0, False), (None, float("inf"), True)],
)
def test_what_is_left_of_a_life(expires: float | None, left: float, good: bool) -> None:
    lifetime = Lifetime(expires=expires, renewable_until=None)
    assert lifetime.left(NOW) == left
    assert lifetime.is_good(NOW) is good


def test_it_may_have_to_live_for_a_while() -> None:
    lifetime = Lifetime(expires=NOW + 60, renewable_until=None)
    assert lifetime.is_good(NOW, 59)
    assert not lifetime.is_good(NOW, 60)


@pytest.mark.parametrize(
    ("expires", "until", "can"),
    [
        (NOW + 60, None, True),
        (NOW + 60, NOW + 600, True),
        (NOW + 60, NOW + 60, False),
        (NOW - 600, NOW - 60, False),
        (None, None, True),
    ],
)
def test_whether_it_can_be_renewed(expires: float | None, until: float | None, can: bool) -> None:
    assert Lifetime(expires=expires, renewable_until=until).can_be_renewed(NOW) is can


def test_the_content_is_in_no_text() -> None:
    assert "secret" not in f"{held()!r} {held()}"
