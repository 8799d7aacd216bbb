"""scratch.sh: the private directory of a job of the embedded pool or of Slurm's, and what it finds there."""

import fcntl
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.worker.conftest import Programs
from tests.worker.credentials import ccache, ticket, token
from tests.worker.job import WRAPPER
from tests.worker.modules import SHELLS

SCRATCH = WRAPPER.with_name("scratch.sh")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Give a bundle without a manifest."""
    return make_bundle(tmp_path / "bundle")


def make_bundle(directory: Path) -> Path:
    """A bundle without a manifest."""
    for name in ("job/3", "shared", "private/creds"):
        (directory / name).mkdir(parents=True)
    wrapper = directory / "shared" / "wrapper.sh"
    wrapper.write_text(WRAPPER.read_text())
    wrapper.chmod(0o755)
    return directory


def run(
    bundle: Path, shell: str, path: Path, payload: str, *lines: tuple[str, ...], node: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a job of the bundle."""
    script = bundle / "run.sh"
    script.write_text(f"#!/bin/sh\n{payload}\n")
    script.chmod(0o755)
    every = [("hepsub-manifest", "1", "7.3"), ("payload", str(script)), *lines]
    manifest = bundle / "job" / "3" / "hepsub.manifest"
    manifest.write_text("".join("\t".join(each) + "\n" for each in every))
    return subprocess.run(
        [*SHELLS[shell], str(SCRATCH), str(bundle), "3"],
        env={"PATH": str(path), "LANG": "C.UTF-8", "file": "mine", "HEPSUB_NODE_SCRATCH": node},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        umask=0o022,
    )


def test_credentials_are_brought_and_not_left(bundle: Path, shell: str, programs: Programs) -> None:
    there, names = bundle / "private/creds", "krb5cc_7 iam.token"
    (there / "krb5cc_7").write_bytes(ccache(ticket(3600)))
    (there / "iam.token").write_text(token())
    (there / "vanishing").symlink_to("nowhere")
    lines = [
        ("credential", "krb", "kerberos", "krb5cc_7", str(there / "krb5cc_7")),
        ("credential", "iam", "token", "iam.token", str(there / "iam.token")),
    ]
    look = f"cmp .hepsub/creds/$each {there}/$each; stat -c %a .hepsub/creds/$each"
    payload = f"echo $file; for each in {names}; do {look}; done"
    ended = run(bundle, shell, programs(shell, "curl"), payload, *lines)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "mine\n600\n600\n", "")
    assert not (bundle / "scratch" / "3").exists()
    assert [file.name for file in (bundle / "job" / "3" / "home.3").iterdir()] == ["report.json"]


def test_variables_are_brought_and_not_left(bundle: Path, shell: str, programs: Programs) -> None:
    (bundle / "shared" / "hepsub.environment").write_text("PASSWORD\t2\nrabbit\nhole\n")
    line = ("environment", "hepsub.environment")
    ended = run(bundle, shell, programs(shell, "curl"), 'echo "$PASSWORD"', line)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "rabbit\nhole\n", "")
    assert not (bundle / "scratch" / "3").exists()


def test_outputs_that_found_no_place_stay(bundle: Path, shell: str, programs: Programs) -> None:
    (bundle / "private/creds" / "iam.token").write_text(token())
    lines = [
        ("credential", "iam", "token", "iam.token", "-"),
        ("homelimit", "5"),
        ("home", "made", "-", "-"),
    ]
    ended = run(bundle, shell, programs(shell, "curl"), "printf 123456 >made", *lines)
    assert ended.returncode == 87
    left = [file.name for file in (bundle / "scratch" / "3").iterdir()]
    assert left == ["made"]


def test_on_a_node_it_has_a_directory_that_nobody_else_takes(
    bundle: Path, shell: str, programs: Programs, tmp_path: Path
) -> None:
    """What a killed job left there is removed; what a job still has, what is kept and what is a link is not."""
    node = tmp_path / "node"
    for name in ("hepsub-job.abandoned1", "hepsub-job.inuse12345", "hepsub-kept.one2345678"):
        (node / name).mkdir(parents=True)
        (node / name / "file").write_text(name)
    (node / "hepsub-job.linked1234").symlink_to(bundle)
    held = os.open(node / "hepsub-job.inuse12345", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        path = programs(shell, "curl")
        ended = run(bundle, shell, path, "pwd; ls ..", node=str(node))
    finally:
        os.close(held)
    (place, *_) = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr, Path(place).parent) == (0, "", node)
    left = {"hepsub-job.inuse12345", "hepsub-kept.one2345678", "hepsub-job.linked1234"}
    if shell == "busybox":  # Debian's has no flock: nobody can tell, and nothing is removed
        left.add("hepsub-job.abandoned1")
    assert {each.name for each in node.iterdir()} == left
    assert bundle.exists()
    assert [file.name for file in (bundle / "job" / "3" / "home.3").iterdir()] == ["report.json"]


@pytest.mark.parametrize("code", [71, 1])
def test_where_nothing_can_be_locked_it_runs_all_the_same(
    bundle: Path, programs: Programs, tmp_path: Path, code: int
) -> None:
    """As on NFS, or Lustre without -o flock."""
    node, path = tmp_path / "node", programs("dash", "curl")
    node.mkdir()
    flock = tmp_path / "refusing" / "flock"
    flock.parent.mkdir()
    flock.write_text(f"#!/bin/sh\necho 'No locks available' >&2\nexit {code}\n")
    flock.chmod(0o755)
    ended = run(bundle, "dash", Path(f"{flock.parent}:{path}"), "true", node=str(node))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(node.iterdir()) == []


def test_jobs_that_start_together_leave_each_other_alone(
    tmp_path: Path, shell: str, programs: Programs
) -> None:
    """Each looks for what was left while the others make their directories."""
    node, path = tmp_path / "node", programs(shell, "curl")
    node.mkdir()
    for number in range(12):
        make_bundle(tmp_path / str(number))
    with ThreadPoolExecutor(12) as pool:
        ended = list(
            pool.map(
                lambda n: run(tmp_path / str(n), shell, path, "true", node=str(node)), range(12)
            )
        )
    assert [(each.returncode, each.stderr) for each in ended] == [(0, "")] * 12


def test_what_cannot_come_home_from_a_node_is_kept_there(
    bundle: Path, shell: str, programs: Programs, tmp_path: Path
) -> None:
    node = tmp_path / "node"
    node.mkdir()
    payload = f"echo made >made; rm -rf {bundle}/job/3; touch {bundle}/job/3"
    path = programs(shell, "curl")
    ended = run(bundle, shell, path, payload, ("home", "made", "-", "-"), node=str(node))
    assert ended.returncode == 87
    (kept,) = node.iterdir()
    assert f"what the job made is kept in {kept} on " in ended.stderr
    assert (kept / "home.3/outputs/made").read_text() == "made\n"
