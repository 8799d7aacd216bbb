"""The pool, by HTCondor's bindings.

The bindings say little in their types of errors, so texts are read here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.batch import (
    Act,
    ActCount,
    Advice,
    ClusterCounts,
    Counts,
    JobStatus,
    Queue,
    Selection,
    State,
    Submitted,
    clusters_of,
)
from hepsub.condor.attributes import GATE, ClassAd, integer, text
from hepsub.condor.bindings import bindings, client_methods
from hepsub.condor.collector import ScheddAddress, find_slots
from hepsub.errors import AuthenticationRefused, HepsubError, PoolError, SubmissionRefused
from hepsub.jobid import SubmissionRef

if TYPE_CHECKING:
    from hepsub.condor.credd import Produce
    from hepsub.condor.description import SubmitDescription
    from hepsub.plan.credentials import JobCredential
    from hepsub.plan.model import Plan

T = TypeVar("T")

_FEW = 2000
"""So many jobs are sent sooner than a schedd with ten times as many has grouped them."""


class CondorSchedd(Struct, kw_only=True, eq=False):
    """One schedd, as hepsub's seam wants it.

    Attributes:
        pool: its pool's name in the policy.
        collector: host[:port] of its pool; empty for HTCondor's own configuration.
        obtain_token: asked once when authentication is refused; returns whether a new token is
            there and another try makes sense.
        produce_ticket: runs the program that HTCondor's configuration names, with a credential cache; returns
            what it made of it.
        edit_cluster: changes an attribute of a cluster ad, which the bindings cannot do: schedd, collector,
            ClusterId, attribute, value.
        has_edit_cluster: whether that is possible here.
        unsent: what the bindings answered to the submissions whose files are still to be sent, by ClusterId.
    """

    pool: str
    address: ScheddAddress
    collector: str
    obtain_token: Callable[[str], bool]
    produce_ticket: Produce
    edit_cluster: Callable[[str, str, int, str, str], None]
    has_edit_cluster: Callable[[], bool]
    unsent: dict[int, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Full name of the schedd."""
        return self.address.name

    @property
    def host(self) -> str:
        """The host that the schedd runs on."""
        return self.address.machine

    @property
    def edits_factories(self) -> bool:
        """Whether condor_qedit is here, which alone reaches what a factory has still to make."""
        return self.has_edit_cluster()

    def identity(self) -> str:
        """Who the schedd takes us for when we submit, and by which method.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it cannot be asked, or believes nothing.
        """

        def once() -> str:
            answer = bindings().ping(self.address.ad, "WRITE")
            method = text(answer, "AuthMethods") or "no authentication"
            return f"{text(answer, 'MyRemoteUserName') or 'nobody'}, by {method}"

        return self._guarded(once)

    def open_gate(self, cluster: int, *, factory: bool) -> None:
        """Let the jobs of a cluster start whose bundle is complete now.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError, ToolFailed: it stays closed.
        """
        if factory:
            self.edit_cluster(self.name, self.collector, cluster, GATE, "true")

        def once() -> None:
            self._schedd().edit(f"ClusterId == {cluster}", GATE, "true")

        self._guarded(once, writing=True)

    def store_credential(self, credential: JobCredential, content: bytes) -> None:
        """Hand a credential over to the credd on the schedd's host.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it has none, or does not take it.
        """
        from hepsub.condor.credd import store_credential

        def once() -> None:
            store_credential(credential, content, self.host, self.collector, self.produce_ticket)

        self._guarded(once, writing=True)

    def describe(self, plan: Plan, uuid: str) -> str:
        """The submit description, without a queue statement.

        Raises:
            NotExpressible: a path or name holds what HTCondor would read as something else.
        """
        return self._describe(plan, uuid).text

    def submit(self, plan: Plan, uuid: str) -> Submitted:
        """Submit one cluster in one transaction.

        Raises:
            NotExpressible: as `describe`.
            PoolUnreachable, AuthenticationRefused, SubmissionRefused: nothing was submitted, as
                far as the client could tell.
        """
        from hepsub.condor.answers import REFUSED_REMEDY

        description = self._describe(plan, uuid)

        def once() -> Submitted:
            submit = bindings().Submit(description.text)
            spool = plan.route.delivery.handed_over
            if description.items:
                items = iter([dict(item) for item in description.items])
                answer = self._schedd().submit(submit, itemdata=items, spool=spool)
            else:
                answer = self._schedd().submit(submit, count=description.number, spool=spool)
            ref = SubmissionRef(
                uuid=uuid,
                pool=self.pool,
                schedd=self.name,
                cluster=answer.cluster(),
                number=description.number,
            )
            if spool:
                self.unsent[ref.cluster] = answer
            return Submitted(ref=ref, notes=_limit_notes(plan))

        try:
            return self._guarded(once, writing=True)
        except (
            PoolError
        ) as error:  # in the words of its administrators (SUBMIT_REQUIREMENT_NAMES), or HTCondor's
            raise SubmissionRefused(error.message, remedy=REFUSED_REMEDY) from error

    def hand_over(self, cluster: int) -> None:
        """Send the files of a cluster to the schedd's spool; until then its jobs are on hold (code 16).

        Only the connection that submitted the cluster can do that: the bindings keep the procs' ads in what they
        answered, and make nothing of the same ads from the queue.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: they did not arrive.
        """
        self._guarded(lambda: self._schedd().spool(self.unsent[cluster]), writing=True)
        del self.unsent[cluster]

    def fetch(self, selection: Selection) -> None:
        """Fetch what ended jobs left in the schedd's spool; they leave the queue then.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it could not be fetched.
        """
        from hepsub.condor.ads import constraint

        ended = replace(selection, states=(State.COMPLETED,))
        self._guarded(lambda: self._schedd().retrieve(constraint(ended)), writing=True)

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters of a selection in the queue or, failing that, in the history.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """
        from hepsub.condor.ads import FIND_PROJECTION, constraint, read_submissions

        queued = self._query(constraint(selection), FIND_PROJECTION, "IncludeClusterAd")
        return read_submissions(queued, self.pool, self.name) or read_submissions(
            self._history(selection, FIND_PROJECTION, 1), self.pool, self.name
        )

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:
        """The jobs of a selection that are in the queue.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """
        from hepsub.condor.ads import PROJECTION, TABLE_PROJECTION

        return self._queue(selection, now, TABLE_PROJECTION if brief else PROJECTION)

    def count(self, selection: Selection) -> Counts:
        """How many jobs of a selection are in the queue: the schedd counts them, and sends no job.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """
        from hepsub.condor.ads import (
            FACTORY_PROJECTION,
            cluster_constraint,
            constraint,
            read_counts,
        )

        summary = self._query(constraint(selection), FACTORY_PROJECTION, "SummaryOnly")
        factories = self._query(
            cluster_constraint(selection), FACTORY_PROJECTION, "IncludeClusterAd"
        )
        return read_counts(summary, factories, self.name, selection)

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:
        """The clusters of a selection that are in the queue, their jobs counted.

        Many jobs are grouped by the schedd, which looks at the jobs of all users for that; few are sent.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """
        from hepsub.condor.ads import GROUP_PROJECTION, constraint, groups_hold, read_groups

        counts = self.count(selection)
        if counts.total() <= _FEW or not groups_hold(selection):
            return clusters_of(self._queue(selection, now, ("ProcId", *GROUP_PROJECTION)))
        groups = self._query(constraint(selection), GROUP_PROJECTION, "GroupBy")
        return read_groups(groups, counts.unmade, self.name)

    def _queue(self, selection: Selection, now: float, projection: tuple[str, ...]) -> Queue:
        from hepsub.condor.ads import FACTORY_PROJECTION, cluster_constraint, constraint, read_queue

        wanted = f"(ProcId isnt undefined && {constraint(selection)}) || ({cluster_constraint(selection)})"
        ads = self._query(
            wanted, tuple(dict.fromkeys((*projection, *FACTORY_PROJECTION))), "IncludeClusterAd"
        )
        return read_queue(ads, self.name, selection, now)

    def history(self, selection: Selection, most: int) -> tuple[JobStatus, ...]:
        """The jobs of a selection that left the queue, the latest first.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """
        from hepsub.condor.ads import PROJECTION
        from hepsub.condor.jobs import read_job

        found = (read_job(ad, self.name, 0) for ad in self._history(selection, PROJECTION, most))
        return tuple(job for job in found if job is not None)

    def _query(self, wanted: str, projection: tuple[str, ...], how: str) -> list[ClassAd]:
        """The ads for which an expression is true, of procs and, with IncludeClusterAd, of clusters.

        Args:
            wanted: the expression.
            projection: the attributes.
            how: the name of one of the bindings' QueryOpts.
        """

        def once() -> list[ClassAd]:
            opts = getattr(bindings().QueryOpts, how)
            return list(
                self._schedd().query(constraint=wanted, projection=list(projection), opts=opts)
            )

        return self._guarded(once)

    def _history(
        self, selection: Selection, projection: tuple[str, ...], most: int
    ) -> list[ClassAd]:
        """The ads of procs of a selection that left the queue."""
        from hepsub.condor.ads import constraint

        return self._guarded(
            lambda: list(self._schedd().history(constraint(selection), list(projection), most))
        )

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: nothing was done.
        """
        from hepsub.condor.ads import constraint

        def once() -> ActCount:
            htcondor = bindings()
            action = {
                Act.REMOVE: htcondor.JobAction.Remove,
                Act.HOLD: htcondor.JobAction.Hold,
                Act.RELEASE: htcondor.JobAction.Release,
            }[act]
            reason = (
                f"hepsub was asked to {act.value} it",
                0,
            )  # the bindings lose a reason that is no pair
            answer = self._schedd().act(action, constraint(selection), reason)
            return ActCount(
                done=integer(answer, "TotalSuccess") or 0,
                already=integer(answer, "TotalAlreadyDone") or 0,
                wrong_state=integer(answer, "TotalBadStatus") or 0,
                denied=integer(answer, "TotalPermissionDenied") or 0,
                missing=integer(answer, "TotalNotFound") or 0,
            )

        return self._guarded(once, writing=True)

    def edit_memory(
        self, selection: Selection | None, memory_mb: int, factories: tuple[int, ...] = ()
    ) -> None:
        """Change RequestMemory of jobs that exist, and of those that factories have still to make.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError, ToolFailed: not everything was changed.
        """
        from hepsub.condor.ads import constraint

        for cluster in factories:
            self.edit_cluster(self.name, self.collector, cluster, "RequestMemory", str(memory_mb))
        if selection is None:
            return
        meant = constraint(selection)

        def once() -> None:
            self._schedd().edit(meant, "RequestMemory", str(memory_mb))

        self._guarded(once, writing=True)

    def explain(self, job: JobStatus, meant: str, now: float) -> Advice:
        """Why an idle or held job is where it is; `meant` is what the next command shall name.

        Raises:
            PoolUnreachable, PoolError: the pool could not be asked.
        """
        from hepsub.condor.explain import explain_held, explain_idle

        one = f"ClusterId == {job.cluster} && ProcId == {job.proc}"
        ads = self._guarded(lambda: list(self._schedd().query(constraint=one)))
        ad = ads[0] if ads else None
        if job.state is State.HELD:
            return explain_held(job, ad, meant)
        return explain_idle(job, ad, lambda: find_slots(self.collector), meant, now)

    def _describe(self, plan: Plan, uuid: str) -> SubmitDescription:
        from hepsub.condor.description import describe

        domain = bindings().param.get("FILESYSTEM_DOMAIN")
        return describe(plan, uuid, domain) if domain else describe(plan, uuid)

    def _schedd(self) -> Any:  # noqa: ANN401
        return bindings().Schedd(self.address.ad)

    def _guarded(self, call: Callable[[], T], *, writing: bool = False) -> T:
        """Call the bindings; with a new token once more, if authentication was the trouble."""
        htcondor = bindings()
        try:
            return call()
        except (htcondor.HTCondorException, ValueError, RuntimeError, IndexError) as error:
            problem = self._error(str(error), writing=writing)
            if not isinstance(problem, AuthenticationRefused) or not self._obtain_token(problem):
                raise problem from error
        try:
            return call()
        except (htcondor.HTCondorException, ValueError, RuntimeError, IndexError) as error:
            raise self._error(str(error), writing=writing) from error

    def _obtain_token(self, refused: AuthenticationRefused) -> bool:
        try:
            return self.obtain_token(self.name)
        except HepsubError as error:
            raise AuthenticationRefused(
                f"{refused.message}; and there is no token to show instead: {error.message}",
                remedy=error.remedy,
            ) from error

    def _error(self, text: str, *, writing: bool) -> HepsubError:
        """The bindings' text as one of hepsub's errors; for some calls they do not say why."""
        from hepsub.condor.answers import says_why, schedd_error

        if writing and not says_why(text):
            text = f"{text}|{self._ping_error()}".rstrip("|")
        return schedd_error(self.name, text, client_methods())

    def _ping_error(self) -> str:
        """Why the schedd does not let us write; empty when it does."""
        htcondor = bindings()
        try:
            htcondor.ping(self.address.ad, "WRITE")
        except htcondor.HTCondorException as error:
            return str(error)
        return ""


def _limit_notes(plan: Plan) -> tuple[str, ...]:
    """What to say where the administrators limit what jobs may reach: their limit replaces the job's own."""
    limit = str(bindings().param.get("LIMIT_DIRECTORY_ACCESS") or "")
    if not limit or plan.staging is None or not plan.staging.confined:
        return ()
    return (
        f"on this host LIMIT_DIRECTORY_ACCESS = {limit} replaces the limit of these jobs to their own directory; where"
        f" it does not hold {plan.staging.bundle_root} they are put on hold",
    )
