"""A storage of the policy with keys: URLs of its objects, what is known of them, uploads (AWS, Ceph RGW, MinIO)."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable
from io import BufferedIOBase
from typing import Any

from msgspec import Struct

from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.model import Storage
from hepsub.progress import NOBODY, Progress
from hepsub.storage.bounds import etag_in
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.signing import LONGEST_URL_S
from hepsub.storage.trouble import botocore_told
from hepsub.units import size_text

UNKNOWN_SESSION_S = 3600
"""What is taken for the life of a session's keys that do not tell their end: AWS's usual one."""

_ONE_PIECE = 5 * 2**30
"""S3 takes no more in one PUT (AWS S3 User Guide, "Uploading objects")."""


class Store(Struct, frozen=True, kw_only=True):
    """A storage of the policy, by its name there, with keys to sign with."""

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

    @property
    def service(self) -> str:
        """The URL that lists the buckets."""
        return f"{self.storage.endpoint.rstrip('/')}/"

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """What is known of objects; None for those that do not exist.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to look.
            StorageUnreachable: the storage does not answer.
        """
        from hepsub.storage.lookup import look_up

        return look_up(self, places)

    def list_below(self, bucket: str, prefix: str) -> dict[str, ObjectInfo] | None:
        """All objects whose keys begin like this, by key; None without such a bucket.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to list.
            StorageUnreachable: the storage does not answer.
        """
        from hepsub.storage.listing import list_below

        return list_below(self, bucket, prefix)

    def upload(self, file: BufferedIOBase, place: ObjectPlace) -> str:
        """Write what is open as an object, and give its ETag; none where it was sent in parts.

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
            # In one PUT where S3 takes that: then the ETag is the MD5, by which hep_fetch checks what it brings.
            if size > _ONE_PIECE:
                self.client().upload_fileobj(file, place.bucket, place.key)
                return ""
            digest = hashlib.file_digest(file, "md5").digest()
            file.seek(0)
            answer = self.client().put_object(
                Bucket=place.bucket,
                Key=place.key,
                Body=file,
                ContentMD5=base64.b64encode(digest).decode(),  # the store compares what arrives
            )
            return etag_in(str(answer.get("ETag", "")))

    def client(self) -> Any:  # noqa: ANN401 (boto3 has no types)
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
                # boto3 (since 1.36) would send checksums of its own in a form that not every store takes.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
