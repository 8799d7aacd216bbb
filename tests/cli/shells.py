"""Interactive shells behind terminals, which complete hepsub's commands: bash, zsh, fish."""

from __future__ import annotations

import os
import pty
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import hepsub
from hepsub.cli.main import PROGRAMS
from hepsub.jobid import SubmissionRef
from hepsub.journal import Entry, Journal
from tests.fakes.programs import write_program

COMPLETIONS = Path(hepsub.__file__).parent.parent / "completions"
POLICY = f"""
[defaults]
pool = "local"
[walltime.week]
limit = "7 d"
[os.SL9]
image = "/sl9"
[group.juno]
members = ["{pwd.getpwuid(os.getuid()).pw_name}"]
[group.others]
[pool.far]
aliases = ["away"]
[site.moon]
requirements = "x"
[storage.herd]
endpoint = "https://s3.example.org"
[credential.vault]
"""
"""What is not hepsub's own is offered, and of the groups the caller's."""


def need(tool: str) -> str:
    """The path of a program; without it the test is skipped, or fails where nothing may be skipped."""
    found = shutil.which(tool)
    if found is None:
        if os.environ.get("HEPSUB_TESTBED") == "required":
            pytest.fail(f"{tool} is required, and is not installed", pytrace=False)
        pytest.skip(f"{tool} is not installed")
    return found


class Place:
    """A directory with a few files, a home of its own, and the commands on PATH, of which hep_sub answers."""

    def __init__(self, root: Path) -> None:
        self.home, self.work, self.bin = root / "home", root / "work", root / "bin"
        for directory in (self.home, self.work / "runs", self.bin):
            directory.mkdir(parents=True)
        (self.work / "reco.sh").touch()
        (self.work / "my runs.txt").touch()
        for name in PROGRAMS:
            self.install(name, "")
        self.answer_within(20)
        self.policy = self.home / ".config/hepsub/config.toml"
        self.policy.parent.mkdir(parents=True)
        self.policy.write_text(POLICY)
        self.variables: dict[str, str] = {}

    def submitted(
        self,
        cluster: int,
        number: int,
        *,
        name: str = "job.sh",
        schedd: str = "s1",
        ago_s: float = 7210,
    ) -> str:
        """Note a submission to the policy's default pool in the journal; returns its UUID."""
        uuid = f"u{cluster}"
        ref = SubmissionRef(uuid=uuid, pool="local", schedd=schedd, cluster=cluster, number=number)
        journal = Journal(directory=self.state / "journal", host="tests")
        journal.append(Entry(ref=ref, when=time.time() - ago_s, name=name))
        return uuid

    @property
    def state(self) -> Path:
        return self.home / ".local/state/hepsub"

    def answer_within(self, seconds: float) -> None:
        """Have hep_sub answer completions within this time: on a busy machine its own is short."""
        program = (
            f"import sys; from hepsub.cli.completion import offer; offer.DEADLINE_S = {seconds};"
            " from hepsub.__main__ import run; run()"
        )
        self.install("hep_sub", f"exec '{sys.executable}' -I -c '{program}' hep_sub \"$@\"")

    def install(self, name: str, body: str) -> None:
        write_program(self.bin / name, f"#!/bin/sh\n{body}\n")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "ZDOTDIR": str(self.home),
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "HEPSUB_HERE_DIR": str(self.home / "queue"),
            **self.variables,
        }

    def run(self, *argv: str) -> list[str]:
        """The lines that a program prints; nothing may be said on stderr."""
        done = subprocess.run(
            argv, cwd=self.work, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    def bash(self, line: str) -> list[str]:
        """What the function of bash offers for the last word of a line."""
        hits = self.home / "hits"
        hits.write_text("")
        with terminal(self._bash(), self) as shell:
            shell.type(f"{line}\t")
        return hits.read_text().splitlines()

    def fish(self, line: str) -> list[str]:
        """What fish offers for the last word of a line."""
        return [each.split("\t")[0] for each in self.fish_lines(line)]

    def fish_lines(self, line: str) -> list[str]:
        """The same, with what is said of it."""
        drive = 'source $argv[1]; complete -C "$argv[2]"'
        return self.run(need("fish"), "-c", drive, str(COMPLETIONS / "hep.fish"), line)

    def zsh(self, line: str) -> list[str]:
        """What zsh offers for the last word of a line."""
        self._zshrc()
        hits = self.home / "hits"
        hits.write_text("")
        with terminal([need("zsh"), "-i"], self) as shell:
            shell.type(f"{line}\t")
        return hits.read_text().splitlines()

    def zsh_line(self, line: str) -> str:
        """A line of zsh after the tabulator key."""
        self._zshrc()
        with terminal([need("zsh"), "-i"], self) as shell:
            return shell.type(f"{line}\t")

    def zsh_list(self, line: str, expected: str) -> str:
        """What zsh shows below a line, as soon as something expected is there."""
        self._zshrc()
        with terminal([need("zsh"), "-i"], self) as shell:
            return shell.show(f"{line}\t", expected)

    def bash_line(self, line: str) -> str:
        """A line of an interactive bash after the tabulator key."""
        with terminal(self._bash(), self) as shell:
            return shell.type(f"{line}\t")

    def bash_list(self, line: str, expected: str) -> str:
        """The same of bash, when the tabulator key is pressed again."""
        with terminal(self._bash(), self) as shell:
            return shell.show(f"{line}\t\t", expected)

    def _bash(self) -> list[str]:
        """Note what the completion function offers, and write the line when Ctrl-T is pressed."""
        (self.home / "rc").write_text(
            f"source '{COMPLETIONS}/hep.bash'\n"
            '_noted() { _hep "$@"; ((${#COMPREPLY[@]})) && printf "%s\\n" "${COMPREPLY[@]}" >> ~/hits; }\n'
            f"complete -F _noted {' '.join(PROGRAMS)}\n"
            'dump() { printf %s "$READLINE_LINE" > ~/new; mv ~/new ~/line; }\n'
            "bind -x '\"\\C-t\": dump'\n"
            "bind 'set bell-style none'\n"
            "touch ~/ready\n"
        )
        return [need("bash"), "--noprofile", "--rcfile", str(self.home / "rc"), "-i"]

    def _zshrc(self) -> None:
        """Note what completion functions offer, and write the line when Ctrl-T is pressed."""
        (self.home / ".zshrc").write_text(
            f"fpath=('{COMPLETIONS}' $fpath)\n"
            "autoload -Uz compinit\n"
            "compinit -u -D\n"
            "compadd() {\n"
            "    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then\n"
            "        local -a hits\n"
            '        builtin compadd -A hits "$@"\n'
            "        (( $#hits )) && print -rl -- $hits >> ~/hits\n"
            "    fi\n"
            '    builtin compadd "$@"\n'
            "}\n"
            "dump() { print -rn -- $BUFFER > ~/new; mv ~/new ~/line }\n"
            "zle -N dump\n"
            "bindkey '^T' dump\n"
            "touch ~/ready\n"
        )


class Terminal:
    """A shell behind a terminal; Ctrl-T makes it write the line that is being edited."""

    def __init__(self, descriptor: int, home: Path) -> None:
        self._descriptor, self._home = descriptor, home
        self._seen = b""

    def type(self, keys: str) -> str:
        """Press keys; returns the line after that."""
        os.write(self._descriptor, f"{keys}\x14".encode())
        self.wait_for(self._home / "line")
        return (self._home / "line").read_text()

    def show(self, keys: str, expected: str) -> str:
        """Press keys; returns all that was shown when that has something expected in it."""
        os.write(self._descriptor, keys.encode())
        self._until(lambda: expected.encode() in self._seen, expected)
        return self._seen.decode()

    def wait_for(self, path: Path) -> None:
        """Wait until a file is there."""
        self._until(path.exists, path.name)

    def _until(self, is_there: Callable[[], bool], what: str) -> None:
        os.set_blocking(self._descriptor, False)
        end = time.monotonic() + 30
        while not is_there():
            try:
                self._seen += os.read(self._descriptor, 65536)
            except BlockingIOError:
                time.sleep(0.01)
            assert time.monotonic() < end, f"no {what!r} from the shell: {self._seen!r}"


@contextmanager
def terminal(argv: list[str], place: Place) -> Iterator[Terminal]:
    """Start a shell behind a terminal, and end it."""
    for name in ("ready", "line"):
        (place.home / name).unlink(missing_ok=True)
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(place.work)
        os.execve(argv[0], argv, place.environment)
    try:
        running = Terminal(descriptor, place.home)
        running.wait_for(place.home / "ready")
        yield running
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(descriptor)
