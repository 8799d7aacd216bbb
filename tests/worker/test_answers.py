"""50_http.sh and the modules of files: what an answer means, and where things go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.modules import called

HTTP = "10_text 15_process 25_manifest 50_http 52_away 60_inputs 80_outputs 85_places"
URL = "https://s3/b/k?hush"
HEADERS = """\
HTTP/1.1 307 Temporary\r
ETag: "redirected"\r
Retry-After: 7\r
\r
HTTP/1.1 200 OK\r
etag: "abc-2"\r
x-amz-server-side-encryption: aws:kms\r
Content-Length: 3\r
\r
"""


@pytest.mark.parametrize(
    ("name", "value"), [("etag", '"abc-2"'), ("encryption", "aws:kms"), ("retry", "")]
)
def test_a_header_of_the_last_answer(shell: str, name: str, value: str, tmp_path: Path) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/headers").write_text(HEADERS)
    assert called(shell, HTTP, 'header "$1"; printf %s "$hs_header"', [(name,)], tmp_path) == [
        value
    ]


@pytest.mark.parametrize(
    ("exit_code", "status", "outcome", "why"),
    [
        (0, 200, "ok", ""), (0, 206, "ok", ""), (0, 304, "never", "HTTP 304"),
        (22, 400, "refused", "HTTP 400"), (22, 401, "refused", "HTTP 401"), (22, 403, "refused", "HTTP 403"),
        (22, 404, "never", "HTTP 404"), (22, 408, "again", "HTTP 408"), (22, 416, "restart", "HTTP 416"),
        (22, 425, "again", "HTTP 425"), (22, 429, "again", "HTTP 429"), (22, 500, "again", "HTTP 500"),
        (22, 503, "again", "HTTP 503"),
        (3, 0, "never", "curl cannot use this URL (code 3)"), (6, 0, "again", "the host's name is not known"),
        (7, 0, "again", "no connection"), (18, 200, "again", "the connection broke (code 18)"),
        (23, 200, "never", "cannot write: is the disk full?"), (26, 0, "never", "cannot read the file"),
        (28, 0, "again", "too slow"), (33, 200, "restart", "the server cannot resume"),
        (35, 0, "again", "no trusted TLS connection (code 35)"),
        (60, 0, "never", "no trusted TLS connection (code 60)"),
        (77, 0, "never", "no trusted TLS connection (code 77)"),
    ],
)  # fmt: skip
def test_what_the_end_of_a_transfer_means(
    shell: str, exit_code: int, status: int, outcome: str, why: str, tmp_path: Path
) -> None:
    words = (
        'hs_http=curl hs_libraries=system; request_curl() { :; }; run_curl() { echo "$status"; exit "$code"; };'
        ' code=$1 status=$2; transfer get https://s3/k f; printf %s "$hs_outcome $hs_why"'
    )
    told = called(shell, HTTP, words, [(str(exit_code), f"{status:03d}")], tmp_path)
    assert told == [f"{outcome} {why}"]


@pytest.mark.parametrize("verb", ["put", "post", "delete"])
def test_an_upload_that_is_refused_tells_the_stores_word(
    shell: str, verb: str, tmp_path: Path
) -> None:
    words = (
        "hs_http=curl hs_libraries=system; request_curl() { :; };"
        ' run_curl() { echo "<Error><Code>QuotaExceeded</Code></Error>" >$hs_private/answer; echo 403; };'
        ' transfer "$1" https://s3/k f; printf %s "$hs_outcome $hs_why"'
    )
    assert called(shell, HTTP, words, [(verb,)], tmp_path) == ["refused HTTP 403 QuotaExceeded"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("<Error><Code>AccessDenied</Code></Error>", "HTTP 403 AccessDenied"),
        ("<?xml?>\n<Error>\n<Code>AccessDenied</Code>\n<Code>B</Code></Error>", "HTTP 403 AccessDenied"),
        ("<Error><Code>a b\033[31m</Code></Error>", "HTTP 403"),
        ("<html>", "HTTP 403"),
        ("", "HTTP 403"),
    ],
    ids=range(5),
)  # fmt: skip
def test_the_word_of_a_store(shell: str, answer: str, why: str, tmp_path: Path) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/answer").write_text(answer)
    words = 'hs_why="HTTP 403"; reason; printf %s "$hs_why"'
    assert called(shell, HTTP, words, [[]], tmp_path) == [why]


MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    ("headers", "answer", "outcome"),
    [
        (f'ETag: "{MD5}"', "", "ok"),
        (f'ETag: W/"{MD5}"', "", "ok"),
        (f'ETag: "{MD5.upper()}"', "", "ok"),
        (f"ETag: {MD5}", "", "ok"),
        (f'ETag: "{MD5[:-1]}0"', "", "wrong"),
        (f'ETag: W/"{MD5[:-1]}0"', "", "wrong"),
        (f'ETag: "{MD5[:-1]}0"\nx-amz-server-side-encryption: aws:kms', "", "ok"),
        (f'ETag: "{MD5[:-1]}0"\nx-amz-server-side-encryption-customer-algorithm: AES256', "", "ok"),
        (f'ETag: "{MD5[:-1]}0"\nx-amz-server-side-encryption: AES256', "", "wrong"),
        (f'ETag: "{MD5}-3"', "", "ok"),
        ('ETag: "none"', "", "ok"),
        ("", "", "ok"),
        ("", "<Error><Code>InternalError</Code></Error>", "again"),
    ],
    ids=range(13),
)  # fmt: skip
def test_whether_the_store_has_what_was_sent(
    shell: str, headers: str, answer: str, outcome: str, tmp_path: Path
) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/headers").write_text(
        f"HTTP/1.1 200 OK\n{headers}\n\n".replace("\n", "\r\n")
    )
    (tmp_path / ".hepsub/answer").write_text(answer)
    words = 'hs_outcome=ok hs_status=200 hs_want_md5=$1; check_put f; printf %s "$hs_outcome"'
    assert called(shell, HTTP, words, [(MD5,)], tmp_path) == [outcome]


@pytest.mark.parametrize(
    ("size", "checksum", "outcome"),
    [
        ("-", "-", "ok"),
        ("3", f"md5:{'900150983cd24fb0d6963f7d28e17f72'}", "ok"),
        ("4", "-", "wrong"),
        ("-", f"md5:{MD5}", "wrong"),
        ("-", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "ok"),
        ("-", f"sha256:{'0' * 64}", "wrong"),
    ],
)  # fmt: skip
def test_whether_an_input_is_what_was_submitted(
    shell: str, size: str, checksum: str, outcome: str, tmp_path: Path
) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/headers").write_text("HTTP/1.1 200 OK\r\n\r\n")
    (tmp_path / "f").write_text("abc")
    words = 'hs_outcome=ok hs_want_size=$1 hs_want_sum=$2; check_get f; printf %s "$hs_outcome"'
    assert called(shell, HTTP, words, [(size, checksum)], tmp_path) == [outcome]


def test_a_host_that_is_away_until_it_answers(shell: str, tmp_path: Path) -> None:
    words = (
        f"at() {{ is_absent && printf away || printf here; }}; host_of {URL}; at; went_away; at;"
        " host_of https://other/b; at; went_away; host_of https://s3/x; at; came_back; at; host_of https://other/b; at"
    )
    assert called(shell, HTTP, words, [[]], tmp_path) == ["hereawayhereawayhereaway"]


def test_a_request_for_curl(shell: str, tmp_path: Path) -> None:
    rows = [
        ("get", URL, "f"),
        ("put", 'https://s3/b/"\\?hush', "f"),
        ("post", URL, "f"),
        ("delete", URL, "-"),
    ]
    words = (
        "hs_etag=; hs_want_md5=$expected; hs_form='key=a%2f${filename}&x=y' hs_key=r; hs_ca=/top/ca.pem;"
        ' request_curl "$@"; cat "$hs_private/request"'
    ).replace("$expected", MD5)
    ca = 'cacert = "/top/ca.pem"\n'
    assert called(shell, HTTP, words, rows, tmp_path) == [
        f'url = "{URL}"\n{ca}',
        f'url = "https://s3/b/\\"\\\\?hush"\n{ca}header = "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=="\n',
        f'url = "{URL}"\n{ca}form-string = "key=a/r"\nform-string = "x=y"\n'
        'form = "file=@.hepsub/upload;filename=upload"\n',
        f'url = "{URL}"\n{ca}',
    ]


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://s3/b", "/top/.hepsub/creds/s3.pem"),
        ("https://s3.other/b", ""),
        ("http://s3/b", ""),
    ],
)
def test_the_authorities_for_a_url(shell: str, url: str, authority: str, tmp_path: Path) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/authorities").write_text("https://s3/\ts3.pem\n")
    words = 'hs_top=/top; authority_of "$1"; printf %s "$hs_ca"'
    assert called(shell, HTTP, words, [(url,)], tmp_path) == [authority]


# ---- libraries and outputs ----------------------------------------------------------------------------


def test_where_the_payload_looks_for_libraries(shell: str, tmp_path: Path) -> None:
    for name in ("a/lib", "a/python", "a/bin", "b/lib64", "b/lib/python"):
        (tmp_path / "hepsub_lib" / name).mkdir(parents=True)
    words = (
        "hs_top=$PWD; search_line dir a; search_line file x; search_line dir b; search_line file y;"
        ' printf "%s\\n" "$hs_lib_search" "$hs_lib_python" "$hs_lib_programs"'
    )
    [told] = called(shell, "10_text 15_process 65_libraries", words, [[]], tmp_path)
    top = f"{tmp_path}/hepsub_lib"
    assert [line.replace(top, ".") for line in told.splitlines()] == [
        "./a/lib:./a/:.:./b/lib64:./b/lib:./b/".replace("/:", ":").removesuffix("/"),
        "./a/python:./a:.:./b/lib/python:./b",
        "./a/bin:./a:.:./b",
    ]


@pytest.mark.parametrize(
    ("name", "is_match"),
    [
        ("r.root", True), ("d/r.root", True), ("d", False), ("missing", False), ("in.root", False),
        ("items.txt", False), ("hepsub_lib/x", False),
    ],
)  # fmt: skip
def test_what_a_pattern_may_mean(shell: str, name: str, *, is_match: bool, tmp_path: Path) -> None:
    for each in ("r.root", "d/r.root", "in.root", "items.txt", "hepsub_lib/x"):
        (tmp_path / each).parent.mkdir(exist_ok=True)
        (tmp_path / each).write_text("")
    words = "known in.root; hs_output=$1; is_match && printf yes"
    assert called(shell, HTTP, words, [(name,)], tmp_path) == (["yes"] if is_match else [" 1"])


@pytest.mark.parametrize(
    ("limit", "before", "size", "fits"),
    [("", "9", "9", True), ("10", "4", "6", True), ("10", "5", "6", False), ("0", "0", "0", True)],
)
def test_what_may_come_home(
    shell: str, limit: str, before: str, size: str, *, fits: bool, tmp_path: Path
) -> None:
    words = "hs_homelimit=$1 hs_home_bytes=$2 hs_bytes=$3; fits && printf yes"
    assert called(shell, HTTP, words, [(limit, before, size)], tmp_path) == (
        ["yes"] if fits else [" 1"]
    )
