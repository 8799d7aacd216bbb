"""The mailbox: what jobs that reach nothing here should have is posted where they look, and removed when they end.

A letter takes two processes of openssl (9 ms) and one request; nobody waits for one while there are others.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.renew.live import LiveBundle
from hepsub.auth.renewal import Outcome, failed
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.letters import Letters, credentials_letter, credentials_text, manifest_letter
from hepsub.bundle.mailbox import (
    forget_mailbox,
    has_mailbox,
    master_credentials,
    note_posted,
    read_letters,
    read_posted,
    seal_letter,
)
from hepsub.errors import HepsubError, StorageUnreachable
from hepsub.plan.location import ObjectPlace
from hepsub.session import Session
from hepsub.storage.http import ConnectionPool
from hepsub.storage.posting import post, remove
from hepsub.storage.stores import Stores
from hepsub.storage.workers import run_all

_AT_ONCE = 8
"""Some letters are signed while others are on their way."""


class _Post(Struct, kw_only=True, eq=False):
    """What letters go through: the storages, and connections to them."""

    stores: Stores
    pool: ConnectionPool

    def send(self, bundle: Bundle, place: ObjectPlace, content: bytes) -> None:
        """Seal a letter and put it into its place.

        Raises:
            HepsubError: it cannot be sealed, or is not there.
        """
        sealed = seal_letter(bundle, content)
        store = self.stores.refreshed(place.storage, renew=False)
        post(self.pool, store, place, sealed)


def post_letters(
    session: Session,
    stores: Stores,
    live: Sequence[LiveBundle],
    before: Mapping[str, Outcome],
) -> dict[str, tuple[Outcome, float]]:
    """Post what live jobs should have and their mailbox has not: credentials first, then manifests.

    Args:
        session: the session.
        stores: the storages, with keys.
        live: the bundles that jobs need, whose credentials and signatures are fresh.
        before: the state of each storage's mailbox after the last round.

    Returns:
        By storage: the state of its mailbox, and when it is due next, in seconds since the epoch.
    """
    by_storage: defaultdict[str, list[LiveBundle]] = defaultdict(list)
    for each in live:
        mailbox = each.bundle.request.staging.mailbox
        if mailbox is not None and has_mailbox(each.bundle):
            by_storage[mailbox.storage].append(each)
    with contextlib.closing(ConnectionPool()) as pool:
        way = _Post(stores=stores, pool=pool)
        return {
            name: _post_all(session, way, bundles, before.get(name, Outcome()))
            for name, bundles in by_storage.items()
        }


def _post_all(
    session: Session, way: _Post, live: Sequence[LiveBundle], before: Outcome
) -> tuple[Outcome, float]:
    """The letters of some bundles in one storage.

    A bundle that is broken does not stop the others; a storage that does not answer is asked once.
    """
    now = session.situation.now
    if now < before.not_before:
        return before, before.not_before
    wrote, trouble = False, None
    for each in live:
        try:
            wrote = _post_bundle(session, way, each) or wrote
        except HepsubError as error:
            trouble = error
            if isinstance(error, StorageUnreachable):
                break
    renewed = now if wrote else before.renewed
    if trouble is not None:
        message = f"jobs get nothing newer by the mailbox: {trouble.message}"
        outcome = failed(replace(before, renewed=renewed), message, trouble.remedy, now)
        again = outcome.not_before
        # One bundle's own trouble keeps nobody else's letters back.
        silent = isinstance(trouble, StorageUnreachable)
        return (outcome if silent else replace(outcome, not_before=0.0)), again
    return Outcome(renewed=renewed), now + session.policy.renew.every


def _post_bundle(session: Session, way: _Post, each: LiveBundle) -> bool:
    """Post the letters of a bundle that are due; whether there was any.

    Raises:
        HepsubError: one could not be posted; all of its kind are posted again the next time.
    """
    bundle, posted = each.bundle, read_posted(each.bundle)
    letters = read_letters(bundle)
    files = master_credentials(bundle)
    digest = hashlib.sha256(credentials_text(files)).hexdigest() if files else ""
    wrote = False
    is_due = posted.serial > posted.posted and _is_named(each)
    is_new = digest not in ("", posted.digest)
    if (is_due or is_new) and not posted.used:
        posted = replace(posted, used=True)
        note_posted(bundle, posted)  # before: what failed half-way has to be removed as well
    if is_new:
        serial = posted.next_serial(session.situation.now)
        posted = replace(posted, credentials=serial, digest=digest)
        letter = letters.credentials(posted.credentials)
        way.send(bundle, letter.place, credentials_letter(letter, files))
        note_posted(bundle, posted)
        wrote = True
    if is_due:
        _post_manifests(way, each, letters)
        posted = replace(posted, posted=posted.serial)
        note_posted(bundle, posted)
        wrote = True
    if posted.told < posted.posted and _tell_where(session, way, each, letters):
        note_posted(bundle, replace(posted, told=posted.posted))
    return wrote


def _is_named(each: LiveBundle) -> bool:
    """Whether the places of its files can be named."""
    return bool(each.ref.cluster) or not each.bundle.request.staging.needs_cluster


def _post_manifests(way: _Post, each: LiveBundle, letters: Letters) -> None:
    """Post a manifest for each job; what lies in the jobs' corners is not read, for they may write there.

    Raises:
        HepsubError: one could not be posted.
    """
    bundle, request = each.bundle, each.bundle.request
    procs = sorted(range(request.number) if each.procs is None else each.procs)
    cluster = each.ref.cluster if request.staging.needs_cluster else None
    texts = bundle.manifests(procs, cluster, functools.cache(way.stores.signer), letters)
    lock = threading.Lock()

    def one(_number: int, _stop: threading.Event) -> None:
        with lock:
            proc, text = next(texts)
        letter = letters.manifest(proc)
        way.send(bundle, letter.place, manifest_letter(letter, text))

    run_all(len(procs), one, lambda: None, _AT_ONCE)


def _tell_where(session: Session, way: _Post, each: LiveBundle, letters: Letters) -> bool:
    """Let jobs whose files a schedd has know where their letters are now, for however long they wait to start.

    Returns:
        Whether they know, or need not.

    Raises:
        HepsubError: the schedd was not told, or not of all.
    """
    if not each.bundle.request.delivery.handed_over or letters.mailbox.public:
        return True
    if each.procs is None:
        return False  # it could not even be asked
    sign = way.stores.signer(letters.mailbox.storage).sign
    urls = {proc: sign("GET", letters.manifest(proc).place) for proc in each.procs}
    session.schedd(each.ref.pool, each.ref.schedd).write_addresses(each.ref.cluster, urls)
    return True


def remove_letters(stores: Stores, bundle: Bundle) -> tuple[str, ...]:
    """Remove the letters of a bundle whose jobs have ended, and then what they were made with.

    Returns:
        A sentence where they could not be removed.
    """
    if not has_mailbox(bundle):
        return ()
    try:
        if read_posted(bundle).used:
            letters = read_letters(bundle)
            procs = range(bundle.request.number)
            places = [letters.credentials().place, *(letters.manifest(p).place for p in procs)]
            with contextlib.closing(ConnectionPool()) as pool:
                remove(pool, stores.refreshed(letters.mailbox.storage, renew=False), places)
        forget_mailbox(bundle)
    except HepsubError as error:
        where = bundle.request.staging.mailbox
        return (f"letters of jobs that have ended are still in {where}: {error.message}",)
    return ()
