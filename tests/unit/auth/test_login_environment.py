"""What is noted of a login session for the time after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.auth.login_environment import lasting, note_login, noted_login
from hepsub.situation import Situation
from tests.fakes.world import make_situation

PLACES = {
    "OIDC_SOCK": "/run/agent",
    "OIDC_CONFIG_DIR": "/home/alice/.oidc",
    "KRB5CCNAME": "FILE:/run/user/1/krb5cc",
    "KRB5_CONFIG": "/etc/krb5.conf",
    "BEARER_TOKEN_FILE": "/run/user/1/bt_u1",
    "XDG_RUNTIME_DIR": "/run/user/1",
    "CONDOR_CONFIG": "/etc/condor/condor_config",
    "HEPSUB_CONFIG": "/home/alice/policy.toml",
    "AWS_PROFILE": "herd",
    "AWS_CONFIG_FILE": "/home/alice/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/home/alice/.aws/credentials",
    "AWS_CA_BUNDLE": "/etc/ca.pem",
    "SSL_CERT_FILE": "/etc/cert.pem",
    "SSL_CERT_DIR": "/etc/certs",
    "X509_CERT_DIR": "/etc/grid-security/certificates",
}


def at(host: str, environment: dict[str, str]) -> Situation:
    """A user's session on a host."""
    return replace(make_situation(environment=environment), host=host)


def test_places_are_noted_and_secrets_are_not(tmp_path: Path) -> None:
    """Renew finds agent, ticket and configurations again; what stands in the environment is not kept."""
    secrets = {"AWS_SECRET_ACCESS_KEY": "s", "BEARER_TOKEN": "t", "HOME": "/home/alice"}
    note_login(tmp_path / "logins", at("login01", {**PLACES, **secrets, "OIDC_SOCK": "/run/agent"}))
    assert noted_login(tmp_path / "logins", "login01") == PLACES


def test_the_note_is_private_and_one_for_each_host(tmp_path: Path) -> None:
    directory = tmp_path / "logins"
    note_login(directory, at("login01", {"OIDC_SOCK": "/run/1"}))
    note_login(directory, at("login02", {"OIDC_SOCK": "/run/2"}))
    assert noted_login(directory, "login01") == {"OIDC_SOCK": "/run/1"}
    assert (directory.stat().st_mode & 0o777, _note(directory).stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    assert _note(directory).read_text().endswith("}\n")


def test_what_is_noted_already_is_not_written_again(tmp_path: Path) -> None:
    """Each command comes by here: a home directory on NFS is not written for nothing."""
    directory = tmp_path / "logins"
    note_login(directory, at("login01", PLACES))
    before = _note(directory).stat().st_ino
    note_login(directory, at("login01", PLACES))
    assert _note(directory).stat().st_ino == before
    note_login(directory, at("login01", {**PLACES, "OIDC_SOCK": "/run/other"}))
    assert noted_login(directory, "login01")["OIDC_SOCK"] == "/run/other"


def test_a_note_of_other_names_or_none_is_empty(tmp_path: Path) -> None:
    (tmp_path / "login01.json").write_text('{"PATH": "/evil", "AWS_PROFILE": "herd"}')
    assert noted_login(tmp_path, "login01") == {"AWS_PROFILE": "herd"}
    (tmp_path / "login01.json").write_text('{"AWS_PROFILE": "a\\nb"}')
    assert noted_login(tmp_path, "login01") == {}
    (tmp_path / "login01.json").write_text("[]")
    assert noted_login(tmp_path, "login01") == {}
    assert noted_login(tmp_path, "login02") == {}


@pytest.mark.parametrize(
    ("name", "text", "lasts"),
    [
        ("HEPSUB_CONFIG", "site.toml", "/cwd/site.toml"),
        ("HEPSUB_CONFIG", "/etc/site.toml", "/etc/site.toml"),
        ("BEARER_TOKEN_FILE", "sub/token", "/cwd/sub/token"),
        ("AWS_CONFIG_FILE", "~/aws", "~/aws"),
        ("AWS_CONFIG_FILE", "$HOME/aws", "$HOME/aws"),
        ("CONDOR_CONFIG", "ONLY_ENV", "ONLY_ENV"),
        ("KRB5CCNAME", "cc", "/cwd/cc"),
        ("KRB5CCNAME", "FILE:cc", "FILE:/cwd/cc"),
        ("KRB5CCNAME", "FILE:/tmp/cc", "FILE:/tmp/cc"),
        ("KRB5CCNAME", "KEYRING:persistent:1000", "KEYRING:persistent:1000"),
        ("KRB5CCNAME", "KCM:", "KCM:"),
        ("AWS_PROFILE", "herd", "herd"),
    ],
)
def test_what_is_noted_means_the_same_in_every_directory(name: str, text: str, lasts: str) -> None:
    """A renewal runs in another one: a policy that it did not find there stopped it altogether."""
    situation = replace(make_situation(environment={name: text}), cwd=Path("/cwd"))
    assert lasting(situation, [name, "BEARER_TOKEN"]) == {name: lasts}


def _note(directory: Path) -> Path:
    return directory / "login01.json"
