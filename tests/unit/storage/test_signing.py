"""What is signed is, byte for byte, what botocore would sign at the same second."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.signing import LONGEST_URL_S, Signer, query_text, signed_headers
from hepsub.storage.store import Store

TOKENS = ["", "a+token/=="]
KEYS = [
    "13/r_0", "a b/ü+ö~(1)'!*", "100%25/%41", "x//y", "tab\there", "a?b#c&d=e", "d/", "+", "日本/\U0001f600", "-_.~",
    "a/../b", ";:@,$",
]  # fmt: skip
ENDPOINTS = [
    ("https://s3.example.org", "path"),
    ("https://s3.example.org:443", "virtual"),
    ("https://S3.Example.org:9000/base", "virtual"),
    ("http://127.0.0.1:9000/below", "path"),
    ("http://[::1]:9000", "path"),
    ("https://s3.eu-west-9.amazonaws.com", "virtual"),
]
T = TypeVar("T")
CALLS = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object", "DELETE": "delete_object"}


def store(endpoint: str = "https://s3.example.org", token: str = "", **more: Any) -> Store:
    """A storage with keys."""
    keys = S3Credentials(access="AKX", secret="S/x+", token=token, expires=None)
    return Store(
        name="herd", storage=Storage(endpoint=endpoint, allow_http=True, **more), keys=keys
    )


def object_at(key: str) -> ObjectPlace:
    return ObjectPlace(storage="herd", bucket="bucket", key=key)


def in_one_second(ours: Callable[[], T], theirs: Callable[[], T]) -> tuple[T, T]:
    """What both give, made in the same second."""
    while True:
        before = int(time.time())
        both = ours(), theirs()
        if int(time.time()) == before:
            return both


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(("endpoint", "style"), ENDPOINTS)
def test_a_url_is_botocores(endpoint: str, style: str, token: str) -> None:
    """For keys of all kinds, and each method."""
    where = store(endpoint, token, style=style, region="eu-west-9")
    client, signer = where.client(), Signer(store=where)
    for key in KEYS:
        for method, call in CALLS.items():
            ours, theirs = in_one_second(
                lambda method=method, key=key: signer.sign(method, object_at(key)),  # type: ignore[misc]
                lambda call=call, key=key: client.generate_presigned_url(  # type: ignore[misc]
                    call, Params={"Bucket": "bucket", "Key": key}, ExpiresIn=LONGEST_URL_S
                ),
            )
            assert ours == theirs
            assert "S/x+" not in ours


def test_a_url_claims_seven_days() -> None:
    """S3 refuses longer ones altogether."""
    assert "X-Amz-Expires=604800&" in Signer(store=store()).sign("GET", object_at("x"))


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    ("endpoint", "style"), [each for each in ENDPOINTS if not each[0].startswith("http:")]
)
def test_a_form_is_botocores(endpoint: str, style: str, token: str) -> None:
    """Its URL, its fields in their order, and its policy."""
    where = store(endpoint, token, style=style, region="eu-west-9")
    client, signer = where.client(), Signer(store=where)
    for key in ("", "d/", "a b/ü%+/"):
        (url, fields), theirs = in_one_second(
            lambda key=key: signer.form(object_at(key)),  # type: ignore[misc]
            lambda key=key: client.generate_presigned_post(  # type: ignore[misc]
                Bucket="bucket", Key=key + "${filename}", ExpiresIn=LONGEST_URL_S
            ),
        )
        assert (url, list(fields.items())) == (theirs["url"], list(theirs["fields"].items()))


def test_a_form_allows_its_prefix_only() -> None:
    """The POST policy is bound to bucket and prefix, and its fields hold no secret."""
    url, fields = Signer(store=store()).form(object_at("d/"))
    policy = json.loads(base64.b64decode(fields["policy"]))
    assert url == "https://s3.example.org/bucket"
    assert fields["key"] == "d/${filename}"
    assert policy["conditions"][:2] == [{"bucket": "bucket"}, ["starts-with", "$key", "d/"]]
    assert "S/x+" not in str(fields)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(("endpoint", "style"), ENDPOINTS)
@pytest.mark.parametrize("query", [{}, {"prefix": "a b/ü&=", "list-type": "2", "list": "x+/="}])
def test_the_headers_of_a_request_are_botocores(
    endpoint: str, style: str, token: str, query: dict[str, str]
) -> None:
    """Of all that is signed, also a listing's query."""
    where = store(endpoint, token, style=style, region="eu-west-9")
    url = where.url("bucket", "a b/ü+")
    theirs = AWSRequest("GET", f"{url}?{query_text(query)}" if query else url)
    keys = Credentials("AKX", "S/x+", token or None)

    def botocores() -> dict[str, str]:
        S3SigV4Auth(keys, "s3", "eu-west-9").add_auth(theirs)
        return {name.lower(): text for name, text in theirs.headers.items()}

    ours, other = in_one_second(lambda: signed_headers(where, "GET", url, query), botocores)
    assert ours.pop("host") == urlsplit(url).netloc.lower().removesuffix(":443")
    assert ours == other


def test_the_key_of_another_day_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is remembered for a day only."""
    signed = []
    for second in (1_700_000_000, 1_700_086_400):
        monkeypatch.setattr("hepsub.storage.signing.time.time", lambda second=second: second)
        signed.append(Signer(store=store()).sign("GET", object_at("k")))
    assert ["20231114T221320Z" in signed[0], "20231115T221320Z" in signed[1]] == [True, True]
    assert signed[0].rpartition("=")[2] != signed[1].rpartition("=")[2]
