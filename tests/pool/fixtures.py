"""The pytest plugin of the tests on the pool: users at a prompt, with a policy of their own."""

import pytest

from tests.pool.shell import Shell, write_policy
from tests.testbed.login import LoginNode
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


@pytest.fixture
def access_point(pool: Pool, alice: Account, login_node: LoginNode) -> Shell:
    """Give hepalice at a prompt on the access point, without tokens, with HTCondor's own tools."""
    return Shell(pool, alice, write_policy(alice, pool), login_node.run)
