"""A user at a prompt: hepsub's commands on the real pool, their output read as scripts read it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.testbed.pool import Pool
from tests.testbed.users import Account

END = 60
SUBMITTED = re.compile(r"(\d+) job\(s\) submitted to cluster (\d+)\n")
SUMMARY = re.compile(
    r"(?P<jobs>\d+) jobs; (?P<completed>\d+) completed, (?P<removed>\d+) removed, (?P<idle>\d+) idle,"
    r" (?P<running>\d+) running, (?P<held>\d+) held, (?P<suspended>\d+) suspended"
)
PYTHON = "/usr/bin/python3"
"""The pool's own Python, for scripts: nothing but the standard library."""
IDLE = ("-wn", "nosuch")
"""Options of hep_sub with which a job stays idle."""

POLICY = """\
[limits]
factory_above = 100
factory_idle = 20

[os]
SL6 = {{ image = "{images}/CentOS7.sif" }}
SL7 = {{ image = "{images}/CentOS7.sif" }}
CentOS7 = {{ image = "{images}/CentOS7.sif" }}
AlmaLinux9 = {{ image = "{images}/AlmaLinux9.sif" }}

[staging]
shared = true

[site.dongguan]
requirements = 'GLIDEIN_Site == "dongguan"'
isolation = "owner"
io_proxy = true
identity = "glidein@test.hep"
max_memory = "8000 MB"
"""

Run = Callable[..., CompletedProcess[str]]


@dataclass(frozen=True)
class Shell:
    """Commands of one user, with the policy of the test.

    Attributes:
        pool: the pool.
        account: the user.
        policy: the file that HEPSUB_CONFIG names.
        start: how the user's programs are started: on the host, or on the access point.
    """

    pool: Pool
    account: Account
    policy: Path
    start: Run

    @property
    def work(self) -> Path:
        """The working directory."""
        return self.account.work

    def __call__(
        self,
        *words: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> CompletedProcess[str]:
        """Run a command to its end."""
        variables = {"HEPSUB_CONFIG": str(self.policy), **(env or {})}
        return self.start(words, env=variables, cwd=cwd or self.work, timeout=timeout)

    def ok(self, *words: str | Path, **options: Any) -> str:
        """Run a command that has to succeed; its stdout."""
        done = self(*words, **options)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def submit(self, *words: str | Path, **options: Any) -> int:
        """Run hep_sub, which has to succeed and print its one line; the cluster."""
        stdout = self.ok("hep_sub", *words, **options)
        found = SUBMITTED.fullmatch(stdout)
        assert found, stdout
        return int(found[2])

    def refused(self, code: int, *words: str | Path, **options: Any) -> str:
        """Run hep_sub, which has to fail with this exit code and an empty stdout; its stderr."""
        done = self("hep_sub", *words, **options)
        assert (done.returncode, done.stdout) == (code, ""), (words, done.stdout, done.stderr)
        assert done.stderr.startswith("hep_sub: error: "), done.stderr
        return done.stderr

    def document(self, *words: str | Path, **options: Any) -> dict[str, Any]:
        """Run a command with -json; the document, checked for what all documents have."""
        done = self(*words, "-json", **options)
        document: dict[str, Any] = json.loads(done.stdout)
        assert document["schema"] == "hepsub/1"
        assert document["command"] == words[0]
        assert document["ok"] == (done.returncode == 0)
        assert set(document) == {"schema", "command", "ok", "result", "problems"}
        return document

    def result(self, *words: str | Path, **options: Any) -> dict[str, Any]:
        """Run a command with -json that has to succeed; what stands under `result`."""
        document = self.document(*words, **options)
        assert document["ok"], document
        result: dict[str, Any] = document["result"]
        return result

    # ---- files --------------------------------------------------------------------------------

    def script(self, name: str, text: str, *, shell: str = "/bin/sh") -> Path:
        """Write an executable script below the working directory."""
        return self.account.write(name, f"#!{shell}\n{text}\n", mode=0o755)

    def directory(self, name: str) -> Path:
        """Make a directory of the user below the working directory."""
        return self.account.write(f"{name}/.keep", "").parent

    def text(self, name: str) -> str:
        """The text of a file below the working directory."""
        return (self.work / name).read_text()

    # ---- the pool -----------------------------------------------------------------------------

    def ad(self, cluster: int, proc: int = 0) -> dict[str, Any]:
        """The ad of a job in the queue."""
        ads = self.pool.jobs(f"ClusterId == {cluster} && ProcId == {proc}")
        assert len(ads) == 1, ads
        return ads[0]

    def ended(self, cluster: int, number: int = 1, timeout: float = END) -> list[dict[str, Any]]:
        """Wait until so many jobs of a cluster have left the queue; their ads by ProcId."""
        return self.all_ended({cluster: number}, timeout)[cluster]

    def all_ended(
        self, numbers: Mapping[int, int], timeout: float = END
    ) -> dict[int, list[dict[str, Any]]]:
        """Wait until so many jobs of each cluster have left the first schedd; their ads by ProcId."""
        wanted = sum(numbers.values())
        which = " || ".join(f"ClusterId == {cluster}" for cluster in numbers)
        what = f"the end of {wanted} jobs of {list(numbers)}"
        first = self.pool.schedds[0]
        self.pool.wait_for(lambda: not self.pool.jobs(which, ["ProcId"], first), timeout, what)

        def past() -> list[dict[str, Any]]:
            ads = self.pool.history(which, schedd=first)
            return ads if len(ads) >= wanted else []

        ads = self.pool.wait_for(past, timeout, what)
        assert len(ads) == wanted
        return {cluster: _of(ads, cluster) for cluster in numbers}

    def wait_for_state(
        self, state: int, cluster: int, number: int = 1, timeout: float = END
    ) -> None:
        """Wait until so many jobs of a cluster of the first schedd have a JobStatus."""
        which = f"ClusterId == {cluster} && JobStatus == {state}"
        self.pool.wait_for(
            lambda: len(self.pool.jobs(which, ["ProcId"], self.pool.schedds[0])) >= number,
            timeout,
            f"JobStatus {state} of {number} job(s) of {cluster}",
        )

    # ---- hep_q's table ------------------------------------------------------------------------

    def counts(self, *words: str) -> dict[str, int]:
        """What the last line of hep_q counts."""
        return read_counts(self.ok("hep_q", *words))

    def rows(self, *words: str) -> list[list[str]]:
        """The words of each of hep_q's rows, as awk splits them."""
        return [line.split() for line in self.ok("hep_q", *words).splitlines() if is_row(line)]

    def states(self, *words: str) -> dict[str, str]:
        """State letters by job id, as scripts find them: `$1` and `$6`."""
        return {row[0]: row[5] for row in self.rows(*words)}


def _of(ads: Iterable[dict[str, Any]], cluster: int) -> list[dict[str, Any]]:
    own = (ad for ad in ads if ad["ClusterId"] == cluster)
    return sorted(own, key=lambda ad: int(ad["ProcId"]))


def is_row(line: str) -> bool:
    """Whether a line of hep_q's table shows a job."""
    return re.match(r"\d+\.\d+ ", line) is not None


def read_counts(table: str) -> dict[str, int]:
    """What the last line of hep_q's table counts."""
    found = SUMMARY.fullmatch(table.splitlines()[-1])
    assert found, table
    return {name: int(number) for name, number in found.groupdict().items()}


def next_command(text: str) -> str:
    """The first command that hep_q -why proposes."""
    found = re.search(r"^    next: (.*)$", text, re.MULTILINE)
    assert found, text
    return found[1]


def write_policy(account: Account, pool: Pool) -> Path:
    """Write the policy of a test into the user's home."""
    path = account.home / "policy.toml"
    path.write_text(POLICY.format(images=pool.shared / "images"))
    path.chmod(0o644)
    return path


def long_ads(pool: Pool, since: int) -> str:
    """Every ad of jobs submitted since then, in queues and histories, as condor_q shows it to root."""
    commands: Sequence[list[str]] = (["condor_q", "-allusers"], ["condor_history"])
    which = ["-constraint", f"QDate >= {since}", "-long"]
    return "\n".join(
        pool.run([*command, "-name", name, *which]).stdout
        for command in commands
        for name in pool.schedds
    )
