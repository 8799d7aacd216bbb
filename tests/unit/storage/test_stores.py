"""The storages of a policy: keys asked for once, exchanged as they end; and many tasks at once."""

from __future__ import annotations

import threading
import time

import pytest

from hepsub.errors import HepsubError, StorageRefused, UnknownStorage
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.stores import Stores
from hepsub.storage.workers import StopAsked, run_all


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


@pytest.mark.parametrize(("number", "at_once"), [(0, 4), (1, 4), (9, 4), (9, 1)])
def test_each_task_is_done_once(number: int, at_once: int) -> None:
    """By no more than so many threads."""
    done: list[int] = []
    threads: set[int] = set()

    def one(task: int, _: threading.Event) -> None:
        threads.add(threading.get_ident())
        done.append(task)

    run_all(number, one, lambda: None, at_once)
    assert sorted(done) == list(range(number))
    assert len(threads) <= min(number, at_once)


def test_what_a_task_raises_stops_the_others() -> None:
    done: list[int] = []

    def one(task: int, stop: threading.Event) -> None:
        done.append(task)
        if task == 2:
            raise ValueError("two")
        if task > 2:
            stop.wait(10)

    with pytest.raises(ValueError, match="two"):
        run_all(100, one, lambda: None, 2)
    assert len(done) < 10


def test_who_watches_may_stop_the_tasks() -> None:
    """They are told, and what they raise then is not an error."""
    told: list[bool] = []

    def one(_: int, stop: threading.Event) -> None:
        told.append(stop.wait(10))
        raise StopAsked

    def watch() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(100, one, watch, 3)
    assert told == [True] * 3
