"""What is wrong with a default is told with the line that set it."""

from __future__ import annotations

import pytest

from hepsub.errors import PolicyError, UsageError
from hepsub.policy.mistake import default_of
from tests.fakes.world import make_policy


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("argument -g/--group: nobody has it", "nobody has it"),
        ("-wt: no class; see argument -p: x", "no class; see argument -p: x"),
        ("you are in no group", "you are in no group"),
    ],
)
def test_a_default_is_blamed_and_not_the_option_that_nobody_gave(said: str, told: str) -> None:
    policy = make_policy("[defaults]\ngroup = 'juno'\n")
    with pytest.raises(PolicyError) as caught, default_of(policy, "defaults.group"):
        raise UsageError(said, remedy="ask")
    assert caught.value.message == f"test.toml line 2: defaults.group: {told}"
    assert caught.value.remedy == "ask"
