"""What does not change in a bundle: written once, before its jobs are submitted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from hepsub.bundle.bundle import Bundle, usable
from hepsub.bundle.logs import make_logs
from hepsub.bundle.mailbox import letter_files, make_mailbox
from hepsub.bundle.manifest import environment_text
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
    ARCHIVES,
    BUNDLED,
    CREDENTIALS,
    ENVIRONMENT_FILE,
    ITEMS_FILE,
    JOB,
    PRIVATE,
    REQUEST,
    SENT,
    SETS,
    SHARED,
    SUMS,
    WRAPPER,
)
from hepsub.plan.libraries import archive_name
from hepsub.plan.staging import Seal, Staging
from hepsub.plan.template import Values, parse_template
from hepsub.tree import open_tree


def fill_bundle(
    bundle: Bundle, secrets: Mapping[str, str] = MappingProxyType({}), *, now: float = 0.0
) -> Seal:
    """Write the request, the scripts of the worker node, copies, lists of items.

    Args:
        bundle: a new one; it has its directory, and nothing in it.
        secrets: the variables that travel in a file; they stand nowhere else.
        now: seconds since the epoch.

    Returns:
        What the jobs check before they use what was sent.

    Raises:
        InputsMissing: a file of the user's cannot be read.
        BundleUnusable: the bundle cannot be written.
    """
    with usable(bundle.directory):
        for each in (PRIVATE, SHARED, JOB, f"{PRIVATE}/{CREDENTIALS}", f"{SHARED}/{SETS}"):
            make_private(bundle.directory / each)
        for name in WORKER_FILES:
            write_whole(bundle.directory / SHARED / name, worker_file(name), 0o700)
        make_mailbox(bundle, now)
        _keep_authorities(bundle)
        _keep_libraries(bundle)
        if secrets:
            path = bundle.directory / SHARED / ENVIRONMENT_FILE
            write_whole(path, environment_text(secrets), 0o600)
        jobs = [bundle.request.values(proc, None) for proc in range(bundle.request.number)]
        seal = _keep_sent(bundle, jobs, secrets)
        _make_corners(bundle, jobs)
        # The request comes last: without one a bundle counts as never written, and is removed some day.
        write_whole(bundle.private(REQUEST), bundle.request.to_json(), 0o600)
    return seal


def _keep_sent(bundle: Bundle, jobs: Sequence[Values], secrets: Mapping[str, str]) -> Seal:
    staging = bundle.request.staging
    sets, set_of = sent_sets(staging, parse_template(bundle.request.executable), jobs)
    copies: dict[str, Path] = {}
    common = common_digests(staging, secrets, letter_files(bundle))
    lists = []
    for number, each in enumerate(sets):
        directory = bundle.directory / SHARED / SETS / str(number)
        make_private(directory / SENT)
        digests = copy_set(each, directory / SENT, copies)
        lists.append(list_text(each, digests | common))
        write_whole(directory / SUMS, lists[-1], 0o600)
    return seal_of(worker_file(WRAPPER), tuple(lists), set_of)


def _keep_libraries(bundle: Bundle) -> None:
    """Those that are sent along; on a shared file system ten submissions keep one copy."""
    archives = Path(bundle.request.staging.bundle_root) / ARCHIVES
    for each in bundle.request.staging.libraries:
        if each.place is None:
            goal = bundle.directory / SHARED / BUNDLED / each.archive
            make_private(goal.parent)
            _keep_library(archives / archive_name(each.sha256), goal, bundle.request.staging)


def _keep_authorities(bundle: Bundle) -> None:
    """The certificates that jobs need, for storages whose authorities are not the usual ones."""
    for name, path in bundle.request.staging.authorities.items():
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise BundleUnusable(
                f"the ca_file {path} of a storage cannot be read ({error})",
                remedy="correct ca_file in [storage.NAME] of the policy",
            ) from error
        write_whole(bundle.directory / SHARED / name, text, 0o600)


def _make_corners(bundle: Bundle, jobs: Sequence[Values]) -> None:
    """The jobs' own directories: lists of items, and logs where the jobs may write no others."""
    request = bundle.request
    logs: list[tuple[str, str]] = []
    if request.staging.confined:
        stdout, stderr = parse_template(request.stdout), parse_template(request.stderr)
        logs = list(zip(stdout.fill_all(jobs), stderr.fill_all(jobs), strict=True))
    made: dict[str, str] = {}
    with open_tree(bundle.directory) as tree, tree.below(JOB) as corners:
        for proc, values in enumerate(jobs):
            os.mkdir(str(proc), 0o700, dir_fd=corners.descriptor)
            if values.items:
                text = "".join(f"{item}\n" for item in values.items)
                write_new(corners.descriptor, f"{proc}/{ITEMS_FILE}", text, 0o600)
            if logs:
                make_logs(corners.descriptor, str(proc), logs[proc], made)


def _keep_library(packed: Path, goal: Path, staging: Staging) -> None:
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
