"""Which variables hold a secret."""

from __future__ import annotations

import time

import pytest

from hepsub.plan.secrets import looks_secret
from tests.unit.plan.variables import Variable, variables

SEEDS = range(20)
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_holds_a_secret_is_known_as_one(seed: int) -> None:
    """Of clouds, CI, databases, web, machine learning and the field; random ones may look like paths."""
    missed = [each for each in variables("secret_variables", seed) if not _looks(each)]
    assert missed == []


@pytest.mark.parametrize("seed", SEEDS)
def test_what_holds_none_is_left_in_peace(seed: int) -> None:
    """Of shells, desktops, experiments' software and batch systems: a job may need any of them."""
    withheld = [each for each in variables("harmless_variables", seed) if _looks(each)]
    assert withheld == []


def test_the_tables_are_long_enough_to_tell_something() -> None:
    """At least 150 of each kind."""
    assert len({each.name for each in variables("secret_variables")}) >= 150
    assert len({each.name for each in variables("harmless_variables")}) >= 150


def _looks(each: Variable) -> bool:
    return looks_secret(each.name, each.value)


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "token", "Token2", "MYSQL_PASSWORD", "PGPASSWORD", "DB_PASSWD",
        "GPG_PASSPHRASE", "OPENAI_APIKEY", "openaiApiKey", "CLIENT_SECRET", "SMTP_PASS", "GITLAB_PAT", "HTTP_AUTH",
        "SESSION_COOKIE", "MACAROON", "npm_config__authToken", "a.b-token", "SLACK_WEBHOOK_URL",
    ],
)  # fmt: skip
def test_a_name_tells_a_secret_whatever_its_value_looks_like(name: str) -> None:
    """In any case of letters, with words told apart by any sign, or by capitals."""
    assert looks_secret(name, "rabbit")


@pytest.mark.parametrize("value", ["", " ", "true", "No", "off", "1", "none"])
def test_an_answer_to_a_question_is_no_secret(value: str) -> None:
    """USE_TOKEN=true tells nobody anything."""
    assert not looks_secret("USE_TOKEN", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X509_USER_KEY", "/afs/ihep.ac.cn/users/a/alice/.globus/userkey.pem"),
        ("X509_USER_KEY", "FILE:/tmp/x509up_u10001"),
        ("X509_USER_KEY", "~/.globus/userkey.pem"),
        ("X509_USER_KEY", "userkey.pem"),
        ("TOKEN_FILE", "token"),
        ("PASSWORD_FILE", "/run/secrets/db"),
        ("CREDENTIALS_DIR", "creds"),
    ],
)
def test_the_place_of_a_secret_is_none(name: str, value: str) -> None:
    """A path opens nothing for who may not read the file."""
    assert not looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "/usr/share"),
        ("CLIENT_SECRET", "rabbit.key"),
        ("TOKEN_FILE", "0123456789abcdefABCDEF0123456789"),
        ("SSH_KEY_FILE", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"),
        ("ACCOUNT_KEY", "/x+Qm3/Wd8fkJ2hYb7Rt5Nc1Vg9Lp4SzAe6Uo0Ti/Kw=="),
    ],
)
def test_a_secret_that_poses_as_a_place_is_one(name: str, value: str) -> None:
    """A password may be anything, base64 begins with a slash now and then, and a file may be given as its text."""
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    "value",
    [
        JWT,
        f"Bearer {JWT}",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghijABCDEFGHIJ",
        "glpat-0123456789abcdefghij",
        "https://s3.example.org/b/k?X-Amz-Date=1&X-Amz-Signature=0123456789abcdef",
        "https://s3.example.org/b/k?X-Amz-Date=1&X-Amz-Signature=short",
        "https://alice:pw@example.org/repo.git",
        "redis://:pw@host:6379",
        "redis://:12345@host:6379",
        "/opt/tool --password=rabbit",
        '{"password": "rabbit"}',
        "Server=db;Uid=alice;Pwd=rabbit;",
    ],
)
def test_a_secret_is_known_by_its_look(value: str) -> None:
    """Tokens, keys, pre-signed URLs and passwords in URLs, whatever the variable's name."""
    assert looks_secret("HARMLESS", value)
    assert looks_secret("", value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/usr/bin:/bin",
        "http://proxy.example.org:3128",
        "http://proxy.example.org:3128/a@b",
        "root://eos.example.org:1094//eos/juno",
        "root://alice@eos.example.org:1094//eos/juno",
        "alice@example.org",
        "a:b@c",
        "eyJ",
        "AKIA",
        "-----BEGIN CERTIFICATE-----",
        "docker run -u 1000:1000 image",
        "--password-file=/run/secrets/db --token=$TOKEN --secret /run/s",
        "Basic understanding of jobs",
        "x" * 40,
        "0123456789abcdefABCDEF0123456789abcdefAB",
    ],
)
def test_ordinary_values_are_no_secrets(value: str) -> None:
    """Paths, proxies and addresses travel, and so does what only looks random."""
    assert not looks_secret("HARMLESS", value)


@pytest.mark.parametrize("text", ["eyJ-", "a-", "://", "password ", " -u", "/a", "%20", "key=v&?"])
def test_a_large_value_takes_no_time_to_speak_of(text: str) -> None:
    """No expression goes over a value again and again: a variable may have 128 kB."""
    begun = time.process_time()
    for name in ("HARMLESS", "SSH_KEY", "SESSION"):
        looks_secret(name, text * (128_000 // len(text)))
    assert time.process_time() - begun < 10
