"""Pre-signed URLs and look-ups in S3 (AWS, Ceph RGW, MinIO).

URLs are signed by botocore's signer on prepared requests (Signature Version 4, query string: AWS
General Reference, "Authenticating Requests: Using Query Parameters"): a client call for each URL costs
more than HTCondor needs for a job.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from hepsub.documents import Malformed
from hepsub.errors import HepsubError, StorageRefused, StorageUnreachable
from hepsub.plan.location import ObjectFact, ObjectPlace
from hepsub.policy.model import Storage
from hepsub.storage import bounds
from hepsub.storage.keys import Keys

Client: TypeAlias = Any
"""What boto3 and botocore give, which have no types."""

LONGEST_URL_S = 604800
"""SigV4 allows seven days at the most."""

UNKNOWN_SESSION_S = 3600
"""What is taken for the life of a session's keys that do not tell their end: AWS's usual one."""

_AT_ONCE = 16
_ONE_PIECE = 5 * 2**30
"""S3 takes no more in one PUT (AWS S3 User Guide, "Uploading objects")."""
_LIST_ABOVE = 50
"""So many look-ups below one directory are one listing."""
_REMEDY = "try again later; -nocheck submits without looking at the inputs"


class Store(Struct, frozen=True, kw_only=True):
    """A storage of the policy, with keys.

    Attributes:
        name: its name in the policy.
        storage: what the policy says of it.
        keys: the keys to sign with.
    """

    name: str
    storage: Storage
    keys: Keys

    def lifetime(self, now: float) -> float:
        """How long a URL signed now is good for, in seconds: it dies with the keys that signed it."""
        if self.keys.expires is None:
            return UNKNOWN_SESSION_S if self.keys.token else LONGEST_URL_S
        return max(0.0, min(self.keys.expires - now, LONGEST_URL_S))

    def signer(self, expires_s: int) -> Signer:
        """A signer of URLs that are good for so many seconds (604800 at the most)."""
        from botocore.auth import S3SigV4QueryAuth

        signature = S3SigV4QueryAuth(
            self._credentials(), "s3", self.storage.region, expires=min(expires_s, LONGEST_URL_S)
        )
        return Signer(store=self, signature=signature, expires_s=expires_s)

    def url(self, bucket: str, key: str) -> str:
        """The unsigned URL of an object."""
        return f"{self.storage.bucket_url(bucket)}/{quote(key, safe='/~')}"

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectFact | None]:
        """Size and ETag of objects; None for those that do not exist.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to look.
            StorageUnreachable: the storage does not answer.
        """
        with self._asked(self.name):
            client = self.client()
        by_directory: defaultdict[tuple[str, str], list[ObjectPlace]] = defaultdict(list)
        for place in places:
            by_directory[place.bucket, place.key.rpartition("/")[0]].append(place)
        found: dict[ObjectPlace, ObjectFact | None] = {}
        singles: list[ObjectPlace] = []
        for (bucket, directory), group in by_directory.items():
            if len(group) > _LIST_ABOVE:
                found.update(self._listed(bucket, directory, group))
            else:
                singles += group
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            facts = pool.map(lambda place: self._head(client, place), singles)
            found.update(zip(singles, facts, strict=True))
        return found

    def list_below(self, bucket: str, prefix: str) -> dict[str, ObjectFact] | None:
        """Size and ETag of all objects whose keys begin like this, by key; None without such a bucket.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to list.
            StorageUnreachable: the storage does not answer.
        """
        from hepsub.storage.listing import list_below  # which needs this module

        try:
            found = list_below(self, bucket, prefix)
        except StorageUnreachable as error:
            raise StorageUnreachable(error.message, remedy=_REMEDY) from error
        if found is None:
            return None
        return {
            key: ObjectFact(size=each.size, etag=each.etag, modified=each.modified)
            for key, each in found.items()
        }

    def upload(self, file: BufferedIOBase, place: ObjectPlace) -> str:
        """Write what is open as an object; the store checks what arrives.

        Returns:
            Its ETag; empty where it was sent in parts.

        Raises:
            StorageRefused: the keys are not accepted, or do not allow to write.
            StorageUnreachable: the storage does not answer.
        """
        import base64
        import hashlib

        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        with self._asked(str(place)):
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
            return bounds.etag_in(str(answer.get("ETag", "")))

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
                max_pool_connections=_AT_ONCE,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def _credentials(self) -> Client:
        from botocore.credentials import Credentials

        return Credentials(self.keys.access, self.keys.secret, self.keys.token or None)

    def _head(self, client: Client, place: ObjectPlace) -> ObjectFact | None:
        import botocore.exceptions

        with self._asked(str(place)):
            try:
                return _fact(client.head_object(Bucket=place.bucket, Key=place.key))
            except botocore.exceptions.ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                    return None
                raise

    def _listed(
        self, bucket: str, directory: str, group: list[ObjectPlace]
    ) -> dict[ObjectPlace, ObjectFact | None]:
        facts = self.list_below(bucket, f"{directory}/" if directory else "")
        return {place: facts.get(place.key) if facts else None for place in group}

    @contextlib.contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Turn what botocore raises into words.

        Raises:
            StorageRefused, StorageUnreachable: it raised something.
        """
        import botocore.exceptions

        try:
            yield
        except botocore.exceptions.ClientError as error:
            raise self._refused(error, what) from error
        except botocore.exceptions.BotoCoreError as error:
            raise self._unreachable(error) from error
        except Malformed as error:
            raise bounds.garbled(self.name, self.storage, error) from error
        except bounds.through_botocore() as error:
            raise bounds.garbled(self.name, self.storage, type(error).__name__) from error

    def _refused(self, error: Client, what: str) -> HepsubError:
        code = bounds.code_in(error.response.get("Error", {}).get("Code"))
        return StorageRefused(
            f"the storage {self.name} refuses {what} ({code or 'no reason given'})",
            remedy="check the keys and their rights for this bucket; keys that have expired are refused like this too",
        )

    def _unreachable(self, error: Exception) -> HepsubError:
        if self.storage.ca_file and not Path(self.storage.ca_file).is_file():
            return StorageUnreachable(
                f"the ca_file of the storage {self.name} is no file: {self.storage.ca_file}",
                remedy=f"correct ca_file in [storage.{self.name}] of the policy",
            )
        name = type(error).__name__
        if name == "SSLError":
            return StorageUnreachable(
                f"the certificate of the storage {self.name} at {self.storage.endpoint} is not trusted here ({name})",
                remedy=f"name its authority: ca_file in [storage.{self.name}] of the policy",
            )
        return StorageUnreachable(
            f"the storage {self.name} at {self.storage.endpoint} does not answer ({name})",
            remedy=_REMEDY,
        )


def _fact(answer: Client) -> ObjectFact:
    """What an answer to HEAD says of an object.

    Raises:
        Malformed: no object is like that.
    """
    return ObjectFact(
        size=bounds.believed_size(int(answer["ContentLength"])),
        etag=bounds.etag_in(str(answer.get("ETag", ""))),
        modified=bounds.written(answer["LastModified"]) if "LastModified" in answer else 0.0,
        encrypted="kms" in answer.get("ServerSideEncryption", "")
        or "SSECustomerAlgorithm" in answer,
    )


class Signer(Struct, frozen=True, kw_only=True):
    """Signs URLs of one storage.

    Attributes:
        store: the storage.
        signature: botocore's signer.
        expires_s: how long the URLs are good for, in seconds, unless the keys end before.
    """

    store: Store
    signature: Any
    expires_s: int

    def sign(self, method: str, place: ObjectPlace) -> str:
        """A pre-signed URL for GET, PUT or DELETE."""
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method, self.store.url(place.bucket, place.key))
        self.signature.add_auth(request)
        return str(request.url)

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        """URL and fields of a pre-signed POST for any object below a prefix (SigV4 POST policy)."""
        answer = self.store.client().generate_presigned_post(
            Bucket=place.bucket,
            Key=place.key + "${filename}",
            Conditions=[["starts-with", "$key", place.key]],
            ExpiresIn=min(self.expires_s, LONGEST_URL_S),
        )
        return str(answer["url"]), dict(answer["fields"])
