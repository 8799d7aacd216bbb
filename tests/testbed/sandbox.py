"""A throw-away copy of a cached tree in namespaces of its own, which end together with it.

The mounts live in a private mount namespace and the daemons in a private process namespace whose
first process dies with us: so nothing is left behind, whatever kills the test session.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed import host, process, session
from tests.testbed.process import TestbedError

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
START_TIMEOUT = 60
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
LOOPBACK = "127.0.0.1"
READY = "holder.ready"

SETUP = r"""
read -r pid rest < /proc/self/stat
cd "$directory"
echo "$hostname" > /proc/sys/kernel/hostname
overlay() {
    layers="lowerdir=$tree,upperdir=$1/upper,workdir=$1/work"
    mount -t overlay overlay -o "$layers" root
}
in_memory() { mount -t tmpfs tmpfs memory && mkdir memory/upper memory/work && overlay memory; }
copied() { cp -a --reflink=auto "$tree/." root && mount --bind root root; }
mkdir -p root disk/upper disk/work memory
overlay disk || in_memory || copied
cd root
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
if grep -q ^condor: etc/passwd; then
    mkdir -p run/lock/condor run/condor
    chroot . chown condor:condor /run/lock/condor /run/condor
fi
printf '%s\n' "$hosts" > etc/hosts
echo "$hostname" > etc/hostname
for bind in $binds; do
    mkdir -p ".$bind"
    mount --rbind "$bind" ".$bind"
done
echo "$pid" > ../holder.ready
while :; do sleep 86400; done
"""


@dataclass(frozen=True)
class Identity:
    """As whom a program runs inside."""

    name: str = "root"
    uid: int = 0
    gid: int = 0
    home: Path = Path("/root")

    def environment(self) -> dict[str, str]:
        """Return the clean environment of this user inside."""
        return {
            "HOME": str(self.home),
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": PATH,
            "LANG": "C.UTF-8",
        }


ROOT = Identity()


@dataclass
class Sandbox:
    """A running copy of a tree.

    Attributes:
        setup: the script of the first process; what machine.py and systemd.py run is another.
        address: what its own name means inside.
        network: the network namespace that it is in, a file as /proc/PID/ns/net; None is the host's.
    """

    directory: Path
    tree: Path
    hostname: str
    binds: Sequence[Path] = ()
    setup: str = SETUP
    address: str = LOOPBACK
    network: Path | None = None
    first_pid: int = 0
    holder: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def root(self) -> Path:
        """Return where the copy is mounted, as its own mount namespace sees it."""
        return self.directory / "root"

    def start(self) -> None:
        """Make the namespaces and the mounts."""
        self.directory.mkdir(mode=0o755, exist_ok=True)
        (self.directory / READY).unlink(missing_ok=True)  # of an earlier one of this name
        log = self.directory / "holder.log"
        script = ("sh", "-euc", self.setup, str(self.directory))
        with log.open("wb") as output:
            self.holder = subprocess.Popen(
                [*DIES_WITH_US, *self._joined(), *host.NAMESPACES, *script],
                env=self._setup_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        (self.directory / session.HOLDER).write_text(str(self.holder.pid))
        self.first_pid = self._wait_until_ready(log)

    def _joined(self) -> list[str]:
        return [] if self.network is None else ["nsenter", f"--net={self.network}", "--"]

    def _setup_environment(self) -> dict[str, str]:
        mine = f"{self.address} {self.hostname} {self.hostname.partition('.')[0]}"
        alone = self.address == LOOPBACK
        return {
            "PATH": PATH,
            "directory": str(self.directory),
            "tree": str(self.tree),
            "hostname": self.hostname,
            "hosts": f"{mine} localhost" if alone else f"{mine}\n{LOOPBACK} localhost",
            "binds": " ".join(str(path) for path in self.binds),
        }

    def _wait_until_ready(self, log: Path) -> int:
        ready = self.directory / READY
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end:
            if ready.exists() and (text := ready.read_text().strip()):
                return int(text)
            if self.holder is not None and self.holder.poll() is not None:
                break
            time.sleep(0.01)
        raise TestbedError(f"the sandbox {self.directory} did not start: {log.read_text()}")

    def stop(self) -> None:
        """Kill the first process, and with it everything inside."""
        if self.holder is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.first_pid or self.holder.pid, signal.SIGKILL)
        try:
            self.holder.wait(10)
        except subprocess.TimeoutExpired:
            self.holder.kill()
            self.holder.wait()

    def enter(self) -> list[str]:
        """Return the words that run a program in the namespaces with the host's files."""
        network = [] if self.network is None else ["--net"]
        spaces = ("--mount", "--pid", "--uts", *network)
        return ["nsenter", "--target", str(self.first_pid), *spaces, "--"]

    def command(
        self,
        argv: Sequence[str | Path],
        *,
        user: Identity = ROOT,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        hide: Mapping[Path, Path] | None = None,
    ) -> list[str]:
        """Return the words that run a program inside; `hide` puts a directory over another."""
        variables = user.environment() | dict(env or {})
        inside = [
            "chroot",
            f"--userspec={user.uid}:{user.gid}",
            "--groups=" if user.uid else "--groups=0",
            str(self.root),
            *DIES_WITH_US,
            "env",
            "-i",
            f"--chdir={cwd or '/'}",
            *(f"{name}={value}" for name, value in variables.items()),
            *(str(word) for word in argv),
        ]
        return [*self.enter(), *self._hiding(hide or {}), *inside]

    def _hiding(self, hide: Mapping[Path, Path]) -> list[str]:
        if not hide:
            return []
        mounts = [
            f"mount --bind {shlex.quote(str(new))} {shlex.quote(f'{self.root}{old}')}"
            for old, new in hide.items()
        ]
        return ["unshare", "--mount", "sh", "-ec", " && ".join([*mounts, 'exec "$@"']), "sh"]

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        user: Identity = ROOT,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        hide: Mapping[Path, Path] | None = None,
        timeout: float = 60,
        input: str | None = None,  # noqa: A002  (subprocess's own name)
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside to its end."""
        words = self.command(argv, user=user, cwd=cwd, env=env, hide=hide)
        return process.run(words, timeout=timeout, input=input, check=check)

    def mount(self, source: Path, inside: Path) -> None:
        """Bind a directory of the host into the running copy."""
        self.path(inside).mkdir(parents=True, exist_ok=True)
        process.run([*self.enter(), "mount", "--bind", source, f"{self.root}{inside}"])

    def launch(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> None:
        """Start a daemon inside, which goes to the background by itself."""
        with (self.directory / "daemons.log").open("ab") as output:
            subprocess.run(
                self.command(argv, env=env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=START_TIMEOUT,
                check=True,
            )

    def path(self, inside: Path | str) -> Path:
        """Return a path by which the host reads and writes a file of the copy while it runs."""
        return Path(f"/proc/{self.first_pid}/root{self.root}{inside}")

    def write(self, inside: Path | str, text: str, *, mode: int = 0o644) -> None:
        """Write a file inside, with its directories."""
        file = self.path(inside)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
