"""HTCondor's own commands, for what the bindings cannot do."""

from __future__ import annotations

import os
from pathlib import Path

from hepsub.errors import ToolFailed
from hepsub.tools.run import installed, run

_TOKEN_LIFETIME_S = 86400 * 7
_FRESH_S = 60


def fetch_token(schedd: str, directory: Path, now: float) -> bool:
    """Get an IDTOKEN from a schedd by the access point's own condor_token_fetch, and keep it.

    New bindings and old daemons do not agree on FS authentication; the access point's own tools do,
    and tokens work between all versions.

    Args:
        schedd: full name of the schedd; empty for the one of this host.
        directory: HTCondor's token directory of the user (~/.condor/tokens.d).
        now: seconds since the epoch; a token that was fetched a moment ago is not fetched again.

    Returns:
        Whether a new token was written.
    """
    path = directory / f"hepsub-{schedd.replace('@', '_') or 'local'}"
    if not installed("condor_token_fetch") or _is_fresh(path, now):
        return False
    named = ["-name", schedd] if schedd else []
    lifetime = ["-lifetime", str(_TOKEN_LIFETIME_S)]
    try:
        answer = run(["condor_token_fetch", "-type", "SCHEDD", *named, *lifetime], timeout=20)
    except ToolFailed:
        return False  # the caller reports the refusal itself, which says more
    token = answer.stdout.strip()
    if not token.startswith("eyJ"):
        return False
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_private(path, token + "\n")
    return True


def _is_fresh(path: Path, now: float) -> bool:
    return path.exists() and now - path.stat().st_mtime < _FRESH_S


def edit_cluster(schedd: str, collector: str, cluster: int, attribute: str, value: str) -> None:
    """Change an attribute of a cluster ad, and so of every proc that a factory makes from now on.

    Raises:
        ToolFailed: condor_qedit is not installed, or failed.
    """
    pool = ["-pool", collector] if collector else []
    run(["condor_qedit", *pool, "-name", schedd, str(cluster), attribute, value], timeout=30)


def _write_private(path: Path, text: str) -> None:
    """Write a file whole, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
