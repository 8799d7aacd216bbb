"""Keys and signatures: nowhere that another user, the queue or a log could show them."""

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.pool.shell import Shell, long_ads
from tests.staging.desk import SECRET_WORDS, Desk, clear, codes, sit_down
from tests.testbed import ceph
from tests.testbed.faults import Slow
from tests.testbed.proxy import FaultProxy
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

Proxied = Callable[[S3Server], FaultProxy]
WAITS = '[ ! -d "$HEPSUB_SUBMIT_DIR" ] || until [ -e "$HEPSUB_SUBMIT_DIR/go" ]; do sleep 0.1; done'
"""At home a job runs until it has been looked at, however slow the machine is."""


class Watcher:
    """Reads every command line of the machine, and what else of /proc others may read, until it is left."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = [word.encode() for word in words]
        self.found: set[bytes] = set()
        self.seen: set[bytes] = set()
        self.looks = 0
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
            self.looks += 1
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = place.read_bytes()
                except OSError:
                    continue
                self.seen.add(line.split(b"\0")[0].rpartition(b"/")[2])
                self.found.update(line for word in self.words if word in line)


@pytest.fixture(params=["long-lived", pytest.param("session", marks=pytest.mark.ceph)])
def slow_desk(user: Shell, fault_proxy: Proxied, request: pytest.FixtureRequest) -> Desk:
    """Give hepalice a store whose transfers take a second or two: with her own keys, with a session's."""
    name = "rclone_s3" if request.param == "long-lived" else "ceph_rgw"
    server: S3Server = request.getfixturevalue(name)
    server.start()
    clear(server)
    proxy = fault_proxy(server if name == "rclone_s3" else ceph.temporary_keys(server, 900))
    proxy.inject(Slow(250_000), method="GET", path="/raw/")
    proxy.inject(Slow(250_000), method="PUT", path="/out/")
    return sit_down(user, proxy.server)


def secret_words(server: S3Server) -> tuple[str, ...]:
    """What must be nowhere: names of the URLs' secret parts, the keys, the token in each spelling."""
    token = server.session_token or ""
    spelt = (token, quote(token, safe=""), token[8:40]) if token else ()
    return (*SECRET_WORDS, server.secret_key, server.access_key, *spelt)


def test_no_secret_is_seen_by_anybody_else(
    slow_desk: Desk, other: Shell, remote_site: RemoteSite
) -> None:
    """Nothing in ads, histories, command lines, daemon and job logs, files that bob may read, what came home."""
    desk, user = slow_desk, slow_desk.shell
    desk.put("in.dat", b"x" * 300_000)
    words = secret_words(desk.server)
    user.script("job.sh", f"cp in.dat out.dat; env; ls -la; {WAITS}")
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
        (user.work / "go").touch()
        ads = user.all_ended({home["cluster"]: 2, away["cluster"]: 2})
    ends = {cluster: codes(each) for cluster, each in ads.items()}
    assert all(each == [0, 0] for each in ends.values()), ends
    said = f"{watcher.looks} looks at /proc saw {sorted(watcher.seen)}"
    assert b"curl" in watcher.seen, f"the transfers were not seen at all: {said}"
    assert watcher.found == set(), f"command lines with a secret: {sorted(watcher.found)}"
    for submitted in (home, away):
        markers = sorted(desk.markers(submitted["uuid"]))
        assert markers == [0, 1], (submitted, sorted(desk.server.objects("out")))
    texts = {
        "the queue as bob sees it": seen_running,
        "the history as bob sees it": bobs_view(other),
        "all ads": long_ads(user.pool, since),
        "the daemons' logs": user.pool.run(["sh", "-c", "cat /var/log/condor/*"]).stdout,
        "the daemons' logs at the site": remote_site.sandbox.run(
            ["sh", "-c", "cat /var/log/condor/*"]
        ).stdout,
    }
    assert str(home["cluster"]) in seen_running, seen_running[-2000:]
    found = found_in(texts, words)
    assert found == [], "\n".join(found)
    manifest = (desk.bundles / home["uuid"] / "job/0/hepsub.manifest").read_text()
    assert "X-Amz-Signature" in manifest, "the search would have found nothing anywhere"
    assert ("X-Amz-Security-Token" in manifest) == bool(desk.server.session_token)
    open_files = readable_by(other, user.account.home)
    assert {"job.sh", "events.log"} <= {path.name for path in open_files}, "the search saw nothing"
    assert files_with(words, open_files) == []
    brought = [path for path in desk.bundles.glob("*/job/*/home.*/**/*") if path.is_file()]
    assert {path.name for path in brought} == {"report.json"}, brought
    logs = [path for path in user.work.iterdir() if path.is_file()]
    assert len(logs) >= 9, logs
    assert files_with(words, [*brought, *logs]) == []
    manifests = list(desk.bundles.glob("*/job/*/hepsub.manifest"))
    modes = {oct(path.stat().st_mode & 0o077) for path in manifests}
    assert modes == {"0o0"}, [(str(path), oct(path.stat().st_mode)) for path in manifests]


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


VARIABLES = {
    "DB_PW": "hepsub-rabbit-1234567890",
    "SSH_PRIVATE_KEY": "-----BEGIN X-----\nhepsub-hole-0987654321\n\n  %25 $(HOME) $$(X) 'q' \"d\"\\\t\udcff é\n",
}
WORDS = ("hepsub-rabbit-1234567890", "hepsub-hole-0987654321")
TELLS = """for each in DB_PW SSH_PRIVATE_KEY; do printenv $each | sha256sum; done
test -e hepsub.environment && echo found"""


def test_a_variable_that_is_a_secret_reaches_the_job_and_nobody_else(
    desk: Desk, other: Shell, remote_site: RemoteSite
) -> None:
    """The job sees the exact values; ads, histories, logs, command lines and open files have nothing of them."""
    user = desk.shell
    user.script("job.sh", f"{TELLS}\n{WAITS}")
    line = ("job.sh", "-env", "DB_PW", "-env", "SSH_PRIVATE_KEY", "-n", "2", "-l", "events.log")
    since = int(time.time()) - 1
    with Watcher(WORDS) as watcher:
        home = desk.submit(*line, env=VARIABLES)
        away = desk.submit(*line, "-site", "dongguan", env=VARIABLES)
        plain = desk.submit("job.sh", "-l", "events.log", env=VARIABLES)
        user.wait_for_state(2, home["cluster"])
        seen_running = bobs_view(other)
        open_running = readable_by(other, user.account.home)
        (user.work / "go").touch()
        wanted = {home["cluster"]: 2, away["cluster"]: 2, plain["cluster"]: 1}
        ads = user.all_ended(wanted)
    assert {cluster: codes(each) for cluster, each in ads.items()} == {
        home["cluster"]: [0, 0],
        away["cluster"]: [0, 0],
        plain["cluster"]: [0],
    }
    assert watcher.found == set(), f"command lines with a secret: {sorted(watcher.found)}"
    sums = [
        hashlib.sha256(f"{value}\n".encode("utf-8", "surrogateescape")).hexdigest()
        for value in VARIABLES.values()
    ]
    for cluster, proc in ((home["cluster"], 0), (home["cluster"], 1), (away["cluster"], 1)):
        said = user.text(f"job.sh.out.{cluster}.{proc}")
        assert [each.split()[0] for each in said.splitlines()[:2]] == sums, said
        assert "found" not in said
    nothing = hashlib.sha256(b"").hexdigest()
    said = user.text(f"job.sh.out.{plain['cluster']}.0")
    assert [each.split()[0] for each in said.splitlines()[:2]] == [nothing, nothing]
    assert ["DB_PW" in note and "SSH_PRIVATE_KEY" in note for note in plain["notes"]] == [True]
    texts = {
        "the queue as bob sees it": seen_running,
        "the history as bob sees it": bobs_view(other),
        "all ads": long_ads(user.pool, since),
        "the daemons' logs": user.pool.run(["sh", "-c", "cat /var/log/condor/*"]).stdout,
        "the daemons' logs at the site": remote_site.sandbox.run(
            ["sh", "-c", "cat /var/log/condor/*"]
        ).stdout,
    }
    assert str(home["cluster"]) in seen_running, seen_running[-2000:]
    assert found_in(texts, WORDS) == []
    assert [name for name in texts if "DB_PW" in texts[name]] == []
    for files in (open_running, readable_by(other, user.account.home)):
        there = [path for path in files if path.exists()]
        assert {"job.sh", "events.log"} <= {path.name for path in there}, "the search saw nothing"
        assert files_with(WORDS, there) == []
    own = [path for path in user.account.home.rglob("*") if path.is_file()]
    holding = {path for path, _ in files_with(WORDS, own)}
    assert {path.name for path in holding} == {"hepsub.environment"}, holding
    assert {path.stat().st_mode & 0o777 for path in holding} == {0o600}
    journals = [path for path in own if path.suffix == ".jsonl"]
    assert journals, "there is no journal to look into"
    places = ["find", "/var/lib/condor/execute", "-type", "f"]
    for box in (user.pool.sandbox, remote_site.sandbox):
        left = [box.path(each) for each in box.run(places).stdout.splitlines()]
        assert files_with(WORDS, left) == []


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


def files_with(words: tuple[str, ...], files: list[Path]) -> list[tuple[Path, str]]:
    """The files that hold one of the words, and which."""
    return [(path, word) for path in files for word in words if word.encode() in path.read_bytes()]


def found_in(texts: dict[str, str], words: tuple[str, ...]) -> list[str]:
    """Where which word was found, with the line around it."""
    return [
        f"{name}: {word}: {line[:2000]}"
        for name, text in texts.items()
        for word in words
        for line in text.splitlines()
        if word in line
    ]
