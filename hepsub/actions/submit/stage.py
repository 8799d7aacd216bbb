"""The bundle of a submission: made before the jobs may start, complete when they do."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.submit.libraries import archive_cache, upload_missing
from hepsub.auth.credential import UserCredential
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import discard_bundle, new_bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.mailbox import has_mailbox, next_letters, note_posted, note_sent, read_posted
from hepsub.bundle.notes import is_cancelled, note_signed
from hepsub.bundle.request import BundleRequest, request_for
from hepsub.bundle.root import check_common, check_owner, check_root
from hepsub.errors import BundleUnusable, HepsubError, SubmissionUncertain
from hepsub.plan.credentials import JobCredential
from hepsub.plan.freshness import used_storages as storages_used
from hepsub.plan.model import Plan
from hepsub.plan.staging import StagingPlan
from hepsub.session import Session
from hepsub.storage.stores import Stores

if TYPE_CHECKING:
    from hepsub.batch_system import BatchSystem

_AT_LEAST_S = 300.0
"""What goes into a bundle should live so long, where its source can do that."""


class Staged(Struct, frozen=True, kw_only=True):
    """A bundle, the credentials in it as they were obtained, and the plan with the bundle's seal."""

    bundle: Bundle
    credentials: tuple[UserCredential, ...]
    plan: Plan


@contextlib.contextmanager
def bundle_for(
    session: Session,
    stores: Stores,
    plan: Plan,
    staging: StagingPlan,
    schedd: BatchSystem,
    uuid: str,
) -> Iterator[Staged]:
    """The bundle of a plan, complete as far as it can be without the cluster's id; Ctrl-C is held back from here on.

    Until the block ends nobody else completes it.

    Raises:
        BundleUnusable: the schedd could not read it, or it cannot be written.
        StorageRefused: there are no keys to sign with.
        StorageRefused, StorageUnreachable: a library cannot be uploaded.
    """
    _check_place(session, plan, staging, schedd)
    request = request_for(plan, staging, uuid, schedd.name)
    # What is missing is found out before anything is written.
    for name in used_storages(request):
        stores.store(name)
    if staging.mailbox is not None:
        stores.store(staging.mailbox.storage)
    credentials = obtain_all(session, staging)
    upload_missing(staging.libraries, stores.store, archive_cache(session.bundles))
    session.interrupts.hold()  # from the moment it has its name it is also removed
    with new_bundle(Path(staging.bundle_root), uuid) as directory:
        bundle = Bundle(directory=directory, request=request)
        try:
            with session.interrupts.allowed():
                with session.progress.step("writing what travels with the jobs"):
                    seal = fill_bundle(bundle, plan.secrets, now=session.situation.now)
                _deliver(staging, credentials, bundle, schedd)
                note_sent(bundle)
                if not staging.needs_cluster:
                    sign(session, stores, bundle, None, first=True)
            sealed = replace(plan, staging=replace(staging, seal=seal))
            yield Staged(bundle=bundle, credentials=credentials, plan=sealed)
        except (HepsubError, KeyboardInterrupt) as error:
            session.interrupts.hold()
            # A cluster that may be there may need it; and one that is still to be removed is noted in it, for
            # `recover`, which also clears away what a crash or a bug of ours leaves.
            if not isinstance(error, SubmissionUncertain) and not is_cancelled(bundle):
                discard_bundle(directory)
            raise


def sign(
    session: Session,
    stores: Stores,
    bundle: Bundle,
    cluster: int | None,
    procs: Collection[int] | None = None,
    *,
    first: bool = False,
) -> None:
    """Write manifests with URLs signed now, and note when these end.

    Args:
        session: the session.
        stores: the storages, with keys.
        bundle: what they belong to.
        cluster: ClusterId; None while it is not known.
        procs: the jobs; None for all.
        first: whether there are none yet, and no job can start before this returns.

    Raises:
        BundleUnusable: they cannot be written.
        StorageRefused: there are no keys to sign with.
        KeyboardInterrupt: the user interrupted it, where Ctrl-C is held back.
    """
    now = session.situation.now
    # A job takes a new manifest only if it has the name of the first one.
    known = cluster if bundle.request.staging.needs_cluster else None
    wanted = range(bundle.request.number) if procs is None else procs
    checked = session.interrupts.checked(wanted)
    letters = next_letters(bundle, now) if has_mailbox(bundle) else None
    with session.progress.step("signing URLs: jobs", len(wanted)) as step:
        counted = step.counted(checked)
        bundle.write_manifests(known, stores.signer, counted, letters=letters, first=first)
    if letters is not None:
        # What jobs start with is no news to them: nothing is posted, and nobody told, until it is renewed.
        noted = ("serial", "posted", "told") if first else ("serial",)
        note_posted(bundle, replace(read_posted(bundle), **dict.fromkeys(noted, letters.serial)))
    used = used_storages(bundle.request)
    note_signed(bundle, {name: now + stores.store(name).lifetime(now) for name in used})


def _check_place(session: Session, plan: Plan, staging: StagingPlan, schedd: BatchSystem) -> None:
    """Refuse a bundle that could not be read where it has to be, or not be completed.

    Raises:
        BundleUnusable: it could not.
    """
    check_common(session.policy)
    check_owner(staging.bundle_root)
    if not plan.route.delivery.schedd_reads_bundle:
        return
    shared = session.policy.staging.shared
    check_root(staging.bundle_root, schedd.host, session.situation.host, shared=shared)
    if not (plan.factory_idle and staging.needs_cluster):
        return
    late = f"{plan.number} jobs are made by the schedd as they are needed, and"
    if plan.route.element is not None:
        # Such jobs wait on hold, as nobody looks at their requirements: those that are made when the others have been
        # released would stay there.
        raise BundleUnusable(
            f"{late} for a computing element places cannot be named after the cluster then",
            remedy="write %{Uuid} instead of %{ClusterId} in -in and -out",
        )
    # HTCondor's bindings change the jobs that exist, and those alone.
    if not schedd.edits_factories:
        raise BundleUnusable(
            f"{late} places named after the cluster need condor_qedit then, which is not installed here",
            remedy="leave %{ClusterId} out of -in and -out, or submit on a host with HTCondor's commands",
        )


def used_storages(request: BundleRequest) -> tuple[str, ...]:
    """The storages that URLs are signed for."""
    return storages_used(request.staging, request.number, lambda proc: request.values(proc, None))


def open_gate(
    session: Session,
    stores: Stores,
    bundle: Bundle,
    schedd: BatchSystem,
    cluster: int,
    *,
    first: bool = False,
) -> None:
    """Complete a bundle that needed the cluster's id, whether or not (`first`) it was tried before; let the jobs start.

    Raises:
        BundleUnusable: the jobs stay behind their gate; the message names the cluster.
        KeyboardInterrupt: they do, because the user interrupted it where Ctrl-C is held back.
    """
    try:
        sign(session, stores, bundle, cluster, first=first)
        session.interrupts.check()
        request = bundle.request
        schedd.open_gate(cluster, factory=request.factory, held=request.element)
    except HepsubError as error:
        raise BundleUnusable(
            f"cluster {cluster} was submitted, but its jobs cannot start: {error.message}",
            remedy=f"the next hep_sub tries again; hep_rm {cluster} removes it",
        ) from error


def obtain_all(session: Session, staging: StagingPlan) -> tuple[UserCredential, ...]:
    """Every credential that goes along with the jobs.

    Raises:
        HepsubError: one of them is not to be had, and the jobs would miss it.
    """
    return tuple(_obtain(session, each) for each in staging.credentials)


def _obtain(session: Session, each: JobCredential) -> UserCredential:
    try:
        with session.progress.step(f"getting the credential {each.name}"):
            return session.credential(each.name).obtain(_AT_LEAST_S)
    except HepsubError as error:
        who = "the site wants to see" if each.stays else "the jobs need"
        without = "another site" if each.stays else f"-cred none, or no -cred {each.name}"
        raise type(error)(  # the exit code stays that of what is wrong with it
            f"nothing was submitted: {who} the credential {each.name}, but {error.message}",
            remedy=f"{error.remedy}; or submit without it ({without})",
        ) from error


def _deliver(
    staging: StagingPlan,
    credentials: tuple[UserCredential, ...],
    bundle: Bundle,
    schedd: BatchSystem,
) -> None:
    """Put each credential where the jobs find it: into the bundle, or to the pool's own credd."""
    for each, content in zip(staging.credentials, credentials, strict=True):
        if each.by_condor:
            schedd.store_credential(each, content.content)
        else:
            bundle.write_credential(content, first=True)
