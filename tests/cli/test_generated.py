"""The man pages and completions in the repository: current, complete, and good in real programs."""

from __future__ import annotations

import os
import re
import string
import subprocess
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec import Struct

import hepsub
from hepsub.cli.generate import __main__ as program
from hepsub.cli.generate import exit_codes, roff, sources
from hepsub.cli.generate.__main__ import links, stale, texts, write
from hepsub.cli.main import PROGRAMS
from hepsub.cli.options import Command
from hepsub.errors import PolicyError
from hepsub.policy.load import merge
from hepsub.policy.model import Layer, Policy
from tests.cli.shells import COMPLETIONS, need

CHECKOUT = Path(hepsub.__file__).parent.parent
RENEW = "python -m hepsub.cli.generate"
PAGES = sorted(name for name in texts() if name.startswith("man/"))
COMMANDS = {command.name: command for command in sources.every_command()}
SUBCOMMANDS = {
    "demo",
    "status",
    "rm",
    "hold",
    "release",
    "edit",
    "history",
    "tail",
    "wait",
    "fetch",
    "mount",
    "auth",
}
VERBS = {"login", "renew", "s3", "token"}


def names(command: Command) -> set[str]:
    return {name for option in command.options for name in option.names}


# The files of the repository


@pytest.mark.parametrize("name", sorted(texts()))
def test_generated_file_is_what_the_declarations_say(name: str) -> None:
    path = CHECKOUT / name
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    assert text == texts()[name], f"{name} is stale: renew it with {RENEW}"


def test_nothing_is_missing_or_left_over() -> None:
    assert stale(CHECKOUT) == [], f"renew them with {RENEW}"


@pytest.mark.parametrize("name", sorted(links()))
def test_each_command_has_a_file_of_its_name_for_autoloading(name: str) -> None:
    assert (CHECKOUT / name).resolve() == CHECKOUT / "hepsub/cli/completion" / (
        CHECKOUT / name
    ).resolve().name


def test_write_renews_stale_files_and_drops_those_of_no_command(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "man/hep_q.1").write_text("old")
    (tmp_path / "man/hep_gone.1").write_text("of a command that is no more")
    assert stale(tmp_path) == ["man/hep_gone.1", "man/hep_q.1"]
    write(tmp_path)
    assert stale(tmp_path) == []


def test_check_names_the_stale_files_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(program, "CHECKOUT", tmp_path)
    assert program.main([]) == 0
    assert program.main(["--check"]) == 0
    (tmp_path / "completions/_hep").write_text("old")
    assert program.main(["--check"]) == 1
    assert "stale: hepsub/cli/completion/_hep" in capsys.readouterr().err


# Completeness


@pytest.mark.parametrize("command", sources.programs(), ids=lambda command: command.name)
def test_man_page_has_every_option_name(command: Command) -> None:
    page = (CHECKOUT / f"man/{command.name}.1").read_text()
    assert [name for name in names(command) if roff.bold(name) not in page] == []


def test_each_command_is_described_and_nothing_else() -> None:
    names = [command.name for command in sources.every_command()]
    assert sorted(sources.sections("commands.txt")) == sorted(names)


def test_man_page_of_hep_sub_has_every_subcommand() -> None:
    page = (CHECKOUT / "man/hep_sub.1").read_text()
    listed = set(re.findall(r"^\\fBhep_sub\\fR \\fB(\w+)\\fR$", page, flags=re.MULTILINE))
    assert listed == SUBCOMMANDS == set(sources.verbs()["hep_sub"])


def test_man_page_of_hep_auth_has_a_section_for_every_verb() -> None:
    page = (CHECKOUT / "man/hep_auth.1").read_text()
    assert set(sources.verbs()["hep_auth"]) == VERBS
    for command in sources.verbs()["hep_auth"].values():
        section = page.partition(f'.SS "{command.name}"')[2].partition("\n.S")[0]
        assert [name for name in names(command) if roff.bold(name) not in section] == []
        assert [line for line, _ in command.examples if roff.bold(line) not in page] == []


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_every_option_name_is_in_the_three_completions(command: Command) -> None:
    bash = (COMPLETIONS / "hep.bash").read_text()
    zsh = (COMPLETIONS / "_hep").read_text()
    fish = (COMPLETIONS / "hep.fish").read_text()
    for name in names(command):
        assert re.search(rf"(?<=[ |]){name}(?=[ )])", bash)
        assert f"'{name}:" in zsh
        declared = f"-l {name[2:]}" if name.startswith("--") else f"-o {name[1:]}"
        assert re.search(rf"complete -c {command.name.split()[0]} .*{declared} ", fish)


def codes_in(page: str, heading: str) -> list[int]:
    """The exit codes that a section of a page describes, in their order."""
    text = (CHECKOUT / page).read_text().partition(f".SH {heading}\n")[2].partition(".SH")[0]
    return [int(code) for code in re.findall(r"^\\fB(\d+)\\fR$", text, flags=re.MULTILINE)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_man_page_names_the_usual_exit_codes_and_where_the_rest_is(name: str) -> None:
    page = f"man/{name}.1"
    assert codes_in(page, "EXIT STATUS") == [0, 1, 2, 60, 130, 141]
    assert r"hepsub\-exit\-codes(7) has them all" in " ".join((CHECKOUT / page).read_text().split())


def test_the_page_of_exit_codes_has_each_error_with_its_meaning_and_what_to_do() -> None:
    """All classes that have a code of their own, each once, with the words of its docstring; and the wrapper's."""
    page = "man/hepsub-exit-codes.7"
    found = sorted(error.exit_code for error in sources.errors())
    assert codes_in(page, "EXIT CODES") == sorted([0, 1, 141, *found])
    assert codes_in(page, "EXIT CODES OF JOBS") == list(range(80, 91))
    assert {error.code for error in sources.errors()} == set(exit_codes.REMEDIES)
    shown = " ".join(man(CHECKOUT / page).stdout.split())
    for error in sources.errors():
        assert f"{sources.summary(error).rstrip('.')} ({error.code})." in shown
        remedy = exit_codes.REMEDIES[error.code].replace("`", "")
        assert " ".join(remedy.split()) in shown


def test_references_to_pages_are_to_pages_that_there_are() -> None:
    """Ours by name and section, HTCondor's, and a few of the system's; and each of ours refers to all others."""
    ours = {(Path(page).stem, page[-1]) for page in PAGES}
    others = {("condor_q", "1"), ("condor_submit", "1"), ("loginctl", "1"), ("execve", "2")}
    for page in PAGES:
        text = (
            (CHECKOUT / page)
            .read_text()
            .replace("\\-", "-")
            .replace("\\fB", "")
            .replace("\\fR", "")
        )
        assert set(re.findall(r"([a-z][\w-]+)\(([1-8])\)", text)) <= ours | others, page
        listed = set(re.findall(r"([\w-]+)\(([1-8])\)", text.partition(".SH SEE ALSO")[2]))
        assert listed == {*ours, ("condor_q", "1"), ("condor_submit", "1")} - {
            (Path(page).stem, page[-1])
        }


def test_every_page_is_in_the_wheel() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    shared = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    pages = {name: place for name, place in shared.items() if name.startswith("man/")}
    assert pages == {page: f"share/man/man{page[-1]}/{Path(page).name}" for page in PAGES}


def accepted_keys() -> Iterator[tuple[str, str]]:
    """Each key that the policy's reader accepts: the heading of its table, and its name."""
    hints = typing.get_type_hints(Policy)
    del hints["origins"]  # where each key is from
    for name, hint in hints.items():
        many = typing.get_origin(hint) is Mapping
        table = typing.get_args(hint)[1] if many else hint
        if isinstance(table, type) and issubclass(table, Struct):
            yield from ((f"[{name}{'.NAME' * many}]", key) for key in table.__struct_fields__)
        else:
            yield "", name


def test_the_page_of_the_policy_has_every_key_that_the_reader_accepts() -> None:
    """In the section of its table, with a type and a default; what the reader refuses is not there."""
    keys = list(accepted_keys())
    assert len(keys) > 80
    page = (CHECKOUT / "man/hepsub.5").read_text().partition(".SH KEYS")[2].partition(".SH")[0]
    described = r"^\\fB(\w+)\\fR \(.+, (?:default: .*|required)\)$"
    for heading, key in keys:
        section = page.partition(f'.SS "{heading}"\n')[2] if heading else page
        found = re.findall(described, section.partition(".SS")[0], re.MULTILINE)
        assert key in found, heading
    assert sorted(re.findall(described, page, re.MULTILINE)) == sorted(key for _, key in keys)
    for heading in {heading for heading, _ in keys}:  # the reader refuses any other key in each
        table = heading.replace(".NAME", ".x")
        with pytest.raises(PolicyError, match="no_such_key"):
            merge([Layer(file="test.toml", text=f"{table}\nno_such_key = 1\n")])


# man


def man(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANWIDTH": "200"}
    argv = [need("man"), *options, "-E", "UTF-8", "-l", str(path)]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("page", PAGES)
def test_page_renders_without_warnings(page: str) -> None:
    assert man(CHECKOUT / page, "--warnings").stderr == ""


@pytest.mark.parametrize("page", PAGES)
def test_page_has_only_ascii_hyphens_and_quotes_to_copy(page: str) -> None:
    assert man(CHECKOUT / page).stdout.isascii()


@pytest.mark.parametrize("command", sources.programs(), ids=lambda command: command.name)
def test_examples_of_a_page_can_be_pasted(command: Command) -> None:
    rendered = man(CHECKOUT / f"man/{command.name}.1").stdout
    assert [line for line, _ in command.examples if f"       {line}\n" not in rendered] == []


def test_any_printable_text_comes_out_of_roff_unchanged(tmp_path: Path) -> None:
    nasty = [
        string.printable[:94],
        ".TH x",
        "'br",
        r"\fBx\fR \e \" \\",
        "a  b",
        "-x --y - --",
        "\\",
    ]
    page = tmp_path / "nasty.1"
    text = roff.page(
        [roff.title("nasty", 1, "0"), roff.section("X", roff.verbatim("\n".join(nasty)))]
    )
    page.write_text(text)
    done = man(page, "--warnings")
    assert done.stderr == ""
    assert [line.strip() for line in done.stdout.splitlines() if line.strip()][2:-1] == nasty


@pytest.mark.parametrize("page", PAGES)
def test_page_passes_the_lint_of_mandoc(page: str) -> None:
    """It has no date, so that it does not depend on a clock: the one warning there is."""
    argv = [need("mandoc"), "-Tlint", str(CHECKOUT / page)]
    said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    assert [line for line in said.splitlines() if "missing date" not in line] == []
    subprocess.run([argv[0], "-Tlint", "-Werror", argv[-1]], check=True)
