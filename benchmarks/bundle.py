"""What a bundle costs: made, signed, and a credential renewed in it, for 1 and for 10,000 jobs."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.directory import new_bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.logs import link_logs
from hepsub.bundle.request import BundleRequest
from hepsub.plan.credentials import JobCredential
from hepsub.plan.files import FileRule
from hepsub.plan.location import ObjectPlace
from hepsub.plan.staging import StagingPlan
from hepsub.policy.model import TOKEN, Storage

ROUNDS = 5
HELD_TOKEN = UserCredential(
    name="iam",
    kind=TOKEN,
    content=b"t" * 1200,
    who="alice",
    lifetime=Lifetime(expires=None, renewable_until=None),
)


class Signer:
    """A signature that costs nothing: what is measured are the files."""

    def sign(self, method: str, place: ObjectPlace) -> str:
        """A URL of a usual length."""
        return f"https://s3.example.org/{place.bucket}/{place.key}?{'X' * 300}{method}"

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        """Not used."""
        raise NotImplementedError(place)


def request(number: int, script: Path, root: Path, *, confined: bool) -> BundleRequest:
    """Jobs with one input and one output in S3 and one token each."""
    rule = FileRule(name="x", url="herd:raw/%{ProcId}")
    staging = StagingPlan(
        inputs=(rule,),
        outputs=(rule,),
        storages={"herd": Storage(endpoint="https://s3.example.org")},
        objects=(),
        shared=not confined,
        chirp=False,
        cwd=str(root),
        bundle_root=str(root),
        grace=300,
        home_limit=2**30,
        put_limit=5 * 2**30,
        credentials=(JobCredential(name="iam", kind=TOKEN, file="iam.token"),),
        confined=confined,
        isolation="slot" if confined else "",
    )
    return BundleRequest(
        uuid="u",
        pool="p",
        schedd="s",
        number=number,
        user="alice",
        first=0,
        items=(),
        ends=(),
        executable=str(script),
        walltime=3600,
        factory=False,
        staging=staging,
        stdout=f"{root}/logs/o.%{{ProcId}}",
        stderr=f"{root}/logs/e.%{{ProcId}}",
    )


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def measure(number: int, *, confined: bool) -> dict[str, float]:
    """One bundle, step by step; seconds."""
    root = Path(tempfile.mkdtemp(prefix="hepsub-bench-"))
    try:
        (root / "logs").mkdir()
        script = root / "job.sh"
        script.write_text("#!/bin/sh\n")
        with new_bundle(root / "b", "u") as directory:
            made = request(number, script, root, confined=confined)
            bundle = Bundle(directory=directory.absolute(), request=made)
            return {
                "make": seconds(lambda: fill_bundle(bundle)),
                "credential": seconds(lambda: bundle.write_credential(HELD_TOKEN)),
                "manifests": seconds(lambda: bundle.write_manifests(1, lambda _: Signer())),
                "logs": seconds(lambda: link_logs(bundle, 1)),
                "renew credential": seconds(lambda: bundle.write_credential(HELD_TOKEN)),
                "renew manifests": seconds(lambda: bundle.write_manifests(1, lambda _: Signer())),
            }
    finally:
        shutil.rmtree(root)


def main() -> int:
    """Print medians: at home one private copy of a credential serves all jobs, at a site each has its own."""
    for number in (1, 10_000):
        for confined in (False, True):
            runs = [measure(number, confined=confined) for _ in range(ROUNDS)]
            for step in runs[0]:
                median = statistics.median(run[step] for run in runs)
                where = "site" if confined else "home"
                print(f"{number:6} jobs  {where}  {step:18} {median * 1000:9.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
