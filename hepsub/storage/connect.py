"""How a connection to a storage is opened: through which proxy, trusting whom; and what is believed of its answers.

Proxies and authorities are the ones that botocore would take: HTTP_PROXY, HTTPS_PROXY, NO_PROXY; ca_file of the policy,
AWS_CA_BUNDLE or ca_bundle of ~/.aws/config, REQUESTS_CA_BUNDLE, else those that botocore brings along.
"""

from __future__ import annotations

import base64
import functools
import http.client
import io
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hepsub.errors import StorageUnreachable

BROKEN = (http.client.HTTPException, OSError)
"""What a connection that breaks raises."""

_CONNECT_S = 5
_READ_S = 30
_MOST_LINES = 300


@dataclass(slots=True, kw_only=True)
class Connection:
    """A connection to an endpoint, or to the proxy on the way.

    Attributes:
        client: that of http.client.
        origin: scheme, host and port of the endpoint.
        headers: what a proxy wants with each request.
        whole: whether requests name the whole URL, as a plain proxy wants it.
    """

    client: http.client.HTTPConnection
    origin: str
    headers: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False

    def ask(self, method: str, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The beginning of the answer.

        Raises:
            HTTPException, OSError: there is none.
        """
        used = self.client.sock is not None
        try:
            return self._ask(method, url, headers)
        except BROKEN:
            self.client.close()
            if not used:
                raise
            # The server closes connections that nobody needed for a while: that is no failure.
            return self._ask(method, url, headers)

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        if self.client.sock is None:
            self.client.timeout = _CONNECT_S
            self.client.connect()
            self._socket.settimeout(_READ_S)
        target = url if self.whole else url[len(self.origin) :]
        self.client.request(method, target, headers={**self.headers, **headers})
        return self.client.getresponse()

    @property
    def _socket(self) -> Any:  # noqa: ANN401 (it may be TLS's)
        return self.client.sock


def open_connection(origin: str, authorities: str) -> Connection:
    """A connection to an endpoint; nothing is sent yet.

    Args:
        origin: scheme, host and port of the endpoint.
        authorities: the file of its own authorities; empty for none.

    Raises:
        StorageUnreachable: the proxy or the authorities that the environment names cannot be used.
    """
    scheme, _, host = origin.partition("://")
    proxy = urlsplit(_proxy(origin, scheme))
    if not proxy.hostname:
        return Connection(client=_open(scheme, host, authorities), origin=origin)
    if proxy.scheme not in ("http", ""):
        raise StorageUnreachable(
            f"{origin}: a proxy that is itself reached by {proxy.scheme} is not supported",
            remedy="name one with http:// in HTTPS_PROXY and HTTP_PROXY, or the storage's host in NO_PROXY",
        )
    headers = _proxy_authorization(proxy.username, proxy.password)
    address = f"{proxy.hostname}:{proxy.port or 80}"
    opened = _open(scheme, address, authorities)
    if scheme == "http":
        return Connection(client=opened, origin=origin, headers=headers, whole=True)
    parts = urlsplit(origin)
    opened.set_tunnel(parts.hostname or "", parts.port or 443, headers)
    return Connection(client=opened, origin=origin)


def _open(scheme: str, address: str, authorities: str) -> http.client.HTTPConnection:
    if scheme == "http":
        made = http.client.HTTPConnection(address)
    else:
        made = http.client.HTTPSConnection(address, context=_trust(authorities))
    made.response_class = _BoundedResponse
    return made


def _proxy_authorization(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _proxy(origin: str, scheme: str) -> str:
    from botocore.utils import get_environ_proxies

    found = str(get_environ_proxies(origin).get(scheme) or "")
    return found if not found or "://" in found else f"http://{found}"


@functools.cache
def _trust(named: str) -> ssl.SSLContext:
    import botocore.exceptions
    import botocore.session
    from botocore.httpsession import get_cert_path

    try:
        named = named or botocore.session.get_session().get_config_variable("ca_bundle")
    except botocore.exceptions.BotoCoreError as error:  # AWS_PROFILE names one that is not there
        raise StorageUnreachable(
            f"which authorities ~/.aws/config names cannot be read ({type(error).__name__})",
            remedy="correct AWS_PROFILE, or name ca_file in the policy",
        ) from error
    path = named or os.environ.get("REQUESTS_CA_BUNDLE") or get_cert_path(verify=True)
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise StorageUnreachable(
            f"the authorities in {path} cannot be read: {error.strerror or error}",
            remedy="correct ca_file in the policy, AWS_CA_BUNDLE, or ca_bundle in ~/.aws/config",
        ) from error


# ---- what http.client reads without bounds ----------------------------------------------------


class _Bounded(io.BufferedReader):
    """What came, for http.client, which would read lines for ever, and a chunk of a size below zero to the end."""

    _lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self._lines += 1
        if self._lines > _MOST_LINES:
            raise http.client.HTTPException("line after line, and no answer")
        return super().readline(size)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise http.client.HTTPException("a chunk without a size")
        self._lines = 0
        return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        if size < 0:
            raise http.client.HTTPException("a chunk without a size")
        self._lines = 0
        return super().read1(size)


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **more: Any) -> None:  # noqa: ANN401 (http.client's)
        super().__init__(sock, *args, **more)
        self.fp = _Bounded(self.fp.detach())
