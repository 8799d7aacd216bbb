"""The storages of a policy: keys asked for once, exchanged as they end."""

from __future__ import annotations

import time

import pytest

from hepsub.errors import HepsubError, StorageRefused, UnknownStorage
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.stores import Stores


class Keys:
    """Gives keys that end after so many seconds, numbered; or none."""

    def __init__(self, *lives: float | None) -> None:
        self.lives = list(lives)
        self.asked = 0

    def __call__(self, name: str, _: Storage) -> S3Credentials:
        if not self.lives:
            raise StorageRefused("no keys")
        self.asked += 1
        life = self.lives.pop(0)
        expires = None if life is None else time.time() + life
        return S3Credentials(access=f"{name}{self.asked}", secret="s", token="", expires=expires)


def stores(*lives: float | None) -> Stores:
    """One storage."""
    return Stores(storages={"herd": Storage(endpoint="https://s3.org")}, keys=Keys(*lives))


def test_keys_are_asked_for_once() -> None:
    known = stores(None)
    assert known.store("herd") is known.store("herd")
    assert known.signer("herd").store is known.store("herd")
    with pytest.raises(UnknownStorage) as caught:
        known.store("old")
    assert caught.value.message == "the policy has no storage old any more"
    remedy = "put [storage.old] back until the jobs that use it have ended"
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    ("lives", "renew", "access"),
    [
        ((None,), False, "herd1"),
        ((None, None), True, "herd2"),
        ((30, 3600), False, "herd1"),
        ((30, 3600), True, "herd2"),
        ((10, 3600), False, "herd2"),
        ((-5, 3600), False, "herd2"),
        ((10,), False, "herd1"),
        ((10,), True, None),
        ((-5,), False, None),
        ((None,), True, None),
    ],
)
def test_keys_are_exchanged_before_they_end(
    lives: tuple[float | None, ...], renew: bool, access: str | None
) -> None:
    """Twenty seconds before; what will be refused soon is good until then, where there are no others."""
    known = stores(*lives)
    known.store("herd")
    if access is None:
        with pytest.raises(HepsubError):
            known.refreshed("herd", renew)
        return
    assert known.refreshed("herd", renew).keys.access == access
    assert known.store("herd").keys.access == access


def test_of_many_threads_one_exchanges_them() -> None:
    """Within a second the others get what that one got; later refusals ask again."""
    known = stores(None, None, None)
    assert [known.refreshed("herd", True).keys.access for _ in range(3)] == ["herd2"] * 3
    known._exchanged["herd"] -= 1.1
    assert known.refreshed("herd", True).keys.access == "herd3"
