"""The user's own image at the far site, by each of the three ways: HTCondor starts it, or the wrapper does."""

from __future__ import annotations

import pytest

from tests.sites.away import Away
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor]


@pytest.mark.parametrize("containers", ["universe", "wrapper"])
def test_an_image_of_ones_own_travels(away: Away, far_glidein: RemoteSite, containers: str) -> None:
    """It is none of the files that HTCondor may read, but one of the bundle's (the image is started by a stand-in)."""
    shell = away.desk.shell
    policy = shell.policy.read_text()
    said = f'containers = "{containers}"\nisolation = '
    shell.policy.write_text(policy.replace("isolation = ", said))
    shell.account.write("my.sif", "an image\n")
    shell.script("job.sh", 'echo "$TESTBED_IMAGE"; cat my.sif; echo made >made')
    for site in ("element", "schedd", "glidein"):
        words = ("-site", site, "-image", "my.sif", "-out", f"made=made.{site}")
        submitted = away.submit("job.sh", *words, "-wait")
        error = shell.text(f"job.sh.err.{submitted['cluster']}.0")
        assert (submitted["failed"], submitted["unknown"], error) == (0, 0, "")
        image, content = shell.text(f"job.sh.out.{submitted['cluster']}.0").splitlines()
        assert (image.rpartition("/")[2], content) == ("my.sif", "an image")
        assert shell.text(f"made.{site}") == "made\n"
