"""Claims are read from what is a JWT, and held against what is wanted."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.auth.jwt import Claims, is_bearer_token, misfit, missing_scopes, read_claims
from tests.unit.auth.tokens import encoded, jwt


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


def test_claims_of_the_wrong_type_are_not_said() -> None:
    found = claims(iss=7, sub=[], aud=5, scope=9, exp="soon", nbf=True, iat=None)
    assert (found.issuer, found.subject, found.audience, found.scopes) == ("", "", (), None)
    assert (found.expires, found.not_before, found.issued) == (None, None, None)


def test_scopes_may_be_a_list() -> None:
    assert claims(scp=["a", "b"]).scopes == frozenset({"a", "b"})


@pytest.mark.parametrize(
    "text",
    ["", "opaque", "a.b", "a.b.c", "a.b.c.d", f"{encoded([])}.{encoded({})}.x",
     f"{encoded({})}.{encoded([1])}.x", f"{encoded({})}.e\N{LATIN SMALL LETTER U WITH DIAERESIS}.x"],
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
    assert not misfit(found)
    assert not misfit(found, issuer="https://i/", audience="a", scopes=("compute.read",))


@pytest.mark.parametrize("anybody", ["https://wlcg.cern.ch/jwt/v1/any", "ANY"])
def test_some_tokens_are_meant_for_everybody(anybody: str) -> None:
    assert not misfit(claims(aud=anybody), audience="https://s3.example.org")


def test_another_issuer() -> None:
    found = misfit(claims(iss="https://other"), issuer="https://i")
    assert found == "is from https://other, not from https://i"


@pytest.mark.parametrize(
    ("aud", "meant"), [("b", "b"), (["b", "c"], "b, c"), ([], "nobody in particular")]
)
def test_another_audience(aud: object, meant: str) -> None:
    assert misfit(claims(aud=aud), audience="a") == f"is meant for {meant}, not for a"


def test_missing_scopes_are_named() -> None:
    found = misfit(claims(scope="compute.read"), scopes=("compute.read", "compute.create", "x"))
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
        ("wlcg.groups:/cms", "wlcg.groups:/cms", True),
    ],
)
def test_a_scope_with_a_path_covers_what_is_below(have: str, wanted: str, allowed: bool) -> None:
    assert missing_scopes(claims(scope=have), (wanted,)) == (() if allowed else (wanted,))


def test_a_token_that_names_no_scopes_is_not_judged_by_them() -> None:
    assert missing_scopes(claims(), ("compute.read",)) == ()


def test_scopes_of_the_login_need_not_be_in_the_token() -> None:
    assert missing_scopes(claims(scope=""), ("openid", "offline_access", "wlcg")) == ()


def test_a_number_that_no_clock_knows_is_no_end() -> None:
    """JSON's numbers have no bounds."""
    assert claims(exp=10**400).expires is None
