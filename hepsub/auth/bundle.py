"""The bundle: the directory of files that travels with the jobs of one submission.

In BUNDLE_ROOT/UUID, mode 0700, lie

* `request.json`: what the manifests are written from; no secret in it
* `lock`: held while somebody completes the bundle
* `ready`: the bundle is complete, and the jobs may start
* `wrapper.sh`, `scratch.sh`: what HTCondor, and the embedded pool, start
* `PROC/hepsub.manifest`: 0600, with signed URLs; read when the job starts, and by chirp later
* `PROC/items.txt`: the job's items
* `PROC/in/NAME`: the script and inputs from paths, where HTCondor has to send them
* `home/home.PROC/`: what comes home: the report, and outputs that could not be uploaded
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath

from hepsub.auth.request import BundleRequest, from_json
from hepsub.errors import BundleUnusable
from hepsub.plan.place import FilePlace, ObjectPlace
from hepsub.plan.staging import ITEMS_FILE, Carried
from hepsub.plan.template import Values, parse_template
from hepsub.storage.manifest import FILE_NAME, JobFiles, Signing, manifest_text

REQUEST = "request.json"
LOCK = "lock"
READY = "ready"
WORKER_FILES = ("wrapper.sh", "scratch.sh")
HOME = "home"
_UNFIT = ("/tmp/", "/var/tmp/", "/afs/")  # noqa: S108 (places that are refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle on the disk.

    Attributes:
        directory: its own directory.
        request: what it was made for.
    """

    directory: Path
    request: BundleRequest

    def write_manifests(self, cluster: int | None, signer_of: Callable[[str], Signing]) -> None:
        """Write, or renew, the manifest of every job; each file whole.

        Args:
            cluster: ClusterId, None while it is not known and not needed.
            signer_of: gives the signer of a storage by its name.

        Raises:
            BundleUnusable: a file cannot be written.
        """
        signing = _EachByItsOwn(signers={}, signer_of=signer_of)
        try:
            for proc in range(self.request.number):
                self._write_manifest(proc, cluster, signing)
        except OSError as error:
            raise _unusable(self.directory, error) from error

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
        )
        directory.mkdir(mode=0o700, exist_ok=True)
        _write_whole(directory / FILE_NAME, manifest_text(files, signing), 0o600)

    def write_companions(self) -> None:
        """Write what does not change: the request, the wrapper, lists of items, links.

        Raises:
            BundleUnusable: a file cannot be written.
        """
        try:
            (self.directory / HOME).mkdir(mode=0o700)
            self.directory.chmod(0o700)
            for name in WORKER_FILES:
                text = (
                    resources.files("hepsub").joinpath("worker", name).read_text(encoding="utf-8")
                )
                _write_whole(self.directory / name, text, 0o700)
            for proc in range(self.request.number):
                self._write_job_files(proc)
            _write_whole(self.directory / REQUEST, self.request.to_json(), 0o600)
        except OSError as error:
            raise _unusable(self.directory, error) from error

    def _write_job_files(self, proc: int) -> None:
        values = self.request.values(proc, None)
        directory = self.directory / str(proc)
        directory.mkdir(mode=0o700)
        if values.items:
            _write_whole(
                directory / ITEMS_FILE, "".join(f"{item}\n" for item in values.items), 0o600
            )
        for name, path in sent_files(self.request, values).items():
            goal = directory / "in" / name
            goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _keep(Path(path), goal)

    def mark_ready(self) -> None:
        """Note that nothing is left to be done but to keep the manifests fresh.

        Raises:
            BundleUnusable: it cannot be noted.
        """
        try:
            _write_whole(self.directory / READY, "", 0o600)
        except OSError as error:
            raise _unusable(self.directory, error) from error


def discard_bundle(directory: Path) -> None:
    """Remove the bundle of a submission that did not happen."""
    shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def claimed(directory: Path) -> Iterator[bool]:
    """Keep others from completing a bundle meanwhile; False when somebody else is at it.

    Raises:
        BundleUnusable: the directory cannot be made or written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (directory / LOCK).open("w")
    except OSError as error:
        raise _unusable(directory, error) from error
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def unfinished(root: Path) -> tuple[Path, ...]:
    """The bundles that nobody has marked as ready."""
    try:
        return tuple(each for each in sorted(root.iterdir()) if not (each / READY).exists())
    except FileNotFoundError:
        return ()


def read_bundle(directory: Path) -> Bundle | None:
    """The bundle in a directory; None when its request was never written whole."""
    try:
        text = (directory / REQUEST).read_text(encoding="utf-8")
        return Bundle(directory=directory, request=from_json(text))
    except (OSError, ValueError, KeyError, TypeError):
        return None


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


def check_root(root: str, schedd_host: str, host: str, *, shared: bool) -> None:
    """Refuse a place where the schedd could not read the bundle, or that does not last.

    Raises:
        BundleUnusable: it is one.
    """
    if any(f"{root}/".startswith(unfit) for unfit in _UNFIT):
        raise BundleUnusable(
            f"bundles cannot lie in {root}: they would not last, or the schedd could not read them there",
            remedy="set bundle_dir in [staging] of the policy to a directory in a shared home or scratch",
        )
    same = schedd_host.split(".", maxsplit=1)[0] == host.split(".", maxsplit=1)[0]
    if not same and not shared:
        raise BundleUnusable(
            f"the schedd runs on {schedd_host}, which is not known to see {root} of this host ({host})",
            remedy="when it does, set shared = true in [staging] of the policy; else submit on that host",
        )


def _keep(source: Path, goal: Path) -> None:
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


def _write_whole(path: Path, text: str, mode: int) -> None:
    """A reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def _unusable(directory: Path, error: OSError) -> BundleUnusable:
    return BundleUnusable(
        f"the bundle {directory} cannot be written: {error.strerror}",
        remedy="make room there, or set bundle_dir in [staging] of the policy",
    )
