from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.bundle.report import LARGEST, REPORT, Report, read_report, report_at
from hepsub.documents import Malformed
from hepsub.plan.objects import ObjectInfo
from hepsub.tree import open_tree

MD5 = "c" * 32
OUTPUT = {"name": "r", "state": "home", "size": 7, "md5": MD5, "url": "https://s/b/r", "etag": None}
WHOLE: dict[str, Any] = {
    "version": 1,
    "job": "13.0",
    "run": 2,
    "host": "wn01",
    "started": "2026-07-01T10:00:00Z",
    "ended": "2026-07-01T10:00:09Z",
    "payload": {"exit_code": 0, "signal": None, "seconds": 9},
    "code": 85,
    "message": "these outputs came home instead: 'r'",
    "inputs": [{"name": "i", "size": 3, "seconds": 0, "tries": 1}],
    "outputs": [OUTPUT],
    "credentials": [
        {"name": "krb", "kind": "kerberos", "state": "valid", "expires": None, "renewed": 0}
    ],
    "chirp": True,
}


def read(**more: Any) -> Report:
    """The report with some fields that are different."""
    return read_report(json.dumps(WHOLE | more).encode())


def test_all_that_a_wrapper_says() -> None:
    report = read()
    assert (report.exit_code, report.code, report.run, report.started_at) == (
        0,
        85,
        2,
        1782900000.0,
    )
    assert (report.owes_marker, report.is_complete) == (True, False)
    said = report.output_named("r")
    assert said is not None
    assert (said.state, said.size, said.md5, said.url) == ("home", 7, MD5, "https://s/b/r")


@pytest.mark.parametrize(
    "more",
    [
        {"payload": None, "run": None, "code": 80, "job": "-", "started": "-", "ended": ""},
        {"payload": {"exit_code": None, "signal": 9, "seconds": -3600}},
        {"outputs": [{"name": "m*", "state": "missing", "size": None, "md5": None, "url": None, "etag": None}]},
        {"outputs": [{"name": "a\ufffd", "state": "lost", "size": 2**40, "md5": None, "url": None, "etag": None}]},
        {"outputs": [{**OUTPUT, "state": "uploaded", "etag": "x" * 2000}]},
        {"message": "x" * 2**20},
        {"of a later wrapper": [1, {"a": None}]},
    ],
)  # fmt: skip
def test_every_report_that_a_wrapper_can_write_is_read(more: dict[str, Any]) -> None:
    assert isinstance(read(**more), Report)


@pytest.mark.parametrize(
    "more",
    [
        {"code": "0"},
        {"code": None},
        {"code": 256},
        {"code": -1},
        {"version": 2},
        {"run": 10**30},
        {"run": 1.5},
        {"host": ["a"]},
        {"message": {}},
        {"started": "yesterday"},
        {"started": "2026-07-01T10:00:00+99:99"},
        {"payload": []},
        {"payload": {"exit_code": True}},
        {"outputs": {"r": {}}},
        {"outputs": [1]},
        {"outputs": [{**OUTPUT, "state": "done"}]},
        {"outputs": [{**OUTPUT, "size": -5}]},
        {"outputs": [{**OUTPUT, "size": 10**25}]},
        {"outputs": [{**OUTPUT, "name": "x" * 4097}]},
        {"outputs": [{**OUTPUT, "md5": "../../x"}]},
        {"outputs": [{**OUTPUT, "url": 3}]},
        {"chirp": "yes"},
    ],
)
def test_what_no_wrapper_writes_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(**more)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"code": 0, "outputs": [1]}',
        b'{"code": 1e999}',
        b'{"code": NaN}',
        b'{"code": ' + b"9" * 5000 + b"}",
        b'{"code": 0, "outputs": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"code": 0, "message": "\\ud800"}',
        b'{"code": 0}' + b" " * LARGEST,
    ],
)
def test_a_document_that_is_none_has_one_error(content: bytes) -> None:
    with pytest.raises(Malformed):
        read_report(content)


def test_times_that_are_none_are_not_known() -> None:
    assert [read(started=text).started_at for text in ("", "-", "2026-13-41T99:00:00Z")] == [
        0,
        0,
        0,
    ]


def test_what_came_home_is_told_by_exact_names() -> None:
    """Of bytes that are no UTF-8 each is one U+FFFD, in the report as in the comparison."""
    names = ("r", "d", "b\ufffd\ufffd")
    report = read(outputs=[{**OUTPUT, "name": name} for name in names])
    odd = b"b\xe2\x82".decode("utf-8", "surrogateescape")
    assert [name for name in ("r", "d/x/y", odd, "rr", "b", "b\ufffd", "x/r") if report.was_returned(name)] == [
        "r", "d/x/y", odd
    ]  # fmt: skip


def test_an_output_with_two_destinations_is_at_home_if_one_of_them_failed() -> None:
    report = read(outputs=[OUTPUT, {**OUTPUT, "state": "uploaded"}])
    assert report.was_returned("r")
    assert [each.state for each in report.outputs_named("r")] == ["home", "uploaded"]


@pytest.mark.parametrize(
    ("fact", "is_it"),
    [
        (ObjectInfo(size=7, etag=MD5), True),
        (ObjectInfo(size=8, etag=MD5), False),
        (ObjectInfo(size=7, etag="d" * 32), False),
        (ObjectInfo(size=7, etag="x-2"), True),
        (ObjectInfo(size=7, etag="d" * 32, encrypted=True), True),
    ],
)
def test_an_object_is_an_output_by_size_and_checksum(fact: ObjectInfo, is_it: bool) -> None:
    said = read().output_named("r")
    assert said is not None
    assert said.is_what(fact) is is_it


def test_the_marker_is_the_report_without_complaint() -> None:
    marker = json.loads(read().marker_text({"https://s/b/r": "etag"}))
    uploaded = {**OUTPUT, "state": "uploaded", "etag": "etag"}
    assert marker == {**WHOLE, "code": 0, "message": "", "outputs": [uploaded]}


def test_a_complaint_can_be_shown() -> None:
    assert read(message="no\x1bspace").complaint == r"no\x1bspace"
    assert len(read(message="x" * 10**6).complaint) == 2000


def test_a_report_is_read_from_a_tree_or_is_none(tmp_path: Path) -> None:
    with open_tree(tmp_path) as tree:
        assert report_at(tree) is None
        (tmp_path / "elsewhere").write_text(json.dumps(WHOLE))
        (tmp_path / REPORT).symlink_to("elsewhere")
        with pytest.raises(Malformed, match=r"report\.json cannot be read"):
            report_at(tree)
        (tmp_path / REPORT).unlink()
        (tmp_path / REPORT).write_text(json.dumps(WHOLE))
        assert report_at(tree) == read()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
PARTS = {
    "name": JSON,
    "state": st.sampled_from(["home", "uploaded", "lost", ""]) | JSON,
    "size": JSON,
}
REPORTS = st.fixed_dictionaries(
    {"code": st.integers(-1, 300) | JSON},
    optional={name: JSON for name in WHOLE if name not in ("code", "outputs")}
    | {
        "outputs": JSON
        | st.lists(st.fixed_dictionaries(PARTS, optional={"md5": JSON, "url": JSON}), max_size=3)
    },
)


@settings(max_examples=50)
@given(REPORTS | JSON, st.binary(max_size=20), st.integers(0, 200))
def test_any_document_is_a_report_or_malformed(document: Any, junk: bytes, at: int) -> None:
    content = json.dumps(document).encode()
    for each in (content, content[:at] + junk + content[at:], content[:at]):
        with contextlib.suppress(Malformed):
            report = read_report(each)
            assert 0 <= report.code <= 255
            assert isinstance(report.end_text() + report.complaint, str)
            assert report.started_at is not None
            assert isinstance(report.was_returned("r") or report.is_complete, bool)
            assert json.loads(report.marker_text({}))["code"] == 0
