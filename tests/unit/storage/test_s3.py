"""Unsigned URLs, signatures and lifetimes; nothing is asked of a server."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from hepsub.errors import StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Storage
from hepsub.storage.keys import Keys
from hepsub.storage.s3 import LONGEST_URL_S, UNKNOWN_SESSION_S, Store

KEYS = Keys(access="AKIAEXAMPLE", secret="hidden-secret", token="", expires=None)
NOW = 1_700_000_000.0


def store(
    endpoint: str = "https://s3.example.org", style: str = "path", keys: Keys = KEYS
) -> Store:
    """A storage called herd."""
    return Store(name="herd", storage=Storage(endpoint=endpoint, style=style), keys=keys)


@pytest.mark.parametrize(
    ("endpoint", "style", "key", "url"),
    [
        ("https://s3.org", "path", "a/b.root", "https://s3.org/raw/a/b.root"),
        ("https://s3.org/", "path", "a", "https://s3.org/raw/a"),
        ("https://s3.org:9000", "path", "a", "https://s3.org:9000/raw/a"),
        ("https://s3.org/base", "path", "a", "https://s3.org/base/raw/a"),
        ("https://s3.org", "virtual", "a/b.root", "https://raw.s3.org/a/b.root"),
        ("https://s3.org:9000/", "virtual", "a", "https://raw.s3.org:9000/a"),
        ("https://s3.org", "path", "a b", "https://s3.org/raw/a%20b"),
        ("https://s3.org", "path", "a+b=c&d?e#f", "https://s3.org/raw/a%2Bb%3Dc%26d%3Fe%23f"),
        ("https://s3.org", "path", "100%/é~_-.", "https://s3.org/raw/100%25/%C3%A9~_-."),
        ("https://s3.org", "path", "a//b/", "https://s3.org/raw/a//b/"),
    ],
)
def test_urls(endpoint: str, style: str, key: str, url: str) -> None:
    """Path and virtual style; every byte that a URL could read differently is quoted."""
    assert store(endpoint, style).url("raw", key) == url


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_a_signed_url_is_what_boto3_itself_would_sign(method: str, style: str) -> None:
    """The same signature as generate_presigned_url for the same second, key and lifetime."""
    subject = store(style=style)
    key = "d/a b+c.root"
    signed = subject.signer(600).sign(method, ObjectPlace(storage="herd", bucket="raw", key=key))
    call = "get_object" if method == "GET" else "put_object"
    for _ in range(3):  # until both were made in one second
        theirs = subject.client().generate_presigned_url(
            call, Params={"Bucket": "raw", "Key": key}, ExpiresIn=600
        )
        if date(theirs) == date(signed):
            break
        signed = subject.signer(600).sign(
            method, ObjectPlace(storage="herd", bucket="raw", key=key)
        )
    ours, other = urlsplit(signed), urlsplit(theirs)
    assert (ours.netloc, ours.path) == (other.netloc, other.path)
    assert parse_qs(ours.query) == parse_qs(other.query)
    assert "hidden-secret" not in signed


def date(url: str) -> str:
    """When a URL was signed."""
    found = re.search(r"X-Amz-Date=(\w+)", url)
    assert found
    return found[1]


def test_a_url_never_claims_more_than_seven_days() -> None:
    """S3 refuses longer ones altogether."""
    place = ObjectPlace(storage="herd", bucket="raw", key="x")
    assert "X-Amz-Expires=604800&" in store().signer(10**7).sign("GET", place)
    assert LONGEST_URL_S == 7 * 86400


def test_the_session_token_is_part_of_the_url() -> None:
    """Keys of a session need their token in the query."""
    keys = Keys(access="ASIA", secret="s", token="tok/en+", expires=NOW + 3600)
    url = store(keys=keys).signer(60).sign("PUT", ObjectPlace(storage="h", bucket="b", key="k"))
    assert "X-Amz-Security-Token=tok%2Fen%2B" in url


@pytest.mark.parametrize(
    ("expires", "lifetime"),
    [(None, 604800.0), (NOW + 3600, 3600.0), (NOW + 10**7, 604800.0), (NOW - 5, 0.0)],
)
def test_a_url_lives_as_long_as_the_keys_that_signed_it(
    expires: float | None, lifetime: float
) -> None:
    """The session's end, seven days at the most, and never less than nothing."""
    keys = Keys(access="A", secret="s", token="t" if expires else "", expires=expires)
    assert store(keys=keys).lifetime(NOW) == lifetime


def test_keys_do_not_show_their_secrets() -> None:
    """A traceback or a log shows four characters of the access key."""
    keys = Keys(access="AKIAEXAMPLE", secret="hidden-secret", token="hidden-token", expires=None)
    assert repr(keys) == "Keys(access=AKIA…)"
    assert "hidden" not in f"{store(keys=keys)}"


def test_a_form_allows_its_prefix_only() -> None:
    """The POST policy is bound to bucket and prefix, and its fields hold no secret."""
    url, fields = store().signer(600).form(ObjectPlace(storage="herd", bucket="out", key="d/"))
    assert url == "https://s3.example.org/out"
    assert fields["key"] == "d/${filename}"
    assert "hidden-secret" not in str(fields)


def test_keys_of_a_session_that_do_not_tell_their_end_are_looked_for_anew() -> None:
    """Nobody should trust them for seven days; hep_auth renew signs with what there is in half an hour."""
    session = Keys(access="A", secret="s", token="t", expires=None)
    assert store(keys=session).lifetime(NOW) == UNKNOWN_SESSION_S
    lasting = Keys(access="A", secret="s", token="", expires=None)
    assert store(keys=lasting).lifetime(NOW) == LONGEST_URL_S


def test_a_profile_of_the_environment_that_does_not_exist_is_no_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """botocore looks at AWS_PROFILE though it was given keys."""
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    with pytest.raises(StorageUnreachable, match="ProfileNotFound"):
        store().look_up([ObjectPlace(storage="herd", bucket="b", key="k")])
