"""Slurm's name of a node that a user names."""

from __future__ import annotations

import pytest

from hepsub.errors import SubmissionRefused
from hepsub.slurm.nodes import node_named

NODES = ("gpu01", "gpu02", "far.x.org", "far.y.org")


@pytest.mark.parametrize(
    ("said", "meant"),
    [("gpu01", "gpu01"), ("gpu01.ihep.ac.cn", "gpu01"), ("GPU02", "gpu02"), ("far.y.org", "far.y.org")],
)  # fmt: skip
def test_short_and_full_names(said: str, meant: str) -> None:
    assert node_named(said, NODES, "hpc") == meant


@pytest.mark.parametrize(
    ("said", "remedy"),
    [("gpu1", "did you mean 'gpu01'?"), ("far", "far.x.org, far.y.org"), ("far.z.org", "sinfo"), ("x", "sinfo")],
)  # fmt: skip
def test_what_is_no_node_is_refused(said: str, remedy: str) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        node_named(said, NODES, "hpc")
    assert f"no node '{said}' in the pool hpc" in refused.value.message
    assert remedy in refused.value.remedy
