"""The table of neighbours on the real thing: on each way one job carries all that arrives, one what does not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.neighbour_inputs import INPUTS, Input, found_below, make
from tests.neighbours import CELLS, SCRIPT, Cell, End, Place, Way, script
from tests.pool.shell import Shell
from tests.staging.desk import HASTE, Desk, sit_down
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.ceph]

SPOOL = "\n[pool.local]\nspool = true\n"
JOBS_FAILED, NOT_DONE = 60, 53
PLAIN_SCRIPT = "./real.sh"
LOGS = ("-o", "log d/o 50%#.txt", "-e", "log d/e +é.txt")
SPOOLED_LOGS = ("-o", "logs/o50%#.txt", "-e", "logs/e+é.txt")


@dataclass(frozen=True)
class Road:
    """A desk, and how submissions go a way from there."""

    way: Way
    desk: Desk
    words: tuple[str, ...]
    environment: dict[str, str]

    def submit(self, program: str, options: Iterable[str], code: int) -> dict[str, Any]:
        """Submit and wait, and have this exit code; what stands under `result`."""
        words = ("hep_sub", program, *self.words, *options, "-wait")
        document = self.desk.shell.document(*words, env=self.environment, timeout=240)
        result: dict[str, Any] = document["result"]
        assert result is not None, document
        [job] = result["ended"]
        assert (job["state"], job["exit_code"]) == ("C", code), (job, document["problems"])
        return result

    def fetch(self, cluster: int) -> dict[str, Any]:
        """hep_fetch of a cluster."""
        words = self.words if self.way is Way.HERE else ()
        return self.desk.shell.document("hep_fetch", *words, str(cluster), env=self.environment)

    def lay_out(self, inputs: Iterable[Input], cells: Iterable[Cell]) -> None:
        """Write what is there before."""
        account = self.desk.shell.account
        for each in inputs:
            if each.is_object:
                for key, content in each.lies.items():
                    assert isinstance(content, bytes)
                    self.desk.put(key, content)
            else:
                make(account.work, each.lies)
        for cell in cells:
            base = f"{cell.place.base}/{cell.kind.label}"
            for name, content in cell.kind.there.items():
                if cell.place is Place.URL:
                    self.desk.put(f"{base}/{name}", content, "out")
                elif not cell.place.is_object:
                    make(account.work / base, {name: content})
        for path in account.work.rglob("*"):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)

    def found(self, cell: Cell, cluster: int, stored: dict[str, bytes]) -> dict[str, bytes]:
        """What is at a cell's place."""
        base = f"{cell.place.base}/{cell.kind.label}"
        if not cell.place.is_object:
            return found_below(self.desk.shell.work / base)
        prefix = f"{cluster}/{base}/" if cell.place is Place.PREFIX else f"{base}/"
        return {k.removeprefix(prefix): each for k, each in stored.items() if k.startswith(prefix)}


@pytest.fixture(params=[way for way in Way if way is not Way.ELEMENT], ids=lambda way: way.name)
def road(user: Shell, ceph_rgw: S3Server, request: pytest.FixtureRequest) -> Road:
    """Give hepalice at a store that takes forms, and each way in turn."""
    way: Way = request.param
    desk = sit_down(user, ceph_rgw, SPOOL if way is Way.SPOOL else "")
    environment = dict(HASTE)
    words: tuple[str, ...] = ()
    if way is Way.REMOTE:
        request.getfixturevalue("remote_site")
        words = ("-rmt",)
    elif way is Way.HERE:
        queue = user.directory("queue")
        queue.chmod(0o700)
        environment["HEPSUB_HERE_DIR"] = str(queue)
        words = ("-p", "here")
    elif way is Way.SPOOL:
        text = user.policy.read_text().replace("shared = true", "shared = false")
        user.policy.write_text(text)
    return Road(way, desk, words, environment)


def of(way: Way, *ends: End) -> list[Cell]:
    """The cells of a way with one of these ends."""
    return [cell for cell in CELLS if cell.way is way and cell.end in ends]


def test_what_arrives(road: Road) -> None:
    """Inputs in the job, outputs in their places, logs under their names; hep_fetch misses nothing."""
    shell, cells = road.desk.shell, of(road.way, End.ARRIVES)
    inputs = [each for each in INPUTS if not each.is_refused(road.way)]
    shell.script(
        PLAIN_SCRIPT,
        script(list(dict.fromkeys(cell.kind for cell in cells)), [each.name for each in inputs]),
    )
    (shell.work / SCRIPT).symlink_to(Path(PLAIN_SCRIPT).name)
    logs = SPOOLED_LOGS if road.way is Way.SPOOL else LOGS
    shell.directory(logs[1].partition("/")[0])
    road.lay_out(inputs, cells)
    program = PLAIN_SCRIPT if road.way is Way.SPOOL else SCRIPT
    options = [*(f"-in={each.asked}" for each in inputs), "-out=came=came", *logs]
    options += [cell.option(str(shell.work)) for cell in cells]
    cluster = road.submit(program, options, 0)["cluster"]
    assert shell.text(logs[1]) == "said\n"
    stored = {key: road.desk.server.content("out", key) for key in road.desk.stored()}
    wrong = [
        (each.asked, found)
        for number, each in enumerate(inputs)
        if (found := found_below(shell.work / f"came/{number}")) != each.arrives
    ]
    wrong += [
        (str(cell), found)
        for cell in cells
        if (found := road.found(cell, cluster, stored)) != {**cell.kind.there, **cell.kind.arrives}
    ]
    assert wrong == []
    assert road.fetch(cluster)["problems"] == []


def test_what_does_not_arrive_is_said(road: Road) -> None:
    """What no store takes comes home, and is fetched from there; what was not made is named."""
    shell, cells = road.desk.shell, of(road.way, End.HOME, End.MISSING)
    home = [cell.kind for cell in cells if cell.end is End.HOME]
    shell.script("job.sh", script(list(dict.fromkeys(home))))
    options = [cell.option(str(shell.work)) for cell in cells]
    cluster = road.submit("job.sh", options, 84)["cluster"]
    fetched = road.fetch(cluster)
    missing = {cell.kind.asked for cell in cells if cell.end is End.MISSING}
    [problem] = fetched["problems"]
    assert all(name in problem["message"] for name in missing), problem
    found = found_below(shell.work / f"{cluster}/0")
    for kind in home:
        top = kind.asked.rpartition("/")[0] if kind.is_pattern else ""
        for name, content in kind.arrives.items():
            assert found[f"{top}/{name}".lstrip("/")] == content


def test_names_that_cannot_be_handed_over_are_refused(road: Road) -> None:
    """Of inputs and of the script itself; where they can, nothing is."""
    shell = road.desk.shell
    refused = [each for each in INPUTS if each.is_refused(road.way)]
    shell.script(SCRIPT, "true")
    shell.script("job.sh", "true")
    road.lay_out(refused, ())
    for each in refused:
        words = ("job.sh", *road.words, f"-in={each.asked}")
        assert each.name in shell.refused(30, *words, env=road.environment)
    backslash = [cell for cell in of(road.way, End.REFUSED) if not cell.kind.is_pattern]
    for cell in backslash:
        words = ("job.sh", *road.words, cell.option(str(shell.work)))
        assert cell.kind.name in shell.refused(30, *words, env=road.environment)
    if road.way is Way.SPOOL:
        for name in ("a b", "a=b"):
            said = shell.refused(30, "job.sh", "-o", name, "-e", "/dev/null", env=road.environment)
            assert "with which HTCondor does not find the log's place" in said
    assert bool(refused) == (road.way is Way.SPOOL)
    assert bool(backslash) == (road.way is Way.REMOTE)
