"""The login session that a mount gets its keys from: a later one takes the place of one that has ended."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable
from pathlib import Path

from hepsub.actions.mount.record import Record
from hepsub.actions.session import Session
from hepsub.files import write_whole
from hepsub.tools.rclone_mount import LOGIN

_NAMES = ("OIDC_SOCK", "OIDC_CONFIG_DIR", "KRB5CCNAME", "XDG_RUNTIME_DIR")
"""Places, never secrets themselves."""
_MAY_BE_RELATIVE = "BEARER_TOKEN_FILE"


def offer_login(session: Session, records: Iterable[Record]) -> None:
    """Let mounts that are up know where this session keeps its agent and its token.

    A mount that was made in a session whose agent has ended gets its keys there from now on, and sends
    what it could not send.
    """
    there = session.situation.environment
    offered = {name: there[name] for name in _NAMES if there.get(name)}
    if there.get(_MAY_BE_RELATIVE):  # rclone runs in another directory
        offered[_MAY_BE_RELATIVE] = str(session.situation.cwd / there[_MAY_BE_RELATIVE])
    lines = [f"export {name}={shlex.quote(text)}\n" for name, text in offered.items()]
    if not lines:
        return
    for record in records:
        if record.is_alive():
            with contextlib.suppress(OSError):  # a help; the next command offers it again
                write_whole(Path(record.state) / LOGIN, "".join(lines), 0o600)
