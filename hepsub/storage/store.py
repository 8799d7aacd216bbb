"""A storage of the policy with keys: URLs of its objects, what is known of them, uploads (AWS, Ceph RGW, MinIO)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from typing import Any, TypeAlias

from msgspec import Struct

from hepsub.errors import StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.model import Storage
from hepsub.progress import NOBODY, Progress
from hepsub.storage.bounds import etag_in
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.signing import LONGEST_URL_S
from hepsub.storage.trouble import LATER, botocore_told
from hepsub.units import size_text

Client: TypeAlias = Any
"""What boto3 gives, which has no types."""

UNKNOWN_SESSION_S = 3600
"""What is taken for the life of a session's keys that do not tell their end: AWS's usual one."""

_ONE_PIECE = 5 * 2**30
"""S3 takes no more in one PUT (AWS S3 User Guide, "Uploading objects")."""
_LIST_ABOVE = 50
"""So many look-ups below one directory are one listing."""
UNLOOKED = "try again later; -nocheck submits without looking at the inputs"
"""What to do where a submission only wants to know of objects."""


class Store(Struct, frozen=True, kw_only=True):
    """A storage of the policy, with keys.

    Attributes:
        name: its name in the policy.
        storage: what the policy says of it.
        keys: the keys to sign with.
        progress: is told what takes long.
    """

    name: str
    storage: Storage
    keys: S3Credentials
    progress: Progress = NOBODY

    def lifetime(self, now: float) -> float:
        """How long a URL signed now is good for, in seconds: it dies with the keys that signed it."""
        if self.keys.expires is None:
            return UNKNOWN_SESSION_S if self.keys.token else LONGEST_URL_S
        return max(0.0, min(self.keys.expires - now, LONGEST_URL_S))

    def url(self, bucket: str, key: str) -> str:
        """The unsigned URL of an object."""
        return self.storage.object_url(bucket, key)

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """What is known of objects; None for those that do not exist.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to look.
            StorageUnreachable: the storage does not answer.
        """
        by_directory: defaultdict[tuple[str, str], list[ObjectPlace]] = defaultdict(list)
        for place in places:
            by_directory[place.bucket, place.key.rpartition("/")[0]].append(place)
        found: dict[ObjectPlace, ObjectInfo | None] = {}
        singles: list[ObjectPlace] = []
        for (bucket, directory), group in by_directory.items():
            if len(group) > _LIST_ABOVE:
                below = self.list_below(bucket, f"{directory}/" if directory else "") or {}
                found |= {place: below.get(place.key) for place in group}
            else:
                singles += group
        return found | self._look_up_singly(singles)

    def list_below(self, bucket: str, prefix: str) -> dict[str, ObjectInfo] | None:
        """All objects whose keys begin like this, by key; None without such a bucket.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to list.
            StorageUnreachable: the storage does not answer.
        """
        from hepsub.storage.listing import list_below

        with _may_go_unlooked():
            return list_below(self, bucket, prefix)

    def upload(self, file: BufferedIOBase, place: ObjectPlace) -> str:
        """Write what is open as an object; the store checks what arrives.

        Returns:
            Its ETag; empty where it was sent in parts.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to write.
            StorageUnreachable: the storage does not answer.
        """
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        with (
            botocore_told(self.name, self.storage, place),
            self.progress.step(f"uploading {size_text(size)} to {place}"),
        ):
            if size > _ONE_PIECE:
                self.client().upload_fileobj(file, place.bucket, place.key)
                return ""
            digest = hashlib.file_digest(file, "md5").digest()
            file.seek(0)
            answer = self.client().put_object(
                Bucket=place.bucket,
                Key=place.key,
                Body=file,
                ContentMD5=base64.b64encode(digest).decode(),
            )
            return etag_in(str(answer.get("ETag", "")))

    def client(self) -> Client:
        """A boto3 client of this storage."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.storage.endpoint,
            region_name=self.storage.region,
            aws_access_key_id=self.keys.access,
            aws_secret_access_key=self.keys.secret,
            aws_session_token=self.keys.token or None,
            verify=self.storage.ca_file or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": self.storage.style},
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 3, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def _look_up_singly(self, places: list[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        from hepsub.storage.http import ConnectionPool
        from hepsub.storage.listing import see_object
        from hepsub.storage.workers import run_all

        found: dict[ObjectPlace, ObjectInfo | None] = {}
        looking = self.progress.step(f"looking at objects of {self.name}", len(places))
        with _may_go_unlooked(), contextlib.closing(ConnectionPool()) as pool, looking as step:

            def one(number: int, _: threading.Event) -> None:
                found[places[number]] = see_object(pool, self, places[number])
                step.advance()

            run_all(len(places), one, lambda: None)
        return found


@contextlib.contextmanager
def _may_go_unlooked() -> Iterator[None]:
    """Say that a submission can do without, where nothing better is known than to try again."""
    try:
        yield
    except StorageUnreachable as error:
        if error.remedy != LATER:
            raise
        raise StorageUnreachable(error.message, remedy=UNLOOKED) from error
