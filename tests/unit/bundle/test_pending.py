from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.bundle.pending import PENDING, pending_at, read_pending, write_pending
from hepsub.documents import Malformed
from hepsub.tree import components, open_tree

MD5 = "c" * 32
URL = "https://s3.example.org/out/13/r"


def test_a_list_of_outputs_and_the_marker() -> None:
    lines = f"outputs/d/m%2509%0a\t3\t{MD5}\t{URL}%25\noutputs/r\t0\t-\t/p\nreport.json\t-\t-\t{URL}.json\n"
    (first, second, marker), troubles = read_pending(lines.encode())
    assert troubles == ()
    assert (first.name, first.path) == ("d/m%09\n", "outputs/d/m%09\n")
    assert (first.size, first.md5, first.destination) == (3, MD5, f"{URL}%")
    assert (second.md5, second.destination) == ("", "/p")
    assert (marker.is_marker, marker.path, marker.destination) == (
        True,
        "report.json",
        f"{URL}.json",
    )


def test_a_name_whose_bytes_are_no_utf8() -> None:
    [found], _ = read_pending(b"outputs/\xff\t3\t-\t/p")
    assert found.name == "\udcff"


@pytest.mark.parametrize(
    "line",
    [
        b"outputs/r\t3",
        b"outputs/r\t3\t-\t/p\tmore",
        b"outputs/r\t" + b"9" * 5000 + b"\t-\t/p",
        b"outputs/r\t-5\t-\t/p",
        b"outputs/r\t\xd9\xa3\t-\t/p",
        b"outputs/r\t3\tmd5\t/p",
        b"outputs/r\t3\t-\t",
        b"outputs/r\t3\t-\t" + b"x" * 20000,
        b"outputs/" + b"x" * 256 + b"\t3\t-\t/p",
        b"outputs/" + b"x/" * 80 + b"x\t3\t-\t/p",
        b"outputs/" + b"x/" * 3000 + b"x\t3\t-\t/p",
        b"outputs/../../../x\t3\t-\t/p",
        b"outputs/./r\t3\t-\t/p",
        b"outputs//r\t3\t-\t/p",
        b"/etc/passwd\t3\t-\t/p",
        b"outputs\t3\t-\t/p",
        b"report.json\t3\t-\t/p",
        b"outputs/r\0\t3\t-\t/p",
        b"outputs/%2e%2e/r\t3\t-\t/p",
        b"outputs/r%\t3\t-\t/p",
    ],
)
def test_a_line_that_cannot_be_used_is_told_and_costs_no_other(line: bytes) -> None:
    found, troubles = read_pending(b"\n".join((line, b"outputs/r\t3\t-\t/p")))
    assert [each.name for each in found] == ["r"]
    [trouble] = troubles
    assert trouble.startswith("line 1 of pending.tsv was not used: ")


def test_a_list_of_too_many_lines_is_refused() -> None:
    with pytest.raises(Malformed, match="more than 200000 lines"):
        read_pending(b"\n" * 200_001)


def test_a_list_is_written_back_as_it_was(tmp_path: Path) -> None:
    lines = f"outputs/a%25\t3\t{MD5}\t{URL}\noutputs/b\t3\t-\t/p\n"
    (tmp_path / PENDING).write_text(lines)
    with open_tree(tmp_path) as tree:
        found, _ = pending_at(tree)
        write_pending(tree, found)
        assert (tmp_path / PENDING).read_text() == lines
        write_pending(tree, ())
        assert pending_at(tree) == ((), ())
    assert not (tmp_path / PENDING).exists()


FIELD = st.text(max_size=12) | st.sampled_from(
    ["outputs/r", "report.json", "-", "3", MD5, URL, "outputs/%25"]
)


@settings(max_examples=50)
@given(st.lists(st.lists(FIELD, max_size=5).map("\t".join), max_size=5), st.binary(max_size=30))
def test_any_bytes_are_lines_troubles_or_malformed(lines: list[str], junk: bytes) -> None:
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    for each in (content, junk, content + junk):
        with contextlib.suppress(Malformed):
            for pending in read_pending(each)[0]:
                assert components(pending.path)[0] in ("outputs", "report.json")
                assert pending.is_marker or 0 <= (pending.size or 0) < 10**18
