"""What the collector of a pool knows: its schedds, and the slots that jobs are matched with."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from hepsub.condor.attributes import ClassAd, text
from hepsub.condor.bindings import bindings, configured, missing_configuration
from hepsub.errors import PoolUnreachable

JOB_SLOTS = 'SlotType == "Static" || SlotType == "Partitionable"'
"""The slots that jobs are matched with, as a collector is asked for them."""

_TIMEOUT = "QUERY_TIMEOUT"
_NAME = r"[!-.0-~]{1,255}"
"""A name becomes a part of the names of files, so it has no slash."""


class ScheddAddress(Struct, frozen=True, kw_only=True):
    """A schedd as the collector knows it.

    Attributes:
        version: HTCondor's version, as it says it.
        ad: the location, opaque to everybody else.
    """

    name: str
    machine: str
    version: str
    ad: object


def ask_collector(
    collector: str,
    kind: str,
    projection: Iterable[str] = (),
    *,
    constraint: str = "",
    patience_s: int = 0,
) -> list[ClassAd]:
    """The ads of one kind that a collector has.

    Args:
        collector: host[:port]; empty for HTCondor's own configuration.
        kind: the name of one of the bindings' AdTypes.
        projection: what is asked of them; empty for all.
        constraint: the expression that is true for them; empty for all.
        patience_s: for how long it may say nothing, in seconds, where HTCondor's configuration has no shorter time; 0
            for that one.

    Raises:
        PoolUnreachable: no collector is configured, or it does not answer.
    """
    if (missing := missing_configuration()) and not collector:
        raise PoolUnreachable(
            f"HTCondor's configuration {missing}, which CONDOR_CONFIG names, is not there",
            remedy="correct the variable, or make the file's file system available",
        )
    htcondor = bindings()
    with contextlib.ExitStack() as stack:
        # A collector that hangs takes the connection, and says nothing: the bindings wait a minute for it, unless the
        # command that asks has set them a limit of its own.
        usual = int(htcondor.param.get(_TIMEOUT) or patience_s)
        if patience_s and patience_s < usual:
            stack.enter_context(configured(_TIMEOUT, str(patience_s)))
        try:
            source = htcondor.Collector(collector) if collector else htcondor.Collector()
            wanted = getattr(htcondor.AdType, kind)
            return list(source.query(wanted, constraint=constraint, projection=list(projection)))
        except htcondor.HTCondorException as error:
            raise _unreachable(str(error), collector) from error


def find_schedds(collector: str, patience_s: int = 0) -> tuple[ScheddAddress, ...]:
    """The schedds of a pool, by name; `ask_collector` says the rest."""
    # The bindings make a schedd of its address and version, and look at nothing else (htcondor2 25.14.1).
    wanted = ("Name", "Machine", "CondorVersion", "MyAddress")
    return read_schedds(ask_collector(collector, "Schedd", wanted, patience_s=patience_s))


def read_schedds(ads: Iterable[ClassAd]) -> tuple[ScheddAddress, ...]:
    """The schedds that ads tell of, by name; an ad by which none can be named or reached is passed over."""
    found = [
        ScheddAddress(
            name=text(ad, "Name"),
            machine=text(ad, "Machine"),
            version=text(ad, "CondorVersion"),
            ad=ad,
        )
        for ad in ads
        if re.fullmatch(_NAME, text(ad, "Name"))
        and text(ad, "MyAddress")
        and text(ad, "CondorVersion")
    ]
    return tuple(sorted(found, key=lambda each: each.name))


def find_slots(
    collector: str, projection: Iterable[str] = (), patience_s: int = 0
) -> list[ClassAd]:
    """The slots of a pool that jobs are matched with; `ask_collector` says the rest."""
    return ask_collector(
        collector, "Startd", projection, constraint=JOB_SLOTS, patience_s=patience_s
    )


def token_directory(home: Path) -> Path:
    """Where HTCondor looks for the user's IDTOKENS."""
    own = bindings().param.get("SEC_TOKEN_DIRECTORY")
    return Path(own) if own else home / ".condor" / "tokens.d"


def _unreachable(said: str, collector: str) -> PoolUnreachable:
    """The error of a collector that cannot be asked, from what the bindings said."""
    if "determine collector" in said:
        return PoolUnreachable(
            "no HTCondor pool is configured on this machine",
            remedy="log in to a submit node, or name the pool in ~/.config/hepsub/config.toml:"
            ' [pool.local] collector = "HOST"',
        )
    where = collector or str(bindings().param.get("COLLECTOR_HOST", ""))
    return PoolUnreachable(
        f"the collector {where} does not answer ({said.rstrip('.')})",
        remedy="try again in a minute; when it stays away, tell the administrators of the pool",
    )
