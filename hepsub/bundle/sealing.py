"""Sealed letters: only one can open them, and only the other can have written them.

CMS (RFC 5652), made in this process in 0.2 ms; a worker node opens them with `openssl cms`. Nothing else knows the
library, which takes 50 ms to load.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

_FROM = datetime(2000, 1, 1, tzinfo=UTC)
_UNTIL = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""No well-defined end (RFC 5280, 4.1.2.5): what may be believed for how long is in the letter."""
_RSA_BITS = 2048


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


class Sealer(Struct, frozen=True, kw_only=True):
    """Who signs letters, and who can open them; many threads may use it."""

    key: EllipticCurvePrivateKey
    signer: Certificate
    recipient: Certificate

    def seal(self, content: bytes) -> bytes:
        """Sign something and encrypt it, as DER."""
        from cryptography.hazmat.primitives.ciphers.algorithms import AES256
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.hazmat.primitives.serialization.pkcs7 import (
            PKCS7EnvelopeBuilder,
            PKCS7Options,
            PKCS7SignatureBuilder,
        )

        # Signed first and encrypted then: who cannot open it learns nothing of who wrote it. Without `Binary` line ends
        # would become CR LF, as in mail.
        signature = PKCS7SignatureBuilder().set_data(content)
        signature = signature.add_signer(self.signer, self.key, SHA256())
        signed = signature.sign(Encoding.DER, [PKCS7Options.Binary, PKCS7Options.NoCapabilities])
        envelope = PKCS7EnvelopeBuilder().set_data(signed).add_recipient(self.recipient)
        envelope = envelope.set_content_encryption_algorithm(AES256)
        return envelope.encrypt(Encoding.DER, [PKCS7Options.Binary])


def new_signer() -> Identity:
    """A new identity that signs."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return _identity(ec.generate_private_key(ec.SECP256R1()))


def new_recipient() -> Identity:
    """A new identity that is encrypted to: OpenSSL 1.0.2 encrypts to RSA keys only, and so does the library."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return _identity(rsa.generate_private_key(65537, _RSA_BITS))


def _identity(key: EllipticCurvePrivateKey | RSAPrivateKey) -> Identity:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hepsub")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .sign(key, SHA256())
    )
    return Identity(
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate=certificate.public_bytes(Encoding.PEM),
    )


def open_sealer(signer: bytes, recipient: bytes) -> Sealer:
    """Who signs and who opens.

    Args:
        signer: key and certificate of who signs, as PEM.
        recipient: the certificate of who may open it, as PEM.

    Raises:
        ValueError: they are not that.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificate

    key = load_pem_private_key(signer, None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError("the key of the signer is of another kind")  # noqa: TRY004 (its caller's)
    return Sealer(
        key=key,
        signer=load_pem_x509_certificate(signer),
        recipient=load_pem_x509_certificate(recipient),
    )
