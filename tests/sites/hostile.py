"""A hostile far site: what it holds of a job that has ended is changed before it comes home."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.attacks.attack import Snapshot, furnish, snapshot
from tests.sites.away import Away
from tests.testbed.element import ComputingElement
from tests.testbed.far import FarSite

EVIL = "evil"
PLANTED = "planted by the site\n"


@dataclass(frozen=True)
class Ended:
    """A job that has ended at a far schedd, which has not given back yet what it left.

    Attributes:
        there: the queue at the site that it is in.
        cluster: the cluster at home, by which hepsub knows it.
        number: the job's number there.
        before: the user's files.
    """

    away: Away
    there: FarSite | ComputingElement
    cluster: int
    uuid: str
    number: str
    before: Snapshot | None

    @property
    def home(self) -> Path:
        """The user's home."""
        return self.away.desk.shell.account.home

    @property
    def corner(self) -> Path:
        """Where what the job left belongs."""
        return self.away.desk.bundles / self.uuid / "job/0"

    def ad(self) -> dict[str, Any]:
        """The job's ad there."""
        cluster, proc = self.number.split(".")
        [ad] = self.there.jobs(f"ClusterId == {cluster} && ProcId == {proc}")
        return ad

    def edit(self, attributes: Mapping[str, str], *, check: bool = True) -> None:
        """Change attributes of the job's ad there; each is an expression."""
        name = (
            self.there.name if isinstance(self.there, ComputingElement) else self.there.schedds[0]
        )
        for attribute, expression in attributes.items():
            words = ["condor_qedit", "-name", name, self.number, attribute, expression]
            self.there.run(words, check=check)

    def plant(self, *names: str, text: str = PLANTED) -> None:
        """Put files beside what the job left, and let the schedd send them, too."""
        box, spool = self.away.site.sandbox, self.ad()["Iwd"]
        for name in names:
            box.run(["install", "-d", str(Path(f"{spool}/{name}").parent)])
            box.write(f"{spool}/{name}", text, mode=0o644)
        self.edit({"SpooledOutputFiles": quoted(",".join(names))})

    def changed(self) -> list[str]:
        """The user's files that are not as they were, without the job's logs."""
        assert self.before is not None
        later = snapshot(self.away.desk.shell.account)
        return [each for each in self.before.changed_in(later) if "/job.sh." not in each]


def quoted(text: str) -> str:
    """A ClassAd string."""
    return json.dumps(text)


def run_at_element(away: Away, script: str, *words: str) -> Ended:
    """Let a job run behind the far site's element; its script waits until the element's ad was changed."""
    shell = away.desk.shell
    furnish(shell.account)
    shell.script("job.sh", script)
    submitted = away.submit("job.sh", "-site", "element", *words)
    cluster = submitted["cluster"]
    ad = away.wait_for(cluster, "GridJobId isnt undefined && JobStatus == 2")
    before = snapshot(shell.account)
    number = ad["GridJobId"].split()[-1]
    return Ended(away, away.site.element, cluster, submitted["uuid"], number, before)


def waits_there(away: Away, site: str, submitted: Mapping[str, Any]) -> Ended:
    """A job that waits at the far site, by its element, which has routed it, or its schedd."""
    cluster, uuid = submitted["cluster"], submitted["uuid"]
    if site == "schedd":
        away.until(lambda: away.site.jobs(f"ClusterId == {cluster} && JobStatus == 1"), "its files")
        return Ended(away, away.site, cluster, uuid, f"{cluster}.0", before=None)
    ad = away.wait_for(cluster, "GridJobId isnt undefined")
    number = ad["GridJobId"].split()[-1]
    routed = f'RoutedFromJobId == "{number}"'
    away.until(lambda: away.site.jobs(routed), "its copy in the pool")
    return Ended(away, away.site.element, cluster, uuid, number, before=None)


def end_at_schedd(away: Away, script: str = "echo ran; echo made >made", *words: str) -> Ended:
    """Let a job end at the far site's schedd."""
    shell = away.desk.shell
    furnish(shell.account)
    shell.script("job.sh", script)
    submitted = away.submit("job.sh", "-site", "schedd", *words)
    cluster = submitted["cluster"]
    away.until(lambda: away.site.jobs(f"ClusterId == {cluster} && JobStatus == 4"), "its end")
    before = snapshot(shell.account)
    return Ended(away, away.site, cluster, submitted["uuid"], f"{cluster}.0", before)
