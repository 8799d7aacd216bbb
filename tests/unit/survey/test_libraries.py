"""Libraries before a submission: packed, and looked for in S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from hepsub.errors import LibraryUnusable, StorageUnreachable, UnknownStorage, UsageError
from hepsub.libraries.cache import ArchiveCache
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.store import Store
from hepsub.survey.libraries import look_at_libraries
from tests.fakes.world import make_policy, make_situation, make_spec

STORE = '[storage.herd]\nendpoint = "{}"\n'
POLICY = '[staging]\nlibraries = "herd:user/%{User}/lib"\n' + STORE.format("https://s3.example.org")


@dataclass
class FakeStore:
    """A store that knows what it was told, or does not answer."""

    facts: dict[str, ObjectInfo] = field(default_factory=dict)
    away: bool = False
    asked: list[ObjectPlace] = field(default_factory=list)

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """Size and ETag."""
        if self.away:
            raise StorageUnreachable("the storage herd does not answer")
        self.asked += places
        return {place: self.facts.get(place.key) for place in places}


@dataclass
class World:
    """A directory, a cache and a store."""

    directory: Path
    store: FakeStore = field(default_factory=FakeStore)

    @property
    def archives(self) -> ArchiveCache:
        """Beside the bundles."""
        return ArchiveCache(directory=self.directory / ".libraries", keeps=True)

    def look(
        self, *said: str, policy: str = POLICY, words: tuple[str, ...] = ()
    ) -> tuple[tuple[Library, ...], str]:
        """What is found of these, and why S3 cannot keep them."""
        options = [word for each in said for word in ("-lib", each)]
        return look_at_libraries(
            make_spec("job.sh", *options, *words),
            make_policy(policy),
            make_situation(cwd=self.directory),
            lambda _: cast("Store", self.store),
            self.archives,
        )

    def shelved(self) -> list[str]:
        """The archives."""
        return sorted(path.name for path in self.archives.directory.glob("*.tar.gz"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """With a directory and a file."""
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup/a").write_text("a")
    (tmp_path / "libA.so").write_text("elf")
    return World(tmp_path)


def test_what_s3_does_not_have_is_packed_for_it(world: World) -> None:
    """One question for all; the archives lie in the cache until they are uploaded."""
    (setup, lib), _ = world.look("setup/", "libA.so")
    assert (setup.name, setup.is_directory, lib.name, lib.is_directory) == (
        "setup", True, "libA.so", False,
    )  # fmt: skip
    assert world.store.asked == [setup.place, lib.place]
    assert str(setup.place) == f"herd:user/alice/lib/{setup.sha256}.tar.gz"
    assert setup.is_missing
    assert world.shelved() == sorted(f"{each.sha256}.tar.gz" for each in (setup, lib))


@pytest.mark.parametrize(
    ("fact", "stored"),
    [
        ({}, True),
        ({"size": 1}, False),
        ({"etag": "0" * 32}, False),
        ({"etag": "0" * 32, "encrypted": True}, True),
        ({"etag": "abc-2"}, True),
        ({"etag": ""}, True),
    ],
)
def test_what_s3_has_is_not_uploaded_again(
    world: World, fact: dict[str, object], stored: bool
) -> None:
    """By name, size, and the MD5 where the store tells it: one that was cut off or spoilt is replaced."""
    [first], _ = world.look("setup")
    assert first.place is not None
    packed = world.archives.path(first.sha256)
    right = ObjectInfo(size=first.size, etag=hashlib.md5(packed.read_bytes()).hexdigest())
    world.store.facts[first.place.key] = replace(right, **fact)
    [again], _ = world.look("setup")
    assert again == replace(first, stored=stored)


def test_a_store_that_does_not_answer_is_done_without(world: World) -> None:
    """They are sent along, and the reason is known."""
    world.store.away = True
    [found], trouble = world.look("setup")
    assert found.place is None
    assert trouble == "the storage herd does not answer"
    assert world.shelved() == [f"{found.sha256}.tar.gz"]


def test_without_a_place_nobody_is_asked(world: World) -> None:
    """No word in the policy, or the embedded pool."""
    for policy, words in (("", ()), (POLICY, ("-p", "here"))):
        [found], trouble = world.look("setup", policy=policy, words=words)
        assert (found.place, trouble) == (None, "")
    assert world.store.asked == []


def test_two_of_one_name_are_refused(world: World) -> None:
    """Before anything is packed."""
    (world.directory / "other/setup").mkdir(parents=True)
    with pytest.raises(UsageError, match="the name setup"):
        world.look("setup", "other/setup/")
    assert not world.archives.directory.exists()


def test_one_that_is_too_large_is_refused(world: World) -> None:
    """By the policy's word."""
    (world.directory / "setup/large").write_bytes(bytes(2**20 + 1))
    policy = POLICY.replace("[staging]", '[staging]\nlibrary_limit = "1 MB"')
    with pytest.raises(LibraryUnusable, match="library_limit"):
        world.look("setup", policy=policy)


def test_plain_http_is_refused_like_for_inputs(world: World) -> None:
    """Unless the policy allows it."""
    policy = POLICY.replace("https:", "http:")
    with pytest.raises(UnknownStorage, match="plain http"):
        world.look("setup", policy=policy)
