"""hep_fetch and two runs of a job: what passes as complete is of one run, and all there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.fetch.plan import plan_job
from hepsub.actions.fetch.result import Job, RemoteListing
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.report import Report, read_report
from hepsub.bundle.returned import returned_outputs
from hepsub.plan.files import Carried
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from tests.unit.bundle.test_request import make_request

MD5, OTHER = "c" * 32, "d" * 32
R = ObjectPlace(storage="herd", bucket="out", key="13/r")
O = ObjectPlace(storage="herd", bucket="out", key="13/o")  # noqa: E741 (as R)
MARKER = ObjectPlace(storage="herd", bucket="out", key="13/.hepsub/u/0.json")


def url(place: ObjectPlace) -> str:
    """The URL of an object."""
    return f"https://s3.example.org/{place.bucket}/{place.key}"


def said(name: str, place: ObjectPlace, **more: Any) -> dict[str, Any]:
    """An output of a report."""
    known = {"state": "uploaded", "size": 7, "md5": MD5, "etag": MD5}
    return {"name": name, "url": url(place), **known, **more}


def report(*outputs: dict[str, Any], code: int = 0) -> Report:
    """A report."""
    document = {"code": code, "message": "", "payload": {"exit_code": 0}, "outputs": outputs}
    return read_report(json.dumps(document).encode())


def listing_of(**etags: str) -> RemoteListing:
    """What the store has, the marker included."""
    places = {"r": R, "o": O}
    objects = {places[name]: ObjectInfo(size=7, etag=etag) for name, etag in etags.items()}
    objects[MARKER] = ObjectInfo(size=100, etag=OTHER)
    return RemoteListing(objects=objects, urls={place: url(place) for place in objects})


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Give a job with an output and an optional one."""
    carried = (Carried(name="r", place=R), Carried(name="o", place=O, optional=True))
    return Job(
        proc=0,
        carried=carried,
        bundle=Bundle(directory=tmp_path, request=make_request()),
        marker=MARKER,
    )


def complete(job: Job, seen: RemoteListing, *outputs: dict[str, Any], code: int = 0) -> bool | None:
    """Whether a job with this marker is complete."""
    return plan_job(replace(job, marked=report(*outputs, code=code)), seen).complete


@pytest.mark.parametrize(
    ("told", "etag", "is_whole"),
    [
        ({}, MD5, True),
        ({}, OTHER, False),
        ({"size": 8}, MD5, False),
        ({"etag": OTHER}, OTHER, True),
        ({"etag": OTHER}, "e" * 32, False),
        ({"etag": "abc-2"}, "abc-2", True),
        ({"etag": "abc-2"}, "def-2", False),
        ({"etag": "abc-2"}, MD5, True),
        ({"etag": "kms"}, "kms", True),
        ({"etag": "kms"}, OTHER, False),
        ({"etag": None}, "def-2", True),
        ({"etag": None}, OTHER, False),
    ],
)
def test_size_and_etag_decide(job: Job, told: dict[str, object], etag: str, is_whole: bool) -> None:
    """What the store answered to the upload is what it has to have: also where that is no MD5.

    That is so of several parts, or of what the store encrypts.
    """
    assert complete(job, listing_of(r=etag), said("r", R, **told)) is is_whole


@pytest.mark.parametrize(("told", "etag"), [(OTHER, OTHER), (None, f"{OTHER}-2")])
def test_an_object_has_the_reported_md5(job: Job, told: str | None, etag: str) -> None:
    """Encrypted, its ETag looks like one, and is none; that of several parts is none either."""
    marked = report(said("r", R, etag=told))
    files = plan_job(replace(job, marked=marked), listing_of(r=etag))
    assert (files.outputs[0].md5, files.outputs[0].etag, files.oddities) == (MD5, etag, ())


def test_a_marker_has_to_say_so(job: Job) -> None:
    """One that cannot be read says nothing, nor does one that complains."""
    assert plan_job(job, listing_of(r=MD5)).complete is False
    assert complete(job, listing_of(r=MD5), said("r", R), code=85) is False


def test_what_an_earlier_run_made_and_this_one_did_not(job: Job) -> None:
    """An optional output that is another run's is not fetched as this one's."""
    outputs = (said("r", R), said("o", O, state="missing", size=None, md5=None, url=None))
    assert complete(job, listing_of(r=MD5), *outputs) is True
    files = plan_job(replace(job, marked=report(*outputs)), listing_of(r=MD5, o=OTHER))
    assert [each.name for each in files.outputs] == ["r"]
    assert files.complete is False
    assert "o was not made, but herd:out/13/o is there" in files.oddities[0]


def test_what_the_marker_tells_of_has_to_be_there(job: Job) -> None:
    """An optional output that was uploaded, and matches of a pattern, count too."""
    pattern = Carried(name="m*", place=ObjectPlace(storage="herd", bucket="out", key="13/"))
    known = replace(job, carried=(*job.carried, pattern))
    match = said("m1", replace(R, key="13/m1"))
    assert complete(known, listing_of(r=MD5), said("r", R)) is False, (
        "required, and without a match"
    )
    assert complete(job, listing_of(r=MD5), said("r", R), said("o", O)) is False, "told as missing"
    files = plan_job(replace(job, marked=report(said("r", R), match)), listing_of(r=MD5))
    assert files.complete is False
    assert "m1 was saved as" in files.oddities[0]


def test_what_an_earlier_run_brought_home_is_not_this_ones(job: Job) -> None:
    """The second run uploaded all; HTCondor left what the first had brought."""
    path = job.returned_directory / "r"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"earlier")
    with job.bundle.open_returned(0) as tree:
        assert tree is not None
        job = replace(job, returned=returned_outputs(tree))
    second = report(said("r", R))
    files = plan_job(replace(job, report=second, marked=second), listing_of(r=MD5))
    assert [each.source for each in files.outputs] == [R]
    assert "an earlier one did" in files.oddities[0]
    returned = report(said("r", R, state="home"), code=85)
    [output] = plan_job(replace(job, report=returned), listing_of(r=OTHER)).outputs
    assert str(output.source) == str(path)
    [output] = plan_job(
        replace(job, report=report(said("r", R, state="home", size=3))), listing_of(r=OTHER)
    ).outputs
    assert output.source == R
