"""Another host: this one's files and network under another name, with a /tmp and a cron of its own.

It stands for a login node that is not the schedd's host: what lies in /tmp, such as an agent's socket, is
not seen from elsewhere, HTCondor's FS authentication fails, and a directory may be absent. In its
/etc/passwd the users have the homes of the session, so that cron's jobs begin in them.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tests.testbed import debian, host, process
from tests.testbed.daemon import Daemon
from tests.testbed.sandbox import DIES_WITH_US, PATH, Sandbox
from tests.testbed.users import Account

LOGIN = "login.test.hep"
CRON_HOST = "cron.test.hep"
PROGRAMS = {"/usr/sbin/cron": "cron", "/usr/bin/faketime": "faketime"}
MINUTE_S = 3
SPOOL = Path("/var/spool/cron/crontabs")
LONG_AGO = 1_000_000_000
SETUP = r"""
read -r pid rest < /proc/self/stat
cd "$directory"
echo "$hostname" > /proc/sys/kernel/hostname
printf '127.0.0.1 %s %s localhost\n' "$hostname" "${hostname%%.*}" > hosts
mount -t proc proc /proc
mount --bind hosts /etc/hosts
mount --bind passwd /etc/passwd
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
echo "$pid" > holder.unfinished
mv holder.unfinished holder.ready
"""
FOR_EVER = "while :; do sleep 86400; done\n"
# Debian's rules for its sessions want to write /proc/self/loginuid, which a container may not.
# The old spool: cron sees no change in a crontab that is written in the second in which it starts.
CRON_SETUP = r"""
printf '%s required pam_permit.so\n' auth account session > /run/pam
mount --bind /run/pam /etc/pam.d/cron
mount -t tmpfs -o mode=1730,gid=crontab tmpfs "$1"
touch --date=@"$3" "$1"
mount -t tmpfs tmpfs /etc/cron.d
mount --bind /dev/null /etc/crontab
exec faketime -f "+0 x$2" cron -f
"""


class Machine:
    """The other host; `account` gives its users."""

    first_program = FOR_EVER

    def __init__(self, directory: Path, hostname: str, homes: Mapping[str, Path]) -> None:
        self.hostname = hostname
        self.homes = homes
        setup = SETUP + self.first_program
        self.box = Sandbox(directory, Path("/"), hostname, setup=setup)
        self.hidden: list[Path] = []
        self._cron: Daemon | None = None

    def start(self) -> None:
        """Make the namespaces and the mounts."""
        self.box.directory.mkdir(mode=0o755)
        (self.box.directory / "passwd").write_text(self._passwd())
        self.box.start()

    def _passwd(self) -> str:
        lines = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
        for line in lines:
            line[5] = str(self.homes.get(line[0], line[5]))
        return "".join(":".join(line) + "\n" for line in lines)

    def stop(self) -> None:
        """Kill everything on it."""
        if self._cron is not None:
            self._cron.stop()
        self.box.stop()

    def account(self, account: Account) -> "Visitor":
        """Return the same user, whose programs run on this machine."""
        same = {field.name: getattr(account, field.name) for field in fields(Account)}
        return Visitor(**same, machine=self)

    def path(self, inside: Path | str) -> Path:
        """Return a path by which this host reads and writes a file of the other."""
        return Path(f"/proc/{self.box.first_pid}/root{inside}")

    # ---- what is not there ------------------------------------------------------------------

    def hide(self, directory: Path) -> None:
        """Let a directory be absent: its parent is empty here."""
        process.run([*self.box.enter(), "mount", "-t", "tmpfs", "tmpfs", directory.parent])
        self.hidden.append(directory)

    def show_all(self) -> None:
        """Let everything that was hidden be there again."""
        while self.hidden:
            process.run([*self.box.enter(), "umount", "--lazy", self.hidden.pop().parent])

    # ---- cron -------------------------------------------------------------------------------

    def start_cron(self, minute_s: float = MINUTE_S) -> None:
        """Start Debian's cron with an empty spool, and a clock whose minutes are short.

        Only its own clock is fast, not that of its jobs, which get no variable of the daemon.
        A crontab is read in the minute after it was written.
        """
        debian.ensure("cron", PROGRAMS)
        if self._cron is None:
            setup = ("sh", "-euc", CRON_SETUP, "sh", str(SPOOL), f"{60 / minute_s}", str(LONG_AGO))
            words = [*self.box.enter(), *setup]
            self._cron = Daemon(words, {"PATH": PATH}, self.box.directory / "cron.log")
        self._cron.start(self.path("/run/crond.pid").exists)

    def forget_crontabs(self) -> None:
        """Remove the crontabs of all users.

        The spool is old again: cron compares times in whole seconds, and would not see what is written in the
        second in which it has seen this.
        """
        for user in host.USERS:
            self.path(SPOOL / user.name).unlink(missing_ok=True)
        os.utime(self.path(SPOOL), (LONG_AGO, LONG_AGO))


@dataclass(frozen=True)
class Visitor(Account):
    """A user on a machine: the same home, another host."""

    machine: Machine

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        input: str | None = None,  # noqa: A002  (subprocess's own name)
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program there as the user to its end."""
        return subprocess.run(
            self._command(argv, cwd),
            env=self.environment() | dict(env or {}),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
        )

    def popen(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a program there as the user; `options` are Popen's."""
        variables = self.environment() | dict(env or {})
        return subprocess.Popen(self._command(argv, cwd), env=variables, text=True, **options)

    def _command(self, argv: Sequence[str | Path], cwd: Path | None) -> list[str]:
        """Return the words that run a program there; its variables are not among them."""
        who = ("--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups")
        words = [*self.machine.box.enter(), *DIES_WITH_US, *who]
        return [*words, "env", f"--chdir={cwd or self.work}", *(str(word) for word in argv)]


def start(directory: Path, hostname: str, homes: Mapping[str, Path]) -> Machine:
    """Start a machine whose own files are in a directory of a session."""
    host.require_capable()
    machine = Machine(directory, hostname, homes)
    try:
        machine.start()
    except BaseException:
        machine.stop()
        raise
    return machine
