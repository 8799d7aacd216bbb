"""Where a file is: an object in a storage of the policy, or a path; and what is known of what is there."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from hepsub.errors import UnknownStorage, UsageError
from hepsub.policy.model import Storage, default_storage
from hepsub.suggest import closest
from hepsub.terminal import printable

_S3_URL = r"(?is)s3://(?P<bucket>[^/]+)/(?P<key>.*)"
_NAMED = r"(?s)(?P<storage>[A-Za-z][\w.-]*):(?P<bucket>[^/:]+)/(?P<key>.*)"
_OTHER_SCHEME = r"[A-Za-z][\w+.-]*://"
_DOTS = r"(?:^|/)\.\.?(?:/|$)"


class ObjectPlace(Struct, frozen=True, kw_only=True, order=True):
    """An object: the storage's name in the policy, bucket and key."""

    storage: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.storage}:{self.bucket}/{self.key}"

    @property
    def is_prefix(self) -> bool:
        """Whether it stands for a directory: a name is still to be added."""
        return not self.key or self.key.endswith("/")


class FilePlace(Struct, frozen=True, kw_only=True, order=True):
    """A path, absolute."""

    path: str

    def __str__(self) -> str:
        return self.path

    @property
    def is_prefix(self) -> bool:
        """Whether it stands for a directory: a name is still to be added."""
        return self.path.endswith("/")


Place: TypeAlias = ObjectPlace | FilePlace


class PlaceState(enum.Enum):
    """What a path is, as a place to write to."""

    MISSING = "missing"
    DIRECTORY = "directory"
    LOCKED_DIRECTORY = "locked-directory"
    FILE = "file"
    LOCKED_FILE = "locked-file"
    DEVICE = "device"


def absolute(text: str, cwd: Path) -> str:
    """A path as text, made absolute; `~` was the shell's business."""
    # What is absolute stays as it was written; behind a link, `..` is not where the text says it is.
    path = text if text.startswith("/") else f"{str(cwd).rstrip('/')}/{text}"
    return path if ".." in path or text.startswith("/") else os.path.normpath(path)


def own_image(said: str, cwd: Path) -> str:
    """The path of a container image of the user's own; empty for none, or for one of a registry (`docker://…`)."""
    return "" if not said or re.match(_OTHER_SCHEME, said) else absolute(said, cwd)


def find_place(url: str, storages: Mapping[str, Storage], cwd: Path) -> Place:
    """What a URL of the command line means.

    Args:
        url: `s3://bucket/key`, `storage:bucket/key` as rclone writes it, or a path.
        storages: those of the policy.
        cwd: what relative paths begin at.

    Raises:
        UnknownStorage: no storage has this name or bucket.
        UsageError: the URL has another scheme.
    """
    if found := re.fullmatch(_S3_URL, url):
        place = ObjectPlace(
            storage=_by_bucket(found["bucket"], storages, url),
            bucket=found["bucket"],
            key=found["key"],
        )
        return _check_key(place)
    if re.match(_OTHER_SCHEME, url):
        raise UsageError(
            f"'{url}': only s3://bucket/key, storage:bucket/key and paths are understood",
            remedy="fetch other URLs in the job itself",
        )
    if found := re.fullmatch(_NAMED, url):
        if found["storage"] not in storages:
            raise UnknownStorage(
                f"'{url}': the policy has no storage '{found['storage']}'",
                remedy=_describe_it(found["storage"], storages),
            )
        place = ObjectPlace(storage=found["storage"], bucket=found["bucket"], key=found["key"])
        return _check_key(place)
    _check_no_storage(url, storages)
    trailing = "/" if url.endswith("/") else ""
    return FilePlace(path=absolute(url, cwd).rstrip("/") + trailing)


def place_finder(start: str, storages: Mapping[str, Storage], cwd: Path) -> Callable[[str], Place]:
    """`find_place` for URLs that all begin with `start`."""
    # What the beginning decides is decided once, and not for each of 10,000 jobs.
    if found := re.fullmatch(_S3_URL, start) or re.fullmatch(_NAMED, start):  # the bucket is in it
        return _in_bucket(len(start) - len(found["key"]), storages, cwd)
    if start.startswith("/"):
        return _absolute_place
    return lambda url: find_place(url, storages, cwd)


def _in_bucket(
    head: int, storages: Mapping[str, Storage], cwd: Path
) -> Callable[[str], ObjectPlace]:
    first: list[ObjectPlace] = []

    def find(url: str) -> ObjectPlace:
        if first:
            [known] = first
            return _check_key(
                ObjectPlace(storage=known.storage, bucket=known.bucket, key=url[head:])
            )
        place = find_place(url, storages, cwd)
        assert isinstance(place, ObjectPlace)  # noqa: S101 (what `place_finder` saw)
        first.append(place)
        return place

    return find


def _absolute_place(url: str) -> FilePlace:
    return FilePlace(path=url.rstrip("/") + ("/" if url.endswith("/") else ""))


def _check_key(place: ObjectPlace) -> ObjectPlace:
    """An object, if its key can travel.

    Raises:
        UsageError: it cannot.
    """
    if not place.key.isprintable():
        raise UsageError(
            f"the key of {printable(str(place))} has a line end or a control character, or is not UTF-8, or has an"
            " unusual blank",
            remedy="choose another key",
        )
    # HTTP clients fold `.` and `..`, and the signature no longer fits.
    if re.search(_DOTS, place.key):
        right = "/".join(part for part in place.key.split("/") if part != ".")
        raise UsageError(
            f"the key of {place} has '.' or '..' between slashes, which no client sends as it is",
            remedy=f"write {place.storage}:{place.bucket}/{right}"
            if ".." not in right
            else "choose another key",
        )
    return place


def _check_no_storage(url: str, storages: Mapping[str, Storage]) -> None:
    """Refuse what begins as an object does and is none: as a path it would be a file of a strange name."""
    name, colon, rest = url.partition(":")
    if not colon or (name not in storages and name.casefold() != "s3"):
        return
    bucket, _, key = rest.lstrip("/").partition("/")
    right = (
        f"{name}:{bucket or 'BUCKET'}/{key or 'KEY'}"
        if name in storages
        else f"s3://{rest.lstrip('/')}"
    )
    raise UsageError(
        f"'{url}' is no object: behind the storage stand bucket and key",
        remedy=f"write {right}; a file of this name is ./{url}",
    )


def may_be_object(url: str, storages: Mapping[str, Storage]) -> bool:
    """Whether a URL after -in or -out, or an item of a list, is an object in a storage."""
    name, colon, _ = url.partition(":")
    return re.match(_S3_URL, url) is not None or (bool(colon) and name in storages)


def _describe_it(word: str, storages: Mapping[str, Storage]) -> str:
    match = closest(word, storages)
    if match is not None:
        return f"did you mean '{match}'?"
    known = ", ".join(storages) or "none"
    return f"describe it in the policy: [storage.NAME] endpoint = … (known: {known})"


def _by_bucket(bucket: str, storages: Mapping[str, Storage], url: str) -> str:
    for name, storage in storages.items():
        if bucket in storage.buckets:
            return name
    if default := default_storage(storages):
        return default
    known = ", ".join(storages) or "none"
    raise UnknownStorage(
        f"'{url}': no storage of the policy has the bucket '{bucket}', and none is the default (storages: {known})",
        remedy="write storage:bucket/key, or describe the storage in the policy: [storage.NAME] endpoint = …",
    )
