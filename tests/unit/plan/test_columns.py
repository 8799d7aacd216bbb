"""The columns of a list: how lines are divided, and what stands for what."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.errors import UsageError
from hepsub.job import BLANK, COMMA, TAB, Columns, JobSpec
from hepsub.plan.columns import asked_columns, cells, check_parts
from hepsub.plan.draft import Reading, check_words
from hepsub.plan.template import Name, Values, job_values, parse_template
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

RUNS = Columns(names=("run", "file"), separator=COMMA)


@pytest.mark.parametrize(
    ("separator", "names", "line", "found"),
    [
        (COMMA, (), "1,a b", ["1", "a b"]),
        (COMMA, (), '1,"a, ""b""",', ["1", 'a, "b"', ""]),
        (COMMA, (), "1, a", ["1", " a"]),  # RFC 4180: blanks belong to the column
        (COMMA, (), '1,5" pipe', ["1", '5" pipe']),
        (COMMA, (), "1\ta", ["1\ta"]),
        (TAB, (), "1\ta,b\t", ["1", "a,b", ""]),
        (TAB, (), '"1\t2"\t3', ["1\t2", "3"]),
        # As HTCondor divides for `queue a,b from FILE`, tried with the bindings of 25.14.1:
        (BLANK, ("a", "b"), "1 a b c", ["1", "a b c"]),
        (BLANK, ("a", "b"), "2,b,c", ["2", "b,c"]),
        (BLANK, ("a", "b"), "4,  f  , g", ["4", "f  , g"]),
        (BLANK, ("a", "b"), "5\th", ["5", "h"]),
        (BLANK, ("a",), "1 a, b", ["1 a, b"]),
        (BLANK, (), "1  a,b", ["1", "a", "b"]),
    ],
)
def test_how_lines_are_divided(
    separator: str, names: tuple[str, ...], line: str, found: list[str]
) -> None:
    assert cells(line, Columns(names=names, separator=separator)) == found


@pytest.mark.parametrize("line", ['1,"a', '1,"a"b'])
def test_quotes_that_csv_does_not_know(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        cells(line, RUNS)


@pytest.mark.parametrize(
    ("text", "item", "columns", "found"),
    [
        ("%{item.1}-%{item.2}", "7,/d/x.root", None, "7-/d/x.root"),
        ("%{item.run}", "7,/d/x.root", RUNS, "7"),
        ("%{ITEM.Run}", "7,/d/x.root", RUNS, "7"),
        ("%{item.file.name}", "7,/d/x.tar.gz", RUNS, "x.tar.gz"),
        ("%{item.file.stem}", "7,/d/x.tar.gz", RUNS, "x.tar"),
        ("%{item.2.STEM}", "7,/d/x.root", RUNS, "x"),
        ("%{item.name}", "s3://raw/2026/run_1.root", None, "run_1.root"),
        ("%{item.stem}", "s3://raw/2026/run_1.root", None, "run_1"),
        ("%{item.stem}", "/d/.bashrc", None, ".bashrc"),
        ("%{item.stem}", "/d.d/plain", None, "plain"),
        ("%{item.name}", "/data/run7/", None, "run7"),
        ("%{item.name}", "x", None, "x"),
        ("%{item}", '7,"a b"', RUNS, '7,"a b"'),
        ("%{ProcId.2} %{other.x}", "7,a", RUNS, "%{ProcId.2} %{other.x}"),
    ],
)
def test_what_parts_of_an_item_stand_for(
    text: str, item: str, columns: Columns | None, found: str
) -> None:
    values = Values(proc=0, index=0, item=item, items=(item,), columns=columns)
    template = parse_template(text)
    assert template.fill(values) == found
    assert str(template.fill_known(values)) == found


def test_a_part_of_an_item_is_an_item_to_all_who_ask_what_occurs() -> None:
    template = parse_template("a%{item.run}b%{items.2.stem}")
    assert template.names() == {Name.ITEM, Name.ITEMS}
    assert str(template) == "a%{item.run}b%{items.2.stem}"
    assert not template.is_list
    assert parse_template("%{item.2}").begins_with_item


def test_the_parts_of_all_items_of_a_job() -> None:
    """Alone it is a text an item; among other text, blanks between."""
    jobs = job_values(1, 0, ("1,a", "2,b"), (2,), columns=RUNS)
    assert parse_template("%{items.file}").is_list
    assert parse_template("%{items.file}").listed(jobs[0]) == ("a", "b")
    assert parse_template("x%{items.file}").fill_all(jobs) == ["xa b"]
    assert parse_template("%{item.file}").fill_all(jobs) == ["a"]


@pytest.mark.parametrize("text", ["%{item.a.b}", "%{item.name.stem}", "%{items.a.b.stem}"])
def test_words_that_mean_no_part(text: str) -> None:
    with pytest.raises(UsageError, match="means no part of an item"):
        parse_template(text)


def test_a_slip_in_the_name_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        parse_template("%{itme.run}")
    assert caught.value.remedy == "did you mean '%{item.run}'?"


def spec(*words: str) -> JobSpec:
    return make_spec("job.sh", "-list", "runs.txt", *words)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), None),
        (("-argu", "%{item.name}", "%{item}"), None),
        (("-argu", "%{item.2}"), Columns(separator=COMMA)),
        (("-env", "A=%{item.2}"), Columns(separator=COMMA)),
        (("-list", "r.TSV", "-argu", "%{item.2}"), Columns(separator=TAB)),
        (("-list", "r.tsv", "-sep", "comma"), Columns(separator=COMMA)),
        (("-columns", "a,b"), Columns(names=("a", "b"), separator=COMMA)),
        (("-columns", "Header", "-sep", "tab"), Columns(header=True, separator=TAB)),
        (("-sep", "Blank"), Columns(separator=BLANK)),
    ],
)
def test_when_lines_are_divided_and_at_what(words: tuple[str, ...], asked: Columns | None) -> None:
    """Without a word about columns, lines are what they were: their quotes and commas mean nothing."""
    assert asked_columns(spec(*words)) == asked


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("-columns", "run,name"),
            "no column can be called 'name': %{item.name} is a part of a path",
        ),
        (("-columns", "Stem"), "no column can be called 'Stem'"),
        (("-columns", "1,2"), "no column can be called '1': %{item.1} is a column by its number"),
        (("-columns", "run,RUN"), "two columns are called 'RUN'"),
        (("-columns", "run,,file"), "'' cannot be the name of a column"),
        (("-columns", "run number"), "'run number' cannot be the name of a column"),
        (("-columns", "a.b"), "'a.b' cannot be the name of a column"),
    ],
)
def test_names_that_columns_cannot_have(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked_columns(spec(*words))
    assert message in caught.value.message


@pytest.mark.parametrize("words", [("-columns", "a"), ("-sep", "tab"), ("-argu", "%{item.2}")])
def test_columns_without_a_list(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="no list"):
        check_words(make_spec("job.sh", *words), make_policy(), Reading())


def test_an_unknown_separator() -> None:
    with pytest.raises(UsageError, match="';' is none of comma, tab, blank"):
        spec("-sep", ";")


@pytest.mark.parametrize(
    ("word", "columns", "message", "remedy"),
    [
        ("3", RUNS, "runs.txt has no column 3", "it has 2 columns: run, file"),
        ("0", RUNS, "runs.txt has no column 0", "it has 2 columns: run, file"),
        ("fiel", RUNS, "runs.txt has no column fiel", "did you mean 'file'? it has 2 columns"),
        ("run", Columns(separator=COMMA), "nor names of columns", "-columns header"),
        ("3", Columns(separator=COMMA), "divided at each comma, it has 2", "-sep comma"),
        ("1", None, "runs.txt has no column 1, for its items are objects", "%{item.name}"),
    ],
)
def test_columns_that_are_not_there(
    word: str, columns: Columns | None, message: str, remedy: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_parts(spec("-argu", f"%{{item.{word}}}"), ["1,a"], columns)
    assert message in caught.value.message
    assert caught.value.remedy is not None
    assert remedy in caught.value.remedy


def test_columns_name_inputs_outputs_logs_and_words() -> None:
    """All that one job gets, from its own line."""
    policy = make_policy('[storage.herd]\nendpoint = "https://s3.example.org"\n')
    words = (
        *("-argu", "%{item.run}", "%{items.file}", "-o", "log/%{item.run}.out", "-e", "%{item.file.stem}.err"),
        *("-in", "%{item.file}", "-out", "h.root=herd:out/%{item.run}/%{item.file.name}"),
    )  # fmt: skip
    world = make_world(items=("1,/d/a.root", '2,"herd:raw/b, c.root"'), columns=RUNS)
    procs = list(plan_for(spec(*words, "-columns", "run,file"), policy, world).procs())
    assert [each.arguments for each in procs] == [("1", "/d/a.root"), ("2", "herd:raw/b, c.root")]
    assert [each.stdout for each in procs] == ["/work/alice/log/1.out", "/work/alice/log/2.out"]
    assert procs[1].stderr == "/work/alice/b, c.err"
    assert [str(each.inputs[0].place) for each in procs] == ["/d/a.root", "herd:raw/b, c.root"]
    assert [each.inputs[0].name for each in procs] == ["a.root", "b, c.root"]
    assert str(procs[1].outputs[0].place) == "herd:out/2/b, c.root"


def test_all_files_of_a_job_by_their_column() -> None:
    """-per 2: `-in %{items.file}` is a file for each line, of one name where directories tell them apart."""
    world = make_world(items=("1,/d/a/x.root", "2,/d/b/x.root"), columns=RUNS)
    words = ("-columns", "run,file", "-in", "%{items.file}", "-per", "2")
    plan = plan_for(spec(*words), make_policy(), replace(world, ends=(2,)))
    (proc,) = plan.procs()
    assert [each.name for each in proc.inputs] == ["a/x.root", "b/x.root"]


@pytest.mark.parametrize(
    "words",
    [
        ("-in", "%{item.2}"),
        ("-out", "x=herd:out/%{item.file}"),
        ("-o", "log/%{item.2}"),
        ("-e", "%{item.file.stem}"),
    ],
)
def test_a_path_is_no_empty_column(words: tuple[str, ...]) -> None:
    """It would be the directory in front of it; in the middle of a name it may be empty, and as a word."""
    with pytest.raises(UsageError, match=r"is empty in '2,', and no path can be"):
        check_parts(spec(*words), ["1,a", "2,"], RUNS)
    check_parts(spec("-argu", "%{item.2}", "-o", "log/x%{item.2}"), ["1,a", "2,"], RUNS)
    check_parts(spec(*words), ["1,a", "2,b"], RUNS)
