"""The items of a list and how jobs share them: from files, stdin and S3."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from hepsub.errors import (
    InputsMissing,
    JobCountTooLarge,
    ListUnreadable,
    NotExpressible,
    StorageUnreachable,
    UnknownStorage,
    UsageError,
)
from hepsub.plan.draft import Draft, Reading, draft
from hepsub.plan.facts import Facts
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.planner import make_plan
from hepsub.storage.store import Store
from hepsub.storage.trouble import LATER
from hepsub.survey.lists import pattern, read_list
from hepsub.survey.survey import read as look
from hepsub.survey.survey import survey
from tests.fakes.world import make_policy, make_script, make_situation, make_spec

POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
"""
SIZES = {"2026/b.root": 400, "2026/a.root": 300, "2026/deep/c.root": 800, "2026/notes.txt": 1}
DIRECTORY = {"2026/": 0, "2026/.hepsub/u-1/0.json": 9, "2025/z.root": 5}


def obj(key: str) -> ObjectPlace:
    """An object of the bucket raw."""
    return ObjectPlace(storage="herd", bucket="raw", key=key)


@dataclass
class FakeStore:
    """The storage herd with one bucket, raw."""

    sizes: dict[str, int] = field(default_factory=lambda: SIZES | DIRECTORY)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    remedy: str = LATER

    def list_below(self, bucket: str, prefix: str) -> dict[str, ObjectInfo] | None:
        """What a listing finds, in no order."""
        self.asked.append(f"{bucket}/{prefix}*")
        if self.away:
            raise StorageUnreachable("herd does not answer", remedy=self.remedy)
        if bucket != "raw":
            return None
        keys = [key for key in self.sizes if key.startswith(prefix)]
        return {key: ObjectInfo(size=self.sizes[key], etag=key) for key in keys}

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """What a look at each finds."""
        group = list(places)
        self.asked += [place.key for place in group]
        return {
            place: ObjectInfo(size=self.sizes[place.key], etag=place.key)
            if place.key in self.sizes
            else None
            for place in group
        }


def read(directory: Path, *words: str, store: FakeStore | None = None) -> Reading:
    """The list of `hep_sub WORDS job.sh`, called in a directory."""

    def store_of(name: str) -> Store:
        assert name == "herd"
        assert store is not None, "S3 was asked"
        return cast("Store", store)

    return read_list(make_spec(*words, "job.sh"), make_policy(POLICY), directory, store_of)


def say(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Put something on stdin."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))


# ---- where items come from --------------------------------------------------------------------


def test_no_list_is_no_items(tmp_path: Path) -> None:
    """Nothing is read."""
    assert read(tmp_path) == Reading()


def test_a_file(tmp_path: Path) -> None:
    """One item each: no ends are written down."""
    (tmp_path / "l").write_text("a\n# no\nb\nc\n")
    assert read(tmp_path, "-list", "l") == Reading(items=("a", "b", "c"))
    assert read(tmp_path, "-list", "l", "-per", "2").ends == (2, 3)


@pytest.mark.parametrize(
    "content", [b"a\nb c\n", b"\xef\xbb\xbfa\r\n\r\nb c", b"# runs\n a \n\nb c \n"]
)
def test_stdin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes) -> None:
    """`-` is read as a file is, whatever the locale."""
    say(monkeypatch, content)
    assert read(tmp_path, "-list", "-").items == ("a", "b c")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n# nothing\n", "the list stdin holds no item"),
        (b"\xff\n", "the list stdin cannot be read: it is not UTF-8 text"),
    ],
)
def test_stdin_that_is_of_no_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, message: str
) -> None:
    """The message names it."""
    say(monkeypatch, content)
    with pytest.raises(ListUnreadable) as caught:
        read(tmp_path, "-list", "-")
    assert caught.value.message == message


def test_a_terminal_is_no_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user who forgot the pipe would wait for ever."""
    say(monkeypatch, b"a\n")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    with pytest.raises(ListUnreadable, match="stdin is a terminal"):
        read(tmp_path, "-list", "-")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ListUnreadable, match="which is closed"):
        read(tmp_path, "-list", "-")


@pytest.mark.parametrize(
    ("text", "prefix", "names"),
    [
        ("2026/", "2026/", "a.root b.root deep/c.root notes.txt"),
        ("2026/*.root", "2026/", "a.root b.root"),
        ("2026/**.root", "2026/", "a.root b.root deep/c.root"),
        ("2026/**/*.root", "2026/", "a.root b.root deep/c.root"),
        ("2026/[!a].root", "2026/", "b.root"),
        ("2026/*/", "2026/", "deep/c.root"),
        ("20?6/*/c*", "20", "deep/c.root"),
        ("2026/n*", "2026/n", "notes.txt"),
    ],
)
@pytest.mark.parametrize("start", ["s3://raw/", "herd:raw/"])
def test_objects(tmp_path: Path, start: str, text: str, prefix: str, names: str) -> None:
    """By name, as the user began; no directory, no marker of hepsub's; one listing, of no more than needed."""
    store = FakeStore()
    found = read(tmp_path, "-list", start + text, store=store)
    assert found.items == tuple(f"{start}2026/{name}" for name in names.split())
    assert store.asked == [f"raw/{prefix}*"]
    keys = [f"2026/{name}" for name in names.split()]
    assert found.objects == {obj(key): ObjectInfo(size=SIZES[key], etag=key) for key in keys}


@pytest.mark.parametrize("text", ["s3://raw", "herd:raw", "S3://raw/"])
def test_a_whole_bucket(tmp_path: Path, text: str) -> None:
    """With or without the slash."""
    assert len(read(tmp_path, "-list", text, store=FakeStore()).items) == len(SIZES) + 1


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("s3://raw/2024/", ListUnreadable, "s3://raw/2024/ holds no item"),
        ("s3://raw/2026/*.csv", ListUnreadable, "no object of the storage herd matches it"),
        ("s3://rwa/2026/", ListUnreadable, "the storage herd has no bucket 'rwa'"),
        ("s3://raw/2026", UsageError, "one object, not a directory"),
        ("s3://raw/[z-a]*", UsageError, "is no pattern"),
        ("gone:raw/2026/", UnknownStorage, "no storage 'gone'"),
        ("gs://raw/2026/", UsageError, "only s3://"),
        ("herd", ListUnreadable, "No such file"),
    ],
)
def test_a_prefix_that_is_of_no_use(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    """Each with what is wrong."""
    with pytest.raises(error) as caught:
        read(tmp_path, "-list", text, store=FakeStore())
    assert message in str(caught.value)


def test_a_directory_marker_alone_is_nothing(tmp_path: Path) -> None:
    """`2026/` was made with a file browser, and nothing is in it."""
    with pytest.raises(ListUnreadable):
        read(tmp_path, "-list", "s3://raw/2026/", store=FakeStore({"2026/": 0}))


def test_a_name_with_a_line_end_is_refused(tmp_path: Path) -> None:
    """S3 allows it; a list and a job's arguments do not."""
    with pytest.raises(NotExpressible, match="control character"):
        read(tmp_path, "-list", "s3://raw/", store=FakeStore({"a\nb": 1}))


def test_a_store_that_is_away_is_no_matter_of_nocheck(tmp_path: Path) -> None:
    """Without the listing there are no jobs."""
    with pytest.raises(StorageUnreachable) as caught:
        read(tmp_path, "-list", "s3://raw/2026/", store=FakeStore(away=True))
    assert caught.value.remedy == "try again later"
    wrong = FakeStore(away=True, remedy="correct ca_file in [storage.herd] of the policy")
    with pytest.raises(StorageUnreachable) as caught:
        read(tmp_path, "-list", "s3://raw/2026/", store=wrong)
    assert caught.value.remedy == wrong.remedy


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("a*b", "ab a..b", "a/b abc xab"),
        ("a**b", "ab a/x/b", "abc"),
        ("**/x", "x a/x a/b/x", "ax a/xy"),
        ("a?c", "abc a?c", "ac a/c"),
        ("[a-c]", "a b c", "d -"),
        ("[!a-c]", "d -", "a /"),
        ("[]x]", "] x", "a"),
        ("[[]a]", "[a]", "a"),
        ("[^a]", "^ a", "b"),
        ("[\\d]", "\\ d", "1"),
        ("a[", "a[", "a"),
        ("a.b+(c)", "a.b+(c)", "axb+(c) abbc"),
        ("[&&a]", "& a", "b"),
    ],
)
def test_patterns(text: str, yes: str, no: str) -> None:
    """As in a shell, with ** for any depth."""
    assert [word for word in yes.split() if not pattern(text).fullmatch(word)] == []
    assert [word for word in no.split() if pattern(text).fullmatch(word)] == []


# ---- by size ----------------------------------------------------------------------------------


def test_objects_by_size(tmp_path: Path) -> None:
    """300 and 400 fit into 700 B, 800 do not: the listing knew the sizes."""
    store = FakeStore()
    found = read(tmp_path, "-list", "s3://raw/2026/", "-per", "700B", store=store)
    assert found.ends == (2, 3, 4)
    assert store.asked == ["raw/2026/*"]


def test_files_and_objects_of_a_list_by_size(tmp_path: Path) -> None:
    """Relative, absolute, s3:// and storage: in one list; each object is asked for once."""
    (tmp_path / "x").write_bytes(bytes(100))
    lines = ["x", "s3://raw/2026/a.root", f"{tmp_path}/x", "herd:raw/2026/a.root"]
    (tmp_path / "l").write_text("\n".join(lines))
    store = FakeStore()
    found = read(tmp_path, "-list", "l", "-per", "400B", store=store)
    assert found.ends == (2, 4)
    assert store.asked == ["2026/a.root"]
    assert found.objects.keys() == {obj("2026/a.root")}


def test_all_that_are_missing_are_named_at_once(tmp_path: Path) -> None:
    """Files and objects in one error, also with -nocheck: there is no size to be had."""
    (tmp_path / "x").touch()
    (tmp_path / "l").write_text("gone1\nx\ns3://raw/gone2\ngone3\n")
    for words in ((), ("-nocheck",)):
        with pytest.raises(InputsMissing) as caught:
            read(tmp_path, "-list", "l", "-per", "1GB", *words, store=FakeStore())
        assert caught.value.message.startswith("3 input(s) do not exist")
        assert f"{tmp_path}/gone1\n  {tmp_path}/gone3\n  herd:raw/gone2" in caught.value.message
        assert "-nocheck" not in caught.value.remedy


def test_missing_inputs_are_inputs_even_when_none_exists(tmp_path: Path) -> None:
    """With -in %{items} it is clear that they are files."""
    (tmp_path / "l").write_text("gone1\ngone2\n")
    with pytest.raises(InputsMissing, match="2 input"):
        read(tmp_path, "-list", "l", "-per", "1GB", "-in", "%{items}")


@pytest.mark.parametrize(
    ("lines", "item"),
    [
        ("4711\n4712\n", "4711"),
        ("x\nroot://eos/a.root\n", "root://eos/a.root"),
        ("x\ndir\n", "dir"),
        ("x\ndir/\n", "dir/"),
        ("x\ns3://raw/2026/\n", "s3://raw/2026/"),
    ],
)
def test_items_without_a_size_are_refused(tmp_path: Path, lines: str, item: str) -> None:
    """Run numbers, other URLs, directories: the first is named, and -per K is the way."""
    (tmp_path / "x").touch()
    (tmp_path / "dir").mkdir()
    (tmp_path / "l").write_text(lines)
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "-list", "l", "-per", "1GB", store=FakeStore())
    assert f"the item '{item}' has none" in caught.value.message
    assert "-per K" in caught.value.remedy


# ---- in a submission --------------------------------------------------------------------------


def drafted(directory: Path, store: FakeStore, *words: str, policy: str = "") -> Draft:
    """The draft of `hep_sub WORDS job.sh`."""
    make_script(directory)
    spec, decided = make_spec(*words, "job.sh"), make_policy(POLICY + policy)
    situation = make_situation(cwd=directory)
    reading = look(spec, decided, situation, lambda _name: cast("Store", store))
    return draft(spec, decided, situation, reading)


def facts(directory: Path, store: FakeStore, *words: str, policy: str = "") -> Facts:
    """What the survey finds for `hep_sub WORDS job.sh`."""
    made = drafted(directory, store, *words, policy=policy)
    return survey(made, lambda _name: cast("Store", store))


def test_what_was_listed_is_not_looked_up_again(tmp_path: Path) -> None:
    """One listing serves items, shares and inputs; another input is asked for as ever."""
    store = FakeStore()
    words = ("-list", "s3://raw/2026/**.root", "-per", "700B", "-in", "%{items}")
    made = drafted(tmp_path, store, *words, "-in", "s3://raw/2025/z.root")
    found = survey(made, lambda _name: cast("Store", store))
    assert store.asked == ["raw/2026/*", "2025/z.root"]
    keys = ["2026/a.root", "2026/b.root", "2026/deep/c.root"]
    assert found.objects.keys() == {obj(key) for key in (*keys, "2025/z.root")}
    plan = make_plan(made, found)
    assert plan.number == 2
    assert [[each.name for each in proc.inputs] for proc in plan.procs()] == [
        ["a.root", "b.root", "z.root"],
        ["c.root", "z.root"],
    ]


def test_sizes_that_were_asked_for_are_not_asked_for_again(tmp_path: Path) -> None:
    """The objects of a file, too, are looked at once."""
    (tmp_path / "l").write_text("s3://raw/2026/a.root\ns3://raw/2026/b.root\n")
    store = FakeStore()
    facts(tmp_path, store, "-list", "l", "-per", "1GB", "-in", "%{items}")
    assert store.asked == ["2026/a.root", "2026/b.root"]


def test_items_that_are_missing_are_found_before_the_submission(tmp_path: Path) -> None:
    """-per K: every item of every job, not only each job's first."""
    (tmp_path / "l").write_text("s3://raw/2026/a.root\ns3://raw/no\ns3://raw/nor\nfile\n")
    with pytest.raises(InputsMissing) as caught:
        facts(tmp_path, FakeStore(), "-list", "l", "-per", "2", "-in", "%{items}")
    assert caught.value.message.splitlines()[1:] == [
        f"  {tmp_path}/file",
        "  herd:raw/no",
        "  herd:raw/nor",
    ]


def test_more_jobs_than_the_policy_allows(tmp_path: Path) -> None:
    """A prefix with too many objects is refused as a number would be; shares mend it."""
    policy = "[limits]\njobs = 3\n"
    with pytest.raises(JobCountTooLarge):
        facts(tmp_path, FakeStore(), "-list", "s3://raw/2026/", policy=policy)
    facts(tmp_path, FakeStore(), "-list", "s3://raw/2026/", "-per", "2", policy=policy)


def test_per_without_a_list_is_a_usage_error(tmp_path: Path) -> None:
    """Before anything is looked at."""
    with pytest.raises(UsageError, match="-per needs a list"):
        facts(tmp_path, FakeStore(), "-per", "2GB")
