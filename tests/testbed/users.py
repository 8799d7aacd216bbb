"""The test users as a test sees them: accounts that run programs on the host."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.schemas import check_output
from tests.testbed.process import TestbedError
from tests.testbed.sandbox import Identity


@dataclass(frozen=True)
class Account:
    """A user with a home in one session; `work` is a fresh directory for one test."""

    name: str
    uid: int
    gid: int
    home: Path
    work: Path
    bin: Path
    condor_config: Path

    def environment(self) -> dict[str, str]:
        """Return the clean environment in which the user's programs run."""
        return {
            "HOME": str(self.home),
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "CONDOR_CONFIG": str(self.condor_config),
        }

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        input: str | None = None,  # noqa: A002  (subprocess's own name)
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the user to its end; the directory is `work` unless `cwd` is given.

        What hepsub's commands print with -json is compared with their schemas.
        """
        done = subprocess.run(
            [str(word) for word in argv],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
            **self._who_and_where(cwd, env),
        )
        check_output(argv, done.stdout)
        return done

    def popen(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a program as the user; `options` are Popen's."""
        words = [str(word) for word in argv]
        return subprocess.Popen(words, text=True, **self._who_and_where(cwd, env), **options)

    def _who_and_where(self, cwd: Path | None, env: Mapping[str, str] | None) -> dict[str, Any]:
        return {
            "user": self.uid,
            "group": self.gid,
            "extra_groups": [],
            "umask": 0o022,
            "cwd": cwd or self.work,
            "env": self.environment() | dict(env or {}),
        }

    def write(self, name: str, text: str, *, mode: int = 0o644) -> Path:
        """Write a file of the user, relative to `work`, and return its path."""
        path = self.work / name
        if self.work not in path.parents:
            raise TestbedError(
                f"{path} is not below {self.work}: its directories are not the user's"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        for place in (path, *path.parents):
            if place == self.work:
                break
            os.chown(place, self.uid, self.gid)
        return path

    def identity(self) -> Identity:
        """Return the same user as a sandbox knows it."""
        return Identity(self.name, self.uid, self.gid, self.home)

    def with_work(self, name: str) -> "Account":
        """Return the account with a new, empty directory `name` below its home as `work`."""
        work = self.home / name
        shutil.rmtree(work, ignore_errors=True)
        make_directory(self, work)
        return replace(self, work=work)


def make_home(account: Account) -> None:
    """Make the home of an account anew, with an empty directory for tokens."""
    end_processes(account)
    shutil.rmtree(account.home, ignore_errors=True)
    make_directory(account, account.home)
    make_directory(account, account.home / ".condor", 0o700)
    make_directory(account, account.home / ".condor/tokens.d", 0o700)


def end_processes(account: Account) -> None:
    """Kill what still runs on the host for this home, such as a program's background process."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if place.stat().st_uid == account.uid and _has_home(place, account.home):
                os.kill(int(place.name), signal.SIGKILL)


def _has_home(process: Path, home: Path) -> bool:
    return f"HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0")


def make_directory(account: Account, path: Path, mode: int = 0o755) -> None:
    """Make a directory that belongs to the user."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    os.chown(path, account.uid, account.gid)


def give_token(account: Account, token: str, name: str = "pool") -> None:
    """Store an IDTOKEN where HTCondor looks for the user's tokens."""
    give_secret(account, account.home / ".condor/tokens.d" / name, token)


def give_secret(account: Account, file: Path, text: str) -> None:
    """Write a file of the user that nobody else may read, in one step."""
    unfinished = file.with_name(f".{file.name}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    os.chown(unfinished, account.uid, account.gid)
    unfinished.rename(file)
