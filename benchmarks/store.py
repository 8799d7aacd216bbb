"""A store and a user's environment, in which hepsub and rclone find it."""

from __future__ import annotations

import os
from pathlib import Path

import hepsub
from tests.testbed.s3 import S3Server


def environment(root: Path, server: S3Server) -> dict[str, str]:
    """Where hepsub and rclone find the store and its keys.

    Args:
        root: a directory of the benchmark's own, with `home` and `policy.toml`.
        server: the store, which both call herd.
    """
    return {
        "PATH": os.defpath,
        "HOME": str(root / "home"),
        "PYTHONPATH": str(Path(hepsub.__file__).parent.parent),
        "HEPSUB_CONFIG": str(root / "policy.toml"),
        "AWS_SHARED_CREDENTIALS_FILE": str(server.write_credentials()),
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_CONFIG_HERD_TYPE": "s3",
        "RCLONE_CONFIG_HERD_PROVIDER": "Rclone",
        "RCLONE_CONFIG_HERD_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_HERD_ENV_AUTH": "true",
    }
