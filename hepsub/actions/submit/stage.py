"""The bundle of a submission: made before the jobs may start, complete when they do."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.submit.credentials import deliver, obtain_all
from hepsub.actions.submit.libraries import shelf_beside, upload_missing
from hepsub.auth.credential import Held
from hepsub.auth.renewal import read_state
from hepsub.batch import BatchSystem
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import discard_bundle, new_bundle
from hepsub.bundle.request import BundleRequest, request_for
from hepsub.bundle.root import check_common, check_owner, check_root
from hepsub.errors import BundleUnusable, HepsubError, SubmissionUncertain, UnknownStorage
from hepsub.plan.forecast import REFRESHER, Outlook, Span, forecast_note, unrefreshed_note
from hepsub.plan.model import Plan
from hepsub.plan.place import ObjectPlace
from hepsub.plan.staging import StagingPlan
from hepsub.plan.template import Name
from hepsub.policy.model import Storage
from hepsub.session import Session
from hepsub.storage.keys import Keys
from hepsub.storage.s3 import LONGEST_URL_S, Signer, Store


class Stores(Struct, frozen=True, kw_only=True):
    """The storages of a policy, with their keys, each asked for once."""

    storages: dict[str, Storage]
    known: dict[str, Store]
    keys: Callable[[str, Storage], Keys]

    def store(self, name: str) -> Store:
        """A storage with its keys.

        Raises:
            StorageRefused: there are no keys for it.
            UnknownStorage: the policy has it no more.
        """
        if name not in self.known:
            if name not in self.storages:
                raise UnknownStorage(
                    f"the policy has no storage {name} any more",
                    remedy=f"put [storage.{name}] back until the jobs that use it have ended",
                )
            storage = self.storages[name]
            self.known[name] = Store(name=name, storage=storage, keys=self.keys(name, storage))
        return self.known[name]

    def signer(self, name: str) -> Signer:
        """A signer of URLs that live as long as S3 allows."""
        return self.store(name).signer(LONGEST_URL_S)


def open_stores(session: Session) -> Stores:
    """The storages of the session's policy; no keys are looked for yet."""
    return Stores(storages=dict(session.policy.storage), known={}, keys=session.keys)


class Staged(Struct, frozen=True, kw_only=True):
    """A bundle, the credentials in it as they were obtained, and the plan with the bundle's seal."""

    bundle: Bundle
    held: tuple[Held, ...]
    plan: Plan


@contextlib.contextmanager
def bundle_for(
    session: Session, stores: Stores, plan: Plan, schedd: BatchSystem, uuid: str
) -> Iterator[Staged | None]:
    """The bundle of a plan, complete as far as it can be without the cluster's id; None when there is none.

    Until the block ends nobody else completes it, and Ctrl-C is held back. When the block fails, the bundle
    is removed, unless a cluster is left that may need it, or is still to be removed.

    Raises:
        BundleUnusable: the schedd could not read it, or it cannot be written.
        StorageRefused: there are no keys to sign with.
        StorageRefused, StorageUnreachable: a library cannot be uploaded.
    """
    if plan.staging is None:
        yield None
        return
    _check_place(session, plan, plan.staging, schedd)
    request = request_for(plan, plan.staging, uuid, schedd.name)
    # What is missing is found out before anything is written.
    for name in used_storages(request):
        stores.store(name)
    held = obtain_all(session, plan.staging)
    upload_missing(plan.staging.libraries, stores.store, shelf_beside(session.bundles))
    session.interrupts.hold()  # what has its name is also removed
    with new_bundle(Path(plan.staging.bundle_root), uuid) as directory:
        bundle = Bundle(directory=directory, request=request)
        try:
            with session.interrupts.allowed():
                seal = bundle.make(plan.secrets)
                deliver(plan.staging, held, bundle, schedd)
                if not plan.staging.needs_cluster:
                    sign(session, stores, bundle, None)
            staging = replace(plan.staging, seal=seal)
            yield Staged(bundle=bundle, held=held, plan=dataclasses.replace(plan, staging=staging))
        except (HepsubError, KeyboardInterrupt) as error:
            session.interrupts.hold()
            if not isinstance(error, SubmissionUncertain) and not bundle.is_cancelled():
                discard_bundle(directory)
            raise


def sign(
    session: Session,
    stores: Stores,
    bundle: Bundle,
    cluster: int | None,
    procs: Iterable[int] | None = None,
) -> None:
    """Write manifests with URLs signed now, and note when these end.

    Raises:
        BundleUnusable: they cannot be written.
        StorageRefused: there are no keys to sign with.
        KeyboardInterrupt: the user interrupted it, where Ctrl-C is held back.
    """
    now = session.situation.now
    # A job takes a new manifest only if it has the name of the first one.
    known = cluster if bundle.request.staging.needs_cluster else None
    wanted = range(bundle.request.ref.number) if procs is None else procs
    bundle.write_manifests(known, stores.signer, session.interrupts.checked(wanted))
    used = used_storages(bundle.request)
    bundle.note_signed({name: now + stores.store(name).lifetime(now) for name in used})


def _check_place(session: Session, plan: Plan, staging: StagingPlan, schedd: BatchSystem) -> None:
    check_common(session.policy)
    check_owner(staging.bundle_root)
    if session.policy.pool[plan.route.pool].kind == "here" or plan.route.spool:
        return
    shared = session.policy.staging.shared
    check_root(staging.bundle_root, schedd.host, session.situation.host, shared=shared)
    if plan.factory_idle and staging.needs_cluster and not schedd.edits_factories:
        raise BundleUnusable(
            f"{plan.number} jobs are made by the schedd as they are needed, and places named after the"
            " cluster need condor_qedit then, which is not installed here",
            remedy="leave %{ClusterId} out of -in and -out, or submit on a host with HTCondor's commands",
        )


def used_storages(request: BundleRequest) -> tuple[str, ...]:
    """The storages that the jobs' files are in: the first job's tell, unless whole URLs are on the list."""
    staging = request.staging
    templates = [rule.url.parts[:1] for rule in (*staging.inputs, *staging.outputs)]
    listed = (Name.ITEM,) in templates or (Name.ITEMS,) in templates
    names: dict[str, None] = {}
    for proc in range(request.ref.number if listed else 1):
        values = request.values(proc, None)
        for each in (*staging.inputs_of(values), *staging.outputs_of(values)):
            if isinstance(each.place, ObjectPlace):
                names[each.place.storage] = None
    names |= dict.fromkeys(each.place.storage for each in staging.libraries if each.place)
    return tuple(names)


def open_gate(
    session: Session, stores: Stores, bundle: Bundle, schedd: BatchSystem, cluster: int
) -> None:
    """Complete a bundle that needed the cluster's id, and let the jobs start.

    Raises:
        BundleUnusable: the jobs stay behind their gate; the message names the cluster.
        KeyboardInterrupt: they do, because the user interrupted it where Ctrl-C is held back.
    """
    try:
        sign(session, stores, bundle, cluster)
        session.interrupts.check()
        schedd.open_gate(cluster, factory=bundle.request.factory)
    except HepsubError as error:
        raise BundleUnusable(
            f"cluster {cluster} was submitted, but its jobs cannot start: {error.message}",
            remedy=f"the next hep_sub tries again; hep_rm {cluster} removes it",
        ) from error


def forecast(
    session: Session, stores: Stores, plan: Plan, request: BundleRequest
) -> tuple[str, ...]:
    """A sentence for each storage whose signed URLs may end before the jobs do.

    Args:
        session: the session.
        stores: the storages, with keys.
        plan: the decided submission.
        request: what its bundle was made for.
    """
    now = session.situation.now
    renewed = read_state(session.bundles, now).is_active(now)
    span = Span(now=now, needed=session.policy.staging.expected_wait + plan.walltime.limit)
    notes = []
    for name in used_storages(request):
        store = stores.store(name)
        if store.keys.token and store.keys.expires is None:
            notes.append(
                f"the keys for the storage {name} are a session's, and when it ends is not known: signed URLs die"
                " with it, and jobs that come later bring their outputs home"
            )
            continue
        outlook = _outlook(name, store, now, spool=plan.route.spool)
        notes.append(
            forecast_note(
                outlook, span, renewer=REFRESHER if renewed else "", way=session.way_to_renew
            )
        )
        if request.staging.confined and not request.staging.is_refreshed:
            notes.append(unrefreshed_note(outlook, span, walltime=plan.walltime.limit))
    return tuple(note for note in notes if note)


def _outlook(name: str, store: Store, now: float, *, spool: bool) -> Outlook:
    """URLs can be signed anew for as long as there are keys: a token gives new ones, a session ends."""
    end = now + store.lifetime(now)
    lasting = store.keys.expires is None or bool(store.storage.token_name)
    return Outlook(
        what=f"the signed access to the storage {name}",
        expires=end,
        renewable_until=None if lasting and not spool else end,
        obtain="have it done" if lasting else "get new keys",
        loss="a job that comes later brings its outputs home",
    )
