"""Jobs with data and credentials at the far site, by each of the three ways."""

import pytest

from tests.auth.chain import LOOK
from tests.sites.away import Away
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor]

JOB = f"""{LOOK}
look job
echo "$_CONDOR_IHEP_JOB_ID"
hostname
cat in.txt sent.txt
printf 'out of %s' "$1" >out.txt
printf 'home of %s' "$1" >home.txt
"""
LINE = (
    *("-in", "raw:raw/in_%{ProcId}=in.txt".replace("raw:raw", "herd:raw"), "-in", "sent.txt"),
    *(
        "-out",
        "out.txt=herd:out/%{ClusterId}/out_%{ProcId}.txt",
        "-out",
        "home.txt=home_%{ProcId}.txt",
    ),
    *("-cred", "krb", "-cred", "iam", "-argu", "%{ProcId}", "-n", "2"),
)


@pytest.mark.parametrize("site", ["element", "schedd", "glidein"])
def test_data_and_credentials_travel(away: Away, far_glidein: RemoteSite, site: str) -> None:
    """Inputs and outputs in S3 and at home, a ticket, a token, ids as at home; a place named after the cluster."""
    desk, shell = away.desk, away.desk.shell
    for proc in range(2):
        desk.put(f"in_{proc}", f"input {proc}\n")
    shell.account.write("sent.txt", "sent along\n")
    shell.script("job.sh", JOB)
    submitted = away.submit("job.sh", "-site", site, *LINE, "-wait")
    assert (submitted["failed"], submitted["unknown"]) == (0, 0), submitted
    cluster = submitted["cluster"]
    for proc in range(2):
        said = shell.text(f"job.sh.out.{cluster}.{proc}").splitlines()
        assert said[:2] == ["job ticket=good token=good", f"{cluster}.{proc}"]
        assert said[2].endswith("qingdao.hep" if site != "glidein" else said[2])
        assert said[3:] == [f"input {proc}", "sent along"]
        assert desk.text(f"{cluster}/out_{proc}.txt") == f"out of {proc}"
        assert shell.text(f"home_{proc}.txt") == f"home of {proc}"
