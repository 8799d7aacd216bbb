"""2,000 jobs with an input and an output each: one command, in a time that a user waits for."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.pool.shell import END
from tests.staging.desk import Desk, codes
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

JOBS = 2000
RUN_S = 60
AT_LEAST = 40
"""All of them would take some minutes on two cores: as many run as end in RUN_S, but so many anyway."""
MOST_S = 30
"""Measured: see the closing note; this only tells that it did not become another order of magnitude."""


def test_two_thousand_jobs_in_one_command(desk: Desk, rclone_s3: S3Server) -> None:
    """Surveyed, signed, bundled and submitted in one go; those that end within a minute have all that is theirs."""
    user = desk.shell
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda proc: desk.put(f"d/{proc}.dat", f"{proc}\n"), range(JOBS)))
    policy = user.policy.read_text().replace("factory_above = 100", "factory_above = 10000")
    user.policy.write_text(policy)
    user.script("job.sh", 'echo "$1 $(cat in.dat)" > r')
    line = (
        *(
            "job.sh",
            "-n",
            str(JOBS),
            "-argu",
            "%{ProcId}",
            "-in",
            "s3://raw/d/%{ProcId}.dat=in.dat",
        ),
        *("-out", "r=herd:out/%{ClusterId}/%{ProcId}/r", "-mem", "400", "-o", "/dev/null"),
        *("-e", "/dev/null"),
    )
    times = {}
    begin = time.monotonic()
    user("hep_sub", *line, "-dry-run", timeout=110)
    times["survey and plan (-dry-run)"] = time.monotonic() - begin
    begin = time.monotonic()
    done = desk.submit(*line, timeout=110)
    times["all of hep_sub"] = time.monotonic() - begin
    cluster = done["cluster"]
    assert done["jobs"] == JOBS
    started = time.monotonic()

    def enough() -> bool:
        number = len(user.pool.history(f"ClusterId == {cluster}", ["ProcId"]))
        return number == JOBS or (number >= AT_LEAST and time.monotonic() - started >= RUN_S)

    user.pool.wait_for(enough, RUN_S + 2 * END, "the first jobs")
    seconds = time.monotonic() - started
    user.pool.run(["condor_rm", "-name", done["schedd"], str(cluster)])
    ended = user.pool.history(f"ClusterId == {cluster} && JobStatus == 4")
    assert set(codes(ended)) == {0}
    markers = desk.markers(done["uuid"])
    procs = [ad["ProcId"] for ad in ended]
    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda proc: desk.text(f"{cluster}/{proc}/r"), procs))
    assert texts == [f"{proc} {proc}\n" for proc in procs]
    assert [markers[proc]["job"] for proc in procs] == [f"{cluster}.{proc}" for proc in procs]
    times[f"{len(ended)} jobs"] = seconds
    times[f"all {JOBS}, at this rate"] = seconds / len(ended) * JOBS
    bundle = desk.bundles / done["uuid"]
    assert len(list(bundle.glob("job/*/hepsub.manifest"))) == JOBS
    request = json.loads((bundle / "private/request.json").read_text())
    assert request["number"] == JOBS
    print({name: round(seconds, 2) for name, seconds in times.items()})
    assert times["all of hep_sub"] < MOST_S
