"""The pool, by HTCondor's bindings.

The bindings say little in their types of errors, so texts are read here and nowhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from hepsub.batch import Act, ActCount, Advice, JobStatus, Queue, Selection, State, Submitted
from hepsub.condor.ads import (
    FIND_PROJECTION,
    PROJECTION,
    cluster_constraint,
    constraint,
    read_job,
    read_queue,
    read_submitted,
)
from hepsub.condor.answers import says_why, schedd_error
from hepsub.condor.bindings import bindings, client_methods, missing_configuration
from hepsub.condor.credd import Produce, store_credential
from hepsub.condor.description import GATE, SubmitDescription, describe
from hepsub.condor.explain import explain_held, explain_idle
from hepsub.errors import AuthenticationRefused, HepsubError, PoolUnreachable
from hepsub.plan.credentials import JobCredential
from hepsub.plan.model import Plan

T = TypeVar("T")
_SLOT_TYPES = ("Static", "Partitionable")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheddAddress:
    """A schedd as the collector knows it.

    Attributes:
        name: full name.
        machine: the host it runs on.
        version: HTCondor's version, as it says it.
        ad: the location, opaque to everybody else.
    """

    name: str
    machine: str
    version: str
    ad: object


def find_schedds(collector: str) -> tuple[ScheddAddress, ...]:
    """The schedds of a pool, by name.

    Args:
        collector: host[:port]; empty for HTCondor's own configuration.

    Raises:
        PoolUnreachable: no collector is configured, or it does not answer.
    """
    if (missing := missing_configuration()) and not collector:
        raise PoolUnreachable(
            f"HTCondor's configuration {missing}, which CONDOR_CONFIG names, is not there",
            remedy="correct the variable, or make the file's file system available",
        )
    htcondor = bindings()
    wanted = ["Name", "Machine", "CondorVersion", "MyAddress", "AddressV1", "CondorPlatform"]
    try:
        source = htcondor.Collector(collector) if collector else htcondor.Collector()
        ads = source.query(htcondor.AdType.Schedd, projection=wanted)
    except htcondor.HTCondorException as error:
        raise _collector_error(str(error), collector) from error
    found = [
        ScheddAddress(
            name=ad["Name"],
            machine=ad.get("Machine", ""),
            version=ad.get("CondorVersion", ""),
            ad=ad,
        )
        for ad in ads
        if "MyAddress" in ad
    ]
    return tuple(sorted(found, key=lambda each: each.name))


def token_directory(home: Path) -> Path:
    """Where HTCondor looks for the user's IDTOKENS."""
    configured = bindings().param.get("SEC_TOKEN_DIRECTORY")
    return Path(configured) if configured else home / ".condor" / "tokens.d"


def _collector_error(text: str, collector: str) -> HepsubError:
    if "determine collector" in text:
        return PoolUnreachable(
            "no HTCondor pool is configured on this machine",
            remedy="log in to a submit node, or name the pool in ~/.config/hepsub/config.toml:"
            ' [pool.local] collector = "HOST"',
        )
    where = collector or str(bindings().param.get("COLLECTOR_HOST", ""))
    return PoolUnreachable(
        f"the collector {where} does not answer ({text.rstrip('.')})",
        remedy="try again in a minute; when it stays away, tell the administrators of the pool",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CondorSchedd:
    """One schedd, as hepsub's seam wants it.

    Attributes:
        address: where it is.
        collector: host[:port] of its pool; empty for HTCondor's own configuration.
        obtain_token: asked once when authentication is refused; returns whether a new token is
            there and another try makes sense.
        produce_ticket: runs the program that HTCondor's configuration names, with a credential cache; returns
            what it made of it.
    """

    address: ScheddAddress
    collector: str
    obtain_token: Callable[[str], bool]
    produce_ticket: Produce

    @property
    def name(self) -> str:
        """Full name of the schedd."""
        return self.address.name

    @property
    def host(self) -> str:
        """The host that the schedd runs on."""
        return self.address.machine

    def identity(self) -> str:
        """Who the schedd takes us for when we submit, and by which method.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it cannot be asked, or believes nothing.
        """

        def once() -> str:
            answer = bindings().ping(self.address.ad, "WRITE")
            method = str(answer.get("AuthMethods", "")) or "no authentication"
            return f"{answer.get('MyRemoteUserName', 'nobody')}, by {method}"

        return self._guarded(once)

    def open_gate(self, cluster: int) -> None:
        """Let the jobs of a cluster start whose bundle is complete now.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it stays closed.
        """

        def once() -> None:
            self._schedd().edit(f"ClusterId == {cluster}", GATE, "true")

        self._guarded(once, writing=True)

    def store_credential(self, credential: JobCredential, content: bytes) -> None:
        """Hand a credential over to the credd on the schedd's host.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it has none, or does not take it.
        """

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
        description = self._describe(plan, uuid)

        def once() -> Submitted:
            submit, spool = bindings().Submit(description.text), plan.route.spool
            if description.items:
                items = iter([dict(item) for item in description.items])
                answer = self._schedd().submit(submit, itemdata=items, spool=spool)
            else:
                answer = self._schedd().submit(submit, count=description.number, spool=spool)
            return Submitted(
                schedd=self.name,
                cluster=answer.cluster(),
                number=description.number,
                uuid=uuid,
                handle=answer if spool else None,
            )

        return self._guarded(once, writing=True)

    def hand_over(self, submitted: Submitted) -> None:
        """Send the files of a cluster to the schedd's spool; until then its jobs are on hold (code 16).

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: they did not arrive.
        """
        self._guarded(lambda: self._schedd().spool(submitted.handle), writing=True)

    def fetch(self, selection: Selection) -> None:
        """Fetch what ended jobs left in the schedd's spool; they leave the queue then.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it could not be fetched.
        """
        ended = replace(selection, states=(State.COMPLETED,))
        self._guarded(lambda: self._schedd().retrieve(constraint(ended)), writing=True)

    def find(self, selection: Selection) -> tuple[Submitted, ...]:
        """The clusters of a selection in the queue or, failing that, in the history.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """

        def once() -> tuple[Submitted, ...]:
            htcondor = bindings()
            schedd = self._schedd()
            ads = schedd.query(
                constraint=constraint(selection),
                projection=list(FIND_PROJECTION),
                opts=htcondor.QueryOpts.IncludeClusterAd,
            )
            found = read_submitted(map(_plain, ads), self.name)
            if found:
                return found
            past = schedd.history(constraint(selection), list(FIND_PROJECTION), 1)
            return read_submitted(map(_plain, past), self.name)

        return self._guarded(once)

    def queue(self, selection: Selection, now: float) -> Queue:
        """The jobs of a selection that are in the queue.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """

        def once() -> Queue:
            htcondor = bindings()
            schedd = self._schedd()
            wanted = f"(ProcId isnt undefined && {constraint(selection)}) || ({cluster_constraint(selection)})"
            ads = schedd.query(
                constraint=wanted,
                projection=list(PROJECTION),
                opts=htcondor.QueryOpts.IncludeClusterAd,
            )
            return read_queue(map(_plain, ads), self.name, selection, now)

        return self._guarded(once)

    def history(self, selection: Selection, most: int) -> tuple[JobStatus, ...]:
        """The jobs of a selection that left the queue, the latest first.

        Raises:
            PoolUnreachable, PoolError: it could not be asked.
        """

        def once() -> tuple[JobStatus, ...]:
            ads = self._schedd().history(constraint(selection), list(PROJECTION), most)
            return tuple(read_job(_plain(ad), self.name, 0) for ad in ads)

        return self._guarded(once)

    def act(self, act: Act, selection: Selection) -> ActCount:
        """Remove, hold or release the jobs of a selection.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: nothing was done.
        """

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
                done=answer["TotalSuccess"],
                already=answer["TotalAlreadyDone"],
                wrong_state=answer["TotalBadStatus"],
                denied=answer["TotalPermissionDenied"],
                missing=answer["TotalNotFound"],
            )

        return self._guarded(once, writing=True)

    def edit_memory(self, selection: Selection, memory_mb: int) -> int:
        """Change RequestMemory of the jobs that exist; how many were changed.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: nothing was changed.
        """

        def once() -> int:
            answer = self._schedd().edit(constraint(selection), "RequestMemory", str(memory_mb))
            return int(answer)

        return self._guarded(once, writing=True)

    def explain(self, job: JobStatus, meant: str, now: float) -> Advice:
        """Why an idle or held job is where it is; `meant` is what the next command shall name.

        Raises:
            PoolUnreachable, PoolError: the pool could not be asked.
        """
        one = f"ClusterId == {job.cluster} && ProcId == {job.proc}"
        ads = self._guarded(lambda: list(self._schedd().query(constraint=one)))
        ad = ads[0] if ads else None
        if job.state is State.HELD:
            return explain_held(job, ad, meant)
        return explain_idle(job, ad, self._slots, meant, now)

    def _slots(self) -> list[Any]:
        """The slots of the pool that jobs are matched with."""
        htcondor = bindings()
        wanted = " || ".join(f'SlotType == "{kind}"' for kind in _SLOT_TYPES)
        try:
            source = htcondor.Collector(self.collector) if self.collector else htcondor.Collector()
            return list(source.query(htcondor.AdType.Startd, constraint=wanted))
        except htcondor.HTCondorException as error:
            raise _collector_error(str(error), self.collector) from error

    def _describe(self, plan: Plan, uuid: str) -> SubmitDescription:
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
        except htcondor.HTCondorException as error:
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


@functools.cache
def _undefined() -> Any:  # noqa: ANN401
    """The type of the bindings' UNDEFINED and ERROR; asked for once, not for each of 10,000 ads."""
    return bindings().classad.Value


def _plain(ad: Any) -> dict[str, Any]:  # noqa: ANN401
    """An ad as a plain mapping, expressions evaluated, what is undefined left out."""
    undefined = _undefined()
    plain: dict[str, Any] = {}
    for name in ad:
        value = ad.eval(name)
        if not isinstance(value, undefined):
            plain[name] = value
    return plain
