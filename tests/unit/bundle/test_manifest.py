"""The manifest's text, byte by byte: what the wrapper reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from hepsub.bundle.manifest import ManifestJob, manifest_text
from hepsub.bundle.request import BundleRequest
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.staging import InputObject, Staging
from hepsub.policy.model import Storage

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


STAGING = Staging(
    inputs=(),
    outputs=(),
    storages={"herd": Storage(endpoint="https://s3")},
    objects=(
        InputObject("herd", "b", "raw/in.root", 7, MD5),
        InputObject("herd", "b", "raw/big.root", 8, f"{MD5}-3"),
    ),
    shared=True,
    chirp=False,
    cwd="/work/alice",
    bundle_root="/home/alice/b",
    grace=300,
    home_limit=1073741824,
    put_limit=5368709120,
)
REQUEST = BundleRequest(
    uuid="u",
    pool="local",
    schedd="s",
    user="alice",
    number=1,
    first=0,
    executable="/work/alice/job.sh",
    walltime=36000,
    factory=False,
    items=(),
    stdout="/work/alice/o",
    stderr="/work/alice/e",
    staging=STAGING,
)
FILES = ManifestJob(
    proc=0,
    cluster=13,
    program="/work/alice/job.sh",
    corner="/home/alice/b/u/job/0",
    credential_source="/home/alice/b/u/private/creds",
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
)
NOTHING = replace(FILES, inputs=(), outputs=())


def text_of(job: ManifestJob = FILES, **staging: object) -> str:
    """The manifest of a job of a submission whose staging differs in so much."""
    request = replace(REQUEST, staging=replace(STAGING, **staging))
    return manifest_text(request, job, lambda _: Plain())


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
    assert text_of() == GOLDEN


def test_without_a_shared_file_system_paths_are_sent_and_brought_home() -> None:
    """`link` becomes `sent`, `move` becomes `home`; the rest stays."""
    text = text_of(shared=False)
    expected = GOLDEN.replace("link\tc.txt\t/data/c.txt", "sent\tc.txt")
    expected = expected.replace("move\ts.txt\t-\t/work/s.txt", "home\ts.txt\t-\t-")
    assert text == expected.replace("payload\t/work/alice/job.sh", "payload\tjob.sh")


def test_paths_are_copied_up_to_a_limit() -> None:
    """`link` becomes `copy` behind the limit; elsewhere, and without such inputs, nothing is said of it."""
    expected = GOLDEN.replace("link\tc.txt", "copy\tc.txt")
    limit = "putlimit\t5368709120\ncopylimit\t1000\t10000\n"
    assert text_of(copy_limit=1000) == expected.replace("putlimit\t5368709120\n", limit)
    assert "copylimit" not in text_of(copy_limit=1000, shared=False)
    assert "copylimit" not in text_of(NOTHING, copy_limit=1000)


def test_no_marker_without_an_output_in_s3() -> None:
    """There is nothing that it could tell of."""
    outputs = (Carried(name="s.txt", place=FilePlace(path="/work/s.txt")),)
    assert "mark" not in text_of(replace(FILES, outputs=outputs))


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
        program=f"/p/{name}",
        inputs=(
            Carried(name=name, place=obj("x%20y")),
            Carried(name=f"2{name}", place=FilePlace(path=f"/data/{name}")),
        ),
        outputs=(
            Carried(name=name, place=obj("z%20")),
            Carried(name="m", place=FilePlace(path=f"/o/{name}")),
        ),
    )
    assert text_of(files, cwd=f"/d/{name}").splitlines() == [
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
        "unmark\thttps://s3/b/.hepsub/u/0.json?DELETE&X-Amz-Signature=s",
        "marker\thttps://s3/b/.hepsub/u/0.json?PUT&X-Amz-Signature=s",
    ]


def test_a_carriage_return_is_refused_or_escaped_as_the_wrapper_reads_it() -> None:
    """The wrapper decodes %09, %0a and %25 only: a %0D would make every job fail with 80."""
    text = text_of(replace(NOTHING, inputs=(Carried(name="a\rb", place=obj("x")),)))
    assert "%0D" not in text


@pytest.mark.parametrize("etag", ["", "abc", MD5.upper(), f"{MD5}-2", "z" * 32])
def test_what_is_no_md5_is_no_checksum(etag: str) -> None:
    """Multipart and foreign ETags are left out; they would fail every download."""
    text = text_of(objects=(InputObject("herd", "b", "raw/in.root", 7, etag),))
    assert "input\tin.root\t7\t-\thttps" in text
