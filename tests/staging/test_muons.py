"""Real physics through S3: the Z peak of CMS open data, histogrammed in slices by jobs."""

import importlib.util
from pathlib import Path

import pytest

from hepsub.actions.demo.events import HEADER, add_up, events_csv, read_histogram
from tests.pool.shell import PYTHON, Shell
from tests.staging.desk import Desk, codes
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

DATA = Path(__file__).parents[3] / "shared/data/Zmumu.root"
DIMUON = Path(__file__).parents[2] / "hepsub/actions/demo/dimuon.py"
SLICES = 4


def events() -> list[str]:
    """The events as lines of CSV: of the file where it is, else generated."""
    if not DATA.exists() or importlib.util.find_spec("uproot") is None:
        return events_csv(2304, 7).splitlines()[1:]
    import uproot

    columns = HEADER.split(",")
    with uproot.open(DATA) as file:
        arrays = file["events"].arrays(columns, library="np")
    rows = zip(*(arrays[name] for name in columns), strict=True)
    return [",".join(repr(float(value)) for value in row) for row in rows]


def direct(user: Shell, lines: list[str]) -> str:
    """What the same program makes of all events in one go."""
    user.account.write("direct/events.csv", "\n".join([HEADER, *lines]) + "\n")
    user.account.run([PYTHON, DIMUON.name], cwd=user.work / "direct", check=True)
    return user.text("direct/mass.csv")


def test_slices_add_up_to_the_direct_result(each_desk: Desk) -> None:
    """Four jobs with a slice each, in and out through S3, give the histogram of a single run on all events."""
    desk, user = each_desk, each_desk.shell
    lines = events()
    assert len(lines) > 2000
    size = -(-len(lines) // SLICES)
    for number in range(SLICES):
        own = lines[number * size : (number + 1) * size]
        desk.put(f"Zmumu_{number}.csv", "\n".join([HEADER, *own]) + "\n")
    for name in ("dimuon.py", "direct/dimuon.py"):
        user.account.write(name, DIMUON.read_text(), mode=0o755)
    done = desk.submit(
        *("dimuon.py", "-n", str(SLICES), "-in", "s3://raw/Zmumu_%{ProcId}.csv=events.csv"),
        *("-out", "mass.csv=herd:out/%{ClusterId}/mass_%{ProcId}.csv"),
    )
    assert codes(user.ended(done["cluster"], SLICES)) == [0] * SLICES
    parts = [desk.text(f"{done['cluster']}/mass_{number}.csv") for number in range(SLICES)]
    total = add_up(read_histogram(part) for part in parts)
    assert total == read_histogram(direct(user, lines))
    assert total.total() > 1000
    assert 86 <= total.peak() <= 92


def test_a_root_file_travels_unchanged(desk: Desk, rclone_s3: S3Server) -> None:
    """The binary file itself in and out: the same bytes, and the checksum of the report is theirs."""
    if not DATA.exists():
        pytest.skip("no shared data here")
    desk.put("Zmumu.root", DATA.read_bytes())
    desk.shell.script("job.sh", "cp Zmumu.root copy.root")
    done = desk.submit(
        "job.sh", "-in", "s3://raw/Zmumu.root", "-out", "copy.root=herd:out/copy.root"
    )
    assert codes(desk.shell.ended(done["cluster"])) == [0]
    assert rclone_s3.content("out", "copy.root") == DATA.read_bytes()
