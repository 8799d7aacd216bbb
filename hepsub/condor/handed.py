"""Where the ads of a schedd that was handed jobs say that files go which come home; whether they were to go there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hepsub.condor.attributes import ClassAd, integer, text
from hepsub.errors import PoolError
from hepsub.terminal import printable

if TYPE_CHECKING:
    from hepsub.confine import Writable

_IWD, _REMAPS, _LOG = "Iwd", "TransferOutputRemaps", "UserLog"
_KEPT = "SUBMIT_"
"""What a schedd puts before the names of attributes that were others at home (tried: 23.9.6, 25.14.1)."""
PLACES = (
    "ClusterId",
    "ProcId",
    *(f"{kept}{name}" for name in (_IWD, _REMAPS, _LOG) for kept in ("", _KEPT)),
)
_LONGEST = 2**16


def check_places(ads: Iterable[ClassAd], writable: Writable, schedd: str) -> None:
    """Refuse what a schedd would have written elsewhere.

    What it answers now need not be what it says when it sends the files; but as a rule it is, and then this says more
    than the operating system does.

    Raises:
        PoolError: a job has such a place.
    """
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
