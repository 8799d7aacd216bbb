"""Texts with names in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.errors import UsageError
from hepsub.jobid import Again
from hepsub.plan.template import Name, Values, job_values, literal, parse_template

PROC_7 = Values(proc=7, index=107, item="run 42.root")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain", ("plain",)),
        ("%{ProcId}", (Name.PROC,)),
        ("%{ProcID}", (Name.PROC,)),
        ("%{procid}", (Name.PROC,)),
        ("%{PROCID}", (Name.PROC,)),
        ("%{clusterID}", (Name.CLUSTER,)),
        ("%{UUID}", (Name.UUID,)),
        ("%{index}", (Name.INDEX,)),
        ("%{Item}", (Name.ITEM,)),
        ("%{ITEMS}", (Name.ITEMS,)),
        ("run-%{ProcId}.sh", ("run-", Name.PROC, ".sh")),
        ("%{ClusterId}%{ProcId}", (Name.CLUSTER, Name.PROC)),
        ("a%{ClusterId}.%{ProcId}", ("a", Name.CLUSTER, ".", Name.PROC)),
        ("%{other}", ("%{other}",)),
        ("%{}", ("%{}",)),
        ("%{ProcId", ("%{ProcId",)),
        ("%%{ProcId}", ("%", Name.PROC)),
        ("${ProcId} $(ProcId)", ("${ProcId} $(ProcId)",)),
        ("%{Proc Id}", ("%{Proc Id}",)),
        ("x%{other}%{ProcId}", ("x%{other}", Name.PROC)),
    ],
)
def test_a_text_is_split_at_its_names(text: str, parts: tuple[str | Name, ...]) -> None:
    """Names count in any case of letters; everything else is literal, and never in two pieces."""
    assert parse_template(text).parts == parts


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("%{Proc}", "%{ProcId}"),
        ("%{ProcesId}", "%{ProcId}"),
        ("log.%{Cluster}", "%{ClusterId}"),
        ("%{itemm}", "%{item}"),
        ("%{Indx}", "%{Index}"),
        ("%{Uid}", "%{Uuid}"),
    ],
)
def test_a_near_miss_is_an_error_with_the_right_name(text: str, meant: str) -> None:
    """A mistyped name would silently be a file's name: it is refused instead."""
    with pytest.raises(UsageError) as caught:
        parse_template(text)
    assert caught.value.remedy == f"did you mean '{meant}'?"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("%{ProcId}", "7"),
        ("%{Index}", "107"),
        ("in/%{item}", "in/run 42.root"),
        ("log.%{clusterid}.%{procid}", "log.%{ClusterId}.7"),
    ],
)
def test_names_are_filled_in_and_an_unknown_cluster_stays(text: str, filled: str) -> None:
    """Before the submission there is no ClusterId: the name stays as it is."""
    assert parse_template(text).fill(PROC_7) == filled


def test_several_items_stand_side_by_side() -> None:
    """%{items} is all of the job's lines, with blanks between them; %{item} is the first."""
    values = Values(proc=0, index=0, item="a", items=("a", "b", "c"))
    assert parse_template("%{items}").fill(values) == "a b c"
    assert parse_template("%{item}").fill(values) == "a"


def test_a_known_cluster_is_filled_in() -> None:
    """After the submission the log's whole name is known."""
    values = Values(proc=7, index=7, cluster=13)
    assert parse_template("log.%{ClusterId}.%{ProcId}").fill(values) == "log.13.7"


def test_an_item_is_taken_literally() -> None:
    """A list's line that looks like a name is not read a second time."""
    template = parse_template("%{item}").fill_known(Values(proc=7, index=7, item="a%{ProcId}"))
    assert template.parts == ("a%{ProcId}",)


def test_an_item_may_look_like_a_mistyped_name() -> None:
    """`%{Proc}` in a list is the user's data: it is neither corrected nor refused."""
    template = parse_template("%{item}").fill_known(Values(proc=0, index=0, item="%{Proc}"))
    assert template.parts == ("%{Proc}",)


def test_filling_what_is_known_leaves_the_cluster() -> None:
    """The one name that is left is ClusterId."""
    template = parse_template("%{item}.%{ClusterId}").fill_known(PROC_7)
    assert template.parts == ("run 42.root.", Name.CLUSTER)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("plain", frozenset()),
        ("%{ProcId}%{procid}", frozenset({Name.PROC})),
        ("%{item}%{Index}", frozenset({Name.ITEM, Name.INDEX})),
    ],
)
def test_the_names_that_occur(text: str, names: frozenset[Name]) -> None:
    """Each name once, however often and however it is written."""
    assert parse_template(text).names() == names


def test_a_literal_has_no_names() -> None:
    """A value of the environment that looks like a name stays as it is."""
    assert literal("%{ProcId}").parts == ("%{ProcId}",)
    assert literal("").parts == ()


@given(st.text().filter(lambda text: "%{" not in text))
def test_a_text_without_names_is_itself(text: str) -> None:
    """Filling in changes nothing where there is nothing to fill in."""
    assert parse_template(text).fill(PROC_7) == text
    assert str(parse_template(text)) == text


def test_the_text_of_a_template_has_the_names_in_their_usual_case() -> None:
    """What is shown is what hepsub's own pages write."""
    assert str(parse_template("a.%{CLUSTERID}.%{procid}")) == "a.%{ClusterId}.%{ProcId}"


def test_the_uuid_is_a_name_until_the_submission_has_one() -> None:
    """Then it is a text like any other, and what stands around it is one run with it."""
    template = parse_template("a/%{uuid}/%{ProcId}.%{ClusterId}")
    assert template.fill(PROC_7) == "a/%{Uuid}/7.%{ClusterId}"
    assert template.fill_known(PROC_7).parts == ("a/", Name.UUID, "/7.", Name.CLUSTER)
    assert template.with_uuid("u-1").parts == ("a/u-1/", Name.PROC, ".", Name.CLUSTER)
    assert parse_template("x").with_uuid("u-1").parts == ("x",)


def test_a_job_that_is_run_again_has_its_first_names() -> None:
    """Its place among the jobs of its submission is its own; ProcId, Index and what hangs on them are as before."""
    again = Again(uuid="u", cluster=13, procs=(3, 17))
    found = job_values(2, 100, ("a", "b", "c"), (1, 3), again)
    assert [(each.proc, each.said, each.index, each.items) for each in found] == [
        (0, 3, 103, ("a",)),
        (1, 17, 117, ("b", "c")),
    ]
    assert parse_template("%{ProcId}.%{Index}.%{items}").fill(found[1]) == "17.117.b c"
