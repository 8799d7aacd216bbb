"""A site whose machines are of another architecture than the submit host, by the real matchmaker.

(Its start daemons only say so: they are this machine's.)
"""

from collections.abc import Iterator

import pytest

from tests.pool.shell import Shell
from tests.testbed import config, remote
from tests.testbed.fixtures import available
from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite, Site

pytestmark = [pytest.mark.condor]

SITES = """
[site.arm]
requirements = 'GLIDEIN_Site == "arm"'
arch = "aarch64"
[site.any]
requirements = 'GLIDEIN_Site == "arm"'
arch = ""
[site.wrong]
requirements = 'GLIDEIN_Site == "arm"'
"""
MACHINES = {"X86_64": 62, "aarch64": 183}
"""As ELF numbers them."""


def library(machine: str) -> bytes:
    """The beginning of a library that was built for a machine, which is all that is read of it."""
    return bytes([0x7F, *b"ELF", 2, 1, 1, *bytes(9), 3, 0, MACHINES[machine], 0])


@pytest.fixture(scope="module")
def arm(pool: Pool) -> Iterator[RemoteSite]:
    """Give a worker node that says that it is one of aarch64."""
    plain = config.glidein
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "glidein", lambda *of: f"{plain(*of)}\nARCH = aarch64\n")
        site = available(lambda: remote.start(pool, Site("arm")))
    try:
        yield site
        site.leave()
    finally:
        site.stop()


def test_scripts_go_where_the_site_says_what_it_is(user: Shell, arm: RemoteSite) -> None:
    """The requirements name its architecture, or any; else HTCondor asks for the submit host's."""
    assert [slot["Arch"] for slot in arm.slots()] == ["aarch64"]
    user.policy.write_text(user.policy.read_text() + SITES)
    user.script("job.sh", "hostname")
    jobs = {site: user.submit("job.sh", "-site", site) for site in ("arm", "any", "wrong")}
    for site in ("arm", "any"):
        user.ended(jobs[site])
        assert user.text(f"job.sh.out.{jobs[site]}.0") == "wn.arm.hep\n"
    assert user.states("-i", str(jobs["wrong"])) == {f"{jobs['wrong']}.0": "I"}
    assert "X86_64" in user.ok("hep_q", "-i", str(jobs["wrong"]), "-why")


def test_what_was_built_for_another_one_is_refused(user: Shell) -> None:
    """A library, named by the file in it."""
    user.policy.write_text(user.policy.read_text() + SITES)
    user.script("job.sh", "true")
    user.account.write("sw/lib/note", "none\n")
    (user.work / "sw/lib/libFoo.so").write_bytes(library("X86_64"))
    said = user.refused(26, "job.sh", "-site", "arm", "-lib", "sw")
    assert "its machines are aarch64, and sw/lib/libFoo.so is for X86_64" in said


def test_what_was_built_goes_where_it_runs(
    user: Shell, arm: RemoteSite, remote_site: RemoteSite
) -> None:
    """Without a site's name, and though a machine of the other architecture is free."""
    free = {slot["Arch"] for site in (arm, remote_site) for slot in site.slots()}
    assert free == MACHINES.keys()
    user.policy.write_text(user.policy.read_text() + SITES)
    user.script("job.sh", "hostname")
    jobs = {}
    for machine in MACHINES:
        user.account.write(f"{machine}/note", "none\n")
        (user.work / machine / "libFoo.so").write_bytes(library(machine))
        jobs[machine] = user.submit("job.sh", "-rmt", "-lib", machine)
    user.all_ended(dict.fromkeys(jobs.values(), 1))
    said = {machine: user.text(f"job.sh.out.{job}.0") for machine, job in jobs.items()}
    assert said == {"X86_64": "wn.dongguan.hep\n", "aarch64": "wn.arm.hep\n"}
