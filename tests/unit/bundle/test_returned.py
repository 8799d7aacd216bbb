"""What a job brought back, name by name; nothing in it is followed."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest

from hepsub.bundle.returned import OUTPUTS, ReturnedFile, content_at, matches, returned_outputs
from hepsub.documents import Malformed
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace
from hepsub.tree import open_tree
from tests.unit.bundle.test_bundle import make_bundle

CLASSES = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "digit": string.digits,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
    "blank": " \t",
    "space": string.whitespace,
    "cntrl": "".join(map(chr, [*range(32), 127])),
    "print": "".join(map(chr, range(32, 127))),
    "graph": "".join(map(chr, range(33, 127))),
    "punct": string.punctuation,
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_classes_of_a_shells_pattern(name: str) -> None:
    """As POSIX has them for ASCII; a slash is in no name, and a dot at the beginning is no wildcard's."""
    signs = {sign for sign in map(chr, range(128)) if sign != "/"}
    assert {sign for sign in signs if matches(f"x[[:{name}:]]", f"x{sign}")} == signs & set(
        CLASSES[name]
    )


@pytest.mark.parametrize(
    ("pattern", "name", "does"),
    [
        ("*", "a", True),
        ("*", ".a", False),
        (".*", ".a", True),
        (".a", ".a", True),
        ("a*", "a.b", True),
        ("d/*", "d/.a", False),
        ("d/.[ab]", "d/.a", True),
        ("*/a", "d/a", True),
        ("*", "d/a", False),
        ("*/*", "a", False),
        ("[^a]", "a", False),
        ("[^a]", "b", True),
        ("[![:upper:]_]x", "ax", True),
        ("[![:upper:]_]x", "_x", False),
        ("h**", "hist", True),
        ("[[:nothing:]]", "x", False),
        ("A", "a", False),
    ],
)
def test_a_pattern_is_a_shells(pattern: str, name: str, does: bool) -> None:
    """What the wrapper's shell matched is known again here."""
    assert matches(pattern, name) is does


def test_files_of_this_user_are_outputs_and_nothing_else(tmp_path: Path) -> None:
    """Each output is its file, the files of its directory, or those that its pattern matches."""
    bundle = make_bundle(tmp_path)
    with bundle.open_returned(0) as nothing:
        assert nothing is None
    home = bundle.returned(0)
    for name in ("r", "d/x", "d/e/y", "dd", "m_2", "m_1", ".m"):
        (home / OUTPUTS / name).parent.mkdir(parents=True, exist_ok=True)
        (home / OUTPUTS / name).write_text(name)
    (home / OUTPUTS / "link").symlink_to("r")
    os.mkfifo(home / OUTPUTS / "d/fifo")
    if os.getuid() == 0:
        os.chown(home / OUTPUTS / "dd", 65534, -1)
    with bundle.open_returned(0) as tree:
        assert tree is not None
        found = returned_outputs(tree)
    strange = ("dd",) if os.getuid() == 0 else ()
    assert found.others == ("d/fifo", *strange, "link")
    assert found
    for output, names in (
        ("r", ["r"]),
        ("d", ["d/e/y", "d/x"]),
        ("m_*", ["m_1", "m_2"]),
        ("none", []),
    ):
        assert found.of(Carried(name=output, place=FilePlace(path="/x"))) == names
    assert found.files["d/x"].st_size == 3
    file = ReturnedFile(bundle=bundle, proc=0, name=f"{OUTPUTS}/d/x")
    assert str(file) == f"{home}/{OUTPUTS}/d/x"
    with file.open() as content:
        assert content.read() == b"d/x"
    with pytest.raises(FileNotFoundError, match=r"job/1/home\.1/r"):
        ReturnedFile(bundle=bundle, proc=1, name="r").open()
    with pytest.raises(OSError, match="link"):
        ReturnedFile(bundle=bundle, proc=0, name=f"{OUTPUTS}/link").open()


def test_a_job_that_brought_no_outputs(tmp_path: Path) -> None:
    with open_tree(tmp_path) as tree:
        assert not returned_outputs(tree)
        (tmp_path / OUTPUTS).mkdir()
        assert not returned_outputs(tree)
        (tmp_path / OUTPUTS / "link").symlink_to("x")
        assert returned_outputs(tree)


def test_a_document_is_no_larger_than_is_believed(tmp_path: Path) -> None:
    (tmp_path / "n").write_bytes(b"12345")
    with open_tree(tmp_path) as tree:
        assert content_at(tree, "n", 5) == b"12345"
        assert content_at(tree, "none", 5) is None
        with pytest.raises(Malformed, match=r"^n cannot be read: "):
            content_at(tree, "n", 4)
