"""scratch.sh in a batch script of Slurm's: a job's files come out of the script, and nothing of them stays."""

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.plan.staging import Seal
from hepsub.slurm.enclosed import Enclosed
from hepsub.slurm.script import script
from tests.unit.slurm.test_enclosed import OUT, UUID, planned
from tests.worker.conftest import Programs
from tests.worker.job import WRAPPER
from tests.worker.modules import SHELLS

LOOK = """#!/bin/sh
printf '%s\\n' "$@"
ls -A | tr '\\n' ' '
echo "$PASSWORD"
cat items.txt
exit "$CODE"
"""
ENVIRONMENT = b"PASSWORD\t1\nrabbit\n"


def batch(node: Path, *lines: tuple[str, ...], payload: str = LOOK) -> str:
    """The script of two jobs, each with its own set of files."""
    files = [Enclosed(part="all", name="wrapper.sh", content=WRAPPER.read_bytes(), executable=True)]
    files += [Enclosed(part="all", name="hepsub.environment", content=ENVIRONMENT)]
    seals = []
    for proc, name in enumerate(("job.sh", ".b c.sh")):
        sums = {name: payload.encode(), "hepsub.environment": ENVIRONMENT}
        listed = f"payload\t{name}\n" + "".join(
            f"sha256\t{hashlib.sha256(content).hexdigest()}\t{each}\n"
            for each, content in sums.items()
        )
        seals.append(hashlib.sha256(listed.encode()).hexdigest())
        files.append(Enclosed(part=f"set/{proc}", name=name, content=payload.encode()))
        files.append(Enclosed(part=f"set/{proc}", name="hepsub.sums", content=listed.encode()))
        manifest = [("hepsub-manifest", "1", str(proc)), ("payload", name)]
        manifest += [("environment", "hepsub.environment"), ("homelimit", "0"), *lines]
        text = "".join("\t".join(each) + "\n" for each in manifest)
        corner = {"hepsub.manifest": text, "items.txt": f"item {proc}\n"}
        files += [
            Enclosed(part=f"job/{proc}", name=each, content=content.encode())
            for each, content in corner.items()
        ]
    plan = planned("job.sh", "-n", "2", *OUT, "-argu", "%{ProcId}", "a b")
    assert plan.staging is not None
    seal = Seal(wrapper="", sets=tuple(seals), set_of=(0, 1))
    plan = replace(plan, staging=replace(plan.staging, seal=seal))
    return script(plan, UUID, "", str(node), files)


def run(
    text: str, directory: Path, shell: str, path: Path, proc: int = 0, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run one of the jobs."""
    file = directory / "slurm_script"
    file.write_text(text)
    return subprocess.run(
        [*SHELLS[shell], str(file)],
        env={
            "PATH": str(path),
            "LANG": "C.UTF-8",
            "CODE": str(code),
            "SLURM_ARRAY_JOB_ID": "4711",
            "SLURM_ARRAY_TASK_ID": str(proc),
        },
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        umask=0o022,
    )


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Give the directory in which jobs get theirs."""
    made = tmp_path / "a node's"
    made.mkdir()
    return made


@pytest.mark.parametrize(("proc", "name"), [(0, "job.sh"), (1, ".b c.sh")])
def test_a_job_gets_its_own_files_and_no_others(
    node: Path, tmp_path: Path, shell: str, programs: Programs, proc: int, name: str
) -> None:
    done = run(batch(node), tmp_path, shell, programs(shell, "curl"), proc)
    names = " ".join(sorted([".hepsub", name, f"home.{proc}", "items.txt", "wrapper.sh"]))
    assert done.stdout == f"{proc}\na\nb\n{names} rabbit\nitem {proc}\n"
    assert (done.returncode, done.stderr) == (0, "")
    assert list(node.iterdir()) == []


@pytest.mark.parametrize("tools", [("base64",), ("base64", "openssl")])
def test_another_program_decodes_where_one_is_missing(
    node: Path, tmp_path: Path, shell: str, programs: Programs, tools: tuple[str, ...]
) -> None:
    system = programs(shell, "curl")
    if shell == "busybox":
        pytest.skip("busybox has base64 in itself")
    fewer = tmp_path / "bin"
    fewer.mkdir()
    for each in system.iterdir():
        if each.name not in tools:
            (fewer / each.name).symlink_to(each)
    done = run(batch(node), tmp_path, shell, fewer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_broken_script_runs_nothing_and_leaves_nothing(
    node: Path, tmp_path: Path, shell: str, programs: Programs
) -> None:
    text, mark, files = batch(node).partition("#hepsub-files\n")
    content = bytearray(base64.b64decode(files))
    content[len(content) // 2] ^= 1
    broken = base64.encodebytes(bytes(content)).decode()
    done = run(text + mark + broken, tmp_path, shell, programs(shell, "curl"))
    assert (done.returncode, done.stdout) == (80, "")
    assert "hepsub: the job's files cannot be unpacked on " in done.stderr
    assert list(node.iterdir()) == []


@pytest.mark.parametrize("code", [7, 137])
def test_the_programs_exit_code_is_the_jobs(
    node: Path, tmp_path: Path, shell: str, programs: Programs, code: int
) -> None:
    done = run(batch(node), tmp_path, shell, programs(shell, "curl"), code=code)
    assert done.returncode == code
    assert list(node.iterdir()) == []


def test_what_found_no_place_is_kept_without_secrets(
    node: Path, tmp_path: Path, shell: str, programs: Programs
) -> None:
    lines = ("output", "made", "-", "http://127.0.0.1:1/made?X-Amz-Signature=s")
    payload = "#!/bin/sh\necho made >made\n"
    text = batch(node, lines, ("walltime", "6", "3"), payload=payload)
    done = run(text, tmp_path, shell, programs(shell, "curl"))
    assert done.returncode == 87
    (kept,) = node.iterdir()
    assert f"what the job made is kept in {kept} on " in done.stderr
    assert (kept / "made").read_text() == "made\n"
    contents = [path.read_bytes() for path in kept.rglob("*") if path.is_file()]
    assert not any(b"rabbit" in each or b"X-Amz-Signature=s" in each for each in contents)
