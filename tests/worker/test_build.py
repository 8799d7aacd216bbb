"""wrapper.sh is what its sources make of it, and nothing but comments is left out."""

import os
import subprocess
from pathlib import Path

import pytest

from hepsub.worker import build

STATE = ". ./program; declare -f; for name in ${!hs_*}; do declare -p $name; done"


def test_the_wrapper_is_not_stale() -> None:
    assert build.main(["--check"]) == 0, "renew with: python -m hepsub.worker.build"


def test_the_wrapper_can_be_executed() -> None:
    assert os.access(build.WRAPPER, os.X_OK)


def test_every_program_is_included_and_there_is_no_other() -> None:
    text = "".join(path.read_text() for path in build.modules())
    programs = {path.name for path in build.SOURCES.iterdir() if path.is_file()}
    programs -= {path.name for path in build.modules()}
    assert programs
    for name in programs:
        assert text.count(f"'@include {name}@'") == 1, name
    assert "@include" not in build.WRAPPER.read_text()


def in_bash(text: str, directory: Path) -> str:
    """The functions and variables of a program, as bash has understood them."""
    (directory / "program").write_text(text)
    done = subprocess.run(
        ["bash", "-c", STATE], cwd=directory, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_what_is_left_out_are_comments_and_blanks(tmp_path: Path) -> None:
    whole = "".join(path.read_text() for path in build.modules())
    for path in build.SOURCES.iterdir():
        if path.is_file() and path not in build.modules():
            whole = whole.replace(f"@include {path.name}@", "\n" + build.program_text(path.name))
    made = build.wrapper_text().removesuffix('main "$@"\n')
    assert in_bash(made, tmp_path) == in_bash(whole, tmp_path)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("# a\n\n  # b's\nx=1 # c's\n", "x=1\n"),
        ("x='\n# a\n\n'\n# b\n", "x='\n# a\n\n'\n"),
        ('x="\n# a \\" \n# $(b "$c")"\n# d\n', 'x="\n# a \\" \n# $(b "$c")"\n'),
        ("cat <<END\n# a's\n\nEND\n# b\n", "cat <<END\n# a's\n\nEND\n"),
        ("x=\\' # a\n", "x=\\'\n"),
        ("x=${y#z} # a\n", "x=${y#z}\n"),
        ("[ ${#x} = $# ]\n", "[ ${#x} = $# ]\n"),
        ("case $x in\n    '#!'*) ;; # a\nesac\n", "case $x in\n\t'#!'*) ;;\nesac\n"),
        (
            "if x; then\n    if y; then\n        z='\n    z'\n",
            "if x; then\n\tif y; then\n\t\tz='\n    z'\n",
        ),
    ],
)
def test_a_comment_is_known_by_where_it_stands(text: str, left: str) -> None:
    assert build.condensed(text) == left


def test_the_modules_are_clean() -> None:
    """As one program: what one of them sets another one reads."""
    program = "".join(f". {path}\n" for path in build.modules())
    done = subprocess.run(
        ["shellcheck", "-s", "sh", "-x", "-a", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
