"""Certificates of the testbed, made by openssl: an authority, hosts, keys that sign tokens."""

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import process

DAYS = "30"
RSA = ("-newkey", "rsa:2048")
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate."""

    key: Path
    certificate: Path

    def thumbprint(self) -> str:
        """Return the SHA-1 of the certificate, by which Ceph knows a provider."""
        return (
            hashlib.sha1(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).hexdigest().upper()
        )


def self_signed(directory: Path, name: str) -> Pair:
    """Make an RSA key with a certificate by itself, which signs tokens and nothing else."""
    return _make(directory, name, *RSA, "-subj", f"/CN={name}")


def authority(directory: Path, name: str = "ca") -> Pair:
    """Make a certificate authority."""
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # Python 3.13 asks for it
    return _make(directory, name, *CURVE, "-subj", f"/CN=testbed {name}", *usage)


def host(directory: Path, name: str, issuer: Pair, hosts: tuple[str, ...]) -> Pair:
    """Make a certificate for the names of a host and the loopback address."""
    names = ",".join(["IP:127.0.0.1", *(f"DNS:{host}" for host in hosts)])
    words = ("-subj", f"/CN={hosts[0]}", "-addext", f"subjectAltName={names}")
    authorised = ("-CA", issuer.certificate, "-CAkey", issuer.key)
    usage = ("-addext", "basicConstraints=critical,CA:FALSE")
    return _make(directory, name, *CURVE, *words, *usage, *authorised)


def _make(directory: Path, name: str, *words: str | Path) -> Pair:
    pair = Pair(directory / f"{name}.key", directory / f"{name}.pem")
    files = ("-keyout", pair.key, "-out", pair.certificate)
    process.run(["openssl", "req", "-x509", "-nodes", "-sha256", "-days", DAYS, *files, *words])
    return pair
