"""-lib as words, and in the text of a dry run."""

from __future__ import annotations

import pytest
from msgspec import structs

from hepsub.actions.submit.result import Preview
from hepsub.cli.output import render_text
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.result import Result
from tests.fakes.world import make_policy, make_spec, make_world, plan_for


@pytest.mark.parametrize("option", ["-lib", "--lib"])
def test_one_value_each_and_repeatable(option: str) -> None:
    """The script behind it is a script, and -l, -list and -lib are three options."""
    spec = make_spec(option, "setup/", option, "libA.so", "-l", "log", "job.sh")
    assert spec.libraries == ("setup/", "libA.so")
    assert (spec.script, spec.event_log) == ("job.sh", "log")
    assert make_spec("-list", "ib", "job.sh").libraries == ()


def test_a_dry_run_tells_what_becomes_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Uploaded, there already, or sent along."""
    place = ObjectPlace(storage="herd", bucket="user", key="lib/x.tar.gz")
    sent = Library(name="setup", is_directory=True, sha256="ab" * 32, size=2048)
    new = structs.replace(sent, name="new", place=place)
    old = structs.replace(new, name="old", stored=True)
    facts = structs.replace(make_world(), libraries=(sent, new, old))
    policy = make_policy('[storage.herd]\nendpoint = "https://s3.example.org"\n')
    plan = plan_for(make_spec("job.sh"), policy, facts)
    value = Preview(plan=plan, description="", schedd="", unreachable="")
    render_text("hep_sub", Result(value=value), quiet=False)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "library" in line]
    assert lines == [
        "library     setup (2.0 kB) travels with the jobs",
        "library     new (2.0 kB) would be uploaded to herd:user/lib/x.tar.gz",
        "library     old (2.0 kB) is there already: herd:user/lib/x.tar.gz",
    ]
