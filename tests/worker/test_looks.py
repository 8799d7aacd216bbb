"""40_credentials.sh and 45_renewal.sh: what a credential is good for, which one is better, when to ask again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.credentials import ccache, now, ticket, token
from tests.worker.modules import called

MODULES = "10_text 15_process 25_manifest 30_chirp 40_credentials 45_renewal"
HOUR = 3600
LOOK = 'hs_kind=$1; look "$2" || printf none; printf %s "$hs_begins $hs_ends $hs_renews"'


def test_the_times_of_credentials(shell: str, tmp_path: Path) -> None:
    good = ticket(HOUR, renewable=5 * HOUR, age=60)
    (tmp_path / "krb").write_bytes(ccache(good))
    (tmp_path / "jwt").write_text(token(HOUR))
    (tmp_path / "opaque").write_text(token(None))
    (tmp_path / "empty").write_text("")
    rows = [
        ("kerberos", "krb"),
        ("token", "jwt"),
        ("token", "opaque"),
        ("token", "empty"),
        ("token", "missing"),
    ]
    told = called(shell, MODULES, LOOK, rows, tmp_path)
    assert told[0] == f"{good.start} {good.end} {good.renew}"
    begins, ends, renews = told[1].split()
    assert (begins, renews) == ("-", "-")
    assert abs(int(ends) - now() - HOUR) < 60
    assert told[2:] == ["- - -", "none- - -", "none- - -"]


@pytest.mark.parametrize(
    ("kind", "content", "state"),
    [
        ("kerberos", ccache(ticket(HOUR)), "valid"),
        ("kerberos", ccache(ticket(-1)), "expired"),
        ("kerberos", ccache(ticket(HOUR))[:-9], "missing"),
        ("kerberos", b"", "missing"),
        ("token", token(HOUR).encode(), "valid"),
        ("token", token(-1).encode(), "expired"),
        ("token", token(None).encode(), "valid"),
        ("token", b"two words", "missing"),
    ],
)
def test_what_a_credential_is_good_for(
    shell: str, kind: str, content: bytes, state: str, tmp_path: Path
) -> None:
    (tmp_path / ".hepsub/creds").mkdir(parents=True)
    (tmp_path / ".hepsub/creds/f").write_bytes(content)
    words = 'hs_how=file hs_cred_name=f hs_kind=$1; weigh; printf %s "$hs_state"'
    assert called(shell, MODULES, words, [(kind,)], tmp_path) == [state]


OLD = ticket(HOUR, renewable=2 * HOUR)
LONGER = ticket(2 * HOUR, renewable=2 * HOUR)
RENEWABLE = ticket(HOUR, renewable=9 * HOUR)
SHORTER = ticket(HOUR - 60, renewable=9 * HOUR)
ENDED = ticket(-60)
ENDED_RENEWABLE = ticket(-60, renewable=9 * HOUR)


@pytest.mark.parametrize(
    ("new", "old", "kinit", "is_better"),
    [
        (ccache(LONGER), ccache(OLD), "", True),
        (ccache(OLD), ccache(LONGER), "", False),
        (ccache(OLD), ccache(OLD), "", False),
        (ccache(OLD), b"", "", True),
        (b"", ccache(ENDED), "", False),
        (ccache(OLD)[:-5], ccache(ENDED), "", False),
        (ccache(OLD), ccache(ENDED), "", True),
        (ccache(ENDED), ccache(OLD), "", False),
        (ccache(SHORTER), ccache(LONGER), "", False),
        (ccache(SHORTER), ccache(LONGER), "kinit", True),
        (ccache(LONGER), ccache(RENEWABLE), "kinit", False),
        (ccache(LONGER), ccache(OLD), "kinit", True),
        (ccache(ENDED_RENEWABLE), ccache(OLD), "kinit", False),
    ],
    ids=range(13),
)  # fmt: skip
def test_a_better_ticket(
    shell: str, new: bytes, old: bytes, kinit: str, *, is_better: bool, tmp_path: Path
) -> None:
    (tmp_path / "new").write_bytes(new)
    (tmp_path / "old").write_bytes(old)
    words = "hs_kind=kerberos hs_cred_path=old hs_kinits=$1; better new && printf yes"
    assert called(shell, MODULES, words, [(kinit,)], tmp_path) == (["yes"] if is_better else [" 1"])


@pytest.mark.parametrize(
    ("new", "old", "is_better"),
    [
        (token(2 * HOUR), token(HOUR), True),
        (token(HOUR), token(2 * HOUR), False),
        (token(HOUR, "a"), token(None), True),
        (token(None, "a"), token(HOUR), True),
        (token(None, "a"), token(None, "b"), True),
        (token(None, "a"), token(None, "a"), False),
        (token(-60), token(HOUR), False),
        (token(HOUR), token(-60), True),
        ("two words", token(-60), False),
        (token(HOUR), "", True),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_better_token(shell: str, new: str, old: str, *, is_better: bool, tmp_path: Path) -> None:
    (tmp_path / "new").write_text(new)
    (tmp_path / "old").write_text(old)
    words = "hs_kind=token hs_cred_path=old; better new && printf yes"
    assert called(shell, MODULES, words, [[]], tmp_path) == (["yes"] if is_better else [" 1"])


@pytest.mark.parametrize(
    ("how", "state", "ends", "again", "pause"),
    [
        ("file", "valid", "-", 2, 600),
        ("file", "valid", "90000", 2, 600),
        ("file", "valid", "1900", 2, 300),
        ("file", "valid", "1003", 2, 2),
        ("file", "expired", "900", 2, 2),
        ("file", "expired", "900", 64, 64),
        ("file", "missing", "-", 512, 512),
        ("condor", "valid", "90000", 2, 60),
        ("condor", "valid", "1060", 2, 20),
    ],
)  # fmt: skip
def test_when_to_ask_again(
    shell: str, how: str, state: str, ends: str, again: int, pause: int, tmp_path: Path
) -> None:
    words = (
        "hs_kind=token hs_asked=1000 hs_now=1000 hs_how=$1 hs_state=$2 hs_ends=$3 hs_ask_again=$4; ask_when;"
        ' printf %s "$((hs_ask_at - hs_asked))"'
    )
    assert called(shell, MODULES, words, [(how, state, ends, str(again))], tmp_path) == [str(pause)]


@pytest.mark.parametrize(
    ("begins", "ends", "renews", "time", "due"),
    [
        ("1000", "2000", "9000", 1000, "1500"),
        ("1000", "2000", "9000", 1900, "1500"),
        ("1000", "2000", "9000", 2299, "1500"),
        ("1000", "2000", "9000", 2300, " 1"),
        ("1000", "2000", "2000", 1000, " 1"),
        ("1000", "2000", "2100", 2100, " 1"),
        ("-", "-", "-", 1000, " 1"),
    ],
)  # fmt: skip
def test_when_a_ticket_is_renewed(
    shell: str, begins: str, ends: str, renews: str, time: int, due: str, tmp_path: Path
) -> None:
    words = (
        "hs_kind=kerberos hs_how=file hs_kinits=kinit hs_begins=$1 hs_ends=$2 hs_renews=$3 hs_now=$4;"
        " can_renew && printf %s $hs_renewal"
    )
    assert called(shell, MODULES, words, [(begins, ends, renews, str(time))], tmp_path) == [due]


@pytest.mark.parametrize(
    ("how", "kind", "name", "variables"),
    [
        ("file", "kerberos", "krb", "KRB5CCNAME=FILE:/top/.hepsub/creds/f HepJob_KRB5CCNAME=f"),
        (
            "file",
            "token",
            "my-iam.x",
            "HEPSUB_TOKEN_MY_IAM_X=/top/.hepsub/creds/f BEARER_TOKEN_FILE=/top/.hepsub/creds/f",
        ),
    ],
)
def test_where_the_payload_finds_it(
    shell: str, how: str, kind: str, name: str, variables: str, tmp_path: Path
) -> None:
    words = (
        "hs_top=/top hs_cred_name=f hs_how=$1 hs_kind=$2 hs_cred=$3; export BEARER_TOKEN=x; hand_over;"
        " env | grep -e KRB5 -e TOKEN | sort"
    )
    [told] = called(shell, MODULES, words, [(how, kind, name)], tmp_path)
    kept = ["BEARER_TOKEN=x"] if kind == "kerberos" else []
    assert sorted(told.split()) == sorted([*variables.split(), *kept])


def test_variables_beside_the_manifest(shell: str, tmp_path: Path) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/environment").write_bytes(
        b"A\t1\na b\nLINES\t3\none\n\n three\\\nE\t1\n\xff\xe2\x82\n"
    )
    words = 'show() { printf "%s=%s;" "$hs_variable" "$hs_value"; }; each_variable show'
    [told] = called(shell, MODULES, words, [[]], tmp_path)
    assert told.encode("utf-8", "surrogateescape") == b"A=a b;LINES=one\n\n three\\;E=\xff\xe2\x82;"


@pytest.mark.parametrize(
    "content",
    ["1A\t1\nx\n", "A-B\t1\nx\n", "hs_code\t1\nx\n", "A\tx\n", "A\t2\nx\n", "A\n"],
    ids=range(6),
)
def test_what_is_no_file_of_variables(shell: str, content: str, tmp_path: Path) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/environment").write_text(content)
    [told] = called(shell, MODULES, "each_variable :", [[]], tmp_path)
    assert told.endswith(" 80")


@pytest.mark.parametrize("name", ["iam.use", "iam_x.use"])
def test_a_token_of_htcondor(shell: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"access_token": "abc"}')
    words = f'_CONDOR_CREDS={tmp_path}; delivered "$1"'
    assert called(shell, MODULES, words, [("iam*x" if "_" in name else "iam",)], tmp_path) == [
        "abc"
    ]


def test_the_programs_that_are_here(shell: str, tmp_path: Path) -> None:
    for name in ("a b/kinit", "c/kinit", "c/aklog"):
        program = tmp_path / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    words = (
        'PATH="$PWD/a b:$PATH"; find_programs "$@"; printf "%s|%s" "$hs_found" "$hs_found_first"'
    )
    rows = [
        ("nothing",),
        ("kinit", f"{tmp_path}/c/kinit"),
        (f"{tmp_path}/c/aklog", f"{tmp_path}/c/aklog"),
    ]
    assert called(shell, MODULES, words, rows, tmp_path) == [
        "|",
        f"{tmp_path}/a b/kinit {tmp_path}/c/kinit|{tmp_path}/a b/kinit",
        f"{tmp_path}/c/aklog|{tmp_path}/c/aklog",
    ]
