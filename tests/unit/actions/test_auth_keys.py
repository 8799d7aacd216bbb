"""hep_auth s3 and hep_auth token: what programs read."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.auth.s3 import ProcessKeys, StorageKeys, storage_keys
from hepsub.actions.auth.token import TokenRequest, token
from hepsub.cli.output import value_text
from hepsub.errors import (
    CredentialRefused,
    HepsubError,
    StorageRefused,
    StorageUnreachable,
    UnknownStorage,
    UsageError,
)
from hepsub.policy.model import Storage
from hepsub.result import document_of
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from tests.fakes.credentials import make_token
from tests.fakes.programs import write_program
from tests.fakes.tokens import jwt
from tests.fakes.world import NOON, make_policy, make_situation
from tests.unit.actions.test_auth_status import session

TWO = "[storage.a]\nendpoint = 'https://a'\n[storage.b]\nendpoint = 'https://b'\ntoken = 'iam'\n"
NOON_TEXT = "2023-11-14T22:13:20Z"


def with_keys(
    directory: Path, policy: str, expires: float | None, secret_token: str = ""
) -> Session:
    keys = S3Credentials(access="AKIAEXAMPLE", secret="s3cr3t", token=secret_token, expires=expires)
    return replace(session(directory, policy), keys=lambda _name, _storage: keys)


def process(made: Session, name: str = "b") -> dict[str, object]:
    value = storage_keys(made, name, secret=True).value
    document: dict[str, object] = json.loads(value_text(value))
    return document


def test_keys_that_do_not_end_have_no_expiration(tmp_path: Path) -> None:
    """Nor a session token: then nobody asks again."""
    assert process(with_keys(tmp_path, TWO, None)) == {
        "Version": 1,
        "AccessKeyId": "AKIAEXAMPLE",
        "SecretAccessKey": "s3cr3t",
    }


@pytest.mark.parametrize(
    ("life", "early"), [(3600, 300), (43200, 300), (1000, 250), (60, 15), (0, 0)]
)
def test_the_expiration_is_earlier_than_real(tmp_path: Path, life: float, early: float) -> None:
    """By five minutes, but not more than a quarter of the life that is left."""
    end = NOON + life
    value = storage_keys(with_keys(tmp_path, TWO, end, "t"), "b", secret=True).value
    assert isinstance(value, ProcessKeys)
    assert value.expiration == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end - early))


def test_the_expiration_is_written_as_aws_reads_it(tmp_path: Path) -> None:
    """RFC 3339 in UTC, with a Z, without a fraction of a second."""
    document = process(with_keys(tmp_path, TWO, NOON + 0.9, "t"))
    assert (document["SessionToken"], document["Expiration"]) == ("t", NOON_TEXT)


def test_boto_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library itself, by way of a profile."""
    import botocore.session

    made = with_keys(tmp_path, TWO, 4e9, "t")
    program = write_program(
        tmp_path / "keys", f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(process(made))}\nEOF\n"
    )
    (tmp_path / "config").write_text(f"[profile herd]\ncredential_process = {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    found = botocore.session.Session(profile="herd").get_credentials()
    assert found is not None
    frozen = found.get_frozen_credentials()
    assert (frozen.access_key, frozen.secret_key, frozen.token) == ("AKIAEXAMPLE", "s3cr3t", "t")


def test_without_process_there_is_no_secret(tmp_path: Path) -> None:
    """Whose keys they are, and until when."""
    value = storage_keys(with_keys(tmp_path, TWO, NOON + 600, "t"), "b", secret=False).value
    text = value_text(value)
    assert text.startswith("b: key AKIA…, by the token iam, valid until ")
    assert text.endswith("(in 10 min)")
    assert "s3cr3t" not in text + str(document_of(value))
    value = storage_keys(with_keys(tmp_path, TWO, None), "a", secret=False).value
    assert value_text(value) == "a: key AKIA…, from ~/.aws, which does not end"


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (StorageRefused("not accepted", remedy="correct them"), 34),
        (StorageUnreachable("it does not answer"), 35),
        (None, 35),
    ],
)
def test_keys_that_the_store_does_not_accept_are_not_called_good(
    tmp_path: Path, trouble: HepsubError | None, code: int
) -> None:
    """Refused, not asked, and asked for longer than anybody waits; whose they are is said all the same."""
    ended = threading.Event()

    def prove(_name: str, _storage: Storage, _keys: S3Credentials) -> str:
        if trouble is None:
            ended.wait()
            return ""
        raise trouble

    made = replace(with_keys(tmp_path, TWO, None), prove=prove)
    found = storage_keys(made, "a", secret=False, limit=0.1 if trouble is None else 60)
    ended.set()
    assert (found.exit_code, len(found.problems)) == (code, 1)
    assert document_of(found.value)["good"] is False
    assert value_text(found.value) == "a: key AKIA…, from ~/.aws"
    assert storage_keys(made, "a", secret=True).exit_code == 0  # AWS's programs ask themselves


def test_what_a_store_says_besides_is_a_note(tmp_path: Path) -> None:
    """Keys that may not list are good."""
    made = replace(with_keys(tmp_path, TWO, None), prove=lambda _n, _s, _k: "may not list")
    found = storage_keys(made, "a", secret=False)
    assert (found.exit_code, found.notes) == (0, ("may not list",))


def test_the_secret_is_in_no_repr(tmp_path: Path) -> None:
    """A traceback shows values."""
    assert "s3cr3t" not in repr(storage_keys(with_keys(tmp_path, TWO, None), "a", secret=True))


@pytest.mark.parametrize(
    ("policy", "named", "message"),
    [
        (TWO, "", "the policy has several storages, and none was named"),
        (TWO, "c", "no storage 'c' in the policy"),
        ("", "", "the policy has no storage"),
    ],
)
def test_which_storage_is_meant_has_to_be_clear(
    tmp_path: Path, policy: str, named: str, message: str
) -> None:
    """Three ways it is not."""
    with pytest.raises(UnknownStorage, match=message):
        storage_keys(with_keys(tmp_path, policy, None), named, secret=True)


@pytest.mark.parametrize(
    "policy",
    [TWO.replace("[storage.b]", "[storage.b]\ndefault = true"), TWO[TWO.index("[storage.b]") :]],
)
def test_the_default_storage_needs_no_name(tmp_path: Path, policy: str) -> None:
    """Nor does the only one."""
    value = storage_keys(with_keys(tmp_path, policy, None), "", secret=False).value
    assert isinstance(value, StorageKeys)
    assert value.storage == "b"


# Tokens, from the real source


def given(directory: Path, policy: str = "", **environment: str) -> Session:
    variables = {"XDG_RUNTIME_DIR": str(directory), "TMPDIR": str(directory), **environment}
    made = session(directory, "")
    return replace(
        made, policy=make_policy(policy), situation=make_situation(environment=variables)
    )


def printed(directory: Path, text: str) -> str:
    """A policy whose tokens come from a program that prints this."""
    write_program(
        directory / "print",
        f"#!/bin/sh\necho \"$HEPSUB_AUDIENCE|$HEPSUB_SCOPES|$HEPSUB_SECONDS\" > '{directory}/asked'\n"
        f"echo '{text}'\n",
    )
    return f"[credential.iam]\ncommand = ['{directory}/print']\n"


def real_token(subject: str, life: float = 1000) -> str:
    return make_token(time.time() - 1, life, subject).decode()


def test_a_token_is_one_line(tmp_path: Path) -> None:
    """And nothing else on stdout."""
    text = real_token("alice")
    result = token(given(tmp_path, printed(tmp_path, text)), TokenRequest())
    assert value_text(result.value) == text
    assert text not in repr(result.value)
    assert (tmp_path / "asked").read_text() == "||60\n"


def test_the_one_that_other_tools_would_find_comes_first(tmp_path: Path) -> None:
    """WLCG Bearer Token Discovery."""
    found = real_token("found")
    made = given(tmp_path, printed(tmp_path, real_token("given")), BEARER_TOKEN=found)
    value = token(made, TokenRequest()).value
    assert value.text == found


@pytest.mark.parametrize("wanted", [TokenRequest(seconds=2000), TokenRequest(audience="https://x")])
def test_one_that_does_not_fit_is_passed_over(tmp_path: Path, wanted: TokenRequest) -> None:
    """Too short; for somebody else."""
    text = jwt(iss="https://i", exp=4_000_000_000, aud="https://x")
    made = given(tmp_path, printed(tmp_path, text), BEARER_TOKEN=real_token("found"))
    assert value_text(token(made, wanted).value) == text
    asked = (tmp_path / "asked").read_text()
    assert asked == f"{wanted.audience}||{wanted.seconds:.0f}\n"


def test_scopes_are_asked_for(tmp_path: Path) -> None:
    """And a token without them is refused rather than printed."""
    made = given(
        tmp_path, printed(tmp_path, jwt(iss="https://i", exp=4_000_000_000, scope="storage.read:/"))
    )
    with pytest.raises(CredentialRefused):
        token(made, TokenRequest(scopes=("storage.read:/", "compute.read")))
    assert (tmp_path / "asked").read_text() == "|storage.read:/ compute.read|60\n"


@pytest.mark.parametrize("name", ["krb", "nobody"])
def test_what_is_no_token_cannot_be_printed(tmp_path: Path, name: str) -> None:
    """A ticket; a name that the policy does not know."""
    with pytest.raises(UsageError):
        token(given(tmp_path), TokenRequest(name=name))
