"""What is known of an object."""

from __future__ import annotations

import pytest

from hepsub.plan.objects import ObjectInfo

MD5 = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("etag", "encrypted", "md5"),
    [
        (MD5, False, MD5),
        (MD5, True, ""),
        (f"{MD5}-2", False, ""),
        (MD5[:-1], False, ""),
        ("g" * 32, False, ""),
        ("", False, ""),
    ],
)
def test_an_etag_is_an_md5_where_it_looks_like_one(etag: str, encrypted: bool, md5: str) -> None:
    """Not of what came in parts, nor of what a key of its own encrypts."""
    assert ObjectInfo(size=1, etag=etag, encrypted=encrypted).md5 == md5
