"""What a URL of the command line means."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.errors import UnknownStorage, UsageError
from hepsub.plan.location import FilePlace, ObjectPlace, Place, find_place
from hepsub.policy.model import Storage

CWD = Path("/work/alice")
ENDPOINT = "https://s3.example.org"
STORAGES = {
    "herd": Storage(endpoint=ENDPOINT, default=True),
    "juno": Storage(endpoint=ENDPOINT, buckets=("raw", "juno-mc")),
}
NO_DEFAULT = {
    "herd": Storage(endpoint=ENDPOINT),
    "juno": Storage(endpoint=ENDPOINT, buckets=("raw",)),
}


def place(url: str, storages: dict[str, Storage] | None = None) -> Place:
    """What a URL means in /work/alice."""
    return find_place(url, STORAGES if storages is None else storages, CWD)


@pytest.mark.parametrize(
    ("url", "storage", "bucket", "key"),
    [
        ("s3://raw/run_1.root", "juno", "raw", "run_1.root"),
        ("s3://other/a/b.root", "herd", "other", "a/b.root"),
        ("S3://raw/x", "juno", "raw", "x"),
        ("s3://raw/", "juno", "raw", ""),
        ("s3://raw/a=b c%41+é?x#y", "juno", "raw", "a=b c%41+é?x#y"),
        ("s3://raw//double", "juno", "raw", "/double"),
        ("herd:out/a.csv", "herd", "out", "a.csv"),
        ("herd:raw/a.csv", "herd", "raw", "a.csv"),
        ("juno:out/dir/", "juno", "out", "dir/"),
        ("juno:out/", "juno", "out", ""),
        ("juno:out/a:b/c", "juno", "out", "a:b/c"),
    ],
)
def test_objects(url: str, storage: str, bucket: str, key: str) -> None:
    """s3:// finds the storage by its bucket, else the default; a storage's name says it outright."""
    assert place(url) == ObjectPlace(storage=storage, bucket=bucket, key=key)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("in.dat", "/work/alice/in.dat"),
        ("./sub/in.dat", "/work/alice/sub/in.dat"),
        ("/data/in.dat", "/data/in.dat"),
        ("results/", "/work/alice/results/"),
        ("/data//", "/data/"),
        ("../in.dat", "/work/alice/../in.dat"),
        ("a:b", "/work/alice/a:b"),
        ("./herd:out/a", "/work/alice/herd:out/a"),
        ("/x/herd:out/a", "/x/herd:out/a"),
    ],
)
def test_paths(url: str, path: str) -> None:
    """Anything else is a path, absolute or from the working directory; ./ makes a path of a name with a colon."""
    assert place(url) == FilePlace(path=path)


def test_the_only_storage_is_the_default() -> None:
    """With one storage in the policy s3://bucket needs neither buckets nor default."""
    found = place("s3://any/x", {"herd": Storage(endpoint=ENDPOINT)})
    assert found == ObjectPlace(storage="herd", bucket="any", key="x")


def test_a_bucket_that_nobody_has_is_refused() -> None:
    """Two storages, none the default: the message names the bucket and the storages there are."""
    with pytest.raises(UnknownStorage) as error:
        place("s3://other/x", NO_DEFAULT)
    assert "bucket 'other'" in error.value.message
    assert "herd, juno" in error.value.message
    with pytest.raises(UnknownStorage) as error:
        place("s3://other/x", {})
    assert "storages: none" in error.value.message
    assert "[storage.NAME]" in error.value.remedy


def test_an_unknown_storage_proposes_the_closest() -> None:
    """`hred:` is answered with herd, a name far from all with the names there are."""
    with pytest.raises(UnknownStorage) as error:
        place("hred:out/x")
    assert "no storage 'hred'" in error.value.message
    assert "herd" in error.value.remedy
    with pytest.raises(UnknownStorage) as error:
        place("completely-else:out/x")
    assert "herd, juno" in error.value.remedy
    with pytest.raises(UnknownStorage) as error:
        place("herd:out/x", {})
    assert "[storage.NAME]" in error.value.remedy


@pytest.mark.parametrize(
    "url", ["https://a.org/x", "root://eos//x", "davs+x://h/x", "file:///x", "s3:///key", "s3://b"]
)
def test_other_schemes_are_refused(url: str) -> None:
    """https, root, file and an s3 URL without bucket or slash are told what is understood."""
    with pytest.raises(UsageError) as error:
        place(url)
    assert error.value.message == (
        f"'{url}': only s3://bucket/key, storage:bucket/key and paths are understood"
    )


@pytest.mark.parametrize(
    ("url", "is_prefix"),
    [
        ("herd:out/", True),
        ("herd:out/d/", True),
        ("herd:out/d", False),
        ("results/", True),
        ("results", False),
        ("/", True),
    ],
)
def test_what_is_a_directory(url: str, is_prefix: bool) -> None:
    """An empty key and a trailing slash ask for a name to be added."""
    assert place(url).is_prefix is is_prefix


def test_places_as_text() -> None:
    """Objects are shown as storage:bucket/key, paths as they are."""
    assert str(place("s3://raw/a/b")) == "juno:raw/a/b"
    assert str(place("x")) == "/work/alice/x"
