"""A login host whose first process is systemd: logins come and go, and users' own managers with them.

It is a Machine (this host's files, another name, /tmp and /run of its own) in a control group and its
namespace. Of Debian's units only logind, D-Bus, polkit and the users' managers run. Where nobody can log in by
ssh, `systemd-run` opens a session of PAM's service `login`, as sshd would.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.testbed import debian, host, process
from tests.testbed.machine import Machine
from tests.testbed.process import TestbedError
from tests.testbed.users import Account

HOSTNAME = "systemd.test.hep"
READY_S = 30
PROGRAMS = {
    "/lib/systemd/systemd": "systemd",
    "/usr/share/pam-configs/systemd": "libpam-systemd",
    "/lib/systemd/system/dbus.socket": "dbus",
    "/usr/lib/polkit-1/polkitd": "polkitd",
}
POLKIT = "/etc/systemd/system/polkit.service"
# The units that would touch the real machine are masked. A manager ends 1 s after its user's last logout.
SYSTEMD = r"""
mkdir cgroup
mount -t cgroup2 cgroup2 cgroup
mkdir "cgroup/hepsub-$pid"
echo 0 > "cgroup/hepsub-$pid/cgroup.procs"
mount -t tmpfs tmpfs /etc/systemd/system
mount -t tmpfs tmpfs /var/lib/systemd
cd /etc/systemd/system
for unit in /lib/systemd/system/systemd-*.service /lib/systemd/system/systemd-*.socket \
    /lib/systemd/system/*.mount /lib/systemd/system/*.automount; do
    case ${unit##*/} in
        systemd-logind.service) ;;
        *) ln -s /dev/null "${unit##*/}" ;;
    esac
done
for unit in local-fs remote-fs swap getty cryptsetup; do ln -s /dev/null "$unit.target"; done
printf '%s\n' '[Unit]' 'Requires=dbus.socket systemd-logind.service' > hepsub.target
echo "$hostname" > /run/hostname
mount --bind /run/hostname /etc/hostname
mkdir -p /run/systemd/logind.conf.d
printf '%s\n' '[Login]' 'UserStopDelaySec=1' > /run/systemd/logind.conf.d/hepsub.conf
printf '%s required pam_permit.so\n' auth account session > /run/pam
echo 'session required pam_systemd.so' >> /run/pam
for rules in /etc/pam.d/login /etc/pam.d/systemd-user /usr/lib/pam.d/systemd-user; do
    [ ! -e "$rules" ] || mount --bind /run/pam "$rules"
done
exec unshare --cgroup --ipc sh -euc '
    umount --recursive --lazy /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    exec env -i container=hepsub PATH="$PATH" \
        /lib/systemd/systemd --system --unit=hepsub.target --show-status=no --log-target=console'
"""


class LoginHost(Machine):
    """The host; `account` gives users without a session, `login` opens one."""

    first_program = SYSTEMD

    def start(self) -> None:
        """Start systemd, and wait until logind answers."""
        super().start()
        end = time.monotonic() + READY_S
        while self._run("loginctl", "list-sessions", check=False).returncode != 0:
            if time.monotonic() > end or (self.box.holder and self.box.holder.poll() is not None):
                log = (self.box.directory / "holder.log").read_text()
                raise TestbedError(f"systemd does not come up: {log[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Kill everything on it, and remove its control groups."""
        super().stop()
        clean = 'mount -t cgroup2 none "$1"; find "$1/hepsub-$2" -depth -type d -exec rmdir {} +'
        place, pid = self.box.directory / "cgroup", str(self.box.first_pid)
        process.run(["unshare", "--mount", "sh", "-c", clean, "sh", place, pid], check=False)

    def reset(self) -> None:
        """End all sessions and managers; the users may let theirs linger."""
        for user in host.USERS:
            self._run("loginctl", "disable-linger", user.name, check=False)
            self._run("loginctl", "terminate-user", user.name, check=False)
        self.permit_lingering(permitted=True)

    def permit_lingering(self, *, permitted: bool) -> None:
        """Have polkit, whose default it is to permit that, or none, without which only root may."""
        words = ("rm", "-f", POLKIT) if permitted else ("ln", "-sf", "/dev/null", POLKIT)
        self._run(*words)
        self._run("systemctl", "daemon-reload")
        if not permitted:
            self._run("systemctl", "stop", "polkit.service", check=False)

    def sessions(self) -> list[str]:
        """Return the lines of the sessions that there are."""
        return self._run("loginctl", "list-sessions", "--no-legend").stdout.splitlines()

    def login(
        self, account: Account, argv: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Log in, run a program to its end, and log out."""
        given = [f"--setenv={name}={value}" for name, value in (env or {}).items()]
        who = ("PAMName=login", f"User={account.name}", f"WorkingDirectory={account.work}")
        properties = [word for each in who for word in ("--property", each)]
        own = ["--quiet", "--wait", "--collect", "--pipe", *properties, *given]
        return self._run("systemd-run", *own, *map(str, argv), check=False)

    def _run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return process.run([*self.box.enter(), *words], check=check)


def start(directory: Path, homes: Mapping[str, Path]) -> LoginHost:
    """Start a host with systemd whose own files are in a directory of a session."""
    host.require_capable()
    debian.ensure("systemd for users", PROGRAMS)
    machine = LoginHost(directory, HOSTNAME, homes)
    try:
        machine.start()
    except BaseException:
        machine.stop()
        raise
    return machine
