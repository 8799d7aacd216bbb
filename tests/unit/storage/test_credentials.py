"""Keys of ~/.aws: what botocore cannot get is told, and is no bug."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.errors import StorageRefused
from hepsub.policy.model import Storage
from hepsub.storage.credentials import keys_for

_CONFIG = """\
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = user
region = us-east-1
[profile sso]
sso_start_url = http://127.0.0.1:9
sso_region = us-east-1
sso_account_id = 1
sso_role_name = x
"""


@pytest.mark.parametrize("profile", ["role", "sso", "nobody-has-this"])
def test_keys_that_a_service_would_give(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roles and single sign-on are asked for late, when the keys themselves are wanted."""
    (tmp_path / "config").write_text(_CONFIG)
    (tmp_path / "credentials").write_text(
        "[user]\naws_access_key_id = AK\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageRefused, match="no keys for the storage herd"):
        keys_for("herd", Storage(endpoint="http://127.0.0.1:9", profile=profile))


PROCESS = """
[profile user]
credential_process = {program}
"""
GIVEN = '"Version": 1, "AccessKeyId": "AK", "SecretAccessKey": "SK", "Expiration": "2099-01-01T00:00:00Z"'


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "[]",
        "3",
        '{"Version": 1}',
        "\\377\\376",
        "{" + GIVEN.replace("2099-01-01T00:00:00Z", "soon") + "}",
        "{" + GIVEN.replace("2099", "99999") + "}",
        "{" + GIVEN.replace('"AK"', '"A\\\\nK"') + "}",
        "{" + GIVEN.replace('"AK"', "{}") + "}",
        '{"a":' * 3000,
    ],
)
def test_a_credential_process_that_prints_something_else(
    printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is: one error, which names the storage."""
    program = tmp_path / "program"
    (tmp_path / "printed").write_text(printed)
    program.write_text(f"#!/bin/sh\nprintf '%b' \"$(cat {tmp_path}/printed)\"\n")
    program.chmod(0o700)
    (tmp_path / "config").write_text(PROCESS.format(program=program))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(StorageRefused, match="no keys for the storage herd"):
        keys_for("herd", Storage(endpoint="http://127.0.0.1:9", profile="user"))


def test_a_credential_process_that_gives_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are used."""
    (tmp_path / "printed").write_text("{" + GIVEN + "}")
    (tmp_path / "config").write_text(PROCESS.format(program=f"cat {tmp_path}/printed"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    keys = keys_for("herd", Storage(endpoint="http://127.0.0.1:9", profile="user"))
    assert (keys.access, keys.secret, keys.expires) == ("AK", "SK", 4070908800.0)
