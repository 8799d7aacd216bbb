"""The user's libraries on their way: uploaded where S3 does not have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from hepsub.errors import BundleUnusable, StorageRefused, StorageUnreachable
from hepsub.libraries.cache import ArchiveCache
from hepsub.plan.bundle_paths import ARCHIVES
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.storage.store import Store
from hepsub.storage.trouble import LATER
from hepsub.units import size_text

_REMEDY = 'with libraries = "" in [staging] of your policy they travel with the jobs'


def archive_cache(bundles: Path, *, keeps: bool = True) -> ArchiveCache:
    """The cache of packed libraries beside the bundles, into which nothing is written unless it `keeps`."""
    return ArchiveCache(directory=bundles / ARCHIVES, keeps=keeps)


def upload_missing(
    libraries: Iterable[Library], store_of: Callable[[str], Store], archives: ArchiveCache
) -> None:
    """Upload the libraries that S3 does not have; an object is there whole or not at all.

    Raises:
        StorageRefused, StorageUnreachable: one could not be uploaded.
        BundleUnusable: an archive is not there any more.
    """
    for library in libraries:
        if library.place is not None and not library.stored:
            _upload(library, library.place, store_of(library.place.storage), archives)


def _upload(library: Library, place: ObjectPlace, store: Store, archives: ArchiveCache) -> None:
    try:
        with archives.path(library.sha256).open("rb") as archive:
            store.upload(archive, place)
    except (StorageRefused, StorageUnreachable) as error:
        first = "try again later" if error.remedy == LATER else error.remedy
        raise type(error)(
            f"the library {library.name} cannot be uploaded: {error.message}",
            remedy=f"{first}; {_REMEDY}",
        ) from error
    except OSError as error:
        # Another hep_sub with the same library removes the archive when it has uploaded it.
        fact = store.look_up([place])[place]
        if fact is None or fact.size != library.size:
            raise BundleUnusable(
                f"the archive of {library.name} cannot be read: {error.strerror}",
                remedy="submit again",
            ) from error
    archives.drop(library.sha256)


def uploaded_note(libraries: Iterable[Library]) -> tuple[str, ...]:
    """One sentence that says what was uploaded and to where, when anything was."""
    done = [each for each in libraries if each.is_missing]
    if not done:
        return ()
    # All go to the one place of the policy ([staging] libraries).
    named = ", ".join(f"{each.name} ({size_text(each.size)})" for each in done)
    where = str(done[0].place).rpartition("/")[0]
    return (f"uploaded to {where}, where later jobs find it: {named}",)
