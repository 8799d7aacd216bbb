"""-lib in a submission: uploaded before the jobs, once; and kept reachable while they wait."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.libraries import archive_cache, upload_missing, uploaded_note
from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.result import Preview, Submission
from hepsub.actions.submit.stage import sign, used_storages
from hepsub.actions.submit.submit import submit
from hepsub.bundle.bundle import read_bundle
from hepsub.errors import BundleUnusable, HepsubError, StorageRefused
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.store import Store
from tests.fakes.batch import FakeSchedd, Fault, as_batch_systems
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec

KEYS = S3Credentials(access="AKIA", secret="hidden", token="", expires=None)
STORE = '[storage.herd]\nendpoint = "https://s3.example.org"\n'
LINE = ("job.sh", "-lib", "setup", "-lib", "libA.so")


@dataclass
class Remembering:
    """What S3 holds: the sizes of objects by key; `broken` refuses uploads."""

    objects: dict[str, int] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    broken: bool = False

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo | None]:
        """Size."""
        return {
            each: ObjectInfo(size=self.objects[each.key], etag="")
            if each.key in self.objects
            else None
            for each in places
        }

    def upload(self, file: BufferedIOBase, place: ObjectPlace) -> None:
        """Keep the size."""
        if self.broken:
            raise StorageRefused("the storage herd refuses it", remedy="check the keys")
        self.uploads.append(place.key)
        self.objects[place.key] = len(file.read())


@dataclass
class World:
    """A login node with a directory, a file and a store."""

    directory: Path
    schedd: FakeSchedd
    s3: Remembering = field(default_factory=Remembering)
    where: str = "herd:user/%{User}/lib"

    @property
    def session(self) -> Session:
        """The session."""
        policy = make_policy(
            f'[staging]\nbundle_dir = "/proc/self/root{self.directory}/bundles"\n'
            f'libraries = "{self.where}"\n{STORE}'
        )
        session = make_session(
            self.directory,
            as_batch_systems(self.schedd),
            policy=policy,
            situation=make_situation(cwd=self.directory),
        )
        return replace(session, keys=lambda _name, _storage: KEYS)

    def submit(self, *words: str) -> Submission:
        """Submit."""
        return submit(self.session, make_spec(*(words or LINE))).value

    @property
    def shelved(self) -> list[Path]:
        """The archives in the cache."""
        return sorted(self.directory.glob("bundles/.libraries/*.tar.gz"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """With a store that remembers; signing is the real one."""
    make_script(tmp_path)
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup/a").write_text("a")
    (tmp_path / "libA.so").write_text("elf")
    made = World(tmp_path, FakeSchedd(host="login01.example.org"))
    monkeypatch.setattr(Store, "look_up", lambda _, places: made.s3.look_up(list(places)))
    monkeypatch.setattr(Store, "upload", lambda _, file, place: made.s3.upload(file, place))
    return made


def told(value: Submission | Preview) -> list[tuple[bool, bool]]:
    """Of each library, whether S3 had it, and whether it was uploaded."""
    return [(each.stored, each.uploaded) for each in value.document().libraries]


def test_they_are_uploaded_before_the_jobs_and_never_again(world: World) -> None:
    """The second submission finds them; nothing of them stays on the submit side."""
    first = world.submit()
    assert told(first) == [(False, True), (False, True)]
    assert any(note.startswith("uploaded to herd:user/alice/lib, where") for note in first.notes)
    assert len(world.s3.uploads) == 2
    assert world.shelved == []
    second = world.submit()
    assert told(second) == [(True, False), (True, False)]
    assert not any("uploaded" in note for note in second.notes)
    assert len(world.s3.uploads) == 2


def test_the_manifest_names_them(world: World) -> None:
    """A signed URL and the SHA-256 of each, and what it holds."""
    uuid = world.submit().submitted.uuid
    lines = (world.directory / f"bundles/{uuid}/job/0/hepsub.manifest").read_text().splitlines()
    fields = [line.split("\t") for line in lines]
    inputs = [each for each in fields if each[0] == "input"]
    libraries = [each for each in fields if each[0] == "library"]
    assert [each[1:3] for each in libraries] == [["setup", "dir"], ["libA.so", "file"]]
    assert [each[3] for each in libraries] == [each[1] for each in inputs]
    for each in inputs:
        sha256 = each[1].split(".")[1]
        assert each[3] == f"sha256:{sha256}"
        assert f"https://s3.example.org/user/alice/lib/{sha256}.tar.gz?X-Amz-" in each[4]


def test_without_a_storage_they_lie_in_the_bundle(world: World) -> None:
    """One copy, with a name in each bundle; none of it for others to read."""
    world.where = ""
    bundles = [world.directory / "bundles" / world.submit().submitted.uuid for _ in range(3)]
    assert [path.stat().st_nlink for path in world.shelved] == [4, 4]
    for bundle in bundles:
        assert len(list((bundle / "shared/lib").iterdir())) == 2
        text = (bundle / "job/0/hepsub.manifest").read_text()
        assert text.count("\nsent\thepsub_lib.") == text.count("\nlibrary\t") == 2
    assert (world.directory / "bundles/.libraries").stat().st_mode & 0o777 == 0o700


def test_a_dry_run_changes_nothing(world: World) -> None:
    """No upload, no file; what would happen stands in the document."""
    value = preview(world.session, make_spec(*LINE)).value
    assert world.s3.uploads == []
    assert not (world.directory / "bundles").exists()
    assert told(value) == [(False, False), (False, False)]


def test_an_upload_that_fails_submits_nothing(world: World) -> None:
    """No call to the schedd, no bundle; the archive stays for the next time, and the remedy helps."""
    world.s3.broken = True
    with pytest.raises(StorageRefused, match="the library setup cannot be uploaded") as refused:
        world.submit()
    said = (
        'check the keys; with libraries = "" in [staging] of your policy they travel with the jobs'
    )
    assert refused.value.remedy == said
    assert "submit" not in world.schedd.calls
    assert [path.name for path in (world.directory / "bundles").iterdir()] == [".libraries"]
    assert len(world.shelved) == 2
    world.s3.broken = False
    world.submit()
    assert world.shelved == []


def test_a_submission_that_did_not_happen_leaves_at_most_an_object(world: World) -> None:
    """Which the next one uses."""
    world.schedd.fault = Fault.REFUSED
    with pytest.raises(HepsubError):
        world.submit()
    assert len(world.s3.uploads) == 2
    world.schedd.fault = None
    world.submit()
    assert len(world.s3.uploads) == 2


def test_an_earlier_submission_with_the_same_key_uploads_nothing(world: World) -> None:
    """-once: the cluster is there, whatever the directory holds now; that it differs is said."""
    world.submit(*LINE, "-once", "k")
    (world.directory / "setup/a").write_text("another")
    result = submit(world.session, make_spec(*LINE, "-once", "k"))
    assert len(world.s3.uploads) == 2
    assert any("the job differs" in note for note in result.notes)


def test_their_urls_are_signed_anew_with_all_others(world: World) -> None:
    """By who renews, from what stands in the bundle alone."""
    uuid = world.submit().submitted.uuid
    bundle = read_bundle(world.session.bundles / uuid)
    assert bundle is not None
    assert used_storages(bundle.request) == ("herd",)
    assert "herd" in json.loads((bundle.directory / "private/signed.json").read_text())
    path = bundle.directory / "job/0/hepsub.manifest"
    before = path.read_text()
    path.unlink()
    session = world.session
    sign(session, session.open_stores(), bundle, None)
    places = [
        [line.split("?")[0] for line in text.splitlines()] for text in (before, path.read_text())
    ]
    assert places[0] == places[1]


def missing(sha256: str = "ab" * 32) -> Library:
    """One that S3 does not have."""
    place = ObjectPlace(storage="herd", bucket="user", key=f"lib/{sha256}.tar.gz")
    return Library(name="setup", is_directory=True, sha256=sha256, size=5, place=place)


def test_what_another_command_has_uploaded_meanwhile_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the archive out of the cache when it was done; one that nobody uploaded is an error."""
    stores = world.session.open_stores()
    library = missing()

    monkeypatch.setattr(Store, "upload", lambda _self, path, _place: path.stat())
    archives = archive_cache(world.session.bundles)
    assert library.place is not None
    with pytest.raises(BundleUnusable, match="cannot be read"):
        upload_missing([library], stores.store, archives)
    world.s3.objects[library.place.key] = 5
    upload_missing([library], stores.store, archives)


def test_only_what_was_uploaded_is_told() -> None:
    """In one line."""
    assert uploaded_note([replace(missing(), stored=True), replace(missing(), place=None)]) == ()
    assert uploaded_note([missing()]) == (
        "uploaded to herd:user/lib, where later jobs find it: setup (5 B)",
    )
