"""hep_auth: what tickets, tokens and keys there are, who needs them, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.auth.s3 import at_once, check_keys
from hepsub.auth.credential import UserCredential
from hepsub.auth.renewal import read_state
from hepsub.condor.bindings import limit_queries
from hepsub.errors import HepsubError, ProviderUnreachable, StorageUnreachable
from hepsub.policy.model import TOKEN, Policy, Storage
from hepsub.result import Problem, Result
from hepsub.session import Session
from hepsub.storage.proof import no_answer
from hepsub.units import duration_text

KEYS = "s3"
SCHEDD = "schedd"
_LIMIT_S = 5.0
"""Nobody waits longer for a table; what has not answered until then says so in its row."""
_AT_LEAST_S = 60.0
_SOON_S = 3600.0
"""What cannot be renewed for longer than this is told with the command for the next one, though it is good."""
_UNLOCK = "oidc-add -X"


class Row(Struct, frozen=True, kw_only=True):
    """One credential, the keys of one storage, or one schedd; its fields are its JSON.

    Attributes:
        kind: a credential's (`kerberos`, `token`), or `s3` or `schedd`.
        expires: when it ends, in seconds since the epoch; None for never, or not known.
        renewable_until: until when it can be renewed without its user; None for as long as its
            source works.
        required: whether the default pool, one of its sites or a storage is among them.
        next_command: what to type; empty when nothing is to be done, or nothing helps.
    """

    kind: str
    name: str
    good: bool = True
    who: str = ""
    expires: float | None = None
    renewable_until: float | None = None
    needed_by: tuple[str, ...] = ()
    required: bool = False
    origin: str = ""
    next_command: str = ""
    note: str = ""
    problem: Problem | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is not there, and nothing needs it."""
        return self.problem is not None and not self.needed_by


class AuthStatus(Struct, frozen=True, kw_only=True):
    """All of them, first what is needed, last what nothing needs and is not there; its fields are its JSON."""

    now: float
    credentials: tuple[Row, ...]


def auth_status(
    session: Session, pool: str | None = None, limit: float = _LIMIT_S
) -> Result[AuthStatus]:
    """Look at every credential, all at the same time, then at the schedd, and for a limited time.

    Raises:
        UnknownPool: the policy has no such pool.
    """
    mine = session.pool_name(pool)
    policy = session.policy
    checks = [
        *(_credential_check(session, name, mine) for name in policy.credential),
        *(_keys_check(session, name, storage) for name, storage in policy.storage.items()),
    ]
    limit_queries(limit)
    schedd = [_schedd_check(session, mine)]  # last: a collector that says nothing stops all threads
    # With a second more than its own limit: its own error tells what does not answer.
    found = [*_check_all(checks, limit), *_check_all(schedd, limit + 1)]
    found.sort(key=lambda each: (each[0].is_idle, not each[0].needed_by))
    rows = tuple(row for row, _ in found)
    # What only another pool needs is shown as missing, and is no reason to fail here.
    failing = [
        (row.problem, code) for row, code in found if row.problem is not None and row.required
    ]
    return Result(
        value=AuthStatus(now=session.situation.now, credentials=rows),
        notes=_notes(session, rows),
        problems=tuple(problem for problem, _ in failing),
        exit_code=failing[0][1] if failing else 0,
    )


_Found = tuple[Row, int]
"""A row, and the exit code of its problem; 0 for none."""


def look_at(session: Session, names: Iterable[str]) -> dict[str, Row]:
    """Look at some credentials of the policy, all at the same time, and for a limited time."""
    mine = session.pool_name(None)
    checks = [_credential_check(session, name, mine) for name in dict.fromkeys(names)]
    return {row.name: row for row, _ in _check_all(checks, _LIMIT_S)}


class _Check(Struct, frozen=True, kw_only=True):
    """A row that is not filled in yet, and how that is done."""

    row: Row
    fill: Callable[[Row], Row]

    def run(self) -> _Found:
        """The row as it is found; trouble is part of it."""
        try:
            return self.fill(self.row), 0
        except HepsubError as trouble:
            return _failed(self.row, trouble)


def _check_all(checks: Sequence[_Check], limit: float) -> list[_Found]:
    """Every row, those that took too long with that as their trouble."""
    found = at_once([each.run for each in checks], limit)
    return [
        answer or _failed(check.row, _no_answer(check.row, limit))
        for check, answer in zip(checks, found, strict=True)
    ]


def _no_answer(row: Row, limit: float) -> HepsubError:
    if row.kind == KEYS:
        return no_answer(row.name, limit)
    if row.kind != TOKEN:
        return ProviderUnreachable(f"no answer within {limit:.0f} s", remedy="try again later")
    if not row.next_command:  # a program of the policy gives it
        return ProviderUnreachable(f"no token within {limit:.0f} s", remedy="try again later")
    return ProviderUnreachable(
        f"no token within {limit:.0f} s: the provider does not answer, or waits for you to log in again",
        remedy=f"{row.next_command}; if that does not help, try again later",
    )


def _next_command(row: Row, trouble: HepsubError) -> str:
    # Nothing helps while others are away, and only its user unlocks an agent.
    if isinstance(trouble, ProviderUnreachable | StorageUnreachable):
        return ""
    return _UNLOCK if trouble.remedy.startswith(_UNLOCK) else row.next_command


def _failed(row: Row, trouble: HepsubError) -> _Found:
    problem = replace(Problem.of(trouble), message=f"{row.kind} {row.name}: {trouble.message}")
    command = _next_command(row, trouble)
    return replace(row, good=False, problem=problem, next_command=command), trouble.exit_code


def _credential_check(session: Session, name: str, pool: str) -> _Check:
    rules = session.policy.credential[name]
    needed_by, required = needs(session.policy, name, pool)
    row = Row(
        kind=rules.kind,
        name=name,
        needed_by=needed_by,
        required=required,
        next_command="" if rules.command else f"hep_auth login {name}",
    )

    def fill(row: Row) -> Row:
        now = session.situation.now
        source = session.credential(name)
        credential = source.look()
        # Who gives one does not give one that has ended.
        if credential is None or not credential.lifetime.is_good(now):
            credential = source.obtain(_AT_LEAST_S)
        return _with_credential(row, credential, source.origin, now)

    return _Check(row=row, fill=fill)


def _with_credential(row: Row, credential: UserCredential, origin: str, now: float) -> Row:
    life = credential.lifetime
    ends = life.renewable_until is not None and life.renewable_until - now < _SOON_S
    return replace(
        row,
        who=credential.who,
        expires=life.expires,
        renewable_until=life.renewable_until,
        origin=credential.origin or origin,
        note=credential.note,
        next_command=row.next_command if ends else "",
    )


def _keys_check(session: Session, name: str, storage: Storage) -> _Check:
    token = storage.token_name
    row = Row(
        kind=KEYS,
        name=name,
        needed_by=(_buckets(storage),),
        required=True,
        origin=f"the token {token}" if token else "~/.aws",
        next_command=f"hep_auth login {token}" if token else "",
    )

    def fill(row: Row) -> Row:
        keys = session.keys(name, storage)
        said = check_keys(session, name, storage, keys)
        return replace(
            row,
            who=f"key {keys.shown}…",
            expires=keys.expires,
            renewable_until=None if token else keys.expires,
            note="; ".join(filter(None, (keys.note, said))),
            next_command="",
        )

    return _Check(row=row, fill=fill)


def _schedd_check(session: Session, pool: str) -> _Check:
    row = Row(kind=SCHEDD, name=pool, needed_by=("hep_sub",), required=True)

    def fill(row: Row) -> Row:
        schedd = session.schedd(pool, "")
        return replace(row, who=schedd.identity(), origin=schedd.name)

    return _Check(row=row, fill=fill)


def _buckets(storage: Storage) -> str:
    named = ", ".join(f"s3://{bucket}" for bucket in storage.buckets[:2])
    return f"{named}, …" if len(storage.buckets) > 2 else named or "-in and -out"


def needs(policy: Policy, name: str, pool: str) -> tuple[tuple[str, ...], bool]:
    """What of the policy needs a credential, and whether something of that counts here."""
    needed: list[tuple[str, bool]] = []
    for each, rules in policy.pool.items():
        if name in rules.credentials:
            needed.append((f"pool {each}", each == pool))
        if name == rules.token:
            needed.append((f"schedd of {each}", False))  # only where it refuses everything else
    for each, site in policy.site.items():
        if name in site.credentials:
            needed.append((f"site {each}", site.pool in ("", pool)))
        elif name == site.token:
            needed.append((f"site {each}", False))  # only for what is sent there
    for each, storage in policy.storage.items():
        if name == storage.token_name:
            needed.append((f"storage {each}", True))
    return tuple(word for word, _ in needed), any(counts for _, counts in needed)


def _notes(session: Session, rows: Sequence[Row]) -> tuple[str, ...]:
    """Whether what travels with jobs is kept fresh, where something does."""
    travels = any(row.kind != SCHEDD and row.needed_by for row in rows)
    now = session.situation.now
    state = read_state(session.bundles, now)
    if state.is_active(now):
        ago = duration_text(max(0.0, now - state.when))
        return (f"hep_auth renew ran {ago} ago on {state.host}; hep_auth renew -status tells more",)
    if travels:
        return (
            f"nothing renews what waiting and running jobs have with them: {session.way_to_renew()}",
        )
    return ()
