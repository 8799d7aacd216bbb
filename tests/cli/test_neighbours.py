"""The table of neighbours, what is refused: before anything is submitted, by hep_sub itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.cli.main import main
from tests.fakes.world import make_script
from tests.neighbour_inputs import REFUSALS, Refusal

POLICY = """
[defaults]
pool = "here"
[storage.herd]
endpoint = "https://s3.invalid"
buckets = ["raw", "out"]
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a user whose jobs would run on the embedded pool."""
    make_script(tmp_path)
    (tmp_path / "policy.toml").write_text(POLICY)
    for name, value in {
        "HOME": "home",
        "HEPSUB_CONFIG": "policy.toml",
        "HEPSUB_HERE_DIR": "queue",
        "XDG_STATE_HOME": "state",
    }.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("CONDOR_CONFIG", "ONLY_ENV")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: repr(each.words))
def test_what_cannot_arrive_is_refused(
    desk: Path, capsys: pytest.CaptureFixture[str], refusal: Refusal
) -> None:
    """With its exit code, by name; and nothing is left."""
    before = sorted(desk.iterdir())
    code = main("hep_sub", ["job.sh", *refusal.words])
    captured = capsys.readouterr()
    assert (code, captured.out) == (refusal.code, ""), captured.err
    assert refusal.said in captured.err.replace("\n", " ")
    assert sorted(desk.iterdir()) == before
