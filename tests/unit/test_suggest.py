"""The closest match to a mistyped word."""

from __future__ import annotations

import pytest

from hepsub.suggest import closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "match"),
    [("defualt", "default"), ("LONG", "long"), ("shrt", "short"), ("xyz", None), ("", None)],
)
def test_the_closest_match(word: str, match: str | None) -> None:
    """The choice most like the word, case aside; nothing when nothing is like it."""
    assert closest(word, ["default", "long", "mid", "short", "test"]) == match


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ("-mail", None), ("-slurm", None), ("-mt", None), ("-memm", "-mem"), ("-grp", "--group"), ("-lsit", "-list"),
        ("--sit", "-site"), ("-gorup", "--group"), ("-ouput", "--output"), ("-outsiz", "-outsize"), ("-x", None),
        ("-gg", "-g"), ("--grou", "--group"),
    ],
)  # fmt: skip
def test_options_are_not_alike_for_their_dashes(word: str, match: str | None) -> None:
    known = [
        "-mem",
        "-wait",
        "-wt",
        "--group",
        "-g",
        "-list",
        "-site",
        "-rmt",
        "-maxidle",
        "-out",
        "-outsize",
    ]
    assert closest(word, [*known, "--output", "-gpu", "-image"]) == match


@pytest.mark.parametrize(
    ("word", "choices", "remedy"),
    [
        ("juno2", ["juno", "physics"], "did you mean 'juno'?"),
        ("xyz", ["physics", "juno"], "choose from juno, physics"),
        ("xyz", [], ""),
    ],
)
def test_a_remedy_names_the_closest_match_or_all(
    word: str, choices: list[str], remedy: str
) -> None:
    """Without a match the user sees what there is; without choices there is nothing to say."""
    assert did_you_mean(word, choices) == remedy
