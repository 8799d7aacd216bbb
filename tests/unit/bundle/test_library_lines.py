"""Libraries in a manifest, and what is no checksum of an object."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.plan.libraries import Library
from hepsub.plan.staging import input_objects
from tests.fakes.hostile import hostile_server
from tests.unit.bundle.test_manifest import MD5, NOTHING, obj, text_of

SHA = "ab" * 32
SETUP = Library(name="100% setup", is_directory=True, sha256=SHA, size=7)


def lines_of(library: Library) -> list[str]:
    """The last lines of the manifest of a job with this library alone."""
    return text_of(NOTHING, libraries=(library,)).splitlines()[-2:]


def test_an_archive_that_is_sent_along() -> None:
    """Not fetched; what it holds is told."""
    assert lines_of(SETUP) == [
        f"sent\thepsub_lib.{SHA}.tar.gz",
        f"library\t100%25 setup\tdir\thepsub_lib.{SHA}.tar.gz",
    ]


def test_an_archive_in_s3() -> None:
    """Fetched like an input, checked by its SHA-256."""
    kept = replace(SETUP, name="libA.so", is_directory=False, place=obj(f"lib/{SHA}.tar.gz"))
    url = f"https://s3/b/lib/{SHA}.tar.gz?GET&X-Amz-Signature=s"
    assert lines_of(kept) == [
        f"input\thepsub_lib.{SHA}.tar.gz\t7\tsha256:{SHA}\t{url}",
        f"library\tlibA.so\tfile\thepsub_lib.{SHA}.tar.gz",
    ]


@pytest.mark.parametrize(
    ("said", "md5"),
    [
        ("", MD5),
        ("x-amz-server-side-encryption: AES256\r\n", MD5),
        ("x-amz-server-side-encryption: aws:kms\r\n", ""),
        ("X-Amz-Server-Side-Encryption: aws:kms:dsse\r\n", ""),
        ("x-amz-server-side-encryption-customer-algorithm: AES256\r\n", ""),
    ],
)
def test_an_etag_of_an_encrypted_object_is_no_md5(said: str, md5: str) -> None:
    """It has 32 hex digits, too: every download would be taken for a wrong one."""
    head = f'ETag: "{MD5}"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n{said}'
    with hostile_server() as server:
        server.says(b"content", head)
        info = server.store().look_up([obj("raw/in.root")])[obj("raw/in.root")]
    assert info is not None
    assert (info.size, info.etag, info.modified, info.md5) == (7, MD5, 1767225600.0, md5)
    [known] = input_objects({obj("raw/in.root"): info})
    text = text_of(objects=(known,))
    assert f"input\tin.root\t7\t{f'md5:{md5}' if md5 else '-'}\thttps" in text
