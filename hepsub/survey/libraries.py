"""Facts about the user's libraries (-lib): packed, each once, and whether S3 has them already."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from hepsub.errors import HepsubError, UsageError
from hepsub.job import JobSpec
from hepsub.libraries.archive import Packed, Tree
from hepsub.libraries.cache import ArchiveCache
from hepsub.libraries.tree import scan
from hepsub.plan.checks import check_storages
from hepsub.plan.libraries import Library, archive_name, library_prefix
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.model import Policy
from hepsub.situation import Situation
from hepsub.storage.store import Store


def look_at_libraries(
    spec: JobSpec,
    policy: Policy,
    situation: Situation,
    store_of: Callable[[str], Store],
    archives: ArchiveCache,
) -> tuple[tuple[Library, ...], str]:
    """Pack the libraries of a submission, as far as they are not known, and look for them in S3.

    Returns:
        The libraries, and why S3 cannot keep them, so that they are sent along; empty when it can, or need not.

    Raises:
        LibraryUnusable: one cannot be packed.
        UsageError: two have the same name.
        BundleUnusable: an archive cannot be written.
    """
    prefix = library_prefix(spec, policy, situation.user)
    if prefix is not None:
        check_storages([prefix], policy.storage)
    trees = [scan(said, situation.cwd, policy.staging.library_limit) for said in spec.libraries]
    _check_names(trees)
    packed = [archives.pack(tree, situation.now) for tree in trees]
    found = [_library(tree, each) for tree, each in zip(trees, packed, strict=True)]
    trouble = ""
    if prefix is not None:
        found, trouble = _stored(found, packed, prefix, store_of)
    for library, tree, each in zip(found, trees, packed, strict=True):
        # One that was packed long ago is known by its hash, and its archive may have gone since.
        if not library.stored:
            archives.ensure(tree, each)
    return tuple(found), trouble


def _check_names(trees: list[Tree]) -> None:
    seen: set[str] = set()
    for tree in trees:
        if tree.name in seen:
            raise UsageError(
                f"-lib: two of them would have the name {tree.name} in the job",
                remedy="give one of them another name, or put both into one directory",
            )
        seen.add(tree.name)


def _library(tree: Tree, packed: Packed) -> Library:
    return Library(
        name=tree.name,
        is_directory=tree.is_directory,
        sha256=packed.sha256,
        size=packed.size,
        machines=packed.machines,
    )


def _stored(
    libraries: list[Library],
    packed: list[Packed],
    prefix: ObjectPlace,
    store_of: Callable[[str], Store],
) -> tuple[list[Library], str]:
    """The libraries with their places in S3; without them, and why, when it cannot be asked."""
    placed = [
        replace(each, place=replace(prefix, key=prefix.key + archive_name(each.sha256)))
        for each in libraries
    ]
    try:
        there = store_of(prefix.storage).look_up([each.place for each in placed if each.place])
    except HepsubError as error:
        return libraries, error.message
    return [
        replace(each, stored=each.place is not None and _is_it(there[each.place], archive))
        for each, archive in zip(placed, packed, strict=True)
    ], ""


def _is_it(fact: ObjectInfo | None, packed: Packed) -> bool:
    """Whether an object is the archive, as far as can be told; the job looks at its SHA-256."""
    if fact is None or fact.size != packed.size:
        return False
    return fact.md5 in ("", packed.md5)
