"""An S3 server as tests see it, whichever program it is."""

import functools
import http.client
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.testbed.process import TestbedError

Kind = Literal["rclone", "ceph"]
REGION = "us-east-1"
POLL = 0.02


class Service(Protocol):
    """The program behind a server."""

    def start(self) -> None:
        """Start it on the port it had, with the objects it had, and wait until it answers."""

    def stop(self) -> None:
        """Take it away: connections are refused from now on."""

    def end(self) -> None:
        """Stop it for good and leave nothing behind."""


@dataclass(frozen=True)
class S3Server:
    """Where a server is and whose keys it knows; it enforces signatures and expiry."""

    kind: Kind
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    directory: Path
    service: Service = field(repr=False)
    region: str = REGION
    session_token: str | None = field(default=None, repr=False)
    authority: str = ""
    """The file with the certificate of the authority, in PEM, where the server has one of its own."""

    @property
    def port(self) -> int:
        """Return the port of the endpoint."""
        return urlsplit(self.endpoint).port or 80

    def client(self, name: str = "s3") -> Any:
        """Return the boto3 client of these keys: path style, SigV4, no checksums unasked for."""
        secrets = (self.access_key, self.secret_key, self.session_token)
        return _client(name, self.endpoint, self.region, secrets, self.authority)

    def at(self, endpoint: str) -> "S3Server":
        """Return the same server under another address, such as that of a proxy."""
        return replace(self, endpoint=endpoint)

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its name."""
        self.client().create_bucket(Bucket=name)
        return name

    def objects(self, bucket: str) -> dict[str, int]:
        """Return the keys of a bucket with the sizes of their objects."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", ())}

    def content(self, bucket: str, key: str) -> bytes:
        """Return what an object holds."""
        with self.client().get_object(Bucket=bucket, Key=key)["Body"] as body:
            return bytes(body.read())

    def let_all_read(self, bucket: str, prefix: str = "") -> None:
        """Let everybody get the objects below a prefix without a signature, and do nothing else; Ceph can."""
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{bucket}/{prefix}*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def stop(self) -> None:
        """Take the store away: connections are refused from now on."""
        self.service.stop()

    def start(self) -> None:
        """Bring the store back, at the same address with the same objects."""
        self.service.start()

    def write_credentials(self) -> Path:
        """Write the keys where only their owner reads them, in the format of the AWS tools."""
        file = self.directory / "credentials"
        words = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        lines = [f"{name} = {value}\n" for name, value in words.items()]
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write("[default]\n" + "".join(lines))
        return file


@functools.lru_cache
def _client(
    name: str,
    endpoint: str,
    region: str,
    secrets: tuple[str, str, str | None],
    authority: str,
) -> Any:
    access_key, secret_key, session_token = secrets
    config = Config(
        signature_version="s3v4" if name == "s3" else "v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": 3},
        parameter_validation=name != "sts",  # it knows no session as short as ours
        proxies={},
    )
    return boto3.client(
        name,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=session_token,
        verify=authority or None,
        config=config,
    )


def wait_until_answers(port: int, is_alive: Callable[[], bool], timeout: float) -> None:
    """Wait until something speaks HTTP on a port of the loopback interface."""
    end = time.monotonic() + timeout
    while time.monotonic() < end and is_alive():
        if answers(port):
            return
        time.sleep(POLL)
    raise TestbedError(f"nothing answers on 127.0.0.1:{port}")


def answers(port: int) -> bool:
    """Tell whether something speaks HTTP on a port of the loopback interface."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
