"""A bundle on the disk: what is written into it for its jobs, and what they bring back (plan/bundle_paths.py)."""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.auth.credential import UserCredential
from hepsub.bundle.letters import Letters
from hepsub.bundle.manifest import FILE_NAME, ManifestJob, SignerOf, manifest_text
from hepsub.bundle.request import BundleRequest, OfAnotherHepsub, from_json
from hepsub.documents import Malformed
from hepsub.errors import BundleUnusable
from hepsub.files import why_not_mine, write_new, write_whole
from hepsub.jobid import SubmissionRef
from hepsub.plan.bundle_paths import CREDENTIALS, JOB, REQUEST, Layout, layout_of
from hepsub.plan.template import parse_template
from hepsub.tree import Tree, open_tree

_CLOCKS_S = 2.0
"""So much the clocks of a file server and a schedd may differ."""
_AT_ONCE = 256
"""The manifests of so many jobs are prepared together."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What is so for one job is so for all."""
_LARGEST_REQUEST = 2**30


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
        signer_of: SignerOf,
        procs: Iterable[int] | None = None,
        *,
        letters: Letters | None = None,
        first: bool = False,
    ) -> None:
        """Write, or renew, the manifests of jobs; each file whole.

        Args:
            cluster: ClusterId, None while it is not known and not needed.
            signer_of: gives the signer of a storage by its name.
            procs: the jobs; None for all.
            letters: those that the manifests stand for; None without a mailbox.
            first: whether there are none yet, and no job can start before this returns.

        Raises:
            BundleUnusable: a file cannot be written; those of the other jobs are, unless they are the first.
        """
        wanted = range(self.request.number) if procs is None else procs
        contents = self.manifests(wanted, cluster, functools.cache(signer_of), letters)
        self._write_corners(FILE_NAME, contents, first=first)

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
                    # Nobody reads there yet: no temporary file and no rename for each of ten thousand jobs.
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

    def manifests(
        self,
        procs: Iterable[int],
        cluster: int | None,
        signer_of: SignerOf,
        letters: Letters | None = None,
    ) -> Iterator[tuple[int, str]]:
        """The manifest of each job, freshly signed; arguments as those of `write_manifests`."""
        request, layout = self.request, self.layout
        program = parse_template(request.executable)
        credentials = str(layout.private(CREDENTIALS))
        carries = request.staging.carries
        waiting = iter(procs)
        while some := list(itertools.islice(waiting, _AT_ONCE)):
            jobs = [request.values(proc, cluster) for proc in some]
            files = request.staging.carried_by(jobs)
            for proc, path, inputs, outputs in zip(
                some, program.fill_all(jobs), files.inputs, files.outputs, strict=True
            ):
                corner = f"{self.directory}/{layout.job(proc)}"
                job = ManifestJob(
                    proc=proc,
                    cluster=cluster,
                    program=path,
                    corner=corner,
                    credential_source=corner if request.staging.confined else credentials,
                    inputs=inputs,
                    outputs=outputs,
                    letters=letters.known_by(proc, carries=carries) if letters else (),
                )
                yield proc, manifest_text(request, job, signer_of)

    def master_credential(self, name: str) -> Path | None:
        """Where a credential lies that travels as a file; None for one that does not."""
        file = self._credential_file(name)
        return self.layout.private(CREDENTIALS) / file if file else None

    def _credential_file(self, name: str) -> str:
        return {each.name: each.file for each in self.request.staging.credentials}.get(name, "")

    def _stays(self, name: str) -> bool:
        return any(each.stays for each in self.request.staging.credentials if each.name == name)

    def write_credential(
        self, credential: UserCredential, procs: Iterable[int] | None = None, *, first: bool = False
    ) -> None:
        """Write, or replace, a credential for jobs; each file whole.

        The copy that no job may reach comes last: as long as it is the old one, the others are written again.

        Args:
            credential: what is written.
            procs: the jobs that still need it; None for all.
            first: whether there is none yet, and no job can start before this returns.

        Raises:
            BundleUnusable: it cannot be written.
        """
        file = self._credential_file(credential.name)
        if not file:
            return
        trouble: BundleUnusable | None = None
        if self.request.staging.confined and not self._stays(credential.name):
            try:
                wanted = range(self.request.number) if procs is None else procs
                contents = ((proc, credential.content) for proc in wanted)
                self._write_corners(file, contents, first=first)
            except BundleUnusable as error:
                trouble = error
        self.write_private(f"{CREDENTIALS}/{file}", credential.content, durable=True)
        if trouble is not None:
            raise trouble

    def write_private(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Write a file that only its user reads, whole.

        Args:
            name: the file, among the private ones.
            content: what is in it.
            durable: whether it is on the disk when this returns.

        Raises:
            BundleUnusable: it cannot be written.
        """
        with usable(self.directory):
            write_whole(self.layout.private(name), content, 0o600, durable=durable)

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


def read_bundle(directory: Path) -> Bundle | None:
    """The bundle in a directory; None when its request was never written whole, or must not be believed."""
    try:
        return _read_bundle(directory)
    except (OSError, Malformed):
        return None


def find_bundle(root: Path, ref: SubmissionRef) -> Bundle | None:
    """The bundle of a submission, below the directory of all; None as for `read_bundle`, or where it has no UUID."""
    return read_bundle(root / ref.uuid) if ref.uuid else None


def why_unreadable(directory: Path) -> str:
    """Why the bundle in a directory cannot be read, in words; empty when it can, or was never written."""
    try:
        _read_bundle(directory)
    except FileNotFoundError:
        return ""
    except (OSError, Malformed) as error:
        return str(error)
    return ""


def why_of_another(directory: Path) -> str:
    """What to say of a bundle that another version of hepsub wrote in a form of its own; empty for others."""
    try:
        _read_bundle(directory)
    except OfAnotherHepsub as error:
        return f"the bundle {directory} is passed over: {error}; use that version for its jobs"
    except (OSError, Malformed):
        return ""
    return ""


def _read_bundle(directory: Path) -> Bundle:
    if trouble := why_not_mine(directory):
        raise PermissionError(trouble)
    layout = layout_of(directory)
    with open_tree(layout.private("")) as tree:
        request = from_json(tree.read(REQUEST, _LARGEST_REQUEST))
    return Bundle(directory=directory, request=request, old=layout.old)


@contextlib.contextmanager
def usable(directory: Path) -> Iterator[None]:
    """Say of what the operating system refuses within this block that the bundle cannot be written.

    Raises:
        BundleUnusable: it has refused something.
    """
    try:
        yield
    except OSError as error:
        raise unusable(directory, error) from error


def unusable(directory: Path, error: OSError) -> BundleUnusable:
    """The error for a bundle that the operating system does not let us write."""
    return BundleUnusable(
        f"the bundle {directory} cannot be written: {error.strerror}",
        remedy="make room there, or set bundle_dir in [staging] of the policy",
    )
