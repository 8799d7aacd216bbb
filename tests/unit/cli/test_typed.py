"""Words in the quotes of a shell, not finished yet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.cli.completion.offer import head_of, unquoted


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", ""),
        ("herd:raw/x", "herd:raw/x"),
        ("my\\ file", "my file"),
        ("my\\", "my"),
        ("'my file", "my file"),
        ("'it'\\''s'", "it's"),
        ('"a\\$b\\c\\"', 'a$b\\c"'),
        ("\"it's", "it's"),
        ("a'b c'\"d e\"f", "ab cd ef"),
        ("$(touch x)`touch y`", "$(touch x)`touch y`"),
    ],
)
def test_quotes_are_taken_away_and_nothing_else(typed: str, meant: str) -> None:
    assert unquoted(typed) == meant


@given(st.text())
def test_a_word_in_single_quotes_is_itself(text: str) -> None:
    assert unquoted("'" + text.replace("'", "'\\''")) == text


@pytest.mark.parametrize(
    ("typed", "piece", "head"),
    [
        ("herd:raw", "raw", "herd:"),
        ("herd:", "", "herd:"),
        ('"herd:raw', "herd:raw", ""),
        ("a\\ b=herd:my\\ f", "my\\ f", "a b=herd:"),
        ("herd:", "other", ""),
    ],
)
def test_what_stands_in_front_of_the_piece(typed: str, piece: str, head: str) -> None:
    assert head_of(typed, piece) == head
