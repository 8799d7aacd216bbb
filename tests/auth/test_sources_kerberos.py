"""The ticket as a credential, with a real KDC: every kind of cache, every way it ends or is refused."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.auth.credential import UserCredential
from hepsub.auth.kerberos import KerberosSource
from hepsub.errors import (
    CredentialExpired,
    CredentialMissing,
    ProviderUnreachable,
)
from hepsub.files import write_whole
from hepsub.policy.model import Credential
from hepsub.tools import krb5
from tests.testbed.kdc import Kdc
from tests.testbed.users import Account

WHO = "hepalice@TEST.HEP"


def source(kdc: Kdc, name: str, uid: int, principal: str = "") -> KerberosSource:
    return KerberosSource(
        name="krb",
        policy=Credential(kind="kerberos", principal=principal),
        environment=kdc.environment | {"KRB5CCNAME": name},
        uid=uid,
    )


def log_in(kdc: Kdc, name: str, *, who: str = "hepalice", life_s: int, renewable_s: int) -> None:
    """Kinit of this process's user, who alone may look into its keyrings."""
    kdc.principal(who)
    words = ["kinit", "-l", f"{life_s}s", "-r", f"{renewable_s}s", f"{who}@{kdc.realm}"]
    environment = os.environ | kdc.environment | {"KRB5CCNAME": name}
    subprocess.run(words, env=environment, input=f"{kdc.passwords[who]}\n", text=True, check=True,
                   capture_output=True)  # fmt: skip


def proves_itself(kdc: Kdc, account: Account, held: UserCredential, directory: Path) -> bool:
    """Whether the KDC accepts the credential, from a file of its own."""
    path = directory / "exported"
    write_whole(path, held.content, 0o600)
    os.chown(path, account.uid, account.gid)
    return kdc.cache(account, path).proves_itself()


@pytest.fixture
def keyring(kdc: Kdc) -> Iterator[str]:
    """A cache in a keyring of this process's user."""
    name = f"KEYRING:user:hepsub{os.getpid()}"
    yield name
    environment = os.environ | kdc.environment | {"KRB5CCNAME": name}
    subprocess.run(["kdestroy", "-A"], env=environment, check=False, capture_output=True)


def test_a_ticket_from_a_file(kdc: Kdc, host_alice: Account) -> None:
    begin = time.time()
    cache = kdc.kinit(host_alice, life_s=600, renewable_s=6000)
    held = source(kdc, f"FILE:{cache.path}", host_alice.uid).obtain(300)
    assert held.who == WHO
    assert held.lifetime.expires == pytest.approx(begin + 600, abs=5)
    assert held.lifetime.renewable_until == pytest.approx(begin + 6000, abs=5)
    assert held.lifetime.since == pytest.approx(begin, abs=5)
    assert held.content == cache.path.read_bytes()


@pytest.mark.parametrize("kind", ["DIR", "KEYRING"])
def test_a_ticket_from_another_kind_of_cache(
    kdc: Kdc, host_alice: Account, tmp_path: Path, keyring: str, kind: str
) -> None:
    name = keyring if kind == "KEYRING" else f"DIR:{tmp_path}/caches"
    log_in(kdc, name, life_s=600, renewable_s=6000)
    held = source(kdc, name, os.getuid()).obtain(300)
    assert held.who == WHO
    assert (held.lifetime.renewable_until or 0) > (held.lifetime.expires or 0)
    assert held.origin.startswith(kind)
    assert proves_itself(kdc, host_alice, held, host_alice.home)
    renewed = source(kdc, name, os.getuid()).renew(held)
    assert proves_itself(kdc, host_alice, renewed, host_alice.home)


def test_of_two_principals_the_one_of_the_policy(kdc: Kdc, keyring: str) -> None:
    log_in(kdc, keyring, life_s=600, renewable_s=6000)
    log_in(kdc, keyring, who="other", life_s=600, renewable_s=6000)
    for principal in (WHO, "other@TEST.HEP"):
        assert source(kdc, keyring, os.getuid(), principal).obtain(0).who == principal
    with pytest.raises(CredentialMissing, match=r"no Kerberos ticket for third@TEST\.HEP"):
        source(kdc, keyring, os.getuid(), "third@TEST.HEP").obtain(0)


@pytest.mark.parametrize("kind", ["FILE", "DIR"])
def test_a_ticket_that_has_ended(kdc: Kdc, tmp_path: Path, kind: str) -> None:
    name = f"{kind}:{tmp_path}/cache"
    log_in(kdc, name, life_s=1, renewable_s=60)
    time.sleep(2.2)
    with pytest.raises(CredentialExpired, match=rf"{WHO}.* ended at") as caught:
        source(kdc, name, os.getuid()).obtain(0)
    assert "kinit" in caught.value.remedy


@pytest.mark.parametrize("kind", ["FILE", "DIR", "KEYRING"])
def test_no_ticket(kdc: Kdc, tmp_path: Path, keyring: str, kind: str) -> None:
    name = keyring if kind == "KEYRING" else f"{kind}:{tmp_path}/none"
    assert source(kdc, name, os.getuid()).look() is None
    with pytest.raises(CredentialMissing, match="you have no Kerberos ticket"):
        source(kdc, name, os.getuid()).obtain(0)


def test_a_renewed_copy_outlives_the_ticket_which_stays_as_it_is(
    kdc: Kdc, host_alice: Account
) -> None:
    cache = kdc.kinit(host_alice, life_s=6, renewable_s=60)
    before = cache.path.read_bytes()
    mine = source(kdc, f"FILE:{cache.path}", host_alice.uid)
    held = mine.obtain(0)
    time.sleep(3)
    renewed = mine.renew(held)
    assert (renewed.lifetime.expires or 0) >= (held.lifetime.expires or 0) + 2
    assert cache.path.read_bytes() == before
    time.sleep(5)
    assert not cache.is_good()
    assert proves_itself(kdc, host_alice, renewed, host_alice.home)


def test_a_ticket_that_is_too_short_is_obtained_longer(kdc: Kdc, host_alice: Account) -> None:
    cache = kdc.kinit(host_alice, life_s=10, renewable_s=60)
    time.sleep(3)
    held = source(kdc, f"FILE:{cache.path}", host_alice.uid).obtain(9)
    assert held.lifetime.left(time.time()) > 8


def test_what_ended_in_hand_cannot_be_renewed(kdc: Kdc, host_alice: Account) -> None:
    cache = kdc.kinit(host_alice, life_s=1, renewable_s=60)
    mine = source(kdc, f"FILE:{cache.path}", host_alice.uid)
    held = mine.look()
    assert held is not None
    time.sleep(3.5)
    with pytest.raises(CredentialExpired, match=r"has ended.*Ticket expired"):
        mine.renew(held)


def test_a_ticket_that_is_not_renewable(kdc: Kdc, host_alice: Account) -> None:
    kdc.principal("unrenewable", max_renewable_s=0)
    cache = kdc.kinit(host_alice, life_s=60, name="unrenewable")
    mine = source(kdc, f"FILE:{cache.path}", host_alice.uid)
    held = mine.obtain(3600)
    assert held.lifetime.renewable_until == held.lifetime.expires
    with pytest.raises(CredentialExpired, match="cannot be renewed beyond"):
        mine.renew(held)


def test_a_kdc_that_is_down_and_one_that_is_silent(
    kdc: Kdc, host_alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = kdc.kinit(host_alice, life_s=600, renewable_s=6000)
    mine = source(kdc, f"FILE:{cache.path}", host_alice.uid)
    held = mine.obtain(0)
    kdc.stop()
    with pytest.raises(ProviderUnreachable, match=r"no KDC answers.*Cannot contact any KDC"):
        mine.renew(held)
    assert mine.obtain(1200).content == held.content, "what there is goes on being good"
    kdc.start()
    monkeypatch.setattr(krb5, "_NETWORK_S", 2.0)
    kdc.daemon.freeze()
    try:
        begin = time.monotonic()
        with pytest.raises(ProviderUnreachable, match="no KDC answers"):
            mine.renew(held)
        assert time.monotonic() - begin < 10
    finally:
        kdc.daemon.thaw()
    assert mine.renew(held)


def test_a_realm_that_nobody_knows(kdc: Kdc, host_alice: Account, tmp_path: Path) -> None:
    cache = kdc.kinit(host_alice, life_s=600, renewable_s=6000)
    mine = source(kdc, f"FILE:{cache.path}", host_alice.uid)
    held = mine.obtain(0)
    (tmp_path / "krb5.conf").write_text("[libdefaults]\ndns_lookup_kdc = false\n")
    lost = KerberosSource(
        name="krb", policy=mine.policy, uid=mine.uid,
        environment={"KRB5CCNAME": f"FILE:{cache.path}", "KRB5_CONFIG": str(tmp_path / "krb5.conf")},
    )  # fmt: skip
    with pytest.raises(ProviderUnreachable, match="Cannot find KDC"):
        lost.renew(held)


def test_the_default_cache_is_the_librarys(kdc: Kdc, host_alice: Account, tmp_path: Path) -> None:
    text = kdc.krb5_conf.read_text()
    own = text.replace(
        "[libdefaults]", f"[libdefaults]\ndefault_ccache_name = FILE:{tmp_path}/cc_%{{uid}}", 1
    )
    (tmp_path / "krb5.conf").write_text(own)
    kdc.kinit(host_alice)
    (tmp_path / f"cc_{os.getuid()}").write_bytes(kdc.kinit(host_alice).path.read_bytes())
    mine = KerberosSource(
        name="krb", policy=Credential(kind="kerberos"), uid=os.getuid(),
        environment={"KRB5_CONFIG": str(tmp_path / "krb5.conf")},
    )  # fmt: skip
    assert mine.obtain(0).who == WHO
