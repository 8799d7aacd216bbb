"""Unsigned URLs, signatures and lifetimes; nothing is asked of a server."""

from __future__ import annotations

from io import BytesIO

import pytest

from hepsub.errors import StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.signing import LONGEST_URL_S
from hepsub.storage.store import UNKNOWN_SESSION_S, Store

KEYS = S3Credentials(access="AKIAEXAMPLE", secret="hidden-secret", token="", expires=None)
NOW = 1_700_000_000.0


def store(
    endpoint: str = "https://s3.example.org", style: str = "path", keys: S3Credentials = KEYS
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


@pytest.mark.parametrize(
    ("expires", "lifetime"),
    [(None, 604800.0), (NOW + 3600, 3600.0), (NOW + 10**7, 604800.0), (NOW - 5, 0.0)],
)
def test_a_url_lives_as_long_as_the_keys_that_signed_it(
    expires: float | None, lifetime: float
) -> None:
    """The session's end, seven days at the most, and never less than nothing."""
    keys = S3Credentials(access="A", secret="s", token="t" if expires else "", expires=expires)
    assert store(keys=keys).lifetime(NOW) == lifetime


def test_keys_do_not_show_their_secrets() -> None:
    """A traceback or a log shows four characters of the access key."""
    keys = S3Credentials(
        access="AKIAEXAMPLE", secret="hidden-secret", token="hidden-token", expires=None
    )
    assert repr(keys) == "S3Credentials(access=AKIA…)"
    assert "hidden" not in f"{store(keys=keys)}"


def test_keys_of_a_session_that_do_not_tell_their_end_are_looked_for_anew() -> None:
    """Nobody should trust them for seven days; hep_auth renew signs with what there is in half an hour."""
    session = S3Credentials(access="A", secret="s", token="t", expires=None)
    assert store(keys=session).lifetime(NOW) == UNKNOWN_SESSION_S
    lasting = S3Credentials(access="A", secret="s", token="", expires=None)
    assert store(keys=lasting).lifetime(NOW) == LONGEST_URL_S


def test_a_profile_of_the_environment_that_does_not_exist_is_no_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """botocore looks at AWS_PROFILE though it was given keys."""
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    with pytest.raises(StorageUnreachable, match="ProfileNotFound"):
        store().upload(BytesIO(b"x"), ObjectPlace(storage="herd", bucket="b", key="k"))
