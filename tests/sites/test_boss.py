"""Job options of BOSS: at home as boss.condor runs them, and sent away by a rule with all that they name."""

from pathlib import Path
from typing import Any

import pytest

from tests.sites.away import Away
from tests.testbed.remote import RemoteSite
from tests.testbed.users import make_directory

pytestmark = [pytest.mark.condor]

BOSS = r"""#!/bin/sh
# What boss.exe does with files: it reads those that its options name, and writes one.
set -e
value() {
    sed -n "s|^$1 *= *[{]* *\"\([^\"]*\)\".*|\1|p" "$options"
}
options=$1
echo "options $options"
cat "$(value EvtDecay.userDecayTableName)"
input=$(value MyAlg.Table)
[ -z "$input" ] || cat "$input"
printf 'raw of %s' "$2" >"$(value RootCnvSvc.digiRootOutputFile)"
"""
OPTIONS = """\
#include "$KKMCROOT/share/jobOptions_KKMC.txt"
KKMC.CMSEnergy = 3.097;  // GeV
EvtDecay.userDecayTableName = "rhopi.dec";
MyAlg.Table = "{table}";
#include "$BESSIMROOT/share/G4Svc_BesSim.txt"
RealizationSvc.RunIdList = {{
  -9989  // one run
}};
RootCnvSvc.digiRootOutputFile = "{output}";
ApplicationMgr.EvtMax = 50;
"""
RULE = """
[rule.bes-simulation]
types = ["bes-simulation"]
remote = "automatic"
sites = ["{site}"]
because = "it reads next to nothing"
"""


def prepare(away: Away, site: str) -> dict[str, Any]:
    """Let the user have BOSS, and a policy in which its simulation goes to a site by itself; the environment."""
    shell = away.desk.shell
    account = shell.account
    policy = shell.policy.read_text()
    head = f"[site.{site}]\n"
    paths = 'paths = { "/besfs/" = "herd:out/besfs/" }\n'
    shell.policy.write_text(policy.replace(head, head + paths) + RULE.format(site=site))
    programs = shell.work / "boss"
    make_directory(account, programs)
    account.write("boss/boss.exe", BOSS)
    (programs / "boss.exe").chmod(0o755)
    account.write("rhopi.dec", "Decay J/psi\n")
    return {"PATH": f"{programs}:{account.environment()['PATH']}"}


def write_options(away: Away, name: str, **files: str | Path) -> None:
    """Write job options; nobody may start them as they are."""
    away.desk.shell.account.write(name, OPTIONS.format(**files))
    (away.desk.shell.work / name).chmod(0o644)


def test_job_options_run_at_home(away: Away) -> None:
    """As boss.condor does it: boss.exe by the user's PATH, in the directory of the submission, the file as it is."""
    environment = prepare(away, "glidein")
    shell = away.desk.shell
    shell.account.write("table.txt", "a table\n")
    write_options(away, "simjob.txt", table="table.txt", output=shell.work / "rhopi.rtraw")
    words = ("simjob.txt", "-normt", "-argu", "home", "-wait")
    submitted = shell.result("hep_sub", *words, env=environment)
    cluster = submitted["cluster"]
    assert (submitted["failed"], submitted["unknown"]) == (0, 0), submitted
    said = shell.text(f"simjob.txt.out.{cluster}.0").splitlines()
    assert said == [f"options {shell.work}/simjob.txt", "Decay J/psi", "a table"]
    assert shell.text("rhopi.rtraw") == "raw of home"


@pytest.mark.parametrize("site", ["element", "schedd", "glidein"])
def test_a_rule_sends_simulations_away(away: Away, far_glidein: RemoteSite, site: str) -> None:
    """Without -rmt: inputs come from S3 and from here, the output goes to S3, the options name the local files."""
    environment = {**away.environment, **prepare(away, site)}
    shell, desk = away.desk.shell, away.desk
    desk.put("besfs/tables/table.txt", "a table in S3\n", bucket="out")
    for proc in range(2):
        files = {"table": "/besfs/tables/table.txt", "output": f"/besfs/mc/rhopi_{proc}.rtraw"}
        write_options(away, f"simjob_{proc}.txt", **files)
    words = ("simjob_%{ProcId}.txt", "-n", "2", "-lib", "boss/boss.exe", "-argu", "%{ProcId}")
    more = ("-in", "/besfs/tables/table.txt")
    seen = shell.result("hep_sub", *words, *more, "-dry-run", env=environment)
    assert seen["route"]["site"] == site
    [decided] = [each for each in seen["route"]["reasons"] if each["rule"] == "bes-simulation"]
    assert decided["matched"] == "type bes-simulation, as its files tell"
    submitted = shell.result("hep_sub", *words, *more, "-wait", env=environment)
    assert (submitted["failed"], submitted["unknown"]) == (0, 0), submitted
    for proc in range(2):
        said = shell.text(f"simjob_{proc}.txt.out.{submitted['cluster']}.{proc}").splitlines()
        assert said == [f"options simjob_{proc}.txt", "Decay J/psi", "a table in S3"]
        assert desk.text(f"besfs/mc/rhopi_{proc}.rtraw") == f"raw of {proc}"
    kept = shell.result("hep_sub", *words, "-normt", "-dry-run", env=environment)
    assert kept["route"]["site"] is None


def test_a_relative_output_comes_home(away: Away, far_glidein: RemoteSite) -> None:
    """It is put where it would be at home."""
    environment = {**away.environment, **prepare(away, "glidein")}
    shell = away.desk.shell
    shell.account.write("table.txt", "a table\n")
    write_options(away, "simjob.txt", table="table.txt", output="rhopi.rtraw")
    words = ("simjob.txt", "-site", "glidein", "-lib", "boss/boss.exe", "-argu", "far", "-wait")
    submitted = shell.result("hep_sub", *words, env=environment)
    assert (submitted["failed"], submitted["unknown"]) == (0, 0), submitted
    assert shell.text("rhopi.rtraw") == "raw of far"
