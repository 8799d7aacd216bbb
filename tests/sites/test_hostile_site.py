"""The far site is hostile: its schedd says where files go that come home, and what became of the jobs."""

import json
import re
import sys
from pathlib import Path

import pytest

import hepsub
from hepsub.confine import can_confine
from tests.sites.away import TIMEOUT, Away
from tests.sites.hostile import (
    EVIL,
    PLANTED,
    Ended,
    end_at_schedd,
    quoted,
    run_at_element,
    waits_there,
)
from tests.sites.sniffer import Sniffer

pytestmark = [pytest.mark.condor]

WAITS = ("-np", "512")
REMAPS = "SUBMIT_TransferOutputRemaps"
CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]")
BY_THE_KERNEL_ALONE = """
import sys
from hepsub.condor import spool
spool.check_places = lambda *_: None
from hepsub.cli.main import main
sys.exit(main("hep_auth", ["renew"]))
"""
"""The ads said what is right when they were asked, and something else when the files came."""
WAYS: dict[str, tuple[str, dict[str, str]]] = {
    "the directory": (".bashrc", {"SUBMIT_Iwd": "{home}"}),
    "a remap": (EVIL, {REMAPS: EVIL + "={home}/.ssh/authorized_keys"}),
    "dots": (EVIL, {REMAPS: EVIL + "=../../../../../../../thesis.tex"}),
    "a new directory": (EVIL, {REMAPS: EVIL + "={home}/.new/dir/file"}),
    "the event log": (EVIL, {"SUBMIT_UserLog": "{home}/.ssh/" + EVIL}),
    "the bundle's own request": (EVIL, {REMAPS: EVIL + "=../../private/request.json"}),
}


def renewed(ended: Ended, *, compared: bool = True) -> str:
    """One round of hep_auth renew, which fetches what jobs left; what it says."""
    shell, env = ended.away.desk.shell, ended.away.environment
    words = ("hep_auth", "renew") if compared else (sys.executable, "-c", BY_THE_KERNEL_ALONE)
    done = shell(*words, env=env)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


KERNEL = pytest.param(
    False,
    id="by the kernel alone",
    marks=pytest.mark.skipif(not can_confine(), reason="this kernel has no Landlock"),
)


@pytest.mark.parametrize("compared", [pytest.param(True, id="compared"), KERNEL])
@pytest.mark.parametrize("way", WAYS)
def test_another_schedd_does_not_choose_where_files_go(
    away: Away, way: str, *, compared: bool
) -> None:
    """The home, and what hepsub keeps beside what came home, stay; the job stays there, and it is said."""
    name, attributes = WAYS[way]
    ended = end_at_schedd(away, "echo ran")
    request = ended.corner.parents[1] / "private/request.json"
    was = request.read_text()
    ended.plant(name)
    home = str(ended.home)
    ended.edit({key: quoted(each.format(home=home)) for key, each in attributes.items()})
    said = renewed(ended, compared=compared)
    assert ended.changed() == []
    assert request.read_text() == was
    assert ("which is none of its files" if compared else "File transfer failed") in said
    assert away.site.jobs(f"ClusterId == {ended.cluster} && ProcId == 0")


def test_what_belongs_home_comes_home(away: Away) -> None:
    """Beside it all: the logs, the event log, an output, and what was there before is replaced."""
    shell = away.desk.shell
    shell.script("job.sh", "echo ran; echo made >made")
    shell.account.write("logs/0.out", "an earlier run, of more words than this one\n")
    line = ("-out", "made=results/made", "-o", "logs/%{ProcId}.out", "-l", "events.log")
    submitted = away.submit("job.sh", "-site", "schedd", *line, "-wait")
    assert (submitted["failed"], submitted["unknown"]) == (0, 0)
    assert shell.text("logs/0.out") == "ran\n"
    assert "Job terminated" in shell.text("events.log")
    assert shell.text("results/made") == "made\n"
    away.site.wait_for(lambda: not away.site.jobs(), TIMEOUT, "the site to let go of it")


@pytest.mark.parametrize("name", [f"{'../' * 9}thesis.tex", "{home}/.bashrc", "\x1b[2J\nb", "link"])
def test_a_report_that_the_site_has_written_leads_nowhere(away: Away, name: str) -> None:
    """Names of other files, names that move the cursor, links: no file at home changes, and nothing raw is said."""
    ended = end_at_schedd(away, "echo result >r", "-out", "r=herd:out/r")
    box, returned = away.site.sandbox, f"{ended.ad()['Iwd']}/home.0"
    name = name.format(home=ended.home)
    report = box.path(f"{returned}/report.json").read_text()
    assert '"r"' in report
    away.site.run(["mkdir", "-p", f"{returned}/outputs"])
    away.site.run(["ln", "-sf", "/etc/passwd", f"{returned}/outputs/link"])
    box.write(f"{returned}/outputs/\x1b[2J\nx", PLANTED)
    box.write(f"{returned}/report.json", report.replace('"r"', json.dumps(name)))
    box.write(f"{returned}/pending.tsv", f"{name}\t8\t-\t{ended.home}/.ssh/authorized_keys\n")
    said = renewed(ended) + renewed(ended)
    done = away.desk.shell("hep_fetch", str(ended.cluster), "-d", "got", env=away.environment)
    assert "Traceback" not in done.stderr
    assert not CONTROL.search(said + done.stdout + done.stderr)
    got = str((away.desk.shell.work / "got").relative_to(ended.home))
    assert [each for each in ended.changed() if not each.startswith(got)] == []


@pytest.mark.parametrize("site", ["element", "schedd"])
def test_a_job_that_never_ran_is_not_done(away: Away, site: str) -> None:
    """The site says that it ended with 0; without a report and outputs that is not believed.

    A grid manager fetches nothing of a job that the element's router has in hand, so the site takes it from there, too.
    """
    shell = away.desk.shell
    shell.script("job.sh", "echo x >r")
    submitted = away.submit("job.sh", "-site", site, "-out", "r=herd:out/r", *WAITS)
    waiting = waits_there(away, site, submitted)
    waiting.plant("_condor_stdout", "_condor_stderr", "another-users-file")
    waiting.edit(
        {
            "CompletionDate": "time()",
            "ExitCode": "0",
            "ExitBySignal": "false",
            "JobStatus": "4",
            "Managed": quoted("Schedd"),
        }
    )
    if site == "element":
        shell.ended(waiting.cluster, timeout=TIMEOUT)
    renewed(waiting)
    done = shell("hep_fetch", str(waiting.cluster), "-json", env=away.environment)
    assert done.returncode == 53
    assert '"missing"' in done.stdout
    assert "another-users-file" not in done.stdout


@pytest.mark.parametrize(
    "attributes",
    [
        {"HoldReason": quoted("\\033[2J\\033]0;x\\007"), "HoldReasonCode": "1", "JobStatus": "5"},
        {"HoldReason": quoted("x" * 100_000), "HoldReasonCode": '"a"', "JobStatus": "5"},
        {"HoldReason": "{1, 2}", "HoldReasonSubCode": 'real("INF")', "JobStatus": "5"},
        {"QDate": '"abc"', "JobPrio": 'real("INF")', "Owner": '"root"'},
        {"HepSub_UUID": '"../../../etc"', "HepSub_Pool": "error", "ProcId": "99999999"},
        {"JobPrio": '"\\033[2J"', "RemoteWallClockTime": "{1}", "GlobalJobId": "7"},
        {"HepSub_Cmd": quoted("/bin/\\033[2J" + "y" * 100_000), "Arguments": "7"},
    ],
)
def test_what_its_ads_say_is_shown_and_nothing_else(away: Away, attributes: dict[str, str]) -> None:
    """hep_q, -why, hep_history and hep_rm go on, and no text moves the cursor or is without end."""
    shell = away.desk.shell
    shell.script("job.sh", "sleep 600")
    submitted = away.submit("job.sh", "-site", "schedd", *WAITS)
    ended = waits_there(away, "schedd", submitted)
    cluster = ended.cluster
    ended.edit(attributes, check=False)
    for words in (
        ("hep_q", "-p", "qingdao"),
        ("hep_q", "-p", "qingdao", "-why"),
        ("hep_q", "-p", "qingdao", "-why", "-i", str(cluster)),
        ("hep_history", "-p", "qingdao"),
        ("hep_auth", "renew"),
        ("hep_rm", "-p", "qingdao", str(cluster)),
    ):
        done = shell(*words, env=away.environment)
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        assert not CONTROL.search(said), said
        assert len(said) < 50_000
        assert done.returncode == 0, (words, said)


WRAPPER = Path(hepsub.__file__).parent / "worker/wrapper.sh"
SECRET = "s3cr3t-of-the-environment"
LOOT = """
grep -rhoE 'eyJ[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+' . /proc/self/environ 2>/dev/null
echo "[$MY_PASSWORD]"
"""


@pytest.mark.parametrize("site", ["element", "schedd"])
def test_the_token_of_the_way_stays_and_what_travels_is_encrypted(away: Away, site: str) -> None:
    """No job finds it, it lies nowhere at the site, and neither it nor manifest or secret is seen on the cable.

    Also not where a site's schedd is told never to encrypt.
    """
    shell = away.desk.shell
    if site == "schedd":
        away.site.add_config("SEC_DEFAULT_ENCRYPTION = NEVER\nSEC_DEFAULT_INTEGRITY = NEVER")
    shell.script("job.sh", LOOT)
    env = away.environment | {"MY_PASSWORD": SECRET}
    with Sniffer(away.site.link.cable) as sniffer:
        result = shell.result("hep_sub", "job.sh", "-site", site, "-env", "MY_PASSWORD", env=env)
        manifest = away.desk.bundles / result["uuid"] / "job/0/hepsub.manifest"
        hidden = (SECRET, away.token.read_text().strip(), manifest.read_text()[:100])
        shell("hep_fetch", str(result["cluster"]), "-wait", env=env, timeout=150)
    assert shell.text(f"job.sh.out.{result['cluster']}.0") == f"[{SECRET}]\n"
    for each in hidden:
        assert each.encode() not in sniffer.seen
    assert b"AuthMethods" in sniffer.seen  # it has listened
    assert len(sniffer.seen) > WRAPPER.stat().st_size
    spools = "/var/spool/condor /var/lib/condor-ce /var/lib/condor"
    found = away.site.run(["sh", "-c", f"grep -rlF {hidden[1]} {spools}"], check=False)
    assert found.stdout == ""


@pytest.mark.xfail(strict=True, reason="HTCondor's C-GAHP writes where the element's ads say")
def test_an_element_does_not_choose_where_files_go(away: Away) -> None:
    """Nothing of hepsub's is asked: the grid manager of the user's own schedd brings the files home."""
    ended = run_at_element(away, "sleep 10; echo planted")
    name = ended.ad()["Out"]
    ended.edit({REMAPS: quoted(f"{name}={ended.home}/.ssh/authorized_keys")})
    away.desk.shell.ended(ended.cluster, timeout=TIMEOUT)
    assert ended.changed() == []
