"""Variables that hold secrets: one file of the bundle has them, and nothing else that hepsub writes or says."""

from __future__ import annotations

import io
import json
import stat
import zlib
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.submit import submit
from hepsub.bundle.bundle import read_bundle
from hepsub.cli.output import render_json, render_text
from hepsub.condor.description import describe
from hepsub.local.launch import make_launch, shared_environment
from hepsub.plan.model import Plan
from hepsub.result import AnyResult
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, as_batch_systems
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec

SECRET = "rabbit"
LINE = ("job.sh", "-env", "DB_PASSWORD", "-env", "PGDATABASE=herd", "-env", f"API_TOKEN={SECRET}-2")
FILE = "shared/hepsub.environment"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session of a user with a secret, whose bundles are kept in the test's directory."""
    make_script(tmp_path)
    schedd = FakeSchedd(host="login01.example.org")
    policy = make_policy(f'[staging]\nbundle_dir = "/proc/self/root{tmp_path}/bundles"\n')
    situation = make_situation(cwd=tmp_path)
    situation = replace(situation, environment={"DB_PASSWORD": f"{SECRET}\nhole", "A": "1"})
    return make_session(tmp_path, as_batch_systems(schedd), policy=policy, situation=situation)


def said(result: AnyResult) -> str:
    """All that is printed of a result, as text and as JSON."""
    out = io.StringIO()
    with redirect_stdout(out):
        render_text("hep_sub", result, quiet=False)
        render_json("hep_sub", result)
    return out.getvalue()


def plan_of(session: Session, *words: str) -> Plan:
    """The plan of a command line."""
    value = preview(session, make_spec(*words)).value
    return value.plan


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return zlib.decompress(content) if path.suffix == ".z" else content


def test_one_private_file_has_them_and_nothing_else(session: Session, tmp_path: Path) -> None:
    """Not the request, not the manifests, not the journal, not what is said."""
    result = submit(session, make_spec(*LINE))
    bundle = tmp_path / "bundles" / result.value.submitted.uuid
    holding = [
        path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in _content(path)
    ]
    assert holding == [bundle / FILE]
    assert (
        bundle / FILE
    ).read_text() == f"DB_PASSWORD\t2\n{SECRET}\nhole\nAPI_TOKEN\t1\n{SECRET}-2\n"
    assert stat.S_IMODE((bundle / FILE).stat().st_mode) == 0o600
    assert "environment\thepsub.environment\n" in (bundle / "job/0/hepsub.manifest").read_text()
    assert SECRET not in said(result) + repr(result)


def test_a_manifest_written_later_names_the_file_again(session: Session, tmp_path: Path) -> None:
    """Whoever renews it knows that there are such variables, and not their values."""
    submit(session, make_spec(*LINE))
    [directory] = (tmp_path / "bundles").glob("*-*")
    bundle = read_bundle(directory)
    assert bundle is not None
    assert bundle.request.staging.secrets == ("DB_PASSWORD", "API_TOKEN")
    (directory / "job/0/hepsub.manifest").unlink()
    bundle.write_manifests(None, lambda name: pytest.fail(f"{name} has nothing to sign"))
    text = (directory / "job/0/hepsub.manifest").read_text()
    assert "environment\thepsub.environment\n" in text


def test_htcondor_gets_the_files_name_only(session: Session) -> None:
    """It sends the file encrypted, and the ad has neither name nor value of the variables."""
    plan = plan_of(session, *LINE)
    text = describe(plan, "u-1").text
    lines = dict(line.split(" = ", 1) for line in text.splitlines())
    assert lines["encrypt_input_files"] == "hepsub.manifest, hepsub.environment"
    assert f"u-1/{FILE}" in lines["transfer_input_files"]
    assert "PGDATABASE=herd" in lines["environment"]
    assert SECRET not in text
    assert "DB_PASSWORD" not in text
    assert "API_TOKEN" not in text


def test_the_embedded_pool_keeps_no_value_in_its_queue(session: Session) -> None:
    """Its jobs get them from the bundle as all others do."""
    plan = plan_of(session, *LINE)
    launch = make_launch(plan, plan.values(0), "u-1")
    assert launch.argv[0].endswith("u-1/shared/scratch.sh")
    assert SECRET not in json.dumps([to_builtins(launch), shared_environment(plan)])


def test_a_dry_run_names_them_and_does_not_tell_them(session: Session) -> None:
    """In text and in JSON; who keeps the plan for a look at it finds no value either."""
    result = preview(session, make_spec(*LINE))
    assert SECRET not in said(result) + repr(result)
    assert result.value.document().secret_variables == ("DB_PASSWORD", "API_TOKEN")


def test_without_them_there_is_no_file(session: Session, tmp_path: Path) -> None:
    """A plain job stays what it was: no bundle, no wrapper."""
    plan = plan_of(session, "job.sh", "-env", "PGDATABASE=herd")
    assert plan.staging is None
    submit(session, make_spec("job.sh"))
    assert not (tmp_path / "bundles").exists()
