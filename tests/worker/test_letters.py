"""35_mailbox.sh and 37_letter.sh: which letter is asked for, and which is taken."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.worker.letters import (
    PROC,
    UUID,
    Post,
    credentials_letter,
    manifest_letter,
    without_signers,
)
from tests.worker.modules import called

MODULES = "10_text 15_process 25_manifest 35_mailbox 37_letter 40_credentials 45_renewal 50_http"
URL = "https://s3/b/m?hush"
MANIFEST = "hepsub-manifest\t1\t1.0\npayload\t/bin/true\n"
LINES = f"{MANIFEST}letter\tmanifest\t{PROC}\t100\t{URL}\nletter\tcredentials\t{UUID}\t100\t{URL}\n"
OPEN = """exec 2>/dev/null
    rm -f "$hs_private"/said.* "$hs_mail"/etag.*
    hs_job=1.0 hs_openssl=openssl
    find_letter "$1"
    cp "$2" "$hs_mail/sealed"
    : >"$hs_mail/headers"
    if open_letter "$1"; then is_newer "$1" && printf "taken %s" "$hs_serial" && hs_flaw=; fi
    printf %s "${hs_flaw:+ }$hs_flaw"
    ls -A "$hs_mail" | grep -e sealed -e signed -e opened"""
"""Opens one letter after another, each as if it were the first; nothing of it is left but what is in it."""

one_shell = pytest.mark.parametrize("shell", ["dash"], indirect=True)

IS_SERIAL = {
    "0": True, "7": True, "1796016000123": True, "9007199254740991": True, "": False, "-1": False, "01": False,
    "1 ": False, "1.5": False, "0x10": False, "1e3": False, "9" * 17: False, "a[$(x)]": False,
}  # fmt: skip


def test_a_serial(shell: str, tmp_path: Path) -> None:
    told = called(shell, MODULES, 'is_serial "$1"', [(each,) for each in IS_SERIAL], tmp_path)
    assert dict(zip(IS_SERIAL, told, strict=True)) == {
        serial: "" if good else " 1" for serial, good in IS_SERIAL.items()
    }


@one_shell
def test_how_large_a_letter_may_be(shell: str, tmp_path: Path) -> None:
    """With credentials 1 MiB; with a manifest as much, or four times the manifest that is here."""
    words = """
        head -c "$2" /dev/zero >"$hs_private/manifest"
        bound_letter "$1"
        printf %s "$hs_letter_bytes"
    """
    told = {
        ("credentials", 2**21): 2**20,
        ("manifest", 200): 2**20,
        ("manifest", 2**18): 2**20,
        ("manifest", 2**18 + 1): 2**20 + 4,
        ("manifest", 2**24): 2**26,
    }
    rows = [(kind, str(size)) for kind, size in told]
    assert called(shell, MODULES, words, rows, tmp_path) == [str(most) for most in told.values()]


SERIALS = [
    0, 1, 9, 10, 99_999_999, 100_000_000, 100_000_001, 199_999_999, 200_000_000, 2**31, 2**32 + 5,
    1_796_016_000_123, 1_796_016_000_124, 1_800_000_000_000, 2**53 - 2, 2**53 - 1,
]  # fmt: skip


def test_of_two_serials_one_is_larger(shell: str, tmp_path: Path) -> None:
    pairs = [(one, other) for one in SERIALS for other in SERIALS]
    rows = [(str(one), str(other)) for one, other in pairs]
    told = called(shell, MODULES, 'is_larger "$1" "$2"', rows, tmp_path)
    assert told == ["" if one > other else " 1" for one, other in pairs]


FLOORS = {
    ("manifest", ""): "100",
    ("manifest", "90"): "100",
    ("manifest", "110"): "110",
    ("credentials", ""): "100",
    ("credentials", "90"): "90",
    ("credentials", "110"): "110",
}
"""Kind, and the serial of the letter that was taken last → what a newer one has to exceed."""


def test_what_a_newer_letter_has_to_exceed(shell: str, tmp_path: Path) -> None:
    """A newer manifest that names newer credentials does not bring them."""
    _prepare(tmp_path, LINES)
    words = """
        rm -f "$hs_private"/serial.*
        [ -z "$2" ] || note_serial "$1" "$2"
        find_letter "$1"
        printf "%s %s" "$hs_letter_serial" "$hs_letter_id"
    """
    told = called(shell, MODULES, words, [*FLOORS], tmp_path)
    assert dict(zip(FLOORS, told, strict=True)) == {
        (kind, taken): f"{floor} {PROC if kind == 'manifest' else UUID}"
        for (kind, taken), floor in FLOORS.items()
    }


def test_without_a_good_line_no_letter_is_asked_for(shell: str, tmp_path: Path) -> None:
    _prepare(tmp_path, MANIFEST)
    lines = [
        "",
        f"letter\tmanifest\t{PROC}\tx\t{URL}\n",
        f"letter\tmanifest\t{PROC}\t1\tfile:///x\n",
    ]
    words = 'printf %s "$1" >"$hs_private/manifest"; find_letter manifest'
    told = called(shell, MODULES, words, [(MANIFEST + line,) for line in lines], tmp_path)
    assert told == [" 1"] * len(lines)


AD = 'Iwd = "/x"\nHepSub_LetterX = "https://s3/b/x"\nHepSub_Letter = {}\nArgs = "HepSub_Letter"\n'


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ('"https://s3/b/m?new"', "https://s3/b/m?new"),
        ('"http://s3/b/m"', "http://s3/b/m"),
        ('"file:///etc/passwd"', URL),
        ('"https://s3/b/m?a\\"b"', URL),
        ('"https://s3/b/m?a b"', URL),
        ('"https://s3/b/m?a\tb"', URL),
        ('""', URL),
        ("undefined", URL),
    ],
)
def test_the_ad_of_the_job_has_a_newer_address(
    shell: str, value: str, url: str, tmp_path: Path
) -> None:
    """It is a text that anybody may have put there: what is no URL leaves the manifest's."""
    _prepare(tmp_path, LINES)
    (tmp_path / "ad").write_text(AD.format(value))
    words = (
        '_CONDOR_JOB_AD=$PWD/ad; read_address; find_letter manifest; printf "%s %s " "$hs_letter_url" "$hs_letter_id"'
        '; find_letter credentials; printf %s "$hs_letter_url"'
    )
    without = words.replace("$PWD/ad", "$PWD/none")
    assert called(shell, MODULES, without, [[]], tmp_path) == [f"{URL} {PROC} {URL}"]
    assert called(shell, MODULES, words, [[]], tmp_path) == [f"{url} {PROC} {URL}"]


def test_a_letter_takes_no_more_than_a_part_of_the_time(shell: str, tmp_path: Path) -> None:
    parts = {"3600": 60, "100": 25, "8": 2, "3": 0, "-5": 0}
    words = (
        'now; hs_start=$hs_now hs_payload_end=$1; may_ask && printf %s "$hs_letter_end" || printf 0'
    )
    told = called(shell, MODULES, words, [(left,) for left in parts], tmp_path)
    for (left, seconds), each in zip(parts.items(), told, strict=True):
        assert int(each) in {seconds, max(seconds - 1, 0)}, f"{left} s are left"


def test_a_store_that_was_silent_is_left_alone(shell: str, tmp_path: Path) -> None:
    _prepare(tmp_path, LINES)
    again = {"0": True, "1": True, "2": False, "60": False}
    words = """
        rm -f "$hs_mail/later"
        now
        hs_start=$hs_now
        date() { echo $hs_now; }
        leave_alone $((hs_now - $1))
        may_ask && printf yes
        hs_now=$((hs_now + hs_refresh_s))
        may_ask && printf " later"
    """
    told = called(shell, MODULES, words, [(took,) for took in again], tmp_path)
    assert told == [("yes" if at_once else "") + " later" for at_once in again.values()]


# ---- which letter is taken -----------------------------------------------------------------------------

Make = Callable[[Post], bytes]
GOOD = manifest_letter(MANIFEST, 101)
UNSEALED, UNSIGNED, OTHER = (
    "it is not sealed for this job",
    "it is not signed by the submit host",
    "it is for another job",
)
NO_LETTER, OLD, BROKEN = (
    "it is no letter of hepsub's",
    "it is older than what the job has",
    "it is not whole",
)

FORGED: dict[str, tuple[Make, str]] = {
    "by a stranger": (lambda post: post.seal(GOOD, "stranger"), UNSIGNED),
    "by whom the machine trusts": (lambda post: post.seal(GOOD, "trusted"), UNSIGNED),
    "by one of the signer's name": (lambda post: post.seal(GOOD, "double"), UNSIGNED),
    "by the authority": (lambda post: post.seal(GOOD, "authority"), UNSIGNED),
    "by the recipient": (lambda post: post.seal(GOOD, "recipient"), UNSIGNED),
    "by two": (lambda post: post.encrypt(post.sign(GOOD, "signer", "stranger")), UNSIGNED),
    "by nobody": (lambda post: post.encrypt(without_signers(GOOD)), UNSIGNED),
    "not signed": (lambda post: post.encrypt(GOOD), UNSIGNED),
    "sealed twice": (lambda post: post.encrypt(post.seal(GOOD)), UNSIGNED),
    "changed": (lambda post: post.encrypt(post.sign(GOOD, "signer").replace(b"true", b"evil")), UNSIGNED),
    "not sealed": (lambda post: post.sign(GOOD, "signer"), UNSEALED),
    "sealed for another": (lambda post: post.seal(GOOD, recipient="authority"), UNSEALED),
    "truncated": (lambda post: post.seal(GOOD)[:-40], UNSEALED),
    "half": (lambda post: post.seal(GOOD)[:300], UNSEALED),
    "empty": (lambda _: b"", UNSEALED),
    "no CMS": (lambda _: b"<Error><Code>NoSuchKey</Code></Error>", UNSEALED),
    "bare": (lambda _: GOOD, UNSEALED),
}  # fmt: skip


@pytest.fixture(scope="module")
def forged(post: Post) -> dict[str, bytes]:
    """Give the forged letters."""
    return {case: make(post) for case, (make, _) in FORGED.items()}


def test_a_forged_letter_is_not_taken(
    shell: str, post: Post, forged: dict[str, bytes], tmp_path: Path
) -> None:
    """Under one shell each of them, under the others one for each way that openssl can end."""
    cases = [*FORGED] if shell == "dash" else ["by whom the machine trusts", "truncated", "empty"]
    letters = {case: ("manifest", forged[case]) for case in cases}
    said = "hepsub: a letter in the mailbox is not taken"
    assert _opened(shell, post, letters, tmp_path) == {
        case: f"{said}: {FORGED[case][1]}; the job goes on with the manifest it has\n {FORGED[case][1]} 1"
        for case in cases
    }


@one_shell
def test_a_changed_byte_changes_no_content(shell: str, post: Post, tmp_path: Path) -> None:
    """Of the seal some bytes may be changed; what was signed is as it was, or is not taken."""
    letter = post.seal(GOOD)
    rows = []
    for place in range(0, len(letter), 97):
        name = f"letter{place}"
        changed = letter[:place] + bytes([letter[place] ^ 1]) + letter[place + 1 :]
        (tmp_path / name).write_bytes(changed)
        rows.append(("manifest", name))
    _prepare(tmp_path, LINES, post)
    (tmp_path / "good").write_text(MANIFEST)
    words = (
        f'{OPEN}; rm -f got; mv "$hs_mail/letter" got; [ ! -e got ] || cmp got good || printf evil'
    )
    told = called(shell, MODULES, words, rows, tmp_path)
    assert not any("evil" in each for each in told)
    assert sum("taken 101" in each for each in told) < len(told) / 4


CONTENTS: dict[str, tuple[str, bytes, str]] = {
    "newer": ("manifest", GOOD, "taken 101"),
    "much newer": ("manifest", manifest_letter(MANIFEST, 2**53 - 1), f"taken {2**53 - 1}"),
    "the same": ("manifest", manifest_letter(MANIFEST, 100), ""),
    "older": ("manifest", manifest_letter(MANIFEST, 99), OLD),
    "no number": ("manifest", manifest_letter(MANIFEST, "0x999"), NO_LETTER),
    "leading zero": ("manifest", manifest_letter(MANIFEST, "0999"), NO_LETTER),
    "too large a number": ("manifest", manifest_letter(MANIFEST, "9" * 17), NO_LETTER),
    "more fields": ("manifest", manifest_letter(MANIFEST, "101\tx"), NO_LETTER),
    "another version": ("manifest", GOOD.replace(b"\t1\t", b"\t2\t", 1), NO_LETTER),
    "carriage returns": ("manifest", GOOD.replace(b"\n", b"\r\n"), NO_LETTER),
    "nothing": ("manifest", b"\n", NO_LETTER),
    "no line's end": ("manifest", manifest_letter("", 101)[:-1], BROKEN),
    "another proc": ("manifest", manifest_letter(MANIFEST, 101, f"{UUID}.1"), OTHER),
    "another submission": ("manifest", manifest_letter(MANIFEST, 101, "x.0"), OTHER),
    "another kind": ("manifest", credentials_letter({}, 101), OTHER),
    "no manifest": ("manifest", manifest_letter("", 101), BROKEN),
    "another job's manifest": ("manifest", manifest_letter("hepsub-manifest\t1\t1.1\n", 101), BROKEN),
    "credentials": ("credentials", credentials_letter({"f": "x"}, 101), "taken 101"),
    "no credentials": ("credentials", credentials_letter({}, 101), "taken 101"),
    "older credentials": ("credentials", credentials_letter({"f": "x"}, 99), OLD),
    "a manifest for credentials": ("credentials", GOOD, OTHER),
    "cut credentials": ("credentials", credentials_letter({"f": bytes(300)}, 101)[:-20] + b"\n", "taken 101"),
    "lines too few": ("credentials", credentials_letter({"f": "x"}, 101).replace(b"\t1\n", b"\t2\n"), BROKEN),
    "no base64": ("credentials", credentials_letter({"f": "x"}, 101) + b"file\tg\t1\n$(x)\n", BROKEN),
    "other lines": ("credentials", credentials_letter({"f": "x"}, 101) + b"link\tg\t0\n", BROKEN),
}  # fmt: skip


SAID = {
    case: f" {expected}" if expected in {NO_LETTER, OTHER, OLD, BROKEN} else expected
    for case, (_, _, expected) in CONTENTS.items()
}


@one_shell
def test_what_a_signed_letter_says(shell: str, post: Post, tmp_path: Path) -> None:
    letters = {case: (kind, post.seal(content)) for case, (kind, content, _) in CONTENTS.items()}
    told = _opened(shell, post, letters, tmp_path)
    assert {case: each.removesuffix(" 1") for case, each in told.items()} == SAID


def test_what_an_opened_letter_says(shell: str, tmp_path: Path) -> None:
    """The same, without openssl."""
    _prepare(tmp_path, LINES)
    rows = []
    for number, (kind, content, _) in enumerate(CONTENTS.values()):
        (tmp_path / f"content{number}").write_bytes(content)
        rows.append((kind, f"content{number}"))
    words = """
        hs_job=1.0
        find_letter "$1"
        cp "$2" "$hs_mail/opened"
        if is_newer "$1"; then printf "taken %s" "$hs_serial"; else printf %s "${hs_flaw:+ }$hs_flaw"; fi
    """
    told = called(shell, MODULES, words, rows, tmp_path)
    assert dict(zip(CONTENTS, told, strict=True)) == SAID


def test_the_signers_certificate_may_have_ended(shell: str, post: Post, tmp_path: Path) -> None:
    _prepare(tmp_path, LINES, post)
    (tmp_path / ".hepsub/mail/signer.crt").write_bytes(post.certificate_of("past"))
    (tmp_path / "letter").write_bytes(post.seal(GOOD, "past"))
    assert called(shell, MODULES, OPEN, [("manifest", "letter")], tmp_path) == ["taken 101 1"]


def test_settings_of_a_users_openssl_are_left_out(shell: str, post: Post, tmp_path: Path) -> None:
    (tmp_path / "cnf").write_text(
        "openssl_conf = x\n[x]\nproviders = y\n[y]\nnone = z\n[z]\nactivate = 1\n"
    )
    words = f"export OPENSSL_CONF=$PWD/cnf; {OPEN}"
    told = _opened(shell, post, {"newer": ("manifest", post.seal(GOOD))}, tmp_path, words)
    assert told == {"newer": "taken 101 1"}


def test_a_credential_in_a_letter(shell: str, post: Post, tmp_path: Path) -> None:
    content = {"a": bytes(range(256)) * 9, "1": b"one", "01": b"other", "a%25 b": b"odd"}
    body = credentials_letter(content, 1).partition(b"\n")[2]
    _prepare(tmp_path, LINES)
    (tmp_path / ".hepsub/mail/credentials").write_bytes(body)
    words = """
        exec 2>/dev/null
        hs_mailbox=yes hs_letters_read=yes hs_openssl=openssl hs_cred_name=$1
        from_letter "$2"
        cmp "$2" "$3"
    """
    names = [*content, "b"]
    for number, name in enumerate(names):
        (tmp_path / f"want{number}").write_bytes(content.get(name, b""))
    rows = [(name, f"got{number}", f"want{number}") for number, name in enumerate(names)]
    told = called(shell, MODULES, words, rows, tmp_path)
    assert not any(each.endswith(" 1") for each in told), told


def _prepare(directory: Path, manifest: str, post: Post | None = None) -> None:
    mail = directory / ".hepsub/mail"
    mail.mkdir(parents=True, exist_ok=True)
    (directory / ".hepsub/manifest").write_text(manifest)
    if post is not None:
        (mail / "recipient.pem").write_bytes(post.key)
        (mail / "signer.crt").write_bytes(post.certificate)
        shutil.copytree(post.authorities, directory / "authorities", dirs_exist_ok=True)


def _opened(
    shell: str,
    post: Post,
    letters: Mapping[str, tuple[str, bytes]],
    directory: Path,
    words: str = OPEN,
) -> dict[str, str]:
    """What is said of each letter; the machine trusts others than the signer."""
    _prepare(directory, LINES, post)
    rows = []
    for number, (kind, letter) in enumerate(letters.values()):
        (directory / f"letter{number}").write_bytes(letter)
        rows.append((kind, f"letter{number}"))
    words = f"export SSL_CERT_DIR=$PWD/authorities; {words}"
    return dict(zip(letters, called(shell, MODULES, words, rows, directory), strict=True))
