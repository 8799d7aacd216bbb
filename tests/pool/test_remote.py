"""-rmt and -site: jobs at another institute, where neither the user nor the file system exists."""

import pytest

from tests.pool.shell import Shell
from tests.testbed.pool import Pool
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor, pytest.mark.usefixtures("remote_site")]

WHO = 'id -un; hostname; test -e "$1" && echo the home is here; echo "$#|$2|$3|$4|$_CONDOR_IHEP_JOB_ID"'
ALL_OF_THE_POOL = ("-np", "8", "-mem", "16000")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("-rmt",), marks=pytest.mark.sid),
        ("-site", "dongguan"),
        ("-site=dongguan", "-rmt"),
    ],
)
def test_a_remote_job_runs_there_and_its_output_comes_home(
    user: Shell, words: tuple[str, ...]
) -> None:
    """As another user, on another host, without the home; new files come home, but over nobody's."""
    user.script("job.sh", f"{WHO}\necho trouble >&2\necho made > made.txt\nexit 4")
    user.account.write("made.txt", "mine\n")
    user.directory("logs")
    cluster = user.submit(
        "job.sh", *words, "-o", "logs", "-argu", str(user.account.home), "a", "%{ProcId}"
    )
    assert user.ended(cluster)[0]["ExitCode"] == 4
    log = user.work / f"logs/job.sh.out.{cluster}.0"
    assert log.read_text() == f"nobody\nwn.dongguan.hep\n3|a|0||{cluster}.0\n"
    assert log.stat().st_uid == user.account.uid
    assert user.text(f"job.sh.err.{cluster}.0") == "trouble\n"
    assert user.text("made.txt") == "mine\n"
    user.ok("hep_fetch", str(cluster))
    assert user.text(f"{cluster}/0/made.txt") == "made\n"
    assert user.text("made.txt") == "mine\n"


def test_one_script_for_each_remote_job(user: Shell) -> None:
    """`run-%{ProcId}.sh` travels too, each job with its own, and a list's items with blanks."""
    for proc in range(2):
        user.script(f"run-{proc}.sh", f'hostname; echo "{proc}: $1"')
    user.account.write("items", "first item\nsecond $(item)\n")
    cluster = user.submit("run-%{ProcId}.sh", "-list", "items", "-argu", "%{item}", "-rmt")
    user.ended(cluster, 2)
    for proc, item in enumerate(("first item", "second $(item)")):
        text = user.text(f"run-{proc}.sh.out.{cluster}.{proc}")
        assert text == f"wn.dongguan.hep\n{proc}: {item}\n"


@pytest.mark.sid
def test_a_container_runs_there(user: Shell, pool: Pool) -> None:
    """-os with -site: the image as that site sees it."""
    image = pool.shared / "images/AlmaLinux9.sif"
    user.script("job.sh", "echo $TESTBED_IMAGE; hostname")
    cluster = user.submit("job.sh", "-os", "AlmaLinux9", "-site", "dongguan")
    user.ended(cluster)
    assert user.text(f"job.sh.out.{cluster}.0") == f"{image}\nwn.dongguan.hep\n"


@pytest.mark.sid
def test_the_environment_that_means_nothing_there_stays_here(user: Shell) -> None:
    """HOME, USER, PWD of this host do not travel; the user's own variables do."""
    user.script("job.sh", 'echo "$HOME|$MINE|$PWD"')
    cluster = user.submit("job.sh", "-rmt", env={"MINE": "mine"})
    user.ended(cluster)
    home, mine, where = user.text(f"job.sh.out.{cluster}.0").strip().split("|")
    assert mine == "mine"
    assert str(user.account.home) not in (home, where)
    assert str(user.work) != where


@pytest.mark.sid
def test_a_plain_job_never_runs_there(user: Shell, remote_site: RemoteSite) -> None:
    """With the local cluster full, plain jobs wait while remote ones run at the free site."""
    user.script("long.sh", "sleep 600")
    user.script("job.sh", "hostname")
    full = user.submit("long.sh", *ALL_OF_THE_POOL)
    user.wait_for_state(2, full)
    unnamed = user.account.write("no-sites.toml", "")
    plain = [
        user.submit("job.sh"),
        user.submit("job.sh", "-normt"),
        user.submit("job.sh", env={"HEPSUB_CONFIG": str(unnamed)}),
    ]
    away = user.submit("job.sh", "-rmt")
    user.ended(away)
    assert user.text(f"job.sh.out.{away}.0") == "wn.dongguan.hep\n"
    assert {user.states("-i", str(cluster))[f"{cluster}.0"] for cluster in plain} == {"I"}
    why = user.ok("hep_q", "-i", str(plain[0]), "-why")
    assert "1 of 2 slots offer a machine that is not at the remote site dongguan" in why
    assert len(remote_site.slots()) == 1
    user.ok("hep_rm", str(full))
    user.all_ended(dict.fromkeys(plain, 1))
    assert {user.text(f"job.sh.out.{cluster}.0") for cluster in plain} == {"ap.test.hep\n"}


def test_a_plain_job_that_only_the_site_could_hold_is_explained(user: Shell) -> None:
    """-why of a plain job on a node of the site: the file system is what is missing there."""
    user.script("job.sh", "hostname")
    cluster = user.submit("job.sh", "-wn", "wn.dongguan.hep")
    text = user.ok("hep_q", "-i", str(cluster), "-why")
    assert "no machine meets them all" in text
    assert "1 of 2 slots offer the worker node wn.dongguan.hep" in text


def test_why_names_the_route(user: Shell) -> None:
    """The reason of the route is recorded in the ad and shown."""
    user.script("job.sh", "hostname")
    cluster = user.submit("job.sh", "-rmt", "-mem", "7900", "-np", "64")
    ad = user.ad(cluster)
    assert ad["HepSub_Sites"] == "dongguan"
    assert "it may run at dongguan" in ad["HepSub_Reason"]
    assert "it may run at dongguan" in user.ok("hep_q", "-i", str(cluster), "-why")


def test_a_site_refuses_what_it_cannot_hold(user: Shell) -> None:
    """More memory than the site has: exit code 26 with the reason of each site."""
    user.script("job.sh", "true")
    said = user.refused(26, "job.sh", "-rmt", "-mem", "9000")
    assert "dongguan: it has 8000 MB for a job" in said
    assert user.refused(2, "job.sh", "-rmt", "-normt")
