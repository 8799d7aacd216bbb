"""Tickets in sssd's KCM, where Fedora and RHEL keep them: found, exported, renewed, gone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from hepsub.auth.kerberos import KerberosSource
from hepsub.errors import CredentialMissing
from hepsub.policy.model import Credential
from tests.auth.test_sources_kerberos import WHO, proves_itself
from tests.testbed.kcm import Kcm
from tests.testbed.kdc import Kdc
from tests.testbed.users import Account


def krb5(own: dict[str, str], *words: str, password: str = "") -> str:
    """Run a program of Kerberos as this process's user, who has caches of its own in the daemon."""
    done = subprocess.run(
        words,
        env=os.environ | own,
        input=f"{password}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    return done.stdout


@pytest.fixture
def own(kcm: Kcm, kdc: Kdc) -> Iterator[dict[str, str]]:
    """Give the variables of a session whose caches are in the KCM, where there are none."""
    variables = kcm.environment(kdc)
    yield variables
    krb5(variables, "kdestroy", "-A")


def source(own: dict[str, str], principal: str = "") -> KerberosSource:
    policy = Credential(kind="kerberos", principal=principal)
    return KerberosSource(name="krb", policy=policy, environment=own, uid=os.getuid())


def log_in(kdc: Kdc, own: dict[str, str], who: str) -> None:
    kdc.principal(who)
    words = ("kinit", "-l", "600s", "-r", "6000s", f"{who}@{kdc.realm}")
    krb5(own, *words, password=kdc.passwords[who])


def test_a_ticket_in_the_kcm(kdc: Kdc, own: dict[str, str], host_alice: Account) -> None:
    """Its copy and what is renewed from it are good, and the daemon's own stays what it is."""
    with pytest.raises(CredentialMissing, match="you have no Kerberos ticket"):
        source(own).obtain(0)
    log_in(kdc, own, "hepalice")
    before = krb5(own, "klist")
    assert "Ticket cache: KCM:" in before
    held = source(own).obtain(300)
    assert held.who == WHO
    assert held.origin.startswith("KCM:")
    assert (held.lifetime.renewable_until or 0) > (held.lifetime.expires or 0)
    assert proves_itself(kdc, host_alice, held, host_alice.home)
    renewed = source(own).renew(held)
    assert proves_itself(kdc, host_alice, renewed, host_alice.home)
    assert krb5(own, "klist") == before


def test_of_two_principals_in_the_kcm_the_one_of_the_policy(kdc: Kdc, own: dict[str, str]) -> None:
    """The daemon holds a collection."""
    for who in ("hepalice", "other"):
        log_in(kdc, own, who)
    for principal in (WHO, "other@TEST.HEP"):
        assert source(own, principal).obtain(0).who == principal
