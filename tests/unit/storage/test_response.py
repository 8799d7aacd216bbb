"""What is a response, and what is none: heads, lengths, chunks, and what follows on the same connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected

import pytest

from hepsub.storage import response as module
from hepsub.storage.response import BROKEN, Incoming, Response, read_response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

Says = Callable[..., Incoming]


@pytest.fixture
def says() -> Iterator[Says]:
    """Give a function that makes what comes from a server, which says this in pieces, and then no more."""
    with contextlib.ExitStack() as stack:

        def incoming(*pieces: bytes, pause: float = 0.0) -> Incoming:
            ours, theirs = (stack.enter_context(each) for each in socket.socketpair())

            def say() -> None:
                with contextlib.suppress(OSError):
                    for piece in pieces:
                        theirs.sendall(piece)
                        time.sleep(pause)
                theirs.close()

            thread = threading.Thread(target=say, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(ours.close)
            return Incoming(ours)

        yield incoming


def read(incoming: Incoming, method: str = "GET") -> tuple[Response, bytes]:
    """A response, and its body."""
    response = read_response(incoming, method)
    return response, response.read_whole(10**6)


@pytest.mark.parametrize(
    ("head", "status", "is_last"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", 200, False),
        (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n", 200, False),
        (b"HTTP/1.1 404\r\ncontent-length:0\r\nConnection: keep-alive\r\n", 404, False),
        (b"HTTP/1.1 299 Much to say: a b\r\nContent-Length: 0\r\n", 299, False),
        (b"HTTP/1.1 503 \xff\r\nContent-Length: 0\r\nConnection: TE, Close\r\n", 503, True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n", 200, True),
        (b"HTTP/1.1 204 None\r\nContent-Length: 7\r\n", 204, False),
        (b"HTTP/1.1 304 As before\r\n", 304, False),
        (b"HTTP/1.1 200 OK\r\n", 200, True),
    ],
)
def test_heads(head: bytes, status: int, is_last: bool, says: Says) -> None:
    """With the status, and whether the connection goes on."""
    response, body = read(says(head + b"\r\n"))
    assert (response.status, response.is_last, body) == (status, is_last, b"")
    assert response.is_read


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/2 200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 \xb2\xb3\xb9 OK",
        b"HTTP/1.1 600 OK",
        b"HTTP/1.1 200OK",
        b" HTTP/1.1 200 OK",
        b"\r\nHTTP/1.1 200 OK",
        b"http/1.1 200 OK",
        b"ICY 200 OK",
        b"HTTP/1.1 200 O\0K",
        b"",
    ],
)
def test_what_begins_otherwise_is_no_response(line: bytes, says: Says) -> None:
    with pytest.raises(BadStatusLine):
        read(says(line + b"\r\nContent-Length: 2\r\n\r\nok"))


@pytest.mark.parametrize(
    "field",
    [
        b"no colon",
        b": no name",
        b" folded: as mails are",
        b"A : a space before the colon",
        b"A: b\nHost: c",
        b"A: b\rC: d",
        b"A: \0",
        b"A\x7f: b",
        b"Content-Length: 2",
        b"Content-Length: 3",
        b"Transfer-Encoding: chunked",
        b"A: " + b"b" * 2**16,
        b"\r\n".join(b"A%d: b" % number for number in range(200)),
    ],
)
def test_fields_that_no_response_has(field: bytes, says: Says) -> None:
    with pytest.raises(BROKEN):
        read(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + field + b"\r\n\r\nok"))


@pytest.mark.parametrize(
    "coding", [b"gzip", b"chunked, chunked", b"gzip, chunked", b"identity", b""]
)
def test_a_body_is_whole_or_in_chunks(coding: bytes, says: Says) -> None:
    with pytest.raises(BROKEN):
        read(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n2\r\nok\r\n0\r\n\r\n"))  # fmt: skip


def test_of_fields_that_are_there_twice_the_first_one_counts(says: Says) -> None:
    """Names are compared in small letters; space around a text is none of it."""
    fields = b"ETAG:  one \r\netag: two\r\nContent-Length: 0\r\n"
    response, _ = read(says(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n"))
    assert response.header("etag") == "one"
    assert response.header("last-modified") == ""


def test_what_comes_before_the_response_is_passed_over(says: Says) -> None:
    """100 Continue, 103 Early Hints; but not for ever, and no other protocol."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert read(says(interim + hints + OK))[1] == b"ok"
    with pytest.raises(BROKEN):
        read(says(8 * interim + OK))
    with pytest.raises(BROKEN):
        read(says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK))


def test_the_answer_to_head_has_a_length_and_no_body(says: Says) -> None:
    incoming = says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + OK)
    response, body = read(incoming, "HEAD")
    assert (response.header("content-length"), body) == ("5", b"")
    assert read(incoming)[1] == b"ok"


def test_responses_that_came_together_are_taken_one_by_one(says: Says) -> None:
    """And it is known whether anything is left."""
    chunks = CHUNKED + b"1;a=b\r\nx\r\n2 \r\nyz\r\n0\r\nA: b\r\n\r\n"
    incoming = says(OK + chunks + OK + b"!")
    assert [read(incoming)[1] for _ in range(3)] == [b"ok", b"xyz", b"ok"]
    assert not incoming.is_empty


def test_a_response_may_come_byte_by_byte(says: Says) -> None:
    both = CHUNKED + b"B\r\nhello world\r\n0\r\n\r\n" + OK
    incoming = says(*(both[at : at + 1] for at in range(len(both))))
    assert [read(incoming)[1] for _ in range(2)] == [b"hello world", b"ok"]
    assert incoming.is_empty


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
        CHUNKED + b"5\r\nabcd",
        CHUNKED + b"4\r\nabcd",
        CHUNKED + b"4\r\nabcd\r\n",
        CHUNKED + b"4\r\nabcd\r\n0\r\n",
        CHUNKED + b"4\r\nabcd\r\n0\r\nA: b\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
def test_a_response_that_is_cut_off_is_none(said: bytes, says: Says) -> None:
    with pytest.raises(IncompleteRead):
        read(says(said))


def test_a_connection_that_is_closed_without_a_word_is_told_from_that(says: Says) -> None:
    with pytest.raises(RemoteDisconnected):
        read(says())


@pytest.mark.parametrize(
    "chunks",
    [
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"3" + b" " * 2000 + b"\r\nabc\r\n0\r\n\r\n",
        b"1234567890abc\r\nabc",
        b"0\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
def test_chunks_that_are_none(chunks: bytes, says: Says) -> None:
    with pytest.raises(BROKEN):
        read(says(CHUNKED + chunks))


def test_more_than_is_believed_is_not_kept(says: Says) -> None:
    for head in (b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"):
        with pytest.raises(BROKEN, match="too large"):
            read_response(says(head + b"hello world"), "GET").read_whole(10)
    exact = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhelloworld"
    assert read_response(says(exact), "GET").read_whole(10) == b"helloworld"


def test_a_head_that_only_trickles_is_given_up(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEAD_S", 0.1)
    with pytest.raises(TimeoutError):
        read(says(*[b"H"] * 100, pause=0.02))
