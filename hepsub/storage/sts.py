"""A token exchanged for keys: STS AssumeRoleWithWebIdentity, in the dialects of AWS, Ceph and MinIO.

Sources: AWS STS API reference, AssumeRoleWithWebIdentity (an unsigned POST); Ceph, "STS in Ceph" (RoleArn is
needed, a role's MaxSessionDuration limits the session, refusals have no words); MinIO,
"AssumeRoleWithWebIdentity" (without RoleArn the policy comes from a claim of the token).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from hepsub.errors import (
    CredentialExpired,
    CredentialRefused,
    HepsubError,
    StorageRefused,
    StorageUnreachable,
)
from hepsub.policy.model import Storage
from hepsub.storage.bounds import believed_moment, code_in, key_in, words_in
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.trouble import no_answer_from, through_botocore
from hepsub.units import duration_text

_ROLE_DEFAULT_S = 3600
"""What every role allows, unless its administrator said otherwise."""

_NOT_A_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
_TOO_LONG = ("DurationSeconds", "MaxSessionDuration", "max session duration", "InvalidDuration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What is exchanged: a token for keys of a storage that live for so many seconds; the user is for its log."""

    name: str
    storage: Storage
    token: str = field(repr=False)
    user: str
    seconds: int


class SessionTooLong(StorageRefused):
    """The role does not allow a session as long as was asked for."""


def exchange_token(wanted: Exchange) -> S3Credentials:
    """Keys for a storage, in exchange for a token.

    Raises:
        SessionTooLong: the role allows only shorter sessions.
        CredentialExpired: the token has ended.
        CredentialRefused: the token, its audience or the role is refused.
        StorageRefused: the service does not do this, or the endpoint is http and must not be.
        StorageUnreachable: the service does not answer.
    """
    import botocore.exceptions

    _refuse_clear_text(wanted)
    try:
        answer = _client(wanted.storage).assume_role_with_web_identity(**_parameters(wanted))
    except botocore.exceptions.ClientError as error:
        raise _refused(wanted, error.response) from error
    except botocore.exceptions.BotoCoreError as error:
        who = f"the token service of the storage {wanted.name}"
        why = type(error).__name__
        raise no_answer_from(who, endpoint_of(wanted.storage), why, "try again later") from error
    except through_botocore() as error:  # it looks its result up, unasked
        raise _without_keys(wanted) from error
    return _keys(wanted, answer.get("Credentials") or {})


def endpoint_of(storage: Storage) -> str:
    """The URL of the token service: the storage's own endpoint, unless the policy names another."""
    return storage.sts_endpoint or storage.endpoint


def _refuse_clear_text(wanted: Exchange) -> None:
    endpoint = endpoint_of(wanted.storage)
    if endpoint.casefold().startswith("https://") or wanted.storage.allow_http:
        return
    raise StorageRefused(
        f"the token service of the storage {wanted.name} is {endpoint}, and your token would travel in the clear",
        remedy=f"use https, or set allow_http = true in [storage.{wanted.name}]",
    )


def _parameters(wanted: Exchange) -> dict[str, Any]:
    # AWS takes 2 to 64 of these characters (API reference, RoleSessionName).
    name = _NOT_A_NAME.sub("-", wanted.user)[:64]
    role = {"RoleArn": wanted.storage.role_arn} if wanted.storage.role_arn else {}
    return {
        "RoleSessionName": name if len(name) > 1 else f"hepsub-{name}",
        "WebIdentityToken": wanted.token,
        "DurationSeconds": wanted.seconds,
        **role,
    }


def _client(storage: Storage) -> Any:  # noqa: ANN401 (botocore has no types)
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config

    return botocore.session.Session().create_client(
        "sts",
        endpoint_url=endpoint_of(storage),
        # The policy's ca_file is of the storage's own endpoint: another service may be anybody's.
        verify=(storage.ca_file if not storage.sts_endpoint else "") or None,
        region_name=storage.region,
        config=Config(
            signature_version=UNSIGNED,
            parameter_validation=False,  # it insists on RoleArn, which MinIO may not have
            connect_timeout=5,
            read_timeout=20,
            retries={"total_max_attempts": 2, "mode": "standard"},
        ),
    )


def _keys(wanted: Exchange, given: dict[str, Any]) -> S3Credentials:
    try:
        return S3Credentials(
            access=key_in(given["AccessKeyId"]),
            secret=key_in(given["SecretAccessKey"]),
            token=key_in(given["SessionToken"]),
            expires=believed_moment(given["Expiration"]),
        )
    except through_botocore() as error:
        raise _without_keys(wanted) from error


def _without_keys(wanted: Exchange) -> StorageRefused:
    return StorageRefused(
        f"the token service of the storage {wanted.name} answered without keys that could be used",
        remedy=f"check endpoint and sts_endpoint in [storage.{wanted.name}]",
    )


def _refused(wanted: Exchange, response: dict[str, Any]) -> HepsubError:
    said = response.get("Error") or response  # Ceph has no ErrorResponse around its Error
    code, words = code_in(said.get("Code")), str(said.get("Message") or "")
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    shown = words_in(words.replace(wanted.token, "***"))  # it may repeat the token
    told = f"{code or status}{f': {shown}' if words else ''}"
    where = f"the token service of the storage {wanted.name}"
    if code == "ExpiredTokenException" or "expired" in words.casefold():
        return CredentialExpired(
            f"{where} refuses the token: it has ended ({told})",
            remedy="hep_auth login; then try again",
        )
    if _is_too_long(code, words, status, wanted.seconds):
        return SessionTooLong(
            f"{where} gives no keys for {duration_text(wanted.seconds)} ({told})",
            remedy=f"set a smaller session_s in [storage.{wanted.name}]",
        )
    if status >= 500:
        return StorageUnreachable(f"{where} is in trouble ({told})", remedy="try again later")
    if (
        code in {"NotImplemented", "MethodNotAllowed", "InvalidAction", "NoSuchBucket"}
        or status == 405
    ):
        return StorageRefused(
            f"{where} at {endpoint_of(wanted.storage)} exchanges no tokens ({told})",
            remedy=f"name the token service as sts_endpoint in [storage.{wanted.name}]",
        )
    return CredentialRefused(
        f"{where} says no ({told}): the token, its audience or the role is refused",
        remedy=f"check role_arn, audience and token in [storage.{wanted.name}] with its administrators:"
        f" the role is {wanted.storage.role_arn or 'not named'}, the audience"
        f" {wanted.storage.audience or 'the one of the credential'}",
    )


def _is_too_long(code: str, words: str, status: int, seconds: int) -> bool:
    if any(each in f"{code} {words}" for each in _TOO_LONG):
        return True
    # Ceph refuses with a code and no words; what every role allows cannot have been too long.
    wordless = status == 400 and code in {"InvalidArgument", "InvalidRequest", "ValidationError"}
    return wordless and not words and seconds > _ROLE_DEFAULT_S
