"""Identities and sealed letters, opened by the openssl of this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hepsub.bundle.sealing import new_recipient, new_signer, open_sealer
from tests.worker.letters import Post

BODY = bytes(range(256)) * 300 + b"\r\n\n"


def opened(sealed: bytes, key: Path, certificate: Path) -> bytes:
    """What a job finds in a letter.

    Raises:
        CalledProcessError: it is not for this key, or not by this certificate's.
    """
    decrypt = ("-decrypt", "-inform", "DER", "-recip", str(key), "-inkey", str(key))
    verify = ("-verify", "-binary", "-inform", "DER", "-noverify", "-nointern")
    signed = _cms(sealed, *decrypt)
    return _cms(signed, *verify, "-certfile", str(certificate))


def _cms(given: bytes, *words: str) -> bytes:
    done = subprocess.run(
        ["openssl", "cms", *words], input=given, capture_output=True, check=True, timeout=60
    )
    return done.stdout


def test_one_seals_and_the_other_opens(tmp_path: Path) -> None:
    """Any bytes come out as they went in; nobody else opens it, and nobody else can have sealed it."""
    signer, stranger = new_signer(), new_signer()
    recipient, other = new_recipient(), new_recipient()
    files = {"s.crt": signer.certificate, "stranger.crt": stranger.certificate}
    files |= {"r.pem": recipient.whole, "o.pem": other.whole}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    sealed = open_sealer(signer.whole, recipient.certificate).seal(BODY)
    assert BODY[:40] not in sealed
    assert opened(sealed, tmp_path / "r.pem", tmp_path / "s.crt") == BODY
    with pytest.raises(subprocess.CalledProcessError, match="-decrypt"):
        opened(sealed, tmp_path / "o.pem", tmp_path / "s.crt")
    with pytest.raises(subprocess.CalledProcessError, match="-verify"):
        opened(sealed, tmp_path / "r.pem", tmp_path / "stranger.crt")


def test_the_keys_of_older_bundles_still_seal(tmp_path: Path) -> None:
    """They were made by openssl's program: jobs that wait for ten days outlive a new version of hepsub."""
    old = Post(tmp_path)
    old.make()
    signer = (tmp_path / "signer.key").read_bytes() + old.certificate
    sealed = open_sealer(signer, old.certificate_of("recipient")).seal(BODY)
    assert opened(sealed, tmp_path / "recipient.pem", tmp_path / "signer.crt") == BODY


@pytest.mark.parametrize("spoilt", [b"", b"nothing\n", new_recipient().whole])
def test_what_is_no_signer_is_refused(spoilt: bytes) -> None:
    """Also a key of another kind."""
    with pytest.raises(ValueError, match=r"."):
        open_sealer(spoilt, new_recipient().certificate)


def test_secrets_are_not_shown() -> None:
    """Reports of faults show values."""
    assert repr(new_signer()) == "Identity()"
    assert "PRIVATE" not in repr(open_sealer(new_signer().whole, new_recipient().certificate))
