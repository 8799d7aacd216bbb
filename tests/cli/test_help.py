"""The help of every command: complete, narrow enough, and the same in every terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.cli.generate.sources import every_command
from hepsub.cli.help import brief_help, help_text, left, told, topic_help, usage
from hepsub.cli.main import load, main
from hepsub.cli.options import Command, Kind, Option, Takes, Words

EVERY = {command.name: command for command in every_command()}


def test_the_help_of_hep_rm() -> None:
    """The whole text."""
    assert help_text(load("hep_rm")) == (
        "usage: hep_rm [options] ID…\n"
        "\n"
        "Remove jobs.\n"
        "\n"
        "  ID…                         Clusters (13), jobs (13.2), ranges (13.0-9), schedd07:13.2.\n"
        "\n"
        "options:\n"
        "  -a, -all, --all             All of your own jobs; no question is asked.\n"
        "  -p, --pool POOL             Pool of the policy, instead of the default one.\n"
        "  -slurm                      The policy's pool of Slurm's: as -p with its name.\n"
        "  -json, --json               One JSON document on stdout, also for errors; with -h its schema.\n"
        "  -version, --version         Show the version and exit.\n"
        "  -h, -help, --help           Show this help and exit.\n"
        "\n"
        "examples:\n"
        "  hep_rm 13.2\n"
        "      one job\n"
        "  hep_rm 13 14.0-9\n"
        "      a cluster, and ten jobs of another\n"
        "  hep_rm -a\n"
        "      all of your own jobs\n"
        "\n"
        "man hep_rm tells everything."
    )


@pytest.mark.parametrize("command", EVERY.values(), ids=list(EVERY))
def test_every_option_is_in_the_help(command: Command) -> None:
    """With all of its names and the first words of its sentence."""
    text = help_text(command)
    for option in command.options:
        assert left(option) in text
        assert " ".join(option.help.split()[:3]) in text


@pytest.mark.parametrize("command", EVERY.values(), ids=list(EVERY))
def test_every_sentence_is_one(command: Command) -> None:
    """A capital letter or a name in front, a full stop or more to come at the end."""
    for option in command.options:
        assert option.help.endswith((".", "…"))
        assert not option.help[0].islower()


@pytest.mark.parametrize("command", EVERY.values(), ids=list(EVERY))
def test_no_two_options_share_a_name_or_field(command: Command) -> None:
    """A name that two options have would mean the second one only."""
    options = command.options
    names = [name for option in options for name in option.names]
    fields = [option.field for option in options]
    assert sorted(set(names)) == sorted(names)
    assert sorted(set(fields)) == sorted(fields)


@pytest.mark.parametrize("command", EVERY.values(), ids=list(EVERY))
def test_flags_have_no_value_and_options_have_one(command: Command) -> None:
    """What help shows behind the names is what the option takes."""
    for option in command.options:
        assert bool(option.metavar) is (option.takes is not Takes.NOTHING)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (Option(names=("-a", "--all"), field="all", help="x", takes=Takes.NOTHING), "-a, --all"),
        (Option(names=("-n",), field="n", help="x", metavar="N"), "-n N"),
        (Option(names=("-i",), field="i", help="x", metavar="ID", takes=Takes.MANY), "-i ID…"),
        (
            Option(names=("-u",), field="u", help="x", metavar="USER", takes=Takes.PERHAPS_ONE),
            "-u [USER]",
        ),
    ],
)
def test_how_an_options_value_is_shown(option: Option, text: str) -> None:
    """One, several, perhaps one, none."""
    assert left(option) == text


def test_the_usage_of_a_command_without_words() -> None:
    """hep_clus takes options only."""
    assert usage(load("hep_clus")) == "usage: hep_clus [options]"
    assert isinstance(load("hep_sub").words, Words)
    assert usage(load("hep_sub")) == "usage: hep_sub [options] script"


def test_what_users_type_every_day_is_in_the_help_of_hep_sub() -> None:
    """The options of HepJob, by the names that stand in people's scripts."""
    text = help_text(load("hep_sub"))
    for name in (
        "-argu", "-g", "-n", "-o", "-e", "-mem", "-m", "-wt", "-os", "-np", "-cpu", "-gpu", "-prio", "-wn", "-gwn",
        "-name", "-schedd", "-p", "-u", "-dir", "-l", "-image", "-rmt", "-site", "-once", "-wait", "-dry-run",
        "-json", "-list",
    ):  # fmt: skip
        assert f" {name}," in text or f" {name} " in text


def test_help_names_what_there_is_here() -> None:
    """The site's words behind the sentence; not so many that they hide it."""
    option = Option(names=("-os",), field="os", metavar="OS", kind=Kind.SYSTEM, help="A system.")
    assert told(option, {}) == "A system."
    assert told(option, {Kind.SYSTEM: ("SL7", "SL9")}) == "A system. Here: SL7, SL9."
    many = [f"S{number}" for number in range(20)]
    assert told(option, {Kind.SYSTEM: many}).endswith("S10, S11, ….")


def test_help_offers_the_policys_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not what is given on request only; a policy that is wrong does not stop it."""
    file = tmp_path / "policy.toml"
    monkeypatch.setenv("HEPSUB_CONFIG", str(file))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file.write_text("[walltime.week]\nlimit = '7 d'\n[os.SL9]\nimage = '/i'\n")
    assert main("hep_sub", ["-help", "all"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "long, week." in shown
    assert "AlmaLinux9, SL9." in shown
    assert "special" not in shown
    file.write_text("[")
    assert main("hep_sub", ["-help", "all"]) == 0
    assert "Here:" not in capsys.readouterr().out


def test_the_brief_help_of_hep_sub_fits_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """23 lines of 80 columns, and a prompt below: what people use, what comes afterwards, and where the rest is."""
    assert main("hep_sub", ["-h"]) == 0
    shown = capsys.readouterr().out
    assert shown == brief_help(load("hep_sub")) + "\n"
    lines = shown.splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("  -") for line in lines) == 10
    for word in ("hep_sub status", "-resubmit 13", "-check", "hep_sub -help all", "man hep_sub"):
        assert word in " ".join(shown.split())


@pytest.mark.parametrize("word", ["resubmit", "-resubmit", "resubmti", "-failed"])
def test_help_of_one_option_has_those_that_belong_to_it(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With dashes or without, also almost; and it says whether jobs on hold are among those that failed."""
    assert main("hep_sub", ["-help", word]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "-resubmit ID Run jobs of this earlier cluster again" in shown
    assert "-failed With -resubmit: those that failed, were removed or are on hold" in shown
    assert "hep_sub -resubmit 13 -failed the failed jobs" in shown
    assert "-mem" not in shown


@pytest.mark.parametrize("word", ["job.sh", "-zzz"])
def test_help_of_what_there_is_not_is_the_help(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("hep_sub", ["-h", word]) == 0
    assert capsys.readouterr().out == brief_help(load("hep_sub")) + "\n"


def test_help_of_a_verb_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("hep_sub", ["-help", "status"]) == 0
    assert capsys.readouterr().out.startswith("usage: hep_sub status [options]")


@pytest.mark.parametrize("command", EVERY.values(), ids=list(EVERY))
def test_what_the_brief_help_and_the_groups_name_is_there(command: Command) -> None:
    """Each field is an option's, and in one group."""
    fields = {option.field for option in command.options}
    named = [field for group in command.groups.values() for field in group]
    assert set(command.brief) | set(named) <= fields
    assert len(named) == len(set(named))
    shown = [option for _, options in command.grouped() for option in options]
    assert sorted(shown) == sorted(command.options)


def texts_of(command: Command, width: int) -> list[str]:
    """All help texts of a command."""
    topics = [topic_help(command, option.names[0], width) for option in command.options]
    brief = [brief_help(command, width)] if command.brief else []
    return [help_text(command, width=width), *brief, *topics]


@pytest.mark.parametrize("command", EVERY.values(), ids=list(EVERY))
def test_no_word_is_broken_and_no_line_too_long(command: Command) -> None:
    """In any window from 40 columns to 200: what is copied from the help works."""
    words = {word for option in command.options for word in option.help.split()}
    for width in range(40, 201):
        shown = help_text(command, width=width)
        assert words <= set(shown.split())
        for text in texts_of(command, width):
            for line in text.splitlines():
                alone = len(line.removesuffix(" \\").split()) == 1  # a URL, say
                assert len(line) <= width or alone, (width, line)


@pytest.mark.parametrize("command", EVERY.values(), ids=list(EVERY))
@pytest.mark.parametrize("width", [40, 60, 100])
def test_an_example_is_a_command_at_any_width(command: Command, width: int) -> None:
    """Also on several lines: a shell reads them as one."""
    shown = help_text(command, width=width).partition("examples:\n")[2].replace(" \\\n", "\n")
    for example, _ in command.examples:
        assert " ".join(example.split()) in " ".join(shown.split())
