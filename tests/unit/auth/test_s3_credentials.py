"""Keys for a storage: whose they are, and what happens when a session may not be that long."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.auth import s3_credentials as s3
from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.auth.s3_credentials import keys_for
from hepsub.errors import CredentialRefused
from hepsub.policy.model import TOKEN, Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.sts import Exchange, SessionTooLong

KEYS = S3Credentials(access="AK", secret="SK", token="ST", expires=1.0)


class FakeService:
    """A token service whose role allows sessions of so many seconds."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.asked: list[Exchange] = []

    def exchange(self, wanted: Exchange) -> S3Credentials:
        self.asked.append(wanted)
        if wanted.seconds > self.longest:
            raise SessionTooLong("too long", remedy="less")
        return KEYS


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """The token service of this test."""
    fake = FakeService(longest=3600)
    monkeypatch.setattr(s3, "exchange_token", fake.exchange)
    return fake


def token_for(name: str, audience: str) -> UserCredential:
    lifetime = Lifetime(expires=None, renewable_until=None)
    content = f"{name}-for-{audience or 'anybody'}".encode()
    return UserCredential(name=name, kind=TOKEN, who="", lifetime=lifetime, content=content)


@pytest.mark.parametrize(
    ("storage", "token"),
    [
        (Storage(endpoint="https://s3", token="wlcg"), "wlcg-for-anybody"),
        (Storage(endpoint="https://s3", role_arn="arn"), "iam-for-anybody"),
        (Storage(endpoint="https://s3", audience="https://s3"), "iam-for-https://s3"),
    ],
)
def test_a_token_is_exchanged_where_the_policy_says_so(
    service: FakeService, storage: Storage, token: str
) -> None:
    assert keys_for("s3", storage, token_for, "alice") == KEYS
    assert [(each.token, each.user, each.seconds) for each in service.asked] == [
        (token, "alice", 3600)
    ]


def test_other_keys_are_the_users_own(
    service: FakeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text(
        "[hep]\naws_access_key_id = AKOWN\naws_secret_access_key = SKOWN\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    keys = keys_for("s3", Storage(endpoint="https://s3", profile="hep"), token_for, "alice")
    assert (keys.access, keys.secret, keys.expires, keys.note) == ("AKOWN", "SKOWN", None, "")
    assert not service.asked


def test_a_session_that_is_too_long_is_made_shorter_with_a_note(service: FakeService) -> None:
    storage = Storage(endpoint="https://s3", token="iam", session_s=86400)
    keys = keys_for("s3", storage, token_for, "alice")
    assert [each.seconds for each in service.asked] == [86400, 43200, 3600]
    assert "keys for 1 h and not for 1 d: set session_s = 3600 in [storage.s3]" in keys.note
    assert keys.access == "AK"


def test_a_role_that_allows_none_says_so(service: FakeService) -> None:
    service.longest = 10
    storage = Storage(endpoint="https://s3", token="iam", session_s=3600)
    with pytest.raises(SessionTooLong):
        keys_for("s3", storage, token_for, "alice")
    assert [each.seconds for each in service.asked] == [3600, 900]


def test_without_a_token_there_are_no_keys(service: FakeService) -> None:
    def refuse(_name: str, _audience: str) -> UserCredential:
        raise CredentialRefused("no token", remedy="login")

    with pytest.raises(CredentialRefused, match="no token"):
        keys_for("s3", Storage(endpoint="https://s3", token="iam"), refuse, "alice")
    assert not service.asked
