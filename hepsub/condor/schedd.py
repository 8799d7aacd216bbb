"""One schedd behind hepsub's seam: what is submitted to it, what is done to its jobs, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

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
)
from hepsub.condor.attributes import GATE, SUBMITTED_ON_HOLD, integer
from hepsub.condor.bindings import bindings
from hepsub.condor.connection import Connection
from hepsub.errors import PoolError, SubmissionRefused
from hepsub.jobid import JobId, SubmissionRef

if TYPE_CHECKING:
    from hepsub.batch_edit import Edit
    from hepsub.batch_logs import LogPlaces, Piece, Stream
    from hepsub.batch_offers import Offer
    from hepsub.condor.credd import Produce
    from hepsub.condor.description import SubmitDescription
    from hepsub.condor.leaving import CondorLeaving
    from hepsub.condor.logs import LookInto
    from hepsub.condor.spool import CondorSpool
    from hepsub.plan.credentials import JobCredential
    from hepsub.plan.model import Plan


class CondorSchedd(Struct, kw_only=True, eq=False):
    """One schedd, as hepsub's seam wants it.

    Whatever cannot be asked or done raises PoolUnreachable, AuthenticationRefused or PoolError; what HTCondor's own
    commands have to do, ToolFailed.

    Attributes:
        pool: its pool's name in the policy.
        collector: host[:port] of its pool; empty for HTCondor's own configuration.
        produce_ticket: runs the program that HTCondor's configuration names, with a credential cache; returns
            what it made of it.
        edit_cluster: changes an attribute of a cluster ad, which the bindings cannot do: schedd, collector,
            ClusterId, attribute, value.
        has_edit_cluster: whether that is possible here.
        look_into: reads a file of a running job, which the bindings cannot do.
        unsent: what the bindings answered to the submissions whose files are still to be sent, by ClusterId.
    """

    pool: str
    connection: Connection
    collector: str
    produce_ticket: Produce
    edit_cluster: Callable[[str, str, int, str, str], None]
    has_edit_cluster: Callable[[], bool]
    look_into: LookInto
    unsent: dict[int, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Full name of the schedd."""
        return self.connection.name

    @property
    def host(self) -> str:
        """The host that the schedd runs on."""
        return self.connection.address.machine

    @property
    def edits_factories(self) -> bool:
        """Whether condor_qedit is here, which alone reaches what a factory has still to make."""
        return self.has_edit_cluster()

    @property
    def spool(self) -> CondorSpool:
        """Its jobs whose files it is given."""
        from hepsub.condor.spool import CondorSpool

        return CondorSpool(connection=self.connection, unsent=self.unsent)

    @property
    def leaving(self) -> CondorLeaving:
        """Its jobs at remote sites."""
        from hepsub.condor.leaving import CondorLeaving

        return CondorLeaving(
            connection=self.connection,
            edit_cluster=self._edit_cluster,
            has_edit_cluster=self.has_edit_cluster,
        )

    def identity(self) -> str:
        """Who the schedd takes us for when we submit, and by which method."""
        return self.connection.identity()

    def account(self) -> str:
        """The account to which the schedd maps us: the owner of what we submit."""
        return self.connection.account()

    # ---- submissions ----------------------------------------------------------------------------

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
            PoolUnreachable, AuthenticationRefused, SubmissionRefused: nothing was submitted, as far as the client
                could tell: only the UUID in the queue says so for certain.
        """
        description = self._describe(plan, uuid)

        def once(schedd: Any) -> Submitted:  # noqa: ANN401
            submit = bindings().Submit(description.text)
            spool = plan.route.delivery.handed_over
            if description.items:
                items = iter([dict(item) for item in description.items])
                answer = schedd.submit(submit, itemdata=items, spool=spool)
            else:
                answer = schedd.submit(submit, count=plan.number, spool=spool)
            ref = SubmissionRef(
                uuid=uuid,
                pool=self.pool,
                schedd=self.name,
                cluster=answer.cluster(),
                number=plan.number,
            )
            if spool:
                self.unsent[ref.cluster] = answer
            return Submitted(ref=ref, notes=_limit_notes(plan))

        try:
            # Not as writing: a ping after the failure may find a schedd that died when it had committed. What it says
            # then would be taken for the words of one that never heard of the submission.
            return self.connection.call(once)
        except PoolError as error:
            from hepsub.condor.answers import REFUSED_REMEDY

            # in the words of its administrators (SUBMIT_REQUIREMENT_NAMES), or HTCondor's
            raise SubmissionRefused(error.message, remedy=REFUSED_REMEDY) from error

    def offers(self, plan: Plan, patience_s: int) -> tuple[Offer, ...]:
        """What the largest slots have that the jobs of a plan may run on; none where that is not known."""
        if plan.route.element is not None:  # its slots are in another pool
            return ()
        from hepsub.condor.offers import find_offers

        domain = str(bindings().param.get("FILESYSTEM_DOMAIN") or "")
        return find_offers(plan, self.collector, domain, patience_s)

    def _describe(self, plan: Plan, uuid: str) -> SubmitDescription:
        from hepsub.condor.description import describe

        return describe(plan, uuid, str(bindings().param.get("FILESYSTEM_DOMAIN") or ""))

    def open_gate(self, cluster: int, *, factory: bool, held: bool = False) -> None:
        """Let the jobs of a cluster start whose bundle is complete now."""
        # First, because the command may not be there: the jobs that exist would start, and the rest never.
        if factory:
            self._edit_cluster(cluster, GATE, "true")
        meant = f"ClusterId == {cluster}"
        self.connection.edit(meant, GATE, "true")
        if held:
            # Whoever has held one of them besides keeps it.
            waiting = f"{meant} && HoldReasonCode == {SUBMITTED_ON_HOLD}"
            self.connection.act("Release", waiting, "its bundle is complete")

    def store_credential(self, credential: JobCredential, content: bytes) -> None:
        """Hand a credential over to the credd on the schedd's host."""
        from hepsub.condor.credd import store_credential

        def once(_: object) -> None:
            store_credential(credential, content, self.host, self.collector, self.produce_ticket)

        self.connection.call(once, writing=True)

    # ---- what it is asked -----------------------------------------------------------------------

    def find(self, selection: Selection) -> tuple[SubmissionRef, ...]:
        """The clusters of a selection in the queue or, failing that, in the history."""
        from hepsub.condor.queries import find

        return find(self.connection, selection, self.pool)

    def queue(self, selection: Selection, now: float, *, brief: bool = False) -> Queue:
        """The jobs of a selection that are in the queue."""
        from hepsub.condor.queries import queue

        return queue(self.connection, selection, now, brief=brief)

    def count(self, selection: Selection) -> Counts:
        """How many jobs of a selection are in the queue."""
        from hepsub.condor.queries import count

        return count(self.connection, selection)

    def has_factories(self, selection: Selection) -> bool:
        """Whether an act would count factories besides the jobs of a selection."""
        from hepsub.condor.queries import has_factories

        return has_factories(self.connection, selection)

    def count_clusters(self, selection: Selection, now: float) -> tuple[ClusterCounts, ...]:
        """The clusters of a selection that are in the queue, their jobs counted."""
        from hepsub.condor.queries import count_clusters

        return count_clusters(self.connection, selection, now)

    def history(self, selection: Selection, most: int, since: float = 0) -> tuple[JobStatus, ...]:
        """The jobs of a selection that left the queue, the latest first."""
        from hepsub.condor.queries import history

        return history(self.connection, selection, most, since)

    def log_places(self, job: JobId) -> LogPlaces | None:
        """One job, of the queue or of the history, and where its logs are."""
        from hepsub.condor.logs import log_places

        return log_places(self.connection, job)

    def watch(
        self, job: JobId, stream: Stream, most: int, *, follow: bool
    ) -> AbstractContextManager[Iterator[Piece | None]]:
        """What a running job has written, read where it runs.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: the schedd does not know who asks.
        """
        from hepsub.condor.logs import FILE_THERE

        self.account()  # who is not believed gets a token by this; HTCondor's own command gets none
        file = FILE_THERE[stream]
        return self.look_into(self.name, self.collector, str(job), file, most, follow=follow)

    def explain(
        self, job: JobStatus, meant: str, now: float, token_end: float | None = None
    ) -> Advice:
        """Why a job is where it is that is idle, on hold, or with a computing element."""
        from hepsub.condor.ads import is_proc
        from hepsub.condor.collector import find_slots
        from hepsub.condor.explain import explain_held, explain_idle
        from hepsub.condor.explain_element import explain_there, goes_through_element

        ads = self.connection.query(is_proc(job.cluster, job.proc))
        ad = ads[0] if ads else None
        if ad is not None and goes_through_element(ad):
            return explain_there(job, ad, meant, now, token_end)
        if job.state is State.HELD:
            return explain_held(job, ad, meant)
        return explain_idle(job, ad, lambda: find_slots(self.collector), meant, now)

    # ---- what is done to its jobs ---------------------------------------------------------------

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection."""
        from hepsub.condor.ads import constraint

        action, reason = act.value.capitalize(), f"hepsub was asked to {act.value} it"
        answer = self.connection.act(action, constraint(selection), reason)
        return ActCount(
            done=integer(answer, "TotalSuccess") or 0,
            already=integer(answer, "TotalAlreadyDone") or 0,
            wrong_state=integer(answer, "TotalBadStatus") or 0,
            denied=integer(answer, "TotalPermissionDenied") or 0,
        )

    def edit(
        self, selection: Selection | None, wanted: Edit, factories: tuple[int, ...] = ()
    ) -> None:
        """Change what jobs ask for that exist, and those that factories have still to make.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError, ToolFailed: not everything was changed.
            NotDone: some of them cannot be changed so: nothing was.
            UnknownWalltime, WalltimeTooLong: their group has no such walltime: nothing was changed.
        """
        from hepsub.condor.ads import constraint
        from hepsub.condor.edit import edit_jobs

        meant = constraint(selection) if selection is not None else ""
        edit_jobs(self.connection, meant, wanted, factories, self._edit_cluster)

    def _edit_cluster(self, cluster: int, attribute: str, value: str) -> None:
        self.edit_cluster(self.name, self.collector, cluster, attribute, value)


def _limit_notes(plan: Plan) -> tuple[str, ...]:
    """What to say where the administrators limit what jobs may reach: their limit replaces the job's own."""
    limit = str(bindings().param.get("LIMIT_DIRECTORY_ACCESS") or "")
    if not limit or plan.staging is None or not plan.staging.confined:
        return ()
    return (
        f"on this host LIMIT_DIRECTORY_ACCESS = {limit} replaces the limit of these jobs to their own directory; where"
        f" it does not hold {plan.staging.bundle_root} they are put on hold",
    )
