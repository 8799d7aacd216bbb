"""The testbed's KDC enforces what a real one does: life, renewable life, refusal, absence."""

import time

import pytest

from tests.testbed.kdc import Kdc
from tests.testbed.process import TestbedError
from tests.testbed.users import Account


def test_a_ticket_ends_and_is_renewed_until_its_renewable_life_ends(
    kdc: Kdc, host_alice: Account
) -> None:
    begin = time.monotonic()
    cache = kdc.kinit(host_alice, life_s=6, renewable_s=10)
    assert cache.is_good()
    assert cache.proves_itself()
    time.sleep(3)
    assert cache.run("kinit", "-R").returncode == 0
    time.sleep(max(0, begin + 7.5 - time.monotonic()))
    assert cache.proves_itself(), "without the renewal it would be over"
    time.sleep(max(0, begin + 13 - time.monotonic()))
    assert not cache.is_good()
    assert not cache.proves_itself()
    assert "expired" in cache.run("kinit", "-R").stderr


def test_a_ticket_that_nobody_renews_is_over(kdc: Kdc, host_alice: Account) -> None:
    cache = kdc.kinit(host_alice, life_s=4, renewable_s=60)
    assert cache.is_good()
    time.sleep(6)
    assert not cache.is_good()
    assert not cache.proves_itself()
    assert cache.run("kinit", "-R").returncode != 0, "no renewal after the end"


def test_a_principal_may_have_a_shorter_life_than_it_asks_for(
    kdc: Kdc, host_alice: Account
) -> None:
    kdc.principal("short", max_life_s=3, max_renewable_s=0)
    cache = kdc.kinit(host_alice, life_s=3600, name="short")
    assert cache.is_good()
    time.sleep(4.5)
    assert not cache.is_good()


def test_wrong_passwords_and_disabled_principals_are_refused(kdc: Kdc, host_alice: Account) -> None:
    cache = kdc.kinit(host_alice)
    wrong = host_alice.run(["kinit", "hepalice"], env=cache.environment, input="wrong\n")
    assert "Password incorrect" in wrong.stderr
    kdc.disable("hepalice")
    try:
        with pytest.raises(TestbedError, match="revoked"):
            kdc.kinit(host_alice)
    finally:
        kdc.enable("hepalice")


def test_without_the_kdc_there_is_no_ticket(kdc: Kdc, host_alice: Account) -> None:
    cache = kdc.kinit(host_alice)
    kdc.stop()
    assert "Cannot contact any KDC" in cache.run("kinit", "-R").stderr
    kdc.start()
    assert cache.run("kinit", "-R").returncode == 0
