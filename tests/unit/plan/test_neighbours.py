"""The table of neighbours, without any service: what is decided, what the wrapper is told, what hep_fetch finds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from hepsub.actions.fetch.plan import plan_job
from hepsub.actions.fetch.result import Job, RemoteListing
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.manifest import manifest_text
from hepsub.bundle.report import read_report
from hepsub.errors import HepsubError, NotExpressible
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace, PlaceState
from hepsub.plan.model import Plan
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.staging import StagingPlan
from hepsub.plan.template import Values
from hepsub.policy.model import Policy
from tests.fakes.world import (
    RUNNABLE,
    make_policy,
    make_situation,
    make_spec,
    make_world,
    plan_for,
)
from tests.neighbour_inputs import INPUTS
from tests.neighbours import CELLS, Cell, End, Place, Way
from tests.unit.bundle.test_manifest import NOTHING, REQUEST
from tests.unit.bundle.test_request import make_request

POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
[site.far]
requirements = 'GLIDEIN_Site == "far"'
isolation = "slot"
identity = "glidein@far"
"""
ELEMENT = """
[credential.way]
command = ["cat", "/token"]
[site.element]
kind = "ce"
grid_resource = "condor ce.far ce.far:9619"
token = "way"
isolation = "user"
"""
MORE = {Way.SPOOL: "[pool.local]\nspool = true\n", Way.ELEMENT: ELEMENT}
WORDS = {Way.HERE: ("-p", "here"), Way.REMOTE: ("-rmt",), Way.ELEMENT: ("-site", "element")}
WORK = "/work/alice"
OUTPUTS = ("output", "move", "home", "")
"""The verbs of outputs, less `glob`."""


@lru_cache
def policy_of(way: Way) -> Policy:
    """The policy of a way."""
    return make_policy(POLICY + MORE.get(way, ""))


def planned(way: Way, *options: str, cwd: Path = Path(WORK)) -> Plan:
    """The plan of a submission on a way."""
    facts = make_world(
        situation=make_situation(cwd=cwd),
        programs={f"{cwd}/job.sh": RUNNABLE},
        places={str(cwd): PlaceState.DIRECTORY},
    )
    return plan_for(make_spec("job.sh", *WORDS.get(way, ()), *options), policy_of(way), facts)


def staged(way: Way, *options: str, cwd: Path = Path(WORK)) -> tuple[StagingPlan, Values]:
    """How its files travel, and what the names stand for in its job."""
    plan = planned(way, *options, cwd=cwd)
    assert plan.staging is not None
    return plan.staging, plan.values(0)


class Signer:
    """Signs with the URL that a store has."""

    def sign(self, method: str, place: ObjectPlace) -> str:
        """Of an object."""
        return f"{url(place)}?{method}"

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        """Of a prefix."""
        return f"https://s3.example.org/{place.bucket}", {"key": f"{place.key}${{filename}}"}


def url(place: ObjectPlace) -> str:
    """As the store names an object."""
    return f"https://s3.example.org/{place.bucket}/{quote(place.key, safe='/~')}"


def decoded(field: str) -> str:
    """A field of the manifest, as the wrapper reads it."""
    return field.replace("%09", "\t").replace("%0A", "\n").replace("%25", "%")


@pytest.mark.parametrize("way", Way, ids=lambda way: way.name)
def test_each_cell_is_decided_and_told(way: Way) -> None:
    """Refused by its name, or the wrapper gets its very name and place."""
    for cell in (each for each in CELLS if each.way is way):
        if cell.end is End.REFUSED:
            with pytest.raises(HepsubError) as error:
                planned(way, cell.option(WORK))
            assert cell.kind.asked.removesuffix("?") in error.value.message
        else:
            check_told(cell)


def check_told(cell: Cell) -> None:
    """The manifest has the name and the place of a cell."""
    staging, values = staged(cell.way, cell.option(WORK))
    [output] = staging.outputs_of(values)
    request = replace(REQUEST, staging=replace(REQUEST.staging, shared=staging.shared))
    text = manifest_text(request, replace(NOTHING, outputs=(output,)), lambda _: Signer())
    lines = [line.split("\t") for line in text.splitlines()]
    [line] = [each for each in lines if each[0].removesuffix("glob") in OUTPUTS]
    assert decoded(line[1]) == cell.kind.asked.removesuffix("?"), str(cell)
    assert line[2] == ("?" if cell.kind.asked.endswith("?") else "-"), str(cell)
    last = "" if cell.kind.is_pattern else cell.kind.name
    if isinstance(output.place, FilePlace):
        told = decoded(line[3])
        assert told == (output.place.path if staging.shared else "-"), str(cell)
        assert output.place.path == f"{WORK}/{cell.place.base}/{cell.kind.label}/{last}"
    else:
        assert output.place.key.endswith(f"{cell.place.base}/{cell.kind.label}/{last}"), str(cell)
        assert cell.kind.is_pattern or line[3] == f"{url(output.place)}?PUT"


@pytest.mark.parametrize("place", Place, ids=lambda place: place.name)
def test_what_arrived_is_found(place: Place, tmp_path: Path) -> None:
    """By the report that the wrapper writes of it: nothing is missing, nothing is odd."""
    for cell in CELLS:
        if cell.place is not place or cell.way is not Way.HERE or cell.end is not End.ARRIVES:
            continue
        kind = cell.kind
        staging, values = staged(cell.way, cell.option(str(tmp_path)), cwd=tmp_path)
        [carried] = staging.outputs_of(values)
        names = [kind.name] if kind.is_directory else [*kind.arrives]
        found = plan_job(*seen(cell, carried, names, tmp_path))
        assert found.oddities == (), str(cell)
        assert [each.name for each in found.missing if not each.optional] == [], str(cell)
        assert {each.name.rpartition("/")[2] for each in found.outputs} == set(names), str(cell)


def seen(
    cell: Cell, carried: Carried, names: list[str], directory: Path
) -> tuple[Job, RemoteListing]:
    """A job that left a cell's outputs in their place, and what is seen of it."""
    kind = cell.kind
    outputs: list[dict[str, object]] = []
    objects = {}
    top = kind.asked.rpartition("/")[0] + "/" if "/" in kind.asked else ""
    for name in names:
        if isinstance(carried.place, ObjectPlace):
            key = carried.place.key + (name if kind.is_pattern else "")
            where = ObjectPlace(storage="herd", bucket="out", key=key)
            objects[where] = ObjectInfo(size=1, etag="", modified=1.0)
            said = {"state": "uploaded", "url": url(where)}
        else:
            path = directory / cell.place.base / kind.label / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind.is_directory:
                path.mkdir()
            else:
                path.write_bytes(b"x")
            said = {"state": "moved", "url": str(path)}
        outputs.append({"name": top + name, "size": 1, **said})
    report = read_report(json.dumps({"code": 0, "outputs": outputs}).encode())
    bundle = Bundle(directory=directory, request=make_request())
    marked = report if objects else None
    job = Job(proc=0, carried=(carried,), bundle=bundle, report=report, marked=marked)
    urls = {each: f"https://s3.example.org/{each.bucket}/{each.key}" for each in objects}
    return job, RemoteListing(objects=objects, urls=urls, reported=frozenset(report.by_url()))


@pytest.mark.parametrize("way", Way, ids=lambda way: way.name)
def test_an_input_has_its_name_or_is_refused(way: Way) -> None:
    """Where HTCondor gets files handed over, it would take some names apart."""
    for each in INPUTS:
        if each.is_refused(way):
            with pytest.raises(NotExpressible) as error:
                planned(way, f"-in={each.asked}")
            assert f"the input '{each.name}' cannot be handed over" in error.value.message
            assert error.value.remedy == "give it another name: -in PATH=NAME"
        else:
            staging, values = staged(way, f"-in={each.asked}")
            assert [carried.name for carried in staging.inputs_of(values)] == [each.name]


def test_a_script_that_cannot_be_handed_over_is_refused() -> None:
    """By its own name, which HTCondor would take apart."""
    facts = make_world(programs={f"{WORK}/a,b.sh": RUNNABLE})
    with pytest.raises(
        NotExpressible, match=r"the script 'a,b\.sh' cannot be handed over"
    ) as error:
        plan_for(make_spec("a,b.sh"), policy_of(Way.SPOOL), facts)
    assert error.value.remedy == "give it another name"
