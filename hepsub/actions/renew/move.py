"""Jobs that a computing element holds for reasons of its own go through another one: first they are gone there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hepsub.auth.bearer import read_token
from hepsub.auth.ccache import LARGEST
from hepsub.documents import Malformed, read_file
from hepsub.errors import CredentialMissing, HepsubError, PoolUnreachable, ScheddNotReached
from hepsub.plan.leaving import hold_by_site
from hepsub.plan.model import Element
from hepsub.policy.site import CE, Site

if TYPE_CHECKING:
    from pathlib import Path

    from hepsub.batch_sites import HeldThere, Removed
    from hepsub.batch_system import Leaving
    from hepsub.bundle.bundle import Bundle
    from hepsub.session import Session


class Mover(Struct, kw_only=True, eq=False):
    """What sends jobs of one schedd from one computing element to another.

    An element is asked once for each cluster, and no more in this round where it does not answer: what may still be
    there is not sent anywhere.

    Attributes:
        bundles: the bundles of its clusters, with the tokens that elements are shown.
        over: whether the time of this round is over.
        silent: why elements could not be asked, by their sites.
    """

    session: Session
    leaving: Leaving
    bundles: Mapping[int, Bundle]
    left: Collection[str]
    over: Callable[[], bool] = lambda: False
    silent: dict[str, HepsubError] = field(default_factory=dict)

    def move(self, held: Sequence[HeldThere]) -> Iterator[str]:
        """Send on the jobs that may go; a sentence for those that went, and for those that could not."""
        alike: defaultdict[tuple[int, str, str], list[HeldThere]] = defaultdict(list)
        for each in held:
            if goal := self._goal(each):
                alike[each.cluster, each.site, goal].append(each)
        for (cluster, site, goal), jobs in alike.items():
            if self.over():
                yield f"{len(jobs)} job(s) of {cluster} stay with {site}: hep_auth renew goes on in its next round"
                continue
            if site in self.silent:
                yield f"{len(jobs)} job(s) of {cluster} stay with {site}, which could not be asked"
                continue
            try:
                yield from self._move(cluster, site, goal, jobs)
            except HepsubError as error:
                self._is_silent(site, error)
                yield (
                    f"{len(jobs)} job(s) of {cluster} stay with {site}, where they may still be: {error.message};"
                    " hep_auth renew tries it again"
                )

    def recall(self) -> Iterator[str]:
        """Remove jobs where they wait, at elements that are left out; a sentence for those that were.

        The grid manager holds them as lost then, when it notices, and they go on as those do. Until then they are asked
        for in each round: an element may have been silent, or have refused.
        """
        bad = [n for n in self.left if self.session.policy.site[n].kind == CE]
        waiting = self.leaving.waiting(tuple(self.bundles)) if bad and self.bundles else ()
        alike: defaultdict[tuple[int, str], list[HeldThere]] = defaultdict(list)
        for each in waiting:
            if each.through is not None and each.site in bad and self._other(each):
                alike[each.cluster, each.site].append(each)
        for (cluster, site), jobs in alike.items():
            if self.over() or site in self.silent:
                continue
            try:
                self.leaving.recall([each for each in jobs if not _is_recalled(each)])
                told = self._asked(cluster, site, jobs, waiting=True)
            except HepsubError as error:
                self._is_silent(site, error)
                yield f"{len(jobs)} job(s) of {cluster} go on waiting at {site}: {error.message}"
                continue
            if told.gone:
                yield (
                    f"{len(told.gone)} job(s) of {cluster} that waited at {site} were removed there, and go elsewhere"
                    " when the schedd has noticed"
                )

    def _goal(self, job: HeldThere) -> str:
        """Where a job goes now; empty where it stays."""
        if job.through is None:
            return ""
        if job.through.moving and job.left and job.site not in job.left:
            return job.site  # a round was interrupted when all but its release was done
        bad = job.site in self.left or job.through.recalled
        by_site = bad and bool(hold_by_site(job.code, job.reason))
        if not (by_site or job.through.moving) or job.site in self.silent:
            return ""
        return self._other(job)

    def _other(self, job: HeldThere) -> str:
        """The first site that takes a job instead of the one where it is; empty for none."""
        usable = (n for n in job.elsewhere if n not in self.left and self._element(n, job.cluster))
        return next(usable, "")

    def _element(self, name: str, cluster: int) -> Element | None:
        """A site's computing element as the policy has it now, if it is still shown a token that the jobs have."""
        site = self.session.policy.site.get(name)
        if site is None or site.kind != CE or self._token_file(site, cluster) is None:
            return None
        return Element(resource=site.grid_resource, token=site.token, queue=site.queue)

    def _move(self, cluster: int, name: str, goal: str, jobs: Sequence[HeldThere]) -> Iterator[str]:
        element = self._element(goal, cluster)
        if element is None:
            return
        going = [each for each in jobs if each.through is not None and each.through.moving]
        if asked := [each for each in jobs if each not in going]:
            gone, why = self._gone(cluster, name, asked)
            going += self._still_held(cluster, gone)
            if why:
                yield f"{len(asked) - len(gone)} job(s) of {cluster} stay with {name}: {why}"
        if not going:
            return
        if number := self.leaving.move(going, goal, element):
            was = name if name != goal else going[0].left[-1]
            yield f"{number} job(s) of {cluster} were removed at {was}, and go to {goal}"

    def _is_silent(self, site: str, error: HepsubError) -> None:
        """Note whether an element does not answer."""
        if isinstance(error, (PoolUnreachable, ScheddNotReached)):
            self.silent[site] = error

    def _still_held(self, cluster: int, jobs: Sequence[HeldThere]) -> list[HeldThere]:
        """Jobs as they are now: the grid manager may have noticed that they are gone, or the user released them."""
        now = {each.proc: each for each in self.leaving.held((cluster,))} if jobs else {}
        return [now[each.proc] for each in jobs if each.proc in now]

    def _gone(
        self, cluster: int, name: str, jobs: Sequence[HeldThere]
    ) -> tuple[list[HeldThere], str]:
        """The jobs that an element has removed, and why the others cannot be sent elsewhere."""
        ids = {each.through.id: each for each in jobs if each.through is not None}
        told = self._asked(cluster, name, jobs)
        gone = [each for known, each in ids.items() if known in told.gone]
        reasons = {
            "it has not let go of them yet": told.there,
            "they have ended there": told.ended,
            "it knows nothing of them, so nobody can tell that they do not run": ids.keys()
            - told.gone
            - told.ended
            - told.there,
        }
        said = [f"{why} ({len(those)})" for why, those in reasons.items() if those]
        return gone, "; ".join(said)

    def _asked(
        self, cluster: int, name: str, jobs: Sequence[HeldThere], *, waiting: bool = False
    ) -> Removed:
        """What an element tells of jobs that it was to remove."""
        site = self.session.policy.site[name]
        known = [each.through for each in jobs if each.through is not None]
        element = self.session.element(site.grid_resource, self._token(site, cluster))
        since = min(each.submitted for each in known)
        return element.remove({each.id for each in known}, since, waiting=waiting)

    def _token(self, site: Site, cluster: int) -> str:
        file = self._token_file(site, cluster)
        if file is None:  # the policy named another token when they were submitted
            raise CredentialMissing(f"they were submitted without the token {site.token}")
        try:
            return read_token(site.token, read_file(file, LARGEST)).content.decode()
        except (OSError, Malformed) as error:
            raise CredentialMissing(f"the token in {file} cannot be read: {error}") from error

    def _token_file(self, site: Site, cluster: int) -> Path | None:
        bundle = self.bundles.get(cluster)
        return bundle.master_credential(site.token) if bundle is not None else None


def _is_recalled(job: HeldThere) -> bool:
    return job.through is not None and job.through.recalled
