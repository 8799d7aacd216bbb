"""The signed URLs of live jobs: signed anew when half of their life is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.renew.live import LiveBundle
from hepsub.actions.submit.stage import sign, used_storages
from hepsub.auth.renewal import Outcome, failed
from hepsub.bundle.notes import Signed, read_signed
from hepsub.errors import BundleUnusable, CredentialExpired, HepsubError
from hepsub.session import Session
from hepsub.storage.stores import Stores

_GAIN_S = 1.0
"""New URLs that do not live longer than the old ones by this are not worth writing."""


class _Results(Struct, kw_only=True, eq=False):
    """The results of one round: the storages that were signed for, and by storage the troubles of it, and of bundles.

    Attributes:
        broken: what keeps a bundle from being written: it keeps nobody from signing for the others.
    """

    renewed: set[str] = field(default_factory=set)
    troubles: dict[str, HepsubError] = field(default_factory=dict)
    broken: dict[str, HepsubError] = field(default_factory=dict)


def renew_signatures(
    session: Session,
    stores: Stores,
    live: Sequence[LiveBundle],
    before: Mapping[str, Outcome],
) -> dict[str, tuple[Outcome, float]]:
    """Sign the URLs of live jobs anew where they are due.

    Returns:
        By storage: its state, and when it is due next, in seconds since the epoch.
    """
    now = session.situation.now
    done = _Results()
    for each in live:
        used = used_storages(each.bundle.request)
        signed = read_signed(each.bundle.directory, now)
        waiting = [n for n in used if n in done.troubles or now < _outcome(before, n).not_before]
        # A manifest has the URLs of all its storages: it is written when all of them can be signed for.
        if waiting or not any(now >= due_time(signed.get(name)) for name in used):
            continue
        if _can_sign(stores, used, signed, now, done):
            _sign(session, stores, each, used, done)
    return _summary(live, before, done, now)


def due_time(signed: Signed | None) -> float:
    """When URLs should be signed anew: at half of their life, in seconds since the epoch."""
    # The other half is there for rounds that fail, and for jobs that begin meanwhile and take long.
    return 0.0 if signed is None else signed.when + (signed.end - signed.when) / 2


def _outcome(before: Mapping[str, Outcome], name: str) -> Outcome:
    return before.get(name, Outcome())


def _can_sign(
    stores: Stores, used: Sequence[str], signed: Mapping[str, Signed], now: float, done: _Results
) -> bool:
    """Whether there are keys for all storages, and they give URLs that live longer than those there are."""
    for name in used:
        try:
            end = now + stores.store(name).lifetime(now)
        except HepsubError as error:
            done.troubles[name] = error
            continue
        old = signed.get(name)
        # Else manifests are written in each round, and jobs get nothing by it.
        if old is not None and end < old.end + _GAIN_S and now >= due_time(old):
            done.troubles[name] = CredentialExpired(
                "its keys end no later than the URLs that are there, and nothing renews them",
                remedy="get new keys; then hep_auth renew",
            )
    return not any(name in done.troubles for name in used)


def _sign(
    session: Session, stores: Stores, each: LiveBundle, used: Sequence[str], done: _Results
) -> None:
    try:
        sign(session, stores, each.bundle, each.ref.cluster, each.procs)
    except BundleUnusable as error:
        done.broken.update(dict.fromkeys(used, error))
    except HepsubError as error:
        done.troubles.update(dict.fromkeys(used, error))
    else:
        done.renewed.update(used)


def _summary(
    live: Sequence[LiveBundle], before: Mapping[str, Outcome], done: _Results, now: float
) -> dict[str, tuple[Outcome, float]]:
    """The state of each storage is the worst of its bundles'."""
    signed: dict[str, list[Signed | None]] = {}
    for each in live:
        there = read_signed(each.bundle.directory, now)
        for name in used_storages(each.bundle.request):
            signed.setdefault(name, []).append(there.get(name))
    return {
        name: _state_of(_outcome(before, name), name, own, done, now)
        for name, own in signed.items()
    }


def _state_of(
    before: Outcome, name: str, signed: Sequence[Signed | None], done: _Results, now: float
) -> tuple[Outcome, float]:
    ends = [each.end for each in signed if each is not None]
    known = replace(before, expires=min(ends, default=None))
    if (trouble := done.troubles.get(name)) is not None:
        return failed(known, trouble.message, trouble.remedy, now)
    if (broken := done.broken.get(name)) is not None:
        return failed(known, broken.message, broken.remedy, now, for_all=False)
    if name in done.renewed:
        return Outcome(expires=known.expires, renewed=now), min(map(due_time, signed))
    return known, max(known.not_before, min(map(due_time, signed)))
