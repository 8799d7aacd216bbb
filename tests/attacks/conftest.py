"""Fixtures of the attacks: a victim with files worth something, an attacker, a site."""

from collections.abc import Iterator

import pytest

from tests.attacks.attack import OWNER, furnish, site_policy
from tests.pool.shell import Shell
from tests.staging.desk import Desk, clear, give_keys
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server

END_STARTERS = """
for place in /proc/[0-9]*; do
    [ "$(cat $place/comm 2>/dev/null)" != condor_starter ] || kill -KILL ${place#/proc/}
done
"""


def free(site: RemoteSite) -> None:
    """Give back the slots of jobs that an earlier attack left without their shadow: they would wait for 40 minutes."""

    def is_free() -> bool:
        return {slot["State"] for slot in site.slots()} <= {"Unclaimed", "Claimed"}

    if not is_free():
        site.sandbox.run(["sh", "-c", END_STARTERS], check=False)
        site.pool.wait_for(is_free, 30, "the site to be free again")


@pytest.fixture
def victim(user: Shell, remote_site: RemoteSite) -> Shell:
    """Give hepalice at a prompt; the site keeps users apart, because each of its pilots has one owner."""
    free(remote_site)
    furnish(user.account)
    site_policy(user, OWNER)
    return user


@pytest.fixture
def neighbour(other: Shell) -> Shell:
    """Give hepbob at a prompt."""
    return other


@pytest.fixture
def desk(victim: Shell, rclone_s3: S3Server) -> Iterator[Desk]:
    """Give hepalice keys for a store."""
    rclone_s3.start()
    clear(rclone_s3)
    site_policy(victim, OWNER, endpoint=rclone_s3.endpoint)
    give_keys(victim.account, rclone_s3)
    yield Desk(victim, rclone_s3)
    rclone_s3.start()
