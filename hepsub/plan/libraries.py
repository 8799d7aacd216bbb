"""The user's libraries (-lib): what each is, where it is kept, and what of it travels. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from hepsub.job import JobSpec
from hepsub.plan.location import ObjectPlace
from hepsub.plan.mailbox import user_prefix
from hepsub.plan.model import delivery_for
from hepsub.policy.model import Policy

DIRECTORY = "hepsub_lib"
"""Where they are unpacked in the scratch directory."""


class Library(Struct, frozen=True, kw_only=True):
    """A file or directory of the user's, packed.

    Attributes:
        name: its last name, which it has in the job too.
        sha256: of the archive, in hex.
        size: bytes of the archive.
        place: the object that holds it; None when it is sent along.
        stored: whether that object was there before this submission.
        machines: the architectures that programs and shared libraries in it were built for, in HTCondor's words, and
            the first file of each.
    """

    name: str
    is_directory: bool
    sha256: str
    size: int
    place: ObjectPlace | None = None
    stored: bool = False
    machines: Mapping[str, str] = field(default_factory=dict)

    @property
    def archive(self) -> str:
        """The name of the archive in the scratch directory and in the bundle."""
        return f"{DIRECTORY}.{self.sha256}.tar.gz"

    @property
    def is_missing(self) -> bool:
        """Whether it has to be uploaded before the jobs may start."""
        return self.place is not None and not self.stored


def archive_name(sha256: str) -> str:
    """The name of an archive in the cache, and of its object in S3."""
    return f"{sha256}.tar.gz"


def library_prefix(spec: JobSpec, policy: Policy, user: str) -> ObjectPlace | None:
    """Where in S3 the libraries of a submission are kept; None where they are sent along.

    Raises:
        PolicyError: the policy's place is none in S3.
        UnknownPool, UnknownStorage: the policy does not know it.
    """
    # The embedded pool has them on its own disk.
    pool = policy.pool[policy.pool_for(spec.placement.pool)]
    if not policy.staging.libraries or not spec.libraries or delivery_for(pool).on_this_machine:
        return None
    return user_prefix(policy, "libraries", user)
