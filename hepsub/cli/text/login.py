"""The text of hep_auth login: each credential, and what is to be typed."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.auth.login import Login
from hepsub.terminal import joined


def text(value: Login) -> str:
    """The text of what was got, or is missing."""
    return joined(_login_lines(value))


def _login_lines(value: Login) -> Iterator[str]:
    if not value.credentials:
        yield "neither the pool nor its sites or the storages need a ticket or a token; hep_auth shows the S3 keys"
    for each in value.credentials:
        yield f"{each.name}: {each.text}"
        yield from (f"  {command}" for command in each.commands)
