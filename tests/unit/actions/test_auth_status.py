"""hep_auth: every credential a row, every trouble a cause, never a wait without an end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.auth.status import AuthStatus, Row, auth_status, look_at
from hepsub.auth.credential import CredentialSource, Lifetime, UserCredential
from hepsub.auth.renewal import RenewalState, state_path, state_text
from hepsub.batch_system import BatchSystem
from hepsub.errors import (
    AgentUnavailable,
    CredentialExpired,
    CredentialMissing,
    HepsubError,
    ProviderUnreachable,
    StorageRefused,
    StorageUnreachable,
)
from hepsub.policy.model import KERBEROS, TOKEN, Storage
from hepsub.result import Result
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from tests.fakes.batch import FakeSchedd, as_batch_systems
from tests.fakes.world import NOON, as_json, make_policy, make_session

POOL = "[pool.local]\ncollector = 'c'\n"
KEYS = S3Credentials(access="AKIAEXAMPLE", secret="secret", token="", expires=None)
NEVER = 10.0


@dataclass(slots=True, kw_only=True)
class Source:
    """A credential that is there, or can be had, or not, or only after a while."""

    name: str
    kind: str = TOKEN
    origin: str = "a test"
    own: UserCredential | None = None
    given: UserCredential | HepsubError | None = None
    waits: float = 0.0
    asked: list[float] = field(default_factory=list)

    def look(self) -> UserCredential | None:
        return self.own

    def obtain(self, seconds: float) -> UserCredential:
        self.asked.append(seconds)
        time.sleep(self.waits)
        if isinstance(self.given, HepsubError):
            raise self.given
        if self.given is None:
            raise CredentialMissing(
                f"there is no {self.name}", remedy=f"hep_auth login {self.name}"
            )
        return self.given

    def renew(self, held: UserCredential) -> UserCredential:
        raise NotImplementedError


def held(name: str, life: float = 3600.0, until: float | None = None) -> UserCredential:
    lifetime = Lifetime(
        expires=NOON + life, renewable_until=None if until is None else NOON + until
    )
    return UserCredential(
        name=name, kind=TOKEN, who=f"alice by {name}", lifetime=lifetime, content=b"t"
    )


def session(
    directory: Path,
    policy: str,
    *sources: CredentialSource,
    schedd: FakeSchedd | None = None,
    pool: str = POOL,
) -> Session:
    known: dict[str, CredentialSource] = {name: Source(name=name) for name in ("krb", "iam")}
    known |= {source.name: source for source in sources}
    made = make_session(
        directory,
        as_batch_systems(schedd or FakeSchedd()),
        policy=make_policy(f"{pool}[staging]\nbundle_dir = '{directory}/bundles'\n{policy}"),
        sources=known,
    )
    return replace(made, keys=lambda _name, _storage: KEYS)


def rows(result: Result[AuthStatus]) -> dict[str, Row]:
    return {row.name: row for row in result.value.credentials}


def test_what_nothing_needs_and_is_not_there_comes_last_and_is_no_error(tmp_path: Path) -> None:
    """A pool of one's own machine needs neither ticket nor token."""
    result = auth_status(session(tmp_path, ""))
    assert (result.exit_code, result.problems, result.notes) == (0, (), ())
    assert list(rows(result)) == ["local", "krb", "iam"]
    assert rows(result)["krb"].is_idle


def test_what_is_there_needs_no_asking(tmp_path: Path) -> None:
    """look() is enough; whom it speaks for and how long stand in its row."""
    krb = Source(name="krb", own=held("krb", until=7200))
    row = rows(auth_status(session(tmp_path, "", krb)))["krb"]
    assert krb.asked == []
    assert (row.who, row.expires, row.renewable_until) == ("alice by krb", NOON + 3600, NOON + 7200)
    assert row.problem is None


def test_what_has_ended_is_asked_for(tmp_path: Path) -> None:
    """The source may have a newer one."""
    iam = Source(name="iam", own=held("iam", life=-5), given=held("iam"))
    assert rows(auth_status(session(tmp_path, "", iam)))["iam"].expires == NOON + 3600


def test_who_needs_a_credential_is_told(tmp_path: Path) -> None:
    """Pools, schedds, sites and storages; what counts is the default pool's and what goes with it."""
    policy = """
    [pool.far]
    credentials = ["iam"]
    token = "iam"
    [site.cnaf]
    pool = "far"
    requirements = "true"
    credentials = ["iam"]
    """
    found = rows(auth_status(session(tmp_path, policy, pool=f"{POOL}credentials = ['krb']\n")))
    assert found["krb"].needed_by == ("pool local",)
    assert found["krb"].required
    assert found["iam"].needed_by == ("pool far", "schedd of far", "site cnaf")
    assert not found["iam"].required


@pytest.mark.parametrize(("pool", "code"), [(None, 0), ("far", CredentialMissing.exit_code)])
def test_the_exit_code_is_that_of_what_the_pool_needs(
    tmp_path: Path, pool: str | None, code: int
) -> None:
    """Another pool may be named."""
    result = auth_status(session(tmp_path, "[pool.far]\ncredentials = ['iam']\n"), pool)
    assert result.exit_code == code
    assert len(result.problems) == bool(code)


def test_a_site_of_any_pool_counts(tmp_path: Path) -> None:
    """Its jobs may come from this pool."""
    policy = "[site.cnaf]\nrequirements = 'true'\ncredentials = ['iam']\n"
    trouble = AgentUnavailable("oidc-agent is locked", remedy="oidc-add -X")
    result = auth_status(session(tmp_path, policy, Source(name="iam", given=trouble)))
    assert result.exit_code == AgentUnavailable.exit_code
    assert result.problems[0].message == "token iam: oidc-agent is locked"
    assert result.problems[0].remedy == "oidc-add -X"
    assert rows(result)["iam"].next_command == "oidc-add -X"


def test_a_provider_that_is_down_is_a_row(tmp_path: Path) -> None:
    """With its cause; nothing can be typed against it."""
    trouble = ProviderUnreachable("https://iam.example.org does not answer", remedy="try again")
    policy = "[storage.herd]\nendpoint = 'https://s3'\ntoken = 'iam'\n"
    result = auth_status(session(tmp_path, policy, Source(name="iam", given=trouble)))
    row = rows(result)["iam"]
    assert row.problem is not None
    assert row.problem.code == "provider-unreachable"
    assert row.next_command == ""
    assert row.needed_by == ("storage herd",)


def test_nobody_is_waited_for_longer_than_the_limit(tmp_path: Path) -> None:
    """An agent that hangs is a row; the others are as they are."""
    slow = Source(name="iam", waits=NEVER, given=held("iam"))
    begun = time.monotonic()
    result = auth_status(session(tmp_path, "", slow), limit=0.3)
    assert time.monotonic() - begun < NEVER / 2
    row = rows(result)["iam"]
    assert row.problem is not None
    assert row.problem.message.startswith("token iam: no token within 0 s")
    assert row.problem.remedy.startswith("hep_auth login iam")
    assert rows(result)["local"].problem is None


def test_nobody_logs_in_for_a_program_that_takes_long(tmp_path: Path) -> None:
    """hep_auth login would only say so."""
    slow = Source(name="iam", waits=NEVER, given=held("iam"))
    policy = "[credential.iam]\ncommand = ['vault']\n"
    row = rows(auth_status(session(tmp_path, policy, slow), limit=0.1))["iam"]
    assert row.problem is not None
    assert row.problem.remedy == "try again later"


def test_all_are_asked_at_the_same_time(tmp_path: Path) -> None:
    """Three that take a while take that while together."""
    together = threading.Barrier(2, timeout=5)

    class Meeting(Source):
        def obtain(self, seconds: float) -> UserCredential:
            self.asked.append(seconds)
            together.wait()
            return held(self.name)

    result = auth_status(session(tmp_path, "", Meeting(name="iam"), Meeting(name="krb")))
    assert all(row.problem is None for row in rows(result).values())


def test_the_schedd_is_asked_last(tmp_path: Path) -> None:
    """HTCondor's bindings let nobody else go on while they wait for a collector."""
    slow = Source(name="iam", given=held("iam"), waits=0.2)
    made = session(tmp_path, "", slow)
    known: list[bool] = []

    def connect(pool: str, rules: object) -> tuple[BatchSystem, ...]:
        known.append(bool(slow.asked) and time.monotonic() - started >= slow.waits)
        return as_batch_systems(FakeSchedd())(pool, rules)

    started = time.monotonic()
    auth_status(replace(made, connect=connect))
    assert known == [True]


def test_look_at_asks_for_what_is_named_alone(tmp_path: Path) -> None:
    iam, krb = Source(name="iam", given=held("iam")), Source(name="krb", given=held("krb"))
    found = look_at(session(tmp_path, "", iam, krb), ("iam", "iam"))
    assert {name: row.good for name, row in found.items()} == {"iam": True}
    assert (len(iam.asked), krb.asked) == (1, [])


def test_a_bug_in_a_row_is_a_bug(tmp_path: Path) -> None:
    """It is not hidden in a table."""

    class Broken(Source):
        def look(self) -> UserCredential | None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        auth_status(session(tmp_path, "", Broken(name="iam")))


def test_one_that_ends_soon_and_cannot_be_renewed_has_a_next_command(tmp_path: Path) -> None:
    """Before it is too late."""
    good = Source(name="iam", own=held("iam", life=600))
    ending = Source(name="krb", kind=KERBEROS, own=held("krb", life=600, until=600))
    found = rows(auth_status(session(tmp_path, "", good, ending)))
    assert found["krb"].next_command == "hep_auth login krb"
    assert found["iam"].next_command == ""


STORAGE = "[storage.herd]\nendpoint = 'https://s3'\nbuckets = ['raw', 'out', 'x']\n"


def test_keys_that_do_not_end(tmp_path: Path) -> None:
    """Of ~/.aws: the beginning of the key's name, never the secret."""
    row = rows(auth_status(session(tmp_path, STORAGE)))["herd"]
    assert (row.kind, row.who, row.expires) == ("s3", "key AKIA…", None)
    assert row.needed_by == ("s3://raw, s3://out, …",)
    assert row.required


def test_keys_of_a_token_are_renewed_as_long_as_it_is(tmp_path: Path) -> None:
    """So there is no end that anybody has to wait for."""
    made = session(tmp_path, f"{STORAGE}token = 'iam'\n", Source(name="iam", own=held("iam")))
    made = replace(made, keys=lambda _n, _s: replace(KEYS, expires=NOON + 900))
    row = rows(auth_status(made))["herd"]
    assert (row.expires, row.renewable_until, row.origin) == (NOON + 900, None, "the token iam")


def test_keys_that_ended_and_keys_that_are_refused(tmp_path: Path) -> None:
    """Both are errors of the command."""

    def refuse(name: str, _: Storage) -> S3Credentials:
        raise StorageRefused(f"no keys for {name}", remedy="put some there")

    made = session(tmp_path, STORAGE)
    result = auth_status(replace(made, keys=refuse))
    assert (result.exit_code, result.problems[0].remedy) == (34, "put some there")
    result = auth_status(replace(made, keys=lambda _n, _s: replace(KEYS, expires=NOON - 60)))
    assert result.exit_code == CredentialExpired.exit_code
    assert "1 min ago" in result.problems[0].message


@pytest.mark.parametrize(
    ("trouble", "code", "command"),
    [
        (StorageRefused("not accepted"), 34, "hep_auth login iam"),
        (StorageUnreachable("it does not answer"), 35, ""),
        (None, 35, ""),
    ],
)
def test_keys_that_the_store_does_not_accept(
    tmp_path: Path, trouble: HepsubError | None, code: int, command: str
) -> None:
    """Keys that are there are not good before a store has taken them."""
    ended = threading.Event()

    def prove(_name: str, _storage: Storage, _keys: S3Credentials) -> str:
        if trouble is None:
            ended.wait()
            return ""
        raise trouble

    made = session(tmp_path, f"{STORAGE}token = 'iam'\n", Source(name="iam", own=held("iam")))
    result = auth_status(replace(made, prove=prove), limit=0.3 if trouble is None else 60)
    ended.set()
    row = rows(result)["herd"]
    assert row.problem is not None
    assert (result.exit_code, row.next_command) == (code, command)


def test_a_schedd_that_does_not_answer(tmp_path: Path) -> None:
    """Exit code 40, and all other rows."""
    result = auth_status(session(tmp_path, "", schedd=FakeSchedd(reachable=False)))
    assert result.exit_code == 40
    assert rows(result)["local"].problem is not None


def test_whom_the_schedd_takes_one_for(tmp_path: Path) -> None:
    """Its own words, and its name."""
    row = rows(auth_status(session(tmp_path, "")))["local"]
    assert row.who == FakeSchedd().identity()
    assert row.origin == "schedd01.example.org"


def test_whether_what_travels_is_renewed_is_a_note(tmp_path: Path) -> None:
    """Where something travels; and when it was."""
    made = session(tmp_path, STORAGE)
    assert "hep_auth renew -install" in auth_status(made).notes[0]
    path = state_path(tmp_path / "bundles")
    path.parent.mkdir(parents=True)
    path.write_text(
        state_text(
            RenewalState(when=NOON - 120, unattended=NOON - 120, host="login02", every=600.0)
        )
    )
    assert auth_status(made).notes[0].startswith("hep_auth renew ran 2 min ago on login02")


def test_the_document_has_everything_but_secrets(tmp_path: Path) -> None:
    """For programs."""
    iam = Source(name="iam", own=held("iam"))
    document = as_json(auth_status(session(tmp_path, STORAGE, iam)).value)
    listed = document["credentials"]
    assert isinstance(listed, list)
    row = next(each for each in listed if isinstance(each, dict) and each["name"] == "iam")
    assert row == {
        "kind": "token",
        "name": "iam",
        "good": True,
        "who": "alice by iam",
        "expires": NOON + 3600,
        "renewable_until": None,
        "needed_by": [],
        "required": False,
        "origin": "a test",
        "next_command": "",
        "note": "",
        "problem": None,
    }
    assert "secret" not in str(document)
