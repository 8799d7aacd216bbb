"""A round of hep_auth renew among stores, token services and programs that lie: it ends, and names each of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.renew import renew
from hepsub.actions.returned.uploads import Uploads
from hepsub.auth.bearer import read_token
from hepsub.auth.credential import CredentialSource
from hepsub.auth.s3_credentials import keys_for
from hepsub.auth.token import TokenSource
from hepsub.cli.output import value_text
from hepsub.errors import NotDone
from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Credential, Storage
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.stores import Stores
from tests.fakes.batch import as_batch_systems
from tests.fakes.credentials import make_token
from tests.fakes.hostile import Hostile, hostile_server
from tests.fakes.tokens import jwt
from tests.fakes.world import make_policy, make_session, make_situation
from tests.unit.actions.test_renew import HOUR, World

STS = (
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AK</AccessKeyId>"
    "<SecretAccessKey>SK</SecretAccessKey><SessionToken>ST</SessionToken><Expiration>{}</Expiration></Credentials>"
    "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
)
"""What a token service gives, with the end of its keys."""
BODIES = {
    "keys with a line": STS.replace("AK", "A&#10;K").format("2099-01-01T00:00:00Z"),
    "keys of the year 1": STS.format("0001-01-01T00:00:00Z"),
    "keys without a time": STS.format("9" * 30),
    "200,000 levels": "<a>" * 200_000,
}


class Crossroads(World):
    """Two storages and two tokens; the storage `bad` and the token `vault` say what a test wants."""

    def __init__(self, tmp_path: Path, service: Hostile) -> None:
        super().__init__(tmp_path)
        self.service = service
        self.program = tmp_path / "vault"
        self.prints(make_token(self.now, HOUR).decode())

    def prints(self, text: str) -> None:
        """From now on the command of `vault` prints this."""
        self.program.write_text(f"#!/bin/sh\necho '{text}'\n")
        self.program.chmod(0o700)

    def session(self) -> Session:
        """A session at this moment."""
        policy = make_policy(
            f'[staging]\nbundle_dir = "/proc/self/root{self.directory}/bundles"\n'
            '[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n'
            f'[storage.bad]\nendpoint = "{self.service.endpoint}"\nallow_http = true\naudience = "a"\n'
            '[credential.vault]\nkind = "token"\n'
        )
        vault = TokenSource(
            name="vault",
            policy=Credential(kind="token", command=(str(self.program),)),
            environment={},
            uid=os.getuid(),
        )
        situation = replace(make_situation(cwd=self.directory), now=self.now)
        sources: dict[str, CredentialSource] = {"iam": self.source, "vault": vault}
        systems = as_batch_systems(self.schedd)
        made = make_session(
            self.directory, systems, policy=policy, situation=situation, sources=sources
        )
        return replace(made, keys=self.keys)

    def keys(self, name: str, storage: Storage) -> S3Credentials:
        """The keys of `bad` come from its own token service."""
        if name != "bad":
            return super().keys(name, storage)
        token = read_token("iam", make_token(self.now, HOUR))
        return keys_for(name, storage, lambda *_: token)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crossroads]:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with hostile_server() as service:
        service.says(STS.format("2099-01-01T00:00:00Z").encode())
        yield Crossroads(tmp_path, service)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_store_and_a_token_that_lie_cost_their_own_part_only(
    body: str, world: Crossroads
) -> None:
    good = world.submit("-cred", "iam", "-out", "r=herd:out/%{ClusterId}/r")
    bad = world.submit("-cred", "vault", "-out", "r=bad:out/%{ClusterId}/r")
    for bundle in (good, bad):
        (bundle / "private/signed.json").unlink()
        for path in (bundle / "private/creds").iterdir():
            path.unlink()
    world.service.says(body.encode())
    world.prints(jwt(sub="alice", exp=10**30))
    result = world.renew()
    assert (good / "private/creds/iam.token").exists()
    assert (good / "private/signed.json").exists()
    told = {each.message.partition(":")[0]: each for each in result.problems}
    assert set(told) == {"vault", "bad"}
    assert "makes no sense" in told["vault"].message
    assert "the token service of the storage bad answered without keys" in told["bad"].message
    assert all(each.remedy for each in told.values())
    assert result.exit_code == NotDone.exit_code
    assert value_text(result.value)
    world.service.says(STS.format("2099-01-01T00:00:00Z").encode())
    world.prints(make_token(world.now, HOUR).decode())
    assert renew(world.session(), back_off=False).problems == ()
    assert (bad / "private/creds/vault.token").exists()
    assert (bad / "private/signed.json").exists()


@pytest.mark.parametrize("end", ["1e999", "-5", "1e30", '"soon"', "[]", "9" * 5000])
def test_what_was_noted_of_signatures_is_signed_anew_where_it_makes_no_sense(
    end: str, world: Crossroads
) -> None:
    bundle = world.submit("-out", "r=herd:out/%{ClusterId}/r")
    (bundle / "private/signed.json").write_text(f'{{"herd": {end}}}')
    assert world.renew().problems == ()
    assert json.loads((bundle / "private/signed.json").read_text())["herd"] > time.time()


def test_a_copy_of_a_token_that_makes_no_sense_is_written_anew(world: Crossroads) -> None:
    bundle = world.submit("-cred", "iam")
    (bundle / "private/creds/iam.token").write_text(jwt(sub="alice", exp=10**30))
    assert world.renew().problems == ()
    copy = read_token("iam", (bundle / "private/creds/iam.token").read_bytes())
    assert copy.lifetime.is_good(time.time())


def test_a_store_that_lies_of_sizes_is_left_alone_for_a_round(world: Crossroads) -> None:
    """Outputs that came home go to the other one."""
    world.service.answer = lambda _: (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",)
    stores = Stores(
        storages=dict(world.session().policy.storage),
        known={"bad": world.service.store("bad")},
        keys=world.keys,
    )
    place = ObjectPlace(storage="bad", bucket="out", key="13/r")
    now = Uploads(stores=stores)
    assert now.look([place]) == {}
    assert "the storage bad at" in now.away["bad", ""].message
