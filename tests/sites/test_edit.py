"""hep_edit of jobs at sites: what a schedd of others lets be changed, and what a computing element does not."""

import pytest

from tests.sites.away import Away

pytestmark = [pytest.mark.condor, pytest.mark.s3]

NOT_DONE = 53
WAITS = ("-np", "512")
"""More than the site has: such a job stays idle there."""


def test_what_waits_in_the_queue_of_others(away: Away) -> None:
    """Cores, memory, disk and priority change there; the walltime went with the job's files."""
    shell = away.desk.shell
    shell.script("job.sh", "true")
    done = away.submit("job.sh", "-site", "schedd", *WAITS)
    assert any("at schedd offers 512 core(s) (-np)" in note for note in done["notes"]), done[
        "notes"
    ]
    meant = f"{done['schedd']}:{done['cluster']}"
    said = shell("hep_edit", "-wt", "2h", meant, env=away.environment)
    assert said.returncode == NOT_DONE
    assert (
        "files or credentials that travel with them, and their walltime is among these"
        in said.stderr
    )
    words = ("-np", "300", "-m", "555", "-prio", "4", "-disk", "2GB")
    changed = shell.result("hep_edit", *words, meant, env=away.environment)["changes"]
    assert [(each["what"], each["new"]) for each in changed] == [
        ("memory", 555),
        ("cores", 300),
        ("disk", 2048),
        ("priority", 4),
    ]
    (ad,) = away.site.jobs(f"ClusterId == {done['cluster']}")
    names = ("RequestMemory", "RequestCpus", "RequestDisk", "JobPrio")
    assert [ad[name] for name in names] == [555, 300, 2 * 2**20, 4]
    shell.ok("hep_rm", meant, env=away.environment)


def test_what_a_computing_element_has(away: Away) -> None:
    """It is told of no change: nothing is changed, and that is said."""
    shell = away.desk.shell
    shell.script("job.sh", "sleep 600")
    done = away.submit("job.sh", "-site", "element")
    cluster = done["cluster"]
    away.until(lambda: shell.ad(cluster).get("GridJobId"), "the element to have it")
    before = shell.ad(cluster)["RequestCpus"]
    said = shell("hep_edit", "-np", "3", str(cluster), env=away.environment)
    assert said.returncode == NOT_DONE
    assert shell.ad(cluster)["RequestCpus"] == before
    shell.ok("hep_rm", str(cluster), env=away.environment)
