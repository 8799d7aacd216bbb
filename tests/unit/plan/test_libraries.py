"""The user's libraries as values: where they are kept, and what they change in a plan."""

from __future__ import annotations

import pytest
from msgspec import structs, to_builtins
from msgspec.structs import replace

from hepsub.actions.submit.documents import library_document
from hepsub.condor.description import describe
from hepsub.errors import PolicyError, UsageError
from hepsub.plan.libraries import Library, archive_name, library_prefix
from hepsub.plan.location import ObjectPlace
from tests.fakes.world import World, make_policy, make_spec, make_world, plan_for

STORE = '[storage.herd]\nendpoint = "https://s3.example.org"\n'
SHA = "ab" * 32
PLACE = ObjectPlace(storage="herd", bucket="user", key=f"alice/lib/{SHA}.tar.gz")
SENT = Library(name="setup", is_directory=True, sha256=SHA, size=7)
KEPT = replace(SENT, place=PLACE)


def prefix(said: str, *words: str) -> ObjectPlace | None:
    """Where alice's libraries are kept by this word of the policy."""
    policy = make_policy(f"[staging]\nlibraries = '{said}'\n{STORE}")
    return library_prefix(make_spec("job.sh", "-lib", "x", *words), policy, "alice")


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("herd:user/%{User}/hepsub-lib", "alice/hepsub-lib/"),
        ("s3://user/%{user}/", "alice/"),
        ("herd:user/", ""),
    ],
)
def test_the_policy_names_a_place_for_each_user(said: str, key: str) -> None:
    """A prefix, with or without a slash at its end."""
    assert prefix(said) == ObjectPlace(storage="herd", bucket="user", key=key)


def test_without_a_place_they_are_sent_along() -> None:
    """So they are on this machine's own pool, which has them on its disk."""
    assert prefix("") is None
    assert prefix("herd:user/lib", "-p", "here") is None
    policy = make_policy(f'[staging]\nlibraries = "/data/lib"\n{STORE}')
    assert library_prefix(make_spec("job.sh"), policy, "alice") is None


@pytest.mark.parametrize("said", ["/data/lib", "herd:user/%{Group}/lib"])
def test_a_place_that_is_none_is_the_policys_error(said: str) -> None:
    """With the file and line where it stands."""
    with pytest.raises(PolicyError, match=r"test\.toml line 2"):
        prefix(said)
    with pytest.raises(PolicyError, match=r"test\.toml line 2.*no storage 'other'"):
        prefix("other:user/lib")


def test_a_program_without_inputs_runs_where_it_was_submitted() -> None:
    """A library alone makes no scratch directory of it."""
    plan = plan_for(make_spec("job.sh"), make_policy(), make_world_with(SENT))
    assert plan.staging is not None
    assert plan.staging.in_place
    assert plan.staging.workdir == "/work/alice"


def make_world_with(*libraries: Library, trouble: str = "") -> World:
    """World with libraries."""
    return structs.replace(make_world(), libraries=libraries, library_trouble=trouble)


def test_only_what_is_not_in_s3_travels_in_the_sandbox() -> None:
    """The archive of the bundle by transfer_input_files; that of S3 by its URL."""
    for library, sent in ((SENT, True), (KEPT, False)):
        plan = plan_for(make_spec("job.sh"), make_policy(STORE), make_world_with(library))
        [line] = [
            each
            for each in describe(plan, "u-1").text.splitlines()
            if each.startswith("transfer_input_files")
        ]
        assert (f"/u-1/shared/lib/hepsub_lib.{SHA}.tar.gz" in line) is sent


def test_a_trouble_is_told() -> None:
    """Why S3 was not used."""
    facts = make_world_with(SENT, trouble="the storage herd does not answer")
    plan = plan_for(make_spec("job.sh"), make_policy(), facts)
    assert any("does not answer; the libraries travel" in note for note in plan.notes)


def test_another_library_is_another_job() -> None:
    """For -once; without libraries the digest is what it always was."""

    def digest(*libraries: Library) -> str:
        return plan_for(make_spec("job.sh"), make_policy(), make_world_with(*libraries)).digest()

    plain = plan_for(make_spec("job.sh"), make_policy(), make_world()).digest()
    assert digest() == plain
    assert len({plain, digest(SENT), digest(replace(SENT, sha256="cd" * 32))}) == 3


def test_the_document() -> None:
    """Where it is, and what was done about it."""
    assert to_builtins(library_document(KEPT, uploaded=True)) == {
        "name": "setup",
        "sha256": SHA,
        "size": 7,
        "stored": False,
        "uploaded": True,
        "where": f"herd:user/alice/lib/{archive_name(SHA)}",
    }
    assert not library_document(KEPT, uploaded=False).uploaded
    assert not library_document(replace(KEPT, stored=True), uploaded=True).uploaded
    sent = library_document(SENT, uploaded=True)
    assert (sent.where, sent.uploaded) == (None, False)


@pytest.mark.parametrize("name", ["hepsub_lib", "hepsub_lib/x", "hepsub_lib.a.tar.gz"])
def test_files_cannot_have_the_names_of_libraries(name: str) -> None:
    """Neither inputs nor outputs."""
    for words in (("-in", f"herd:b/{name}"), ("-out", f"{name}=herd:b/k")):
        if words[0] == "-in" and "/" in name:
            continue  # an input's name has none
        with pytest.raises(UsageError, match="hepsub's own"):
            plan_for(make_spec("job.sh", *words), make_policy(STORE), make_world())
