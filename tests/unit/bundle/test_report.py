from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hepsub.bundle.pending import Pending
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


@pytest.mark.parametrize(
    ("payload", "code", "succeeded", "complete", "owes", "told"),
    [
        ({"exit_code": 0, "signal": None}, 0, True, True, False, "the program ended with exit code 0"),
        ({"exit_code": 0, "signal": None}, 85, True, False, True, "the program ended with exit code 0"),
        ({"exit_code": 0, "signal": None}, 84, True, False, False, "the program ended with exit code 0"),
        ({"exit_code": 0, "signal": 9}, 85, False, False, False, "signal 9 ended the program"),
        ({"exit_code": None, "signal": 9}, 137, False, False, False, "signal 9 ended the program"),
        ({"exit_code": 1, "signal": None}, 0, False, False, False, "the program ended with exit code 1"),
        ({"exit_code": 1, "signal": None}, 85, False, False, False, "the program ended with exit code 1"),
        (None, 80, False, False, False, "the program was never started"),
    ],
)  # fmt: skip
def test_how_a_run_ended(
    payload: Any, code: int, succeeded: bool, complete: bool, owes: bool, told: str
) -> None:
    """Whose outputs are all in their place, and whose would be if those at home were."""
    report = read(payload=payload, code=code)
    assert report.has_succeeded is succeeded
    assert report.is_complete is complete
    assert report.owes_marker is owes
    assert report.end_text() == told


@pytest.mark.parametrize(
    ("of", "other", "is_later"),
    [
        ({}, {"run": 3}, True),
        ({}, {"run": 2, "host": "wn02"}, False),
        ({}, {"run": 1}, False),
        ({}, {"run": None}, False),
        ({}, {"run": None, "host": "wn02"}, True),
        ({"run": None}, {"started": "2026-07-01T10:00:01Z"}, True),
        ({"run": None}, {}, False),
    ],
)
def test_which_of_two_reports_is_of_the_later_run(
    of: dict[str, Any], other: dict[str, Any], is_later: bool
) -> None:
    """By the run's number; where one says none, any other run may be the later one."""
    assert read(**of).is_overtaken_by(read(**other)) is is_later


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
    assert report.output_named("r") == report.outputs_named("r")[1]
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
    """An output that came home is an object by the same rules, and both take what they know nothing against."""
    said = read().output_named("r")
    assert said is not None
    assert said.is_what(fact) is is_it
    home = Pending(line="", name="r", size=7, md5=MD5, destination="https://s/b/r")
    assert home.is_what(fact) is is_it
    assert replace(said, etag=fact.etag).is_what(fact) is (fact.size == 7)
    assert replace(said, size=None, md5=None).is_what(fact)
    assert replace(home, md5="").is_what(fact) is (fact.size == 7)


@pytest.mark.parametrize(
    ("name", "size", "was_returned"),
    [("r", 7, True), ("r", 8, False), ("d/x", 3, True), ("u", 7, False), ("n", 9, True), ("-", 1, False)],
)  # fmt: skip
def test_a_file_counts_as_brought_with_the_size_that_the_run_said(
    name: str, size: int, was_returned: bool
) -> None:
    """A broken transfer mixes files of two runs; of what lies in a directory nothing is said."""
    outputs = [
        OUTPUT,
        {**OUTPUT, "name": "d", "size": None},
        {**OUTPUT, "name": "u", "state": "uploaded"},
        {**OUTPUT, "name": "n", "size": None},
    ]
    assert read(outputs=outputs).was_returned(name, size) is was_returned


def test_outputs_are_known_by_where_they_are() -> None:
    """A path is what it is; a URL has its signs quoted."""
    urls = ("https://s/b/a%20b", "/data/a%20b", None)
    outputs = [{**OUTPUT, "name": str(n), "url": url} for n, url in enumerate(urls)]
    assert read(outputs=outputs).by_url() == {"https://s/b/a b": "0", "/data/a%20b": "1"}


def test_the_marker_is_the_report_without_complaint() -> None:
    """What came home and is in its place now counts as uploaded; of all else it says the same."""
    moved, lost = {**OUTPUT, "state": "moved"}, {**OUTPUT, "url": "https://s/b/lost"}
    at_home = {**OUTPUT, "url": None}
    report = read(outputs=[OUTPUT, moved, lost, at_home])
    marker = json.loads(report.marker_text({"https://s/b/r": "etag"}))
    uploaded = {**OUTPUT, "state": "uploaded", "etag": "etag"}
    outputs = [uploaded, moved, lost, at_home]
    assert marker == {**WHOLE, "code": 0, "message": "", "outputs": outputs}
    marker = json.loads(read(outputs=[{**OUTPUT, "etag": "x"}]).marker_text({"https://s/b/r": ""}))
    assert marker["outputs"][0]["etag"] is None


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
