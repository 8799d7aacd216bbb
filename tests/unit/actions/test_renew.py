"""hep_auth renew, one round: what is due is renewed, what has ended is closed, one trouble stops nothing else."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.renew import Renewed, renew
from hepsub.actions.submit.recover import recover
from hepsub.actions.submit.submit import submit
from hepsub.auth.renewal import Outcome, RenewalState, read_state, state_path, state_text
from hepsub.batch import State
from hepsub.bundle.directory import locked, new_bundle
from hepsub.errors import AgentUnavailable, CredentialMissing, StorageRefused
from hepsub.policy.model import Storage
from hepsub.result import Result
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from tests.fakes.batch import FakeSchedd, as_batch_systems
from tests.fakes.credentials import FakeSource
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec

HOUR = 3600.0
OUT = ("-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")


class World:
    """Alice's login node: one schedd, one source of tokens, keys of sessions, and the clock."""

    def __init__(self, tmp_path: Path) -> None:
        self.directory = tmp_path
        make_script(tmp_path)
        self.schedd = FakeSchedd(host="login01.example.org")
        self.source = FakeSource()
        self.session_s = HOUR
        self.refused = ""

    @property
    def now(self) -> float:
        """Seconds since the epoch: the files of a bundle are dated by the real clock."""
        return time.time()

    def session(self) -> Session:
        """A session at this moment."""
        policy = make_policy(
            f'[staging]\nbundle_dir = "/proc/self/root{self.directory}/bundles"\n'
            '[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n'
        )
        situation = replace(make_situation(cwd=self.directory), now=self.now)
        session = make_session(
            self.directory,
            as_batch_systems(self.schedd),
            policy=policy,
            situation=situation,
            sources={"iam": self.source},
        )
        return replace(session, keys=self.keys)

    def keys(self, name: str, storage: Storage) -> S3Credentials:
        """Keys of a session that begins now."""
        del storage
        if self.refused:
            raise StorageRefused(f"no keys for {name}: {self.refused}", remedy="hep_auth login")
        return S3Credentials(
            access="ASIA", secret="s", token="t", expires=self.now + self.session_s
        )

    def submit(self, *words: str) -> Path:
        """Submit, and give the bundle."""
        value = submit(self.session(), make_spec("job.sh", *words)).value
        return self.directory / "bundles" / value.submitted.uuid

    def renew(self) -> Result[Renewed]:
        """One round of hep_auth renew."""
        return renew(self.session())


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The world, before anything was submitted."""
    return World(tmp_path)


def token(bundle: Path) -> bytes:
    """The token that travels."""
    return (bundle / "private/creds/iam.token").read_bytes()


def test_without_bundles_there_is_nothing_to_do(world: World) -> None:
    """No schedd is asked, no credential obtained; but that it ran is noted."""
    result = world.renew()
    assert result.problems == ()
    assert world.schedd.calls == []
    assert world.source.asked == 0
    assert read_state(world.session().bundles, world.now).when == pytest.approx(world.now, abs=5)
    assert result.value.pause == 600


def test_a_credential_travels_private_and_is_not_asked_for_again_before_half_its_life(
    world: World,
) -> None:
    """0600 in a directory of 0700; one submission asks once."""
    bundle = world.submit("-cred", "iam")
    path = bundle / "private/creds/iam.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert world.source.asked == 1
    result = world.renew()
    assert world.source.asked == 1
    assert result.problems == ()
    outcome = result.value.state.credentials["iam"]
    assert outcome.expires == pytest.approx(world.now + HOUR, abs=5)
    assert result.value.pause == 600


def test_a_token_is_renewed_for_all_bundles_at_once(world: World) -> None:
    """One call of the agent serves every submission."""
    bundles = [world.submit("-cred", "iam") for _ in range(3)]
    before = token(bundles[0])
    world.source.life = 2 * HOUR
    asked = world.source.asked
    world.source.own = world.source.obtain(0)
    world.renew()
    assert len({token(bundle) for bundle in bundles}) == 1
    assert token(bundles[0]) != before
    assert world.source.asked == asked + 1


def test_trouble_with_a_token_does_not_stop_the_signatures(world: World) -> None:
    """Each has its own back-off; what is there stays there."""
    world.source.life = 2.0
    bundle = world.submit("-cred", "iam", *OUT)
    (bundle / "private/signed.json").unlink()
    world.source.trouble = AgentUnavailable("the agent is locked", remedy="oidc-add -x")
    (bundle / "private/creds/iam.token").unlink()
    result = world.renew()
    assert [problem.message for problem in result.problems] == ["iam: the agent is locked"]
    assert (bundle / "private/signed.json").exists()
    outcome = result.value.state.credentials["iam"]
    assert (outcome.failures, outcome.remedy) == (1, "oidc-add -x")


def test_after_a_failure_it_waits_before_it_asks_again(world: World) -> None:
    """A locked agent is not asked by every command."""
    bundle = world.submit("-cred", "iam")
    world.source.trouble = AgentUnavailable("the agent is locked", remedy="oidc-add -x")
    (bundle / "private/creds/iam.token").unlink()
    world.renew()
    asked = world.source.asked
    again = world.renew()
    assert world.source.asked == asked
    assert again.value.state.credentials["iam"].failures == 1


def test_a_user_with_a_new_token_does_not_wait_for_the_back_off(world: World) -> None:
    """What the user has is taken at once, whatever failed before."""
    bundle = world.submit("-cred", "iam")
    fresh = world.source.obtain(0)
    world.source.trouble = AgentUnavailable("the agent is locked", remedy="oidc-add -x")
    (bundle / "private/creds/iam.token").unlink()
    world.renew()
    world.source.own = fresh
    world.renew()
    assert token(bundle) == fresh.content


def test_urls_are_signed_anew_for_live_jobs_only(world: World) -> None:
    """A job that has ended keeps its old manifest; the others get new ones, whole."""
    world.session_s = 100.0
    bundle = world.submit("-n", "3", *OUT)
    manifests = [(bundle / f"job/{proc}/hepsub.manifest").read_text() for proc in range(3)]
    world.schedd.jobs = [job for job in world.schedd.jobs if job.proc != 1]
    (bundle / "private/signed.json").unlink()  # as if nobody knew how old they are
    world.session_s = HOUR
    result = world.renew()
    assert result.problems == ()
    now = [(bundle / f"job/{proc}/hepsub.manifest").read_text() for proc in range(3)]
    assert now[1] == manifests[1]
    assert now[0].splitlines()[0] == manifests[0].splitlines()[0] == "hepsub-manifest\t1\t13.0"
    assert result.value.state.storages["herd"].expires == pytest.approx(world.now + HOUR, abs=5)


@pytest.mark.parametrize(("when", "end"), [(400, 407), (400, 1), (0, 407)])
def test_what_a_clock_that_was_ahead_has_signed_is_signed_anew(
    world: World, when: float, end: float
) -> None:
    """Its URLs are good for nothing, and it must not keep anybody from signing until then."""
    bundle = world.submit(*OUT)
    signed = bundle / "private/signed.json"
    day = 86400.0
    signed.write_text(json.dumps({"herd": world.now + end * day}))
    os.utime(signed, (world.now + when * day, world.now + when * day))
    ahead = RenewalState(
        when=world.now + 400 * day,
        unattended=world.now + 400 * day,
        every=600,
        storages={"herd": Outcome(failures=1, not_before=world.now + 400 * day)},
    )
    root = world.session().bundles
    state_path(root).parent.mkdir(mode=0o700, exist_ok=True)
    state_path(root).write_text(state_text(ahead))
    result = renew(world.session(), back_off=True)
    assert (result.exit_code, result.problems) == (0, ())
    (ends,) = json.loads(signed.read_text()).values()
    assert ends == pytest.approx(world.now + HOUR, abs=60)
    assert not read_state(root, world.now).is_active(world.now)


def test_keys_that_are_refused_leave_the_manifests_as_they_are(world: World) -> None:
    """The outcome says why, and hep_q -why tells it."""
    bundle = world.submit(*OUT)
    before = (bundle / "job/0/hepsub.manifest").read_text()
    (bundle / "private/signed.json").unlink()
    world.refused = "the agent is locked"
    result = world.renew()
    assert result.exit_code == 53
    assert "the agent is locked" in result.problems[0].message
    assert (bundle / "job/0/hepsub.manifest").read_text() == before


def test_a_cluster_that_has_ended_loses_its_secrets_and_keeps_what_came_home(world: World) -> None:
    """Outputs and reports stay; tokens, manifests and the wrapper go."""
    bundle = world.submit("-cred", "iam", *OUT)
    home = bundle / "job/0/home.0"
    (home / "outputs").mkdir(parents=True)
    (home / "outputs/r").write_text("a result")
    (home / "report.json").write_text("{}")
    world.schedd.jobs.clear()
    world.renew()
    left = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert left == {
        *(f"private/{name}" for name in ("finished", "lock", "ready", "request.json")),
        *("job/0/home.0/outputs/r", "job/0/home.0/report.json"),
    }
    world.renew()
    assert (home / "outputs/r").read_text() == "a result"


def test_a_schedd_that_is_away_means_alive(world: World) -> None:
    """Nothing is cleared away because nobody answered; what is due is still renewed."""
    bundle = world.submit("-cred", "iam", *OUT)
    (bundle / "private/signed.json").unlink()
    world.schedd.reachable = False
    result = world.renew()
    assert any("taken for alive" in note for note in result.notes)
    assert (bundle / "private/signed.json").exists()
    assert (bundle / "private/creds/iam.token").exists()


def test_two_at_once(world: World) -> None:
    """The second one does nothing, and says so."""
    world.submit("-cred", "iam")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with locked(world.session().bundles / ".renew") as mine:
            os.write(writing, b"1" if mine else b"0")
            signal.pause()
        os._exit(0)
    try:
        assert os.read(reading, 1) == b"1"
        assert world.renew().value.busy
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert not world.renew().value.busy


def test_many_that_meet_stale_bundles_leave_nothing_of_them(world: World) -> None:
    """Four commands at once, thirty interrupted submissions, and one that was killed before it wrote anything."""
    for bundle in [world.submit("-cred", "iam") for _ in range(30)]:
        (bundle / "private/ready").unlink()
    world.schedd.jobs = []
    world.schedd.clusters.clear()
    root = world.session().bundles
    with new_bundle(root, "u-killed") as killed:
        pass
    os.utime(killed, (world.now - 2 * HOUR, world.now - 2 * HOUR))
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            try:
                list(recover(world.session(), world.session().open_stores()))
            except BaseException:  # noqa: BLE001 (nothing may leave the child)
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert [each.name for each in root.iterdir() if each.name != ".renew"] == []


def test_a_missing_credential_stops_the_submission_before_anything_is_made(world: World) -> None:
    """Ten days later would be too late to find out."""
    world.source.trouble = CredentialMissing("there is no token", remedy="hep_auth login")
    with pytest.raises(CredentialMissing, match="nothing was submitted") as caught:
        submit(world.session(), make_spec("job.sh", "-cred", "iam"))
    assert "-cred none" in caught.value.remedy
    assert world.schedd.clusters == []
    assert list(world.directory.glob("bundles/*")) == []


def test_held_jobs_are_alive(world: World) -> None:
    """A user may release them tomorrow."""
    bundle = world.submit("-cred", "iam")
    world.schedd.jobs = [replace(job, state=State.HELD) for job in world.schedd.jobs]
    world.renew()
    assert (bundle / "private/creds/iam.token").exists()


def test_keys_that_live_for_moments_do_not_make_it_go_round_without_a_pause(world: World) -> None:
    """A store whose sessions end at once would else be asked as fast as it answers."""
    world.session_s = 1.0
    world.submit(*OUT)
    assert world.renew().value.pause == 2.0
