"""A user with keys at a prompt, and the buckets of the store that the policy names."""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.pool.shell import POLICY, Shell
from tests.testbed.s3 import S3Server
from tests.testbed.users import Account, make_directory

BUCKETS = ("raw", "out")
STORAGE = """
[storage.herd]
endpoint = "{endpoint}"
allow_http = true
default = true
"""
HASTE = {
    "HEPSUB_PAUSE_MS": "50",
    "HEPSUB_PATIENCE_S": "6",
    "HEPSUB_STALL_S": "2",
    "HEPSUB_REFRESH_S": "2",
}
"""Times of the wrapper for tests, which the user's environment carries to the job."""
E_INPUT, E_CONTENT, E_MISSING, E_HOME = 81, 82, 84, 85
SECRET_WORDS = ("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token")


@dataclass(frozen=True)
class Desk:
    """One user at one store.

    Attributes:
        shell: the user at a prompt.
        server: the store, under the address that the policy names.
    """

    shell: Shell
    server: S3Server

    # ---- the store ----------------------------------------------------------------------------

    def put(self, key: str, body: bytes | str, bucket: str = "raw") -> None:
        """Store an object."""
        content = body.encode() if isinstance(body, str) else body
        self.server.client().put_object(Bucket=bucket, Key=key, Body=content)

    def text(self, key: str, bucket: str = "out") -> str:
        """The text of an object."""
        return self.server.content(bucket, key).decode()

    def stored(self, bucket: str = "out") -> set[str]:
        """The keys of a bucket, markers left out."""
        return {key for key in self.server.objects(bucket) if ".hepsub/" not in key}

    def markers(self, uuid: str, bucket: str = "out") -> dict[int, dict[str, Any]]:
        """The markers of a submission, by proc."""
        found = [key for key in self.server.objects(bucket) if f".hepsub/{uuid}/" in key]
        assert all(key.endswith(".json") for key in found)
        return {int(Path(key).stem): json.loads(self.text(key, bucket)) for key in found}

    # ---- the submission -----------------------------------------------------------------------

    def submit(self, *words: str | Path, **options: Any) -> dict[str, Any]:
        """Submit with -json, which has to succeed; cluster, uuid, schedd and the rest."""
        options["env"] = {**HASTE, **(options.get("env") or {})}
        return self.shell.result("hep_sub", *words, **options)

    @property
    def bundles(self) -> Path:
        """The directory of the bundles."""
        return self.shell.account.home / ".local/share/hepsub/bundles"

    def home_of(self, uuid: str, proc: int) -> Path:
        """What a job brought home."""
        return self.bundles / uuid / f"job/{proc}/home.{proc}"

    def report(self, uuid: str, proc: int) -> dict[str, Any]:
        """The report that a job brought home."""
        report: dict[str, Any] = json.loads((self.home_of(uuid, proc) / "report.json").read_text())
        return report

    def pending(self, uuid: str, proc: int) -> list[list[str]]:
        """What a job brought home that belongs elsewhere: place, size, checksum, destination."""
        file = self.home_of(uuid, proc) / "pending.tsv"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split("\t") for line in lines]


def clear(server: S3Server, buckets: tuple[str, ...] = BUCKETS) -> None:
    """Make the buckets, or empty them."""
    for bucket in buckets:
        with contextlib.suppress(ClientError):
            server.make_bucket(bucket)
        for key in server.objects(bucket):
            server.client().delete_object(Bucket=bucket, Key=key)


def write_policy(shell: Shell, endpoint: str, more: str = "") -> None:
    """The policy of a test: sites as on the pool, and the store."""
    images = shell.pool.shared / "images"
    shell.policy.write_text(POLICY.format(images=images) + STORAGE.format(endpoint=endpoint) + more)
    shell.policy.chmod(0o644)


def give_keys(account: Account, server: S3Server) -> None:
    """Let the user have the keys of a store where the AWS tools keep them."""
    make_directory(account, account.home / ".aws", 0o700)
    file = account.home / ".aws/credentials"
    file.touch(mode=0o600)
    text = server.write_credentials().read_text()
    if server.session_token:
        text += f"aws_session_token = {server.session_token}\n"
    file.write_text(text)
    os.chown(file, account.uid, account.gid)


def sit_down(shell: Shell, server: S3Server, more: str = "") -> Desk:
    """Give a user a store: the policy, the keys and empty buckets."""
    server.start()
    clear(server)
    write_policy(shell, server.endpoint, more)
    give_keys(shell.account, server)
    return Desk(shell, server)


def codes(ads: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """The exit codes of jobs."""
    return [ad.get("ExitCode") for ad in ads]
