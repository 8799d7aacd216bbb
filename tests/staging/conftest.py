"""Fixtures of the tests of inputs and outputs: users with keys, each of the stores, an own queue here."""

from collections.abc import Callable

import pytest

from tests.pool.shell import Shell, write_policy
from tests.staging.desk import Desk, sit_down
from tests.testbed.pool import Pool
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server
from tests.testbed.users import Account


@pytest.fixture
def user(pool: Pool, alice: Account) -> Shell:
    """Give hepalice at a prompt on the host."""
    return Shell(pool, alice, write_policy(alice, pool), alice.run)


@pytest.fixture
def other(pool: Pool, bob: Account) -> Shell:
    """Give hepbob at a prompt on the host."""
    return Shell(pool, bob, write_policy(bob, pool), bob.run)


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
