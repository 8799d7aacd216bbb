"""What hep_auth renew needs of a login session that may have ended: noted while the session is there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from hepsub.documents import Malformed, one_line, read_file, read_json
from hepsub.files import make_private, write_whole
from hepsub.situation import Situation

_NAMES = (
    "OIDC_SOCK", "OIDC_CONFIG_DIR", "KRB5CCNAME", "KRB5_CONFIG", "BEARER_TOKEN_FILE", "XDG_RUNTIME_DIR",
    "CONDOR_CONFIG", "HEPSUB_CONFIG", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "X509_CERT_DIR",
)  # fmt: skip
"""Places, never secrets themselves."""
_FILES = frozenset({
    "KRB5CCNAME", "BEARER_TOKEN_FILE", "CONDOR_CONFIG", "HEPSUB_CONFIG", "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "SSL_CERT_FILE",
})  # fmt: skip
"""Those of one file, which the user may have given relative to the working directory."""
_NO_FILE = ("/", "~", "$", "ONLY_ENV")
_LARGEST = 2**16
_Value = Annotated[str, Meta(max_length=4096)]


def lasting(situation: Situation, names: Iterable[str]) -> dict[str, str]:
    """The caller's variables of these names, as they mean the same in every working directory."""
    there = {name: situation.environment.get(name, "") for name in names}
    return {
        name: _lasting(text, situation.cwd) if name in _FILES else text
        for name, text in there.items()
        if text
    }


def _lasting(text: str, cwd: Path) -> str:
    kind, colon, path = text.rpartition(":")  # FILE:krb5cc; KEYRING: and the like are no files
    is_file = not path.startswith(_NO_FILE) and kind in ("", "FILE", "DIR")
    return f"{kind}{colon}{cwd / path}" if is_file else text


def note_login(directory: Path, situation: Situation) -> None:
    """Note where this session keeps its agent, its ticket and its configurations.

    Raises:
        OSError: it cannot be written.
    """
    there = lasting(situation, _NAMES)
    # Each command comes by here: a home on a file server is not written for nothing.
    if there == noted_login(directory, situation.host):
        return
    make_private(directory)
    write_whole(_path(directory, situation.host), json.dumps(there, indent=1) + "\n", 0o600)


def noted_login(directory: Path, host: str) -> dict[str, str]:
    """What the latest session on a host had; nothing when none was noted."""
    try:
        content = read_file(_path(directory, host), _LARGEST)
        document = read_json(content, dict[str, _Value], most=_LARGEST)
        return {name: one_line(value) for name, value in document.items() if name in _NAMES}
    except (OSError, Malformed):
        return {}


def _path(directory: Path, host: str) -> Path:
    return directory / f"{host}.json"
