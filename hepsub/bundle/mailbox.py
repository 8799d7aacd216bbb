"""The mailbox of a bundle: keys and secret, made once and never sent but to whom they are for; what was posted."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from hepsub.bundle.bundle import Bundle
from hepsub.bundle.letters import Letters, credentials_text
from hepsub.bundle.sealing import Sealer, new_recipient, new_signer, open_sealer
from hepsub.documents import read_json
from hepsub.errors import BundleUnusable
from hepsub.files import make_private, write_whole
from hepsub.plan.bundle_paths import (
    CREDENTIALS,
    LETTERS_KEY,
    LETTERS_SIGNER,
    MAILBOX,
    SHARED,
)
from hepsub.tree import Tree, open_tree, remove_tree

_SECRET, _SIGNER, _RECIPIENT, _POSTED = "secret", "signer.pem", "recipient.crt", "posted.json"
_SECRET_BYTES = 32
_LARGEST = 2**16
_LARGEST_CREDENTIAL = 2**19
"""Jobs read no more than 1 MiB of a letter, in which it is a third larger."""
_Serial = Annotated[int, Meta(ge=0, lt=2**53)]


class Posted(Struct, frozen=True, kw_only=True):
    """What is in the mailbox, and what should be.

    Attributes:
        first: the serial of the credentials that the jobs were submitted with.
        serial: that of the manifests that were written last.
        posted: that of the manifests that were posted last.
        told: that of the manifests of which the jobs' schedd was told where they are, if it has to be.
        credentials: that of the credentials that were posted last.
        digest: of these credentials, or of those that the jobs were submitted with; empty for none.
        used: whether any letter was, or may have been, posted.
    """

    first: _Serial
    serial: _Serial
    posted: _Serial = 0
    told: _Serial = 0
    credentials: _Serial = 0
    digest: Annotated[str, Meta(max_length=64)] = ""
    used: bool = False

    def next_serial(self, now: float) -> int:
        """A serial that is larger than all before it.

        Args:
            now: seconds since the epoch.
        """
        # By the clock, lest a note that was lost, or restored from a backup, make jobs refuse what is newer; but clocks
        # go back, too.
        return max(self.first, self.serial, self.credentials, self.posted, int(now * 1000) - 1) + 1


def make_mailbox(bundle: Bundle, now: float) -> None:
    """Make the keys and the secret of a bundle whose jobs get letters; nothing for others.

    Args:
        bundle: a new one.
        now: seconds since the epoch.

    Raises:
        OSError: they cannot be written.
    """
    if bundle.request.staging.mailbox is None:
        return
    signer, recipient = new_signer(), new_recipient()
    private, shared = bundle.private(MAILBOX), bundle.directory / SHARED
    make_private(private)
    write_whole(private / _SIGNER, signer.whole, 0o600)
    # A site may write into what is shared; whom letters are for is not its to say.
    write_whole(private / _RECIPIENT, recipient.certificate, 0o600)
    write_whole(private / _SECRET, os.urandom(_SECRET_BYTES), 0o600)
    write_whole(shared / LETTERS_SIGNER, signer.certificate, 0o600)
    write_whole(shared / LETTERS_KEY, recipient.whole, 0o600)
    first = int(now * 1000)
    note_posted(bundle, Posted(first=first, serial=first))


def letter_files(bundle: Bundle) -> dict[str, Path]:
    """What jobs open letters with: the names in their directories → the files of the bundle."""
    if bundle.request.staging.mailbox is None:
        return {}
    return {name: bundle.directory / SHARED / name for name in (LETTERS_KEY, LETTERS_SIGNER)}


def has_mailbox(bundle: Bundle) -> bool:
    """Whether letters can be written for a bundle, or are left to be removed."""
    return bundle.request.staging.mailbox is not None and bundle.private(MAILBOX).is_dir()


def read_letters(bundle: Bundle) -> Letters:
    """The letters of a bundle that has a mailbox, as its manifests stand for them.

    Raises:
        BundleUnusable: what they are made with cannot be read.
    """
    mailbox = bundle.request.staging.mailbox
    assert mailbox is not None  # noqa: S101 (the caller has asked)
    posted = read_posted(bundle)
    with _opened(bundle, MAILBOX) as tree:
        secret = tree.read(_SECRET, _LARGEST)
    return Letters(
        uuid=bundle.request.uuid,
        mailbox=mailbox,
        secret=secret,
        first=posted.first,
        serial=posted.serial,
    )


def read_posted(bundle: Bundle) -> Posted:
    """What was posted.

    Raises:
        BundleUnusable: it cannot be read.
    """
    with _opened(bundle, MAILBOX) as tree:
        return read_json(tree.read(_POSTED, _LARGEST), Posted, most=_LARGEST)


@contextlib.contextmanager
def _opened(bundle: Bundle, name: str) -> Iterator[Tree]:
    """A directory of the bundle's private ones, to be read.

    Raises:
        BundleUnusable: something in it cannot be read, or is not what it has to be.
    """
    try:
        with open_tree(bundle.private(name)) as tree:
            yield tree
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is spoilt"
        raise BundleUnusable(
            f"{bundle.private(name)} cannot be read: {why}",
            remedy="its jobs go on with what they have; submit those again that it does not last for",
        ) from error


def note_posted(bundle: Bundle, posted: Posted) -> None:
    """Note what was posted.

    Raises:
        BundleUnusable: it cannot be noted.
    """
    bundle.write_private(f"{MAILBOX}/{_POSTED}", msgspec.json.encode(posted))


def next_letters(bundle: Bundle, now: float) -> Letters:
    """The letters that manifests written now stand for; they are newer than all before them.

    Args:
        bundle: one with a mailbox.
        now: seconds since the epoch.

    Raises:
        BundleUnusable: what they are made with cannot be read.
    """
    return replace(read_letters(bundle), serial=read_posted(bundle).next_serial(now))


def read_sealer(bundle: Bundle) -> Sealer:
    """What signs and encrypts the letters for the jobs of a bundle.

    Raises:
        BundleUnusable: it cannot be read.
    """
    with _opened(bundle, MAILBOX) as tree:
        return open_sealer(tree.read(_SIGNER, _LARGEST), tree.read(_RECIPIENT, _LARGEST))


def note_sent(bundle: Bundle) -> None:
    """Note which tickets and tokens the jobs of a bundle are submitted with; they are no news to them.

    Raises:
        BundleUnusable: they cannot be read, or it cannot be noted.
    """
    if has_mailbox(bundle):
        digest = digest_of(master_credentials(bundle))
        note_posted(bundle, replace(read_posted(bundle), digest=digest))


def digest_of(credentials: Mapping[str, bytes]) -> str:
    """What tells tickets and tokens from others; empty for none."""
    return hashlib.sha256(credentials_text(credentials)).hexdigest() if credentials else ""


def master_credentials(bundle: Bundle) -> dict[str, bytes]:
    """The tickets and tokens that the jobs of a bundle should have, by the names of their files.

    Raises:
        BundleUnusable: one cannot be read.
    """
    found: dict[str, bytes] = {}
    files = [each.file for each in bundle.request.staging.credentials if each.travels]
    with _opened(bundle, CREDENTIALS) as tree:
        for file in files:
            if tree.look(file) is not None:
                found[file] = tree.read(file, _LARGEST_CREDENTIAL)
    return found


def forget_mailbox(bundle: Bundle) -> None:
    """Remove what letters are made with: there are none any more, and there will be none."""
    remove_tree(bundle.private(MAILBOX))
