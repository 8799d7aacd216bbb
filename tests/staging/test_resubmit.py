"""hep_sub -resubmit of jobs with a bundle: at a remote site, then at home; objects and files keep their names."""

import pytest

from tests.staging.desk import Desk, codes

pytestmark = [pytest.mark.condor, pytest.mark.s3]

_WORDS = (
    "job.sh",
    "-list",
    "runs.txt",
    "-in",
    "s3://raw/%{item}=in.dat",
    "-argu",
    "%{ProcId}",
    "-mem",
    "200",
)


def test_outputs_keep_their_names(desk: Desk, request: pytest.FixtureRequest) -> None:
    """By ProcId and ClusterId of the first submission, wherever the job runs; hep_fetch brings the last run's."""
    request.getfixturevalue("remote_site")
    user = desk.shell
    for name in ("a", "b", "c"):
        desk.put(name, f"{name}\n")
    user.account.write("runs.txt", "a\nb\nc\n")
    user.script("job.sh", 'echo "first $1 $(cat in.dat)" > r; exit $(($1 % 2))')
    cluster = desk.submit(*_WORDS, "-out", "r=herd:out/%{ClusterId}/%{ProcId}/r", "-rmt")["cluster"]
    assert codes(user.ended(cluster, 3, 120)) == [0, 1, 0]
    user.script("job.sh", 'echo "second $1 $(cat in.dat) $_CONDOR_IHEP_JOB_ID" > r; exit 4')
    done = user.document("hep_sub", "-resubmit", str(cluster), "-failed")
    assert done["ok"], done
    assert any("changed since" in note for note in done["result"]["notes"])
    second = done["result"]["cluster"]
    assert codes(user.ended(second, 1, 120)) == [4]
    user.script("job.sh", 'echo "third $1 $(cat in.dat) $_CONDOR_IHEP_JOB_ID" > r')
    third = user.result("hep_sub", "-resubmit", str(cluster), "-normt")["cluster"]
    assert user("hep_wait", str(cluster), timeout=120).returncode == 0
    assert codes(user.ended(third)) == [0]
    assert desk.stored() == {f"{cluster}/{proc}/r" for proc in range(3)}
    assert desk.text(f"{cluster}/1/r") == f"third 1 b {cluster}.1\n"
    assert (user.work / f"job.sh.err.{third}.1").exists()
    user.ok("hep_fetch", str(cluster))
    found = {str(path.relative_to(user.work)) for path in user.work.glob("[0-9]*/*/r")}
    assert found == {f"{cluster}/{proc}/r" for proc in range(3)}
    assert user.text(f"{cluster}/1/r") == f"third 1 b {cluster}.1\n"
    assert "nothing is left to be done" in user.refused(53, "-resubmit", str(cluster))
