"""The wrapper's awk programs, as they travel: under mawk, gawk with its warnings, busybox."""

import base64
import json
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from urllib.parse import quote

import pytest

from hepsub.bundle.report import as_reported
from hepsub.worker.build import program_text
from tests.worker.credentials import Ticket, ccache, token

AWKS = {"mawk": ["mawk"], "gawk": ["gawk", "--lint"], "busybox": ["busybox", "awk"]}
IDIOMS = "uninitialized|shadows global|assignment used in conditional|substr: "
"""What gawk warns of, and is meant: variables begin empty, and so may a part of a text be."""
SERVICE = ("afs", "test.hep")
DAY = 86400
Awk = Callable[..., tuple[int, bytes]]


@pytest.fixture(params=list(AWKS))
def awk(request: pytest.FixtureRequest) -> Awk:
    """Give each awk: run a program, with words in front of it, on an input."""
    words = AWKS[request.param]
    if shutil.which(words[0]) is None:
        pytest.skip(f"no {words[0]} here")

    def run(name: str, content: bytes, *options: str, **env: str) -> tuple[int, bytes]:
        done = subprocess.run(
            [*words, *options, program_text(name)],
            input=content,
            capture_output=True,
            check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", **env},
        )
        warnings = [
            each for each in done.stderr.decode().splitlines() if not re.search(IDIOMS, each)
        ]
        assert warnings == []
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize(
    "name",
    [
        b"", b"plain", b'a"b\\c', b"a\tb\nc\n", b"\x01\x7f", "é€😀".encode(), b"a\xffb", b"\xe2\x82A", b"\xc3",
        b"\xc0\xaf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
        b"\xe2\x82\xac\xe2\x82",
    ],
)  # fmt: skip
def test_a_json_string(awk: Awk, name: bytes) -> None:
    code, told = awk("json.awk", name + b"X")
    assert code == 0
    assert json.loads(told) == as_reported(name.decode("utf-8", "surrogateescape"))


def test_no_control_character_stands_in_a_json_string(awk: Awk) -> None:
    assert awk("json.awk", b"\x1b\x7fX") == (0, b'"\\u001b\\u007f"')


@pytest.mark.parametrize("size", [1, 2, 3, 16, 32])
def test_base64(awk: Awk, size: int) -> None:
    content = bytes(range(255, 255 - size, -1))
    assert awk("base64.awk", content.hex().encode() + b"\n") == (
        0,
        base64.b64encode(content) + b"\n",
    )


@pytest.mark.parametrize(
    ("content", "bare"),
    [
        ("abc.def\n", "abc.def"),
        (" abc \r\n", "abc"),
        ('{"access_token": "abc", "expires_in": 3600}\n', "abc"),
        ('{\n "scope": "x",\n "access_token" :\t"a\\/b="\n}\n', "a/b="),
        ('{"refresh_token": "abc"}', '{"refresh_token":"abc"}'),
        ("", ""),
    ],
)
def test_a_bare_token(awk: Awk, content: str, bare: str) -> None:
    assert awk("access_token.awk", content.encode()) == (0, bare.encode())


def jwt(claims: str) -> bytes:
    middle = base64.urlsafe_b64encode(claims.encode()).rstrip(b"=")
    return b"eyJ9." + middle + b".c2ln"


@pytest.mark.parametrize(
    ("content", "end"),
    [
        (jwt('{"exp":1893456000}'), "1893456000"),
        (jwt('{"sub": "é?>", "exp" : 1893456000, "iat": 1}') + b"\n", "1893456000"),
        (jwt('{"exp":1893456000}') + b"\r\n\n", "1893456000"),
        (jwt('{"exp":1893456000.5}'), "1893456000"),
        (jwt('{"exp":12345678}'), "-"),
        (jwt('{"exp":"never"}'), "-"),
        (b"opaque-token", "-"),
        (b"a.b.c.d", "-"),
        (b"a.{}.c", "-"),
        (b"a.eyJleHAiOjE4OTM0NTYwMDB9\\.c", "-"),
    ],
)
def test_a_token_tells_its_end(awk: Awk, content: bytes, end: str) -> None:
    assert awk("jwt.awk", content) == (0, f"- {end} -\n".encode())


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two words", b"one\ntwo\n", "é".encode(), b"a\tb"]
)
def test_what_is_no_token(awk: Awk, content: bytes) -> None:
    assert awk("jwt.awk", content) == (1, b"")


def test_a_token_of_the_other_tests(awk: Awk) -> None:
    assert re.fullmatch(rb"- \d{10} -\n", awk("jwt.awk", token().encode())[1])


def bytes_in_words(content: bytes) -> bytes:
    """As od -An -v -tu1 tells them."""
    lines = [content[at : at + 16] for at in range(0, len(content), 16)]
    return b"".join(" ".join(str(byte) for byte in line).encode() + b"\n" for line in lines)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize(
    ("tickets", "times"),
    [
        ((Ticket(DAY, 7 * DAY, 100),), "100 86400 604800"),
        ((Ticket(DAY, 0, 100), Ticket(2 * DAY, 0, 200)), "200 172800 0"),
        ((Ticket(2 * DAY, 0, 200), Ticket(DAY, 0, 100)), "200 172800 0"),
        ((Ticket(DAY, 0, 100), Ticket(3 * DAY, 0, 50, SERVICE)), "100 86400 0"),
        ((Ticket(4294967295, 4294967295, 4294967294),), "4294967294 4294967295 4294967295"),
    ],
)
def test_the_times_of_a_ticket(
    awk: Awk, version: int, tickets: tuple[Ticket, ...], times: str
) -> None:
    content = bytes_in_words(ccache(*tickets, version=version))
    assert awk("ccache.awk", content) == (0, f"{times}\n".encode())


@pytest.mark.parametrize(("start", "begins"), [(0, 100), (150, 150)])
def test_a_ticket_without_a_start_begins_when_it_was_given(
    awk: Awk, start: int, begins: int
) -> None:
    times = struct.pack(">III", 100, 100, DAY)
    content = ccache(Ticket(DAY, 0, 100)).replace(times, struct.pack(">III", 100, start, DAY))
    assert awk("ccache.awk", bytes_in_words(content)) == (0, f"{begins} {DAY} 0\n".encode())


GOOD = ccache(Ticket(DAY, 0, 100))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        b"\x05\x02" + GOOD[2:],
        b"\x04" + GOOD[1:],
        GOOD[:-1],
        GOOD[:60],
        GOOD + b"\0",
        ccache(),
        ccache(Ticket(DAY, server=SERVICE)),
        ccache(Ticket(DAY, realm="OTHER.HEP")),
        struct.pack(">HHIII", 0x0504, 0, 1, 4294967295, 5),
    ],
    ids=range(11),
)
def test_what_is_no_ticket(awk: Awk, content: bytes) -> None:
    assert awk("ccache.awk", bytes_in_words(content)) == (1, b"")


LINE = "QUJD" * 19
LETTER = f"file\ta\t2\n{LINE}\nQQ==\nfile\tA\t0\nfile\t1\t1\nbbbb\nfile\t01\t1\ncccc\n"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a", f"{LINE}\nQQ==\n"),
        ("A", ""),
        ("1", "bbbb\n"),
        ("01", "cccc\n"),
        ("b", ""),
        ("QQ==", ""),
    ],
)
def test_a_credential_in_a_letter(awk: Awk, name: str, lines: str) -> None:
    assert awk("letter.awk", LETTER.encode(), HS_FILE=name) == (0, lines.encode())


@pytest.mark.parametrize(
    "more",
    [
        "x", "\n", "file\tb\t1\n", "file\tb\t-1\n", "file\tb\t\n", "file\tb\t1e0\nQQ==\n", "file\tb\t0000001\nQQ==\n",
        "file\tb\n", "file\tb\t0\tx\n", "file\t\t0\n", "File\tb\t0\n", "file\tb\t1\nQ=Q=\n", "file\tb\t1\nQQ-_\n",
        "file\tb\t1\n\n", f"file\tb\t1\n{LINE}Q\n", "file\tb\t1\nQQ==\r\n", "file\tb\t2\nQQ==\nfile\tc\t0\n",
    ],
    ids=range(17),
)  # fmt: skip
def test_a_letter_that_is_not_whole_gives_nothing(awk: Awk, more: str) -> None:
    assert awk("letter.awk", (LETTER + more).encode(), HS_FILE="a") == (1, b"")


FORM = "key=out%2f${filename}&x-amz-meta=a%22b%5Cc%0Ad&empty=&eq=a%3Db%26c"


def test_a_form_for_curl(awk: Awk) -> None:
    code, told = awk("form.awk", FORM.encode(), "-v", "wanted=curl", HS_KEY='r é".root')
    assert code == 0
    assert told.decode() == (
        'form-string = "key=out/r é\\".root"\nform-string = "x-amz-meta=a\\"b\\\\c\\nd"\n'
        'form-string = "empty="\nform-string = "eq=a=b&c"\nform = "file=@.hepsub/upload;filename=upload"\n'
    )


@pytest.mark.parametrize("name", ["r.root", "r é%&.root", "${filename}", "a\\b", "~._-"])
def test_the_key_of_a_form_as_in_a_url(awk: Awk, name: str) -> None:
    told = awk("form.awk", FORM.encode(), "-v", "wanted=key", HS_KEY=name)
    assert told == (0, f"out/{quote(name)}".encode())
