"""A bundle on the disk: what is written into it for its jobs, and what they bring back (plan/bundle_paths.py)."""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.auth.credential import UserCredential
from hepsub.bundle.letters import Letters
from hepsub.bundle.manifest import ManifestJob, SignerOf, manifest_text
from hepsub.bundle.request import LARGEST, BundleRequest, OfAnotherHepsub, from_json
from hepsub.documents import Malformed
from hepsub.errors import BundleUnusable
from hepsub.files import why_not_mine, write_new, write_whole
from hepsub.jobid import SubmissionRef
from hepsub.plan.bundle_paths import CREDENTIALS, JOB, MANIFEST, REQUEST, corner_of, private_path
from hepsub.plan.credentials import JobCredential
from hepsub.plan.template import parse_template
from hepsub.tree import Tree, open_tree

_AT_ONCE = 256
"""The manifests of so many jobs are made together; one by one they take twice as long."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What is so for one job is so for all."""


class Bundle(Struct, frozen=True, kw_only=True):
    """A bundle on the disk: its directory, and what it was made for."""

    directory: Path
    request: BundleRequest

    def private(self, name: str = "") -> Path:
        """What no job may reach; without a name, the directory of all that."""
        return private_path(self.directory, name)

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
        contents = self.manifests(wanted, cluster, signer_of, letters)
        if spoilt := self._write_corners(MANIFEST, contents, first=first):
            raise unusable(self.directory, spoilt) from spoilt

    def _write_corners(
        self, name: str, contents: Iterable[tuple[int, str | bytes]], *, first: bool
    ) -> OSError | None:
        """Write a file into the corners of jobs; what was wrong with one of the corners, if all others are written.

        Raises:
            BundleUnusable: nothing can be written there.
        """
        spoilt: OSError | None = None
        with usable(self.directory), open_tree(self.directory) as tree:
            if first:
                # Nobody reads there yet: no temporary file and no rename for each of ten thousand jobs.
                with tree.below(JOB) as corners:
                    for proc, content in contents:
                        write_new(corners.descriptor, f"{proc}/{name}", content, 0o600)
                return None
            for proc, content in contents:
                try:
                    tree.write(f"{corner_of(proc)}/{name}", content, 0o600)
                except OSError as error:
                    if error.errno in _FULL:
                        raise
                    # A job may have spoilt its corner; the others' are none of its.
                    spoilt = error
        return spoilt

    def manifests(
        self,
        procs: Iterable[int],
        cluster: int | None,
        signer_of: SignerOf,
        letters: Letters | None = None,
    ) -> Iterator[tuple[int, str]]:
        """The manifest of each job, freshly signed; arguments as those of `write_manifests`."""
        request = self.request
        program = parse_template(request.executable)
        credentials = str(self.private(CREDENTIALS))
        carries = request.staging.carries
        waiting = iter(procs)
        while some := list(itertools.islice(waiting, _AT_ONCE)):
            jobs = [request.values(proc, cluster) for proc in some]
            files = request.staging.carried_by(jobs)
            for proc, path, inputs, outputs in zip(
                some, program.fill_all(jobs), files.inputs, files.outputs, strict=True
            ):
                corner = f"{self.directory}/{corner_of(proc)}"  # absolute: the wrapper asks for it by chirp
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
        known = self._credential(name)
        return self.private(f"{CREDENTIALS}/{known.file}") if known is not None else None

    def _credential(self, name: str) -> JobCredential | None:
        """What is known of a credential that is a file of the bundle."""
        found = (each for each in self.request.staging.credentials if each.name == name)
        return next((each for each in found if not each.by_condor), None)

    def write_credential(
        self, credential: UserCredential, procs: Iterable[int] | None = None, *, first: bool = False
    ) -> None:
        """Write, or replace, a credential for jobs; each file whole.

        Args:
            credential: what is written.
            procs: the jobs that still need it; None for all.
            first: whether there is none yet, and no job can start before this returns.

        Raises:
            BundleUnusable: it cannot be written.
        """
        known = self._credential(credential.name)
        if known is None:
            return
        spoilt: OSError | None = None
        if self.request.staging.confined and known.travels:
            wanted = range(self.request.number) if procs is None else procs
            contents = ((proc, credential.content) for proc in wanted)
            spoilt = self._write_corners(known.file, contents, first=first)
        # Last, and on the disk: as long as this copy is the old one, those of the jobs are written again.
        self.write_private(f"{CREDENTIALS}/{known.file}", credential.content, durable=True)
        if spoilt:
            raise unusable(self.directory, spoilt) from spoilt

    def write_private(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Write a file that only its user reads, whole; a durable one is on the disk when this returns.

        Raises:
            BundleUnusable: it cannot be written.
        """
        with usable(self.directory):
            write_whole(self.private(name), content, 0o600, durable=durable)

    def returned(self, proc: int) -> Path:
        """What a job brought back: for people, and for links to it; it is read by `open_returned` only."""
        return self.directory / _returned(proc)

    @contextlib.contextmanager
    def open_returned(self, proc: int) -> Iterator[Tree | None]:
        """What a job brought back, as a tree in which the job wrote; None where it brought nothing.

        Raises:
            OSError: something else lies there.
        """
        with contextlib.ExitStack() as stack:
            try:
                bundle = stack.enter_context(open_tree(self.directory))
                tree = stack.enter_context(bundle.below(_returned(proc)))
            except FileNotFoundError:
                yield None
                return
            yield tree


def _returned(proc: int) -> str:
    # HTCondor brings the directory home under the name that it has where the job ran (condor/staged.py).
    return f"{corner_of(proc)}/home.{proc}"


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
    """What to say of a bundle that cannot be read; empty for one that can, or was never written."""
    try:
        _read_bundle(directory)
    except FileNotFoundError:
        return ""
    except OfAnotherHepsub as error:
        return f"the bundle {directory} is passed over: {error}; use that version for its jobs"
    except (OSError, Malformed) as error:
        return f"the bundle {directory} is passed over: {error}"
    return ""


def why_of_another(directory: Path) -> str:
    """What to say of a bundle that another version of hepsub wrote in a form of its own; empty for others."""
    try:
        _read_bundle(directory)
    except OfAnotherHepsub:
        return why_unreadable(directory)
    except (OSError, Malformed):
        return ""
    return ""


def _read_bundle(directory: Path) -> Bundle:
    # Who may write there could have jobs of this user's start, or put outputs where they please.
    if trouble := why_not_mine(directory):
        raise PermissionError(trouble)
    with open_tree(private_path(directory)) as tree:
        return Bundle(directory=directory, request=from_json(tree.read(REQUEST, LARGEST)))


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
