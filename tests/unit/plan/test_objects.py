"""What is known of an object, and where the files of a bundle are."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.plan.bundle_paths import Layout, layout_of
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


def test_in_the_old_form_all_lay_side_by_side(tmp_path: Path) -> None:
    assert layout_of(tmp_path) == Layout(directory=tmp_path, old=True)
    (tmp_path / "private").mkdir()
    assert layout_of(tmp_path) == Layout(directory=tmp_path)
    new, old = Layout(directory=Path("/b")), Layout(directory=Path("/b"), old=True)
    assert (new.private("x"), old.private("x")) == (Path("/b/private/x"), Path("/b/x"))
    assert (new.job(3), old.job(3)) == ("job/3", "3")
    assert (new.returned(3), old.returned(3)) == ("job/3/home.3", "home/home.3")
