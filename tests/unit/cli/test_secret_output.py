"""What was asked for as a secret is told nowhere else, even when stdout cannot take it."""

import errno
import io
import os
import sys

import pytest
from msgspec import UNSET

from hepsub.actions.auth.s3 import ProcessKeys
from hepsub.actions.auth.token import Token
from hepsub.cli.output import render_json, render_text
from hepsub.errors import OutputUnwritable
from hepsub.result import Result, Value

KEYS = ProcessKeys(access="AKIAACCESS", secret="SECRETSECRET", token="SESSION", expiration=UNSET)
SECRETS = ("AKIAACCESS", "SECRETSECRET", "SESSION", "opaque-token")


class Full(io.StringIO):
    """A disk without room."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _render(value: Value, *, as_json: bool) -> None:
    if as_json:
        render_json("hep_auth", Result(value=value))
    else:
        render_text("hep_auth", Result(value=value), quiet=False)


@pytest.mark.parametrize(
    "value",
    [
        KEYS,
        Token(name="iam", who="alice", expires=None, text="opaque-token"),
    ],
    ids=["keys", "token"],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_a_full_disk_does_not_move_a_secret_to_stderr(
    value: Value, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """stderr goes into logs."""
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr("hepsub.cli.output.discard_output", lambda: None)
    with pytest.raises(OutputUnwritable) as caught:
        _render(value, as_json=as_json)
    said = f"{caught.value.message} {caught.value.remedy}"
    assert "No space left" in said
    assert not [secret for secret in SECRETS if secret in said]
