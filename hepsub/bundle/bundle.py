"""The bundle: the directory of files that travels with the jobs of one submission.

In BUNDLE_ROOT/UUID, mode 0700, lie

* `request.json`: what the manifests are written from; no secret in it
* `lock`: held while somebody completes the bundle
* `ready`: the bundle is complete, and the jobs may start: pool, schedd and cluster, as JSON
* `signed.json`: when the URLs of each storage end
* `finished`: its jobs have ended, and all but reports and outputs that came home was removed
* `wrapper.sh`, `scratch.sh`: what HTCondor, and the embedded pool, start
* `creds/`: tickets and tokens, 0600, one set for all jobs; rewritten whole while the jobs live; beside them
  the certificates of storages' own authorities, and the variables that hold secrets
* `lib/ARCHIVE`: the user's libraries, where they are sent along
* `PROC/hepsub.manifest`: 0600, with signed URLs; read when the job starts, and by chirp later
* `PROC/items.txt`: the job's items
* `PROC/in/NAME`: the script and inputs from paths, where HTCondor has to send them
* `home/home.PROC/`: what comes home: the report, and outputs that could not be uploaded
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from hepsub.auth.credential import Held, write_held
from hepsub.bundle.manifest import FILE_NAME, JobFiles, Signing, environment_text, manifest_text
from hepsub.bundle.request import BundleRequest
from hepsub.errors import BundleUnusable
from hepsub.files import Tree, open_tree, write_whole
from hepsub.plan.libraries import BUNDLED, SHELF, Library, shelf_name
from hepsub.plan.place import FilePlace, ObjectPlace
from hepsub.plan.staging import ENVIRONMENT_FILE, ITEMS_FILE, Carried, authority_file
from hepsub.plan.template import Values, parse_template

REQUEST = "request.json"
LOCK = "lock"
READY = "ready"
SIGNED = "signed.json"
FINISHED = "finished"
WORKER_FILES = ("wrapper.sh", "scratch.sh")
HOME = "home"
CREDENTIALS = "creds"
"""The directory of tickets and tokens in a bundle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle on the disk.

    Attributes:
        directory: its own directory.
        request: what it was made for.
    """

    directory: Path
    request: BundleRequest

    def write_manifests(
        self,
        cluster: int | None,
        signer_of: Callable[[str], Signing],
        procs: Iterable[int] | None = None,
    ) -> None:
        """Write, or renew, the manifests of jobs; each file whole.

        Args:
            cluster: ClusterId, None while it is not known and not needed.
            signer_of: gives the signer of a storage by its name.
            procs: the jobs; None for all.

        Raises:
            BundleUnusable: a file cannot be written.
        """
        signing = _EachByItsOwn(signers={}, signer_of=signer_of)
        try:
            for proc in range(self.request.number) if procs is None else procs:
                self._write_manifest(proc, cluster, signing)
        except OSError as error:
            raise unusable(self.directory, error) from error

    def _write_manifest(self, proc: int, cluster: int | None, signing: Signing) -> None:
        request = self.request
        values = request.values(proc, cluster)
        directory = self.directory / str(proc)
        inputs, outputs = request.staging.inputs_of(values), request.staging.outputs_of(values)
        files = JobFiles(
            job=str(proc) if cluster is None else f"{cluster}.{proc}",
            payload=_payload(request, values),
            submit_dir=request.staging.cwd,
            walltime=request.walltime,
            grace=min(request.staging.grace, request.walltime // 4),
            source=str(directory / FILE_NAME),
            home_limit=request.staging.home_limit,
            put_limit=request.staging.put_limit,
            shared=request.staging.shared,
            inputs=inputs,
            outputs=outputs,
            objects=request.staging.objects,
            marker=marker_place(outputs, request.uuid, proc),
            workdir=request.staging.workdir,
            credentials=request.staging.credentials,
            credential_source=str(self.directory / CREDENTIALS),
            authorities=_authorities(request, (*inputs, *outputs, *request.staging.libraries)),
            libraries=request.staging.libraries,
            environment=ENVIRONMENT_FILE if request.staging.secrets else "",
        )
        directory.mkdir(mode=0o700, exist_ok=True)
        write_whole(directory / FILE_NAME, manifest_text(files, signing), 0o600)

    def write_companions(self) -> None:
        """Write what does not change: the request, the wrapper, lists of items, links.

        Raises:
            BundleUnusable: a file cannot be written.
        """
        try:
            (self.directory / HOME).mkdir(mode=0o700)
            (self.directory / CREDENTIALS).mkdir(mode=0o700)
            self._keep_authorities()
            self.directory.chmod(0o700)
            for name in WORKER_FILES:
                text = (
                    resources.files("hepsub").joinpath("worker", name).read_text(encoding="utf-8")
                )
                write_whole(self.directory / name, text, 0o700)
            self._keep_libraries()
            for proc in range(self.request.number):
                self._write_job_files(proc)
            write_whole(self.directory / REQUEST, self.request.to_json(), 0o600)
        except OSError as error:
            raise unusable(self.directory, error) from error

    def _keep_libraries(self) -> None:
        """Those that are sent along; ten submissions keep one copy."""
        shelf = Path(self.request.staging.bundle_root) / SHELF
        for each in self.request.staging.libraries:
            if each.place is None:
                (self.directory / BUNDLED).mkdir(mode=0o700, exist_ok=True)
                keep_file(shelf / shelf_name(each.sha256), self.directory / BUNDLED / each.archive)

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
            write_whole(self.directory / CREDENTIALS / name, text, 0o600)

    def _write_job_files(self, proc: int) -> None:
        values = self.request.values(proc, None)
        directory = self.directory / str(proc)
        directory.mkdir(mode=0o700)
        if values.items:
            write_whole(
                directory / ITEMS_FILE, "".join(f"{item}\n" for item in values.items), 0o600
            )
        for name, path in sent_files(self.request, values).items():
            goal = directory / "in" / name
            goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            keep_file(Path(path), goal)

    def credential_path(self, name: str) -> Path | None:
        """Where a credential lies that travels as a file; None for one that does not."""
        files = {each.name: each.file for each in self.request.staging.credentials}
        return self.directory / CREDENTIALS / files[name] if files.get(name) else None

    def write_credential(self, held: Held) -> None:
        """Write, or replace, a credential for all jobs; the file whole.

        Raises:
            BundleUnusable: it cannot be written.
        """
        path = self.credential_path(held.name)
        if path is None:
            return
        try:
            write_held(held, path)
        except OSError as error:
            raise unusable(self.directory, error) from error

    def write_environment(self, secrets: Mapping[str, str]) -> None:
        """Write the variables that hold secrets, for all jobs; they stand nowhere else.

        Raises:
            BundleUnusable: they cannot be written.
        """
        if not secrets:
            return
        try:
            write_whole(
                self.directory / CREDENTIALS / ENVIRONMENT_FILE, environment_text(secrets), 0o600
            )
        except OSError as error:
            raise unusable(self.directory, error) from error

    def returned(self, proc: int) -> Path:
        """What a job brought back: for people, and for links to it; it is read by `open_returned` only."""
        return self.directory / HOME / f"home.{proc}"

    @contextlib.contextmanager
    def open_returned(self, proc: int) -> Iterator[Tree | None]:
        """What a job brought back, as a tree in which the job wrote; None where it brought nothing.

        Raises:
            OSError: something else lies there.
        """
        with contextlib.ExitStack() as stack:
            try:
                bundle = stack.enter_context(open_tree(self.directory))
                tree = stack.enter_context(bundle.below(f"{HOME}/home.{proc}"))
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
            write_whole(self.directory / SIGNED, json.dumps(dict(ends)), 0o600)
        except OSError as error:
            raise unusable(self.directory, error) from error

    def mark_ready(self, cluster: int) -> None:
        """Note that nothing is left to be done but to keep it fresh.

        Raises:
            BundleUnusable: it cannot be noted.
        """
        placed = {"pool": self.request.pool, "schedd": self.request.schedd, "cluster": cluster}
        try:
            write_whole(self.directory / READY, json.dumps(placed), 0o600)
        except OSError as error:
            raise unusable(self.directory, error) from error


def keep_file(source: Path, goal: Path) -> None:
    """Have a file in the bundle: HTCondor may read nothing outside of it for the job.

    (Tried: LimitDirectoryAccess bounds the sandbox's transfer too.) A second link costs nothing.
    """
    if source.is_dir():
        shutil.copytree(source, goal)
        return
    try:
        os.link(source, goal)
    except OSError:  # another file system, or somebody else's file
        shutil.copy2(source, goal)


def unusable(directory: Path, error: OSError) -> BundleUnusable:
    """The error for a bundle that the operating system does not let us write."""
    return BundleUnusable(
        f"the bundle {directory} cannot be written: {error.strerror}",
        remedy="make room there, or set bundle_dir in [staging] of the policy",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _EachByItsOwn:
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


def _payload(request: BundleRequest, values: Values) -> str:
    path = parse_template(request.executable).fill(values)
    return path if request.staging.shared else PurePosixPath(path).name


def sent_files(request: BundleRequest, values: Values) -> Mapping[str, str]:
    """What HTCondor has to send, there being no shared file system: name in the scratch directory → path."""
    if request.staging.shared:
        return {}
    script = parse_template(request.executable).fill(values)
    inputs = request.staging.inputs_of(values)
    return {PurePosixPath(script).name: script} | {
        each.name: each.place.path for each in inputs if isinstance(each.place, FilePlace)
    }


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
