"""What the collector of a pool knows: its schedds, and the slots that jobs are matched with."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.condor.attributes import ClassAd, text
from hepsub.condor.bindings import bindings, missing_configuration, open_collector
from hepsub.errors import HepsubError, PoolUnreachable

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


def find_schedds(collector: str, patience_s: int = 0) -> tuple[ScheddAddress, ...]:
    """The schedds of a pool, by name.

    Args:
        collector: host[:port]; empty for HTCondor's own configuration.
        patience_s: for how long it may say nothing, in seconds; 0 for as long as HTCondor's configuration has it.

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
        with _patience(patience_s):
            source = open_collector(collector)
            ads = source.query(htcondor.AdType.Schedd, projection=wanted)
    except htcondor.HTCondorException as error:
        raise unreachable(str(error), collector) from error
    return read_schedds(ads)


@contextlib.contextmanager
def _patience(seconds: int) -> Iterator[None]:
    """Let HTCondor give up sooner on a collector that takes connections, and says nothing."""
    param = bindings().param
    before = param.get(_TIMEOUT)
    if seconds:
        param[_TIMEOUT] = str(seconds)
    try:
        yield
    finally:
        if seconds and before is not None:
            param[_TIMEOUT] = str(before)


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
    collector: str, projection: tuple[str, ...] = (), patience_s: int = 0
) -> list[ClassAd]:
    """The slots of a pool that jobs are matched with.

    Args:
        collector: host[:port]; empty for HTCondor's own configuration.
        projection: what is asked of them; empty for all.
        patience_s: as in `find_schedds`.

    Raises:
        PoolUnreachable: it does not answer.
    """
    htcondor = bindings()
    try:
        with _patience(patience_s):
            source = open_collector(collector)
            kind = htcondor.AdType.Startd
            return list(source.query(kind, constraint=JOB_SLOTS, projection=list(projection)))
    except htcondor.HTCondorException as error:
        raise unreachable(str(error), collector) from error


def token_directory(home: Path) -> Path:
    """Where HTCondor looks for the user's IDTOKENS."""
    configured = bindings().param.get("SEC_TOKEN_DIRECTORY")
    return Path(configured) if configured else home / ".condor" / "tokens.d"


def unreachable(said: str, collector: str) -> HepsubError:
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
