"""The mailbox: a prefix in S3 where jobs that reach nothing here find what is newer than what they took along. Pure."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from hepsub.errors import PolicyError
from hepsub.plan.location import ObjectPlace, find_place
from hepsub.policy.model import Policy

_USER = re.compile(r"%\{user\}", re.IGNORECASE)


class Mailbox(Struct, frozen=True, kw_only=True):
    """Where the letters of a submission are; `public` where the store lets everybody read them there."""

    storage: str
    bucket: str
    prefix: str
    public: bool = False

    def __str__(self) -> str:
        return f"{self.storage}:{self.bucket}/{self.prefix}"

    def place(self, name: str) -> ObjectPlace:
        """The object of a letter."""
        return ObjectPlace(storage=self.storage, bucket=self.bucket, key=f"{self.prefix}{name}")


def mailbox_of(policy: Policy, user: str) -> Mailbox | None:
    """The mailbox that the policy names for a user; None for none.

    Raises:
        PolicyError: the policy's place is none in S3.
        UnknownStorage: the policy does not know it.
    """
    if not policy.staging.mailbox:
        return None
    there = user_prefix(policy, "mailbox", user)
    return Mailbox(
        storage=there.storage,
        bucket=there.bucket,
        prefix=there.key,
        public=policy.staging.mailbox_public,
    )


def user_prefix(policy: Policy, key: str, user: str) -> ObjectPlace:
    """The prefix in S3 that a key of [staging], which is not empty, names for a user.

    Raises:
        PolicyError: it names no place in S3.
        UnknownStorage: the policy does not know it.
    """
    said: str = getattr(policy.staging, key)
    # A function, because a backslash in a login name (DOMAIN\user) would mean something in a text.
    place = find_place(_USER.sub(lambda _: user, said), policy.storage, Path("/"))
    if not isinstance(place, ObjectPlace) or "%{" in place.key:
        raise PolicyError(
            f'{key} = "{said}" in [staging] is no place in S3 ({policy.origin(f"staging.{key}")})',
            remedy="write storage:bucket/prefix, in which %{User} may stand; or leave it empty",
        )
    prefix = f"{place.key.rstrip('/')}/" if place.key.strip("/") else ""
    return ObjectPlace(storage=place.storage, bucket=place.bucket, key=prefix)
