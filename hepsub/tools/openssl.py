"""OpenSSL's program: identities, and letters that only one of them opens and only the other can have written.

CMS (RFC 5652) by `openssl cms`, which OpenSSL 1.0.2 on a worker node opens as well. Secrets are in files and pipes,
never in arguments.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from hepsub.errors import ToolFailed
from hepsub.tools.run import run_filter

_KEY_S = 60.0
_SEAL_S = 60.0
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_DAYS = "36500"
"""Who opens a letter does not ask for the date: what may be believed for how long is in it."""
_SIGNER = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve")
_RECIPIENT = ("rsa:2048",)
"""CMS encrypts to elliptic curves since OpenSSL 1.1 only."""
# The site's own openssl.cnf may ask for a name, or add what no verifier here wants.
_CONFIG = b"""[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
string_mask = utf8only
[name]
CN = hepsub
[extensions]
basicConstraints = critical, CA:TRUE
"""


class Identity(Struct, frozen=True, kw_only=True):
    """A private key and the certificate of itself, both as PEM."""

    key: bytes
    certificate: bytes

    def __repr__(self) -> str:
        return "Identity()"

    @property
    def whole(self) -> bytes:
        """Both of them."""
        return self.key + self.certificate


def new_signer() -> Identity:
    """A new identity that signs; raises what `new_recipient` does."""
    return _identity(_SIGNER)


def new_recipient() -> Identity:
    """A new identity that is encrypted to.

    Raises:
        ToolFailed: openssl is not installed, or cannot do it.
    """
    return _identity(_RECIPIENT)


def _identity(kind: tuple[str, ...]) -> Identity:
    words = ("-nodes", "-sha256", "-days", _DAYS, "-config", "/dev/stdin")
    made = run_filter(
        ("openssl", "req", "-x509", "-newkey", *kind, *words), _CONFIG, timeout=_KEY_S
    )
    start = made.find(_CERTIFICATE)
    if start <= 0:
        raise ToolFailed("openssl req gave no key and certificate", remedy="mend its installation")
    return Identity(key=made[:start], certificate=made[start:])


def seal(content: bytes, *, signer: Path, recipient: Path) -> bytes:
    """Sign something and encrypt it, as DER.

    Args:
        content: any bytes.
        signer: the file with the key and the certificate of who signs.
        recipient: the file with the certificate of who may open it.

    Raises:
        ToolFailed: openssl is not installed, or cannot do it.
    """
    cms = ("openssl", "cms", "-binary", "-outform", "DER")
    sign = (*cms, "-sign", "-nodetach", "-md", "sha256", "-signer", str(signer))
    signed = run_filter(sign, content, timeout=_SEAL_S)
    encrypt = (*cms, "-encrypt", "-aes256", str(recipient))
    return run_filter(encrypt, signed, timeout=_SEAL_S)
