"""Which remote sites are left out for this user: one file beside the bundles, that hep_auth renew writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from msgspec import to_builtins

from hepsub.auth.renewal import DIRECTORY
from hepsub.documents import Malformed, read_file, read_json
from hepsub.files import write_whole
from hepsub.plan.leaving import LeftOut, SiteRecord
from hepsub.policy.model import Policy

_RECORD = "sites.json"
_LARGEST = 2**25


def read_sites(root: Path) -> SiteRecord:
    """What is remembered of sites; nothing where there is no such file, or it cannot be read.

    Args:
        root: the directory of the bundles.
    """
    try:
        return read_json(read_file(_path(root), _LARGEST), SiteRecord, most=_LARGEST)
    except (OSError, Malformed):
        return SiteRecord()


def write_sites(root: Path, record: SiteRecord) -> None:
    """Remember it; one process at a time may, which has locked the directory.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(_path(root), json.dumps(to_builtins(record), indent=1) + "\n", 0o600)


def left_out_now(root: Path, policy: Policy, now: float) -> Mapping[str, LeftOut]:
    """The sites that get no jobs of this user now, by name.

    Args:
        root: the directory of the bundles.
        policy: what the site decided.
        now: seconds since the epoch.
    """
    return read_sites(root).now_left_out(policy, now)


def _path(root: Path) -> Path:
    return root / DIRECTORY / _RECORD
