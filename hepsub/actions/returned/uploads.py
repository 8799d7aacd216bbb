"""Uploads of returned outputs: a bucket that refuses or does not answer is left alone for the rest of the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from io import BufferedIOBase

from msgspec import Struct, field

from hepsub.actions.returned.pending_job import ReturnedJob
from hepsub.bundle.pending import Pending
from hepsub.errors import HepsubError, InputsMissing, StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.stores import Stores
from hepsub.tree import Tree

_ENOUGH = 5
"""So many refusals in a row are the bucket's, which is full or closed, and not the objects'."""


class Uploads(Struct, kw_only=True, eq=False):
    """The uploads of one run, and what it has learned of the storages meanwhile.

    Attributes:
        force: whether outputs are put over what another run has written meanwhile.
        away: the buckets that could not be asked, and why: they are left alone. An empty name: all of the storage.
        refused: how many uploads a bucket has refused in a row.
        written: the ETags of what was uploaded.
    """

    stores: Stores
    force: bool = False
    away: dict[tuple[str, str], HepsubError] = field(default_factory=dict)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    written: dict[ObjectPlace, str] = field(default_factory=dict)

    def look(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo]:
        """The objects that exist, of the buckets that can be asked; the others are away from now on."""
        groups: defaultdict[tuple[str, str], list[ObjectPlace]] = defaultdict(list)
        for place in places:
            groups[place.storage, place.bucket].append(place)
        found: dict[ObjectPlace, ObjectInfo] = {}
        for (storage, _), group in groups.items():
            if self._trouble(group[0]) is not None:
                continue
            try:
                facts = self.stores.store(storage).look_up(group)
            except HepsubError as error:
                self.lose(group[0], error)
                continue
            found |= {place: fact for place, fact in facts.items() if fact is not None}
        return found

    def lose(self, place: ObjectPlace, error: HepsubError) -> None:
        """Leave a bucket alone, and all of its storage, if that does not answer: each question takes its time."""
        whole = isinstance(error, StorageUnreachable)
        self.away[place.storage, "" if whole else place.bucket] = error

    def is_silent(self, storage: str) -> bool:
        """Whether a storage did not answer, and is left alone."""
        return (storage, "") in self.away

    def check(self, place: ObjectPlace) -> None:
        """Raise what keeps an object's bucket from being used.

        Raises:
            HepsubError: it could not be asked before.
        """
        if (error := self._trouble(place)) is not None:
            raise error

    def _trouble(self, place: ObjectPlace) -> HepsubError | None:
        return self.away.get((place.storage, "")) or self.away.get((place.storage, place.bucket))

    def upload(self, file: BufferedIOBase, place: ObjectPlace) -> None:
        """Write what is open as an object.

        Raises:
            HepsubError: it could not be written.
        """
        self.check(place)
        bucket = (place.storage, place.bucket)
        try:
            self.written[place] = self.stores.store(place.storage).upload(file, place)
        except StorageUnreachable as error:
            self.lose(place, error)
            raise
        except StorageRefused as error:
            self.refused[bucket] = self.refused.get(bucket, 0) + 1
            if self.refused[bucket] == _ENOUGH:
                self.lose(place, error)
            raise
        self.refused[bucket] = 0

    def put(
        self,
        tree: Tree,
        job: ReturnedJob,
        each: Pending,
        place: ObjectPlace,
        fact: ObjectInfo | None,
    ) -> None:
        """Put an output into its place, and remove it here.

        A file that is gone was removed by a round that was killed before it could write its list.

        Raises:
            HepsubError: it is not in its place; it is here, if it was.
            OSError: it cannot be looked at, or removed.
        """
        self.check(place)
        if fact is not None and fact.md5 and (fact.size, fact.md5) == (each.size, each.md5):
            pass  # it was uploaded, but the answer was lost: there is no need to send it again
        elif tree.look(each.path) is not None:
            with job.open(tree, each) as file:
                self.upload(file, place)
        elif fact is None or not each.is_what(fact):
            raise InputsMissing(
                f"{job.path_text(each)} is gone, and is not complete as {place} either"
            )
        tree.remove(each.path)
