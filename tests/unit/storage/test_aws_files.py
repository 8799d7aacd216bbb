"""What is plain in ~/.aws is read as botocore reads it; the rest is left to botocore."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hepsub.errors import StorageRefused
from hepsub.policy.model import Storage
from hepsub.storage import aws_files, connect
from hepsub.storage.aws_files import plain_authorities, plain_keys
from hepsub.storage.credentials import keys_for

CREDENTIALS = """
[DEFAULT]
region = x
[default]
aws_access_key_id = AKdefault
aws_secret_access_key = secret/default+=
[user]
AWS_Access_Key_Id: AKuser
aws_secret_access_key = s
aws_session_token = t1
aws_security_token = t2
[half]
aws_access_key_id = AKhalf
[role]
aws_access_key_id = AKrole
aws_secret_access_key = s
[both]
aws_access_key_id = AKboth
aws_secret_access_key = s
"""
CONFIG = """
[default]
region = us-east-1
s3 =
    addressing_style = path
[profile user]
output = json
[profile  role]
credential_process = /bin/false
[profile both]
aws_access_key_id = AKother
aws_secret_access_key = other
"""
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKenv", "AWS_SECRET_ACCESS_KEY": "e"}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the files of a user who has no variables of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(CREDENTIALS)
    (tmp_path / ".aws/config").write_text(CONFIG)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".aws"


@pytest.mark.parametrize(
    ("profile", "variables", "plain"),
    [
        ("", {}, True),
        ("user", {}, True),
        ("both", {}, True),
        ("", {"AWS_PROFILE": "user"}, True),
        ("", {"AWS_PROFILE": "user", "AWS_DEFAULT_PROFILE": "default"}, True),
        ("", ENVIRONMENT, True),
        ("", {**ENVIRONMENT, "AWS_SESSION_TOKEN": "t"}, True),
        ("", {**ENVIRONMENT, "AWS_PROFILE": "user"}, True),
        ("user", ENVIRONMENT, True),
        ("", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "e"}, True),
        ("role", {}, False),
        ("half", {}, False),
        ("nobody", {}, False),
        ("", {"AWS_PROFILE": "nobody"}, False),
        ("", {"AWS_ACCESS_KEY_ID": "AKenv"}, False),
        ("", {**ENVIRONMENT, "AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00Z"}, False),
    ],
)
def test_plain_keys_are_those_of_botocore(
    profile: str, variables: dict[str, str], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (plain_keys(profile) is not None) == plain
    storage = Storage(endpoint="http://127.0.0.1:9", profile=profile)
    found = _keys(storage)
    monkeypatch.setattr(aws_files, "plain_keys", lambda _: None)
    assert found == _keys(storage)


def _keys(storage: Storage) -> object:
    try:
        return keys_for("herd", storage)
    except StorageRefused as error:
        return error.message


@pytest.mark.parametrize(
    "config",
    [
        "[default]\nrole_arn = x\n",
        "[default]\nsso_session = x\n",
        "[default]\naws_access_key_id = a\naws_access_key_id = b\n",
        "no section\n",
        "[profile default]\n",
        "[profile 'a b']\n",
        "\udcff",
    ],
)
def test_what_is_more_than_keys_is_left_to_botocore(config: str, files: Path) -> None:
    (files / "config").write_text(config, errors="surrogateescape")
    assert plain_keys("") is None
    assert plain_authorities() is None


def test_a_file_too_large_to_be_read_here_is_not_read_in_part(files: Path) -> None:
    """Its secret would end where the part does."""
    lines = "[default]\naws_access_key_id = AK\naws_secret_access_key = "
    (files / "credentials").write_text("#" * (2**20 - len(lines) - 3) + f"\n{lines}secret\n")
    assert plain_keys("") is None


def test_no_files_are_plain_and_have_no_keys(files: Path) -> None:
    (files / "config").unlink()
    (files / "credentials").unlink()
    assert plain_keys("") is None
    assert plain_authorities() == ""


def test_a_user_may_have_no_files_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore is not loaded to find that out."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    assert plain_keys("") is None
    assert plain_authorities() == ""


def test_the_authorities_that_botocore_would_take(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.httpsession import get_cert_path

    assert connect._usual_authorities() == get_cert_path(verify=True)
    (files / "config").write_text("[default]\nca_bundle = /a.pem\n")
    assert plain_authorities() == connect._authorities_by_botocore() == "/a.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", "/b.pem")
    assert plain_authorities() == connect._authorities_by_botocore() == "/b.pem"


def test_plain_keys_and_a_connection_need_no_botocore(files: Path) -> None:
    """That alone takes longer than everything else of a short command."""
    program = (
        "import sys\n"
        "from hepsub.policy.model import Storage\n"
        "from hepsub.storage.credentials import keys_for\n"
        "from hepsub.storage.connect import open_connection\n"
        "storage = Storage(endpoint='https://127.0.0.1:9')\n"
        "keys_for('herd', storage)\n"
        "open_connection(storage.endpoint, '')\n"
        "print(*sorted({each.split('.')[1] for each in sys.modules if each.startswith('botocore.')}))\n"
    )
    environment = {"HOME": str(files.parent), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) <= {"exceptions", "vendored", "compat"}
