"""The mailbox: what jobs that reach nothing here should have is posted where they look, and removed when they end."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.renew.live import LiveBundle
from hepsub.actions.returned.uploads import Uploads
from hepsub.auth.renewal import Outcome, failed
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.letters import Letter, credentials_letter, manifest_letter
from hepsub.bundle.mailbox import (
    Posted,
    digest_of,
    forget_mailbox,
    has_mailbox,
    master_credentials,
    note_posted,
    read_letters,
    read_posted,
    read_sealer,
)
from hepsub.errors import HepsubError, StorageUnreachable
from hepsub.session import Session
from hepsub.storage.http import ConnectionPool
from hepsub.storage.posting import post, remove
from hepsub.storage.workers import run_all

_AT_ONCE = 1000
"""So many manifests are in memory, of a few kilobytes each."""


class _Round(Struct, kw_only=True, eq=False):
    """The letters of one round: what they go through, and by storage whether any was posted, and why one was not.

    A bundle that is broken does not stop the others; a storage that does not answer is asked no more.
    """

    session: Session
    uploads: Uploads
    pool: ConnectionPool
    wrote: set[str] = field(default_factory=set)
    troubles: dict[str, HepsubError] = field(default_factory=dict)

    def attempt(self, task: Callable[[_Round, LiveBundle], None], each: LiveBundle) -> None:
        """Do something for the letters of a bundle."""
        mailbox = each.bundle.request.staging.mailbox
        assert mailbox is not None  # noqa: S101 (others have no letters)
        try:
            self.uploads.check(mailbox.place(""))
            task(self, each)
        except HepsubError as error:
            self.troubles[mailbox.storage] = error

    def send(self, bundle: Bundle, letters: Sequence[tuple[Letter, bytes]]) -> None:
        """Seal letters and put them into their places.

        Raises:
            HepsubError: one cannot be sealed, or is not there.
        """
        sealer = read_sealer(bundle)

        def one(number: int, _stop: threading.Event) -> None:
            letter, content = letters[number]
            store = self.uploads.stores.refreshed(letter.place.storage, renew=False)
            post(self.pool, store, letter.place, sealer.seal(content))

        try:
            run_all(len(letters), one, lambda: None)
        except StorageUnreachable as error:
            self.uploads.lose(letters[0][0].place, error)
            raise
        self.wrote.add(letters[0][0].place.storage)


def post_letters(
    session: Session,
    uploads: Uploads,
    live: Sequence[LiveBundle],
    before: Mapping[str, Outcome],
) -> dict[str, tuple[Outcome, float]]:
    """Post what live jobs should have, whose credentials and signatures are fresh, and their mailbox has not.

    Returns:
        By storage: the state of its mailbox, and when it is due next, in seconds since the epoch.
    """
    by_storage: defaultdict[str, list[LiveBundle]] = defaultdict(list)
    for each in live:
        mailbox = each.bundle.request.staging.mailbox
        if mailbox is not None and has_mailbox(each.bundle):
            by_storage[mailbox.storage].append(each)
    states = {name: before.get(name, Outcome()) for name in by_storage}
    now = session.situation.now
    due = [each for name in states if now >= states[name].not_before for each in by_storage[name]]
    with contextlib.closing(ConnectionPool()) as pool:
        done = _Round(session=session, uploads=uploads, pool=pool)
        # All credentials first: they are few, and without them jobs fail; manifests are as many as jobs.
        for each in due:
            done.attempt(_post_credentials, each)
        for each in due:
            done.attempt(_post_manifests, each)
            done.attempt(_tell_where, each)
    return {name: _state_of(done, name, state) for name, state in states.items()}


def _state_of(done: _Round, storage: str, before: Outcome) -> tuple[Outcome, float]:
    """The state of a storage's mailbox, and when it is due next; one that was left alone stays as it was."""
    now = done.session.situation.now
    if now < before.not_before:
        return before, before.not_before
    renewed = now if storage in done.wrote else before.renewed
    if (trouble := done.troubles.get(storage)) is None:
        return Outcome(renewed=renewed), now + done.session.policy.renew.every
    return failed(
        replace(before, renewed=renewed),
        f"jobs get nothing newer by the mailbox: {trouble.message}",
        trouble.remedy,
        now,
        for_all=done.uploads.is_silent(storage),
    )


def _post_credentials(done: _Round, each: LiveBundle) -> None:
    """Post the tickets and tokens of a bundle's jobs, if they are others than those that the jobs have.

    Raises:
        HepsubError: they could not be posted.
    """
    bundle, posted = each.bundle, read_posted(each.bundle)
    files = master_credentials(bundle)
    digest = digest_of(files)
    if digest in ("", posted.digest):
        return
    serial = posted.next_serial(done.session.situation.now)
    letter = read_letters(bundle).credentials(serial)
    posted = _note_use(bundle, posted)
    done.send(bundle, [(letter, credentials_letter(letter, files))])
    note_posted(bundle, replace(posted, credentials=serial, digest=digest))


def _post_manifests(done: _Round, each: LiveBundle) -> None:
    """Post a manifest for each job, if they were signed anew.

    Raises:
        HepsubError: one could not be posted; all are posted again the next time.
    """
    bundle, request, posted = each.bundle, each.bundle.request, read_posted(each.bundle)
    if posted.serial <= posted.posted:
        return
    posted = _note_use(bundle, posted)
    letters = read_letters(bundle)
    procs = sorted(range(request.number) if each.procs is None else each.procs)
    cluster = each.ref.cluster if request.staging.needs_cluster else None
    # Written once more, and not read where they lie: jobs may write into their corners.
    texts = bundle.manifests(procs, cluster, done.uploads.stores.signer, letters)
    while some := list(itertools.islice(texts, _AT_ONCE)):
        done.send(
            bundle,
            [(to := letters.manifest(proc), manifest_letter(to, text)) for proc, text in some],
        )
    note_posted(bundle, replace(posted, posted=posted.serial))


def _note_use(bundle: Bundle, posted: Posted) -> Posted:
    """Note that there are letters: what fails half-way has to be removed as well."""
    if not posted.used:
        posted = replace(posted, used=True)
        note_posted(bundle, posted)
    return posted


def _tell_where(done: _Round, each: LiveBundle) -> None:
    """Let jobs whose files a schedd has know where their letters are now, for however long they wait to start.

    Raises:
        HepsubError: the schedd was not told, or not of all.
    """
    posted = read_posted(each.bundle)
    letters = read_letters(each.bundle)
    if posted.told >= posted.posted:
        return
    if each.bundle.request.delivery.handed_over and not letters.mailbox.public:
        if each.procs is None:
            return  # it could not even be asked
        # A URL in the ad can be read by everybody who may ask the schedd; what it leads to can be opened by the job.
        sign = done.uploads.stores.signer(letters.mailbox.storage).sign
        urls = {proc: sign("GET", letters.manifest(proc).place) for proc in each.procs}
        spool = done.session.schedd(each.ref.pool, each.ref.schedd).spool
        assert spool is not None  # noqa: S101 (its files were handed over to it)
        spool.write_addresses(each.ref.cluster, urls)
    note_posted(each.bundle, replace(posted, told=posted.posted))


def remove_letters(uploads: Uploads, bundle: Bundle) -> tuple[str, ...]:
    """Remove the letters of a bundle whose jobs have ended, and then what they were made with.

    Returns:
        A sentence where they could not be removed.
    """
    if not has_mailbox(bundle):
        return ()
    try:
        if read_posted(bundle).used:
            _remove(uploads, bundle)
        forget_mailbox(bundle)
    except HepsubError as error:
        where = bundle.request.staging.mailbox
        return (f"letters of jobs that have ended are still in {where}: {error.message}",)
    return ()


def _remove(uploads: Uploads, bundle: Bundle) -> None:
    letters = read_letters(bundle)
    procs = range(bundle.request.number)
    places = [letters.credentials().place, *(letters.manifest(proc).place for proc in procs)]
    uploads.check(places[0])
    try:
        with contextlib.closing(ConnectionPool()) as pool:
            store = uploads.stores.refreshed(letters.mailbox.storage, renew=False)
            remove(pool, store, places)
    except StorageUnreachable as error:
        uploads.lose(places[0], error)
        raise
