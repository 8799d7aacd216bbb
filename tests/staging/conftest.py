"""Fixtures of the tests of inputs and outputs: a user with keys, for each of the stores."""

from collections.abc import Callable

import pytest

from tests.pool.shell import Shell
from tests.staging.desk import Desk, sit_down
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server


@pytest.fixture
def desk(user: Shell, rclone_s3: S3Server) -> Desk:
    """Give hepalice with keys for rclone's store."""
    return sit_down(user, rclone_s3)


@pytest.fixture
def each_desk(user: Shell, s3_server: S3Server) -> Desk:
    """Give hepalice with keys for each of the stores in turn."""
    return sit_down(user, s3_server)


@pytest.fixture
def proxy(rclone_s3: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]) -> FaultProxy:
    """Give the proxy in front of the quick store."""
    rclone_s3.start()
    return fault_proxy(rclone_s3)


@pytest.fixture
def behind(user: Shell, proxy: FaultProxy) -> Desk:
    """Give hepalice at the store, whose policy and URLs name the proxy."""
    return sit_down(user, proxy.server)
