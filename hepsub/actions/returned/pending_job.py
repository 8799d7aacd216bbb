"""A job with returned outputs: what its report, its list and the request say of them, beside what its stores hold."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hepsub.bundle.bundle import Bundle
from hepsub.bundle.manifest import marker_place
from hepsub.bundle.pending import Pending
from hepsub.bundle.report import RETURNED, UPLOADED, Report, ReportedOutput, as_reported
from hepsub.bundle.returned import matches
from hepsub.errors import InputsMissing
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace, Place
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.stores import Stores
from hepsub.terminal import printable
from hepsub.tree import Tree


class ExpectedOutput(Struct, frozen=True, kw_only=True):
    """An output as the request has it, and the URL without signature, or the path, of its place."""

    output: Carried
    url: str

    def place_of(self, name: str, destination: str) -> Place | None:
        """The place of an output of this name and destination, as a report spells them; None for another one's."""
        place = self.output.place
        last = name.rpartition("/")[2]
        if not self.output.is_pattern:
            # What is a directory when the job ends gets the output into it.
            below = f"{self.url.rstrip('/')}/{last}" if isinstance(place, FilePlace) else self.url
            is_it = name == as_reported(self.output.name) and destination in (self.url, below)
            return place if is_it else None
        if not matches(self.output.name, name):
            return None
        if isinstance(place, FilePlace):
            return FilePlace(path=place.path + last) if destination == self.url + last else None
        # A path is told as it is, a URL in percent signs (worker/README.md).
        is_it = destination == self.url + quote(last, safe="")
        return replace(place, key=place.key + last) if is_it else None


class ReturnedJob(Struct, frozen=True, kw_only=True):
    """A job with outputs that HTCondor returned instead of the store getting them.

    Attributes:
        name: `cluster.proc`.
        directory: what it brought back, for people.
        marker: its marker, and the URL of that; None where no output goes to a store.
        limit: bytes that may come home.
    """

    name: str
    proc: int
    directory: Path
    report: Report
    expected: tuple[ExpectedOutput, ...]
    marker: tuple[ObjectPlace, str] | None
    limit: int

    def path_text(self, each: Pending) -> str:
        """Where a file is, for people."""
        return printable(str(self.directory / each.path))

    def place_of(self, name: str, destination: str) -> Place | None:
        """Where the request wants an output, if that is its destination; None for one that it knows nothing of."""
        told = as_reported(name)
        expected = self.expected
        if told != name:  # bytes that are no UTF-8 are no key
            expected = tuple(each for each in expected if not each.output.is_pattern)
        places = (output.place_of(told, as_reported(destination)) for output in expected)
        return next((place for place in places if place is not None), None)

    def stored(self) -> Iterator[tuple[ReportedOutput, ObjectPlace]]:
        """Its outputs that are, or are to be, in a store."""
        for each in self.report.outputs:
            if each.state in (RETURNED, UPLOADED):
                place = self.place_of(each.name, each.url or "")
                if isinstance(place, ObjectPlace):
                    yield each, place

    def open(self, tree: Tree, each: Pending) -> BufferedReader:
        """A file of the list, open; a transfer that broke mixes the files of two runs.

        Raises:
            InputsMissing: it is another file, or none that can be an object.
        """
        path = self.path_text(each)
        try:
            file = os.fdopen(tree.open(each.path), "rb")
        except OSError as error:
            raise InputsMissing(
                f"{path} is no file, and cannot be an object: it stays there"
            ) from error
        size = os.fstat(file.fileno()).st_size
        digest = ""
        # Not before the sizes are equal: a large file of another run is not read for nothing.
        if size == each.size and size <= self.limit and each.md5:
            digest = hashlib.file_digest(file, "md5").hexdigest()
            file.seek(0)
        if (size, digest) != (each.size, each.md5) or size > self.limit:
            file.close()
            raise InputsMissing(
                f"{path} is not the file that the job's report tells of ({size} bytes, MD5 {digest or '-'}):"
                " it stays there"
            )
        return file

    def superseded(self, there: Mapping[ObjectPlace, ObjectInfo]) -> str:
        """What to say if another run wrote one of the places after this one had begun; empty for nothing."""
        for said, place in self.stored():
            fact = there.get(place)
            if fact is None or said.is_what(fact):
                continue
            # What lay there before this job began was there to be replaced: hep_sub has told its user so.
            if said.state == UPLOADED or fact.modified > self.report.started_at:
                return (
                    f"outputs of {self.name} stay at home: {place} was written by somebody else"
                    f" ({_time(fact.modified)}) after this job had begun ({_time(self.report.started_at)}). hep_fetch"
                    f" {self.name} brings them here; hep_fetch {self.name} -push -force puts them there all the same"
                )
        return ""

    def why_incomplete(
        self, there: Mapping[ObjectPlace, ObjectInfo], written: Mapping[ObjectPlace, str]
    ) -> str:
        """What to say if the stores do not hold the outputs that the report tells of; empty for nothing.

        Args:
            there: what the stores hold.
            written: the ETags of what was uploaded since the report was written.
        """
        for said, place in self.stored():
            fact = there.get(place)
            now = msgspec.structs.replace(said, etag=written.get(place, said.etag))
            if fact is not None and now.is_what(fact):
                continue
            what = "is not there, though it was uploaded" if fact is None else "is another run's"
            return f"{self.name} is not complete, and gets no marker: {place} {what}; run the job again"
        return ""


def returned_job(
    stores: Stores, bundle: Bundle, cluster: int, proc: int, report: Report
) -> ReturnedJob:
    """A job with returned outputs, as its bundle has it.

    Raises:
        HepsubError: a storage of its outputs is not known any more, or has no keys.
    """
    request = bundle.request
    outputs = request.staging.outputs_of(request.values(proc, cluster))
    marker = marker_place(outputs, request.uuid, proc)
    return ReturnedJob(
        name=f"{cluster}.{proc}",
        proc=proc,
        directory=bundle.returned(proc),
        report=report,
        expected=tuple(
            ExpectedOutput(output=each, url=_url(stores, each.place)) for each in outputs
        ),
        marker=(marker, _url(stores, marker)) if marker is not None else None,
        limit=request.staging.home_limit,
    )


def _url(stores: Stores, place: Place) -> str:
    if isinstance(place, FilePlace):
        return place.path
    return stores.store(place.storage).url(place.bucket, place.key)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds else "?"
