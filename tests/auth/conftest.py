"""Fixtures of the tests of credentials: users at a prompt on the pool."""

import pytest

from tests.pool.shell import Shell, write_policy
from tests.testbed.pool import Pool
from tests.testbed.users import Account


@pytest.fixture
def user(pool: Pool, alice: Account) -> Shell:
    """Give hepalice at a prompt on the host."""
    return Shell(pool, alice, write_policy(alice, pool), alice.run)


@pytest.fixture
def other(pool: Pool, bob: Account) -> Shell:
    """Give hepbob at a prompt on the host."""
    return Shell(pool, bob, write_policy(bob, pool), bob.run)
