"""Every example that help, man pages and README show is a command line that works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hepsub.cli.command import PROGRAMS, find
from hepsub.cli.generate.sources import every_command
from hepsub.cli.job_spec import job_spec
from hepsub.cli.parse import parse

README = Path(__file__).parents[2] / "README.md"


def commands_in(text: str) -> list[str]:
    """The hepsub commands of a shell line, without comments."""
    line = re.sub(r"\s+#.*", "", text)
    return [
        part.strip() for part in re.split(r"&&|;|\|\|?", line) if part.strip().startswith("hep_")
    ]


def examples() -> list[str]:
    """Every example of every command, and of the README."""
    shown = [example for command in every_command() for example, _ in command.examples]
    blocks = re.findall(r"^```\n(.*?)^```", README.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return sorted({command for line in [*shown, *lines] for command in commands_in(line)})


@pytest.mark.parametrize("example", examples())
def test_an_example_can_be_read(example: str) -> None:
    """What users copy is accepted by the grammar, and names a script where one is needed."""
    program, *words = shlex.split(example)
    assert program in PROGRAMS
    command, left = find(program, words)
    values = parse(left, command)
    if command.name == "hep_sub":
        assert job_spec(values).script


def test_there_are_many_examples() -> None:
    """The search for them finds what is there."""
    assert len(examples()) > 25
