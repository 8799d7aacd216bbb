"""HepJob's grammar in front of click: what is handed on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.cli.grammar import rewrite
from hepsub.cli.main import load
from hepsub.cli.parse import parse
from hepsub.errors import UsageError

HEP_SUB = load("hep_sub")


@pytest.mark.parametrize(
    ("words", "rewritten"),
    [
        ([], ["--"]),
        (["job.sh"], ["--", "job.sh"]),
        (["-n", "3", "job.sh"], ["--number=3", "--", "job.sh"]),
        (["job.sh", "-argu", "a", "b c"], ["--argu=a", "--argu=b c", "--", "job.sh"]),
        (["job.sh", "-argu", "a", "-argu", "b"], ["--argu=b", "--", "job.sh"]),
        (["job.sh", "-rmt", "-name", "-5"], ["--remote", "--name=-5", "--", "job.sh"]),
        (["--", "--", "job.sh"][1:], ["--", "job.sh"]),
    ],
)
def test_words_are_handed_on_as_click_wants_them(words: list[str], rewritten: list[str]) -> None:
    """`--field=value`, then `--`, then the script: click has nothing left to misread."""
    assert rewrite(words, HEP_SUB) == rewritten


DASHES = "\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{HORIZONTAL BAR}"
VALUE = st.text(st.characters(codec="utf-8", exclude_characters=DASHES + "\0"), min_size=1)


@given(VALUE)
def test_an_attached_value_is_any_text_at_all(value: str) -> None:
    """-name=X gives X, whatever X is."""
    assert parse([f"-name={value}", "job.sh"], HEP_SUB)["name"] == value


@given(VALUE.filter(lambda text: not text.startswith("-")))
def test_a_value_that_does_not_begin_with_a_dash_is_any_text(value: str) -> None:
    """-name X gives X."""
    assert parse(["-name", value, "job.sh"], HEP_SUB)["name"] == value


@given(st.lists(VALUE.filter(lambda text: not text.startswith("-")), min_size=1, max_size=5))
def test_argu_takes_every_word_that_is_no_option(words: list[str]) -> None:
    """In their order, unchanged."""
    assert parse(["job.sh", "-argu", *words], HEP_SUB)["argu"] == tuple(words)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_an_argument(number: float) -> None:
    """Negative ones, and those with an exponent, too."""
    assert parse(["job.sh", "-argu", str(number)], HEP_SUB)["argu"] == (str(number),)


@pytest.mark.parametrize(
    ("word", "field"),
    [("--me", "memory"), ("-ima", "image"), ("-sche", "schedd"), ("--wal", "walltime")],
)
def test_an_option_may_be_cut_short_to_four_characters(word: str, field: str) -> None:
    """As HepJob's own parser allowed; never where it could name two of them."""
    assert rewrite([word, "5", "job.sh"], HEP_SUB)[0] == f"--{field}=5"


@pytest.mark.parametrize("word", ["-sc", "-im", "--m", "-rmt3", "-quiet2"])
def test_what_is_too_short_or_takes_no_number_is_refused(word: str) -> None:
    """A number is attached only to an option that takes a value."""
    with pytest.raises(UsageError, match="unknown option"):
        rewrite([word, "job.sh"], HEP_SUB)
