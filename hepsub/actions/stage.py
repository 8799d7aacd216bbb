"""The bundle of a submission: made before the jobs may start, complete when they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hepsub.actions.session import Session
from hepsub.auth.bundle import Bundle, check_root
from hepsub.auth.request import BundleRequest, request_for
from hepsub.batch import BatchSystem
from hepsub.plan.model import Plan
from hepsub.policy.model import Storage
from hepsub.storage.keys import Keys
from hepsub.storage.s3 import LONGEST_URL_S, Signer, Store
from hepsub.units import duration_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The storages of a policy, with their keys, each asked for once."""

    storages: dict[str, Storage]
    known: dict[str, Store]
    keys: Callable[[str, Storage], Keys]

    def store(self, name: str) -> Store:
        """A storage with its keys.

        Raises:
            StorageRefused: there are no keys for it.
        """
        if name not in self.known:
            storage = self.storages[name]
            self.known[name] = Store(name=name, storage=storage, keys=self.keys(name, storage))
        return self.known[name]

    def signer(self, name: str) -> Signer:
        """A signer of URLs that live as long as S3 allows."""
        return self.store(name).signer(LONGEST_URL_S)


def open_stores(session: Session) -> Stores:
    """The storages of the session's policy; no keys are looked for yet."""
    return Stores(storages=dict(session.policy.storage), known={}, keys=session.keys)


def make_bundle(
    session: Session, stores: Stores, plan: Plan, schedd: BatchSystem, uuid: str
) -> Bundle | None:
    """Write the bundle of a plan, as far as it can be without the cluster's id; None when there is none.

    Raises:
        BundleUnusable: the schedd could not read it, or it cannot be written.
        StorageRefused: there are no keys to sign with.
    """
    if plan.staging is None:
        return None
    if session.policy.pool[plan.route.pool].kind != "here":
        check_root(
            plan.staging.bundle_root,
            schedd.host,
            session.situation.host,
            shared=session.policy.staging.shared,
        )
    request = request_for(plan, plan.staging, uuid, schedd.name)
    bundle = Bundle(directory=Path(plan.staging.bundle_root) / uuid, request=request)
    for name in used_storages(request):
        stores.store(name)  # keys that are missing are found out before anything is written
    bundle.write_companions()
    if not plan.staging.needs_cluster:
        bundle.write_manifests(None, stores.signer)
    return bundle


def used_storages(request: BundleRequest) -> tuple[str, ...]:
    """The storages that the files of the first job are in; all jobs' by their templates."""
    values = request.values(0, None)
    carried = (*request.staging.inputs_of(values), *request.staging.outputs_of(values))
    names = [getattr(each.place, "storage", "") for each in carried]
    return tuple(dict.fromkeys(name for name in names if name))


def open_gate(bundle: Bundle, stores: Stores, schedd: BatchSystem, cluster: int) -> None:
    """Complete a bundle that needed the cluster's id, and let the jobs start.

    Raises:
        BundleUnusable: it cannot be written; the jobs stay behind their gate.
        PoolUnreachable, PoolError, ToolFailed: the gate cannot be opened.
    """
    bundle.write_manifests(cluster, stores.signer)
    schedd.open_gate(cluster)


def forecast(session: Session, stores: Stores, plan: Plan) -> tuple[str, ...]:
    """A sentence for each storage whose signed URLs may end before the jobs do."""
    if plan.staging is None:
        return ()
    needed = session.policy.staging.expected_wait + plan.walltime.limit
    notes = []
    for name in used_storages(request_for(plan, plan.staging, "", "")):
        lifetime = stores.store(name).lifetime(session.situation.now)
        if lifetime < needed:
            cause = "S3 allows no more" if lifetime == LONGEST_URL_S else "its keys end then"
            notes.append(
                f"the signed URLs of the storage {name} are good for {duration_text(lifetime)} ({cause}); a job"
                f" that waits and runs longer (up to {duration_text(needed)} is expected) brings its outputs home"
            )
    return tuple(notes)
