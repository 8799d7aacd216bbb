"""The computing element of the far site: HTCondor with the configuration that makes one, as HTCondor-CE is.

Its schedd takes jobs by the user's token and runs none. A job router copies each into the schedd of the pool, with
requests, run time and requirements of the site's: what the job asks for in HTCondor's own words is overwritten.
"""

import json
from collections.abc import Sequence
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.testbed.condor import CondorPool

HOSTNAME = "ce.qingdao.hep"
PORT = 9619
SETTINGS = "/etc/condor-ce/condor_config"
SPOOL = "/var/lib/condor-ce/spool"
DIRECTORIES = (SPOOL, "/var/log/condor-ce", "/run/condor-ce", "/run/lock/condor-ce")

# The router asks the pool's schedd, too, as the user whose job it is.
FOR_THE_POOL = """
QUEUE_SUPER_USERS = condor, root, condor@{domain}, root@{domain}
QUEUE_SUPER_USER_MAY_IMPERSONATE = .*
"""
GLOBAL = """
include : /etc/condor/condor_config
LOCAL_CONFIG_DIR = /etc/condor-ce/config.d
"""
# The words and defaults are those of HTCondor-CE: maxMemory in MB, xcount, maxWallTime in minutes; 2000 MB, one core,
# 72 hours. A job that has begun once does not begin again.
ELEMENT = """
include : /etc/condor/config.d/50-testbed
DAEMON_LIST = MASTER COLLECTOR SCHEDD JOB_ROUTER
NETWORK_HOSTNAME = {hostname}
COLLECTOR_HOST = {hostname}:{port}
SCHEDD_NAME = {hostname}
SPOOL = {spool}
LOG = /var/log/condor-ce
RUN = /run/condor-ce
LOCK = /run/lock/condor-ce
ENABLE_KERNEL_TUNING = False
BEGINS_AGAIN = JobStatus == 1 && (NumJobStarts ?: 0) > 0
SYSTEM_PERIODIC_REMOVE = $(BEGINS_AGAIN) || JobStatus == 5 && time() - EnteredCurrentStatus > 24 * 3600
SYSTEM_PERIODIC_REMOVE_REASON = strcat("the computing element removed it: ", \\
    $(BEGINS_AGAIN) ? "it would begin a second time" : "it was held for a day")

JOB_ROUTER_SCHEDD2_NAME = {schedd}
JOB_ROUTER_SCHEDD2_SPOOL = /var/spool/condor
JOB_ROUTER_SCHEDD2_POOL = {pool}
JOB_ROUTER_SOURCE_JOB_CONSTRAINT = target.JobUniverse =?= 5 && (target.NumJobStarts ?: 0) == 0
JOB_ROUTER_POLLING_PERIOD = 2
JOB_ROUTER_ROUTE_NAMES = Pool
JOB_ROUTER_ROUTE_Pool @=jrt
  UNIVERSE VANILLA
  EVALSET RequestMemory maxMemory ?: 2000
  EVALSET RequestCpus xcount ?: 1
  EVALSET BatchRuntime int(60 * (maxWallTime ?: 4320))
  SET Requirements (NumJobStarts ?: 0) == 0
  EVALSET AllowedJobDuration int(60 * (maxWallTime ?: 4320))
  SET PeriodicRemove $(BEGINS_AGAIN)
  SET RoutedJob true
  COPY /^AuthToken(.+)$/ orig_AuthToken\\1
  DELETE /^AuthToken/
@jrt
"""


class ComputingElement:
    """The element of a pool, in the same sandbox."""

    def __init__(self, pool: "CondorPool") -> None:
        self.pool = pool
        self.name = HOSTNAME
        self.collector = f"{HOSTNAME}:{PORT}"
        self.resource = f"condor {self.name} {self.collector}"

    def start(self) -> None:
        """Start its daemons."""
        box, pool = self.pool.sandbox, self.pool
        text = ELEMENT.format(
            hostname=HOSTNAME,
            port=PORT,
            spool=SPOOL,
            schedd=pool.schedds[0],
            pool=f"{pool.setup.hostname}:{pool.setup.port}",
        )
        box.write(SETTINGS, GLOBAL)
        box.write("/etc/condor-ce/config.d/50-testbed", text)
        box.run(["install", "-d", "-o", "condor", "-g", "condor", *DIRECTORIES])
        box.launch(["condor_master"], env={"CONDOR_CONFIG": SETTINGS})

    def run(self, argv: Sequence[str], *, check: bool = True) -> CompletedProcess[str]:
        """Run a condor_* tool that asks or tells the element, as its administrator."""
        return self.pool.sandbox.run(argv, env={"CONDOR_CONFIG": SETTINGS}, check=check)

    def is_ready(self) -> bool:
        """Tell whether its schedd answers and is in its collector."""
        words = ["condor_q", "-name", self.name, "-af", "ClusterId"]
        return self.run(words, check=False).returncode == 0

    def jobs(
        self, constraint: str = "true", attributes: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Return the ads of the jobs in its queue."""
        return self._ads(["condor_q", "-allusers"], constraint, attributes)

    def history(
        self, constraint: str = "true", attributes: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Return the ads of the jobs that have left its queue."""
        return self._ads(["condor_history"], constraint, attributes)

    def _ads(
        self, command: Sequence[str], constraint: str, attributes: Sequence[str]
    ) -> list[dict[str, Any]]:
        wanted = ["-attributes", ",".join(attributes)] if attributes else []
        words = [*command, "-name", self.name, "-constraint", constraint, "-json", *wanted]
        found: list[dict[str, Any]] = json.loads(self.run(words).stdout or "[]")
        return found

    def purge(self) -> None:
        """Remove all jobs that it has taken."""
        for force in ([], ["-forcex"]):
            if self.jobs(attributes=["ClusterId"]):
                words = ["condor_rm", *force, "-name", self.name, "-constraint", "true"]
                self.run(words, check=False)
