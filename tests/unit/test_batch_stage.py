"""What a running job is at: words of the wrapper, read as what anybody could have written."""

from __future__ import annotations

import pytest

from hepsub.batch_stage import read_stage

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (f"uploading outputs {NOW - 240}", "uploading outputs since 4 min"),
        (
            f"uploading outputs {NOW - 240} s3.example.org:9000 {NOW - 180}",
            "uploading outputs since 4 min, the store s3.example.org:9000 does not answer since 3 min",
        ),
        (
            f"fetching inputs {NOW - 5} [2001:db8::1]:80 {NOW + 9}",
            "fetching inputs since 5 s, the store [2001:db8::1]:80 does not answer since 1 s",
        ),
        (f"running {NOW - 240}", ""),
    ],
)
def test_what_is_told(told: str, text: str) -> None:
    """The payload's own time is no news; a clock that is ahead does no harm."""
    stage = read_stage(told)
    assert stage is not None
    assert stage.text(NOW) == text


@pytest.mark.parametrize(
    "told",
    [
        "",
        "uploading outputs",
        "mining coins 1",
        "uploading outputs 1 \x1b[2J 1",
        "uploading outputs 1 host",
        "uploading outputs 12345678901",
        "uploading outputs 1\n",
        "uploading outputs \u0661",
        f"uploading outputs 1 {'a' * 500} 1",
    ],
)
def test_what_is_no_stage(told: str) -> None:
    """Anything else says nothing."""
    assert read_stage(told) is None


def test_what_another_run_told_counts_for_nothing() -> None:
    """But clocks may be five minutes apart."""
    assert read_stage(f"running {NOW - 301}", NOW) is None
    assert read_stage(f"running {NOW - 300}", NOW) is not None
