"""The testbed's provider and oidc-agent behave and fail as real ones do."""

import subprocess
import time

import pytest

from tests.testbed import jwt
from tests.testbed.openid import DEVICE_GRANT, OpenId
from tests.testbed.users import Account


def test_a_user_logs_in_by_a_device_code_and_gets_a_wlcg_token(openid: OpenId) -> None:
    openid.lives_s(access=7)
    answer = openid.login("bob")
    claims = jwt.payload(answer["access_token"])
    assert claims["sub"] == "bob"
    assert claims["iss"] == openid.issuer
    assert claims["wlcg.ver"] == "1.0"
    assert claims["exp"] - claims["iat"] == 7
    assert "compute.create" in claims["scope"].split()


def test_a_refresh_token_is_replaced_and_dies_when_used_twice(openid: OpenId) -> None:
    first = openid.login()["refresh_token"]
    fields = {"grant_type": "refresh_token", "audience": "https://s3.test.hep"}
    second = openid.post("/token", **fields, refresh_token=first)
    assert jwt.payload(second["access_token"])["aud"] == "https://s3.test.hep"
    assert second["refresh_token"] != first
    for token in (first, second["refresh_token"]):
        assert openid.post("/token", **fields, refresh_token=token)["error"] == "invalid_grant"
    assert [request.status for request in openid.requests("/token")] == [200, 200, 400, 400]


def test_the_user_may_wait_refuse_or_be_late(openid: OpenId) -> None:
    openid.lives_s(code=2)
    begin = time.monotonic()
    codes = [openid.post("/device/auth", scope="openid") for _ in range(2)]
    openid.deny(codes[1]["verification_uri_complete"])
    errors = [
        openid.post("/token", grant_type=DEVICE_GRANT, device_code=code["device_code"])["error"]
        for code in codes
    ]
    if time.monotonic() - begin < 2:
        assert errors == ["authorization_pending", "access_denied"]
    time.sleep(2.5)
    late = openid.post("/token", grant_type=DEVICE_GRANT, device_code=codes[0]["device_code"])
    assert late["error"] in {"expired_token", "invalid_grant"}


def test_the_agent_gets_tokens_for_an_audience_and_with_fewer_scopes(
    openid: OpenId, host_alice: Account
) -> None:
    agent = openid.agent(host_alice)
    token = agent.token("--aud", "https://s3.test.hep", "--scope", "compute.read").stdout
    claims = jwt.payload(token)
    assert (claims["sub"], claims["aud"]) == ("alice", "https://s3.test.hep")
    assert claims["scope"] == "compute.read"


def test_each_way_in_which_an_agent_has_no_token(openid: OpenId, host_alice: Account) -> None:
    agent = openid.agent(host_alice)
    agent.lock()
    assert "Agent locked" in agent.token().stderr
    agent.unlock()
    assert agent.token().returncode == 0
    agent.unload()
    assert "account not loaded" in agent.token().stderr
    agent.load()
    openid.stop()
    assert agent.token("-t", "3700").returncode == 1
    openid.start()
    assert agent.token("-t", "3700").returncode == 0
    openid.freeze()
    with pytest.raises(subprocess.TimeoutExpired):
        agent.token("-t", "3700", timeout=2)
    openid.thaw()
    assert openid.revoke("alice")
    assert "invalid_grant" in agent.token("-t", "3700").stderr
    agent.stop()
    assert "did not receive any response" in agent.token().stderr
