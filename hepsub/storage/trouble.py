"""The errors of a storage, in words: it does not answer, it refuses, or what it answers is none of S3's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from hepsub.documents import Malformed
from hepsub.errors import KeysRefused, StorageRefused, StorageUnreachable
from hepsub.policy.model import Storage
from hepsub.storage.bounds import code_in

LATER = "try again later: the same command goes on where it was"
"""What to do where nothing else is known."""

_UNTRUSTED = ("SSLCertVerificationError", "SSLError")
_BAD_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch")
"""What stores say of keys that are nobody's, or whose secret is another (Amazon S3 API, "Error responses")."""


def refused(name: str, what: object, why: str) -> StorageRefused:
    """The error for what a storage does not let us do; `why` is its code for that, or the status, or empty."""
    kind = KeysRefused if why in _BAD_KEYS else StorageRefused
    return kind(
        f"the storage {name} refuses {what} ({why or 'no reason given'})",
        remedy="hep_auth shows the keys: check their rights for this bucket, and whether they have expired",
    )


def unreachable(name: str, storage: Storage, why: str) -> StorageUnreachable:
    """The error for a storage that does not answer; `why` is the name of what was raised, or the storage's own word."""
    where = f"[storage.{name}] of the policy"
    # First of all: what TLS says of a file that is not there names everything but the file.
    if storage.ca_file and not os.path.isfile(storage.ca_file):
        return StorageUnreachable(
            f"the ca_file of the storage {name} is no file: {storage.ca_file}",
            remedy=f"correct ca_file in {where}",
        )
    if why in _UNTRUSTED:
        return StorageUnreachable(
            f"the certificate of the storage {name} at {storage.endpoint} is not trusted here ({why})",
            remedy=f"name its authority: ca_file in {where}",
        )
    return no_answer_from(f"the storage {name}", storage.endpoint, why)


def no_answer_from(who: str, endpoint: str, why: str, remedy: str = LATER) -> StorageUnreachable:
    """The error for a service of a storage that does not answer; `why` is as that of `unreachable`."""
    return StorageUnreachable(f"{who} at {endpoint} does not answer ({why})", remedy=remedy)


def garbled(name: str, storage: Storage, why: object) -> StorageUnreachable:
    """The error for a storage whose answers are not those of S3; `why` is in words that are ours."""
    return StorageUnreachable(
        f"the storage {name} at {storage.endpoint} answers, but not as S3 does ({why})",
        remedy=f"check endpoint in [storage.{name}] of the policy; tell its administrators",
    )


@contextlib.contextmanager
def botocore_told(name: str, storage: Storage, what: object) -> Iterator[None]:
    """Turn what botocore raises within the block, which asks for a place, into these errors.

    Raises:
        StorageRefused, StorageUnreachable: it raised something.
    """
    import botocore.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        code = code_in(error.response.get("Error", {}).get("Code"))
        raise refused(name, what, code) from error
    except botocore.exceptions.BotoCoreError as error:
        raise unreachable(name, storage, type(error).__name__) from error
    except Malformed as error:
        raise garbled(name, storage, error) from error
    except through_botocore() as error:
        raise garbled(name, storage, type(error).__name__) from error


def through_botocore() -> tuple[type[Exception], ...]:
    """What botocore lets through where an answer is not the one it expects: it reads what stands there as it is."""
    from botocore.parsers import ResponseParserError

    # An element that is missing, twice there, of another kind, a number too large, and XML nested too deep.
    return (
        ResponseParserError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError,
    )  # fmt: skip
