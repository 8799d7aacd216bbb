"""How a connection to a storage is opened: through which proxy, trusting whom.

Proxies and authorities are the ones that botocore would take: HTTP_PROXY, HTTPS_PROXY, NO_PROXY; ca_file of the policy,
AWS_CA_BUNDLE or ca_bundle of ~/.aws/config, REQUESTS_CA_BUNDLE, else those that botocore brings along.
"""

from __future__ import annotations

import base64
import functools
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hepsub.errors import StorageUnreachable
from hepsub.storage.response import BROKEN, Incoming, Response, read_response

_CONNECT_S = 5
"""A SYN that is lost is sent again after one second and after three: a host that is there has answered by then."""
_READ_S = 30
_WITH_BODY = ("PUT", "POST")
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True, kw_only=True)
class Connection:
    """A connection to an endpoint, or to the proxy on the way; it is opened when it is needed.

    Attributes:
        origin: scheme, host and port of the endpoint.
        authorities: who is trusted to name the endpoint; None for one without TLS.
    """

    origin: str
    host: str
    port: int
    proxy: tuple[str, int] | None
    proxy_headers: Mapping[str, str]
    authorities: ssl.SSLContext | None
    _incoming: Incoming | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has been used, and may be used again."""
        return self._incoming is not None

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """The beginning of the response to a request; one with a body may arrive twice.

        Raises:
            HTTPException, OSError: there is none.
            ValueError: something in the request would end its line.
        """
        used = self.is_open
        try:
            self.send(method, url, headers, body)
            return self.receive(method)
        except BROKEN as error:
            self.close()
            # The server closes connections that nobody needed for a while: that is no failure. A silence is one.
            if not used or isinstance(error, TimeoutError):
                raise
            self.send(method, url, headers, body)
            return self.receive(method)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send a request, whose response `receive` gives; it raises what `ask` does."""
        fields = {"accept-encoding": "identity", **headers}
        if body or method in _WITH_BODY:
            fields["content-length"] = str(len(body))
        if self.proxy is not None and self.authorities is None:  # which wants the whole URL
            head = _head(method, url, {**fields, **self.proxy_headers})
        else:
            head = _head(method, url[len(self.origin) :], fields)
        if self._incoming is None:
            self._incoming = Incoming(self._connect())
        self._incoming.socket.sendall(head + body)

    def receive(self, method: str) -> Response:
        """The beginning of the response to what was sent; it raises what `ask` does."""
        assert self._incoming is not None  # noqa: S101 (something was sent)
        return read_response(self._incoming, method)

    def close(self) -> None:
        """Close it, until it is needed again."""
        if self._incoming is not None:
            self._incoming.socket.close()
            self._incoming = None

    def _connect(self) -> socket.socket:
        opened = socket.create_connection(self.proxy or (self.host, self.port), _CONNECT_S)
        try:
            # Else the kernel keeps the end of a request back until the server has acknowledged its beginning, which
            # that delays by 40 ms.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.authorities is not None:
                if self.proxy is not None:
                    self._ask_for_tunnel(opened)
                opened = self.authorities.wrap_socket(opened, server_hostname=self.host)
        except BaseException:
            opened.close()
            raise
        opened.settimeout(_READ_S)
        return opened

    def _ask_for_tunnel(self, opened: socket.socket) -> None:
        target = f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"
        opened.sendall(_head("CONNECT", target, {"host": target, **self.proxy_headers}))
        incoming = Incoming(opened)
        status = read_response(incoming, "CONNECT").status
        # Who speaks first in TLS is the client: bytes that are here already are not the storage's.
        if not 200 <= status < 300 or not incoming.is_empty:
            raise OSError(f"the proxy opens no tunnel ({status})")


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    head = "\r\n".join(lines)
    if not head.count("\r") == head.count("\n") == len(lines) - 1:
        raise ValueError("a URL or a header with the end of a line in it")
    return f"{head}\r\n\r\n".encode("ascii")


def open_connection(origin: str, authorities: str) -> Connection:
    """A connection to an endpoint, whose own file of authorities may be named; nothing is sent yet.

    Raises:
        StorageUnreachable: the proxy or the authorities that the environment names cannot be used.
    """
    parts = urlsplit(origin)
    proxy = urlsplit(_proxy(origin, parts.scheme))
    if proxy.hostname and proxy.scheme not in ("http", ""):
        raise StorageUnreachable(
            f"{origin}: a proxy that is itself reached by {proxy.scheme} is not supported",
            remedy="name one with http:// in HTTPS_PROXY and HTTP_PROXY, or the storage's host in NO_PROXY",
        )
    return Connection(
        origin=origin,
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        proxy=(proxy.hostname, proxy.port or 80) if proxy.hostname else None,
        proxy_headers=_proxy_authorization(proxy.username, proxy.password),
        authorities=None if parts.scheme == "http" else _trust(authorities),
    )


def _proxy_authorization(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _proxy(origin: str, scheme: str) -> str:
    # Most have none, and the import takes a quarter of a second.
    if not any(name.casefold().endswith("_proxy") for name in os.environ):
        return ""
    from botocore.utils import get_environ_proxies

    found = str(get_environ_proxies(origin).get(scheme) or "")
    return found if not found or "://" in found else f"http://{found}"


def _usual_authorities() -> str:
    """Those that botocore would take (botocore.httpsession.where, whose import takes ten times as long)."""
    try:
        from certifi import where  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        import botocore

        return str(Path(botocore.__file__).parent / "cacert.pem")
    return str(where())


def _authorities_by_botocore() -> str:
    import botocore.exceptions
    import botocore.session

    try:
        return str(botocore.session.get_session().get_config_variable("ca_bundle") or "")
    except botocore.exceptions.BotoCoreError as error:  # AWS_PROFILE names one that is not there
        raise StorageUnreachable(
            f"which authorities ~/.aws/config names cannot be read ({type(error).__name__})",
            remedy="correct AWS_PROFILE, or name ca_file in the policy",
        ) from error


@functools.cache
def _trust(named: str) -> ssl.SSLContext:
    from hepsub.storage.aws_files import plain_authorities

    if not named:
        plain = plain_authorities()
        named = _authorities_by_botocore() if plain is None else plain
    path = named or os.environ.get("REQUESTS_CA_BUNDLE") or _usual_authorities()
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise StorageUnreachable(
            f"the authorities in {path} cannot be read: {error.strerror or error}",
            remedy="correct ca_file in the policy, AWS_CA_BUNDLE, or ca_bundle in ~/.aws/config",
        ) from error
