"""The ticket as a credential: found, judged by its times, renewed as a copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.auth.kerberos import KerberosSource, read_ticket
from hepsub.errors import (
    CredentialExpired,
    CredentialMissing,
    HepsubError,
    ProviderUnreachable,
)
from hepsub.policy.model import KERBEROS, Credential
from tests.fakes.ccaches import INITIAL, Entry, cache
from tests.fakes.programs import Programs


def source(path: Path, now: float = 1500, principal: str = "") -> KerberosSource:
    return KerberosSource(
        name="krb",
        policy=Credential(kind="kerberos", principal=principal),
        environment={"KRB5CCNAME": f"FILE:{path}", "XDG_RUNTIME_DIR": str(path.parent)},
        uid=1000,
        clock=lambda: now,
    )


@pytest.fixture
def ticket(tmp_path: Path) -> Path:
    """A cache whose ticket lives until 2000 and can be renewed until 5000."""
    path = tmp_path / "cc"
    path.write_bytes(cache(Entry()))
    return path


def renewing(programs: Programs, expires: int) -> None:
    """A kinit -R that gives a ticket that lives until then."""
    (programs.directory / "new").write_bytes(cache(Entry(expires=expires)))
    programs.add("kinit", f'cat {programs.directory}/new > "${{3#FILE:}}"')


def test_a_cache_is_a_credential(ticket: Path) -> None:
    assert read_ticket("krb", ticket.read_bytes()) == UserCredential(
        name="krb",
        kind=KERBEROS,
        who="alice@TEST.HEP",
        lifetime=Lifetime(expires=2000, renewable_until=5000, since=1000),
        content=ticket.read_bytes(),
    )


def test_where_it_lies_is_told_by_its_name(tmp_path: Path) -> None:
    plain = source(tmp_path / "cc")
    assert plain.origin == f"the ticket cache FILE:{tmp_path}/cc"
    assert replace(plain, environment={}).origin == "the default Kerberos ticket cache"


@pytest.mark.parametrize(
    "entry", [Entry(flags=INITIAL), Entry(renew_until=2000), Entry(renew_until=0)]
)
def test_a_ticket_that_cannot_be_renewed_ends_when_it_ends(entry: Entry) -> None:
    lifetime = read_ticket("krb", cache(entry)).lifetime
    assert lifetime.renewable_until == lifetime.expires == 2000


def test_the_ticket_is_looked_at_whether_it_lives_or_not(ticket: Path) -> None:
    found = source(ticket, now=99_999).look()
    assert found is not None
    assert found.content == ticket.read_bytes()
    assert found.origin == f"FILE:{ticket}"


def test_no_cache_is_no_ticket(tmp_path: Path) -> None:
    assert source(tmp_path / "none").look() is None
    with pytest.raises(CredentialMissing, match="you have no Kerberos ticket") as caught:
        source(tmp_path / "none").obtain(0)
    assert "kinit" in caught.value.remedy


def test_a_cache_that_is_just_being_written_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cc"
    path.write_bytes(cache())
    monkeypatch.setattr(
        "hepsub.auth.kerberos.time.sleep", lambda _s: path.write_bytes(cache(Entry()))
    )
    assert source(path).look() is not None


def test_a_cache_that_stays_empty_is_read_no_more_than_three_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cc"
    path.write_bytes(cache())
    pauses: list[float] = []
    monkeypatch.setattr("hepsub.auth.kerberos.time.sleep", pauses.append)
    with pytest.raises(CredentialMissing):
        source(path).look()
    assert pauses == [0.2, 0.2]


def test_garbage_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepsub.auth.kerberos.time.sleep", lambda _s: None)
    path = tmp_path / "cc"
    path.write_bytes(b"garbage")
    with pytest.raises(CredentialMissing, match="not a Kerberos ticket cache"):
        source(path).look()


def test_a_directory_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(CredentialMissing, match="cannot be read"):
        source(tmp_path).look()


def test_a_ticket_that_has_ended(ticket: Path) -> None:
    with pytest.raises(CredentialExpired, match=r"alice@TEST\.HEP.* ended at") as caught:
        source(ticket, now=2000).obtain(0)
    assert "kinit" in caught.value.remedy


def test_a_ticket_that_lives_long_enough_is_taken_as_it_is(
    ticket: Path, programs: Programs
) -> None:
    renewing(programs, 3000)
    assert source(ticket).obtain(400).content == ticket.read_bytes()
    assert not programs.was_called("kinit")


def test_a_ticket_that_does_not_is_renewed_as_a_copy(ticket: Path, programs: Programs) -> None:
    before = ticket.read_bytes()
    renewing(programs, 3000)
    assert source(ticket).obtain(600).lifetime.expires == 3000
    assert ticket.read_bytes() == before
    assert not list(ticket.parent.glob("hepsub-krb-*")), "no copy is left"


def test_a_ticket_that_cannot_be_renewed_now_is_better_than_none(
    ticket: Path, programs: Programs
) -> None:
    programs.add("kinit", "echo 'kinit: Cannot contact any KDC for realm' >&2; exit 1")
    assert source(ticket).obtain(600).lifetime.expires == 2000
    renewing(programs, 1900)
    assert source(ticket).obtain(600).lifetime.expires == 2000, "the longer one"


def test_a_ticket_of_somebody_else_is_not_taken(ticket: Path, programs: Programs) -> None:
    listed = f"Ticket cache: FILE:{ticket}\nDefault principal: alice@TEST.HEP"
    programs.add("klist", f"echo '{listed}'")
    assert source(ticket, principal="alice@TEST.HEP").look() is not None
    with pytest.raises(
        CredentialMissing, match=r"no Kerberos ticket for bob@.* one for alice@"
    ) as caught:
        source(ticket, principal="bob@TEST.HEP").look()
    assert caught.value.remedy == "kinit bob@TEST.HEP"


def test_a_renewed_ticket(ticket: Path, programs: Programs) -> None:
    renewing(programs, 3000)
    mine = source(ticket).look()
    assert mine is not None
    renewed = source(ticket).renew(mine)
    assert renewed.lifetime == Lifetime(expires=3000, renewable_until=5000, since=1000)
    assert renewed.origin == mine.origin


def test_a_copy_is_private_while_it_is_there(ticket: Path, programs: Programs) -> None:
    programs.add("kinit", 'stat -c %a "${3#FILE:}" "$(dirname "${3#FILE:}")" > "$0.modes"')
    mine = source(ticket).look()
    assert mine is not None
    source(ticket).renew(mine)
    assert (programs.directory / "kinit.modes").read_text().split() == ["600", "700"]


@pytest.mark.parametrize(
    ("entry", "now"),
    [
        (Entry(flags=INITIAL), 1500),
        (Entry(renew_until=2000), 1500),
        (Entry(expires=5000), 4500),
        (Entry(), 5000),
    ],
)
def test_what_cannot_be_renewed_any_more(
    tmp_path: Path, programs: Programs, entry: Entry, now: float
) -> None:
    renewing(programs, 9000)
    mine = read_ticket("krb", cache(entry))
    with pytest.raises(CredentialExpired, match="cannot be renewed beyond"):
        source(tmp_path / "cc", now=now).renew(mine)
    assert not programs.was_called("kinit")


def test_what_kinit_refuses_is_said(ticket: Path, programs: Programs) -> None:
    programs.add("kinit", "echo 'kinit: Cannot contact any KDC for realm X' >&2; exit 1")
    mine = source(ticket).look()
    assert mine is not None
    with pytest.raises(ProviderUnreachable):
        source(ticket).renew(mine)
    assert not list(ticket.parent.glob("hepsub-krb-*")), "no copy is left"


def test_a_cache_in_a_keyring_is_exported(tmp_path: Path, programs: Programs) -> None:
    listed = "Ticket cache: KEYRING:persistent:1000:1\nDefault principal: alice@TEST.HEP"
    programs.add("klist", f"echo '{listed}'")
    (tmp_path / "content").write_bytes(cache(Entry()))
    programs.add("kvno", f'cat {tmp_path}/content > "${{6#FILE:}}"')
    keyring = KerberosSource(
        name="krb", policy=Credential(kind="kerberos"), uid=1000,
        environment={"KRB5CCNAME": "KEYRING:persistent:1000"}, clock=lambda: 1500,
    )  # fmt: skip
    found = keyring.look()
    assert found is not None
    assert (found.who, found.origin) == ("alice@TEST.HEP", "KEYRING:persistent:1000:1")
    programs.add("kvno", "echo 'kvno: Matching credential not found' >&2; exit 1")
    with pytest.raises(CredentialExpired):
        keyring.obtain(0)


@pytest.mark.parametrize(("runtime", "there"), [("in memory", True), ("", False), ("none", False)])
def test_copies_are_in_memory_where_there_is_a_place(
    runtime: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else where the system has such things; not in the working directory, which is what an empty name would be."""
    (tmp_path / "in memory").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    where = {"XDG_RUNTIME_DIR": runtime and str(tmp_path / runtime)}
    mine = replace(source(tmp_path / "cc"), environment=where)
    with mine._private_directory() as directory:
        assert Path(directory).parent == (tmp_path / "in memory" if there else tmp_path)


def test_every_error_is_one_of_ours(tmp_path: Path) -> None:
    for content in (b"", b"\5\4", cache()[:-1]):
        with pytest.raises(HepsubError):
            read_ticket("krb", content)
