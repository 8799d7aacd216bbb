"""Every command looks whether its user has a newer ticket or token, and offers it to the jobs, once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.offer import offer
from hepsub.errors import AgentUnavailable
from hepsub.session import Session
from tests.unit.actions.test_renew import HOUR, World, token, world

__all__ = ["world"]


class Desk:
    """Alice at a prompt whose ticket is a file."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ticket = world.directory / "krb5cc"
        self.environment = {"KRB5CCNAME": f"FILE:{self.ticket}"}

    def session(self) -> Session:
        """A session of a command."""
        session = self.world.session()
        situation = replace(session.situation, environment=self.environment)
        return replace(session, situation=situation)

    def kinit(self, ago: float = 0) -> None:
        """Get something new; the source has a token that lives longer, too."""
        self.ticket.write_bytes(b"new")
        when = time.time() - ago
        os.utime(self.ticket, (when, when))
        self.world.source.life = 3 * HOUR
        self.world.source.own = self.world.source.obtain(0)

    def offer(self) -> int:
        """Let a command end; how often a schedd was asked by that."""
        before = len(self.world.schedd.calls)
        offer(self.session())
        return len(self.world.schedd.calls) - before


@pytest.fixture
def desk(world: World) -> Desk:
    """A desk without a ticket."""
    return Desk(world)


def test_something_new_gets_into_the_bundles_and_is_not_offered_twice(desk: Desk) -> None:
    """The second command asks nobody."""
    bundle = desk.world.submit("-cred", "iam")
    old = token(bundle)
    assert desk.offer() == 0
    desk.kinit()
    assert token(bundle) == old
    assert desk.offer() > 0
    assert token(bundle) != old
    assert desk.offer() == 0


def test_the_next_one_is_offered_again(desk: Desk) -> None:
    """A kinit every day."""
    desk.world.submit("-cred", "iam")
    desk.kinit(ago=100)
    assert desk.offer() > 0
    desk.kinit(ago=50)
    assert desk.offer() > 0
    assert desk.offer() == 0


def test_what_a_clock_that_was_ahead_offered_keeps_nothing_new_back(desk: Desk) -> None:
    """A ticket of now is older than the last one, by its file."""
    desk.world.submit("-cred", "iam")
    desk.kinit(ago=-400 * 86400)
    assert desk.offer() > 0
    assert desk.offer() == 0
    desk.kinit()
    assert desk.offer() > 0
    assert desk.offer() == 0


def test_without_credentials_in_bundles_nobody_is_asked(desk: Desk) -> None:
    """Nor is anything written for those who never submit with credentials."""
    desk.world.submit("-out", "r=herd:out/r_%{ProcId}")
    desk.kinit()
    assert desk.offer() == 0
    assert not (desk.session().bundles / ".renew").exists()


def test_what_is_no_file_is_not_looked_at(desk: Desk) -> None:
    """KEYRING: hep_auth renew reads it; a command does not start klist for that."""
    desk.world.submit("-cred", "iam")
    desk.kinit()
    desk.environment = {"KRB5CCNAME": "KEYRING:persistent:1000"}
    assert desk.offer() == 0


def test_a_new_token_file_counts_too(desk: Desk) -> None:
    """WLCG Bearer Token Discovery."""
    bundle = desk.world.submit("-cred", "iam")
    old = token(bundle)
    desk.kinit()
    desk.environment = {"KRB5CCNAME": "KCM:", "BEARER_TOKEN_FILE": str(desk.ticket)}
    desk.offer()
    assert token(bundle) != old


def test_trouble_is_left_to_hep_auth_renew(desk: Desk) -> None:
    """The command has done its work: a schedd that is away, or a directory that is not ours, spoils nothing."""
    bundle = desk.world.submit("-cred", "iam")
    desk.kinit()
    desk.world.source.trouble = AgentUnavailable("the agent is locked", remedy="oidc-add -X")
    desk.world.schedd.reachable = False
    desk.offer()
    assert (bundle / "private/creds/iam.token").exists()
    mark: Path = desk.session().bundles / ".renew"
    assert (mark / "offered").exists()
