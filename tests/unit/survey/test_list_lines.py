"""Lists with columns: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.errors import ListUnreadable, UsageError
from hepsub.job import COMMA, Columns
from hepsub.plan.draft import Reading
from hepsub.survey.lists import read_list
from tests.fakes.world import make_policy, make_spec


def read(directory: Path, text: str, *words: str, name: str = "l") -> Reading:
    (directory / name).write_text(text)
    spec = make_spec("job.sh", "-list", name, *words)
    return read_list(spec, make_policy(), directory, lambda _: pytest.fail("S3 was asked"))


def test_lines_are_divided_only_where_that_is_asked_for(tmp_path: Path) -> None:
    """A list as it always was may have any quotes and commas."""
    assert read(tmp_path, 'a,"b\nc\n') == Reading(items=('a,"b', "c"))
    assert read(tmp_path, "/d/a.root\n", "-argu", "%{item.stem}").columns is None


def test_columns_by_number_and_by_name(tmp_path: Path) -> None:
    found = read(tmp_path, "1,a\n\n# no\n2,b\n", "-argu", "%{item.2}")
    assert found == Reading(items=("1,a", "2,b"), columns=Columns(separator=COMMA))
    found = read(tmp_path, "1,a\n2,b\n", "-columns", "run,file")
    assert found.columns == Columns(names=("run", "file"), separator=COMMA)


def test_the_first_line_has_the_names(tmp_path: Path) -> None:
    """It is no item; a name that cannot be written in a text stands for nothing, its column has a number."""
    found = read(tmp_path, '# exported\nrun,"Event count", file\n1,2,a\n', "-columns", "header")
    assert found.items == ("1,2,a",)
    assert found.columns == Columns(names=("run", "Event count", "file"), separator=COMMA)


def test_an_empty_column_at_the_end_of_a_tsv_is_one(tmp_path: Path) -> None:
    found = read(tmp_path, "run\tnote\r\n1\t\r\n2\tx\r\n", "-columns", "header", name="l.tsv")
    assert found.items == ("1\t", "2\tx")


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("1,a\n\n2\n", ("-argu", "%{item.2}"), "l, line 3: 1 column, divided at each comma; line 1 has 2"),
        ("a,b\n1,2\n1,2,3\n", ("-columns", "header"), "l, line 3: 3 columns, divided at each comma; there are"),
        ("1 a\n2 b\n", ("-columns", "run,file"), "l, line 1: 1 column, divided at each comma; there are names for 2"),
        ("1 a\n2\n", ("-columns", "run,file", "-sep", "blank"), "l, line 2: 1 column, divided at each blank"),
        ('1,a\n2,"b\n', ("-argu", "%{item.2}"), "l, line 2: its quotes are not those of CSV"),
        ("a,b\n", ("-columns", "header"), "the list l holds no item behind the names of its columns"),
    ],
)  # fmt: skip
def test_lists_that_are_refused(
    tmp_path: Path, text: str, words: tuple[str, ...], message: str
) -> None:
    """The line is told, and nothing is guessed."""
    with pytest.raises(ListUnreadable) as caught:
        read(tmp_path, text, *words)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run,name\n1,a\n", "the first line of l: no column can be called 'name'"),
        ("run,Run\n1,a\n", "the first line of l: two columns are called 'Run'"),
        ("1,a\n2,b\n", "the first line of l: no column can be called '1'"),
    ],
)
def test_a_first_line_that_holds_no_names(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text, "-columns", "header")
    assert message in caught.value.message


def test_sizes_are_those_of_the_column_behind_in(tmp_path: Path) -> None:
    """-per 1kB goes by the files, not by the lines."""
    for name, size in (("a", 600), ("b", 400), ("c", 600)):
        (tmp_path / name).write_bytes(bytes(size))
    words = ("-columns", "run,file", "-per", "1kB", "-in", "%{items.file}")
    assert read(tmp_path, "1,a\n2,b\n3,c\n", *words).ends == (2, 3)
    with pytest.raises(UsageError, match="several columns stand behind -in"):
        read(tmp_path, "a,a\n", "-per", "1kB", "-in", "%{items.1}", "-in", "%{items.2}")
