"""The false site: a start daemon that says of itself that it is the site, and would get jobs and what goes along."""

from collections.abc import Iterator

import pytest

from tests.attacks.attack import AWAY, OWNER, site_policy
from tests.pool.shell import Shell
from tests.testbed import config
from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor, pytest.mark.sid]

IDENTITY = f'identity = "{config.GLIDEIN}"\n'


@pytest.fixture
def false_site(pool: Pool, remote_site: RemoteSite) -> Iterator[None]:
    """Let the pool's own start daemon say that it is the site, and the site's say that it is another one."""
    pool.add_config(f'GLIDEIN_Site = "{config.SITE}"\nSTARTD_ATTRS = $(STARTD_ATTRS) GLIDEIN_Site')
    pool.wait_for(
        lambda: len(pool.slots(remote_site.constraint)) > 1, 30, "the false site in the collector"
    )
    yield
    pool.reset_config()
    pool.wait_for(
        lambda: len(pool.slots(remote_site.constraint)) == 1, 30, "the false site to be gone"
    )


def test_a_start_daemon_with_another_identity_gets_no_job(victim: Shell, false_site: None) -> None:
    """Both say that they are dongguan; the identity that the collector has seen decides."""
    site_policy(victim, OWNER + IDENTITY)
    victim.script("job.sh", "hostname; sleep 1")
    cluster = victim.submit("job.sh", *AWAY, "-n", "6")
    victim.ended(cluster, 6)
    hosts = {victim.text(f"job.sh.out.{cluster}.{proc}").strip() for proc in range(6)}
    assert hosts == {config.SITE_HOSTNAME}


def test_a_site_of_another_identity_gets_no_job(victim: Shell) -> None:
    """The policy names an identity that nobody here has: the job waits, and hep_q -why says that nothing fits."""
    site_policy(victim, OWNER + 'identity = "pilot@elsewhere.hep"\n')
    victim.script("job.sh", "true")
    cluster = victim.submit("job.sh", *AWAY)
    assert "pilot@elsewhere.hep" in str(victim.ad(cluster)["Requirements"])
    assert "no machine meets them all" in victim.ok("hep_q", "-i", str(cluster), "-why")
    assert victim.states("-i", str(cluster)) == {f"{cluster}.0": "I"}
