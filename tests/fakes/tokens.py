"""Tokens that nobody signed, for what only reads them."""

from __future__ import annotations

import base64
import json


def encoded(value: object) -> str:
    """A part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def jwt(**claims: object) -> str:
    """A JWT with these claims; `wlcg_ver` and the like get their dots."""
    named = {name.replace("wlcg_", "wlcg."): value for name, value in claims.items()}
    return f"{encoded({'alg': 'RS256'})}.{encoded(named)}.c2lnbmF0dXJl"
