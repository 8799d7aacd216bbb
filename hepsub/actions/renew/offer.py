"""At the end of every command: a ticket or token that is newer than what bundles hold is put into them at once.

After the renewable life of a ticket only a new kinit helps, and nobody should have to think of hepsub then.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from msgspec.structs import replace

from hepsub.auth.renewal import DIRECTORY
from hepsub.documents import has_been
from hepsub.errors import HepsubError
from hepsub.files import write_whole
from hepsub.plan.bundle_paths import CREDENTIALS, PRIVATE
from hepsub.session import Session

_OFFERED = "offered"


def offer(session: Session) -> None:
    """Run a round of the renewal if the user's ticket or token was written since the last command.

    Costs two stat(2) where nothing is new. Errors are left to hep_auth renew to report.
    """
    mark = session.bundles / DIRECTORY / _OFFERED
    newest = max((_written(path) for path in _places(session)), default=0.0)
    if _is_old(newest, _written(mark), session.situation.now) or not any(
        session.bundles.glob(f"*/{PRIVATE}/{CREDENTIALS}/*")
    ):
        return
    from hepsub.actions.renew.renew import renew

    # The command itself has ended, and its exit code stands.
    with contextlib.suppress(HepsubError, OSError, KeyboardInterrupt):
        mark.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(mark, "", 0o600)
        os.utime(mark, (newest, newest))  # the bundles' file server may have another clock
        # With -wait the command may have begun days ago.
        renew(replace(session, situation=replace(session.situation, now=time.time())))


def _is_old(newest: float, seen: float, now: float) -> bool:
    """Whether that was offered before; a mark of a clock that was ahead says nothing of what is new by now."""
    return newest == seen or (newest < seen and has_been(seen, now))


def _places(session: Session) -> tuple[Path, ...]:
    """Where this session's ticket and token are, if they are files."""
    situation = session.situation
    cache = situation.environment.get("KRB5CCNAME") or f"/tmp/krb5cc_{situation.uid}"  # noqa: S108 (MIT's own)
    token = situation.environment.get("BEARER_TOKEN_FILE", "")
    names = (cache.removeprefix("FILE:"), token)
    return tuple(Path(name) for name in names if name.startswith("/"))


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
