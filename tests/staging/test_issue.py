"""The lines that the issue promises, on both stores and at every place where a job may run."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.pool.shell import PYTHON
from tests.staging.desk import Desk, clear, codes
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor, pytest.mark.s3]

DIMUON = """
import glob, hashlib
[name] = glob.glob("run_*.root")
data = open(name, "rb").read()
open("mass.csv", "w").write(f"{name},{len(data)},{hashlib.md5(data).hexdigest()}\\n")
"""
RUNS = 3


def content(run: int) -> bytes:
    """What the input of a run holds."""
    return bytes([run]) * (1000 * run) + b"\r\n\0" + bytes(range(256)) * 50


def expected(run: int) -> str:
    """What the job makes of a run."""
    data = content(run)
    return f"run_{run}.root,{len(data)},{hashlib.md5(data).hexdigest()}\n"


def check(desk: Desk, submitted: dict[str, Any], bucket: str) -> None:
    """All outputs and markers of the issue's second line are there, right, and nothing else is."""
    cluster, uuid = submitted["cluster"], submitted["uuid"]
    outputs = {f"{cluster}/mass_{run}.csv": expected(run) for run in range(RUNS)}
    assert {key: desk.text(key, bucket) for key in desk.stored(bucket)} == outputs
    markers = desk.markers(uuid, bucket)
    assert sorted(markers) == list(range(RUNS))
    for run, marker in markers.items():
        assert (marker["job"], marker["code"]) == (f"{cluster}.{run}", 0)
        assert marker["payload"]["exit_code"] == 0
        [output] = marker["outputs"]
        data = expected(run).encode()
        assert output == {
            "name": "mass.csv",
            "state": "uploaded",
            "size": len(data),
            "md5": hashlib.md5(data).hexdigest(),
            "etag": hashlib.md5(data).hexdigest(),
            "url": f"{desk.server.endpoint}/{bucket}/{cluster}/mass_{run}.csv",
        }
    assert f"{cluster}/.hepsub/{uuid}/0.json" in desk.server.objects(bucket)


def test_in_and_out_by_signed_urls_at_home_far_away_and_here(
    each_desk: Desk, remote_site: RemoteSite, tmp_path: Path
) -> None:
    """The issue's second line gives the same objects and markers from home slots, the glidein and -p here."""
    desk, user = each_desk, each_desk.shell
    clear(desk.server, ("raw", "out", "away", "here"))
    for run in range(RUNS):
        desk.put(f"run_{run}.root", content(run))
    user.script("dimuon.py", DIMUON, shell=PYTHON)

    def line(bucket: str, *words: str, **options: Any) -> dict[str, Any]:
        ends = f"mass.csv=herd:{bucket}/%{{ClusterId}}/mass_%{{ProcId}}.csv"
        inputs = "s3://raw/run_%{ProcId}.root"
        return desk.submit(
            "dimuon.py", "-in", inputs, "-out", ends, "-n", str(RUNS), *words, **options
        )

    home = line("out")
    away = line("away", "-site", "dongguan")
    queue = user.directory("queue")
    queue.chmod(0o700)
    here = line("here", "-p", "here", "-wait", env={"HEPSUB_HERE_DIR": str(queue)})
    assert [job["exit_code"] for job in here["ended"]] == [0, 0, 0]
    ads = user.all_ended({home["cluster"]: RUNS, away["cluster"]: RUNS})
    assert codes(ads[home["cluster"]]) == [0, 0, 0]
    assert codes(ads[away["cluster"]]) == [0, 0, 0]
    check(desk, home, "out")
    check(desk, away, "away")
    check(desk, here, "here")
    assert list((desk.bundles / here["uuid"]).glob("scratch/*")) == []
    assert {desk.report(away["uuid"], run)["host"] for run in range(RUNS)} == {"wn.dongguan.hep"}
    assert {desk.report(home["uuid"], run)["host"] for run in range(RUNS)} == {"ap.test.hep"}


def test_many_items_for_each_job(each_desk: Desk) -> None:
    """`-list runs.txt -per 20 -in %{items}`: each job gets its 20 files under their names, and items.txt."""
    desk, user = each_desk, each_desk.shell
    items = [f"s3://raw/part/file_{number:02}.dat" for number in range(45)]
    for number, item in enumerate(items):
        desk.put(item.removeprefix("s3://raw/"), f"{number}\n")
    user.account.write("runs.txt", "\n".join(items))
    user.script(
        "job.sh",
        "cat items.txt > hist.root; cat file_*.dat >> hist.root; ls file_*.dat | wc -l >> hist.root",
    )
    words = ("-list", "runs.txt", "-per", "20", "-in", "%{items}")
    done = desk.submit(
        *words, "-out", "hist.root=herd:out/hists/%{ClusterId}_%{ProcId}.root", "job.sh"
    )
    cluster = done["cluster"]
    assert codes(user.ended(cluster, 3)) == [0, 0, 0]
    for proc, own in enumerate((range(20), range(20, 40), range(40, 45))):
        lines = [items[number] for number in own] + [str(number) for number in own]
        assert desk.text(f"hists/{cluster}_{proc}.root").splitlines() == [*lines, str(len(own))]
    assert sorted(desk.markers(done["uuid"])) == [0, 1, 2]


def test_globs_optional_outputs_and_names(each_desk: Desk) -> None:
    """A pattern uploads each match, an output with ? may be missing, =NAME renames an input, keys may look odd.

    A = that belongs to an object that exists is no name's.
    """
    desk, user = each_desk, each_desk.shell
    desk.put("dir/a=b c%41+é.dat", "odd")
    desk.put("dir/pt=50.root", "whole")
    user.script(
        "job.sh",
        "grep -q whole pt=50.root || exit 9; cp plain.dat hist_a.root; echo 2 > 'hist_b c.root'; echo no > other.txt",
    )
    done = desk.submit(
        *(
            "job.sh",
            "-in",
            "s3://raw/dir/a=b c%41+é.dat=plain.dat",
            "-in",
            "s3://raw/dir/pt=50.root",
        ),
        *("-out", "hist_*.root=herd:out/g/%{ClusterId}/", "-out", "log?=herd:out/log_%{ClusterId}"),
    )
    cluster = done["cluster"]
    if (
        desk.server.kind == "rclone"
    ):  # it knows no POST policies: nothing is lost, the matches come home
        assert codes(user.ended(cluster)) == [85]
        outputs = desk.home_of(done["uuid"], 0) / "outputs"
        assert sorted(path.name for path in outputs.iterdir()) == ["hist_a.root", "hist_b c.root"]
        assert desk.stored() == set()
        return
    assert codes(user.ended(cluster)) == [0], user.text(f"job.sh.err.{cluster}.0")
    assert {key: desk.text(key) for key in desk.stored()} == {
        f"g/{cluster}/hist_a.root": "odd",
        f"g/{cluster}/hist_b c.root": "2\n",
    }
    [marker] = desk.markers(done["uuid"]).values()
    states = {output["name"]: output["state"] for output in marker["outputs"]}
    assert states == {
        "hist_a.root": "uploaded",
        "hist_b c.root": "uploaded",
        "log": "missing",
    }


def test_a_payload_s_exit_code_and_signal_are_the_jobs(desk: Desk) -> None:
    """Exit code 3 and SIGKILL of the payload stand in the job's ad; a missing output is 84, without a marker."""
    user = desk.shell
    user.script("job.sh", "echo x > r; case $1 in 0) exit 3;; 1) kill -KILL $$;; 2) rm r;; esac")
    done = desk.submit(
        *("job.sh", "-argu", "%{ProcId}", "-n", "4", "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")
    )
    ads = user.ended(done["cluster"], 4)
    ends = [(ad["ExitBySignal"], ad.get("ExitCode"), ad.get("ExitSignal")) for ad in ads]
    assert ends == [(False, 3, None), (True, None, 9), (False, 84, None), (False, 0, None)]
    assert list(desk.markers(done["uuid"])) == [3]


PATHS = (
    *(
        "job.sh",
        "-argu",
        "%{ProcId}",
        "%{Uuid}",
        "-n",
        "2",
        "-in",
        "calib/const.txt",
        "-in",
        "setup",
    ),
    *("-out", "out.txt=results/%{ProcId}.txt", "-out", "id.txt=results/%{Uuid}.%{ProcId}.txt"),
)


@pytest.fixture
def at_paths(desk: Desk) -> Desk:
    """Give hepalice a file to read, a directory for results, and a job between them."""
    desk.shell.account.write("calib/const.txt", "calibrated\n")
    desk.shell.account.write("setup/sub/geometry.txt", "as built\n")
    desk.shell.directory("results")
    desk.shell.script(
        "job.sh",
        'cat const.txt > out.txt; echo "$1" >> out.txt; hostname >> out.txt; echo "$2" > id.txt;'
        " echo moved >> const.txt && echo moved >> setup/sub/geometry.txt && touch setup/new",
    )
    return desk


@pytest.mark.parametrize(
    ("words", "host"),
    [((), "ap.test.hep"), (("-site", "dongguan"), "wn.dongguan.hep"), (("-p", "here"), "")],
    ids=["home", "away", "here"],
)
def test_paths_lead_to_the_same_files_wherever_the_job_runs(
    at_paths: Desk, remote_site: RemoteSite, words: tuple[str, ...], host: str
) -> None:
    """Copied and moved at home and here, sent and brought home from away: with -wait the same line, the same files.

    What a job does to its inputs is its own business.
    """
    user = at_paths.shell
    queue = user.directory("queue")
    queue.chmod(0o700)
    done = at_paths.submit(*PATHS, "-wait", *words, env={"HEPSUB_HERE_DIR": str(queue)})
    assert [job["exit_code"] for job in done["ended"]] == [0, 0]
    assert user.text("calib/const.txt") == "calibrated\n"
    assert user.text("setup/sub/geometry.txt") == "as built\n"
    assert not (user.work / "setup/new").exists()
    for proc in range(2):
        assert user.text(f"results/{done['uuid']}.{proc}.txt") == f"{done['uuid']}\n"
        lines = user.text(f"results/{proc}.txt").splitlines()
        assert lines[:2] == ["calibrated", str(proc)]
        assert lines[2] == (host or lines[2])
    owners = {path.stat().st_uid for path in (user.work / "results").glob("*.txt")}
    assert owners == {user.account.uid}


def test_without_wait_the_user_is_told_where_outputs_from_away_lie(
    at_paths: Desk, remote_site: RemoteSite
) -> None:
    """A path that the site cannot write: the submission says where the file will be, and there it is."""
    user = at_paths.shell
    done = user("hep_sub", *PATHS, "-site", "dongguan")
    cluster = int(done.stdout.split()[-1])
    assert f"{at_paths.bundles}/UUID/job/PROC/home.PROC/outputs" in done.stderr
    ads = user.ended(cluster, 2)
    assert codes(ads) == [0, 0]
    for proc, ad in enumerate(ads):
        brought = at_paths.home_of(ad["HepSub_UUID"], proc) / "outputs/out.txt"
        assert brought.read_text() == f"calibrated\n{proc}\nwn.dongguan.hep\n"
