"""Keys and signatures: nowhere that another user, the queue or a log could show them."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pool.shell import Shell, long_ads
from tests.staging.desk import SECRET_WORDS, Desk, codes, give_keys, sit_down
from tests.testbed.faults import Slow
from tests.testbed.proxy import FaultProxy
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

Proxied = Callable[[S3Server], FaultProxy]


class Watcher:
    """Reads every command line of the machine, and what else of /proc others may read, until it is left."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = [word.encode() for word in words]
        self.found: set[bytes] = set()
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)

    def _watch(self) -> None:
        while not self._over.wait(0.003):
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = place.read_bytes()
                except OSError:
                    continue
                self.seen.add(line.split(b"\0")[0].rpartition(b"/")[2])
                self.found.update(line for word in self.words if word in line)


@pytest.fixture
def slow_desk(user: Shell, rclone_s3: S3Server, fault_proxy: Proxied) -> Desk:
    """Give hepalice a store whose transfers take a second or two."""
    rclone_s3.start()
    proxy = fault_proxy(rclone_s3)
    proxy.inject(Slow(250_000), method="GET")
    proxy.inject(Slow(250_000), method="PUT", path="/out/")
    return sit_down(user, proxy.server)


def test_no_secret_is_seen_by_anybody_else(
    slow_desk: Desk, other: Shell, remote_site: RemoteSite
) -> None:
    """Nothing in ads, histories, command lines, daemon and job logs, files that bob may read, what came home."""
    desk, user = slow_desk, slow_desk.shell
    give_keys(user, desk.server)
    desk.put("in.dat", b"x" * 300_000)
    words = (*SECRET_WORDS, desk.server.secret_key, desk.server.access_key)
    user.script("job.sh", "cp in.dat out.dat; env; ls -la; sleep 1")
    line = (
        *(
            "job.sh",
            "-in",
            "s3://raw/in.dat",
            "-out",
            "out.dat=herd:out/%{ClusterId}/out_%{ProcId}",
        ),
        *("-out", "f?=herd:out/%{ClusterId}/f_%{ProcId}", "-n", "2", "-l", "events.log"),
    )
    since = int(time.time()) - 1
    with Watcher(words) as watcher:
        home, away = desk.submit(*line), desk.submit(*line, "-site", "dongguan")
        user.wait_for_state(2, home["cluster"])
        seen_running = bobs_view(other)
        user.all_ended({home["cluster"]: 2, away["cluster"]: 2})
    assert b"curl" in watcher.seen, "the transfers were not seen at all"
    assert watcher.found == set()
    assert sorted(desk.markers(home["uuid"])) == sorted(desk.markers(away["uuid"])) == [0, 1]
    texts = {
        "the queue as bob sees it": seen_running,
        "the history as bob sees it": bobs_view(other),
        "all ads": long_ads(user.pool, since),
        "the daemons' logs": user.pool.run(["sh", "-c", "cat /var/log/condor/*"]).stdout,
        "the daemons' logs at the site": remote_site.sandbox.run(
            ["sh", "-c", "cat /var/log/condor/*"]
        ).stdout,
    }
    assert str(home["cluster"]) in seen_running
    assert found_in(texts, words) == []
    manifest = desk.bundles / home["uuid"] / "0/hepsub.manifest"
    assert "X-Amz-Signature" in manifest.read_text(), "the search would have found nothing anywhere"
    open_files = readable_by(other, user.account.home)
    assert {"job.sh", "events.log"} <= {path.name for path in open_files}, "the search saw nothing"
    assert files_with(words, open_files) == []
    brought = [path for path in desk.bundles.glob("*/home/**/*") if path.is_file()]
    assert {path.name for path in brought} == {"report.json"}
    logs = [path for path in user.work.iterdir() if path.is_file()]
    assert len(logs) >= 9
    assert files_with(words, [*brought, *logs]) == []
    modes = {oct(path.stat().st_mode & 0o077) for path in desk.bundles.glob("*/*/hepsub.manifest")}
    assert modes == {"0o0"}


def test_nothing_is_left_where_the_job_ran(desk: Desk, remote_site: RemoteSite) -> None:
    """After a job neither the execute directories nor /tmp of the worker node hold a credential."""
    user = desk.shell
    user.script("job.sh", "echo > r; ls -A > names; cat names; grep -rl X-Amz . && echo found")
    line = ("job.sh", "-out", "r=herd:out/%{ClusterId}/r")
    home, away = desk.submit(*line), desk.submit(*line, "-site", "dongguan")
    ads = user.all_ended({home["cluster"]: 1, away["cluster"]: 1})
    assert codes([*ads[home["cluster"]], *ads[away["cluster"]]]) == [0, 0]
    # The key is in every URL of this run, and in nobody else's; /tmp is the machine's own.
    places = "/tmp /var/tmp /var/lib/condor/execute"
    search = ["sh", "-c", f"grep -rl {desk.server.access_key} {places} || :"]
    assert remote_site.sandbox.run(search).stdout == ""
    found = user.pool.run(search).stdout.splitlines()
    assert found, "the search saw nothing, not even the server's own credentials"
    assert [path for path in found if not path.startswith(str(desk.server.directory))] == []


def bobs_view(other: Shell) -> str:
    """What bob finds in the queues and histories, with HTCondor's own tools."""
    commands = (["condor_q", "-allusers"], ["condor_history"])
    return "\n".join(
        other.pool.run([*command, "-name", name, "-long"], user="hepbob").stdout
        for command in commands
        for name in other.pool.schedds
    )


def readable_by(other: Shell, directory: Path) -> list[Path]:
    """The files below a directory that another user can read."""
    done = other.account.run(["find", directory, "-type", "f", "-readable"])
    return [Path(line) for line in done.stdout.splitlines()]


def files_with(words: tuple[str, ...], files: list[Path]) -> list[Path]:
    """The files that hold one of the words."""
    return [path for path in files if any(word.encode() in path.read_bytes() for word in words)]


def found_in(texts: dict[str, str], words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Where which word was found."""
    return [(name, word) for name, text in texts.items() for word in words if word in text]
