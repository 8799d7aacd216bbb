"""Identities and sealed content, with the openssl of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.errors import ToolFailed
from hepsub.tools import openssl
from hepsub.tools.run import run_filter


def test_one_seals_and_the_other_opens(tmp_path: Path) -> None:
    """Any bytes come out as they went in; nobody else opens it."""
    signer, recipient, other = (
        openssl.new_signer(),
        openssl.new_recipient(),
        openssl.new_recipient(),
    )
    files = {"s.pem": signer.whole, "s.crt": signer.certificate, "r.crt": recipient.certificate}
    files |= {"r.pem": recipient.whole, "o.pem": other.whole}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    body = bytes(range(256)) * 300 + b"\r\n\n"
    sealed = openssl.seal(body, signer=tmp_path / "s.pem", recipient=tmp_path / "r.crt")
    assert body[:40] not in sealed
    trust = ("-CAfile", f"{tmp_path}/s.crt", "-certfile", f"{tmp_path}/s.crt")
    verify = ("openssl", "cms", "-verify", "-binary", "-inform", "DER", *trust)
    always = ("-no_check_time", "-purpose", "any")
    decrypt = ("openssl", "cms", "-decrypt", "-inform", "DER")

    def opened(key: str) -> bytes:
        own = ("-recip", f"{tmp_path}/{key}", "-inkey", f"{tmp_path}/{key}")
        signed = run_filter((*decrypt, *own), sealed, timeout=30)
        return run_filter((*verify, *always), signed, timeout=30)

    assert opened("r.pem") == body
    with pytest.raises(ToolFailed):
        opened("o.pem")


def test_without_openssl_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of what is missing."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolFailed, match="openssl is not installed"):
        openssl.new_signer()


def test_what_takes_too_long_is_ended() -> None:
    """And tells nothing of what went through it."""
    with pytest.raises(ToolFailed, match="did not end within"):
        run_filter(("sleep", "30"), b"secret", timeout=0.2)
