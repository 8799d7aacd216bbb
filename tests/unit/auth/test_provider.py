"""Whether anybody answers at a provider's address."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from hepsub.auth import token
from hepsub.auth.token import _is_silent


@pytest.mark.parametrize(
    ("answer", "silent"), [(b"HTTP/1.1 500 No\r\n\r\n", False), (b"x", False), (b"", True), (None, True)]
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "/", "/realm/", "/realm"])
def test_whatever_a_provider_says_it_is_there(
    answer: bytes | None, silent: bool, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that closes the connection, or says nothing for seconds, is not; and nothing is left open."""
    monkeypatch.setattr(token, "_PATIENCE_S", 0.2)
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(10)
            heard.append(connection.recv(4096))
            with contextlib.suppress(OSError):  # who has read the first line may have gone by now
                if answer is not None:
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
            heard.append(b"closed")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        assert _is_silent(f"http://127.0.0.1:{server.getsockname()[1]}{path}") is silent
        thread.join()
    realm = path.rstrip("/").encode()
    assert heard[0].startswith(b"HEAD " + realm + b"/.well-known/openid-configuration HTTP/1.1\r\n")
    assert heard[1] == b"closed"


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:{}/", "https://127.0.0.1:{}/", "https:///x"])
def test_where_nobody_listens_it_is_silent(issuer: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert _is_silent(issuer.format(port))
