"""Outputs that came home while their store was away: hep_auth renew puts each into its place, once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pool.shell import Shell, next_command
from tests.staging.desk import E_HOME, Desk, codes, sit_down
from tests.testbed.faults import DENIED
from tests.testbed.proxy import FaultProxy
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

Proxied = Callable[[S3Server], FaultProxy]
GO = "until [ -e {} ]; do sleep 0.2; done"


@pytest.fixture
def proxy(rclone_s3: S3Server, fault_proxy: Proxied) -> FaultProxy:
    """Give a store in front of which everything is counted."""
    rclone_s3.start()
    return fault_proxy(rclone_s3)


@pytest.fixture
def desk(user: Shell, proxy: FaultProxy) -> Desk:
    """Give hepalice keys for that store."""
    return sit_down(user, proxy.server)


def puts(proxy: FaultProxy) -> list[str]:
    """The objects that were written, in order."""
    return [each.path for each in proxy.requests("PUT") if each.status == 200]


def test_when_the_store_is_back_each_output_gets_into_its_place(
    desk: Desk, proxy: FaultProxy, rclone_s3: S3Server, remote_site: RemoteSite
) -> None:
    """Also matches of patterns and paths; the marker last; what is refused stays; nothing is done twice."""
    shell = desk.shell
    go, locked = shell.work / "go", shell.directory("locked")
    shell.script(
        "job.sh", f'echo "$1 a" > a.txt; echo "$1 one" > m1; echo "$1 two" > m2; {GO.format(go)}'
    )
    outputs = (
        *("-out", "a.txt=herd:out/%{ClusterId}/a_%{ProcId}.txt"),
        *("-out", "m*=herd:out/%{ClusterId}/%{ProcId}/"),
    )
    impatient = {"HEPSUB_PATIENCE_S": "2"}
    shell.script("path.sh", f"echo object > o; echo path > p; {GO.format(go)}")
    to_both = ("-out", "o=herd:out/%{ClusterId}/o", "-out", f"p={locked}/p_%{{ClusterId}}")
    shell.script("far.sh", "echo far > f")
    made = desk.submit("job.sh", "-argu", "%{ProcId}", "-n", "2", *outputs, env=impatient)
    both = desk.submit("path.sh", *to_both, env=impatient)
    far = desk.submit("far.sh", "-site", "dongguan", "-out", f"f={shell.work}/far_%{{ProcId}}.txt")
    shell.wait_for_state(2, made["cluster"], 2)
    shell.wait_for_state(2, both["cluster"])
    rclone_s3.stop()
    locked.chmod(0o555)
    go.touch()
    ads = shell.all_ended({made["cluster"]: 2, both["cluster"]: 1, far["cluster"]: 1}, 120)
    assert codes(ads[made["cluster"]]) == [E_HOME, E_HOME]
    assert codes(ads[both["cluster"]]) == [E_HOME]
    assert codes(ads[far["cluster"]]) == [0]

    # The store is still away: everything stays, and the renewal says so.
    shell("hep_auth", "renew")
    assert len(desk.pending(made["uuid"], 0)) == 4
    assert shell.text("far_0.txt") == "far\n"

    # It is back, but refuses one object: the others get there, its job has no marker.
    rclone_s3.start()
    proxy.clear()
    base = f"/out/{made['cluster']}"
    proxy.inject(DENIED, method="PUT", path=f"{base}/0/m1")
    said = shell("hep_auth", "renew")
    assert said.returncode == 53, said.stderr  # not all of it
    assert "m1" in said.stderr + said.stdout, "nobody is told of the object that was refused"
    done = [path for path in puts(proxy) if path.startswith(f"{base}/")]
    second = ("a_1.txt", "1/m1", "1/m2", f".hepsub/{made['uuid']}/1.json")
    assert [path.removeprefix(f"{base}/") for path in done if path.endswith(second)] == [*second]
    assert f"{base}/a_0.txt" in done
    assert sorted(desk.markers(made["uuid"])) == [1]
    left = [Path(line[0]).name for line in desk.pending(made["uuid"], 0)]
    assert left[0] == "m1", left
    assert left[-1] == "report.json", left
    assert (desk.home_of(made["uuid"], 0) / "outputs/m1").read_text() == "0 one\n"
    assert not (desk.home_of(made["uuid"], 1) / "outputs/m1").exists()
    # A path that cannot be written keeps its job's marker back, too.
    assert desk.text(f"{both['cluster']}/o") == "object\n"
    assert (desk.home_of(both["uuid"], 0) / "outputs/p").read_text() == "path\n"
    assert desk.markers(both["uuid"]) == {}

    # All is well: the rest, and the markers.
    proxy.clear()
    locked.chmod(0o755)
    shell.ok("hep_auth", "renew")
    assert puts(proxy)[-1].endswith(".json")
    assert len(puts(proxy)) == len(set(puts(proxy))), puts(proxy)
    assert not [path for path in puts(proxy) if "a_0" in path]
    for proc in range(2):
        texts = [desk.text(f"{made['cluster']}/{key}") for key in (f"a_{proc}.txt", f"{proc}/m2")]
        assert texts == [f"{proc} a\n", f"{proc} two\n"]
        assert not list(desk.home_of(made["uuid"], proc).glob("outputs/**/m*"))
    assert sorted(desk.markers(made["uuid"])) == [0, 1]
    assert sorted(desk.markers(both["uuid"])) == [0]
    assert (locked / f"p_{both['cluster']}").read_text() == "path\n"
    assert desk.pending(both["uuid"], 0) == []

    # There is nothing left to do.
    proxy.clear()
    shell.ok("hep_auth", "renew")
    assert proxy.requests() == []


def test_more_than_may_come_home_is_held_and_can_be_released(
    desk: Desk, rclone_s3: S3Server
) -> None:
    """Its reason and the next command are told; hep_release runs it again, and with the store back it ends well."""
    shell = desk.shell
    policy = shell.policy.read_text()
    shell.policy.write_text(policy.replace("shared = true", "shared = true\nhome_limit = 1"))
    go = shell.work / "go"
    shell.script("job.sh", f"head -c 2000000 /dev/zero > big; {GO.format(go)}")
    done = desk.submit(
        *("job.sh", "-wt", "15s", "-out", "big=herd:out/%{ClusterId}/big"),
        env={"HEPSUB_PATIENCE_S": "2"},
    )
    cluster = done["cluster"]
    shell.wait_for_state(2, cluster)
    rclone_s3.stop()
    go.touch()
    shell.wait_for_state(5, cluster, timeout=60)
    ad = shell.ad(cluster)
    assert (ad["HoldReasonCode"], ad["HoldReasonSubCode"]) == (3, 87), ad["HoldReason"]
    assert "big" in ad["HoldReason"]
    told = shell.ok("hep_q", "-why", str(cluster))
    assert "big" in told
    assert f"hep_release {cluster}" in next_command(told)
    rclone_s3.start()
    shell.ok("hep_auth", "renew")
    shell.ok("hep_release", str(cluster))
    assert codes(shell.ended(cluster)) == [0]
    assert (
        desk.server.client().head_object(Bucket="out", Key=f"{cluster}/big")["ContentLength"]
        == 2_000_000
    )
    assert sorted(desk.markers(done["uuid"])) == [0]
