from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsub.bundle.pending import PENDING, confirmed, pending_at, read_pending, write_pending
from hepsub.bundle.report import read_report
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


NO_NAME = "it is not a name below a directory"
NOT_BELOW = "it names nothing below outputs"
NO_DIGITS = "its size or its MD5 is none"
NO_SIGN = "it has a '%' that stands for nothing"
NO_PLACE = "its destination is none"
NO_FILE = "no file can have its name"
DEEP = b"/".join([b"x" * 255] * 16)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"outputs/r\t3", "it has 2 fields, not 4"),
        (b"outputs/r\t3\t-\t/p\tmore", "it has 5 fields, not 4"),
        (b"outputs/r\t" + b"9" * 18 + b"\t-\t/p", ""),
        (b"outputs/r\t" + b"9" * 19 + b"\t-\t/p", NO_DIGITS),
        (b"outputs/r\t\t-\t/p", NO_DIGITS),
        (b"outputs/r\t-5\t-\t/p", NO_DIGITS),
        (b"outputs/r\t\xd9\xa3\t-\t/p", NO_DIGITS),
        (b"outputs/r\t3\tmd5\t/p", NO_DIGITS),
        (b"outputs/r\t3\t" + b"C" * 32 + b"\t/p", NO_DIGITS),
        (b"outputs/r\t3\t-\t", NO_PLACE),
        (b"outputs/r\t3\t-\t" + b"x" * 16384, ""),
        (b"outputs/r\t3\t-\t" + b"x" * 16385, NO_PLACE),
        (b"outputs/" + b"x" * 255 + b"\t3\t-\t/p", ""),
        (b"outputs/" + b"x" * 256 + b"\t3\t-\t/p", NO_FILE),
        (b"outputs/" + b"\xff" * 255 + b"\t3\t-\t/p", ""),
        (b"outputs/" + b"\xc3\xa9" * 128 + b"\t3\t-\t/p", NO_FILE),
        (b"outputs/" + DEEP[8:] + b"\t3\t-\t/p", ""),
        (b"outputs/" + DEEP[6:] + b"\t3\t-\t/p", NOT_BELOW),
        (b"outputs/" + b"x/" * 80 + b"x\t3\t-\t/p", NO_NAME),
        (b"outputs/../../../x\t3\t-\t/p", NO_NAME),
        (b"outputs/./r\t3\t-\t/p", NO_NAME),
        (b"outputs//r\t3\t-\t/p", NO_NAME),
        (b"/etc/passwd\t3\t-\t/p", NO_NAME),
        (b"outputs/r\0\t3\t-\t/p", NO_NAME),
        (b"outputs\t3\t-\t/p", NOT_BELOW),
        (b"inputs/r\t3\t-\t/p", NOT_BELOW),
        (b"report.json\t3\t-\t/p", NOT_BELOW),
        (b"report.json\t-\t" + b"c" * 32 + b"\t/p", NOT_BELOW),
        (b"outputs/%2e%2e/r\t3\t-\t/p", NO_SIGN),
        (b"outputs/r%\t3\t-\t/p", NO_SIGN),
        (b"outputs/r\t3\t-\t/p%2", NO_SIGN),
    ],
)
def test_a_line_that_cannot_be_used_is_told_and_costs_no_other(line: bytes, why: str) -> None:
    """What a job can write there is bounded; the longest of each kind is taken."""
    found, troubles = read_pending(b"\n\n".join((line, b"outputs/last\t3\t-\t/p")))
    assert [each.name for each in found][-1:] == ["last"]
    assert len(found) == 1 + (not why)
    assert troubles == ((f"line 1 of pending.tsv was not used: {why}",) if why else ())


SAID = {"name": "r", "state": "home", "size": 7, "md5": MD5, "url": URL}


@pytest.mark.parametrize(
    ("line", "code", "said", "is_confirmed"),
    [
        (f"outputs/r\t7\t{MD5}\t{URL}", 85, [SAID], True),
        (f"outputs/r\t7\t{MD5}\t{URL}", 1, [SAID], True),
        (f"outputs/r\t7\t-\t{URL}", 85, [SAID], True),
        (f"outputs/r\t7\t{'d' * 32}\t{URL}", 85, [SAID], False),
        (f"outputs/r\t7\t{MD5}\t{URL}2", 85, [SAID], False),
        (f"outputs/r\t7\t{MD5}\t{URL}", 85, [{**SAID, "state": "uploaded"}], False),
        (f"outputs/r\t7\t{MD5}\t{URL}", 85, [{**SAID, "state": "lost"}, SAID], True),
        (f"outputs/r\t7\t{MD5}\t{URL}", 85, [], False),
        (f"outputs/q\t7\t{MD5}\t{URL}", 85, [SAID], False),
        (f"report.json\t-\t-\t{URL}", 85, [], True),
        (f"report.json\t-\t-\t{URL}", 84, [], False),
    ],
)
def test_what_the_report_does_not_say_is_an_earlier_runs(
    line: str, code: int, said: list[dict[str, object]], is_confirmed: bool
) -> None:
    report = read_report(
        json.dumps({"code": code, "payload": {"exit_code": 0}, "outputs": said}).encode()
    )
    listed, _ = read_pending(line.encode())
    assert confirmed(listed, report) == (list(listed) if is_confirmed else [])


def test_a_list_of_too_many_lines_is_refused() -> None:
    assert read_pending(b"\n" * 199_999) == ((), ())
    for content in (b"\n" * 200_000, b"x" * (2**26 + 1)):
        with pytest.raises(
            Malformed, match=r"^pending\.tsv has more than 200000 lines, or 67108864 bytes$"
        ):
            read_pending(content)


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
