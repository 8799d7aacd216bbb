from __future__ import annotations

import contextlib
import json
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.documents import Malformed, read_json


class Sample(msgspec.Struct, frozen=True):
    code: Annotated[int, msgspec.Meta(ge=0, le=255)]
    name: Annotated[str, msgspec.Meta(max_length=20)] = ""
    inner: dict[str, object] = {}


def test_a_document_becomes_a_value() -> None:
    assert read_json(b'{"code": 3, "name": "a]b[{", "more": 1}', Sample, most=100) == Sample(
        code=3, name="a]b[{"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'"code"',
        b'{"code": 1e999}',
        b'{"code": 256}',
        b'{"code": "3"}',
        b'{"code": null}',
        b'{"code": 3, "name": ["x"]}',
        b'{"code": 3, "name": "' + b"x" * 21 + b'"}',
        b'{"code": ' + b"9" * 5000 + b"}",
        b'{"code": 3, "name": "\xff\xfe"}',
        b'{"code": 3, "name": "\\ud800"}',
        b'{"code": 3, "inner": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"}",
        b'{"code": 3, "inner": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
        b'{"code": 3} {}',
        b'{"code": 3, "name": "',
    ],
)
def test_what_is_none_is_told_by_one_error(content: bytes) -> None:
    with pytest.raises(Malformed):
        read_json(content, Sample, most=10**7)


def test_a_large_one_is_not_even_looked_at() -> None:
    with pytest.raises(Malformed, match="larger than 10 bytes"):
        read_json(b'{"code": 3}', Sample, most=10)


def test_digits_in_a_text_are_no_number() -> None:
    content = json.dumps({"code": 1, "inner": {"hash": "1" * 5000}}).encode()
    assert read_json(content, Sample, most=10**5).inner == {"hash": "1" * 5000}


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_malformed(content: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(read_json(content, Sample, most=250), Sample)
