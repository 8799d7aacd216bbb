"""The session: which schedds of a pool are there, and which should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.errors import ScheddNotReached
from hepsub.jobid import SubmissionRef
from hepsub.journal import Entry
from hepsub.session import open_session
from tests.fakes.batch import FakeSchedd, as_batch_systems
from tests.fakes.world import NOON, make_policy, make_session

RENAMED = '[pool.new]\naliases = ["old"]\ncollector = "x"\n'


@pytest.mark.parametrize("pool", ["new", "old"])
@pytest.mark.parametrize("noted", ["new", "old"])
def test_a_schedd_that_is_away_is_known_by_the_older_name_of_its_pool(
    tmp_path: Path, pool: str, noted: str
) -> None:
    """Submissions keep the name that the pool had; the policy knows it as an alias."""
    session = make_session(
        tmp_path, as_batch_systems(FakeSchedd(name="here")), policy=make_policy(RENAMED)
    )
    ref = SubmissionRef(uuid="u", pool=noted, schedd="away@host", cluster=13, number=1)
    session.journal.append(Entry(ref=ref, when=NOON))
    assert session.absent(pool, session.schedds(pool)) == ("away@host",)
    with pytest.raises(ScheddNotReached, match="away@host does not answer"):
        session.schedd(pool, "away@host")


@pytest.mark.parametrize(("name", "default"), [("10-site.toml", ""), (".#10-site.toml", "here")])
def test_what_an_editor_leaves_is_no_policy_of_a_site(
    name: str, default: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for what is read of it: only a real file says that this is not the embedded pool's machine."""
    site = tmp_path / "site"
    site.mkdir()
    (site / name).touch()
    for variable in ("HEPSUB_CONFIG", "XDG_CONFIG_HOME", "CONDOR_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("hepsub.situation.SITE_POLICY_DIRECTORY", site)
    monkeypatch.setattr("hepsub.condor.bindings.is_configured", lambda _: False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert open_session().policy.defaults.pool == default
