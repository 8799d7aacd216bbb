"""Paths that are objects at a site: from the words of a submission to its manifest."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.errors import HepsubError, InputsMissing, UnknownStorage
from hepsub.plan.draft import Reading, draft
from hepsub.plan.facts import FileFact, FileFacts
from hepsub.plan.location import ObjectPlace
from hepsub.plan.model import BUNDLE, SHARED, Plan
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.remap import Paths, covered, object_url, path_map, used_of
from hepsub.policy.site import Site
from tests.fakes.world import make_policy, make_situation, make_spec, make_world, plan_for

NESTED: Paths = (("/besfs/raw/", "s3://raw/"), ("/besfs/", "herd:besfs/b/"))


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/besfs/x/y.raw", "herd:besfs/b/x/y.raw"),
        ("/besfs/raw/1", "s3://raw/1"),
        ("/besfs/raw", "herd:besfs/b/raw"),
        ("/besfs/x/", "herd:besfs/b/x/"),
        ("/besfs2/x", ""),
        ("/besfs", ""),
        ("/home/besfs/x", ""),
        ("/besfs/../home/x", ""),
        ("/besfs/./x", ""),
        ("/besfs/a\nb", ""),
        ("/besfs/..x", "herd:besfs/b/..x"),
    ],
)
def test_a_path_stands_for_an_object(path: str, url: str) -> None:
    """The longest directory counts; what no key can hold stays a path."""
    assert (object_url(path, NESTED), covered(path, NESTED)) == (url, bool(url))


def test_the_longest_directory_comes_first_whatever_the_policys_order() -> None:
    assert path_map(Site(paths={"/besfs/": "herd:besfs/b/", "/besfs/raw/": "s3://raw/"})) == NESTED


@pytest.mark.parametrize(
    ("files", "used"),
    [
        ((), ()),
        (("/home/x",), ()),
        (("/besfs/raw/1",), NESTED[:1]),
        (("/besfs/x",), NESTED[1:]),
        (("/besfs/x", "/besfs/raw/1", "/y"), NESTED),
    ],
)
def test_the_directories_that_matter_to_files(files: tuple[str, ...], used: Paths) -> None:
    assert used_of(NESTED, files) == used


POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
buckets = ["besfs"]
[site.plain]
requirements = 'G == "plain"'
isolation = "slot"
[site.mapped]
requirements = 'G == "mapped"'
isolation = "slot"
paths = { "/besfs/" = "herd:besfs/" }
"""
MAPPED: Paths = (("/besfs/", "herd:besfs/"),)
FILES = (
    *("-n", "2", "-in", "/besfs/run_%{ProcId}.raw", "-in", "/home/alice/cards"),
    *("-out", "rec.dst=/besfs/out/rec_%{ProcId}.dst", "-out", "log.txt=/home/alice/%{ProcId}/"),
)
NOTE = "what is below /besfs/ here is read from, and written to, herd:besfs/ at mapped"


def planned(*words: str, policy: str = POLICY, **world: Any) -> Plan:
    return plan_for(
        make_spec("job.sh", *words), make_policy(policy), replace(make_world(), **world)
    )


def carried(plan: Plan) -> list[list[tuple[str, str]]]:
    """Name and place of each input and output of each job."""
    return [
        [(each.name, str(each.place)) for each in (*proc.inputs, *proc.outputs)]
        for proc in plan.procs()
    ]


def test_paths_are_objects_at_a_site_that_says_so() -> None:
    """What lies elsewhere travels as it does to any site; and the user hears of it."""
    plan = planned("-site", "mapped", *FILES)
    assert carried(plan) == [
        [
            (f"run_{proc}.raw", f"herd:besfs/run_{proc}.raw"),
            ("cards", "/home/alice/cards"),
            ("rec.dst", f"herd:besfs/out/rec_{proc}.dst"),
            ("log.txt", f"/home/alice/{proc}/log.txt"),
        ]
        for proc in (0, 1)
    ]
    assert (plan.route.paths, plan.route.delivery) == (MAPPED, BUNDLE)
    assert plan.notes.count(NOTE) == 1


@pytest.mark.parametrize(
    ("words", "delivery"), [((), SHARED), (("-normt",), SHARED), (("-site", "plain"), BUNDLE)]
)
def test_elsewhere_they_stay_paths(words: tuple[str, ...], delivery: object) -> None:
    plan = planned(*words, *FILES)
    assert carried(plan)[1] == [
        ("run_1.raw", "/besfs/run_1.raw"),
        ("cards", "/home/alice/cards"),
        ("rec.dst", "/besfs/out/rec_1.dst"),
        ("log.txt", "/home/alice/1/log.txt"),
    ]
    assert (plan.route.delivery, plan.route.paths) == (delivery, ())
    assert NOTE not in plan.notes


def test_the_items_of_a_list_are_objects_there_too() -> None:
    """One a job, or several."""
    items = ("/besfs/a.raw", "/home/b.raw", "/besfs/c.raw")
    plan = planned("-site", "mapped", "-list", "l", "-in", "%{item}", items=items)
    assert carried(plan) == [
        [("a.raw", "herd:besfs/a.raw")],
        [("b.raw", "/home/b.raw")],
        [("c.raw", "herd:besfs/c.raw")],
    ]
    words = ("-site", "mapped", "-list", "l", "-per", "2", "-in", "%{items}")
    assert carried(planned(*words, items=items, ends=(2, 3))) == [
        [("a.raw", "herd:besfs/a.raw"), ("b.raw", "/home/b.raw")],
        [("c.raw", "herd:besfs/c.raw")],
    ]


HERE = FileFacts(files={"/besfs/x": FileFact(size=5)})
OBJECT = ObjectPlace(storage="herd", bucket="besfs", key="x")
THERE = FileFacts(objects={OBJECT: ObjectInfo(size=7, etag="")})
NO_FILE = InputsMissing("no file /besfs/x", remedy="check it")
NO_OBJECT = InputsMissing("no object herd:besfs/x", remedy="check it")
AUTOMATIC = POLICY + "[rule.r]\nremote = 'automatic'\n"


@pytest.mark.parametrize(
    ("policy", "words", "world", "sites", "place"),
    [
        (POLICY, (), {"found": HERE}, (), "/besfs/x"),
        (POLICY, ("-rmt",), {"found": HERE, "elsewhere": {MAPPED: THERE}}, ("plain",), "/besfs/x"),
        (POLICY, ("-rmt",), {"found": HERE, "elsewhere": {MAPPED: NO_OBJECT}}, ("plain",), "/besfs/x"),
        (POLICY, ("-rmt",), {"elsewhere": {MAPPED: THERE, (): NO_FILE}}, ("mapped",), "herd:besfs/x"),
        (POLICY, ("-site", "mapped"), {"elsewhere": {MAPPED: THERE, (): NO_FILE}}, ("mapped",), "herd:besfs/x"),
        (AUTOMATIC, (), {"elsewhere": {MAPPED: THERE, (): NO_FILE}}, ("mapped",), "herd:besfs/x"),
        (AUTOMATIC, (), {"found": HERE, "elsewhere": {MAPPED: NO_OBJECT}}, ("plain",), "/besfs/x"),
    ],
)  # fmt: skip
def test_the_jobs_go_where_their_files_are(
    policy: str, words: tuple[str, ...], world: dict[str, Any], sites: tuple[str, ...], place: str
) -> None:
    """A file may be an object only, or a file only; a site that does not have it is none."""
    plan = planned(*words, "-in", "/besfs/x", policy=policy, **world)
    assert (plan.route.sites, carried(plan)) == (sites, [[("x", place)]])


@pytest.mark.parametrize(
    ("policy", "words", "error"),
    [
        (POLICY, ("-rmt",), NO_FILE),
        (POLICY, ("-site", "mapped"), NO_OBJECT),
        (POLICY, ("-site", "plain"), NO_FILE),
        (AUTOMATIC, (), NO_FILE),
    ],
)
def test_what_is_missing_where_the_jobs_go_is_the_error(
    policy: str, words: tuple[str, ...], error: HepsubError
) -> None:
    """Where nothing sends them away, that is home."""
    missing = {MAPPED: NO_OBJECT, (): NO_FILE}
    with pytest.raises(InputsMissing) as caught:
        planned(*words, "-in", "/besfs/x", policy=policy, elsewhere=missing)
    assert caught.value is error


@pytest.mark.parametrize(
    ("rule", "words", "looked_at"),
    [
        ("", (), False),
        ("", ("-rmt",), True),
        ("", ("-site", "mapped"), True),
        ("", ("-site", "plain"), False),
        ("", ("-normt",), False),
        ("[rule.r]\nremote = 'automatic'\n", (), True),
        ("[rule.r]\nremote = 'automatic'\n", ("-normt",), False),
        ("[rule.r]\nremote = 'automatic'\n", ("-p", "local"), False),
        ("[rule.r]\nremote = 'automatic'\ntypes = ['sim']\n", (), False),
        ("[rule.r]\nremote = 'automatic'\ntypes = ['sim']\n", ("-type", "SIM"), True),
        ("[rule.r]\nremote = 'automatic'\ntypes = ['sim']\nprograms = ['*/job.sh']\n", (), True),
        ("[rule.r]\nremote = 'automatic'\ntypes = ['sim']\nprograms = ['*/sim.sh']\n", (), False),
        ("[rule.r]\nremote = 'asked'\n", (), False),
    ],
)
def test_a_job_that_stays_at_home_asks_nothing_of_a_store(
    rule: str, words: tuple[str, ...], looked_at: bool
) -> None:
    """What its paths stand for elsewhere is worked out where it may go there."""
    spec = make_spec("job.sh", "-in", "/besfs/x", *words)
    made = draft(spec, make_policy(POLICY + rule), make_situation(), Reading())
    assert tuple(made.elsewhere) == ((MAPPED,) if looked_at else ())


HTTP = POLICY.replace("https:", "http:")


@pytest.mark.parametrize("words", [(), ("-nocheck",)])
def test_what_is_wrong_at_a_site_alone_stops_no_job_that_does_not_go_there(
    words: tuple[str, ...],
) -> None:
    """Its storage may not be one that can be used."""
    automatic = f"{HTTP}[rule.r]\nremote = 'automatic'\nsites = ['mapped']\n"
    plan = planned("-in", "/besfs/x", *words, policy=automatic)
    assert carried(plan) == [[("x", "/besfs/x")]]
    assert "the storage herd is plain http" in plan.route.reasons[1].because
    assert planned("-rmt", "-in", "/besfs/x", *words, policy=HTTP).route.sites == ("plain",)
    with pytest.raises(UnknownStorage, match="the storage herd is plain http"):
        planned("-site", "mapped", "-in", "/besfs/x", *words, policy=HTTP)
