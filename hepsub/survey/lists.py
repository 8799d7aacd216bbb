"""Facts about the list: its items, from a file, stdin or S3, and how the jobs share them."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from hepsub.errors import ListUnreadable, NotExpressible, StorageUnreachable, UsageError
from hepsub.job import Columns, JobSpec
from hepsub.plan.checks import check_storages
from hepsub.plan.columns import asked_columns, cell, check_parts, item_parts
from hepsub.plan.draft import Reading
from hepsub.plan.environment import expressible
from hepsub.plan.items import ends_by_count, ends_by_size
from hepsub.plan.layout import STDIN, list_name
from hepsub.plan.location import ObjectPlace, Place, find_place
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.template import Name, parse_template
from hepsub.policy.model import Policy
from hepsub.storage.store import Store
from hepsub.storage.trouble import LATER
from hepsub.survey.inputs import look_up_inputs, missing_inputs
from hepsub.survey.list_lines import divided, lines_in, read_lines, refused_list

_BUCKET = re.compile(r"s3://[^/]+|(?P<storage>[A-Za-z][\w.-]*):[^/:]+", re.IGNORECASE)
_WILD = re.compile(r"[*?\[]")
_WILD_PARTS = re.compile(
    r"(?P<directories>\*\*/)|(?P<anything>\*\*)|(?P<name>\*)|(?P<letter>\?)"
    r"|\[(?P<no>!?)(?P<letters>\]?[^\]]+|\])\]"
)
_OWN = re.compile(r"(?:.*/)?\.hepsub/", re.DOTALL)
"""The markers that jobs write beside their outputs."""
_REMEDY = "correct the list: -per with a size needs that of every item; -per K counts items"


def read_list(
    spec: JobSpec, policy: Policy, cwd: Path, store_of: Callable[[str], Store]
) -> Reading:
    """The items of a submission and how its jobs share them; nothing where there is no list.

    A storage is asked only for what is in S3.

    Raises:
        ListUnreadable: the list cannot be read, or holds no item.
        InputsMissing: their sizes are asked for, and some do not exist; all of them are named.
        UsageError: their sizes are asked for, and some can have none.
        StorageRefused, StorageUnreachable: a storage cannot be asked.
    """
    columns = asked_columns(spec)
    if spec.list_file is None:
        return Reading()
    listed = _read(spec.list_file, columns, policy, cwd, store_of)
    if spec.columns is not None and listed.columns is None:
        raise UsageError(
            f"-columns or -sep: the items of {spec.list_file} are objects, which have no columns",
            remedy="%{item.name} and %{item.stem} are parts of an object's name",
        )
    if spec.per_bytes is not None:
        return _by_size(listed, spec, spec.per_bytes, policy, cwd, store_of)
    ends = ends_by_count(len(listed.items), spec.per) if spec.per is not None else ()
    return replace(listed, ends=ends)


def _read(
    text: str,
    columns: Columns | None,
    policy: Policy,
    cwd: Path,
    store_of: Callable[[str], Store],
) -> Reading:
    if text == STDIN:
        return divided(_read_stdin(), columns, "stdin")
    # A bucket alone is a directory, too: all of it. (herd:raw may be a file, where no storage is called so.)
    bucket = _BUCKET.fullmatch(text)
    if bucket and (bucket["storage"] is None or bucket["storage"] in policy.storage):
        text += "/"
    place = find_place(text, policy.storage, cwd)
    if not isinstance(place, ObjectPlace):
        return divided(read_lines(text, cwd), columns, text)
    check_storages([place], policy.storage)
    return _read_objects(text, place, store_of(place.storage))


def _read_stdin() -> list[str]:
    if sys.stdin is None or sys.stdin.isatty():
        raise ListUnreadable(
            "-list - reads stdin, and stdin is a terminal"
            if sys.stdin is not None
            else "-list - reads stdin, which is closed",
            remedy="pipe the list into hep_sub: ls *.root | hep_sub -list - …",
        )
    # Not as text: stdin has the encoding of the locale, and lists are UTF-8 everywhere.
    with refused_list("stdin"):
        return lines_in(io.StringIO(sys.stdin.buffer.read().decode("utf-8-sig"), None))


def _read_objects(text: str, place: ObjectPlace, store: Store) -> Reading:
    """The objects below a directory, or those that match a pattern, in the order of their keys."""
    wild = _WILD.search(place.key)
    if wild is None and not place.is_prefix:
        raise UsageError(
            f"-list {text}: that names one object, not a directory",
            remedy=f"{text}/ for all below it, or a pattern: '{text}*'",
        )
    prefix = place.key[: wild.start()] if wild else place.key
    found = _objects_below(place, prefix, store)
    chosen = pattern(f"{place.key}**" if place.is_prefix else place.key)
    keys = [key for key in sorted(found) if _is_item(key) and chosen.fullmatch(key)]
    if not keys:
        deeper = "; * stops at /, ** does not" if wild else ""
        what = "matches it" if wild else "is below it"
        raise ListUnreadable(
            f"the list {text} holds no item: no object of the storage {place.storage} {what}",
            remedy=f"correct the name after -list{deeper}",
        )
    # Spelt as the list was: -in %{item} finds the same storage again.
    start = "s3://" if text.lower().startswith("s3://") else f"{place.storage}:"
    items = tuple(f"{start}{place.bucket}/{key}" for key in keys)
    _check_expressible(items)
    objects = {
        ObjectPlace(storage=place.storage, bucket=place.bucket, key=key): found[key] for key in keys
    }
    return Reading(items=items, objects=objects)


def _objects_below(place: ObjectPlace, prefix: str, store: Store) -> Mapping[str, ObjectInfo]:
    try:
        found = store.list_below(place.bucket, prefix)
    except StorageUnreachable as error:
        if error.remedy != LATER:  # there is something to correct
            raise
        # Without its list there is nothing to submit.
        raise StorageUnreachable(error.message, remedy="try again later") from error
    if found is None:
        raise ListUnreadable(
            f"the list cannot be read: the storage {place.storage} has no bucket '{place.bucket}'",
            remedy="correct the bucket after -list",
        )
    return found


def _is_item(key: str) -> bool:
    """Whether a key is data."""
    # One with / at its end only stands for a directory, as S3's consoles make them.
    return not key.endswith("/") and not _OWN.match(key)


def _check_expressible(items: tuple[str, ...]) -> None:
    for item in items:
        if not expressible(item):
            raise NotExpressible(
                f"the object {item!r} has a line end or a control character in its name",
                remedy="give it another name, or a pattern that leaves it out",
            )


def pattern(text: str) -> re.Pattern[str]:
    """A pattern as shells know it: * and ? and [abc] stop at /, ** does not.

    Raises:
        UsageError: what stands in brackets is no set of letters.
    """
    parts: list[str] = []
    position = 0
    for found in _WILD_PARTS.finditer(text):
        parts += [re.escape(text[position : found.start()]), _part(found)]
        position = found.end()
    try:
        return re.compile("".join([*parts, re.escape(text[position:])]), re.DOTALL)
    except re.error as error:
        raise UsageError(
            f"'{text}' is no pattern: {error.msg}", remedy="letters in brackets: [abc], [0-9], [!x]"
        ) from error


def _part(found: re.Match[str]) -> str:
    if found["letters"] is not None:
        # What Python's sets give a meaning (&&, ~~, ||, ^) is a letter to a shell.
        letters = re.sub(r"([\\^\[\]&~|])", r"\\\1", found["letters"])
        return f"(?!/)[{'^' if found['no'] else ''}{letters}]"
    if found["directories"]:
        return "(?:.*/)?"
    return ".*" if found["anything"] else "[^/]*" if found["name"] else "[^/]"


def _by_size(
    listed: Reading,
    spec: JobSpec,
    most: int,
    policy: Policy,
    cwd: Path,
    store_of: Callable[[str], Store],
) -> Reading:
    texts = _sized_texts(listed, spec)
    places = [_sized_place(text, policy, cwd) for text in texts]
    check_storages(places, policy.storage)
    # Where the items are no inputs they may be anything (run numbers): that is told, and not that they are missing.
    if not _are_inputs(spec) and not any(_may_exist(place) for place in places):
        raise _no_size(texts[0], f"{list_name(spec)} names neither files nor objects")
    objects = look_up_inputs(places, store_of, listed.objects, _REMEDY)
    sizes = [
        objects[place].size if isinstance(place, ObjectPlace) else _file_size(text, place.path)
        for text, place in zip(texts, places, strict=True)
    ]
    return replace(listed, ends=ends_by_size(sizes, most), objects=objects)


def _sized_texts(listed: Reading, spec: JobSpec) -> tuple[str, ...]:
    """What names the file or object of each item: the column behind -in, where the items have several."""
    urls = (each.url for each in spec.inputs)
    named = {part.column.casefold() for part in item_parts(urls) if part.column}
    if len(named) > 1:
        raise UsageError(
            f"-per with a size: several columns stand behind -in ({', '.join(sorted(named))})",
            remedy="-per K counts items instead",
        )
    if not named:
        return listed.items
    check_parts(spec, listed.items, listed.columns)
    (column,) = named
    return tuple(cell(item, listed.columns or Columns(), column) for item in listed.items)


def _sized_place(item: str, policy: Policy, cwd: Path) -> Place:
    try:
        place = find_place(item, policy.storage, cwd)
    except UsageError as error:
        raise _no_size(item, "it is neither a file nor an object") from error
    if place.is_prefix:
        raise _no_size(item, "it is a directory")
    return place


def _may_exist(place: Place) -> bool:
    return isinstance(place, ObjectPlace) or os.path.exists(place.path)


def _are_inputs(spec: JobSpec) -> bool:
    names = {Name.ITEM, Name.ITEMS}
    return any(parse_template(each.url).names() & names for each in spec.inputs)


def _file_size(item: str, path: str) -> int:
    try:
        found = os.stat(path)
    except OSError as error:  # gone since it was looked for
        raise missing_inputs([path], _REMEDY) from error
    if not stat.S_ISREG(found.st_mode):
        raise _no_size(item, "it is not a regular file")
    return found.st_size


def _no_size(item: str, why: str) -> UsageError:
    return UsageError(
        f"-per with a size: the item '{item}' has none, {why}",
        remedy="-per K counts items instead",
    )
