"""A user at home who sends jobs to the far site with HTCondor's own tools, in the grid universe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed import users
from tests.testbed.far import FarSite
from tests.testbed.openid import OpenId
from tests.testbed.pool import Pool
from tests.testbed.users import Account

TIMEOUT = 90
GRID = """\
universe = grid
grid_resource = {resource}
scitokens_file = {token}
+remote_JobUniverse = 5
+remote_ShouldTransferFiles = "YES"
+remote_WhenToTransferOutput = "ON_EXIT"
executable = {script}
should_transfer_files = YES
when_to_transfer_output = ON_EXIT
initialdir = {work}
output = {name}.$(ProcId).out
error = {name}.$(ProcId).err
log = {name}.log
{lines}
queue {jobs}
"""


@dataclass(frozen=True)
class Sender:
    """Alice at home, the far site, and the token that she shows there."""

    pool: Pool
    account: Account
    site: FarSite
    openid: OpenId

    @property
    def token(self) -> Path:
        """Return the file of the token."""
        return self.account.work / "token"

    def renew(self, life_s: float = 3600) -> None:
        """Write a token into the file, in one step; with a negative life an expired one."""
        token = self.openid.token("alice", audience=self.site.audience, life_s=life_s)
        users.give_secret(self.account, self.token, token)

    def send(self, name: str, script: str, *lines: str, jobs: int = 1) -> int:
        """Submit a shell script for the far site's computing element; return the cluster."""
        description = GRID.format(
            resource=self.site.element.resource,
            token=self.token,
            script=self.account.write(f"{name}.sh", f"#!/bin/sh\n{script}\n", mode=0o755),
            work=self.account.work,
            name=name,
            lines="\n".join(lines),
            jobs=jobs,
        )
        file = self.account.write(f"{name}.sub", description)
        said = self.pool.run(["condor_submit", "-terse", file], user=self.account.name).stdout
        return int(said.partition(".")[0])

    def remove(self, *clusters: int) -> None:
        """Remove jobs at home."""
        words = ["condor_rm", *(str(cluster) for cluster in clusters)]
        self.pool.run(words, user=self.account.name)

    def text(self, name: str) -> str:
        """Return a file that came home."""
        return (self.account.work / name).read_text()

    def wait_for(self, cluster: int, what: str) -> dict[str, Any]:
        """Wait until a job's ad at home says so, and return it."""
        constraint = f"ClusterId == {cluster} && {what}"
        return self.pool.wait_for(lambda: self.pool.jobs(constraint), TIMEOUT, constraint)[0]

    def ended(self, cluster: int, jobs: int = 1) -> list[dict[str, Any]]:
        """Wait until all jobs have left home's queue, and return their ads."""
        constraint = f"ClusterId == {cluster}"

        def gone() -> list[dict[str, Any]]:
            left = self.pool.history(constraint)
            return left if len(left) == jobs else []

        return self.pool.wait_for(gone, TIMEOUT, f"the end of {cluster}")

    def there(self, cluster: int, proc: int = 0) -> str:
        """Return the job's number at the computing element, for the end of GridJobId."""
        ad = self.wait_for(cluster, f"ProcId == {proc} && GridJobId isnt undefined")
        return str(ad["GridJobId"]).split()[-1]

    def routed(self, number: str) -> list[dict[str, Any]]:
        """Return the ads that the site's own schedd has or had of a job of the computing element."""
        constraint = f'RoutedFromJobId == "{number}"'
        return self.site.jobs_ever(constraint)
