"""Signed URLs beside botocore's: 20,000 of our signer, 2,000 of generate_presigned_url, in turn, medians."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from hepsub.plan.location import ObjectPlace
from hepsub.policy.model import Storage
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.signing import Signer
from hepsub.storage.store import Store

ROUNDS = 7
OURS, THEIRS = 20_000, 2_000
PLACES = [
    ObjectPlace(storage="herd", bucket="out", key=f"sim run/2026+x/job_{number}.root")
    for number in range(OURS)
]


def per_second(number: int, sign: Callable[[ObjectPlace], str]) -> float:
    """How many URLs come in a second."""
    begun = time.process_time()
    for place in PLACES[:number]:
        sign(place)
    return number / (time.process_time() - begun)


def main() -> int:
    """Print both rates and their ratio, with and without a session's token."""
    for token in ("", "t" * 1200):
        keys = S3Credentials(access="AKIAEXAMPLE", secret="s" * 40, token=token, expires=None)
        storage = Storage(endpoint="https://s3.example.org")
        store = Store(name="herd", storage=storage, keys=keys)
        client, signer = store.client(), Signer(store=store)

        def theirs(place: ObjectPlace) -> str:
            what = {"Bucket": place.bucket, "Key": place.key}
            return str(client.generate_presigned_url("put_object", what, 604800))  # noqa: B023

        def ours(place: ObjectPlace) -> str:
            return signer.sign("PUT", place)  # noqa: B023

        pairs = [(per_second(OURS, ours), per_second(THEIRS, theirs)) for _ in range(ROUNDS)]
        mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
        kind = "a session's keys" if token else "lasting keys"
        print(
            f"{kind:17} {mine:9,.0f} URLs/s  botocore {other:7,.0f}  {mine / other:5.1f} x"
            f"  {OURS:,} URLs in {OURS / mine:.2f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
