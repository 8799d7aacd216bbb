"""A real Slurm on this machine: one controller, one node of eight CPUs and two GPUs, the users' homes shared with it.

Without cgroups, so memory is asked for and not enforced; its GPUs are devices that do nothing, which it counts and
hands out. What its versions want is from the facts that were tried: 22.05 knows no CgroupPlugin=disabled, 24.11 does
not start without it.
"""

import contextlib
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Literal, get_args

from tests.testbed import cache, chroot, host, install, session, users
from tests.testbed.login import LoginNode
from tests.testbed.pool import free_port
from tests.testbed.process import TestbedError
from tests.testbed.sandbox import Sandbox
from tests.testbed.users import Account

Suite = Literal["bookworm", "trixie"]
SUITES: tuple[Suite, ...] = get_args(Suite)
"""Slurm 22.05 and 24.11."""
VERSION = "2"
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins", "munge", "krb5-user")
CGROUP = {
    "bookworm": "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n",
    "trixie": "CgroupPlugin=disabled\n",
}
HOSTNAME = "hpc01"
SCRATCH = "/scratch"
"""Where the node's users may make directories."""
NODE = ("scontrol", "update", f"nodename={HOSTNAME}")
GPUS = "/var/lib/gpu"
POLL = 0.1
READY_S = 30
CONFIG = """\
ClusterName=hpc
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmctldParameters=enable_configless
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=/run/munge/munge.socket.2
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd.%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.%n.pid
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=1
MinJobAge={memory}
KillWait=5
InactiveLimit=0
MaxArraySize=20001
MaxJobCount=50000
ReturnToService=2
SlurmdParameters=config_overrides
DefMemPerCPU=1000
MpiDefault=none
SwitchType=switch/none
GresTypes=gpu
NodeName={host} NodeHostname={host} NodeAddr=127.0.0.1 Port={node} CPUs=8 RealMemory=16000 Gres=gpu:tesla:2 \
Feature=fast State=UNKNOWN
PartitionName=normal Nodes=ALL Default=YES MaxTime=2-00:00:00 DefaultTime=60 State=UP
PartitionName=short Nodes=ALL MaxTime=30 DefaultTime=10 State=UP
PartitionName=closed Nodes=ALL AllowGroups=root AllowAccounts=staff State=UP
"""


class Slurm:
    """A controller and a node that run; `start` makes one."""

    def __init__(self, suite: Suite, this: session.Session, tree: Path) -> None:
        self.suite = suite
        self.session = this
        self.sandbox = Sandbox(
            this.directory / "slurm", tree, HOSTNAME, (this.shared, Path("/tmp"))
        )
        self.checkout = install.read_checkout()
        self.accounts = {user.name: self._account(user) for user in host.USERS}
        self.controller_port, self.node_port = free_port(), free_port()
        self.version = ""

    def _account(self, user: host.User) -> Account:
        home = self.session.home / user.name
        nothing = Path("/nonexistent")  # it is used inside only
        return Account(user.name, user.uid, user.uid, home, home, nothing, nothing)

    # ---- start and stop ---------------------------------------------------------------------

    def start(self) -> None:
        """Start the daemons and wait until jobs run."""
        for account in self.accounts.values():
            users.make_home(account)
        box = self.sandbox
        box.start()
        for account in self.accounts.values():
            box.run(["usermod", "--home", account.home, account.name])
        self.configure()
        box.write("/etc/slurm/cgroup.conf", CGROUP[self.suite])
        box.write("/etc/slurm/gres.conf", f"Name=gpu Type=tesla File={GPUS}[0-1]\n")
        for number in "01":
            box.run(["mknod", f"{GPUS}{number}", "c", "1", "3"])
        box.write("/etc/munge/munge.key", secrets.token_hex(64), mode=0o400)
        box.run(["install", "-d", "-o", "munge", "-g", "munge", "-m", "755", "/run/munge"])
        box.run(["chown", "-R", "munge:munge", "/etc/munge", "/var/lib/munge", "/var/log/munge"])
        box.run(["install", "-d", "/var/spool/slurmctld"])
        box.run(["install", "-d", "-m", "1777", SCRATCH])
        munge = ("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--force")
        box.launch(munge)
        self.start_controller()
        self.start_node()
        self.version = self.run(["sinfo", "--version"]).stdout.split()[1]

    def configure(self, *, memory_s: int = 300, extra: str = "") -> None:
        """Write the configuration; `memory_s` is how long the controller remembers ended jobs."""
        text = CONFIG.format(
            host=HOSTNAME,
            controller=self.controller_port,
            node=self.node_port,
            memory=memory_s,
        )
        self.sandbox.write("/etc/slurm/slurm.conf", text + extra)

    def start_controller(self, *, fresh: bool = False) -> None:
        """Start slurmctld and wait until it answers; `fresh` is without what it knew before."""
        if fresh:
            self.run(["sh", "-c", "rm -rf /var/spool/slurmctld/*"])
        self.sandbox.launch(["slurmctld"])
        self._wait_for(lambda: self.run(["squeue"], check=False).returncode == 0, "slurmctld")

    def kill_controller(self) -> None:
        """Kill slurmctld where it stands."""
        pid = self.sandbox.path("/run/slurmctld.pid").read_text().strip()
        self.run(["kill", "-KILL", pid])

    def start_node(self) -> None:
        """Start slurmd and wait until it takes jobs."""
        self.sandbox.launch(["slurmd", "-N", HOSTNAME])
        self.run([*NODE, "state=resume"], check=False)  # of one that is not down it is refused
        self._wait_for(lambda: self._node_state().startswith(("idle", "mix", "alloc")), "slurmd")

    def kill_node(self) -> None:
        """Kill slurmd and all that it runs."""
        pid = self.sandbox.path(f"/run/slurmd.{HOSTNAME}.pid").read_text().strip()
        self.run(["kill", "-KILL", pid])

    def fail_node(self) -> None:
        """Let the node vanish with all that it runs, and Slurm notice it."""
        self.kill_node()
        self.run(["pkill", "-KILL", "slurmstepd"], check=False)
        for user in host.USERS:
            self.run(["pkill", "-KILL", "-u", user.name], check=False)
        self.run([*NODE, "state=down", "reason=test"])

    def _node_state(self) -> str:
        return self.run(["sinfo", "-h", "-o", "%T"], check=False).stdout.strip()

    def _wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + READY_S
        while not is_so():
            if time.monotonic() > end:
                raise TestbedError(f"{what} did not start\n{self.logs()}")
            time.sleep(POLL)

    def logs(self) -> str:
        """Return the ends of the daemons' logs."""
        found = sorted(self.sandbox.path("/var/log").glob("slurm*.log"))
        return "\n".join(
            f"{file.name}\n{file.read_text(errors='replace')[-3000:]}" for file in found
        )

    def stop(self) -> None:
        """Stop everything and remove every trace."""
        self.sandbox.stop()
        self.session.end()

    # ---- what it is asked and told ----------------------------------------------------------

    def run(
        self, argv: Sequence[str | Path], *, check: bool = True, timeout: float = 60
    ) -> CompletedProcess[str]:
        """Run a program inside as root to its end."""
        return self.sandbox.run(argv, check=check, timeout=timeout)

    def purge(self) -> None:
        """Remove all jobs, and wait until none runs."""
        for user in host.USERS:
            self.run(["scancel", "-u", user.name], check=False)
        self._wait_for(lambda: not self.run(["squeue", "-h"]).stdout.strip(), "an empty queue")

    def account(self, name: str, work: str) -> LoginNode:
        """Return a user of its login node, with a new home and in it an empty directory named `work`."""
        account = self.accounts[name]
        users.make_home(account)
        places = self.session.directory / "login"
        shutil.rmtree(places / name, ignore_errors=True)
        return LoginNode(self.sandbox, self.checkout, places, account.with_work(work))


def build(suite: Suite) -> Path:
    """Return the cached tree of a suite."""
    return cache.build(
        f"slurm-{suite}", VERSION, lambda tree: chroot.bootstrap(suite, tree, PACKAGES)
    )


def start(suite: Suite) -> Slurm:
    """Build what is missing and start a Slurm."""
    host.require_capable()
    host.ensure_users()
    tree = build(suite)
    running = Slurm(suite, session.begin(f"slurm-{suite}"), tree)
    try:
        running.start()
    except BaseException as error:
        if isinstance(error, TestbedError):
            with contextlib.suppress(OSError):
                print(running.logs())
        running.stop()
        raise
    return running
