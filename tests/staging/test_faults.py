"""A network that breaks, lies and forgets: every output ends complete in S3, or complete at home."""

import hashlib
import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pool.shell import END, PYTHON, Shell
from tests.staging.desk import E_CONTENT, E_HOME, E_INPUT, Desk, sit_down
from tests.testbed.faults import DENIED, Fault, Flip, Reset, Slow, Truncate, unavailable
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server

pytestmark = [pytest.mark.condor, pytest.mark.s3]

Proxied = Callable[[S3Server], FaultProxy]
JOBS = 6
OUTPUTS = ("a.dat", "d/b.dat")
SEEDS = (2, 3, 5, 8)
STORE = """
[storage.seed{seed}]
endpoint = "{at}"
allow_http = true
"""
PAYLOAD = """
import hashlib, os, sys
data = open("in.dat", "rb").read()
os.mkdir("d")
for name in ("a.dat", "d/b.dat"):
    seed = hashlib.sha256(data + name.encode()).digest()
    open(name, "wb").write(seed * (1 + 500 * int(sys.argv[1])))
"""


def made(data: bytes, name: str, proc: int) -> bytes:
    """What the payload makes."""
    return hashlib.sha256(data + name.encode()).digest() * (1 + 500 * proc)


def schedule(proxy: FaultProxy, seed: int) -> list[str]:
    """Inject faults by a seeded plan; what they are, for the message of a failure."""
    dice = random.Random(seed)
    faults: list[Fault] = [
        Reset(after=dice.random() < 0.5),
        Truncate(),
        Truncate(quietly=True),
        Flip(),
        unavailable(),
        unavailable(1),
        Slow(dice.choice((12_000, 40_000))),
    ]
    said = []
    for number, fault in enumerate(dice.sample(faults, 4)):
        chance = dice.choice((0.15, 0.4))
        for method in ("GET", "PUT"):
            proxy.inject(fault, method=method, chance=chance, seed=100 * seed + number)
        said.append(f"{fault} {chance}")
    once = dice.randrange(1, 12)
    proxy.inject(DENIED, method="PUT", first=once, last=once)
    if dice.random() < 0.5:
        broken = f"/{dice.randrange(JOBS)}/"
        proxy.inject(unavailable(), method="PUT", path=broken)
        said.append(f"503 for ever on {broken}")
    return said


@dataclass(frozen=True)
class Storm:
    """Jobs behind a proxy of their own, with the faults of one seed.

    Attributes:
        seed: the seed.
        desk: the user, and the store behind the proxy.
        straight: the store itself.
        faults: what the proxy does.
    """

    seed: int
    desk: Desk
    straight: Desk
    faults: list[str]

    def data(self, proc: int) -> bytes:
        """The input of a job."""
        return random.Random(100 * self.seed + proc).randbytes(20_000 + proc)

    def submit(self) -> dict[str, Any]:
        """Store the inputs and submit the jobs."""
        for proc in range(JOBS):
            self.straight.put(f"s{self.seed}/in_{proc}.dat", self.data(proc))
        place = f"seed{self.seed}:out/s{self.seed}/%{{ProcId}}"
        return self.desk.submit(
            *("job.py", "-n", str(JOBS), "-argu", "%{ProcId}", "-mem", "500"),
            *("-in", f"seed{self.seed}:raw/s{self.seed}/in_%{{ProcId}}.dat=in.dat"),
            *("-out", f"a.dat={place}/a.dat", "-out", f"d/b.dat={place}/b.dat"),
            env={"HEPSUB_PATIENCE_S": "4", "HEPSUB_PAUSE_MS": "20"},
        )

    def check(self, uuid: str, codes: list[int | None]) -> None:
        """Each output is complete in S3, with its marker, or complete at home and reported."""
        evidence = (self.seed, self.faults, codes)
        markers = whole_markers(self.straight, uuid, evidence)
        for proc, code in enumerate(codes):
            report = self.desk.report(uuid, proc)
            assert report["code"] == code, evidence
            if code in (E_INPUT, E_CONTENT):
                assert report["payload"] is None, evidence
                assert proc not in markers, evidence
                continue
            assert code in (0, E_HOME), (proc, report, evidence)
            states = {each["name"]: each["state"] for each in report["outputs"]}
            # The marker may be there though no answer came to the job: it is true all the same.
            assert proc in markers or code == E_HOME, (proc, evidence)
            assert proc not in markers or set(states.values()) == {"uploaded"}, evidence
            assert set(states) == set(OUTPUTS), evidence
            for name, state in states.items():
                assert self.found(uuid, proc, name, state) == made(self.data(proc), name, proc), (
                    *(proc, name, state),
                    evidence,
                )

    def found(self, uuid: str, proc: int, name: str, state: str) -> bytes:
        """An output where the report says that it is."""
        key = f"s{self.seed}/{proc}/{name.rpartition('/')[2]}"
        if state == "uploaded":
            return self.straight.server.content("out", key)
        assert state == "home", (proc, name, state)
        content = (self.desk.home_of(uuid, proc) / "outputs" / name).read_bytes()
        pending = {line[0]: line[1:] for line in self.desk.pending(uuid, proc)}
        size, md5, url = pending[f"outputs/{name}"]
        assert (int(size), md5) == (len(content), hashlib.md5(content).hexdigest())
        assert url == f"{self.desk.server.endpoint}/out/{key}"
        return content


@pytest.fixture
def storms(user: Shell, s3_server: S3Server, fault_proxy: Proxied) -> list[Storm]:
    """Give hepalice each of the stores in turn, behind a proxy for each seed."""
    proxies = {seed: fault_proxy(s3_server) for seed in SEEDS}
    more = "".join(STORE.format(seed=seed, at=each.endpoint) for seed, each in proxies.items())
    straight = sit_down(user, s3_server, more)
    user.script("job.py", PAYLOAD, shell=PYTHON)
    return [
        Storm(seed, Desk(user, each.server), straight, schedule(each, seed))
        for seed, each in proxies.items()
    ]


def test_each_output_ends_complete_in_s3_or_complete_at_home(storms: list[Storm]) -> None:
    """Under seeded faults, on both stores, no output is lost, none is half, and a marker never lies."""
    user, begin = storms[0].desk.shell, time.monotonic()
    with ThreadPoolExecutor(len(storms)) as threads:
        submitted = list(threads.map(Storm.submit, storms))
    between = time.monotonic()
    ads = user.all_ended({done["cluster"]: JOBS for done in submitted}, 3 * END)
    ended = time.monotonic()
    for storm, done in zip(storms, submitted, strict=True):
        codes = [ad.get("ExitCode") for ad in ads[done["cluster"]]]
        print(json.dumps({"seed": storm.seed, "faults": storm.faults, "codes": codes}))
        storm.check(done["uuid"], codes)
    print(f"submitted in {between - begin:.1f} s, ended {ended - between:.1f} s later")


def whole_markers(desk: Desk, uuid: str, evidence: object) -> list[int]:
    """The procs with a marker; each of them has to be a document, and not the ruins of one."""
    keys = [key for key in desk.server.objects("out") if f".hepsub/{uuid}/" in key]
    for key in keys:
        body = desk.server.content("out", key)
        try:
            assert json.loads(body)["code"] == 0
        except ValueError:
            pytest.fail(f"a marker that is broken lies in the store: {key} {body!r} {evidence}")
    return [int(Path(key).stem) for key in keys]


def one_job(desk: Desk, **options: Any) -> tuple[int | None, dict[int, dict[str, Any]]]:
    """Run a job with one output; its exit code and its markers."""
    desk.shell.script("job.sh", "echo result > r")
    done = desk.submit("job.sh", "-out", "r=herd:out/r_%{ClusterId}", **options)
    [ad] = desk.shell.ended(done["cluster"], timeout=2 * END)
    return ad.get("ExitCode"), desk.markers(done["uuid"])


def test_a_403_once_costs_nothing(behind: Desk, proxy: FaultProxy) -> None:
    """One refusal, as of a URL that was just renewed, is tried again."""
    proxy.inject(DENIED, method="PUT", last=1)
    code, markers = one_job(behind)
    assert (code, list(markers)) == (0, [0])


def test_a_marker_that_cannot_be_written_is_reported(behind: Desk, proxy: FaultProxy) -> None:
    """The output is in S3, the marker is not: exit code 85, and the report waits at home to be the marker."""
    proxy.inject(unavailable(), method="PUT", path=r"\.hepsub")
    code, markers = one_job(behind, env={"HEPSUB_PATIENCE_S": "3"})
    assert (code, markers) == (E_HOME, {})


def test_a_marker_that_is_spoilt_on_its_way_is_not_left_in_the_store(
    behind: Desk, rclone_s3: S3Server, proxy: FaultProxy
) -> None:
    """A byte of the marker flips each time: exit code 85, and no broken document where readers look."""
    proxy.inject(Flip(), method="PUT", path=r"\.hepsub")
    behind.shell.script("job.sh", "echo result > r")
    done = behind.submit(
        "job.sh", "-out", "r=herd:out/r_%{ClusterId}", env={"HEPSUB_PATIENCE_S": "3"}
    )
    [ad] = behind.shell.ended(done["cluster"], timeout=2 * END)
    assert ad.get("ExitCode") == E_HOME
    assert whole_markers(Desk(behind.shell, rclone_s3), done["uuid"], ad["ExitCode"]) == []
