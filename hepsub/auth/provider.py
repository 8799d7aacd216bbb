"""Whether an OpenID provider answers at all: asked only when oidc-agent did not come back."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

_PATIENCE_S = 5.0


def is_silent(issuer: str) -> bool:
    """Whether nobody answers at the provider's address within seconds; what it says does not matter.

    Nothing secret is sent, so that its certificate is not looked at.

    Args:
        issuer: URL of the provider.
    """
    parts = urlsplit(issuer)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection = http.client.HTTPSConnection(parts.netloc, timeout=_PATIENCE_S, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE_S)
    try:
        connection.request("HEAD", f"{parts.path.rstrip('/')}/.well-known/openid-configuration")
        return not connection.sock.recv(1)
    except (OSError, http.client.HTTPException):
        return True
    finally:
        connection.close()
