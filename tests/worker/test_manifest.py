"""25_manifest.sh: its table is README's and the writer's, and each field of each line is checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.bundle.letters import Letters
from hepsub.plan.credentials import JobCredential
from hepsub.plan.files import Carried
from hepsub.plan.libraries import Library
from hepsub.plan.location import FilePlace
from hepsub.plan.mailbox import Mailbox
from hepsub.policy.model import Storage
from hepsub.worker import build
from tests.unit.bundle.test_manifest import FILES, text_of
from tests.worker.modules import called

MODULE = build.SOURCES / "25_manifest.sh"
MODULES = "10_text 15_process 25_manifest 35_mailbox 37_letter 40_credentials"
READ = 'read_line "$1" "${2-}" "${3-}" "${4-}" "${5-}"'
URL = "https://s3/b/k?hush"
MAILBOX = Mailbox(storage="herd", bucket="b", prefix="m/")
LETTERS = Letters(uuid="u", mailbox=MAILBOX, secret=b"s", first=5, serial=2**53 - 1)
FULL = replace(
    FILES,
    outputs=(*FILES.outputs, Carried(name="t_*", place=FilePlace(path="/work/t/"))),
    letters=LETTERS.known_by(0, carries=True),
)
STAGING = {
    "storages": {"herd": Storage(endpoint="https://s3", ca_file="/etc/ca.pem")},
    "credentials": (
        JobCredential(name="krb", kind="kerberos", file="krb5cc_1000"),
        JobCredential(name="iam", kind="token", file="", service="iam"),
    ),
    "libraries": (Library(name="libx.so", is_directory=False, sha256="0" * 64, size=1),),
    "isolation": "users",
    "image": "/cvmfs/image",
    "mounts": ("/cvmfs", "/data x"),
    "secrets": ("PASSWORD",),
    "in_place": True,
    "copy_limit": 1000,
    "confined": True,
    "mailbox": MAILBOX,
}


def written(**staging: object) -> list[list[str]]:
    """The lines of a manifest with all that there can be, but for so much."""
    return [line.split("\t") for line in text_of(FULL, **{**STAGING, **staging}).splitlines()]


def table() -> dict[str, list[str]]:
    """The wrapper's table: action → words."""
    text = MODULE.read_text(encoding="utf-8")
    lines = text[text.index("hs_lines='\n") + 11 :].partition("\n'\n")[0].splitlines()
    return {line.partition(":")[0]: line.partition(":")[2].split() for line in lines if line}


def test_the_table_is_that_of_the_contract() -> None:
    text = (build.WORKER / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## The manifest") : text.index("## Transfers")]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    lines = [words.split() for row in rows for words in re.findall("`([^`]+)`", row)]
    assert {action: words for action, *words in lines} == table()


def test_the_table_has_what_hepsub_writes_and_no_more() -> None:
    lines = [*written(), *written(copy_limit=0), *written(shared=False)]
    assert {(action, len(words)) for action, *words in lines} == {
        (action, len(words)) for action, words in table().items()
    }


def test_what_hepsub_writes_is_read(shell: str, tmp_path: Path) -> None:
    rows = [*written(), *written(shared=False)]
    words = f": >$hs_private/environment; {READ}; printf .; hs_finished=yes"
    assert called(shell, MODULES, words, rows, tmp_path) == ["."] * len(rows)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("Encrypt", "x"), "a line that this wrapper does not know begins with 'Encrypt': reinstall hepsub"),
        (("payload", ""), "'' is not a path"),
        (("payload", "../x"), "'../x' is not a name inside the job's directory"),
        (("submitdir", "%"), "'%' is not a path"),
        (("workdir", "work"), "'work' is not an absolute path"),
        (("credential", "k", "x509", "f", "-"), "the credential k is of the kind 'x509', which this wrapper does"),
        (("credential", "k", "token", "a/f", "-"), "'a/f' is not the file name of the credential k"),
        (("credential", "k", "token", "f", "s"), "'s' is not an absolute path"),
        (("condorcred", "k", "oauth", "-"), "the credential k is of the kind 'oauth'"),
        (("condorcred", "k", "token", "-"), "'-' is not the service of the credential k"),
        (("condorcred", "k", "token", "/s"), "'/s' is not the service of the credential k"),
        (("environment", "/e"), "'/e' is not a name inside the job's directory"),
        (("mailbox", "a/k", "c"), "'a/k' is not the file name of a key of the mailbox"),
        (("mailbox", "k", ""), "'' is not a path"),
        (("letter", "news", "u.0", "1", URL), "a letter is of the kind 'news', which this wrapper does not know"),
        (("letter", "manifest", "", "1", URL), "'' is not a path"),
        (("letter", "manifest", "u.0", "01", URL), "'01' is not the serial of a letter"),
        (("letter", "manifest", "u.0", "a[$(x)]", URL), "'a[$(x)]' is not the serial of a letter"),
        (("letter", "manifest", "u.0", "1" * 17, URL), f"'{'1' * 17}' is not the serial of a letter"),
        (("letter", "credentials", "u", "1", "file:///x"), "the URL of the letter is neither http:// nor https://"),
        (("ca", "", "f"), "'' is not a path"),
        (("ca", "https://s3/", "a/f"), "'a/f' is not the file name of an authority"),
        (("source", ""), "'' is not a path"),
        (("isolation", ""), "'' is not a path"),
        (("image", ""), "'' is not a path"),
        (("image", "../x.sif"), "'../x.sif' is not a name inside the job's directory"),
        (("bind", "cvmfs"), "'cvmfs' is not an absolute path"),
        (("walltime", "60"), "'' is not a number"),
        (("walltime", "-1", "0"), "'-1' is not a number"),
        (("homelimit", "1 GB"), "'1 GB' is not a number"),
        (("putlimit", "-"), "'-' is not a number"),
        (("copylimit", "1"), "'' is not a number"),
        (("sent", "/x"), "'/x' is not a name inside the job's directory"),
        (("copy", "x", "y"), "'y' is not an absolute path"),
        (("link", ".hepsub/x", "/y"), "'.hepsub/x' is a name that hepsub needs for itself"),
        (("input", "x", "", "-", URL), "'' is not a number"),
        (("input", "x", "-", "crc:1", URL), "checksum of x: neither md5:… nor sha256:… nor -"),
        (("input", "x", "-", "-", "https://s3"), "the URL of x is neither http:// nor https://"),
        (("library", "a/l", "dir", "f"), "'a/l' is not the name of a library"),
        (("library", "..", "dir", "f"), "'..' is not the name of a library"),
        (("library", "l", "link", "f"), "the library l is of the kind 'link', which this wrapper does not know"),
        (("library", "l", "dir", "hepsub_lib/f"), "'hepsub_lib/f' is a name that hepsub needs for itself"),
        (("output", "x", "", URL), "flags '' of x"),
        (("output", "x", "-", "file:///x"), "the URL of x is neither http:// nor https://"),
        (("glob", "*", "-", URL), "no form for the pattern *"),
        (("move", "x", "-", "y"), "'y' is not an absolute path"),
        (("moveglob", "a//*", "-", "/y"), "'a//*' is not a name inside the job's directory"),
        (("home", "x", "!", "-"), "flags '!' of x"),
        (("homeglob", "./*", "-", "-"), "'./*' is not a name inside the job's directory"),
        (("marker", "s3://b/k"), "the URL of the marker is neither http:// nor https://"),
        (("unmark", ""), "the URL of the marker is neither http:// nor https://"),
    ],
)  # fmt: skip
def test_a_broken_line_is_named(
    shell: str, line: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    [told] = called(shell, MODULES, READ, [line], tmp_path)
    assert told.startswith(f"hepsub: hepsub.manifest: {message}")
    assert told.endswith(" 80")


BAD_NAMES = [
    "", "../x", "/x", "a/../../x", "..", ".", "./x", "a//b", "a/", "a/.", ".hepsub/x", "hepsub_home/x", "hepsub_lib/x",
    ".hepsub", "hepsub_lib", "x%zz",
]  # fmt: skip


@pytest.mark.parametrize("action", ["sent", "output", "home"])
def test_a_name_is_inside_the_jobs_directory(shell: str, action: str, tmp_path: Path) -> None:
    rows = [(action, name, "-", URL) for name in BAD_NAMES]
    told = called(shell, MODULES, READ, rows, tmp_path)
    assert [each[-3:] for each in told] == [" 80"] * len(rows)
    good = [
        (action, name, "-", URL) for name in ("x", "a b/c%09", ".x", "..x", "hepsub_library", "-")
    ]
    assert called(shell, MODULES, READ, good, tmp_path) == [""] * len(good)


@pytest.mark.parametrize(
    ("line", "variable", "value"),
    [
        (("encrypt", "x"), "payload", ""),
        (("payload", "/bin/true"), "payload", "/bin/true"),
        (("payload", "a%09b"), "payload", "./a\tb"),
        (("submitdir", "a%25"), "submitdir", "a%"),
        (("workdir", "/w"), "workdir", "/w"),
        (("source", "/s"), "source", "/s"),
        (("isolation", "users"), "isolation", "users"),
        (("newfiles",), "brings_new", "yes"),
        (("confined",), "confined", "yes"),
        (("walltime", "60", "10"), "walltime_s", "60"),
        (("walltime", "60", "10"), "grace_s", "10"),
        (("walltime", "60", "60"), "grace_s", "30"),
        (("homelimit", "7"), "homelimit", "7"),
        (("putlimit", "7"), "putlimit", "7"),
        (("copylimit", "7", "8"), "copy_bytes", "7"),
        (("copylimit", "7", "8"), "copy_files", "8"),
        (("library", "l", "file", "f"), "has_lib", "yes"),
        (("library", "l", "file", "f"), "needs_http", ""),
        (("input", "x", "-", "-", URL), "needs_http", "yes"),
        (("input", "x", "-", "-", URL), "by_url", ""),
        (("output", "x", "-", URL), "by_url", "yes"),
        (("glob", "*", "-", URL, "key=k"), "by_url", "yes"),
        (("marker", URL), "by_url", "yes"),
        (("unmark", URL), "by_url", ""),
        (("letter", "manifest", "u.0", "7", URL), "needs_http", ""),
        (("move", "x", "-", "/y"), "moves", "yes"),
        (("moveglob", "x", "-", "/y"), "moves", "yes"),
        (("home", "x", "-", "-"), "moves", ""),
    ],
)  # fmt: skip
def test_what_a_line_changes(
    shell: str, line: tuple[str, ...], variable: str, value: str, tmp_path: Path
) -> None:
    assert called(shell, MODULES, f'{READ}; printf %s "$hs_{variable}"', [line], tmp_path) == [
        value
    ]


@pytest.mark.parametrize(
    "line", [("sent", "x"), ("copy", "x", "/y"), ("link", "x", "/y"), ("payload", "x")]
)
def test_what_came_in_is_no_output(shell: str, line: tuple[str, ...], tmp_path: Path) -> None:
    words = f'{READ}; case $hs_known in *"$hs_nl"x"$hs_nl"*) printf known ;; esac'
    assert called(shell, MODULES, words, [line], tmp_path) == ["known"]


def test_an_authority_is_noted_for_its_urls(shell: str, tmp_path: Path) -> None:
    words = f'{READ}; cat "$hs_private/authorities"'
    assert called(shell, MODULES, words, [("ca", "https://s3/a%25/", "f")], tmp_path) == [
        "https://s3/a%/\tf\n"
    ]


NEWEST = """\
hepsub-manifest	1	1.0
input	x	-	-	https://s3/b/x?new
output	r	-	https://s3/a/r?new1
output	r	-	https://s3/b/r?new2
glob	*	-	https://s3/b?new	key=new
unmark	https://s3/b/m?newdelete
marker	https://s3/b/m?newput
"""


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        (("input", "x", "https://s3/b/x?old"), "https://s3/b/x?new"),
        (("output", "r", "https://s3/b/r?old"), "https://s3/b/r?new2"),
        (("output", "r", "https://s3/c/r?old"), "old"),
        (("output", "x", "https://s3/b/x?old"), "old"),
        (("glob", "*", "https://s3/b?old"), "https://s3/b?new key=new"),
        (("unmark", "-", "https://s3/b/m?old"), "https://s3/b/m?newdelete"),
        (("marker", "-", "https://s3/b/m?old"), "https://s3/b/m?newput"),
    ],
)
def test_a_newer_url(shell: str, asked: tuple[str, str, str], url: str, tmp_path: Path) -> None:
    (tmp_path / ".hepsub").mkdir()
    (tmp_path / ".hepsub/manifest").write_text(NEWEST)
    words = 'hs_url=old; hs_form=; look_up "$@"; printf %s "$hs_url${hs_form:+ $hs_form}"'
    assert called(shell, MODULES, words, [asked], tmp_path) == [url]


@pytest.mark.parametrize(
    ("first", "ours"),
    [
        ("hepsub-manifest\t1\t1.0\n", True),
        ("hepsub-manifest\t1\t1.0", True),
        ("hepsub-manifest\t1\t1.1\n", False),
        ("hepsub-manifest\t2\t1.0\n", False),
        ("", False),
    ],
)
def test_another_jobs_manifest_is_not_ours(
    shell: str, first: str, *, ours: bool, tmp_path: Path
) -> None:
    (tmp_path / "new").write_text(first)
    told = called(shell, MODULES, "hs_job=1.0; is_ours new && printf yes", [[]], tmp_path)
    assert told == (["yes"] if ours else [" 1"])
