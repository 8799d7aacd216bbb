"""A Slurm of each version, and a user on its login node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slurm.asking import POLICY
from tests.testbed import slurm as slurms
from tests.testbed.fixtures import available
from tests.testbed.login import LoginNode
from tests.testbed.slurm import Slurm

SHOW = (
    '#!/bin/sh\necho "$0" "$_CONDOR_IHEP_JOB_ID" "$#" "$@" "$MARKED"\necho to stderr >&2\nexit $1\n'
)
LONG = "#!/bin/sh\necho begun\nsleep 900\n"


@pytest.fixture(scope="module", params=slurms.SUITES)
def slurm(request: pytest.FixtureRequest) -> Iterator[Slurm]:
    """Give a Slurm of each version."""
    running = available(lambda: slurms.start(request.param))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def alice(slurm: Slurm, request: pytest.FixtureRequest) -> LoginNode:
    """Give hepalice on its login node, with an empty queue and scripts."""
    slurm.purge()
    user = slurm.account("hepalice", request.node.name.partition("[")[0])
    account = user.account.with_work("work")
    node = LoginNode(user.sandbox, user.checkout, user.places, account)
    (account.home / ".config/hepsub").mkdir(parents=True)
    (account.home / ".config/hepsub/config.toml").write_text(POLICY)
    node.run(["chown", "-R", "hepalice:", account.home / ".config"])
    account.write("show.sh", SHOW, mode=0o755)
    account.write("long.sh", LONG, mode=0o755)
    return node
