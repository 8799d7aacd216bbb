"""HTCondor's own commands, for what the bindings cannot do."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hepsub.errors import ToolFailed
from hepsub.files import make_private, write_whole
from hepsub.tools.run import installed, run, run_within

_TOKEN_LIFETIME_S = 86400 * 7
_FRESH_S = 60
_PRODUCER_S = 20
"""HTCondor's own commands give a producer as long."""


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
    if not token.startswith("eyJ"):  # a JWT begins so; anything else is talk
        return False
    try:
        make_private(directory)
        write_whole(path, token + "\n", 0o600)
    except OSError:  # no room at home, say: the refusal is what the user has to know
        return False
    return True


def _is_fresh(path: Path, now: float) -> bool:
    """Whether it was fetched a short while ago; one of a clock that was ahead is not."""
    return path.exists() and abs(now - path.stat().st_mtime) < _FRESH_S


def produce_ticket(program: str, cache: bytes) -> bytes:
    """What HTCondor's SEC_CREDENTIAL_PRODUCER writes when a credential cache, in MIT's FILE format, is the user's.

    Raises:
        ToolFailed: it cannot be started, failed, or wrote nothing.
    """
    with tempfile.TemporaryDirectory(prefix="hepsub-") as private:  # mode 0700
        given, made = Path(private, "cache"), Path(private, "made")
        given.write_bytes(cache)
        # What it prints goes into a file: as a text it would not stay whole.
        to_file = ["sh", "-c", 'exec "$0" >"$1"', program, str(made)]
        done = run_within(to_file, timeout=_PRODUCER_S, environment={"KRB5CCNAME": f"FILE:{given}"})
        content = made.read_bytes() if made.exists() else b""
    if done is None:
        raise _no_ticket(program, f"it did not end within {_PRODUCER_S} s")
    if done.code != 0:
        raise _no_ticket(program, f"exit code {done.code}: {' '.join(done.stderr.split())[-500:]}")
    if not content:
        raise _no_ticket(program, "it wrote nothing")
    return content


def _no_ticket(program: str, why: str) -> ToolFailed:
    return ToolFailed(
        f"HTCondor's SEC_CREDENTIAL_PRODUCER made nothing of your ticket ({program}: {why})",
        remedy="it is the administrators' program: show them this; or let the ticket travel in a file, with"
        ' delivery = "file" in its [credential] of the policy',
    )


def edit_cluster(schedd: str, collector: str, cluster: int, attribute: str, value: str) -> None:
    """Change an attribute of a cluster ad, and so of every proc that a factory makes from now on.

    Raises:
        ToolFailed: condor_qedit is not installed, or failed.
    """
    pool = ["-pool", collector] if collector else []
    run(["condor_qedit", *pool, "-name", schedd, str(cluster), attribute, value], timeout=30)
