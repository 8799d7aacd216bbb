"""-dry-run tells what a submission would say about its credentials."""

from __future__ import annotations

import pytest

from hepsub.actions.submit.preview import preview
from hepsub.errors import CredentialMissing
from tests.fakes.world import make_spec
from tests.unit.actions.test_renew import World, world

__all__ = ["world"]


def test_dry_run_finds_a_missing_credential(world: World) -> None:
    """It is refused as the submission would be, and nothing is written."""
    world.source.trouble = CredentialMissing("there is no token", remedy="hep_auth login iam")
    with pytest.raises(CredentialMissing, match="the jobs need the credential iam") as caught:
        preview(world.session(), make_spec("job.sh", "-cred", "iam"))
    assert "no -cred iam" in caught.value.remedy
    assert not (world.directory / "bundles").exists()


def test_dry_run_forecasts(world: World) -> None:
    """Nothing renews the token: -dry-run says so, and still writes nothing."""
    notes = preview(world.session(), make_spec("job.sh", "-cred", "iam")).notes
    assert any("hep_auth renew -install" in note for note in notes)
    assert not (world.directory / "bundles").exists()
