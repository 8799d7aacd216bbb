"""The texts of hep_auth s3 and hep_auth token, which hold what stands nowhere else."""

from __future__ import annotations

from hepsub.actions.auth.s3 import ProcessKeys, StorageKeys
from hepsub.actions.auth.token import Token
from hepsub.cli.json_text import json_text
from hepsub.result import document_of
from hepsub.terminal import printable
from hepsub.units import duration_text, moment_text


def text(value: ProcessKeys | StorageKeys | Token) -> str:
    """The text of keys or of a token."""
    match value:
        case ProcessKeys():
            return json_text(document_of(value))
        case StorageKeys():
            return printable(_keys_text(value))
        case Token():
            return value.text


def _keys_text(value: StorageKeys) -> str:
    where = f"by the token {value.token}" if value.token else "from ~/.aws"
    if not value.good:
        return f"{value.storage}: key {value.key}…, {where}"
    if value.expires is None:
        return f"{value.storage}: key {value.key}…, {where}, which does not end"
    left = duration_text(max(0.0, value.expires - value.now))
    until = moment_text(value.expires, value.now)
    return f"{value.storage}: key {value.key}…, {where}, valid until {until} (in {left})"
