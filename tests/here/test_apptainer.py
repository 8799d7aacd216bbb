"""`hep_sub -p here` with real Apptainer, as a user without any rights, on a machine that has it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hepsub.errors import NotOnThisMachine
from tests.here.registry import serve
from tests.testbed import apptainer, host, install, process
from tests.testbed.apptainer import IMAGE, USER, Worker
from tests.testbed.fixtures import available
from tests.worker.job import wait_for

SHOW = r"""#!/bin/sh
pwd; id -u; umask; ulimit -n
printf '<%s>' "$@" "$ODD" "$HOME" "${LD_LIBRARY_PATH-unset}" "$_CONDOR_IHEP_JOB_ID"
cat "$HOME/data"; echo made >made; echo kept >"$HOME/kept"; ls -d /srv >&2
exit 3
"""
ODD = "a\"b$HOME`id`\\x 'é"
POLICY = '[pool.here]\nkind = "here"\n[defaults]\npool = "here"\n'


@dataclass(frozen=True)
class User:
    """A user of that machine, with a home and a directory that he works in."""

    worker: Worker
    root: Path
    python: Path

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def directory(self) -> Path:
        return self.root / "home"

    def enter(self) -> list[str]:
        return self.worker.enter(self.root, host.checkout(), self.python)

    def type(self, line: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Type a line in the directory that he works in."""
        variables = {
            "HOME": str(self.directory),
            "PATH": f"{self.root}/bin:/usr/bin:/bin",
            "HEPSUB_HERE_DIR": str(self.root / "queue"),
            "LC_ALL": "C.UTF-8",
        }
        return process.run(
            [*self.enter(), "sh", "-c", f"cd work && {line}"],
            env=variables | more,
            timeout=60,
            check=False,
        )

    def submit(self, line: str, **more: str) -> str:
        done = self.type(f"hep_sub -p here {line}", **more)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout.split()[-1]

    def script(self, text: str) -> None:
        path = self.work / "job.sh"
        path.write_text(text)
        path.chmod(0o755)

    def job(self, command: str) -> dict[str, object]:
        """The only job that a command tells of."""
        [found] = json.loads(self.type(f"{command} -json").stdout)["result"]["jobs"]
        assert isinstance(found, dict)
        return found

    def ended(self, cluster: str) -> tuple[object, object]:
        """Wait for a job's end; returns its exit code, and the signal that ended it."""
        self.type(f"hep_wait {cluster}")
        job = self.job(f"hep_history {cluster}")
        return job["exit_code"], job["exit_signal"]


@pytest.fixture(scope="module")
def worker() -> Worker:
    return available(apptainer.start)


@pytest.fixture
def user(worker: Worker, tmp_path: Path) -> Iterator[User]:
    root = tmp_path / "user"
    for each in (root, root / "home", root / "work", root / "bin"):
        each.mkdir()
        os.chown(each, USER.uid, USER.uid)
    script = "import sys; print(*sys.version_info[:2], sep='.')"
    version = process.run([*worker.enter(root), "python3", "-c", script]).stdout.strip()
    somebody = User(worker, root, install.dependencies(install.read_checkout(), version))
    process.run([*somebody.enter(), "python3", "-m", "venv", "--without-pip", "venv"])
    [packages] = root.glob("venv/lib/*/site-packages")
    (packages / "hepsub.pth").write_text(f"{somebody.python}\n{host.checkout()}\n")
    (root / "home/.config/hepsub").mkdir(parents=True)
    (root / "home/.config/hepsub/config.toml").write_text(POLICY)
    for path in (root / "home").rglob("*"):
        os.chown(path, USER.uid, USER.uid)
    for name in (
        "hep_sub",
        "hep_q",
        "hep_rm",
        "hep_hold",
        "hep_release",
        "hep_wait",
        "hep_history",
    ):
        (root / "bin" / name).write_text(
            f'#!/bin/sh\nexec {root}/venv/bin/python3 -m hepsub {name} "$@"\n'
        )
        (root / "bin" / name).chmod(0o755)
    yield somebody
    somebody.type("hep_rm -a")


@pytest.fixture
def registry(worker: Worker, user: User) -> Iterator[str]:
    """A registry of one image, busybox and a file."""
    script = f"cp -a {IMAGE}/. box; echo yes >box/in-the-image; tar -C box -cf layer.tar ."
    process.run([*user.enter(), "sh", "-c", f"mkdir box; {script}"])
    with serve((user.root / "layer.tar").read_bytes()) as place:
        yield place


def test_all_is_as_without_an_image(user: User) -> None:
    (user.directory / "data").write_text("of the home\n")
    user.script(SHOW)
    words = "job.sh -argu one '$x' é -o"
    for line in (f"{words} plain -e plain.err", f"-image {IMAGE} {words} out -e err"):
        assert user.ended(user.submit(line, ODD=ODD)) == (3, None)
    told = {name: (user.work / name).read_text() for name in ("plain", "out", "plain.err", "err")}
    assert f"<one><$x><é><{ODD}><{user.directory}><unset><1.0>of the home\n" in told["plain"]
    assert told["out"] == told["plain"].replace("<1.0>", "<2.0>")
    assert told["plain.err"] == "/srv\n"
    assert "/srv: No such file" in told["err"], "the image's own root"


@pytest.mark.parametrize(
    ("last", "code", "signal"),
    [("exit 255", 255, None), ("exit 83", 83, None), ("kill -SEGV $$", None, 11)],
)
def test_it_ends_as_the_program_does(
    user: User, last: str, code: int | None, signal: int | None
) -> None:
    user.script(f"#!/bin/sh\nulimit -c 0; {last}\n")
    assert user.ended(user.submit(f"-image {IMAGE} job.sh")) == (code, signal)


def test_a_signal_comes_once(user: User) -> None:
    """Apptainer hands on what it gets itself."""
    user.script(
        "#!/bin/sh\ntrap 'echo term >>terms' TERM; : >ready\n"
        "until [ -e terms ]; do sleep 0.1; done; sleep 1\n"
    )
    cluster = user.submit(f"-image {IMAGE} job.sh")
    wait_for((user.work / "ready").exists, "the program", 30)
    assert user.type(f"hep_hold {cluster}").returncode == 0
    wait_for((user.work / "terms").exists, "the signal", 30)
    wait_for(lambda: "ended" not in user.type(f"hep_q -i {cluster} -why").stdout, "its end", 30)
    assert (user.work / "terms").read_text() == "term\n"


def test_files_travel_into_an_image_that_is_a_file(user: User) -> None:
    process.run([*user.enter(), "apptainer", "build", "work/x.sif", IMAGE])
    (user.work / "data").write_text("raw\n")
    user.script("#!/bin/sh\ntr a-z A-Z <data >made\n")
    cluster = user.submit("-image x.sif -in data -out made=results/ job.sh")
    assert user.ended(cluster) == (0, None)
    assert (user.work / "results/made").read_text() == "RAW\n"


def test_what_is_no_image_holds_the_job(user: User) -> None:
    (user.work / "box.sif").write_text("no image\n")
    user.script("#!/bin/sh\necho ran\n")
    cluster = user.submit("-image box.sif job.sh -o out -e err")
    assert user.type(f"hep_wait {cluster}").returncode == 60
    told = user.type(f"hep_q -i {cluster} -why").stdout
    assert "it could not be started: the payload" in told, told
    assert f"cannot be executed in the image {user.work}/box.sif" in told
    assert f"hep_release {cluster}.0" in told
    assert "image format not recognized" in (user.work / "err").read_text()
    (user.work / "box.sif").unlink()
    (user.work / "box.sif").symlink_to(IMAGE)
    assert user.type(f"hep_release {cluster}").returncode == 0
    assert user.ended(cluster) == (0, None)
    assert (user.work / "out").read_text() == "ran\n"


def test_where_nothing_starts_images_they_are_refused(user: User) -> None:
    user.script("#!/bin/sh\n")
    done = user.type(f"hep_sub -image {IMAGE} job.sh", HEPSUB_APPTAINER="-")
    assert done.returncode == NotOnThisMachine.exit_code
    assert "neither is on this machine" in done.stderr
    assert "install apptainer, leave out -image, or submit to another pool" in done.stderr


def test_more_of_the_machine_is_shown_by_apptainers_own_variable(user: User) -> None:
    user.script("#!/bin/sh\nls -d /srv\n")
    cluster = user.submit(f"-image {IMAGE} job.sh -o out", APPTAINER_BIND="/srv")
    assert user.ended(cluster) == (0, None)
    assert (user.work / "out").read_text() == "/srv\n"


def test_an_image_may_be_a_registrys(user: User, registry: str) -> None:
    user.script("#!/bin/sh\ncat /in-the-image; pwd\n")
    line = f"-image docker://{registry}/box:latest job.sh -o out -e err"
    cluster = user.submit(line, APPTAINER_NOHTTPS="1")
    ended = user.ended(cluster)
    assert ended == (0, None), (user.work / "err").read_text()
    assert (user.work / "out").read_text() == f"yes\n{user.work}\n"
