"""The request of a bundle: JSON both ways, and nothing secret in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub import __version__
from hepsub.bundle.request import BundleRequest, OfAnotherHepsub, from_json, request_for
from hepsub.documents import Malformed
from hepsub.plan.location import ObjectPlace
from hepsub.plan.model import BUNDLE, ELEMENT, EMBEDDED, SCRIPT, SHARED, SPOOL, Delivery
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.staging import Staging, plan_staging
from hepsub.plan.template import Values
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
buckets = ["out", "raw"]
profile = "herd-profile"
session_s = "2 h"
"""
WORDS = (
    *("-in", "s3://raw/é %{ProcId}.root=in %{Index}.root", "-in", "%{items}"),
    *("-out", "h_*?=herd:out/%{ClusterId}/%{ProcId}/", "-out", "r=res/%{item}"),
)


def make_staging(
    *words: str, delivery: Delivery = SHARED, etag: str = "abc", encrypted: bool = False
) -> Staging:
    """How files travel of two jobs with two items each; what is known of one object in S3 is with it."""
    spec = make_spec("job.sh", "-list", "l", "-per", "2", *(words or WORDS))
    place = ObjectPlace(storage="herd", bucket="raw", key="é 0.root")
    facts = {place: ObjectInfo(size=5, etag=etag, encrypted=encrypted)}
    home = Path("/home/alice")
    staging = plan_staging(
        spec, make_policy(POLICY), facts, cwd=home / "work", root=str(home / "b"), delivery=delivery
    )
    return staging.kept


def make_request(*words: str, delivery: Delivery = SHARED, **values: object) -> BundleRequest:
    """The request of two jobs with two items each."""
    plain = BundleRequest(
        uuid="u-1",
        pool="local",
        schedd="schedd01.example.org",
        number=2,
        user="alice",
        first=10,
        items=("/data/a", "s3://raw/b", "/data/c d"),
        ends=(2, 3),
        executable="/work/run-%{ProcId}.sh",
        walltime=36000,
        factory=False,
        staging=make_staging(*words, delivery=delivery),
        spool=delivery.handed_over,
        in_script=delivery.in_script,
        stdout="/work/out.%{ClusterId}.%{ProcId}",
        stderr="/work/err.%{ClusterId}.%{ProcId}",
    )
    return replace(plain, **values)


@pytest.mark.parametrize("delivery", [SHARED, BUNDLE, SPOOL, SCRIPT])
def test_the_request_survives_json(delivery: Delivery) -> None:
    """Whoever reads the file gets an equal value: rules, storages, facts, items and limits."""
    request = make_request(delivery=delivery)
    found = from_json(request.to_json())
    assert found == request
    assert found.delivery == delivery
    assert make_request(delivery=BUNDLE, element=True).delivery == ELEMENT


def test_what_looks_like_an_md5_and_is_none_is_not_kept() -> None:
    """An object that its own key encrypts has an ETag of that look: jobs would find all of it broken."""
    request = make_request(staging=make_staging(etag="d" * 32, encrypted=True))
    [kept] = from_json(request.to_json()).staging.objects
    assert (kept.size, kept.etag) == (5, "")


def test_a_request_of_the_embedded_pool_reads_as_of_a_shared_file_system() -> None:
    """Its file does not tell them apart, and nothing that is asked after the commit does."""
    assert from_json(make_request(delivery=EMBEDDED).to_json()).delivery == SHARED
    asked = [(each.handed_over, each.refreshed) for each in (EMBEDDED, SHARED)]
    assert asked == [(False, True)] * 2


def test_what_stands_in_it() -> None:
    """Written out once: a reader of another version finds these names."""
    document = json.loads(make_request("-out", "r=herd:out/%{procid}").to_json())
    assert document["staging"].pop("storages").keys() == {"herd"}
    assert document.pop("hepsub") == __version__
    assert document == {
        "again": None,
        "format": 2,
        "event_log": "",
        "columns": None,
        "uuid": "u-1",
        "stdout": "/work/out.%{ClusterId}.%{ProcId}",
        "stderr": "/work/err.%{ClusterId}.%{ProcId}",
        "pool": "local",
        "schedd": "schedd01.example.org",
        "user": "alice",
        "number": 2,
        "first": 10,
        "executable": "/work/run-%{ProcId}.sh",
        "walltime": 36000,
        "factory": False,
        "spool": False,
        "element": False,
        "in_script": False,
        "items": ["/data/a", "s3://raw/b", "/data/c d"],
        "ends": [2, 3],
        "staging": {
            "shared": True,
            "chirp": False,
            "cwd": "/home/alice/work",
            "bundle_root": "/home/alice/b",
            "grace": 300,
            "home_limit": 2**30,
            "put_limit": 5 * 2**30,
            "copy_limit": 2 * 2**30,
            "in_place": False,
            "confined": False,
            "isolation": "",
            "image": "",
            "mounts": [],
            "mailbox": None,
            "credentials": [],
            "libraries": [],
            "secrets": [],
            "paths": [],
            "inputs": [],
            "outputs": [{"name": "r", "url": "herd:out/%{ProcId}", "optional": False}],
            "objects": [["herd", "raw", "é 0.root", 5, "abc"]],
        },
    }


def test_the_request_of_a_plan() -> None:
    words = "job.sh -n 3 -first 5 -out r=herd:out/%{ProcId} -o log/o.%{ProcId} -e log/e.%{ProcId}"
    spec = make_spec(*words.split())
    plan = plan_for(spec, make_policy(POLICY), make_world())
    assert plan.staging is not None
    request = request_for(plan, plan.staging, "u-9", "schedd07")
    assert request == BundleRequest(
        uuid="u-9",
        pool="local",
        schedd="schedd07",
        number=3,
        format=2,
        hepsub=__version__,
        user="alice",
        first=5,
        items=(),
        ends=(),
        executable="/work/alice/job.sh",
        walltime=36000,
        factory=False,
        staging=plan.staging,
        stdout="/work/alice/log/o.%{ProcId}",
        stderr="/work/alice/log/e.%{ProcId}",
    )
    assert request_for(replace(plan, factory_idle=1), plan.staging, "u-9", "s").factory
    assert request.log_names(2) == ("/work/alice/log/o.2", "/work/alice/log/e.2")
    logs = (Path("/work/alice/log/o.2"), Path("/work/alice/log/e.2"))
    assert request.logs(2, 13) == logs


def test_the_values_of_each_job() -> None:
    """Proc, Index from -first, own items, and the cluster once it is known."""
    request = make_request()
    assert request.values(1, 13) == Values(
        proc=1, index=11, item="/data/c d", items=("/data/c d",), cluster=13
    )
    assert request.values(0, None).cluster is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"uuid": "x"}', "null"])
def test_what_is_no_request_is_no_crash(text: str) -> None:
    """One error, as promised, and nothing else."""
    with pytest.raises(Malformed):
        from_json(text.encode())


@pytest.mark.parametrize(
    "more",
    [
        {"format": 3},
        {"colour": "red"},
        {"staging": {}},
        {"number": "many"},
        {"format": 3, "uuid": 7},
    ],
)
def test_a_request_of_another_hepsub_is_told(more: dict[str, object]) -> None:
    """It may say what this one does not understand: in a key, a type, or in what is not there any more."""
    document = json.loads(make_request().to_json())
    with pytest.raises(OfAnotherHepsub, match=rf"by hepsub 9\.0, and this is {__version__}"):
        from_json(json.dumps({**document, "hepsub": "9.0", **more}).encode())


def test_a_request_of_another_hepsub_that_is_understood_is_read() -> None:
    document = json.loads(make_request().to_json())
    for other in ("0.0.1", "9.0"):
        found = from_json(json.dumps({**document, "hepsub": other}).encode())
        assert found == make_request(hepsub=other)


def test_logs_are_where_the_submission_put_them() -> None:
    logs = (Path("/work/out.13.1"), Path("/work/err.13.1"))
    assert make_request().logs(1, 13) == logs
