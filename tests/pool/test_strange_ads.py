"""A user's job may say anything of itself: everybody else's commands work all the same."""

import re

import pytest

from tests.pool.shell import IDLE, Shell, is_row
from tests.testbed.login import LoginNode
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor, pytest.mark.sid]

STRANGE = [
    '+QDate = "abc"',
    '+JobPrio = real("INF")',
    "+RemoteWallClockTime = {1, 2}",
    "+ShadowBday = {1}",
    '+QDate = real("NaN")',
    "+QDate = 99999999999999",
    '+QDate = absTime("0001-01-01T00:00:00Z")',
    '+JobCurrentStartDate = "yesterday"',
    '+MemoryUsage = real("INF")',
    "+ImageSize = [ a = 1 ]",
    '+JobBatchName = "\\377\\033]0;x\\007\\n13.0 root"',
    '+HepSub_Cmd = "/bin/\\033[2Jx\\342\\200\\256"',
    "+HepSub_Reason = error",
    "+ExitBySignal = 7",
    '+CompletionDate = "never"',
    "+TotalSubmitProcs = 9000000000000000000",
    "+JobMaterializeDigestFile = 1\n+TotalSubmitProcs = 9000000000000000000",
    "+JobMaterializeNextProcId = -5",
]
KEPT = """\
executable = /bin/sleep
arguments = 600
requirements = false
{attribute}
queue
"""
ENDED = """\
executable = /bin/true
{attribute}
queue
"""


@pytest.fixture
def bob(pool: Pool, other: Shell) -> LoginNode:
    """Give hepbob on the access point, with HTCondor's own tools."""
    node = pool.login_node(other.account)
    node.forget_tokens()
    return node


def submit(bob: LoginNode, template: str) -> list[int]:
    """Submit a job with each of the attributes that HTCondor takes; the clusters."""
    clusters = []
    for number, attribute in enumerate(STRANGE):
        bob.account.write(f"{number}.sub", template.format(attribute=attribute))
        done = bob.run(["condor_submit", "-terse", f"{number}.sub"])
        found = re.match(r"(\d+)\.0", done.stdout)
        if found is not None:
            clusters.append(int(found[1]))
    assert len(clusters) > len(STRANGE) // 2
    return clusters


def test_anybodys_ads_leave_everybodys_commands_working(user: Shell, bob: LoginNode) -> None:
    """hep_q, hep_q -why, hep_sub status, hep_history and hep_rm -a: status 0, and one's own jobs are shown."""
    ended = submit(bob, ENDED)
    left = 'Owner == "hepbob"'
    user.pool.wait_for(
        lambda: len(user.pool.jobs(left, ["ProcId"])) <= 3, 120, "the end of most of bob's jobs"
    )
    bob.run(["condor_rm", "-all"])  # some can never start
    user.pool.wait_for(lambda: not user.pool.jobs(left, ["ProcId"]), 60, "the end of the others")
    strange = submit(bob, KEPT)
    user.script("job.sh", "sleep 600")
    own = user.submit("job.sh", *IDLE)
    table = user.ok("hep_q")
    shown = {line.split()[0] for line in table.splitlines() if is_row(line)}
    assert shown == {f"{cluster}.0" for cluster in (own, *strange)}
    assert all(line[64] == "I" for line in table.splitlines() if is_row(line))
    explained = user.ok("hep_q", "-why")
    assert re.search(rf"^{own}\.0.* \(I\): ", explained, re.MULTILINE)
    past = user.ok("hep_history", "-u", "hepbob", "-n", "100")
    assert {f"{cluster}.0" for cluster in ended} <= {line.split()[0] for line in past.splitlines()}
    for text in (table, explained, past):
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    for words in (("hep_q",), ("hep_q", "-why"), ("hep_history", *map(str, ended))):
        assert user.result(*words)
    assert str(own) in user.ok("hep_sub", "status")
    assert user.ok("hep_rm", "-a").endswith(": 1 job(s) removed\n")
    assert user.states("-u") == {}
