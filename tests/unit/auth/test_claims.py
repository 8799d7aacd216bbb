"""Claims are read from what is a JWT, and held against what is wanted."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.auth.claims import (
    LONGEST_TOKEN,
    Claims,
    is_bearer_token,
    mismatch,
    missing_scopes,
    read_claims,
)
from hepsub.documents import Malformed
from hepsub.units import moment_text
from tests.fakes.tokens import encoded, jwt


def claims(**values: object) -> Claims:
    found = read_claims(jwt(**values))
    assert found is not None
    return found


def test_what_a_token_says() -> None:
    found = claims(
        iss="https://iam.example.org/", sub="alice", aud=["a", "b"], scope="openid compute.read",
        exp=2000, nbf=1000, iat=1001.5, wlcg_ver="1.0",
    )  # fmt: skip
    assert found == Claims(
        issuer="https://iam.example.org",
        subject="alice",
        audience=("a", "b"),
        scopes=frozenset({"openid", "compute.read"}),
        expires=2000.0,
        not_before=1000.0,
        issued=1001.5,
        wlcg="1.0",
    )


def test_what_a_token_does_not_say() -> None:
    assert claims() == Claims(
        issuer="", subject="", audience=(), scopes=None, expires=None, not_before=None,
        issued=None, wlcg="",
    )  # fmt: skip


def test_claims_that_are_null_are_not_said() -> None:
    assert claims(iss=None, aud=None, scope=None, exp=None) == claims()


@pytest.mark.parametrize(
    "said",
    [
        {"iss": 7},
        {"sub": []},
        {"sub": "a\nb"},
        {"sub": "a\n"},
        {"sub": "\x1b[2J"},
        {"iss": "i" * 5000},
        {"aud": 5},
        {"aud": ["a", 5]},
        {"aud": ["a"] * 1001},
        {"scope": 9},
        {"scp": [["a"]]},
        {"exp": "soon"},
        {"exp": 10**400},
        {"nbf": True},
        {"iat": float("inf")},
    ],
)
def test_claims_of_the_wrong_type_make_no_token(said: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        read_claims(jwt(**said))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"exp": 1e999}',
        b'{"exp": ' + b"9" * 5000 + b"}",
        b'{"a": ' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a": ' + b"[" * 5000,
        b'{"sub": "\xff"}',
        b'{"sub": "\\ud800"}',
        b'{"exp": 1',
        b"{}{}",
        b'{"exp": NaN}',
    ],
)
def test_a_payload_that_cannot_be_read_makes_no_token(payload: bytes) -> None:
    part = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    token = f"{encoded({'alg': 'none'})}.{part}.x"
    try:
        assert read_claims(token) is None
    except Malformed:
        return
    assert len(token) > LONGEST_TOKEN


def test_scopes_may_be_a_list() -> None:
    assert claims(scp=["a", "b"]).scopes == frozenset({"a", "b"})


@pytest.mark.parametrize(
    "text",
    ["", "opaque", "a.b", "a.b.c", "a.b.c.d", f"{encoded([])}.{encoded({})}.x",
     f"{encoded({})}.{encoded([1])}.x", f"{encoded({})}.{encoded({})}", f"{encoded({})}.{encoded({})}.x.y",
     f"{encoded({})}.{encoded({})}.{'x' * LONGEST_TOKEN}", f"{encoded({})}.e\N{LATIN SMALL LETTER U WITH DIAERESIS}.x"],
)  # fmt: skip
def test_what_is_no_jwt_is_opaque(text: str) -> None:
    assert read_claims(text) is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_jwt_or_opaque(text: str) -> None:
    read_claims(text)
    with contextlib.suppress(UnicodeEncodeError):
        is_bearer_token(text.encode())


@pytest.mark.parametrize("token", [b"abc", b"a.b-c_d~e+f/g==", b"0"])
def test_a_bearer_token(token: bytes) -> None:
    assert is_bearer_token(token)


@pytest.mark.parametrize(
    "token", [b"", b"a b", b"a\nb", b"a=b", b"\xff", b"{}", b"Error: no", b"abc\n"]
)
def test_no_bearer_token(token: bytes) -> None:
    assert not is_bearer_token(token)


def test_a_token_that_fits_has_no_reason_not_to() -> None:
    found = claims(iss="https://i", aud="a", scope="compute.read storage.read:/")
    assert not mismatch(found)
    assert not mismatch(found, issuer="https://i/", audience="a", scopes=("compute.read",))


@pytest.mark.parametrize("anybody", ["https://wlcg.cern.ch/jwt/v1/any", "ANY"])
def test_some_tokens_are_meant_for_everybody(anybody: str) -> None:
    assert not mismatch(claims(aud=anybody), audience="https://s3.example.org")


def test_another_issuer() -> None:
    found = mismatch(claims(iss="https://other"), issuer="https://i")
    assert found == "is from https://other, not from https://i"


@pytest.mark.parametrize(
    ("aud", "meant"), [("b", "b"), (["b", "c"], "b, c"), ([], "nobody in particular")]
)
def test_another_audience(aud: object, meant: str) -> None:
    assert mismatch(claims(aud=aud), audience="a") == f"is meant for {meant}, not for a"


def test_missing_scopes_are_named() -> None:
    found = mismatch(claims(scope="compute.read"), scopes=("compute.read", "compute.create", "x"))
    assert found == "does not allow compute.create x"


@pytest.mark.parametrize(
    ("have", "wanted", "allowed"),
    [
        ("storage.read:/", "storage.read:/cms/raw", True),
        ("storage.read:/cms", "storage.read:/cms", True),
        ("storage.read:/cms", "storage.read:/cms/raw", True),
        ("storage.read:/cms/", "storage.read:/cms/raw", True),
        ("storage.read:/cms", "storage.read:/cmsraw", False),
        ("storage.read:/cms", "storage.read:/", False),
        ("storage.read:/", "storage.modify:/", False),
        ("compute.read", "compute.create", False),
        ("compute", "compute:/cms", False),
        ("wlcg.groups:/cms", "wlcg.groups:/cms", True),
    ],
)
def test_a_scope_with_a_path_covers_what_is_below(have: str, wanted: str, allowed: bool) -> None:
    assert missing_scopes(claims(scope=have), (wanted,)) == (() if allowed else (wanted,))


def test_a_token_that_names_no_scopes_is_not_judged_by_them() -> None:
    assert missing_scopes(claims(), ("compute.read",)) == ()


def test_scopes_of_the_login_need_not_be_in_the_token() -> None:
    assert missing_scopes(claims(scope=""), ("openid", "offline_access", "wlcg")) == ()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
NAMES = st.sampled_from(["iss", "sub", "aud", "scope", "scp", "exp", "nbf", "iat", "wlcg.ver"])


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_any_claims_have_dates_or_make_no_token(said: dict[str, object]) -> None:
    try:
        found = read_claims(jwt(**said))
    except Malformed:
        return
    assert found is not None
    for moment in (found.expires, found.not_before, found.issued):
        assert moment is None or moment_text(moment, 0.0)


@settings(deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_a_jwt_or_opaque_or_none(header: bytes, payload: bytes) -> None:
    parts = [base64.urlsafe_b64encode(each).decode() for each in (header, b"{" + payload)]
    with contextlib.suppress(Malformed):
        read_claims(f"{parts[0]}.{parts[1]}.x")
        read_claims(f"e30.{parts[1]}.x")
