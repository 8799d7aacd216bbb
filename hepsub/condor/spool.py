"""The jobs whose files a schedd is given: handed over once, told of their letters, and what they left fetched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import Selection, State
from hepsub.condor.ads import constraint
from hepsub.condor.attributes import COMPLETED, REMOVED, ClassAd, integer, text
from hepsub.condor.bindings import bindings
from hepsub.condor.connection import Connection
from hepsub.condor.quoting import string_literal
from hepsub.confine import confined
from hepsub.errors import PoolError
from hepsub.terminal import printable

if TYPE_CHECKING:
    from hepsub.confine import Writable

LETTER = "HepSub_Letter"
"""The attribute with the URL of a job's letter, which the wrapper reads (worker/README.md)."""
_MAY_START = f"JobStatus =!= {REMOVED} && JobStatus =!= {COMPLETED}"
"""What runs may have to start again, too."""
_IWD, _REMAPS, _LOG = "Iwd", "TransferOutputRemaps", "UserLog"
_KEPT = "SUBMIT_"
"""What a schedd puts before the names of attributes that were others at home (tried: 23.9.6, 25.14.1)."""
PLACES = (
    "ClusterId",
    "ProcId",
    *(f"{kept}{name}" for name in (_IWD, _REMAPS, _LOG) for kept in ("", _KEPT)),
)
_LONGEST = 2**16


class CondorSpool(Struct, frozen=True, kw_only=True):
    """The jobs whose files one schedd is given.

    Attributes:
        unsent: what the bindings answered to the submissions whose files are still to be sent, by ClusterId.
    """

    connection: Connection
    unsent: dict[int, Any]

    def hand_over(self, cluster: int) -> None:
        """Send the files of a cluster; until then its jobs are on hold (code 16)."""
        # Only who submitted the cluster can do that: the bindings keep the procs' ads in what they answered, and make
        # nothing of the same ads from the queue.
        self.connection.call(lambda schedd: schedd.spool(self.unsent[cluster]), writing=True)
        del self.unsent[cluster]

    def write_addresses(self, cluster: int, urls: Mapping[int, str]) -> None:
        """Let the jobs of a cluster that may still start know then where their letters are.

        A schedd takes the files of a job once, but its ad goes along with each start, as it is then: so letters, which
        replace files, lie where the ads say.
        """

        # One by one, for each URL is another one: 2 ms a job. To edit an ad changes nothing else about the job, which
        # is neither held for it nor matched anew (tried on 25.14.1: 4,839 edits while 60 jobs started, each once).
        def once(schedd: Any) -> None:  # noqa: ANN401 (the bindings have no types)
            for proc in sorted(_procs(schedd, cluster) & urls.keys()):
                try:
                    schedd.edit(f"{cluster}.{proc}", LETTER, string_literal(urls[proc]))
                except bindings().HTCondorException:
                    if proc in _procs(schedd, cluster):  # else it has left meanwhile
                        raise

        self.connection.call(once, writing=True)

    def fetch(self, selection: Selection, writable: Writable) -> None:
        """Fetch what ended jobs left, to where it may be written; they leave the queue then."""
        # Of a job that has not ended the schedd would send what is there, too, and forget it as well.
        wanted = constraint(replace(selection, states=(State.COMPLETED,)))

        def once(schedd: Any) -> None:  # noqa: ANN401
            # The bindings write where the schedd's ads say, and that schedd is another site's.
            check_places(schedd.query(wanted, list(PLACES)), writable, self.connection.name)
            # proofs of who we are may have to write elsewhere; what is proven once holds for the retrieval, too
            bindings().ping(self.connection.address.ad, "WRITE")
            confined(lambda: schedd.retrieve(wanted), writable)

        self.connection.call(once, writing=True)


def _procs(schedd: Any, cluster: int) -> set[int]:  # noqa: ANN401
    ads = schedd.query(f"ClusterId == {cluster} && {_MAY_START}", ["ProcId"])
    return {proc for ad in ads if (proc := integer(ad, "ProcId")) is not None}


def check_places(ads: Iterable[ClassAd], writable: Writable, schedd: str) -> None:
    """Refuse what a schedd would have written elsewhere.

    Raises:
        PoolError: a job has such a place.
    """
    # What it answers now need not be what it says when it sends the files: therefore the bindings are confined, too.
    # But as a rule it is, and then this says more than the operating system does.
    directories = tuple(f"{os.path.realpath(each)}/" for each in writable.directories)
    files = {os.path.realpath(each) for each in (*map(str, writable.files), os.devnull)}
    for ad in ads:
        for place in _places(ad):
            if not f"{place}/".startswith(directories) and place not in files:
                job = f"{integer(ad, 'ClusterId')}.{integer(ad, 'ProcId')}"
                raise PoolError(
                    f"the schedd {schedd} wants {printable(place)} written for job {job}, which is none of its files",
                    remedy="tell the site's administrators; hep_rm removes the job with what it left",
                )


def _places(ad: ClassAd) -> Iterator[str]:
    iwd = _said(ad, _IWD)
    yield os.path.realpath(iwd)
    for remap in _said(ad, _REMAPS).split(";"):
        if place := remap.partition("=")[2].strip():
            yield os.path.realpath(os.path.join(iwd, place))
    if log := _said(ad, _LOG):
        yield os.path.realpath(os.path.join(iwd, log))


def _said(ad: ClassAd, name: str) -> str:
    return text(ad, f"{_KEPT}{name}", _LONGEST) or text(ad, name, _LONGEST)
