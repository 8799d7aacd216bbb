"""What waiting and held jobs ask for is changed: by which attributes, and of which jobs it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.condor.ads import any_of
from hepsub.condor.attributes import GRID_UNIVERSE, integer, text
from hepsub.condor.quoting import string_literal
from hepsub.errors import NotDone

if TYPE_CHECKING:
    from hepsub.batch_edit import Edit
    from hepsub.condor.attributes import ClassAd
    from hepsub.condor.connection import Connection

_IN_ELEMENT = {"RequestMemory": "maxMemory", "RequestCpus": "xcount"}
"""What a computing element is asked for, in its words. HTCondor's grid manager passes no later change on."""
_ACCOUNTED = ("HepJob_RealGroup", "HepJob_Experiment", "AcctGroupUser")
"""The attributes of an `_Account`."""
_TIMED = (*_ACCOUNTED, "ClusterId", "Cmd", "HepSub_Cmd")
_WRAPPED = "/bin/sh"
"""The program of each job with which files travel."""
_AGAIN = (
    "hep_rm, then hep_sub -resubmit with other options: those jobs keep their names and outputs"
)


class _Account(Struct, frozen=True):
    """Whom jobs are accounted to, but for their walltime class."""

    group: str
    experiment: str
    user: str

    def matched(self) -> str:
        """The expression that is true for its jobs."""
        said = zip(_ACCOUNTED, (self.group, self.experiment, self.user), strict=True)
        return " && ".join(f"{name} =?= {string_literal(value)}" for name, value in said)

    def changes(self, wanted: Edit) -> dict[str, str]:
        """What another walltime changes: the limit, and the class in the accounting group.

        Raises:
            UnknownWalltime, WalltimeTooLong: the group has none like it.
        """
        if wanted.walltime is None:
            return {}
        name, limit = wanted.walltime(self.group)
        account = f"{self.experiment}.{self.group}.{name}"
        # What accounting_group became at submission: the negotiator goes by AccountingGroup, people read AcctGroup.
        return {
            "HepSub_WalltimeLimit": str(limit),
            "HepJob_Walltime": string_literal(name),
            "AcctGroup": string_literal(account),
            "AccountingGroup": string_literal(f"{account}.{self.user}"),
        }


def edit_jobs(
    connection: Connection,
    meant: str,
    wanted: Edit,
    factories: tuple[int, ...],
    edit_factory: Callable[[int, str, str], None],
) -> None:
    """Change jobs that exist, and the clusters from which a schedd makes more.

    Args:
        connection: the way to the schedd.
        meant: the expression that is true for the jobs that exist; empty for none.
        wanted: what they ask for from now on.
        factories: ClusterIds; they go first, because that may fail, and nothing is changed then.
        edit_factory: changes an attribute of a cluster ad: ClusterId, attribute, value.

    Raises:
        PoolUnreachable, AuthenticationRefused, PoolError, ToolFailed: not everything was changed.
        NotDone: some of them cannot be changed so: nothing was.
        UnknownWalltime, WalltimeTooLong: their group has no such walltime: nothing was changed.
    """
    # Everything is looked at before anything is changed: half an edit could not be told from a whole one.
    plain = dict(_plain(wanted))
    through = _through_element(connection, meant, wanted) if meant else ""
    made, timed = _timed(connection, meant, wanted, factories)
    # A cluster's ad is what its later procs are made from; the bindings' own edit reaches those that exist alone.
    for cluster in factories:
        for name, value in {**plain, **made.get(cluster, {})}.items():
            edit_factory(cluster, name, value)
    changes = [(through, _IN_ELEMENT[name], plain[name]) for name in _IN_ELEMENT if name in plain]
    changes += [(meant, name, value) for name, value in plain.items()]
    for account, values in timed.items():
        changes += [(f"({meant}) && {account.matched()}", *each) for each in values.items()]
    for which, name, value in changes:
        if which:
            connection.edit(which, name, value)


def _plain(wanted: Edit) -> Iterator[tuple[str, str]]:
    """The attributes that are changed, whoever the jobs are accounted to."""
    disk_kb = wanted.disk_mb * 1024 if wanted.disk_mb is not None else None
    for name, value in (
        ("RequestMemory", wanted.memory_mb),
        ("RequestCpus", wanted.cpus),
        ("RequestDisk", disk_kb),
        ("JobPrio", wanted.priority),
    ):
        if value is not None:
            yield name, str(value)


def _through_element(connection: Connection, meant: str, wanted: Edit) -> str:
    """The expression that is true for those that go through a computing element; empty where none does.

    Raises:
        NotDone: the element has some of them already, or is not told of what is to be changed.
    """
    through = f"({meant}) && JobUniverse == {GRID_UNIVERSE}"
    found = connection.query(through, ("GridJobId",))
    if number := sum(bool(text(ad, "GridJobId")) for ad in found):
        more = " with more memory (-mem)" if wanted.words == ("memory",) else ""
        raise NotDone(
            f"the {wanted} was not changed: {number} job(s) are at their site, with what they asked for",
            remedy=f"hep_rm, and submit again{more}",
        )
    if found and wanted.disk_mb is not None:
        raise NotDone(
            f"the {wanted} was not changed: a computing element, through which {len(found)} job(s) go, is"
            " asked for no disk",
            remedy="leave out -disk",
        )
    return through if found else ""


def _timed(
    connection: Connection, meant: str, wanted: Edit, factories: tuple[int, ...]
) -> tuple[Mapping[int, Mapping[str, str]], Mapping[_Account, Mapping[str, str]]]:
    """What another walltime changes: in the cluster ads of factories, and in jobs by whom they are accounted to.

    Raises:
        NotDone: some of them go by the walltime that travels with them.
        UnknownWalltime, WalltimeTooLong: their group has none like it.
    """
    if wanted.walltime is None:
        return {}, {}
    jobs = connection.query(meant, _TIMED) if meant else []
    ads: list[ClassAd] = []
    if factories:
        clusters = any_of(f"ClusterId == {each}" for each in factories)
        which = f"ProcId is undefined && {clusters}"
        ads = connection.query(which, _TIMED, how="IncludeClusterAd")
    # A list's scripts have names of their own: the cluster ad has only what starts all of them.
    boxed = [ad for ad in ads if text(ad, "Cmd") == _WRAPPED and not text(ad, "HepSub_Cmd")]
    if number := sum(bool(text(ad, "HepSub_Cmd")) for ad in (*jobs, *ads)) + len(boxed):
        raise NotDone(
            f"the {wanted} was not changed: {number} job(s) have files or credentials that travel with them,"
            " and their walltime is among these",
            remedy=_AGAIN,
        )
    if number := sum(not all(text(ad, name) for name in _ACCOUNTED) for ad in (*jobs, *ads)):
        raise NotDone(
            f"the {wanted} was not changed: {number} job(s) are in no walltime class, for hep_sub did not"
            " submit them",
            remedy="leave out -wt, or name others",
        )
    made = {integer(ad, "ClusterId") or 0: _account(ad).changes(wanted) for ad in ads}
    return made, {each: each.changes(wanted) for each in dict.fromkeys(map(_account, jobs))}


def _account(ad: ClassAd) -> _Account:
    return _Account(*(text(ad, name) for name in _ACCOUNTED))
