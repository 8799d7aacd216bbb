"""hep_sub -check: policy, group, places, credentials, storages, pools and tools, each looked at for a limited time."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct

from hepsub.actions.auth.status import KEYS, SCHEDD, AuthStatus, Row, auth_status
from hepsub.actions.check.question import LIMIT_S, Answer, Line, Mark, Question, asked
from hepsub.auth.renewal import read_state
from hepsub.condor.bindings import limit_queries
from hepsub.errors import (
    BundleUnusable,
    JournalNotWritable,
    PolicyError,
    StorageRefused,
    StorageUnreachable,
    ToolFailed,
)
from hepsub.plan.accounting import choose_group, own_groups
from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Level, Storage
from hepsub.result import NotedProblem, Result
from hepsub.session import Session
from hepsub.survey.survey import is_directory
from hepsub.terminal import few
from hepsub.units import duration_text, moment_text

_NAMED = 5


class Checked(Struct, frozen=True, kw_only=True):
    """All that was looked at; its fields are its JSON."""

    lines: tuple[Line, ...]


def check(session: Session, pool: str | None, *, write: bool) -> Result[Checked]:
    """Look at all that a submission needs, much of it at the same time, and nothing for long.

    Args:
        session: the session.
        pool: name of a pool of the policy; None for the default one.
        write: whether the storages are written to as well: an empty object in each bucket, which is removed.

    Raises:
        UnknownPool: the policy has no such pool.
    """
    mine = session.pool_name(pool)
    auth = auth_status(session, pool)
    rows = auth.value.credentials
    told = [(row.kind, _of_row(row, auth, session.situation.now)) for row in rows]
    good = {row.name for row in rows if row.kind == KEYS and row.problem is None}
    limit_queries(LIMIT_S)
    answers = [
        *(each.answer() for each in _at_home(session)),
        *(each for kind, each in told if kind != SCHEDD),
        *asked([*_storages(session, good, write=write), *_tools(session)]),
        *(each for kind, each in told if kind == SCHEDD),
        # Last: a collector that says nothing stops all threads.
        *asked(list(_pools(session, mine))),
    ]
    failing = [each for each in answers if each.exit_code]
    problems = tuple(
        NotedProblem(
            code=each.code, message=f"{each.line.what}: {each.line.said}", remedy=each.line.remedy
        )
        for each in failing
    )
    return Result(
        value=Checked(lines=tuple(each.line for each in answers)),
        problems=problems,
        exit_code=failing[0].exit_code if failing else 0,
    )


def _of_row(row: Row, auth: Result[AuthStatus], now: float) -> Answer:
    """What hep_auth tells of a credential, of keys, or of the schedd."""
    kind = {KEYS: "keys", SCHEDD: "pool"}.get(row.kind, "credential")
    what = f"{kind} {row.name}"
    if row.problem is None:
        until = f", until {moment_text(row.expires, now)}" if row.expires else ""
        said = f"{row.origin} takes you for {row.who}" if row.kind == SCHEDD else row.who + until
        said += f" ({row.note})" if row.note else ""
        return Answer(line=Line(what=what, mark=Mark.OK, said=said, remedy=row.next_command))
    line = Line(
        what=what,
        mark=Mark.TROUBLE if row.required else Mark.MISSING,
        said=row.problem.message.partition(": ")[2],
        remedy=row.next_command or row.problem.remedy,
    )
    if not row.required:
        return Answer(line=line)
    return Answer(line=line, code=row.problem.code, exit_code=auth.exit_code)


# ---- what is at home ----------------------------------------------------------------------------


def _at_home(session: Session) -> Iterator[Question]:
    yield Question(what="policy", ask=partial(_policy, session))
    yield Question(what="group", ask=partial(_group, session))
    yield Question(what="journal", ask=partial(_journal, session.journal.directory))
    yield Question(what="bundles", ask=partial(_writable, session.bundles))
    yield Question(what="refresher", ask=partial(_refresher, session), needed=False)


def _policy(session: Session) -> str:
    """Which files it is made of.

    Raises:
        PolicyError: an expression in it is none of the ClassAd language.
    """
    policy = session.policy
    wrong = list(_unreadable(session))
    if wrong:
        raise PolicyError(
            "; ".join(wrong), remedy="correct them: no job can go where such an expression counts"
        )
    layers = {layer.file: layer for layer in policy.origins.values()}
    own = [each.file for each in layers.values() if each.level is not Level.SHIPPED]
    files = ", ".join(own) or "no file of this machine or of yours"
    return f"{files}; profile {policy.profile}; hep_sub -check policy tells each key"


def _unreadable(session: Session) -> Iterator[str]:
    """The expressions that the ClassAd language does not have, with file and line."""
    policy = session.policy
    said = {f"rule.{name}.rank": rule.rank for name, rule in policy.rule.items() if rule.rank}
    said |= {f"pool.{name}.worker_group": pool.worker_group for name, pool in policy.pool.items()}
    for name, site in policy.site.items():
        said |= {f"site.{name}.{key}": text for key, text in site.expressions.items()}
    written = {key: text for key, text in said.items() if key in policy.origins}
    if not written:  # who has no HTCondor need not have its bindings
        return
    from hepsub.condor.attributes import unreadable

    wrong = unreadable(written.values())
    for key, text in written.items():
        if text in wrong:
            yield f"{policy.origin(key)}: {key}: '{text}' is no ClassAd expression"


def _group(session: Session) -> str:
    own = own_groups(session.policy, session.situation)
    chosen = choose_group(None, session.policy, session.situation)
    others = [each for each in own if each != chosen]
    also = f"; also {few(others, _NAMED)}" if others else ""
    return f"{chosen}, unless -g names another{also}"


def _journal(directory: Path) -> str:
    """That it can be written, or made: a submission that could not ends with the same exit code.

    Raises:
        JournalNotWritable: it cannot.
    """
    try:
        return _writable(directory)
    except BundleUnusable as trouble:
        raise JournalNotWritable(trouble.message, remedy=trouble.remedy) from trouble


def _writable(directory: Path) -> str:
    """That a directory can be written, or made.

    Raises:
        BundleUnusable: it cannot.
    """
    there = next(each for each in (directory, *directory.parents) if os.path.lexists(each))
    if not (is_directory(there) and os.access(there, os.W_OK | os.X_OK)):
        raise BundleUnusable(
            f"{there} cannot be written"
            if there == directory
            else f"{directory} cannot be made in {there}",
            remedy=f"ls -ld {there} tells whose it is",
        )
    facts = os.statvfs(there)
    # btrfs and some network file systems have no table of inodes, and say 0 of 0.
    if not facts.f_bavail or (facts.f_files and not facts.f_favail):
        raise BundleUnusable(f"there is no room in {there}", remedy=f"df {there}; df -i {there}")
    return str(directory)


def _refresher(session: Session) -> str:
    """Who keeps fresh what jobs have with them.

    Raises:
        ToolFailed: nobody does.
    """
    now = session.situation.now
    state = read_state(session.bundles, now)
    if state.is_active(now):
        return f"hep_auth renew ran {duration_text(max(0.0, now - state.when))} ago on {state.host}"
    raise ToolFailed(
        "nothing renews the credentials and URLs that waiting and running jobs have with them",
        remedy=session.way_to_renew(),
    )


# ---- storages, tools and pools ------------------------------------------------------------------


def _storages(session: Session, good: set[str], *, write: bool) -> Iterator[Question]:
    """The buckets that the policy names, of storages that accept the keys."""
    for name, storage in session.policy.storage.items():
        for bucket in storage.buckets if name in good else ():
            ask = partial(_bucket, session, name, storage, bucket, write=write)
            what = f"bucket {name}:{bucket}"
            yield Question(what=what, ask=ask, silent=StorageUnreachable)


def _bucket(session: Session, name: str, storage: Storage, bucket: str, *, write: bool) -> str:
    """That a bucket can be read, and written.

    Raises:
        StorageRefused: it cannot.
        StorageUnreachable: the store does not answer.
    """
    from hepsub.storage.proof import why_not_listed, write_and_remove
    from hepsub.storage.store import Store

    store = Store(name=name, storage=storage, keys=session.keys(name, storage))
    if why := why_not_listed(store, bucket):
        raise StorageRefused(
            f"it cannot be listed ({why})",
            remedy="ask who owns it for the right, or correct buckets in the policy",
        )
    if not write:
        return "can be listed; -write tries to write, too"
    place = ObjectPlace(storage=name, bucket=bucket, key=f".hepsub-check-{uuid.uuid4()}")
    write_and_remove(store, place)
    return "can be listed and written"


def _tools(session: Session) -> Iterator[Question]:
    path = session.situation.environment.get("PATH", "")
    yield Question(what="rclone", ask=_rclone, needed=False)
    yield Question(what="FUSE", ask=partial(_fuse, path), needed=False)
    if any(each.kind == "condor" for each in session.policy.pool.values()):
        yield Question(what="HTCondor's commands", ask=_commands, needed=False)


def _rclone() -> str:
    from hepsub.tools.rclone import find_rclone
    from hepsub.tools.rclone_mount import OLDEST

    return f"{find_rclone(OLDEST, 'hep_mount')}, for hep_mount"


def _fuse(path: str) -> str:
    from hepsub.tools.fuse import require_fuse

    return f"{require_fuse(path)}, for hep_mount"


def _commands() -> str:
    """That there are HTCondor's commands that do what its Python bindings cannot.

    Raises:
        ToolFailed: one is missing.
    """
    from hepsub.tools.run import installed

    use = {"condor_tail": "hep_tail of running jobs", "condor_qedit": "hep_edit of large arrays"}
    missing = [f"{each} ({what})" for each, what in use.items() if not installed(each)]
    if missing:
        raise ToolFailed(
            f"not here: {', '.join(missing)}",
            remedy="use these where HTCondor's own commands are, such as the access point",
        )
    return ", ".join(f"{each} for {what}" for each, what in use.items())


def _pools(session: Session, mine: str) -> Iterator[Question]:
    """The other pools where jobs may be: those of sites, and those that this machine's policy describes."""
    policy = session.policy
    behind = policy.pools_of_sites
    for name in policy.pool:
        # Those that hepsub ships are examples, which no machine need have.
        if name != mine and (name in behind or not policy.is_shipped(f"pool.{name}")):
            yield Question(what=f"pool {name}", ask=partial(_pool, session, name), needed=False)


def _pool(session: Session, name: str) -> str:
    schedd = session.schedd(name, "")
    return f"{schedd.name} takes you for {schedd.identity()}"
