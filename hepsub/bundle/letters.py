"""Letters: what jobs find in the mailbox, before it is signed and encrypted. Pure; worker/README.md is the contract."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

from msgspec import Struct

from hepsub.plan.location import ObjectPlace
from hepsub.plan.mailbox import Mailbox

MANIFEST, CREDENTIALS = "manifest", "credentials"
_VERSION = "1"


class Letter(Struct, frozen=True, kw_only=True):
    """A letter, by its envelope.

    Attributes:
        kind: what is in it: `manifest` or `credentials`.
        to: the job, UUID.PROC, or the submission.
        serial: the larger, the newer.
        place: the object that holds it.
    """

    kind: str
    to: str
    serial: int
    place: ObjectPlace


class Letters(Struct, frozen=True, kw_only=True):
    """The letters of a submission.

    Attributes:
        uuid: of the submission.
        mailbox: where they are.
        secret: what makes their names ones that nobody can guess.
        first: the serial of the credentials that every job has; those of all letters are larger.
        serial: the serial of the manifests that are written now.
    """

    uuid: str
    mailbox: Mailbox
    secret: bytes
    first: int
    serial: int

    def __repr__(self) -> str:
        return f"Letters({self.uuid!r}, {self.serial})"  # no report shows the secret

    def manifest(self, proc: int) -> Letter:
        """The letter with a job's manifest."""
        return Letter(
            kind=MANIFEST,
            to=f"{self.uuid}.{proc}",
            serial=self.serial,
            place=self._place(f"{MANIFEST} {proc}"),
        )

    def credentials(self, serial: int | None = None) -> Letter:
        """The letter with the credentials of all jobs; without a serial as manifests name it, older than any posted."""
        return Letter(
            kind=CREDENTIALS,
            to=self.uuid,
            serial=self.first if serial is None else serial,
            place=self._place(CREDENTIALS),
        )

    def known_by(self, proc: int, *, carries: bool) -> tuple[Letter, ...]:
        """What a job's manifest says of letters.

        Args:
            proc: the job.
            carries: whether tickets or tokens travel with it.
        """
        manifest = self.manifest(proc)
        return (manifest, self.credentials()) if carries else (manifest,)

    def _place(self, what: str) -> ObjectPlace:
        # Each newer letter has the name of the one before, which a job's first manifest has. Nobody can guess it: who
        # may only write into the bucket cannot put there what jobs would fetch and refuse.
        return self.mailbox.place(hmac.digest(self.secret, what.encode(), "sha256").hex())


def manifest_letter(letter: Letter, manifest: str) -> bytes:
    """A letter with the manifest of a job."""
    return _head(letter) + manifest.encode("utf-8", "surrogateescape")


def credentials_letter(letter: Letter, files: Mapping[str, bytes]) -> bytes:
    """A letter with tickets and tokens, by the names of their files."""
    return _head(letter) + credentials_text(files)


def credentials_text(files: Mapping[str, bytes]) -> bytes:
    """Tickets and tokens as they stand in a letter: for each its name, and how many lines of base64 follow."""
    parts: list[bytes] = []
    for name, content in files.items():
        # Of 76 characters: openssl's base64 reads no longer ones.
        lines = base64.encodebytes(content)
        number = lines.count(b"\n")
        parts += (f"file\t{name}\t{number}\n".encode(), lines)
    return b"".join(parts)


def _head(letter: Letter) -> bytes:
    fields = ("hepsub-letter", _VERSION, letter.kind, letter.to, str(letter.serial))
    return "\t".join(fields).encode() + b"\n"
