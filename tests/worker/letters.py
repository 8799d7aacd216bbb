"""Letters: those of the submit side, and what others make who would like to be it, by openssl itself."""

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hepsub.bundle.sealing import open_sealer

UUID = "6f1c2a90-0000-4000-8000-00000000abcd"
PROC = f"{UUID}.0"
KEY, CERTIFICATE = "hepsub.letters.pem", "hepsub.letters.crt"
_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
_RSA = ("-newkey", "rsa:2048")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("06092a864886f70d010701")


@dataclass(frozen=True)
class Post:
    """Keys and certificates in a directory: `signer` and `recipient` of a submission; `stranger`, of nobody;
    `double`, whose certificate has the signer's names and number; `trusted`, whom machines trust that have
    `authorities`; `past`, the signer's own key with a certificate that has ended."""

    directory: Path

    @property
    def authorities(self) -> Path:
        """What a machine calls SSL_CERT_DIR."""
        return self.directory / "authorities"

    @property
    def key(self) -> bytes:
        """The recipient's key and certificate."""
        return (self.directory / "recipient.pem").read_bytes()

    @property
    def certificate(self) -> bytes:
        """The signer's certificate."""
        return self.certificate_of("signer")

    def certificate_of(self, who: str) -> bytes:
        """A certificate."""
        return (self.directory / f"{who}.crt").read_bytes()

    def sign(self, content: bytes, *signers: str) -> bytes:
        """What `cms -sign` makes."""
        words = [
            word for who in signers for word in ("-signer", f"{who}.crt", "-inkey", f"{who}.key")
        ]
        return self._openssl(
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-md",
            "sha256",
            *words,
            "-outform",
            "DER",
            give=content,
        )

    def seal(self, content: bytes, signer: str = "signer", recipient: str = "recipient") -> bytes:
        """A letter: the submit side's own as that seals it, others' by openssl."""
        if (signer, recipient) != ("signer", "recipient"):
            return self.encrypt(self.sign(content, signer), recipient)
        key = (self.directory / "signer.key").read_bytes()
        certificates = self.certificate, self.certificate_of("recipient")
        return open_sealer(key + certificates[0], certificates[1]).seal(content)

    def encrypt(self, signed: bytes, recipient: str = "recipient") -> bytes:
        """What `cms -encrypt` makes."""
        return self._openssl(
            "cms",
            "-encrypt",
            "-binary",
            "-aes256",
            "-outform",
            "DER",
            f"{recipient}.crt",
            give=signed,
        )

    def make(self) -> None:
        """Make them all."""
        for who, kind in (
            ("signer", _EC),
            ("recipient", _RSA),
            ("stranger", _EC),
            ("authority", _RSA),
        ):
            self._certify(who, kind)
        (self.directory / "recipient.pem").write_bytes(
            (self.directory / "recipient.key").read_bytes() + self.certificate_of("recipient")
        )
        number = (
            self._openssl("x509", "-in", "signer.crt", "-noout", "-serial")
            .decode()
            .strip()
            .partition("=")[2]
        )
        self._certify("double", _EC, "-set_serial", f"0x{number}", name="signer")
        self._request("trusted", _EC)
        self._openssl(
            "x509", "-req", "-in", "trusted.csr", "-CA", "authority.crt", "-CAkey", "authority.key",
            "-set_serial", "7", "-days", "30", "-out", "trusted.crt",
        )  # fmt: skip
        self._openssl(
            "req", "-new", "-key", "signer.key", "-subj", "/CN=signer", "-out", "past.csr"
        )
        self._openssl(
            "x509",
            "-req",
            "-in",
            "past.csr",
            "-signkey",
            "signer.key",
            "-days",
            "-1",
            "-out",
            "past.crt",
        )
        (self.directory / "past.key").write_bytes((self.directory / "signer.key").read_bytes())
        self.authorities.mkdir()
        name = self._openssl("x509", "-in", "authority.crt", "-noout", "-hash").decode().strip()
        (self.authorities / f"{name}.0").write_bytes(self.certificate_of("authority"))

    def _certify(self, who: str, kind: tuple[str, ...], *more: str, name: str = "") -> None:
        files = ("-keyout", f"{who}.key", "-out", f"{who}.crt")
        self._openssl(
            "req",
            "-x509",
            *kind,
            "-nodes",
            "-subj",
            f"/CN={name or who}",
            "-days",
            "30",
            *files,
            *more,
        )

    def _request(self, who: str, kind: tuple[str, ...]) -> None:
        self._openssl(
            "req",
            *kind,
            "-nodes",
            "-subj",
            f"/CN={who}",
            "-keyout",
            f"{who}.key",
            "-out",
            f"{who}.csr",
        )

    def _openssl(self, *words: str, give: bytes = b"") -> bytes:
        done = subprocess.run(
            ["openssl", *words], cwd=self.directory, input=give, capture_output=True, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def manifest_letter(manifest: str, serial: object, name: str = PROC) -> bytes:
    """The content of a letter with a manifest."""
    return f"hepsub-letter\t1\tmanifest\t{name}\t{serial}\n{manifest}".encode()


def credentials_letter(files: Mapping[str, str | bytes], serial: object, name: str = UUID) -> bytes:
    """The content of a letter with credentials."""
    text = f"hepsub-letter\t1\tcredentials\t{name}\t{serial}\n"
    for file, content in files.items():
        lines = base64.encodebytes(
            content if isinstance(content, bytes) else content.encode()
        ).decode()
        text += f"file\t{file}\t{lines.count(chr(10))}\n{lines}"
    return text.encode()


def without_signers(content: bytes) -> bytes:
    """What `cms -sign` would make if nobody signed."""
    body = _part(0x30, _DATA + _part(0xA0, _part(4, content)))
    signed = bytes.fromhex("020101") + _part(0x31, b"") + body + _part(0x31, b"")
    return _part(0x30, _SIGNED_DATA + _part(0xA0, _part(0x30, signed)))


def _part(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
