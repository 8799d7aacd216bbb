"""The functions of 10_text.sh: texts in and out of manifests, reports, ads, URLs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hepsub.bundle.manifest import escaped
from hepsub.bundle.report import as_reported
from hepsub.worker import build
from tests.worker.modules import called

NAMES = [
    "r.root",
    "a b",
    "a\tb",
    "a\nb\n",
    "%",
    "100%25",
    "\t\n%\t",
    "é",
    "*?[a]",
    "\\n",
    "'\"",
    "-n",
    "x%09y",
]


@pytest.mark.parametrize("module", [path.stem for path in build.modules()])
def test_each_module_can_be_read_alone(shell: str, module: str, tmp_path: Path) -> None:
    assert called(shell, module.replace("00_rules", ""), "printf read", [[]], tmp_path) == ["read"]


def test_a_field_of_a_manifest(shell: str, tmp_path: Path) -> None:
    fields = [[escaped(name)] for name in NAMES]
    assert (
        called(shell, "10_text", 'decode "$1" && printf %s "$hs_text"', fields, tmp_path) == NAMES
    )
    both = 'encode "$1" && decode "$hs_text" && printf %s "$hs_text"'
    assert called(shell, "10_text", both, [[name] for name in NAMES], tmp_path) == NAMES
    told = called(shell, "10_text", 'encode "$1" && printf %s "$hs_text"', [["a\tb\nc%"]], tmp_path)
    assert told == ["a%09b%0ac%25"]


@pytest.mark.parametrize("field", ["%", "a%", "%2", "%0d", "%20", "a%zzb", "%%25"])
def test_what_is_no_field_of_a_manifest(shell: str, field: str, tmp_path: Path) -> None:
    assert called(shell, "10_text", 'decode "$1"', [[field]], tmp_path) == [" 1"]


def test_both_ways_to_write_a_line_end(shell: str, tmp_path: Path) -> None:
    told = called(shell, "10_text", 'decode "$1"; printf %s "$hs_text"', [["%0A%0a"]], tmp_path)
    assert told == ["\n\n"]


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"plain -_.~",
        b'a"b',
        b"a\\b",
        b"a'b",
        b"\x01\t\n",
        "é€😀".encode(),
        b"a\xffb",
        b"\xe2\x82A",
        b"\xc3",
        b"-n",
    ],
)
def test_a_string_of_the_report(shell: str, name: bytes, tmp_path: Path) -> None:
    [told] = called(shell, "10_text", 'json "$1"; printf %s "$hs_json"', [[name]], tmp_path)
    assert json.loads(told) == as_reported(name.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("text", "string"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ('"a" \\b\\', '"\\"a\\" \\\\b\\\\"'),
        ("a\tb\nc\x7f", '"a?b?c?"'),
        ("é%", '"é%"'),
    ],
)
def test_a_string_of_an_ad(shell: str, text: str, string: str, tmp_path: Path) -> None:
    words = 'classad "$1"; printf %s "$hs_string"'
    assert called(shell, "10_text", words, [[text]], tmp_path) == [string]


def test_a_word_for_curl(shell: str, tmp_path: Path) -> None:
    rows = [["https://a/b?c"], ['"a\\'], ["\\\\"], [""]]
    told = called(shell, "10_text", 'quote "$1"; printf %s "$hs_quoted"', rows, tmp_path)
    assert told == ["https://a/b?c", '\\"a\\\\', "\\\\\\\\", ""]


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://s3/b/k?X-Amz-Signature=a", "https://s3/b/k"),
        ("https://u:p@s3/b/k?a?b", "https://s3/b/k"),
        ("https://s3/b/k@home", "https://s3/b/k@home"),
        ("https://s3?a@b", "https://s3"),
        ("/a/path", "/a/path"),
    ],
)
def test_a_url_that_everybody_may_read(shell: str, url: str, bare: str, tmp_path: Path) -> None:
    assert called(shell, "10_text", 'bare "$1"; printf %s "$hs_bare"', [[url]], tmp_path) == [bare]


def test_an_md5_for_a_header(shell: str, tmp_path: Path) -> None:
    rows = [["d41d8cd98f00b204e9800998ecf8427e"]]
    told = called(shell, "10_text", 'base64_of_hex "$1"; printf %s "$hs_base64"', rows, tmp_path)
    assert told == ["1B2M2Y8AsgTpgAmY7PhCfg=="]


def test_a_time(shell: str, tmp_path: Path) -> None:
    rows = [["0"], ["1893456000"]]
    told = called(shell, "10_text", 'iso "$1"; printf %s "$hs_iso"', rows, tmp_path)
    assert told == [
        datetime.fromtimestamp(int(row[0]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for row in rows
    ]
