"""Letters and their serials, as text."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from hepsub.bundle.letters import Letters, credentials_letter, manifest_letter
from hepsub.bundle.mailbox import Posted
from hepsub.plan.mailbox import Mailbox

LETTERS = Letters(
    uuid="u-1",
    mailbox=Mailbox(storage="herd", bucket="mail", prefix="m/"),
    secret=b"s" * 32,
    first=5,
    serial=9,
)


def test_a_letter_says_whose_it_is() -> None:
    """Kind, job and serial on the first line, then the manifest as it is."""
    letter = LETTERS.manifest(3)
    text = manifest_letter(letter, "hepsub-manifest\t1\t7.3\n\udcff\n")
    assert text == b"hepsub-letter\t1\tmanifest\tu-1.3\t9\nhepsub-manifest\t1\t7.3\n\xff\n"
    name = hmac.new(b"s" * 32, b"manifest 3", hashlib.sha256).hexdigest()
    assert (letter.place.bucket, letter.place.key) == ("mail", f"m/{name}")


def test_credentials_are_lines_of_base64() -> None:
    """As many as are said."""
    files = {"a.token": b"x" * 58, "krb5cc_1": b""}
    text = credentials_letter(LETTERS.credentials(12), files).decode().splitlines()
    assert text[:2] == ["hepsub-letter\t1\tcredentials\tu-1\t12", "file\ta.token\t2"]
    assert text[4:] == ["file\tkrb5cc_1\t0"]
    assert all(len(line) <= 76 for line in text[2:4])


def test_what_every_job_has_is_no_news() -> None:
    """The credentials of the submission stand for the first serial, however new the manifest is."""
    manifest, credentials = LETTERS.known_by(0, carries=True)
    assert (manifest.serial, credentials.serial) == (9, 5)
    assert len(LETTERS.known_by(0, carries=False)) == 1
    assert "s" * 32 not in repr(LETTERS)


@pytest.mark.parametrize(
    ("posted", "now", "serial"),
    [
        (Posted(first=5, serial=5), 1.0, 1000),
        (Posted(first=2000, serial=2000), 1.0, 2001),
        (Posted(first=1, serial=3000, credentials=4000), 2.0, 4001),
    ],
)
def test_serials_grow_whatever_the_clock_does(posted: Posted, now: float, serial: int) -> None:
    """Milliseconds since the epoch, or one more than the last."""
    assert posted.next_serial(now) == serial
