"""Libraries in a manifest, and what is no checksum of an object."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber
from msgspec.structs import replace

from hepsub.bundle.manifest import manifest_text
from hepsub.plan.libraries import Library
from hepsub.storage.store import Store
from tests.unit.bundle.test_manifest import FILES, MD5, Plain, obj
from tests.unit.storage.test_store import store

SHA = "ab" * 32
SETUP = Library(name="100% setup", is_directory=True, sha256=SHA, size=7)


def lines_of(library: Library) -> list[str]:
    """The last lines of the manifest of a job with this library alone."""
    files = replace(FILES, inputs=(), outputs=(), marker=None, libraries=(library,))
    return manifest_text(files, Plain()).splitlines()[-2:]


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
        ({}, MD5),
        ({"ServerSideEncryption": "AES256"}, MD5),
        ({"ServerSideEncryption": "aws:kms"}, ""),
        ({"ServerSideEncryption": "aws:kms:dsse"}, ""),
        ({"SSECustomerAlgorithm": "AES256"}, ""),
    ],
)
def test_an_etag_of_an_encrypted_object_is_no_md5(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], md5: str
) -> None:
    """It has 32 hex digits, too: every download would be taken for a wrong one."""
    client = store().client()
    answer = {
        "ContentLength": 7,
        "ETag": f'"{MD5}"',
        "LastModified": datetime(2026, 1, 1, tzinfo=UTC),
        **said,
    }
    monkeypatch.setattr(Store, "client", lambda _: client)
    with Stubber(client) as stub:
        stub.add_response("head_object", answer)
        fact = store().look_up([obj("raw/in.root")])[obj("raw/in.root")]
    assert fact is not None
    assert fact.md5 == md5
    objects = {obj("raw/in.root"): fact}
    text = manifest_text(replace(FILES, objects=objects), Plain())
    assert f"input\tin.root\t7\t{f'md5:{md5}' if md5 else '-'}\thttps" in text
