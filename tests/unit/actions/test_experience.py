"""Sizes of outputs by experience: what the same program's last jobs left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.experience import is_wanted, left_behind
from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.submit import submit
from hepsub.plan.draft import Reading, draft
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd
from tests.fakes.world import make_policy, make_script, make_situation, make_spec
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]

MB = 2**20
RULES = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
[site.a]
requirements = 'G == "a"'
isolation = "slot"
[rule.large]
output_above = 5
because = "much comes out"
[rule.small]
output_below = 5
"""


def report(bundle: Path, proc: int, *sizes: int | None, exit_code: int = 0) -> None:
    """Let a job have ended."""
    home = bundle / f"job/{proc}/home.{proc}"
    home.mkdir(parents=True, exist_ok=True)
    outputs = [{"name": f"o{n}", "state": "uploaded", "size": size} for n, size in enumerate(sizes)]
    said = {"code": 0, "payload": {"exit_code": exit_code}, "outputs": outputs}
    (home / "report.json").write_text(json.dumps(said))


def submitted(world: World, script: str = "job.sh", number: int = 1) -> Path:
    """The bundle of a submission with outputs; each goes to another place."""
    make_script(world.directory, script)
    world.schedd = FakeSchedd(host="login01.example.org")
    spec = make_spec(script, "-n", str(number), "-out", "r=herd:out/%{Uuid}_%{ProcId}")
    value = submit(world.session(), spec).value
    return world.directory / "bundles" / value.submitted.uuid


def known(world: World, script: str = "job.sh") -> float | None:
    return left_behind(world.session(), str(world.directory / script))


def test_the_largest_of_the_last_jobs_counts(world: World) -> None:
    """Of jobs that ended well; what has no size adds nothing."""
    bundle = submitted(world, number=3)
    assert known(world) is None
    report(bundle, 0, 2 * MB, 3 * MB, None)
    report(bundle, 1, MB)
    report(bundle, 2, 90 * MB, exit_code=1)
    assert known(world) == 5.0


def test_the_latest_submission_of_the_program_with_a_report_counts(world: World) -> None:
    """Not those of other programs, nor those of which nothing came home yet."""
    report(submitted(world), 0, 7 * MB)
    report(submitted(world), 0, 3 * MB)
    submitted(world)
    report(submitted(world, "other.sh"), 0, 50 * MB)
    assert (known(world), known(world, "other.sh")) == (3.0, 50.0)
    assert known(world, "third.sh") is None


def test_what_cannot_be_read_tells_nothing(world: World) -> None:
    bundle = submitted(world)
    report(bundle, 0, 7 * MB)
    (bundle / "job/0/home.0/report.json").write_text("{")
    assert known(world) is None
    report(bundle, 0, 7 * MB)
    (bundle / "private/request.json").unlink()
    assert known(world) is None


@pytest.mark.parametrize(
    ("policy", "words", "wanted"),
    [
        (RULES, ("-rmt", "-out", "r=herd:o/r"), True),
        (RULES, ("-out", "r=herd:o/r"), False),
        (RULES + "remote = 'automatic'\n", ("-out", "r=herd:o/r"), True),
        (RULES, ("-rmt", "-out", "r=herd:o/r", "-outsize", "3"), False),
        (RULES.replace("output_", "input_"), ("-rmt", "-out", "r=herd:o/r"), False),
    ],
)
def test_nobody_looks_where_no_rule_asks(policy: str, words: tuple[str, ...], wanted: bool) -> None:
    made = draft(make_spec("job.sh", *words), make_policy(policy), make_situation(), Reading())
    assert is_wanted(made) is wanted


def test_rules_about_outputs_go_by_it(world: World) -> None:
    """What the user says counts more."""
    report(submitted(world), 0, 7 * MB)
    staging = world.session().policy.staging
    policy = replace(make_policy(RULES), staging=staging)
    session: Session = replace(world.session(), policy=policy)

    def rule(*words: str) -> str:
        spec = make_spec("job.sh", "-rmt", "-nocheck", "-out", "r=herd:out/r", *words)
        value = preview(session, spec).value
        return value.plan.route.rule

    assert (rule(), rule("-outsize", "1")) == ("large", "small")
