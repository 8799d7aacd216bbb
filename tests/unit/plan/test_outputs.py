"""What is said of the places of outputs, and what is refused."""

from __future__ import annotations

import pytest

from hepsub.errors import OutputConflict, OutputPlaceUnusable
from hepsub.plan.existing import check_outputs, is_new, named_keys, output_notes
from hepsub.plan.facts import OutputFacts
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace, Place
from tests.fakes.world import make_policy

POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
buckets = ["hists", "raw"]
"""


def obj(key: str, bucket: str = "hists") -> ObjectPlace:
    """An object in herd."""
    return ObjectPlace(storage="herd", bucket=bucket, key=key)


@pytest.mark.parametrize(
    ("place", "new"),
    [
        (obj("a/%{ClusterId}/h"), True),
        (obj("a/%{Uuid}.h"), True),
        (FilePlace(path="/d/%{Uuid}/h"), True),
        (obj("a/7.h"), False),
        (FilePlace(path="/d/h"), False),
    ],
)
def test_what_is_named_after_the_submission_is_new(place: Place, *, new: bool) -> None:
    """Nothing of an earlier one can be there."""
    assert is_new(Carried(name="h", place=place)) is new


def test_what_exists_is_said_and_submitted_all_the_same() -> None:
    """The first three by name, the others by number; what was not seen is said, too."""
    facts = OutputFacts(existing=tuple("abcd"), unseen=("the storage x does not answer",))
    check_outputs(facts, make_policy(POLICY))
    assert output_notes(facts) == (
        "4 outputs exist already (a, b, c and 1 more) and will be overwritten; %{ClusterId} or %{Uuid} in their"
        " places keep the outputs of each submission apart",
        "the storage x does not answer",
    )
    assert output_notes(OutputFacts(existing=("a",)))[0].startswith("1 output exists already (a) ")
    assert output_notes(OutputFacts()) == ()


def test_a_policy_may_refuse_to_overwrite() -> None:
    """The message says where that stands."""
    policy = make_policy(f"{POLICY}[staging]\noverwrite = false\n")
    check_outputs(OutputFacts(), policy)
    with pytest.raises(OutputConflict) as caught:
        check_outputs(OutputFacts(existing=("a", "b")), policy)
    assert "2 outputs exist already (a, b)" in caught.value.message
    assert "test.toml line 6" in caught.value.message
    assert "-nocheck" in caught.value.remedy


def test_a_bucket_that_is_not_there_is_refused_with_the_closest_one() -> None:
    """Every job would end with 85."""
    facts = OutputFacts(no_buckets=(obj("", "hist"),))
    with pytest.raises(OutputPlaceUnusable) as caught:
        check_outputs(facts, make_policy(POLICY))
    assert "the storage herd has no bucket 'hist'" in caught.value.message
    assert "did you mean herd:hists/…?" in caught.value.remedy


def test_a_directory_that_no_job_could_write_to_is_refused() -> None:
    """The first one, and how many more."""
    facts = OutputFacts(no_places=(("/d/x", "/d is not writable by you"), ("/e", "…")))
    with pytest.raises(OutputPlaceUnusable) as caught:
        check_outputs(facts, make_policy(POLICY))
    assert caught.value.message == (
        "no output can be put into /d/x: /d is not writable by you; 1 more of the directories likewise"
    )


def test_keys_that_can_be_looked_for_are_those_that_stand_there() -> None:
    """What a pattern will match is not known, what is named after the submission is new, and paths have no key."""
    carried = [
        Carried(name="h", place=obj("a/h")),
        Carried(name="h_*", place=obj("b/")),
        Carried(name="h", place=obj("c/%{ClusterId}")),
        Carried(name="h", place=FilePlace(path="/d/h")),
    ]
    assert named_keys(carried) == ["a/h"]
