"""Fixtures of the tests of remote sites: a user at home, and the far site in each of the three ways."""

import pytest

from tests.pool.shell import Shell
from tests.sites.away import Away, go_away
from tests.staging.desk import sit_down
from tests.testbed.far import FarSite
from tests.testbed.kdc import Kdc
from tests.testbed.openid import OpenId
from tests.testbed.s3 import S3Server


@pytest.fixture
def away(
    user: Shell,
    clean_far_site: FarSite,
    openid: OpenId,
    kdc: Kdc,
    rclone_s3: S3Server,
) -> Away:
    """Give hepalice the far site by its element, by its schedd, and as a glidein."""
    return go_away(sit_down(user, rclone_s3), clean_far_site, openid, kdc)
