"""rclone mount: its configuration, its arguments, its environment, and what its log says went wrong.

No file and no argument holds a secret: rclone asks a credential process for keys, again whenever those
it has have ended (AWS SDKs and Tools Reference Guide, "Process credential provider").
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from hepsub.files import write_whole
from hepsub.policy.model import Storage
from hepsub.tools.rclone import REMOTE, find_rclone
from hepsub.tools.run import Server, start

OLDEST = (1, 60)
"""What Debian 12 has; older ones were not tried."""

LOGIN = "login"
"""The file in a mount's directory that says where a later session keeps its agent and its token."""

_PROFILE = "hepsub"
_KEPT = "HEPSUB_MOUNT_"
"""The user's own AWS_* variables go behind this prefix: for the keys, and not for rclone."""
_PATHS = (
    "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "HEPSUB_CONFIG", "BEARER_TOKEN_FILE",
)  # fmt: skip
"""Variables that name a file, which the user may have given relative to the working directory."""
_LAST = 2**16
"""Bytes of a log that are read."""
_VARIABLE = re.compile(r"AWS_[A-Z0-9_]+")

_FLAGS = {
    # ROOT reads a file at many places and comes back to them: what was read once stays on the local
    # disk, and a file open for writing may be sought in.
    "--vfs-cache-mode": "full",
    "--vfs-cache-max-age": "24h",
    # A read elsewhere in a file is a request of its own: for 4 MiB (some baskets of a TTree), not for
    # 128 MiB that are cut off with the connection, and nothing is read ahead. Each further piece in a row is
    # twice as large, so a whole file still comes in few requests. Tried with 1.75: 200 reads of 50 kB all over
    # 400 MB move 51 MB, with rclone's defaults 882 MB; reading all of it takes no longer.
    "--vfs-read-chunk-size": "4M",
    "--vfs-read-chunk-size-limit": "256M",
    "--buffer-size": "0",
    "--vfs-write-back": "2s",
    # A job's outputs are seen so long after they were written, without a question for each name.
    "--dir-cache-time": "30s",
    "--poll-interval": "0",
    # A read of a storage that is away goes on for 70 s and then fails; with one try more it hangs for 150 s
    # (tried with 1.75, connections refused).
    "--low-level-retries": "3",
    "--contimeout": "10s",
    "--timeout": "1m",
    "--umask": "077",
    "--file-perms": "0600",
    "--dir-perms": "0700",
    "--log-level": "NOTICE",
}
_SWITCHES = (
    "--use-server-modtime",  # the modification time stands in the listing: else a request for each file
)
_STAMP = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\s+(?:\w+\s*:\s*)?")
_BAD = re.compile(r"\b(?:ERROR|CRITICAL|Fatal)\b|fusermount|Failed|failed", re.IGNORECASE)
_FUSE_SIGNS = (
    "mount helper error", "fusermount: mount failed", "fusermount3: mount failed", "fusermount: failed to open",
    "fusermount3: failed to open", "fuse: device not found", "executable file not found",
    "mount syscall", "operation not permitted",
)  # fmt: skip


class RcloneMount(Struct, frozen=True, kw_only=True):
    """A mount as rclone is asked for it.

    Attributes:
        prefix: what all keys begin with, without slashes at its ends; empty for the whole bucket.
        state: the mount's own directory (0700), for configuration and log.
        cache: its directory on a local disk.
        cache_mb: how much of what was read is kept there.
    """

    name: str
    storage: Storage
    bucket: str
    prefix: str
    point: Path
    writable: bool
    state: Path
    cache: Path
    cache_mb: int

    @property
    def log(self) -> Path:
        """What rclone has to say."""
        return self.state / "rclone.log"

    def argv(self, program: str) -> list[str]:
        """The command line, which everybody on this machine may read."""
        where = "/".join(part for part in (self.bucket, self.prefix) if part)
        values = _FLAGS | {
            "--config": str(self.state / "rclone.conf"),
            "--cache-dir": str(self.cache),
            "--vfs-cache-max-size": f"{self.cache_mb}M",
            "--devname": f"{self.name}:{where}",
        }
        if self.storage.ca_file:
            values["--ca-cert"] = self.storage.ca_file
        words = [word for pair in values.items() for word in pair]
        mode = [] if self.writable else ["--read-only"]
        return [program, "mount", *words, *_SWITCHES, *mode, f"{REMOTE}:{where}", str(self.point)]


def start_mount(mount: RcloneMount, environment: Mapping[str, str]) -> Server:
    """Write what rclone needs into the mount's directory, and start it; it is not up yet.

    Raises:
        ToolFailed: there is no rclone, or only an old one.
        OSError: the directory cannot be written.
    """
    program = find_rclone(OLDEST, "hep_mount")
    files = {
        "rclone.conf": rclone_configuration(mount.storage),
        # rclone runs in this directory: a relative path has no blanks, which SDKs quote differently (tried).
        "aws": f"[profile {_PROFILE}]\ncredential_process = sh ./keys\n",
        "keys": keys_script(mount.name, environment),
    }
    for name, text in files.items():
        write_whole(mount.state / name, text, 0o600)
    if mount.log.exists():  # what went wrong before is not what goes wrong now
        mount.log.replace(mount.log.with_suffix(".log.old"))
    write_whole(mount.log, "", 0o600)
    return start(
        mount.argv(program),
        log=mount.log,
        directory=mount.state,
        variables=variables(mount.state, environment),
        without=("AWS_", "RCLONE_"),
    )


def rclone_configuration(storage: Storage) -> str:
    """The configuration of the one remote: no keys."""
    host = urlsplit(storage.endpoint).hostname or ""
    values = {
        "type": "s3",
        # Whose quirks rclone minds.
        "provider": "AWS" if host.endswith(".amazonaws.com") else "Other",
        "env_auth": "true",
        "endpoint": storage.endpoint,
        "region": storage.region,
        "force_path_style": "true" if storage.style == "path" else "false",
        "no_check_bucket": "true",  # never makes a bucket
        "list_version": "2",
        "list_url_encode": "true",
    }
    return f"[{REMOTE}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def keys_script(storage: str, environment: Mapping[str, str]) -> str:
    """What gives rclone keys: hep_auth s3 with the user's own variables, as they were when it was mounted."""
    mine = sorted(name for name in environment if _VARIABLE.fullmatch(name))
    back = [f"{name}=${_KEPT}{name}; export {name}; unset {_KEPT}{name}" for name in mine]
    command = shlex.join([*hep_auth(), "s3", "-process", storage])
    return "\n".join([
        "# Gives rclone keys for S3; holds none itself.",
        # What `variables` set is rclone's: with it hep_auth would ask itself.
        "unset AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_PROFILE AWS_EC2_METADATA_DISABLED",
        *back,
        f"keys=$({command}) && printf '%s\\n' \"$keys\" && exit",
        # The session that mounted it may have ended, and its agent with it.
        f"[ -f ./{LOGIN} ] || exit 1",
        f". ./{LOGIN}  # a later session of the same user",
        f"exec {command}",
        "",
    ])  # fmt: skip


def hep_auth() -> tuple[str, ...]:
    """hep_auth of this installation, as words."""
    beside = Path(sys.executable).parent / "hep_auth"
    if os.access(beside, os.X_OK):
        return (str(beside),)
    package = Path(__file__).parents[2]  # a checkout, or what somebody put on PYTHONPATH
    return (
        "env",
        f"PYTHONPATH={package}",
        sys.executable,
        "-X",
        "utf8",
        "-m",
        "hepsub",
        "hep_auth",
    )


def variables(state: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of rclone beside the user's own, of which AWS_* and RCLONE_* are taken away."""
    # rclone, and the script that gives it keys, run in the mount's own directory.
    absolute = {
        name: os.path.abspath(environment[name]) for name in _PATHS if environment.get(name)
    }
    users = {name: text for name, text in environment.items() if _VARIABLE.fullmatch(name)}
    found = {f"{_KEPT}{name}": text for name, text in (users | absolute).items() if name in users}
    found |= {name: text for name, text in absolute.items() if name not in users}
    if "AWS_CA_BUNDLE" in absolute:  # rclone 1.60 cannot do with the variable itself
        found["RCLONE_CA_CERT"] = absolute["AWS_CA_BUNDLE"]
    return found | {
        "AWS_CONFIG_FILE": str(state / "aws"),
        "AWS_PROFILE": _PROFILE,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def last_trouble(log: Path) -> str:
    """The last error in a log, in one line without its time; empty for none."""
    last = next((line for line in reversed(_lines(log)) if _BAD.search(line)), "")
    return " ".join(_STAMP.sub("", last).split())[:400]


def fuse_refused(log: Path) -> bool:
    """Whether it was FUSE, and not the storage, that did not work."""
    words = " ".join(_lines(log))
    return any(sign in words for sign in _FUSE_SIGNS)


def _lines(log: Path) -> Sequence[str]:
    try:
        with log.open("rb") as file:
            # While a storage is away, rclone writes a line for each try, for as long as the mount lives.
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST))
            return file.read(_LAST).decode(errors="replace").splitlines()[-50:]
    except OSError:
        return ()
