"""The store is away when the outputs are ready: they come home, and nothing is lost."""

import json
import re
from typing import Any

import pytest

from tests.pool.shell import END
from tests.staging.desk import E_HOME, Desk, codes
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor, pytest.mark.s3]

WAYS: dict[str, tuple[str, ...]] = {"home": (), "away": ("-site", "dongguan")}


def test_outputs_come_home_when_the_store_is_away(desk: Desk, remote_site: RemoteSite) -> None:
    """At home and at the glidein: exit code 85, each output at home as it was, all of them reported."""
    user = desk.shell
    user.script(
        "job.sh",
        f'echo "$1 a" > a.txt; mkdir d; echo "$1 b" > d/b.txt; cp /dev/null empty; {until_away(desk)}',
    )
    outputs = (
        *("-out", "a.txt=herd:out/%{ClusterId}/a_%{ProcId}.txt"),
        *("-out", "d/b.txt=herd:out/%{ClusterId}/b_%{ProcId}.txt"),
        *("-out", "empty=herd:out/%{ClusterId}/empty_%{ProcId}"),
    )
    line = ("job.sh", "-argu", "%{ProcId}", "-n", "2", *outputs)
    impatient = {"HEPSUB_PATIENCE_S": "2"}
    submitted = {where: desk.submit(*line, *words, env=impatient) for where, words in WAYS.items()}
    for done in submitted.values():
        user.wait_for_state(2, done["cluster"], 2)
    desk.server.stop()
    ads = user.all_ended({done["cluster"]: 2 for done in submitted.values()}, 2 * END)
    desk.server.start()
    for done in submitted.values():
        cluster, uuid = done["cluster"], done["uuid"]
        assert codes(ads[cluster]) == [E_HOME, E_HOME]
        for proc in range(2):
            home = desk.home_of(uuid, proc) / "outputs"
            assert (home / "a.txt").read_text() == f"{proc} a\n"
            assert (home / "d/b.txt").read_text() == f"{proc} b\n"
            assert (home / "empty").read_bytes() == b""
            report = desk.report(uuid, proc)
            assert (report["code"], report["payload"]["exit_code"]) == (E_HOME, 0)
            assert {each["state"] for each in report["outputs"]} == {"home"}
            base = f"{desk.server.endpoint}/out/{cluster}"
            marker = f"{base}/.hepsub/{uuid}/{proc}.json"
            assert [[place, target] for place, _, _, target in desk.pending(uuid, proc)] == [
                ["outputs/a.txt", f"{base}/a_{proc}.txt"],
                ["outputs/d/b.txt", f"{base}/b_{proc}.txt"],
                ["outputs/empty", f"{base}/empty_{proc}"],
                ["report.json", marker],
            ]
            said = user.text(f"job.sh.err.{cluster}.{proc}")
            assert "these outputs came home instead" in said
        assert desk.markers(uuid) == {}
    assert desk.stored() == set()


def until_away(desk: Desk) -> str:
    """What a script does that ends when nobody answers at the store's address any more."""
    return f"while curl -s -o /dev/null {desk.server.endpoint}; do sleep 0.2; done"


@pytest.mark.parametrize("where", WAYS)
def test_a_store_that_comes_back_in_time_gets_the_outputs(
    desk: Desk, where: str, request: pytest.FixtureRequest
) -> None:
    """An absence shorter than the wrapper's patience costs nothing but time, and is told while it lasts."""
    if where == "away":
        request.getfixturevalue("remote_site")
    user = desk.shell
    user.script("job.sh", f"echo result > r; {until_away(desk)}")
    words = ("job.sh", "-out", "r=herd:out/%{ClusterId}/r", *WAYS[where])
    done = desk.submit(*words, env={"HEPSUB_PATIENCE_S": "60"})
    cluster, host = done["cluster"], desk.server.endpoint.partition("//")[2]
    user.wait_for_state(2, cluster)
    desk.server.stop()
    told = f"the store {host} does not answer since "
    user.pool.wait_for(
        lambda: told in user.ok("hep_q", "-i", str(cluster), "-why"), END, "the job to tell it"
    )
    why = user.ok("hep_q", "-i", str(cluster), "-why")
    assert re.search(rf": uploading outputs since \d+ s, {re.escape(told)}\d+ s\n", why), why
    desk.server.start()
    assert codes(user.ended(cluster)) == [0]
    assert user.text(f"job.sh.err.{cluster}.0").splitlines() == [
        f"hepsub: uploading outputs: the store {host} does not answer (no connection);"
        " it is tried again, for up to 60 s",
        f"hepsub: the store {host} answers again",
    ]
    assert desk.text(f"{cluster}/r") == "result\n"
    assert list(desk.markers(done["uuid"])) == [0]


PUSHES: dict[str, tuple[str, ...]] = {
    "hep_fetch": ("hep_fetch", "-push"),
    "hep_auth": ("hep_auth", "renew"),
}


@pytest.mark.parametrize("way", PUSHES)
def test_what_is_put_in_its_place_later_is_done(desk: Desk, way: str) -> None:
    """Before that each command says how; afterwards all of them say the same, without bundle and history, too."""
    user = desk.shell
    user.script("job.sh", f'echo "$1" > r; [ $1 != 2 ] || exit 3; {until_away(desk)}')
    words = (
        "job.sh",
        "-argu",
        "%{ProcId}",
        "-n",
        "3",
        "-out",
        "r=herd:out/%{ClusterId}/r_%{ProcId}",
    )
    done = desk.submit(*words, env={"HEPSUB_PATIENCE_S": "2"})
    cluster, uuid = done["cluster"], done["uuid"]
    user.wait_for_state(2, cluster, 2)
    desk.server.stop()
    assert codes(user.ended(cluster, 3, 2 * END)) == [E_HOME, E_HOME, 3]

    push = f"next: hep_fetch -push {cluster}"
    assert push in user.ok("hep_q", "-i", f"{cluster}.0", "-why")
    assert push in user.ok("hep_sub", "status", str(cluster))
    waited = user("hep_wait", f"{cluster}.0-1")
    assert (waited.returncode, f"hep_fetch -push {cluster}" in waited.stderr) == (60, True), waited
    assert "-resubmit" not in waited.stderr
    assert stands(desk, cluster) == ("failed", 0, 3)

    desk.server.start()
    *command, last = PUSHES[way]
    user.ok(*command, last, *([f"{cluster}.0-1"] if way == "hep_fetch" else []))
    assert sorted(desk.markers(uuid)) == [0, 1]
    for gone in ("nothing", "the bundle", "the history"):
        if gone == "the bundle":
            user.ok("rm", "-r", str(desk.bundles / uuid))
        if gone == "the history":
            user.pool.forget_history()
        assert stands(desk, cluster) == ("failed", 2, 1), f"{gone} is gone"
        assert user.ok("hep_sub", "status", f"{cluster}.0-1", "-state") == "success\n"
        user.ok("hep_wait", f"{cluster}.0-1")
        why = user.ok("hep_q", "-i", f"{cluster}.1", "-why")
        assert "are in their places" in why
        assert "next:" not in why
        said = user.refused(53, "-resubmit", f"{cluster}.0-1", "-failed")
        assert "no job of cluster" in said
    everything = [job for job in read(desk, "hep_history")["jobs"] if job["cluster"] == cluster]
    assert sorted((job["proc"], job["exit_code"]) for job in everything) == [
        (0, 85),
        (1, 85),
        (2, 3),
    ]


def stands(desk: Desk, cluster: int) -> tuple[str, int, int]:
    """One word for a cluster, and how many of its jobs are done and failed: status and history say the same."""
    rows = read(desk, "hep_sub", "status")["clusters"]
    [row] = (each for each in rows if each["cluster"] == cluster)
    [full] = read(desk, "hep_sub", "status", str(cluster))["clusters"]
    [past] = read(desk, "hep_history", str(cluster))["summary"]
    counts = {(each["done"], each["failed"]) for each in (row, full)}
    counts.add((past["done"], past["jobs"] - past["done"]))
    assert len(counts) == 1, counts
    word = read(desk, "hep_sub", "status", str(cluster), "-state")["state"]
    return word, *counts.pop()


def read(desk: Desk, *words: str) -> dict[str, Any]:
    """What a command says in JSON."""
    result: dict[str, Any] = json.loads(desk.shell.ok(*words, "-json"))["result"]
    return result


def test_more_than_may_come_home_is_held_and_runs_again(desk: Desk) -> None:
    """Above home_limit: the store is tried until just before the walltime, then the job waits for its user.

    What was small is at home by then; HTCondor does not remove it when the second run needs no home.
    """
    user = desk.shell
    policy = user.policy.read_text()
    user.policy.write_text(policy.replace("shared = true", "shared = true\nhome_limit = 1"))
    made = f"{RUNS}; echo $run > small; head -c 2000000 /dev/zero > big"
    user.script("job.sh", f"{made}; [ $run != 1 ] || {until_away(desk)}")
    outputs = ("-out", "small=herd:out/%{ClusterId}/small", "-out", "big=herd:out/%{ClusterId}/big")
    done = desk.submit("job.sh", "-wt", "12s", *outputs, env={"HEPSUB_PATIENCE_S": "1"})
    cluster, small = done["cluster"], desk.home_of(done["uuid"], 0) / "outputs/small"
    user.wait_for_state(2, cluster)
    desk.server.stop()
    user.wait_for_state(5, cluster)
    ad = user.ad(cluster)
    assert (ad["HoldReasonCode"], ad["HoldReasonSubCode"]) == (3, 87)
    assert "'big' (2000000 bytes)" in ad["HoldReason"]
    states = [each["state"] for each in desk.report(done["uuid"], 0)["outputs"]]
    assert (states, small.read_text()) == (["home", "lost"], "1\n")
    said = user.ok("hep_q", "-i", str(cluster), "-why")
    assert "home_limit" in said
    assert f"hep_release {cluster}.0" in said
    desk.server.start()
    user.ok("hep_release", str(cluster))
    assert codes(user.ended(cluster)) == [0]
    assert len(desk.server.content("out", f"{cluster}/big")) == 2000000
    assert desk.pending(done["uuid"], 0), (
        "HTCondor removes what is at home: this test has no object"
    )
    user.ok("hep_auth", "renew")
    assert desk.text(f"{cluster}/small") == "2\n"
    assert not small.exists()
    assert desk.pending(done["uuid"], 0) == []
    assert [each["run"] for each in desk.markers(done["uuid"]).values()] == [2]
    user.ok("hep_fetch", str(cluster))
    assert user.text(f"{cluster}/0/small") == "2\n"


RUNS = (
    'run=$(($(cat "$HEPSUB_SUBMIT_DIR/runs" || echo 0) + 1)); echo $run > "$HEPSUB_SUBMIT_DIR/runs"'
)
