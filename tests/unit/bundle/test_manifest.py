"""The manifest's text, byte by byte: what the wrapper reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from hepsub.bundle.manifest import JobFiles, manifest_text
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.objects import ObjectInfo

MD5 = "9e107d9d372bb6826bd81d3542a419d6"


@dataclass(frozen=True)
class Plain:
    """Signs with the method's name."""

    def sign(self, method: str, place: ObjectPlace) -> str:
        return f"https://s3/{place.bucket}/{place.key}?{method}&X-Amz-Signature=s"

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        return f"https://s3/{place.bucket}", {
            "key": place.key + "${filename}",
            "policy": "eyJ=&%\t",
        }


def obj(key: str) -> ObjectPlace:
    """An object."""
    return ObjectPlace(storage="herd", bucket="b", key=key)


FILES = JobFiles(
    job="13.0",
    payload="/work/alice/job.sh",
    submit_dir="/work/alice",
    walltime=36000,
    grace=300,
    source="/home/alice/b/u/job/0/hepsub.manifest",
    home_limit=1073741824,
    put_limit=5368709120,
    shared=True,
    inputs=(
        Carried(name="in.root", place=obj("raw/in.root")),
        Carried(name="big.root", place=obj("raw/big.root")),
        Carried(name="new.root", place=obj("raw/new.root")),
        Carried(name="c.txt", place=FilePlace(path="/data/c.txt")),
    ),
    outputs=(
        Carried(name="r.csv", place=obj("o/r.csv")),
        Carried(name="d/log", place=obj("o/log"), optional=True),
        Carried(name="h_*.root", place=obj("o/h/")),
        Carried(name="s.txt", place=FilePlace(path="/work/s.txt")),
    ),
    objects={
        obj("raw/in.root"): ObjectInfo(size=7, etag=MD5),
        obj("raw/big.root"): ObjectInfo(size=8, etag=f"{MD5}-3"),
    },
    marker=obj("o/.hepsub/u/0.json"),
)

GOLDEN = f"""\
hepsub-manifest\t1\t13.0
payload\t/work/alice/job.sh
submitdir\t/work/alice
walltime\t36000\t300
source\t/home/alice/b/u/job/0/hepsub.manifest
homelimit\t1073741824
putlimit\t5368709120
input\tin.root\t7\tmd5:{MD5}\thttps://s3/b/raw/in.root?GET&X-Amz-Signature=s
input\tbig.root\t8\t-\thttps://s3/b/raw/big.root?GET&X-Amz-Signature=s
input\tnew.root\t-\t-\thttps://s3/b/raw/new.root?GET&X-Amz-Signature=s
link\tc.txt\t/data/c.txt
output\tr.csv\t-\thttps://s3/b/o/r.csv?PUT&X-Amz-Signature=s
output\td/log\t?\thttps://s3/b/o/log?PUT&X-Amz-Signature=s
glob\th_*.root\t-\thttps://s3/b\tkey=o/h/${{filename}}&policy=eyJ%3D%26%25%09
move\ts.txt\t-\t/work/s.txt
unmark\thttps://s3/b/o/.hepsub/u/0.json?DELETE&X-Amz-Signature=s
marker\thttps://s3/b/o/.hepsub/u/0.json?PUT&X-Amz-Signature=s
"""


def test_the_whole_text() -> None:
    """Every kind of line, with what is known and what is not."""
    assert manifest_text(FILES, Plain()) == GOLDEN


def test_without_a_shared_file_system_paths_are_sent_and_brought_home() -> None:
    """`link` becomes `sent`, `move` becomes `home`; the rest stays."""
    text = manifest_text(replace(FILES, shared=False, payload="job.sh"), Plain())
    expected = GOLDEN.replace("link\tc.txt\t/data/c.txt", "sent\tc.txt")
    expected = expected.replace("move\ts.txt\t-\t/work/s.txt", "home\ts.txt\t-\t-")
    assert text == expected.replace("payload\t/work/alice/job.sh", "payload\tjob.sh")


def test_paths_are_copied_up_to_a_limit() -> None:
    """`link` becomes `copy` behind the limit; elsewhere, and without such inputs, nothing is said of it."""
    files = replace(FILES, copy_limit=1000)
    expected = GOLDEN.replace("link\tc.txt", "copy\tc.txt")
    limit = "putlimit\t5368709120\ncopylimit\t1000\t10000\n"
    assert manifest_text(files, Plain()) == expected.replace("putlimit\t5368709120\n", limit)
    assert "copylimit" not in manifest_text(replace(files, shared=False), Plain())
    assert "copylimit" not in manifest_text(replace(files, inputs=()), Plain())


def test_no_marker_without_an_output_in_s3() -> None:
    """marker None: no such line."""
    text = manifest_text(replace(FILES, marker=None, outputs=()), Plain())
    assert "marker" not in text


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a b", "a b"),
        ("100%", "100%25"),
        ("a\tb", "a%09b"),
        ("a\nb", "a%0Ab"),
        ("a%09b", "a%2509b"),
        ("é", "é"),
    ],
)
def test_names_are_escaped_in_every_place_but_urls(name: str, written: str) -> None:
    """%, tab and line end in a name or a path would break the line; the URL's own % stay."""
    files = replace(
        FILES,
        payload=f"/p/{name}",
        submit_dir=f"/d/{name}",
        inputs=(
            Carried(name=name, place=obj("x%20y")),
            Carried(name=f"2{name}", place=FilePlace(path=f"/data/{name}")),
        ),
        outputs=(
            Carried(name=name, place=obj("z%20")),
            Carried(name="m", place=FilePlace(path=f"/o/{name}")),
        ),
        marker=None,
    )
    assert manifest_text(files, Plain()).splitlines() == [
        "hepsub-manifest\t1\t13.0",
        f"payload\t/p/{written}",
        f"submitdir\t/d/{written}",
        "walltime\t36000\t300",
        "source\t/home/alice/b/u/job/0/hepsub.manifest",
        "homelimit\t1073741824",
        "putlimit\t5368709120",
        f"input\t{written}\t-\t-\thttps://s3/b/x%20y?GET&X-Amz-Signature=s",
        f"link\t2{written}\t/data/{written}",
        f"output\t{written}\t-\thttps://s3/b/z%20?PUT&X-Amz-Signature=s",
        f"move\tm\t-\t/o/{written}",
    ]


def test_a_carriage_return_is_refused_or_escaped_as_the_wrapper_reads_it() -> None:
    """The wrapper decodes %09, %0a and %25 only: a %0D would make every job fail with 80."""
    files = replace(FILES, inputs=(Carried(name="a\rb", place=obj("x")),), outputs=(), marker=None)
    text = manifest_text(files, Plain())
    assert "%0D" not in text


@pytest.mark.parametrize("etag", ["", "abc", MD5.upper(), f"{MD5}-2", "z" * 32])
def test_what_is_no_md5_is_no_checksum(etag: str) -> None:
    """Multipart and foreign ETags are left out; they would fail every download."""
    files = replace(FILES, objects={obj("raw/in.root"): ObjectInfo(size=7, etag=etag)})
    assert "input\tin.root\t7\t-\thttps" in manifest_text(files, Plain())
