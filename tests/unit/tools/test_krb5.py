"""MIT Kerberos's programs: which cache is found, and what each of their refusals means."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.errors import (
    CredentialExpired,
    CredentialMissing,
    CredentialRefused,
    HepsubError,
    ProviderUnreachable,
)
from hepsub.tools import krb5
from hepsub.tools.krb5 import Cache, export_cache, file_of, find_cache, renew_file
from tests.fakes.programs import Programs

ALICE = "Ticket cache: KCM:1000:5\nDefault principal: alice@TEST.HEP\n\nValid starting  Expires"
BOTH = f"{ALICE}\n\nTicket cache: KCM:1000:7\nDefault principal: bob@TEST.HEP"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("FILE:/tmp/cc", "/tmp/cc"),
        ("/tmp/cc", "/tmp/cc"),
        ("cc", "cc"),
        ("/tmp/a:b", "/tmp/a:b"),
        ("DIR::/run/cc/tkt", "/run/cc/tkt"),
        ("DIR:/run/cc", None),
        ("KEYRING:persistent:1000", None),
        ("KCM:", None),
    ],
)
def test_which_caches_are_files(name: str, path: str | None) -> None:
    assert file_of(name) == (None if path is None else Path(path))


def test_a_file_of_the_environment_needs_no_program(programs: Programs) -> None:
    programs.add("klist", "exit 1")
    assert find_cache({"KRB5CCNAME": "FILE:/a/b"}, 1000) == Cache(name="FILE:/a/b")
    assert not programs.was_called("klist")


def test_the_library_knows_the_default(programs: Programs) -> None:
    programs.add("klist", f"echo '{ALICE}'")
    environment = {"KRB5_CONFIG": "/k", "LC_ALL": "de_DE.UTF-8"}
    assert find_cache(environment, 1000) == Cache(name="KCM:1000:5", principal="alice@TEST.HEP")
    assert programs.environment("klist")["LC_ALL"] == "C"
    assert programs.environment("klist")["KRB5_CONFIG"] == "/k"


def test_no_cache(programs: Programs) -> None:
    programs.add("klist", "echo 'klist: No credentials cache found (filename: /tmp/x)' >&2; exit 1")
    assert find_cache({}, 1000) is None


def test_the_cache_of_a_principal(programs: Programs) -> None:
    programs.add("klist", f'test "$1" = -A && echo "{BOTH}" || echo "{ALICE}"')
    assert find_cache({}, 1000, "bob@TEST.HEP") == Cache(
        name="KCM:1000:7", principal="bob@TEST.HEP"
    )
    found = find_cache({}, 1000, "carol@TEST.HEP")
    assert found is not None
    assert found.principal == "alice@TEST.HEP", "whoever asked is told whose ticket there is"


def test_without_klist_there_is_mits_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_cache({}, 1234) == Cache(name="FILE:/tmp/krb5cc_1234")


def test_a_ticket_is_exported(programs: Programs, tmp_path: Path) -> None:
    programs.add("kvno", f"touch {tmp_path}/goal")
    cache = Cache(name="KCM:1000:5", principal="alice@TEST.HEP")
    export_cache(cache, {}, tmp_path / "goal")
    words = ["-q", "-c", "KCM:1000:5", "--cached-only", "--out-cache", f"FILE:{tmp_path}/goal"]
    assert programs.words("kvno") == [*words, "krbtgt/TEST.HEP@TEST.HEP"]


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (
            "kvno: Matching credential not found (filename: /x) while getting credentials",
            CredentialExpired,
        ),
        ("kvno: Ticket expired while getting credentials", CredentialExpired),
        (
            "kvno: Credentials cache keyring 'persistent:1:1' not found while getting client",
            CredentialMissing,
        ),
        ("kvno: unrecognized option '--out-cache'", CredentialRefused),
    ],
)
def test_a_ticket_that_cannot_be_exported(
    programs: Programs, tmp_path: Path, told: str, error: type[HepsubError]
) -> None:
    programs.add("kvno", f'echo "{told}" >&2; exit 1')
    with pytest.raises(HepsubError) as caught:
        export_cache(Cache(name="KCM:", principal="alice@TEST.HEP"), {}, tmp_path / "goal")
    assert type(caught.value) is error
    assert "kinit" in caught.value.remedy


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        ("Ticket expired", CredentialExpired, "has ended"),
        ("KDC can't fulfill requested option", CredentialExpired, "not renewable"),
        ("Clock skew too great", CredentialRefused, "clocks"),
        ("Client's credentials have been revoked", CredentialRefused, "locked"),
        ("Client 'a@B' not found in Kerberos database", CredentialRefused, "does not know"),
        ("Cannot contact any KDC for realm 'TEST.HEP'", ProviderUnreachable, "no KDC answers"),
        ('Cannot find KDC for realm "TEST.HEP"', ProviderUnreachable, "no KDC answers"),
        ("No credentials cache found (filename: /x)", CredentialMissing, "no Kerberos ticket"),
        (
            "Unsupported credentials cache format version number",
            CredentialMissing,
            "no Kerberos ticket",
        ),
        ("Something new", CredentialRefused, "Something new"),
    ],
)
def test_a_refusal_has_a_cause_and_a_remedy(
    programs: Programs, tmp_path: Path, told: str, error: type[HepsubError], message: str
) -> None:
    programs.add("kinit", f'cat <<"E" >&2\nkinit: {told} while renewing credentials\nE\nexit 1')
    with pytest.raises(HepsubError) as caught:
        renew_file(tmp_path / "cc", {})
    assert type(caught.value) is error
    assert message in caught.value.message
    assert told in caught.value.message, "the program's own words are there too"
    assert caught.value.remedy
    assert programs.words("kinit") == ["-R", "-c", f"FILE:{tmp_path}/cc"]


def test_a_kdc_that_never_answers(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(krb5, "_NETWORK_S", 0.5)
    programs.add("kinit", "exec sleep 30")
    with pytest.raises(ProviderUnreachable, match="did not end within"):
        renew_file(tmp_path / "cc", {})
