"""Signed URLs as botocore makes them, heads of answers, pages of listings."""

from __future__ import annotations

import io
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hepsub.errors import StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Storage
from hepsub.storage import lines
from hepsub.storage.answer import Answer
from hepsub.storage.keys import Keys
from hepsub.storage.lines import Lines
from hepsub.storage.page import NoListing, error_code, read_page
from hepsub.storage.s3 import Store
from hepsub.storage.signature import host_of, sign_get, sign_url


def store(endpoint: str = "https://s3.example.org", token: str = "", **more: Any) -> Store:
    """A storage with keys."""
    keys = Keys(access="AKX", secret="S/x+", token=token, expires=None)
    return Store(name="herd", storage=Storage(endpoint=endpoint, **more), keys=keys)


def botocore_url(where: Store, url: str) -> str:
    """The URL as botocore signs it."""
    keys = Credentials(where.keys.access, where.keys.secret, where.keys.token or None)
    request = AWSRequest("GET", url)
    S3SigV4QueryAuth(keys, "s3", where.storage.region, expires=900).add_auth(request)
    return str(request.url)


@pytest.mark.parametrize("token", ["", "a+token/=="])
@pytest.mark.parametrize(
    "key", ["13/r_0", "a b/ü+ö~(1)'!*", "100%25/%41", "x//y", "tab\there", "a?b#c&d=e"]
)
@pytest.mark.parametrize(
    ("endpoint", "style"),
    [
        ("https://s3.example.org", "path"),
        ("https://s3.example.org:443", "virtual"),
        ("http://127.0.0.1:9000/below", "path"),
    ],
)
def test_the_signature_is_botocores(key: str, token: str, endpoint: str, style: Any) -> None:
    """For keys of all kinds; tried again should the second change in between."""
    where = store(endpoint, token, style=style, region="eu-west-9", allow_http=True)
    place = ObjectPlace(storage="herd", bucket="bucket", key=key)
    for _ in range(100):
        own, theirs = sign_get(where, place), botocore_url(where, where.url("bucket", key))
        if parse_qs(urlsplit(own).query) == parse_qs(urlsplit(theirs).query):
            break
    assert urlsplit(own).path == urlsplit(theirs).path
    assert parse_qs(urlsplit(own).query) == parse_qs(urlsplit(theirs).query)


def test_a_query_is_signed_as_botocore_does() -> None:
    """That of a listing."""
    where = store()
    asked = {"list-type": "2", "prefix": "a b/ü&=", "continuation-token": "x+/="}
    words = "list-type=2&prefix=a%20b%2F%C3%BC%26%3D&continuation-token=x%2B%2F%3D"
    for _ in range(100):
        own = parse_qs(urlsplit(sign_url(where, where.url("b", ""), asked)).query)
        theirs = parse_qs(urlsplit(botocore_url(where, f"{where.url('b', '')}?{words}")).query)
        if own == theirs:
            break
    assert own == theirs


def test_the_key_of_another_day_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is remembered for a day only."""
    where = store()
    signed = []
    for moment in [time.gmtime(seconds) for seconds in (1_700_000_000, 1_700_086_400)]:
        monkeypatch.setattr("hepsub.storage.signature.time.gmtime", lambda m=moment: m)
        signed.append(parse_qs(urlsplit(sign_url(where, where.url("b", "k"))).query))
    assert [each["X-Amz-Date"] for each in signed] == [["20231114T221320Z"], ["20231115T221320Z"]]
    assert signed[0]["X-Amz-Signature"] != signed[1]["X-Amz-Signature"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://h:443/x", "h"),
        ("http://h:80/x", "h"),
        ("https://h:80/x", "h:80"),
        ("http://h:9000/x", "h:9000"),
    ],
)
def test_hosts(url: str, host: str) -> None:
    """The usual port is left out, as in what is signed."""
    assert host_of(url) == host


# ---- answers ----------------------------------------------------------------------------------


class FakeSocket:
    """What an answer reads from."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def makefile(self, _: str) -> io.BytesIO:
        """The bytes."""
        return io.BytesIO(self.text)


def answer_of(text: bytes) -> Answer:
    """An answer, its head read."""
    answer = Answer(FakeSocket(text), method="GET")  # type: ignore[arg-type]
    answer.begin()
    return answer


@pytest.mark.parametrize(
    ("text", "body", "ends"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", b"abc", False),
        (b"HTTP/1.1 200\r\ncontent-length:3\r\nConnection: Close\r\n\r\nabc", b"abc", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc", True),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc", True),
        (b"HTTP/1.1 204 No\r\n\r\n", b"", False),
        (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"a", False),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"abc",
            False,
        ),
    ],
)
def test_answers(text: bytes, body: bytes, ends: bool) -> None:
    """Body and the connection's fate, by HTTP's rules."""
    answer = answer_of(text)
    assert answer.read() == body
    assert answer.will_close is ends


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300,
    ],
)
def test_what_is_no_answer_is_a_broken_connection(text: bytes) -> None:
    """Whatever it is."""
    with pytest.raises(lines.BROKEN):
        answer_of(text)


def test_a_proxy_reached_by_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way out."""
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy.example.org:3128")
    with pytest.raises(StorageUnreachable) as caught:
        Lines().take(store(), "https://s3.example.org/b/k")
    assert "NO_PROXY" in caught.value.remedy


def test_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain one gets the whole URL and the password; a tunnel is asked for by CONNECT; NO_PROXY holds."""
    monkeypatch.setenv("http_proxy", "http://me:p%40ss@proxy.example.org:3128")
    monkeypatch.setenv("https_proxy", "proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "near.example.org")
    line = Lines().take(store(), "http://s3.example.org/b/k")
    assert (line.connection.host, line.connection.port, line.whole) == ("proxy.example.org", 3128, True)  # fmt: skip
    assert line.headers == {"Proxy-Authorization": "Basic bWU6cEBzcw=="}
    line = Lines().take(store(), "https://s3.example.org/b/k")
    assert (line.connection.host, line.whole, line.headers) == ("proxy.example.org", False, {})
    assert Lines().take(store(), "http://near.example.org/b").connection.host == "near.example.org"


def test_authorities_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said with the variable that names them."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    lines._trust.cache_clear()
    with pytest.raises(StorageUnreachable, match=r"/nowhere/ca.pem"):
        Lines().take(store(), "https://s3.example.org/b/k")


# ---- listings ---------------------------------------------------------------------------------

ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2026-11-22T05:00:00.123Z</LastModified>"
    '<ETag>"abc"</ETag><Size>7</Size></Contents>'
)


def page(inside: str, space: str = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"') -> bytes:
    """A page's document."""
    return f'<?xml version="1.0"?><ListBucketResult{space}>{inside}</ListBucketResult>'.encode()


@pytest.mark.parametrize("space", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'])
def test_pages(space: str) -> None:
    """With and without a namespace; keys percent-encoded only where the server says so."""
    found = read_page(page(ENTRY.format("a%1Bb+c"), space))
    [(key, seen)] = found.seen.items()
    assert (key, seen.size, seen.etag, seen.modified) == ("a%1Bb+c", 7, "abc", 1795323600.123)
    coded = page(f"<EncodingType>url</EncodingType>{ENTRY.format('a%1Bb+c')}", space)
    assert list(read_page(coded).seen) == ["a\x1bb c"]
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    assert read_page(page(more, space)).following == "t"
    assert found.following == ""


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"<html></html>", page("<IsTruncated>true</IsTruncated>"),
     page("<Contents><Key>k</Key></Contents>"), page("<Contents><Key>k</Key><Size>x</Size></Contents>")],
)  # fmt: skip
def test_what_is_no_page(body: bytes) -> None:
    """A proxy's page, or half of one."""
    with pytest.raises(NoListing):
        read_page(body)


def test_error_codes() -> None:
    """They are told to the user."""
    assert error_code(b"<Error><Code>AccessDenied</Code></Error>") == "AccessDenied"
    assert error_code(b"oops") == ""
