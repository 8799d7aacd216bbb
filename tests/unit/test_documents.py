from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hepsub
from hepsub.documents import Malformed, one_line, read_file, read_json


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


@pytest.mark.parametrize("text", ["a\nb", "a\n", "\0", "\x1b[2J", "\x7f", "\x9b"])
def test_a_line_has_no_control_characters(text: str) -> None:
    with pytest.raises(Malformed):
        one_line(text)


def test_a_line_may_have_any_letters() -> None:
    assert one_line("a b/\u00fc\u6c34\u202e") == "a b/\u00fc\u6c34\u202e"


def test_no_type_has_a_pattern() -> None:
    """msgspec.Meta(pattern=...) crashes the interpreter as that ends, some times in ten (msgspec issue 717)."""
    sources = Path(hepsub.__file__).parent.rglob("*.py")
    found = [path.name for path in sources if re.search(r"Meta\([^)]*pattern=", path.read_text())]
    assert found == []


@pytest.mark.parametrize("make", ["pipe", "large", "directory"])
def test_a_file_that_is_none_keeps_nobody_waiting(make: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if make == "pipe":
        os.mkfifo(path)
    elif make == "large":
        path.write_bytes(b"x" * 11)
    else:
        path.mkdir()
    with pytest.raises((Malformed, OSError)):
        read_file(path, 10)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    assert read_file(tmp_path / "file", 10) == b"x" * 10
