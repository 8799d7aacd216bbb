"""Which of several credentials is the best, and when it should be renewed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepsub.auth.copies import CredentialCopy, best_of, copy_of, read_copy
from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.plan.credentials import JobCredential
from hepsub.policy.model import KERBEROS
from tests.fakes.ccaches import Entry, cache
from tests.fakes.credentials import make_token
from tests.fakes.tokens import jwt

NOON = 1_700_000_000.0
TOKEN = JobCredential(name="iam", kind="token", file="iam.token")
TICKET = JobCredential(name="krb", kind="kerberos", file="krb5cc_1000")


def make_copy(
    expires: float | None,
    until: float | None = None,
    *,
    kind: str = "token",
    since: float | None = NOON,
) -> CredentialCopy:
    """A credential whose life began at noon; moments are seconds after noon."""
    lifetime = Lifetime(
        expires=None if expires is None else NOON + expires,
        renewable_until=None if until is None else NOON + until,
        since=since,
    )
    credential = UserCredential(name="iam", kind=kind, who="alice", lifetime=lifetime, content=b"x")
    return copy_of(credential, NOON)


def ticket(expires: float, until: float) -> CredentialCopy:
    """A ticket."""
    return make_copy(expires, until, kind=KERBEROS)


def test_it_is_due_at_half_of_its_life() -> None:
    """Counted from when its life began, not from now."""
    assert make_copy(3600).due == NOON + 1800
    assert make_copy(3600, since=NOON - 3600).due == NOON


def test_one_that_does_not_tell_its_end_is_renewed_every_ten_minutes() -> None:
    """An opaque token: half of that is when it is due."""
    copy = make_copy(None)
    assert (copy.expires, copy.due) == (NOON + 600, NOON + 300)


def test_one_that_had_ended_when_its_life_began_has_no_negative_life() -> None:
    """A clock that is wrong must not put the next renewal into the past of its birth."""
    copy = make_copy(-10)
    assert copy.due == NOON


@pytest.mark.parametrize(
    ("expires", "until", "can"),
    [(600, None, True), (600, 6000, True), (600, 600, False), (600, 600.5, False), (600, 0, False)],
)
def test_it_can_be_renewed_where_that_gains_something(
    expires: float, until: float | None, *, can: bool
) -> None:
    """A second is nothing: KDCs round."""
    assert make_copy(expires, until).can_be_renewed is can


def test_of_tickets_the_one_that_can_be_renewed_longest_is_the_best() -> None:
    """Even if another ends later now: kinit -R makes up for that; of equals the later end counts."""
    long_renewable, long_lived = ticket(100, 9000), ticket(500, 600)
    assert long_renewable.is_better_than(long_lived)
    assert not long_lived.is_better_than(long_renewable)
    assert ticket(500, 600).is_better_than(ticket(100, 600.5))


def test_of_tokens_the_one_that_ends_last_is_the_best() -> None:
    """Whatever their sources promise; by more than a second, or files are written for nothing."""
    assert make_copy(200).is_better_than(make_copy(100, 9000))
    assert not make_copy(100.5).is_better_than(make_copy(100))
    assert not make_copy(100).is_better_than(make_copy(100))
    assert make_copy(-100).is_better_than(None)


def test_what_has_ended_is_never_the_best() -> None:
    """Nor is nothing."""
    ended, lives = ticket(-1, 9000), ticket(10, 20)
    better, worse = ticket(10, 60), ticket(10, 15)
    for several in ([worse, lives, better], [better, lives, worse], [lives, better, worse]):
        assert best_of(several, NOON) is better
    assert best_of([ended, None, lives], NOON) is lives
    assert best_of([ended, None], NOON) is None
    assert best_of([], NOON) is None
    assert best_of([ticket(0, 9000)], NOON) is None, "it ends at this moment"


def test_a_token_is_read_with_its_own_times(tmp_path: Path) -> None:
    """Not with those of its file."""
    path = tmp_path / "iam.token"
    path.write_bytes(make_token(NOON, 3600))
    copy = read_copy(path, TOKEN, NOON)
    assert copy is not None
    assert (copy.since, copy.expires) == (NOON, NOON + 3600)
    assert copy.credential.content == make_token(NOON, 3600)


@pytest.mark.parametrize(
    ("said", "who", "since"),
    [
        ({"sub": "alice", "iss": "https://iam.org/", "nbf": 5, "iat": 7}, "alice at https://iam.org", 5),
        ({"sub": "alice", "iat": 7}, "alice", 7),
        ({}, "", NOON),
    ],
)  # fmt: skip
def test_whom_a_token_speaks_for_and_since_when(
    said: dict[str, object], who: str, since: float, tmp_path: Path
) -> None:
    path = tmp_path / "iam.token"
    path.write_text(f" {jwt(**said)}\n")
    os.utime(path, (NOON, NOON))
    copy = read_copy(path, TOKEN, NOON)
    assert copy is not None
    assert (copy.credential.who, copy.since, copy.credential.kind) == (who, since, "token")


def test_an_opaque_token_is_as_old_as_its_file(tmp_path: Path) -> None:
    """Nothing else tells."""
    path = tmp_path / "iam.token"
    path.write_text("opaque-token-of-somebody")
    os.utime(path, (NOON, NOON))
    copy = read_copy(path, TOKEN, NOON)
    assert copy is not None
    assert copy.since == NOON


def test_an_opaque_token_of_a_clock_that_was_ahead_is_as_old_as_can_be(tmp_path: Path) -> None:
    """So another one is asked for."""
    path = tmp_path / "iam.token"
    path.write_text("opaque-token-of-somebody")
    os.utime(path, (NOON + 86400, NOON + 86400))
    assert best_of([read_copy(path, TOKEN, NOON)], NOON) is None


def test_a_ticket_is_read_with_its_renewable_life(tmp_path: Path) -> None:
    """As klist shows it."""
    path = tmp_path / "krb5cc_1000"
    path.write_bytes(cache(Entry(starts=1000, expires=2000, renew_until=5000)))
    copy = read_copy(path, TICKET, NOON)
    assert copy is not None
    assert (copy.since, copy.expires, copy.can_be_renewed) == (1000, 2000, True)
    assert copy.credential.lifetime.renewable_until == 5000


@pytest.mark.parametrize("content", [None, b"", b"\x05\x04", b"two words\n", b"\xff\xfe"])
@pytest.mark.parametrize("credential", [TOKEN, TICKET], ids=["token", "ticket"])
def test_garbage_is_no_copy(
    tmp_path: Path, content: bytes | None, credential: JobCredential
) -> None:
    """A damaged file is replaced, never trusted."""
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    assert read_copy(path, credential, NOON) is None
