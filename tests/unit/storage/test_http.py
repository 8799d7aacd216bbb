"""Answers of servers as far as HTTP goes: whole, cut off, without end; proxies and authorities."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from hepsub.errors import StorageUnreachable
from hepsub.storage import connect
from hepsub.storage.http import ConnectionPool, TemporaryFailure, check, may_pass
from hepsub.storage.response import BROKEN, Incoming
from tests.fakes.hostile import Hostile, store_at

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def pool() -> Iterator[ConnectionPool]:
    with contextlib.closing(ConnectionPool()) as made:
        yield made


def answer(hostile: Hostile, pool: ConnectionPool, said: bytes, most: int = 1000) -> bytes:
    """The body of an answer of the server, which says this."""
    hostile.answer = lambda _: (said,)
    store = hostile.store()
    with pool.ask(store, store.url("b", "k")) as response:
        check(response)
        return response.read_whole(most)


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", b"abc"),
        (b"HTTP/1.1 200\r\ncontent-length:3\r\nConnection: Close\r\n\r\nabc", b"abc"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"a"),
        (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"abcde"),
        (CHUNKED + b"0\r\n\r\n", b""),
    ],
)
def test_answers(said: bytes, body: bytes, hostile: Hostile, pool: ConnectionPool) -> None:
    assert answer(hostile, pool, said) == body
    assert answer(hostile, pool, OK) == b"ok"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 99999999999999999999 OK\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 10**6 + b"\r\n\r\n",
        b"HTTP/1.1 100 Go on\r\n\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1" + b"0" * 25 + b"\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\nabcdefghij",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 1001,
        CHUNKED + b"-5\r\nabcabcabc\r\n0\r\n\r\n",
        CHUNKED + b"1_0\r\nabcabcabc\r\n0\r\n\r\n",
        CHUNKED + b"f" * 5000 + b"\r\nabc",
        CHUNKED + b"3\r\nab",
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 100_000,
    ],
)
def test_what_is_no_answer_is_a_broken_connection(
    said: bytes, hostile: Hostile, pool: ConnectionPool
) -> None:
    """Whatever it is; and the next request gets an answer of its own."""
    with pytest.raises((TemporaryFailure, *BROKEN)):
        answer(hostile, pool, said)
    assert answer(hostile, pool, OK) == b"ok"


def test_an_interim_answer_without_end_has_one(hostile: Hostile, pool: ConnectionPool) -> None:
    """Nobody waits for the answer itself for ever."""

    def interim(_: str) -> Iterator[bytes]:
        while True:
            yield b"HTTP/1.1 100 Go on\r\n\r\n"

    hostile.answer = interim
    store = hostile.store()
    with pytest.raises(TemporaryFailure), pool.ask(store, store.url("b", "k")):
        pass


@pytest.mark.parametrize("said", ["-5", "1e999", "soon", "9" * 5000, "\xb2"])
def test_a_store_does_not_say_how_long_we_sleep(
    said: str, hostile: Hostile, pool: ConnectionPool
) -> None:
    content = f"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: {said}\r\n\r\n"
    with pytest.raises(TemporaryFailure) as caught:
        answer(hostile, pool, content.encode("latin-1"))
    assert caught.value.after == 0.0


def test_it_may_ask_for_a_pause(hostile: Hostile, pool: ConnectionPool) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        answer(hostile, pool, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n")
    assert caught.value.after == 7.0


def test_a_request_that_would_be_two_is_not_sent(hostile: Hostile, pool: ConnectionPool) -> None:
    store = hostile.store()
    for odd in ("a\r\nX: b", "a\nb", "a\rb", "\u2028"):
        with (
            pytest.raises(TemporaryFailure, match=r"ValueError|UnicodeEncodeError"),
            pool.ask(store, store.url("b", "k"), headers={"if-match": odd}),
        ):
            pass
    assert hostile.asked == []


@pytest.mark.parametrize(
    ("origin", "host", "port"),
    [
        ("http://s3.example.org", "s3.example.org", 80),
        ("https://s3.example.org", "s3.example.org", 443),
        ("https://s3.example.org:9000", "s3.example.org", 9000),
        ("http://[::1]:9000", "::1", 9000),
    ],
)
def test_where_a_connection_leads(origin: str, host: str, port: int) -> None:
    found = connect.open_connection(origin, "")
    assert (found.host, found.port) == (host, port)


def test_a_kept_connection_that_is_silent_is_not_waited_for_twice(hostile: Hostile) -> None:
    """One that was closed meanwhile is opened again: whoever asks does not notice."""
    hostile.says(b"ok")
    for closed, error in ((True, None), (False, TimeoutError)):
        ours, theirs = socket.socketpair()
        ours.settimeout(0.05)
        connection = connect.open_connection(hostile.endpoint, "")
        connection._incoming = Incoming(ours)
        with theirs, ours, contextlib.closing(connection):
            if closed:
                theirs.close()
            with pytest.raises(error) if error else contextlib.nullcontext():
                connection.ask("GET", f"{hostile.endpoint}/b/k", {})
    assert len(hostile.asked) == 1


# ---- proxies and authorities ------------------------------------------------------------------


def test_a_proxy_reached_by_tls_is_refused(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the way out."""
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy.example.org:3128")
    store = store_at("https://s3.example.org")
    with pytest.raises(StorageUnreachable) as caught, pool.ask(store, store.url("b", "k")):
        pass
    assert "NO_PROXY" in caught.value.remedy


def test_a_plain_proxy_gets_the_whole_url_and_the_password(
    hostile: Hostile, pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is signed is for the storage; NO_PROXY holds."""
    hostile.answer = lambda _: (OK,)
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{hostile.port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    far = store_at("http://s3.example.org")
    with pool.ask(far, far.url("b", "a b"), query={"x": "1/2"}) as response:
        assert response.read_whole(10) == b"ok"
    with pool.ask(hostile.store(), hostile.store().url("b", "k")) as response:
        assert response.read_whole(10) == b"ok"
    assert [each.partition(" HTTP")[0] for each in hostile.asked] == [
        "GET http://s3.example.org/b/a%20b?x=1%2F2",
        "GET /b/k",
    ]
    first, second = hostile.heads
    assert first["proxy-authorization"] == "Basic bWU6cEBzcw=="
    assert first["host"] == "s3.example.org"
    assert "proxy-authorization" not in second


def test_a_tunnel_is_asked_for_by_connect(
    hostile: Hostile, pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the request is seen by the proxy."""
    hostile.answer = lambda _: (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",)
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{hostile.port}")
    monkeypatch.setenv("no_proxy", "near.example.org")
    store = store_at("https://s3.example.org")
    with (
        pytest.raises(TemporaryFailure, match="does not answer"),
        pool.ask(store, store.url("b", "k")),
    ):
        pass
    assert [each.partition(" HTTP")[0] for each in hostile.asked] == ["CONNECT s3.example.org:443"]
    assert "authorization" not in hostile.heads[0]


def test_authorities_that_are_not_there(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said with the file's name, or with what keeps ~/.aws/config from being read."""
    store = store_at("https://s3.example.org")
    connect._trust.cache_clear()
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(StorageUnreachable, match=r"/nowhere/ca.pem"):
        pool.ask(store, store.url("b", "k")).__enter__()
    monkeypatch.delenv("AWS_CA_BUNDLE")
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    with pytest.raises(StorageUnreachable, match="ProfileNotFound"):
        pool.ask(store, store.url("b", "k")).__enter__()
    connect._trust.cache_clear()


@pytest.mark.parametrize(
    "said", [OK, b"HTTP/1.1 200 Yes\r\n\r\n\x16\x03", b"nonsense\r\n\r\n", b""]
)
def test_a_proxy_that_opens_no_tunnel_gets_nothing_else(
    said: bytes, hostile: Hostile, pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what it says before the storage could have said anything."""
    hostile.answer = lambda _: (said,)
    monkeypatch.setenv("https_proxy", f"127.0.0.1:{hostile.port}")
    store = store_at("https://[2001:db8::7]:9000")
    with pytest.raises(TemporaryFailure), pool.ask(store, store.url("b", "k")):
        pass
    assert hostile.asked == ["CONNECT [2001:db8::7]:9000 HTTP/1.1"]
    assert hostile.heads[0]["host"] == "[2001:db8::7]:9000"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_trouble_that_may_pass(status: int) -> None:
    """It is tried again: what a server or a proxy cannot do now, or is asked too often."""
    assert may_pass(status)


@pytest.mark.parametrize("status", [400, 403, 404, 412, 499])
def test_trouble_that_stays(status: int) -> None:
    assert not may_pass(status)


def test_a_ca_file_that_is_not_there_is_named_before_anything_is_sent(
    hostile: Hostile, pool: ConnectionPool
) -> None:
    store = hostile.store()
    lost = replace(store, storage=replace(store.storage, ca_file="/no/such/ca.pem"))
    said = r"ca_file of the storage herd is no file: /no/such"
    with pytest.raises(StorageUnreachable, match=said), pool.ask(lost, lost.url("b", "k")):
        pass
    assert hostile.asked == []
