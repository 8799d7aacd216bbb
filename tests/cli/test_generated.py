"""The man pages and completions in the repository: current, complete, and good in real programs."""

from __future__ import annotations

import os
import re
import string
import subprocess
from pathlib import Path

import pytest

import hepsub
from hepsub.cli.generate import __main__ as program
from hepsub.cli.generate import roff, sources
from hepsub.cli.generate.__main__ import links, stale, texts, write
from hepsub.cli.main import PROGRAMS
from hepsub.cli.options import Command
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


def test_man_page_of_hep_sub_has_every_subcommand() -> None:
    page = (CHECKOUT / "man/hep_sub.1").read_text()
    listed = set(re.findall(r"^\\fBhep_sub\\fR \\fB(\w+)\\fR$", page, flags=re.MULTILINE))
    assert listed == SUBCOMMANDS == set(sources.subcommands())


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


@pytest.mark.parametrize("name", PROGRAMS)
def test_man_page_lists_every_exit_code_once(name: str) -> None:
    text = (CHECKOUT / f"man/{name}.1").read_text()
    status = text.partition(".SH EXIT STATUS")[2].partition(".SH")[0]
    codes = [int(code) for code in re.findall(r"^\\fB(\d+)\\fR$", status, flags=re.MULTILINE)]
    designed = [error.exit_code for error in sources.errors()]
    assert codes == sorted({0, 1, 130, 141, *designed})


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
