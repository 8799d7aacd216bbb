"""In which line of a TOML file a key stands."""

from __future__ import annotations

import pytest

from hepsub.policy.mistake import key_lines
from hepsub.policy.model import Layer


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", {}),
        ("a = 1", {"a": 1}),
        ("\n\na=1\n", {"a": 3}),
        ("# a\u2028b\x85c\r\n[t] # x\r\nk = 1\r\n", {"t": 2, "t.k": 3}),
        ("[t]\nk = 1\n", {"t": 1, "t.k": 2}),
        ("[a.b]\nc.d = 1\n", {"a": 1, "a.b": 1, "a.b.c": 2, "a.b.c.d": 2}),
        ("[[s]]\nk = 1\n", {"s": 1, "s.k": 2}),
        ("  [ t ] # note\n  k = 1\n", {"t": 1, "t.k": 2}),
        ("['a b']\n\"c.d\" = 1\n", {"a b": 1, "a b.c.d": 2}),
        ("# a = 1\nb = '# c = 2'\n", {"b": 2}),
        ("[t]\nk = 1\n[t2]\nk = 2\n", {"t": 1, "t.k": 2, "t2": 3, "t2.k": 4}),
        ("list = [\n  'x = 1',\n]\nk = 2\n", {"list": 1, "k": 4}),
    ],
)
def test_keys_and_headers_have_lines(text: str, lines: dict[str, int]) -> None:
    """Dotted names, quoted names, comments and tables in tables."""
    assert key_lines(text) == lines


def test_a_key_that_stands_nowhere_has_its_file() -> None:
    """One of an inline table has the line of that."""
    layer = Layer(file="f", text="[t]\nk = { x = 1 }\n")
    assert [layer.where(key) for key in ("t.k", "t.k.x", "t", "u")] == [
        "f line 2",
        "f line 2",
        "f line 1",
        "f",
    ]
