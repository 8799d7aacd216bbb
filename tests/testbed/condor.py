"""A real HTCondor pool in a sandbox: its daemons, what they are asked and told, one partitionable slot."""

import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, TypeVar

from tests.testbed import config, session, tls
from tests.testbed.config import PoolConfig
from tests.testbed.looks import Looks
from tests.testbed.process import TestbedError
from tests.testbed.sandbox import Sandbox
from tests.testbed.users import Account

POLL = 0.1
READY_TIMEOUT = 60
GRID_JOB = (
    "JobUniverse == 9"  # what a grid manager has must not be removed by force: it loses its way
)
EXTRA_CONFIG = "/etc/condor/config.d/zz-added"

Answer = TypeVar("Answer")


class CondorPool:
    """The daemons of one pool and what is common to all; Pool is the one at home, FarSite one far away."""

    def __init__(
        self, setup: PoolConfig, this: session.Session, sandbox: Sandbox, images: Path
    ) -> None:
        self.setup = setup
        self.session = this
        self.sandbox = sandbox
        self.images = images
        self.port = setup.port
        self.audience = setup.audience
        self.takes_credentials = setup.takes_credentials
        self.schedds = tuple(f"{name}@{setup.hostname}" for name in setup.schedds)
        self.authority = this.directory / "ca.pem"
        self.accounts: dict[str, Account] = {}
        self.version = ""
        self._looks = Looks()

    # ---- start and stop ---------------------------------------------------------------------

    def start_daemons(self) -> None:
        """Start the sandbox and the daemons; `wait_until_ready` waits for them."""
        self._make_certificates()
        self.sandbox.start()
        self._configure()
        self._start_credmon()
        self.sandbox.launch(["condor_master", "-pidfile", _pid_file("master")])
        for name in self.setup.schedds:
            self._launch_schedd(name)

    def wait_until_ready(self) -> None:
        """Wait until jobs can be submitted and run."""
        for name in self.setup.schedds:
            self._wait_for_schedd(name)
        self.wait_for(self._has_slot, READY_TIMEOUT, "the start daemon's slot in the collector")
        self.version = self.run(["condor_version"]).stdout.split()[1]

    def _configure(self) -> None:
        box = self.sandbox
        box.write("/etc/condor/config.d/50-testbed", config.pool(self.setup, self.images))
        self._configure_tokens()
        box.write(config.SINGULARITY, config.stand_in_singularity(), mode=0o755)
        box.path("/etc/condor/config.d/00-minicondor").unlink(missing_ok=True)
        box.path("/etc/condor/passwords.d").mkdir(mode=0o700, exist_ok=True)
        box.write("/etc/condor/passwords.d/POOL", secrets.token_hex(32), mode=0o600)
        for account in self.accounts.values():
            self._add_account(account)
        spools = (config.schedd_spool(self.setup, name) for name in self.setup.schedds[1:])
        box.run(["install", "-d", "-o", "condor", "-g", "condor", *config.DIRECTORIES, *spools])
        box.run(["install", "-d", "-m", "1777", config.GRID_LOGS])

    def _add_account(self, account: Account) -> None:
        """Let a user of the tree have the home that it has in this session."""
        self.sandbox.run(["usermod", "--home", account.home, account.name])

    def _start_credmon(self) -> None:
        """Start what keeps the tickets of the credd: a schedd does not begin before it has looked."""
        if self.takes_credentials:
            words = [str(config.CREDMON), str(config.TICKET_DIRECTORY)]
            self.sandbox.launch(["sh", "-c", '"$@" </dev/null &', "sh", *words])

    def _make_certificates(self) -> None:
        """Make the certificates of the daemons, below which users show their tokens."""
        place = self.session.directory / "tls"
        place.mkdir(mode=0o700)
        made = tls.authority(place)
        tls.host(place, "server", made, (*self.names, "localhost"))
        shutil.copy(made.certificate, self.authority)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names by which its hosts are called."""
        return (self.setup.hostname,)

    def _configure_tokens(self) -> None:
        box = self.sandbox
        place = self.session.directory / "tls"
        box.write(config.TLS / "mapfile", config.mapfile(self.setup))
        for name, mode in (("ca.pem", 0o644), ("server.pem", 0o644), ("server.key", 0o600)):
            box.write(config.TLS / name, (place / name).read_text(), mode=mode)
        if self.takes_credentials:
            for directory in (config.CREDENTIAL_DIRECTORY, config.TICKET_DIRECTORY):
                box.run(["install", "-d", "-m", "2770", "-g", "condor", directory])
                box.write(directory / "CREDMON_COMPLETE", "")
            box.write(config.CREDMON, config.credmon(), mode=0o755)

    def _has_slot(self) -> bool:
        return bool(self.run(["condor_status", "-af", "Name"], check=False).stdout.strip())

    # ---- asking and telling the pool --------------------------------------------------------

    def run(
        self,
        argv: Sequence[str | Path],
        user: str = "root",
        timeout: float = 60,
        *,
        check: bool = True,
    ) -> CompletedProcess[str]:
        """Run a program, as a rule a condor_* tool, inside the pool."""
        if user == "root":
            return self.sandbox.run(argv, timeout=timeout, check=check)
        account = self.accounts[user]
        return self.sandbox.run(
            argv, user=account.identity(), cwd=account.home, timeout=timeout, check=check
        )

    def token(self, identity: str, *words: str) -> str:
        """Make an IDTOKEN of the pool."""
        return self.run(["condor_token_create", "-identity", identity, *words]).stdout

    def jobs(
        self,
        constraint: str = "true",
        attributes: Sequence[str] = (),
        schedd: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return the ads of the jobs in the queues of all schedds, or of one."""
        return self._ads(["condor_q", "-allusers"], constraint, attributes, schedd)

    def history(
        self,
        constraint: str = "true",
        attributes: Sequence[str] = (),
        schedd: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return the ads of the jobs that have left the queues of all schedds, or of one."""
        return self._ads(["condor_history"], constraint, attributes, schedd)

    def jobs_ever(self, constraint: str) -> list[dict[str, Any]]:
        """Return the ads of jobs in the queues and the histories; one that leaves meanwhile is there once."""
        found = (*self.jobs(constraint), *self.history(constraint))
        return list({ad["GlobalJobId"]: ad for ad in found}.values())

    def _ads(
        self,
        command: list[str],
        constraint: str,
        attributes: Sequence[str],
        schedd: str | None,
    ) -> list[dict[str, Any]]:
        wanted = ["-attributes", ",".join(attributes)] if attributes else []
        ads: list[dict[str, Any]] = []
        for name in self.schedds if schedd is None else (self._full(schedd),):
            words = [*command, "-name", name, "-constraint", constraint, "-json", *wanted]
            said = self._looks.said(words, self._spool(name), self._said)
            ads += json.loads(said or "[]")
        return ads

    def slots(self, constraint: str = "true") -> list[dict[str, Any]]:
        """Return the ads of the slots."""
        words = ["condor_status", "-constraint", constraint, "-json"]
        found: list[dict[str, Any]] = json.loads(self.run(words).stdout or "[]")
        return found

    def _said(self, words: Sequence[str]) -> str:
        return self.run(words).stdout

    def wait_for(self, condition: Callable[[], Answer], timeout: float, what: str) -> Answer:
        """Poll until the condition is true and return its value; fail with what is there.

        To look costs processor time, which the jobs need: pauses are twice as long as looks, and a schedd
        whose files have not changed is not asked again at once.
        """
        began = time.monotonic()
        end = began + timeout
        with self._looks.repeated():
            while not (answer := condition()):
                looked = time.monotonic()
                if looked > end:
                    break
                time.sleep(max(POLL, 2 * (looked - began)))
                began = time.monotonic()
        if not answer:
            raise TestbedError(f"waited {timeout:.0f} s in vain for {what}\n{self.describe()}")
        return answer

    def forget_history(self) -> None:
        """Empty the history, which every look for a job that has ended reads from its end to its beginning."""
        script = "rm -f /var/spool/condor*/history.*; for each in /var/spool/condor*/history; do : >$each; done"
        self.run(["sh", "-c", script])

    def describe(self) -> str:
        """Return the queues and the slots as text, for a failure message."""
        queue = [
            self.run(["condor_q", "-allusers", "-nobatch", "-name", name], check=False)
            for name in self.schedds
        ]
        held = [
            self.run(["condor_q", "-allusers", "-hold", "-name", name], check=False)
            for name in self.schedds
        ]
        slots = self.run(["condor_status"], check=False)
        return "\n".join(done.stdout + done.stderr for done in (*queue, *held, slots))

    def logs(self, lines: int = 40) -> str:
        """Return the ends of the daemons' logs."""
        return self.run(["sh", "-c", f"tail -n {lines} /var/log/condor/*Log*"]).stdout

    def add_config(self, text: str) -> None:
        """Add to the pool's configuration, until reset_config, and let the daemons read it."""
        file = self.sandbox.path(EXTRA_CONFIG)
        before = file.read_text() if file.exists() else ""
        self.sandbox.write(EXTRA_CONFIG, f"{before}{text}\n")
        self.reconfigure()

    def reset_config(self) -> None:
        """Take back what add_config added."""
        file = self.sandbox.path(EXTRA_CONFIG)
        if file.exists():
            file.unlink()
            self.reconfigure()

    def reconfigure(self) -> None:
        """Let the master's daemons and the schedds read the configuration again."""
        for name in ("master", *self.setup.schedds):
            if pid := self._pid(name):
                self.sandbox.run(["kill", "-HUP", str(pid)])

    def purge(self) -> None:
        """Remove all jobs of all users."""
        for name in self.setup.schedds:
            if not self._pid(name):
                self.start_schedd(name)
        if not self.jobs(attributes=["ClusterId"]):
            return
        patience = 20 if self.jobs(GRID_JOB, ["ClusterId"]) else 3
        self._remove_all()
        with suppress(TestbedError):
            self.wait_for(self._is_empty, patience, "removed jobs to leave")
        self._remove_all("-forcex")
        self.wait_for(self._is_empty, 30, "removed jobs to leave by force")

    def _remove_all(self, *words: str) -> None:
        for name in self.schedds:
            self.run(["condor_rm", *words, "-name", name, "-constraint", "true"], check=False)

    def _is_empty(self) -> bool:
        return not self.jobs(attributes=["ClusterId"])

    # ---- the schedds, which are not the master's children -----------------------------------

    def start_schedd(self, name: str) -> None:
        """Start a schedd that is not running and wait until it answers."""
        self._launch_schedd(self._short(name))
        self._wait_for_schedd(name)

    def stop_schedd(self, name: str) -> None:
        """Stop a schedd as a restart of the service does."""
        self._end_schedd(name, "QUIT")

    def kill_schedd(self, name: str) -> None:
        """Kill a schedd without a warning."""
        self._end_schedd(name, "KILL")

    def _launch_schedd(self, name: str) -> None:
        self.sandbox.launch(
            ["condor_schedd", "-b", "-pidfile", _pid_file(name)],
            env=config.schedd_environment(self.setup, name),
        )

    def _wait_for_schedd(self, name: str) -> None:
        words = ["condor_q", "-name", self._full(name), "-af", "ClusterId"]
        self.wait_for(
            lambda: self.run(words, check=False).returncode == 0,
            READY_TIMEOUT,
            f"the schedd {name} to answer",
        )

    def _end_schedd(self, name: str, signal_name: str) -> None:
        pid = self._pid(name)
        if not pid:
            raise TestbedError(f"the schedd {name} is not running")
        self.sandbox.run(["kill", f"-{signal_name}", str(pid)])
        self.wait_for(lambda: not self._pid(name), 30, f"the end of the schedd {name}")

    def _pid(self, name: str) -> int:
        """Return the process number inside of the master or a schedd that runs, or 0."""
        file = self.sandbox.path(_pid_file(self._short(name)))
        text = file.read_text().strip() if file.exists() else ""
        return int(text) if text and self.sandbox.path(f"/proc/{text}").exists() else 0

    def _spool(self, name: str) -> Path:
        return self.sandbox.path(config.schedd_spool(self.setup, self._short(name)))

    def _short(self, name: str) -> str:
        return name.partition("@")[0]

    def _full(self, name: str) -> str:
        return f"{self._short(name)}@{self.setup.hostname}"


def _pid_file(name: str) -> str:
    return f"/run/condor/{name}.pid"


def show_logs(pool: CondorPool) -> None:
    """Print the ends of the logs of a pool that did not start."""
    with suppress(TestbedError, OSError):
        print(pool.logs(12), file=sys.stderr)


def record(pool: CondorPool) -> None:
    """Let another process find this pool."""
    session.write_state(
        pool.session,
        {
            "name": pool.setup.name,
            "suite": pool.setup.suite,
            "directory": str(pool.session.directory),
            "tree": str(pool.sandbox.tree),
            "port": pool.port,
            "first_pid": pool.sandbox.first_pid,
            "version": pool.version,
        },
    )


def recorded(name: str, suite: str | None = None) -> dict[str, Any]:
    """Return what is recorded of the pool of this name which another process runs."""
    live = [state for state in session.live_states() if state.get("name") == name]
    found = [state for state in live if suite in (None, state["suite"])]
    if not found:
        raise TestbedError(f"no pool {name} is up: python -m tests.testbed up")
    if len(found) > 1:
        raise TestbedError(f"several pools {name} are up: say --condor")
    return found[0]
