"""hep_auth renew where things are not as they were at the submission: accounts, policies, single bundles, stores."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.offer import offer
from hepsub.actions.renew.renew import renew
from hepsub.actions.submit.submit import submit
from hepsub.auth.credential import UserCredential
from hepsub.auth.kerberos import read_ticket
from hepsub.auth.renewal import read_state, state_path, state_text
from hepsub.errors import PoolError, UnknownPool
from hepsub.files import write_whole
from hepsub.plan.credentials import JobCredential
from hepsub.policy.model import KERBEROS, Credential
from hepsub.session import Session
from tests.fakes.ccaches import Entry, cache
from tests.fakes.credentials import FakeSource, make_token
from tests.fakes.world import make_spec
from tests.unit.actions.test_renew import HOUR, OUT, World, token, world

__all__ = ["world"]


def test_jobs_of_a_mapped_account_are_alive(world: World) -> None:
    """A SciToken may be mapped to an account that is not the login name."""
    bundle = world.submit("-cred", "iam")
    world.schedd.jobs = [replace(job, owner="pilot007") for job in world.schedd.jobs]
    world.renew()
    assert (bundle / "private/creds/iam.token").exists()


def test_a_note_that_a_power_cut_left_empty_is_written_anew(world: World) -> None:
    """The cluster is found by the UUID: its URLs are renewed, and the bundle is closed when its jobs have ended."""
    bundle = world.submit(*OUT)
    (bundle / "private/ready").write_text("")
    (bundle / "private/signed.json").unlink()
    assert world.renew().problems == ()
    assert (bundle / "job/0/hepsub.manifest").read_text().startswith("hepsub-manifest\t1\t13.0\n")
    world.schedd.jobs.clear()
    world.renew()
    assert (bundle / "private/finished").exists()


def test_a_bundle_that_nobody_can_place_is_left_alone(world: World) -> None:
    """A wrong cluster in its manifests would send outputs to a wrong place."""
    bundle = world.submit(*OUT)
    before = (bundle / "job/0/hepsub.manifest").read_text()
    (bundle / "private/ready").write_text("")
    (bundle / "private/signed.json").unlink()
    world.schedd.reachable = False
    world.renew()
    assert (bundle / "job/0/hepsub.manifest").read_text() == before


def test_one_broken_bundle_does_not_keep_tokens_from_the_others(world: World) -> None:
    """The others come after it, and must not starve."""
    bundles = sorted(world.submit("-cred", "iam") for _ in range(3))
    (bundles[0] / "private/creds/iam.token").unlink()
    (bundles[0] / "private/creds/iam.token").mkdir()
    world.source.life = 2 * HOUR
    fresh = world.source.own = world.source.obtain(0)
    result = world.renew()
    assert [token(bundle) for bundle in bundles[1:]] == [fresh.content] * 2
    assert "cannot be written" in result.problems[0].message


def test_one_broken_bundle_does_not_keep_signatures_from_the_others(world: World) -> None:
    """The same for manifests."""
    bundles = sorted(world.submit(*OUT) for _ in range(3))
    for bundle in bundles:
        (bundle / "private/signed.json").unlink()
    (bundles[0] / "job/0/hepsub.manifest").unlink()
    (bundles[0] / "job/0/hepsub.manifest").mkdir()
    result = world.renew()
    assert [(bundle / "private/signed.json").exists() for bundle in bundles] == [False, True, True]
    assert "cannot be written" in result.problems[0].message


def test_a_pool_that_the_policy_lost_is_told(world: World) -> None:
    """Whoever asks for its schedds reads that."""
    with pytest.raises(UnknownPool):
        world.session().schedds("gone")


@pytest.mark.parametrize(("part", "calls"), [(0.4, 0), (0.6, 1)])
def test_half_of_its_life_is_when_a_token_is_due(world: World, part: float, calls: int) -> None:
    """One call renews it for every bundle; before that nobody is asked."""
    paths = [world.submit("-cred", "iam") / "private/creds/iam.token" for _ in range(3)]
    old = make_token(world.now - part * HOUR, HOUR)
    for path in paths:
        path.write_bytes(old)
    asked = world.source.asked
    world.renew()
    assert world.source.asked == asked + calls
    assert [path.read_bytes() == old for path in paths] == [calls == 0] * 3


class TicketSource(FakeSource):
    """The user's ticket cache: what lies there is what is to be had."""

    def obtain(self, seconds: float) -> UserCredential:
        """That ticket."""
        del seconds
        assert self.own is not None
        return self.own


def ticket(world: World, life: float, principal: str) -> UserCredential:
    """A ticket that begins now."""
    now = int(world.now)
    entry = Entry(starts=now, expires=now + int(life), renew_until=now + int(life))
    return read_ticket("krb", cache(entry, owner=(principal,)))


def test_a_new_identity_is_not_given_to_the_jobs_of_the_old_one(world: World) -> None:
    """kinit as an administrator must not make jobs run with an administrator's ticket."""
    source = TicketSource(name="krb", kind=KERBEROS, own=ticket(world, HOUR, "alice"))

    def session() -> Session:
        return replace(world.session(), credential=lambda _: source)

    submit(session(), make_spec("job.sh", "-cred", "krb"))
    (path,) = world.directory.glob("bundles/*/private/creds/krb5cc_*")
    before = path.read_bytes()
    source.own = ticket(world, HOUR, "root-of-all")
    assert renew(session()).problems == ()
    assert path.read_bytes() == before
    before = ticket(world, -60.0, "alice").content
    path.write_bytes(before)  # now only the other one lives
    (problem,) = renew(session()).problems
    assert "alice@TEST.HEP" in problem.message
    assert path.read_bytes() == before
    source.own = ticket(world, HOUR, "alice")
    assert renew(session()).problems == ()
    assert path.read_bytes() == source.own.content


@dataclass(slots=True, kw_only=True)
class AgentWithAMemory(FakeSource):
    """An agent that gives the token it has while that lives as long as it is asked for."""

    last: UserCredential | None = None

    def obtain(self, seconds: float) -> UserCredential:
        """The last one, or a new one."""
        if self.last is None or not self.last.lifetime.is_good(time.time(), seconds):
            self.last = FakeSource.obtain(self, seconds)
        return self.last


def deliveries(world: World) -> list[str]:
    """What the pool's credd was given."""
    return [call for call in world.schedd.calls if call.startswith("store_credential")]


def delivering(world: World) -> Session:
    """A session of a pool that delivers the token itself."""
    credential = {"iam": Credential(delivery="condor")}
    session = world.session()
    return replace(session, policy=replace(session.policy, credential=credential))


def test_what_the_pool_delivers_is_renewed_at_half_of_its_life(world: World) -> None:
    """The agent's last token would do for seconds only."""
    agent = world.source = AgentWithAMemory()
    submit(delivering(world), make_spec("job.sh", "-cred", "iam"))
    renew(delivering(world))
    given = len(deliveries(world))
    state = read_state(world.session().bundles, world.now)
    old = replace(state.credentials["iam"], renewed=world.now - 2 * HOUR)
    write_whole(
        state_path(world.session().bundles),
        state_text(replace(state, credentials={"iam": old})),
        0o600,
    )
    agent.life = 2 * HOUR
    result = renew(delivering(world))
    assert len(deliveries(world)) == given + 1
    assert result.problems == ()
    assert result.value.pause > 60


def test_what_the_pool_delivers_has_its_own_service(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where other jobs, such as those at another pool, have the same credential as a file."""
    world.source = AgentWithAMemory()
    file = world.submit("-cred", "iam")
    file.rename(file.with_name("0"))  # it is looked at first
    submit(delivering(world), make_spec("job.sh", "-cred", "iam"))
    services: list[str] = []

    def store(_: object, credential: JobCredential, content: bytes) -> None:
        del content
        services.append(credential.service)

    monkeypatch.setattr(type(world.schedd), "store_credential", store)
    world.source.life = 3 * HOUR
    renew(delivering(world))
    assert services == ["iam"]


def test_a_delivery_that_failed_is_made_up_for(world: World) -> None:
    """The token that the credd did not take is offered again, though the agent gives no newer one."""
    world.source = AgentWithAMemory()
    submit(delivering(world), make_spec("job.sh", "-cred", "iam"))
    given = len(deliveries(world))
    broken = delivering(world)
    real = type(world.schedd).store_credential

    def refuse(*_: object) -> None:
        raise PoolError("no credd", remedy="start it")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.schedd), "store_credential", refuse)
        assert renew(broken).problems != ()
    assert type(world.schedd).store_credential is real
    assert renew(delivering(world)).problems == ()
    assert len(deliveries(world)) == given + 1


def test_the_embedded_pool_may_have_another_queue(world: World) -> None:
    """With another HEPSUB_HERE_DIR the jobs are not seen, and live all the same."""
    world.schedd.name = "here@login01.example.org"

    def session() -> Session:
        opened = world.session()
        pools = {name: replace(pool, kind="here") for name, pool in opened.policy.pool.items()}
        return replace(opened, policy=replace(opened.policy, pool=pools))

    result = submit(session(), make_spec("job.sh", "-cred", "iam"))
    assert result.exit_code == 0
    (path,) = world.directory.glob("bundles/*/private/creds/iam.token")
    world.schedd.jobs.clear()
    there, world.schedd.clusters = world.schedd.clusters, []
    renew(session())
    assert path.exists()
    world.schedd.clusters = there
    renew(session())
    assert not path.exists()


def test_a_command_that_took_days_offers_what_is_true_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After hep_sub -wait the session's moment is long gone; the ticket's file tells its own time."""
    world.submit("-cred", "iam")
    place = world.directory / "bt"
    place.write_text("t")
    os.utime(place, (world.now - 3600, world.now - 3600))
    old = world.session()
    situation = replace(
        old.situation,
        now=old.situation.now - 3 * 86400,
        environment={"BEARER_TOKEN_FILE": str(place)},
    )
    monkeypatch.setattr("hepsub.actions.renew.offer._written", _written_below(world.directory))
    offer(replace(old, situation=situation))
    assert read_state(old.bundles, world.now).when == pytest.approx(world.now, abs=5)
    mark = old.bundles / ".renew/offered"
    assert mark.stat().st_mtime == pytest.approx(world.now - 3600, abs=1)


def _written_below(directory: Path) -> Callable[[Path], float]:
    """When a file was written; this machine's own tickets do not count."""

    def written(path: Path) -> float:
        mine = str(directory) in str(path)
        return path.stat().st_mtime if mine and path.exists() else 0.0

    return written
