"""rclone's store behind TLS, with a certificate of an authority that nobody else knows."""

import functools
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.testbed import process, rclone
from tests.testbed.rclone import Rclone
from tests.testbed.s3 import S3Server

AUTHORITY = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
"""What Python 3.13 asks of certificates (VERIFY_X509_STRICT), too."""
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class RcloneTls(Rclone):
    """The quick server, behind TLS."""

    def _command(self) -> list[str | Path]:
        *words, data = super()._command()
        own: list[str | Path]
        own = ["--cert", self.directory / "server.pem", "--key", self.directory / "server.key"]
        return [*words, *own, data]


@dataclass(frozen=True)
class TlsServer(S3Server):
    """A server whose clients have to know its authority.

    Attributes:
        authority: the authority's certificate, in PEM.
    """

    authority: Path = Path()

    def client(self, name: str = "s3") -> Any:
        """A client that knows the authority."""
        keys = (self.access_key, self.secret_key)
        return _client(name, self.endpoint, self.region, keys, self.authority)


@functools.lru_cache
def _client(name: str, endpoint: str, region: str, keys: tuple[str, str], verify: Path) -> Any:
    return boto3.client(
        name,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        verify=str(verify),
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            proxies={},
        ),
    )


def start(directory: Path) -> TlsServer:
    """Make an authority and a certificate for 127.0.0.1, and start a server with it."""
    rclone.program()
    make_certificates(directory)
    keys = (f"AK{secrets.token_hex(9).upper()}", secrets.token_hex(20))
    service = RcloneTls(directory, *keys)
    service.start()
    endpoint = f"https://127.0.0.1:{service.port}"
    return TlsServer("rclone", endpoint, *keys, directory, service, authority=directory / "ca.pem")


def make_certificates(directory: Path) -> None:
    """Write ca.pem, server.pem and server.key."""
    configuration = directory / "openssl.cnf"
    configuration.write_text(AUTHORITY)

    def openssl(*words: str | Path) -> None:
        process.run(["openssl", *map(str, words)], cwd=directory)

    common = ("-config", configuration, "-days", "2")
    openssl(
        *("req", "-x509", *KEY, *common, "-extensions", "authority"),
        *("-subj", "/CN=a private authority", "-keyout", "ca.key", "-out", "ca.pem"),
    )
    openssl(
        *("req", "-x509", *KEY, *common, "-extensions", "server", "-subj", "/CN=store"),
        *("-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"),
    )
