"""What is at the places of outputs, in directories and as a store tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

import pytest

from hepsub.errors import KeysRefused, StorageRefused
from hepsub.plan.facts import OutputFacts
from hepsub.plan.location import ObjectPlace
from hepsub.plan.model import SHARED
from hepsub.plan.staging import plan_staging
from hepsub.plan.template import job_values
from hepsub.storage.store import Store
from hepsub.survey.outputs import look_at_outputs
from tests.fakes.hostile import Hostile, hostile_server, http, listing
from tests.fakes.user import ordinary_user
from tests.fakes.world import make_policy, make_spec

POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
"""
KEYS = ("out/0.root", "out/2.root", "out/2.root.old", "out/deep/0.root", "res/a.csv", "res/a.txt")


def look(cwd: Path, store_of: Callable[[str], Store], *words: str, number: int = 3) -> OutputFacts:
    """What is found for `hep_sub job.sh -n NUMBER WORDS`."""
    plan = plan_staging(
        make_spec("job.sh", *words), make_policy(POLICY), {}, cwd=cwd, root="/b", delivery=SHARED
    )
    jobs = [plan.outputs_of(values) for values in job_values(number, 0, ())]
    return look_at_outputs(list(zip(*jobs, strict=True)), store_of)


def nobody(name: str) -> NoReturn:
    """No storage is needed."""
    raise AssertionError(f"the storage {name} was asked for")


@pytest.fixture
def server() -> Iterator[Hostile]:
    """Give a store with a few objects in each bucket but the one called gone."""
    with hostile_server() as running:
        running.answer = _answer
        yield running


def _answer(line: str) -> tuple[bytes, ...]:
    url = unquote(line.split()[1])
    if url.startswith("/gone"):
        return (http(b"<Error><Code>NoSuchBucket</Code></Error>", status="404 Not Found"),)
    if url.startswith("/stranger"):
        return (http(b"<Error><Code>SignatureDoesNotMatch</Code></Error>", status="403 Forbidden"),)
    if url.startswith("/closed"):
        return (http(b"<Error><Code>AccessDenied</Code></Error>", status="403 Forbidden"),)
    prefix = url.partition("prefix=")[2].partition("&")[0]
    keys = [key for key in KEYS if key.startswith(prefix)]
    if "delimiter" in url:
        keys = [key for key in keys if "/" not in key.removeprefix(prefix)]
    return (http(listing("".join(_entry(key) for key in keys))),)


def _entry(key: str) -> str:
    return f"<Contents><Key>{key}</Key><Size>1</Size><ETag>e</ETag></Contents>"


def test_the_objects_of_all_jobs_are_one_listing(server: Hostile, tmp_path: Path) -> None:
    """A neighbour with a longer name, and one that lies deeper, are none of them."""
    found = look(tmp_path, lambda _: server.store(), "-out", "h=s3://b/out/%{ProcId}.root")
    assert found == OutputFacts(existing=("herd:b/out/0.root", "herd:b/out/2.root"))
    assert len(server.asked) == 1
    assert server.asked[0].startswith("GET ")


def test_matches_of_a_pattern_are_looked_for_at_its_place(server: Hostile, tmp_path: Path) -> None:
    """Only what has a name that the pattern matches would be overwritten."""
    found = look(tmp_path, lambda _: server.store(), "-out", "*.csv=s3://b/res/", number=1)
    assert found.existing == ("herd:b/res/a.csv",)


@pytest.mark.parametrize("name", ["%{ClusterId}", "%{Uuid}"])
def test_of_places_that_are_new_only_the_bucket_is_looked_at(
    server: Hostile, tmp_path: Path, name: str
) -> None:
    """Once, whatever the number of jobs."""
    words = (
        "-out",
        f"h=s3://b/out/{name}/%{{ProcId}}.root",
        "-out",
        f"i=s3://b/out/{name}/%{{ProcId}}",
    )
    assert look(tmp_path, lambda _: server.store(), *words) == OutputFacts()
    assert len(server.asked) == 1


@pytest.mark.parametrize("key", ["%{ProcId}", "%{Uuid}/%{ProcId}", "x/%{ProcId}"])
def test_a_bucket_that_is_not_there_is_seen(server: Hostile, tmp_path: Path, key: str) -> None:
    """Whatever is put into it; the others are looked at all the same."""
    words = ("-out", f"h=s3://gone/{key}", "-out", "i=s3://b/out/%{ProcId}.root")
    found = look(tmp_path, lambda _: server.store(), *words)
    assert found.no_buckets == (ObjectPlace(storage="herd", bucket="gone", key=""),)
    assert len(found.existing) == 2


def test_of_many_buckets_the_first_ones_are_looked_at(server: Hostile, tmp_path: Path) -> None:
    """And it is said that the others were not."""
    found = look(tmp_path, lambda _: server.store(), "-out", "h=s3://b%{ProcId}/x", number=20)
    assert len(server.asked) == 16
    assert found.unseen == ("whether outputs exist already was not seen in 4 of 20 buckets",)


def test_a_listing_that_is_refused_is_no_error(server: Hostile, tmp_path: Path) -> None:
    """Who may write need not be allowed to list."""
    found = look(tmp_path, lambda _: server.store(), "-out", "h=s3://closed/%{ProcId}")
    (told,) = found.unseen
    assert told.startswith("whether outputs exist already was not seen: ")
    assert "AccessDenied" in told
    assert found == OutputFacts(unseen=(told,))


def test_keys_that_are_not_accepted_are_an_error(server: Hostile, tmp_path: Path) -> None:
    """No job could upload anything."""
    with pytest.raises(KeysRefused, match="SignatureDoesNotMatch") as caught:
        look(tmp_path, lambda _: server.store(), "-out", "h=s3://stranger/%{ProcId}")
    assert caught.value.exit_code == 34


def test_a_storage_that_is_away_is_asked_once(tmp_path: Path) -> None:
    """It is told; jobs bring their outputs home."""
    asked = []

    def away(name: str) -> Store:
        asked.append(name)
        with hostile_server() as gone:
            return gone.store()

    found = look(tmp_path, away, "-out", "h=s3://a/%{ProcId}", "-out", "i=s3://b/%{ProcId}")
    assert (len(asked), len(found.unseen)) == (1, 1)
    assert "does not answer" in found.unseen[0]


def test_missing_keys_are_told(tmp_path: Path) -> None:
    """The submission itself says more of them."""

    def no_keys(name: str) -> NoReturn:
        raise StorageRefused(f"no keys for the storage {name}")

    found = look(tmp_path, no_keys, "-out", "h=s3://b/h", number=1)
    assert found.unseen == (
        "whether outputs exist already was not seen: no keys for the storage herd",
    )


@pytest.mark.parametrize("number", [3, 200])
def test_files_that_exist_are_found(tmp_path: Path, number: int) -> None:
    """One by one, or many by a look at their directory; a link that leads nowhere is one, too."""
    (tmp_path / "res").mkdir()
    for name in ("0.root", "2.root", "x.root"):
        (tmp_path / "res" / name).touch()
    (tmp_path / "res/1.root").symlink_to("nowhere")
    found = look(tmp_path, nobody, "-out", "h=res/%{ProcId}.root", number=number)
    assert found == OutputFacts(existing=tuple(f"{tmp_path}/res/{n}.root" for n in range(3)))


@pytest.mark.parametrize("inside", ["thesis", "plots", "plots/x"])
def test_a_directory_is_not_replaced_but_a_file_of_that_name_in_it(
    tmp_path: Path, inside: str
) -> None:
    """An output that is a directory joins it, one that is a file goes into it."""
    (tmp_path / "plots" / inside).parent.mkdir(parents=True)
    (tmp_path / "plots" / inside).write_text("mine")
    (tmp_path / "a.csv").mkdir()
    facts = look(tmp_path, nobody, "-out", "plots=plots", "-out", "*.csv=./", number=1)
    assert facts.existing == ((f"{tmp_path}/plots/plots",) if inside == "plots" else ())


def test_files_that_a_pattern_would_replace_are_found(tmp_path: Path) -> None:
    """By the last part of the pattern: that is where its matches go."""
    for name in ("a.csv", "b.csv", "a.txt"):
        (tmp_path / name).touch()
    found = look(tmp_path, nobody, "-out", "sub/*.csv=./", number=1)
    assert found.existing == (f"{tmp_path}/a.csv", f"{tmp_path}/b.csv")


def test_directories_that_can_be_made_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest one that is there decides; the cluster's name in a path is no trouble."""
    (tmp_path / "file").touch()
    assert look(tmp_path, nobody, "-out", "h=a/b/%{ClusterId}/%{ProcId}") == OutputFacts()
    for place in ("file/x/%{ProcId}", "file/%{ProcId}", "file/%{Uuid}/%{ProcId}"):
        ((_, why),) = look(tmp_path, nobody, "-out", f"h={place}", number=1).no_places
        assert why == f"{tmp_path}/file is no directory"
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # others may not come through the directories above it
    with ordinary_user():
        found = look(Path(), nobody, "-out", "h=/etc/hepsub/x", number=1)
    assert [why for _, why in found.no_places] == ["/etc is not writable by you"]


def test_a_directory_that_nobody_may_look_into_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the nearest one that is seen."""
    (tmp_path / "closed").mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with ordinary_user():
        found = look(Path(), nobody, "-out", "h=closed/in/h", number=1)
    assert found.no_places == (("closed/in", "closed is not writable by you"),)
