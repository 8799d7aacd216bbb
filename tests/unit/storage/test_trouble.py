"""The errors of a storage, in words, and whether its keys are taken."""

from __future__ import annotations

from pathlib import Path

import botocore.exceptions
import pytest
from botocore.parsers import ResponseParserError
from msgspec.structs import replace

from hepsub.documents import Malformed
from hepsub.errors import HepsubError, KeysRefused, StorageRefused, StorageUnreachable
from hepsub.policy.model import Storage
from hepsub.storage import proof
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.proof import no_answer, prove_keys
from hepsub.storage.store import Store
from hepsub.storage.trouble import botocore_told, no_answer_from, refused, unreachable

HERD = Storage(endpoint="https://s3.org", buckets=("raw", "out"))
KEYS = S3Credentials(access="AKIAEXAMPLE", secret="good", token="", expires=None)
RIGHTS = (
    "hep_auth shows the keys: check their rights for this bucket, and whether they have expired"
)
LATER = "try again later: the same command goes on where it was"
GARBLED = "check endpoint in [storage.herd] of the policy; tell its administrators"


def client_error(code: object) -> botocore.exceptions.ClientError:
    """What boto3 raises when a store refuses."""
    return botocore.exceptions.ClientError({"Error": {"Code": code}}, "PutObject")


@pytest.mark.parametrize(
    ("raised", "kind", "message", "remedy"),
    [
        (client_error("AccessDenied"), StorageRefused, "the storage herd refuses s3://raw/k (AccessDenied)", RIGHTS),
        (client_error("InvalidAccessKeyId"), KeysRefused,
         "the storage herd refuses s3://raw/k (InvalidAccessKeyId)", RIGHTS),
        (client_error("SignatureDoesNotMatch"), KeysRefused,
         "the storage herd refuses s3://raw/k (SignatureDoesNotMatch)", RIGHTS),
        (client_error("two words"), StorageRefused, "the storage herd refuses s3://raw/k (no reason given)", RIGHTS),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="x"), StorageUnreachable,
         "the storage herd at https://s3.org does not answer (ConnectTimeoutError)", LATER),
        (botocore.exceptions.SSLError(endpoint_url="x", error="y"), StorageUnreachable,
         "the certificate of the storage herd at https://s3.org is not trusted here (SSLError)",
         "name its authority: ca_file in [storage.herd] of the policy"),
        *((kind("x"), StorageUnreachable,
           f"the storage herd at https://s3.org answers, but not as S3 does ({kind.__name__})", GARBLED)
          for kind in (ResponseParserError, ValueError, KeyError, OverflowError, TypeError, AttributeError,
                       RuntimeError)),
        (Malformed("an ETag that is none"), StorageUnreachable,
         "the storage herd at https://s3.org answers, but not as S3 does (an ETag that is none)", GARBLED),
    ],
)  # fmt: skip
def test_what_botocore_raises_is_told(
    raised: Exception, kind: type[HepsubError], message: str, remedy: str
) -> None:
    with pytest.raises(kind) as caught, botocore_told("herd", HERD, "s3://raw/k"):
        raise raised
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


def test_other_errors_are_told_too(tmp_path: Path) -> None:
    """The policy is to blame for an authority that is not there."""
    authority = tmp_path / "ca.pem"
    storage = replace(HERD, ca_file=str(authority))
    told = unreachable("herd", storage, "SSLCertVerificationError")
    assert told.message == f"the ca_file of the storage herd is no file: {authority}"
    assert told.remedy == "correct ca_file in [storage.herd] of the policy"
    beyond = replace(
        HERD, ca_file="/" + "x" * 300
    )  # Path.is_file raises here, and where none may look
    assert " is no file: /x" in unreachable("herd", beyond, "SSLCertVerificationError").message
    authority.write_text("PEM")
    assert "is not trusted here" in unreachable("herd", storage, "SSLCertVerificationError").message
    assert unreachable("herd", storage, "Timeout").remedy == LATER
    told = no_answer_from("the STS", "https://x", "y")
    assert (told.message, told.remedy) == ("the STS at https://x does not answer (y)", LATER)
    assert refused("herd", "x", "").message == "the storage herd refuses x (no reason given)"
    with pytest.raises(OSError, match="x"), botocore_told("herd", HERD, "x"):
        raise OSError("x")


GOOD, FORBIDDEN = (200, ""), (403, "AccessDenied")
MAY_NOT = "the keys may not list s3://raw (AccessDenied)"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"raw": GOOD}, ""),
        ({"raw": (404, "NoSuchBucket")}, "it has no bucket 'raw', which the policy names"),
        ({"raw": FORBIDDEN, "": GOOD}, MAY_NOT),
        ({"raw": FORBIDDEN, "": FORBIDDEN, "stranger": (403, "SignatureDoesNotMatch")}, MAY_NOT),
        ({"raw": FORBIDDEN, "": FORBIDDEN, "stranger": FORBIDDEN}, None),
        ({"raw": (403, "InvalidAccessKeyId")}, None),
        ({"raw": (403, "")}, None),
    ],
)
def test_keys_are_proved_by_what_a_store_answers(
    answers: dict[str, tuple[int, str]], said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AccessDenied is said to good keys without a right; where wrong ones hear it as well it proves nothing."""
    store = Store(name="herd", storage=HERD, keys=KEYS)

    def answer(asked: Store, bucket: str) -> tuple[int, str]:
        is_stranger = asked.keys.secret != "good"
        assert not is_stranger or bucket == "raw"
        return answers["stranger" if is_stranger else bucket]

    monkeypatch.setattr(proof, "_answer", answer)
    if said is not None:
        assert prove_keys(store) == said
        return
    status, code = answers["raw"]
    with pytest.raises(StorageRefused) as caught:
        prove_keys(store)
    assert caught.value.message == f"the storage herd does not accept the key AKIA… ({code or status})"  # fmt: skip


@pytest.mark.parametrize(
    ("storage", "remedy"),
    [
        (replace(HERD, token="iam"),
         "hep_auth login iam; or check endpoint, region and role_arn in [storage.herd] of the policy"),
        (HERD,
         "correct aws_access_key_id and aws_secret_access_key in ~/.aws/credentials (or in AWS_ACCESS_KEY_ID and"
         " AWS_SECRET_ACCESS_KEY), or endpoint and region in [storage.herd] of the policy"),
        (replace(HERD, profile="p"),
         "correct aws_access_key_id and aws_secret_access_key in the profile 'p' of ~/.aws/credentials (or in"
         " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), or endpoint and region in [storage.herd] of the policy"),
    ],
)  # fmt: skip
def test_what_to_do_about_keys_that_are_not_accepted(
    storage: Storage, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_answer", lambda *_: (403, "InvalidAccessKeyId"))
    with pytest.raises(StorageRefused) as caught:
        prove_keys(Store(name="herd", storage=storage, keys=KEYS))
    assert caught.value.remedy == remedy


def test_without_a_bucket_it_is_asked_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stranger hears the same, that answer is not believed either."""
    store = Store(name="herd", storage=replace(HERD, buckets=()), keys=KEYS)
    asked: list[str] = []

    def answer(each: Store, bucket: str) -> tuple[int, str]:
        asked.append(f"{each.keys.secret}:{bucket}")
        return FORBIDDEN if each.keys.secret == "good" else (403, "SignatureDoesNotMatch")

    monkeypatch.setattr(proof, "_answer", answer)
    assert prove_keys(store) == ""
    assert asked == ["good:", "no-secret-of-anybody:"]


def test_a_storage_that_takes_too_long() -> None:
    told = no_answer("herd", 9.6)
    assert told.message == (
        "no answer from the storage herd within 10 s: whether it accepts the keys is not known"
    )
    assert told.remedy == "try again later"
