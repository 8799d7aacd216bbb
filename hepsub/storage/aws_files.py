"""What is plain in ~/.aws and in AWS's variables, read without botocore: to import that takes a quarter of a second.

As botocore 1.44 does (credentials.py, configprovider.py), for keys that simply stand there. Whatever is more than that
is left to botocore: roles, single sign-on, programs that give keys, keys that end, files that are broken, profiles that
are nowhere.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from hepsub.documents import read_file

_Section: TypeAlias = Mapping[str, str]

_PLAIN = frozenset({
    "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token", "region", "output",
    "ca_bundle", "endpoint_url", "s3", "cli_pager", "retry_mode", "max_attempts",
})  # fmt: skip
_TOKENS = ("aws_security_token", "aws_session_token")
_MORE_THAN_KEYS = (
    "AWS_CREDENTIAL_EXPIRATION", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
)  # fmt: skip
_LARGEST = 2**20


class _NotPlain(Exception):
    """It is more than can be read here."""


def plain_keys(profile: str) -> tuple[str, str, str] | None:
    """The access key id, the secret and the session token (or "") that simply stand there; None for anything else.

    Args:
        profile: the profile that the policy names; empty for the one that the user's variables name.
    """
    if any(os.environ.get(name) for name in _MORE_THAN_KEYS):
        return None
    # botocore, too, takes keys from variables only where nobody named a profile to it.
    if not profile and (access := os.environ.get("AWS_ACCESS_KEY_ID")):
        secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "")
        token = os.environ.get("AWS_SECURITY_TOKEN") or os.environ.get("AWS_SESSION_TOKEN") or ""
        return (access, secret, token) if secret else None
    try:
        kept, _ = _sections(profile)
    except _NotPlain:
        return None
    token = next((kept[name] for name in _TOKENS if name in kept), "")
    access, secret = kept.get("aws_access_key_id", ""), kept.get("aws_secret_access_key", "")
    return (access, secret, token) if access and secret else None


def plain_authorities() -> str | None:
    """The file of authorities that AWS's variables or a plain profile name; empty for none, None for anything else."""
    try:
        kept, configured = _sections("")
    except _NotPlain:
        return None
    if not kept and not configured and _named_profile():
        return None  # a profile that is nowhere: botocore finds the words
    return os.environ.get("AWS_CA_BUNDLE") or configured.get("ca_bundle", "")


def _named_profile() -> str:
    return os.environ.get("AWS_DEFAULT_PROFILE") or os.environ.get("AWS_PROFILE") or ""


def _sections(profile: str) -> tuple[_Section, _Section]:
    """What the files for credentials and for the configuration say of a profile."""
    name = profile or _named_profile() or "default"
    kept = _read("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials").get(name, {})
    config = _read("AWS_CONFIG_FILE", "~/.aws/config")
    # Every other section of this file is called [profile NAME]; which of two for one profile counts, botocore knows.
    if name == "default" and "profile default" in config:
        raise _NotPlain
    configured = config.get(name if name == "default" else f"profile {name}", {})
    if not _PLAIN.issuperset([*kept, *configured]):
        raise _NotPlain
    return kept, configured


def _read(variable: str, usual: str) -> Mapping[str, _Section]:
    """The sections of a file; none where there is no file."""
    path = os.path.expandvars(os.path.expanduser(os.environ.get(variable) or usual))
    if path == os.devnull:  # which is no regular file, and a usual way to have none
        return {}
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_file(Path(path), _LARGEST).decode())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, configparser.Error) as error:
        raise _NotPlain from error
    if any(quote in name for name in parser.sections() for quote in "\"'\\"):
        raise _NotPlain  # which names a profile as a shell reads it
    return {" ".join(name.split()): dict(parser[name]) for name in parser.sections()}
