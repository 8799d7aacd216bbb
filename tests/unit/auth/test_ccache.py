"""Credential caches are read as MIT writes them, and whatever else lies there is refused in words."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.auth.ccache import CacheFacts, read_ccache
from hepsub.errors import CredentialMissing
from tests.fakes.ccaches import (
    FORWARDABLE,
    INITIAL,
    RENEWABLE,
    Entry,
    cache,
    configuration,
)

NAMES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF).filter(str.isprintable),
    min_size=1,
    max_size=20,
)
TIMES = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("version", [3, 4])
def test_the_ticket_granting_ticket_counts(version: int) -> None:
    content = cache(
        configuration("fast_avail", b"yes"),
        Entry(),
        Entry(server=("storage", "host"), expires=9999, flags=0),
        configuration("pa_type", b"2"),
        version=version,
    )
    assert read_ccache(content) == CacheFacts(
        principal="alice@TEST.HEP", starts=1000, expires=2000, renew_until=5000
    )


def test_of_two_the_one_that_lives_longer() -> None:
    assert read_ccache(cache(Entry(expires=7), Entry(expires=9), Entry(expires=8))).expires == 9


def test_what_is_not_renewable_has_no_renewable_life() -> None:
    assert read_ccache(cache(Entry(flags=INITIAL, renew_until=5000))).renew_until == 0


def test_a_ticket_without_a_start_starts_when_it_was_given() -> None:
    assert read_ccache(cache(Entry(authenticated=77, starts=0))).starts == 77


def test_a_ticket_of_another_realm_grants_nothing_here() -> None:
    other = Entry(server=("krbtgt", "OTHER.HEP"))
    with pytest.raises(CredentialMissing, match=r"alice@TEST\.HEP holds no ticket-granting ticket"):
        read_ccache(cache(other))


def test_addresses_are_passed_over() -> None:
    assert read_ccache(cache(Entry(addresses=(b"\x7f\0\0\1", b"1234")))).expires == 2000


def test_times_after_2038() -> None:
    assert read_ccache(cache(Entry(expires=2**32 - 2))).expires == 2**32 - 2


def test_the_fields_of_the_header_are_passed_over() -> None:
    for header in (struct.pack(">HH3s", 7, 3, b"abc"), b""):
        assert read_ccache(cache(Entry(), header=header)).expires == 2000


@pytest.mark.parametrize(
    "content", [b"", b"\x05", b"garbage!", b"\x05\x02" + b"\0" * 40, b"\x05\x04\xff\xff"]
)
def test_garbage_is_no_cache(content: bytes) -> None:
    with pytest.raises(CredentialMissing, match="not a Kerberos ticket cache") as caught:
        read_ccache(content)
    assert "kinit" in caught.value.remedy


@pytest.mark.parametrize(
    "content",
    [
        cache(Entry(), owner=["a"] * 17),
        cache(Entry(), owner=["a" * 1025]),
        cache(Entry(), owner=["a\nb"]),
        cache(Entry(server=("host", "\x1b[2J"))),
        cache(Entry(), realm="\0"),
        cache(Entry(ticket=b"t" * 2**22)),
        cache(Entry()) + struct.pack(">II", 1, 2**32 - 1),
    ],
)
def test_a_cache_without_bounds_is_none(content: bytes) -> None:
    """Names are shown to people."""
    with pytest.raises(CredentialMissing, match="not a Kerberos ticket cache"):
        read_ccache(content)


def test_every_beginning_of_a_cache_is_no_cache_or_holds_no_ticket() -> None:
    content = cache(configuration("fast_avail", b"yes"), Entry())
    for end in range(len(content)):
        with pytest.raises(CredentialMissing):
            read_ccache(content[:end])


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_bytes_never_do_worse_than_being_refused(content: bytes) -> None:
    with contextlib.suppress(CredentialMissing):
        read_ccache(b"\x05\x04" + content)


@settings(deadline=None)
@given(
    owner=st.lists(NAMES, min_size=1, max_size=3),
    realm=NAMES.filter(lambda name: name != "X-CACHECONF:"),
    times=st.tuples(TIMES, TIMES, TIMES, TIMES),
    flags=st.sets(st.sampled_from([RENEWABLE, FORWARDABLE, INITIAL])),
    version=st.sampled_from([3, 4]),
    more=st.lists(
        st.sampled_from([configuration("a", b""), Entry(server=("host", "x"))]), max_size=4
    ),
)
def test_what_is_written_is_read(
    owner: list[str],
    realm: str,
    times: tuple[int, int, int, int],
    flags: set[int],
    version: int,
    more: list[Entry],
) -> None:
    authenticated, starts, expires, until = times
    ticket = Entry(
        server=("krbtgt", realm), realm=realm, authenticated=authenticated, starts=starts,
        expires=expires, renew_until=until, flags=sum(flags),
    )  # fmt: skip
    facts = read_ccache(cache(*more, ticket, *more, owner=owner, realm=realm, version=version))
    assert facts.principal == f"{'/'.join(owner)}@{realm}"
    assert facts.starts == (starts or authenticated)
    assert facts.expires == expires
    assert facts.renew_until == (until if RENEWABLE in flags else 0)
