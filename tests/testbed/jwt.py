"""Tokens that a test signs itself, with the provider's key or another one."""

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY_ID = "testbed"


def sign(payload: Mapping[str, Any], key: Path) -> str:
    """Return a JWT of RS256, signed by openssl (RFC 7515, compact serialisation)."""
    head = {"alg": "RS256", "typ": "at+jwt", "kid": KEY_ID}
    text = ".".join(_encode(json.dumps(part).encode()) for part in (head, payload))
    signed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(key)],
        input=text.encode(),
        capture_output=True,
        check=True,
        timeout=10,
    )
    return f"{text}.{_encode(signed.stdout)}"


def payload(token: str) -> dict[str, Any]:
    """Return what a JWT says, without checking who signed it."""
    part = token.split(".")[1]
    answer: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return answer


def tampered(token: str, **claims: object) -> str:
    """Return a JWT with other claims and the signature of the old ones."""
    head, _, signature = token.split(".")
    body = _encode(json.dumps(payload(token) | claims).encode())
    return f"{head}.{body}.{signature}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
