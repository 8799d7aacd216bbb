"""What is sent with a job to a site of each kind, for each kind of input: the table, as text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import locked
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.request import request_for
from hepsub.bundle.sent import copy_file
from hepsub.errors import HepsubError
from hepsub.plan.location import PlaceState
from tests.fakes.world import (
    RUNNABLE,
    make_policy,
    make_situation,
    make_spec,
    make_world,
    plan_for,
)
from tests.unit.bundle.test_manifest import Plain

POLICY = """
[pool.local]
[pool.far]
spool = true
[credential.way]
command = ["cat", "/token"]
[site.glidein]
requirements = 'GLIDEIN_Site == "far"'
isolation = "user"
[site.element]
kind = "ce"
grid_resource = "condor ce.far ce.far:9619"
token = "way"
isolation = "user"
[site.schedd]
kind = "schedd"
pool = "far"
isolation = "user"
[site.near]
requirements = 'GLIDEIN_Site == "near"'
shared_filesystem = true
isolation = "user"
[defaults]
pool = "local"
"""
KINDS = {
    "file": "plain",
    "empty": "empty",
    "blank": "a b",
    "comma": "a,b",
    "symlink": "link",
    "directory": "dir",
    "renamed": "a b=ab",
}
TABLE = """\
glidein file: sent plain | plain: plain
glidein empty: sent empty | empty:
glidein blank: sent a b | a b: blank
glidein comma: sent a,b | a,b: comma
glidein symlink: sent link | link: plain
glidein directory: sent dir | dir/below/a b: blank, dir/in: plain, dir/link: plain
glidein renamed: sent ab | ab: blank
element file: sent plain | plain: plain
element empty: sent empty | empty:
element blank: the input 'a b' cannot be handed over
element comma: the input 'a,b' cannot be handed over
element symlink: sent link | link: plain
element directory: sent dir | dir/below/a b: blank, dir/in: plain, dir/link: plain
element renamed: sent ab | ab: blank
schedd file: sent plain | plain: plain
schedd empty: sent empty | empty:
schedd blank: the input 'a b' cannot be handed over
schedd comma: the input 'a,b' cannot be handed over
schedd symlink: sent link | link: plain
schedd directory: sent dir | dir/below/a b: blank, dir/in: plain, dir/link: plain
schedd renamed: sent ab | ab: blank
near file: copy plain HERE/plain |
near empty: copy empty HERE/empty |
near blank: copy a b HERE/a b |
near comma: copy a,b HERE/a,b |
near symlink: copy link HERE/link |
near directory: copy dir HERE/dir |
near renamed: copy ab HERE/a b |
"""


def furnish(directory: Path) -> None:
    """Lay out an input of each kind."""
    (directory / "dir/below").mkdir(parents=True)
    for name, text in {
        "job.sh": "#!/bin/sh\n",
        "plain": "plain",
        "empty": "",
        "a b": "blank",
        "a,b": "comma",
        "dir/in": "plain",
        "dir/below/a b": "blank",
    }.items():
        (directory / name).write_text(text)
    (directory / "link").symlink_to("plain")
    (directory / "dir/link").symlink_to("../plain")
    (directory / "dir/lock").symlink_to("alice@host.1234")


def sent(directory: Path, site: str, asked: str, place: Path) -> str:
    """The lines of the manifest about inputs, and the files that lie in the bundle to be sent."""
    world = make_world(
        situation=make_situation(cwd=directory),
        programs={f"{directory}/job.sh": RUNNABLE},
        places={str(directory): PlaceState.DIRECTORY},
    )
    spec = make_spec("-site", site, "-in", asked, "job.sh")
    try:
        plan = plan_for(spec, make_policy(POLICY), world)
    except HepsubError as error:
        return error.message.partition(" to the schedd")[0]
    assert plan.staging is not None
    with locked(place / "private") as mine:
        assert mine
    bundle = Bundle(directory=place, request=request_for(plan, plan.staging, "u-1", "schedd01"))
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Plain())
    lines = (place / "job/0/hepsub.manifest").read_text().splitlines()
    told = [" ".join(each.split("\t")) for each in lines if each.split("\t")[0] in ("sent", "copy")]
    top = place / "shared/sets/0/in"
    files = sorted(path for path in top.rglob("*") if path.is_file() and path.name != "job.sh")
    assert not [path for path in top.rglob("*") if path.is_symlink()]
    lie = ", ".join(f"{path.relative_to(top)}: {path.read_text()}".strip() for path in files)
    return f"{', '.join(told)} | {lie}".strip()


def test_the_table(tmp_path: Path) -> None:
    """Links become what they lead to, and what leads nowhere stays; names that HTCondor divides are refused."""
    here = tmp_path / "work"
    furnish(here)
    rows = [
        f"{site} {kind}: {sent(here, site, asked, tmp_path / f'bundle-{site}-{kind}')}"
        for site in ("glidein", "element", "schedd", "near")
        for kind, asked in KINDS.items()
    ]
    assert "".join(f"{row}\n" for row in rows).replace(str(here), "HERE") == TABLE


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    """A FIFO has no end; it is refused before anything is copied."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="no regular file"):
        copy_file(fifo, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
