"""The bundle: the directory of files that travels with the jobs of one submission (plan/bundle_paths.py)."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from hepsub.auth.credential import Held
from hepsub.bundle.logs import link_logs, make_logs, place_logs
from hepsub.bundle.manifest import FILE_NAME, JobFiles, Signing, environment_text, manifest_text
from hepsub.bundle.request import BundleRequest
from hepsub.bundle.sent import (
    WORKER_FILES,
    common_digests,
    copy_file,
    copy_set,
    list_text,
    seal_of,
    sent_sets,
    worker_file,
)
from hepsub.errors import BundleUnusable
from hepsub.files import make_private, write_new, write_whole
from hepsub.plan.bundle_paths import (
    BUNDLED,
    CANCELLED,
    CREDENTIALS,
    ENVIRONMENT_FILE,
    ITEMS_FILE,
    JOB,
    PRIVATE,
    READY,
    REQUEST,
    SENT,
    SETS,
    SHARED,
    SHELF,
    SIGNED,
    SUMS,
    UNLINKED,
    WRAPPER,
    Layout,
)
from hepsub.plan.files import Carried
from hepsub.plan.libraries import Library, shelf_name
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.staging import Seal, Staging, authority_file
from hepsub.plan.template import parse_template
from hepsub.tree import Tree, open_tree

_CLOCKS_S = 2.0
"""So much the clocks of a file server and a schedd may differ."""
_AT_ONCE = 256
"""The manifests of so many jobs are prepared together."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What is so for one job is so for all."""


class Bundle(Struct, frozen=True, kw_only=True):
    """A bundle on the disk.

    Attributes:
        directory: its own directory.
        request: what it was made for.
        old: whether it was made in the old form, when every job could reach all of it.
    """

    directory: Path
    request: BundleRequest
    old: bool = False

    def was_changed(self, submitted: float) -> bool:
        """Whether jobs may have changed what it was made for, so that it must not be believed.

        A bundle of the old form could be reached by its jobs, by HTCondor's I/O proxy, and so could what it says of
        itself. But no job can set the time of a file's last change (st_ctime), which was before the submission.

        Args:
            submitted: when the jobs were submitted, in seconds since the epoch; 0 for not known.

        Raises:
            OSError: the request is gone.
        """
        return self.old and self.layout.private(REQUEST).lstat().st_ctime > submitted + _CLOCKS_S

    @property
    def layout(self) -> Layout:
        """Where its files are."""
        return Layout(directory=self.directory, old=self.old)

    def write_manifests(
        self,
        cluster: int | None,
        signer_of: Callable[[str], Signing],
        procs: Iterable[int] | None = None,
        *,
        first: bool = False,
    ) -> None:
        """Write, or renew, the manifests of jobs; each file whole.

        Args:
            cluster: ClusterId, None while it is not known and not needed.
            signer_of: gives the signer of a storage by its name.
            procs: the jobs; None for all.
            first: whether there are none yet, and no job can start before this returns.

        Raises:
            BundleUnusable: a file cannot be written; those of the other jobs are, unless they are the first.
        """
        signing = _EachByItsOwn(signers={}, signer_of=signer_of)
        wanted = range(self.request.number) if procs is None else procs
        self._write_corners(FILE_NAME, self._manifests(wanted, cluster, signing), first=first)

    def _write_corners(
        self, name: str, contents: Iterable[tuple[int, str | bytes]], *, first: bool
    ) -> None:
        """Write a file into the corners of jobs.

        Raises:
            BundleUnusable: one of them could not be written.
        """
        trouble: OSError | None = None
        try:
            with open_tree(self.directory) as tree:
                if first:
                    with tree.below(JOB) as corners:
                        for proc, content in contents:
                            write_new(corners.descriptor, f"{proc}/{name}", content, 0o600)
                    return
                for proc, content in contents:
                    try:
                        tree.write(f"{self.layout.job(proc)}/{name}", content, 0o600)
                    except OSError as error:
                        # A job may have spoilt its corner; the others' are none of its.
                        trouble = error
                        if error.errno in _FULL:
                            break
        except OSError as error:
            trouble = error
        if trouble is not None:
            raise unusable(self.directory, trouble) from trouble

    def _manifests(
        self, procs: Iterable[int], cluster: int | None, signing: Signing
    ) -> Iterator[tuple[int, str]]:
        """The manifest of each job."""
        request = self.request
        every = self._every_job()
        program = parse_template(request.executable)
        waiting = iter(procs)
        while some := list(itertools.islice(waiting, _AT_ONCE)):
            jobs = [request.values(proc, cluster) for proc in some]
            files = request.staging.carried_by(jobs)
            for proc, path, inputs, outputs in zip(
                some, program.fill_all(jobs), files.inputs, files.outputs, strict=True
            ):
                corner = f"{self.directory}/{self.layout.job(proc)}"
                one = replace(
                    every,
                    job=str(proc) if cluster is None else f"{cluster}.{proc}",
                    payload=path if every.shared else PurePosixPath(path).name,
                    source=f"{corner}/{FILE_NAME}",
                    credential_source=corner if every.confined else every.credential_source,
                    inputs=inputs,
                    outputs=outputs,
                    marker=marker_place(outputs, request.uuid, proc),
                    authorities=_authorities(request, (*inputs, *outputs, *every.libraries)),
                )
                yield proc, manifest_text(one, signing)

    def _every_job(self) -> JobFiles:
        """What the manifests of all jobs have in common; the rest is empty."""
        request, staging = self.request, self.request.staging
        return JobFiles(
            job="",
            payload="",
            submit_dir=staging.cwd,
            walltime=request.walltime,
            grace=min(staging.grace, request.walltime // 4),
            source="",
            home_limit=staging.home_limit,
            put_limit=staging.put_limit,
            shared=staging.shared,
            inputs=(),
            outputs=(),
            objects={
                ObjectPlace(storage=e.storage, bucket=e.bucket, key=e.key): ObjectInfo(
                    size=e.size, etag=e.etag
                )
                for e in staging.objects
            },
            marker=None,
            workdir=staging.workdir,
            credentials=staging.credentials,
            credential_source=str(self.layout.private(CREDENTIALS)),
            libraries=staging.libraries,
            isolation=staging.isolation if staging.confined else "",
            environment=ENVIRONMENT_FILE if staging.secrets else "",
            brings_all=staging.brings_all,
            copy_limit=staging.copy_limit,
            confined=staging.confined,
        )

    def make(self, secrets: Mapping[str, str] = MappingProxyType({})) -> Seal:
        """Write what does not change: the request, the scripts of the worker node, copies, lists of items.

        Args:
            secrets: the variables that travel in a file; they stand nowhere else.

        Returns:
            What the jobs check before they use what was sent.

        Raises:
            BundleUnusable: a file cannot be read or written.
        """
        try:
            for each in (PRIVATE, SHARED, JOB, f"{PRIVATE}/{CREDENTIALS}", f"{SHARED}/{SETS}"):
                make_private(self.directory / each)
            for name in WORKER_FILES:
                write_whole(self.directory / SHARED / name, worker_file(name), 0o700)
            self._keep_authorities()
            self._keep_libraries()
            if secrets:
                path = self.directory / SHARED / ENVIRONMENT_FILE
                write_whole(path, environment_text(secrets), 0o600)
            seal = self._keep_sent(secrets)
            self._make_corners()
            write_whole(self.layout.private(REQUEST), self.request.to_json(), 0o600)
        except OSError as error:
            raise unusable(self.directory, error) from error
        return seal

    def _keep_sent(self, secrets: Mapping[str, str]) -> Seal:
        sets, set_of = sent_sets(self.request)
        copies: dict[str, Path] = {}
        common = common_digests(self.request, secrets)
        lists = []
        for number, each in enumerate(sets):
            directory = self.directory / SHARED / SETS / str(number)
            make_private(directory / SENT)
            digests = copy_set(each.files, directory / SENT, copies)
            lists.append(list_text(each, digests | common))
            write_whole(directory / SUMS, lists[-1], 0o600)
        return seal_of(worker_file(WRAPPER), tuple(lists), set_of)

    def _keep_libraries(self) -> None:
        """Those that are sent along; ten submissions at home keep one copy."""
        shelf = Path(self.request.staging.bundle_root) / SHELF
        for each in self.request.staging.libraries:
            if each.place is None:
                goal = self.directory / SHARED / BUNDLED / each.archive
                make_private(goal.parent)
                keep_library(shelf / shelf_name(each.sha256), goal, self.request.staging)

    def _keep_authorities(self) -> None:
        """The certificates that jobs need, for storages whose authorities are not the usual ones."""
        for name, path in self.request.staging.authorities.items():
            try:
                text = Path(path).read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                raise BundleUnusable(
                    f"the ca_file {path} of a storage cannot be read ({error})",
                    remedy="correct ca_file in [storage.NAME] of the policy",
                ) from error
            write_whole(self.directory / SHARED / name, text, 0o600)

    def _make_corners(self) -> None:
        """The jobs' own directories: lists of items, and logs where the jobs may write no others."""
        request = self.request
        jobs = [request.values(proc, None) for proc in range(request.number)]
        logs: list[tuple[str, str]] = []
        if request.staging.confined:
            stdout, stderr = parse_template(request.stdout), parse_template(request.stderr)
            logs = list(zip(stdout.fill_all(jobs), stderr.fill_all(jobs), strict=True))
        made: dict[str, str] = {}
        with open_tree(self.directory) as tree, tree.below(JOB) as corners:
            for proc, values in enumerate(jobs):
                os.mkdir(str(proc), 0o700, dir_fd=corners.descriptor)
                if values.items:
                    text = "".join(f"{item}\n" for item in values.items)
                    write_new(corners.descriptor, f"{proc}/{ITEMS_FILE}", text, 0o600)
                if logs:
                    make_logs(corners.descriptor, str(proc), logs[proc], made)

    def master_credential(self, name: str) -> Path | None:
        """Where a credential lies that travels as a file; None for one that does not."""
        file = self._credential_file(name)
        return self.layout.private(CREDENTIALS) / file if file else None

    def _credential_file(self, name: str) -> str:
        return {each.name: each.file for each in self.request.staging.credentials}.get(name, "")

    def write_credential(
        self, held: Held, procs: Iterable[int] | None = None, *, first: bool = False
    ) -> None:
        """Write, or replace, a credential for jobs; each file whole.

        The copy that no job may reach comes last: as long as it is the old one, the others are written again.

        Args:
            held: the credential.
            procs: the jobs that still need it; None for all.
            first: whether there is none yet, and no job can start before this returns.

        Raises:
            BundleUnusable: it cannot be written.
        """
        file = self._credential_file(held.name)
        if not file:
            return
        trouble: BundleUnusable | None = None
        if self.request.staging.confined:
            try:
                wanted = range(self.request.number) if procs is None else procs
                contents = ((proc, held.content) for proc in wanted)
                self._write_corners(file, contents, first=first)
            except BundleUnusable as error:
                trouble = error
        try:
            write_whole(self.layout.private(CREDENTIALS) / file, held.content, 0o600, durable=True)
        except OSError as error:
            raise unusable(self.directory, error) from error
        if trouble is not None:
            raise trouble

    def link_logs(self, cluster: int) -> tuple[str, ...]:
        """Give the logs of jobs the names that the user knows; a sentence where that cannot be.

        Raises:
            BundleUnusable: the bundle cannot be read.
        """
        if not self.request.staging.confined or self.old:
            return ()
        try:
            notes = link_logs(self.layout, self.request, cluster)
            if notes:  # a log that its user removed does not come back, but these were never there
                write_whole(self.layout.private(UNLINKED), "", 0o600)
        except OSError as error:
            raise unusable(self.directory, error) from error
        return notes

    def place_logs(self, cluster: int) -> tuple[str, ...]:
        """Copy the logs of ended jobs to the names that the user knows, where those are no links to them.

        Returns:
            A sentence for each that could not be copied.
        """
        if not self.layout.private(UNLINKED).exists():
            return ()
        troubles: list[str] = []
        for proc in range(self.request.number):
            troubles += place_logs(self.layout, self.request, cluster, proc)
        return tuple(troubles)

    def returned(self, proc: int) -> Path:
        """What a job brought back: for people, and for links to it; it is read by `open_returned` only."""
        return self.directory / self.layout.returned(proc)

    @contextlib.contextmanager
    def open_returned(self, proc: int) -> Iterator[Tree | None]:
        """What a job brought back, as a tree in which the job wrote; None where it brought nothing.

        Raises:
            OSError: something else lies there.
        """
        with contextlib.ExitStack() as stack:
            try:
                bundle = stack.enter_context(open_tree(self.directory))
                tree = stack.enter_context(bundle.below(self.layout.returned(proc)))
            except FileNotFoundError:
                yield None
                return
            yield tree

    def note_signed(self, ends: Mapping[str, float]) -> None:
        """Note when the URLs of each storage end, in seconds since the epoch.

        Raises:
            BundleUnusable: it cannot be noted.
        """
        try:
            write_whole(self.layout.private(SIGNED), json.dumps(dict(ends)), 0o600)
        except OSError as error:
            raise unusable(self.directory, error) from error

    def mark_ready(self, cluster: int) -> None:
        """Note that nothing is left to be done but to keep it fresh.

        Raises:
            BundleUnusable: it cannot be noted.
        """
        placed = {
            "pool": self.request.pool,
            "schedd": self.request.schedd,
            "cluster": cluster,
        }
        try:
            write_whole(self.layout.private(READY), json.dumps(placed), 0o600)
        except OSError as error:
            raise unusable(self.directory, error) from error

    def mark_cancelled(self) -> None:
        """Note, so that no crash forgets it, that its user took the submission back.

        Raises:
            BundleUnusable: it cannot be noted.
        """
        try:
            write_whole(self.layout.private(CANCELLED), "", 0o600, durable=True)
        except OSError as error:
            raise unusable(self.directory, error) from error

    def is_cancelled(self) -> bool:
        """Whether its user took the submission back."""
        return (self.layout.private(CANCELLED)).exists()


def keep_library(packed: Path, goal: Path, staging: Staging) -> None:
    """Have a packed library in the bundle.

    Where no job can write into the bundle by HTCondor, a second link costs nothing; elsewhere it has to be a copy.

    Raises:
        OSError: it cannot be written.
    """
    if not staging.confined:
        with contextlib.suppress(OSError):  # another file system
            os.link(packed, goal)
            return
    copy_file(packed, goal)


def unusable(directory: Path, error: OSError) -> BundleUnusable:
    """The error for a bundle that the operating system does not let us write."""
    return BundleUnusable(
        f"the bundle {directory} cannot be written: {error.strerror}",
        remedy="make room there, or set bundle_dir in [staging] of the policy",
    )


class _EachByItsOwn(Struct, frozen=True, kw_only=True):
    """Signs with the signer of each place's storage, made when it is first needed."""

    signers: dict[str, Signing]
    signer_of: Callable[[str], Signing]

    def sign(self, method: str, place: ObjectPlace) -> str:
        return self._signer(place).sign(method, place)

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        return self._signer(place).form(place)

    def _signer(self, place: ObjectPlace) -> Signing:
        if place.storage not in self.signers:
            self.signers[place.storage] = self.signer_of(place.storage)
        return self.signers[place.storage]


def _authorities(
    request: BundleRequest, carried: Iterable[Carried | Library]
) -> tuple[tuple[str, str], ...]:
    """What the URLs of a job begin with whose servers have authorities of their own, and the files of these."""
    found: dict[tuple[str, str], None] = {}
    for place in (each.place for each in carried):
        if not isinstance(place, ObjectPlace):
            continue
        storage = request.staging.storages.get(place.storage)
        if storage is not None and storage.ca_file:
            parts = urlsplit(storage.bucket_url(place.bucket))
            found[f"{parts.scheme}://{parts.netloc}/", authority_file(place.storage)] = None
    return tuple(found)


def marker_place(outputs: tuple[Carried, ...], uuid: str, proc: int) -> ObjectPlace | None:
    """The object that tells that all outputs of a job are complete; beside the first of them."""
    first = next((each.place for each in outputs if isinstance(each.place, ObjectPlace)), None)
    if first is None:
        return None
    directory = first.key.rpartition("/")[0]
    prefix = f"{directory}/" if directory else ""
    return ObjectPlace(
        storage=first.storage, bucket=first.bucket, key=f"{prefix}.hepsub/{uuid}/{proc}.json"
    )
