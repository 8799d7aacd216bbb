"""The man pages and completions in the repository: current, complete, and good in real programs."""

from __future__ import annotations

import os
import pty
import pwd
import re
import shutil
import signal
import string
import subprocess
import sys
import time
import tomllib
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

CHECKOUT = Path(hepsub.__file__).parent.parent
COMPLETIONS = CHECKOUT / "completions"
RENEW = "python -m hepsub.cli.generate"
PAGES = sorted(name for name in texts() if name.startswith("man/"))
COMMANDS = {command.name: command for command in sources.every_command()}
POLICY = f"""
[walltime.week]
limit = "7 d"
[os.SL9]
image = "/sl9"
[group.juno]
members = ["{pwd.getpwuid(os.getuid()).pw_name}"]
[group.others]
[pool.far]
aliases = ["away"]
[site.moon]
requirements = "x"
[storage.herd]
endpoint = "https://s3.example.org"
[credential.vault]
"""
"""What is not hepsub's own is offered, and of the groups the caller's."""
WALLTIMES = {"test", "short", "default", "mid", "long", "special", "week"}
SYSTEMS = {"SL6", "SL7", "CentOS7", "AlmaLinux9", "SL9"}
POOLS = {"here", "local", "physical", "virtual", "far", "away"}
STATES = {"I", "R", "C", "H", "X", "S"}
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
CREDENTIALS = {"krb", "iam", "vault"}
TABLE = """\
JOBID           OWNER           SUBMITTED       RUN_TIME        ST PRI SIZE  CMD
13.0            alice           01/13 20:24     0+02:04:08      H  0   732.0 xboss 99.9
    a reason for the hold (code 26/0)
13.1            alice           01/13 20:24     0+02:04:08      R  0   732.0 xboss
207.0           alice           01/13 20:24     0+00:00:00      I  0   0.0   job.sh

3 jobs; 0 completed, 0 removed, 1 idle, 1 running, 1 held, 0 suspended
"""


def need(tool: str) -> str:
    """The path of a program; without it the test is skipped, or fails where nothing may be skipped."""
    found = shutil.which(tool)
    if found is None:
        if os.environ.get("HEPSUB_TESTBED") == "required":
            pytest.fail(f"{tool} is required, and is not installed", pytrace=False)
        pytest.skip(f"{tool} is not installed")
    return found


def names(command: Command) -> set[str]:
    return {name for option in command.options for name in option.names}


class Place:
    """A directory with a few files, a home of its own, and a hep_q of its own on PATH."""

    def __init__(self, root: Path) -> None:
        self.home, self.work, self.bin = root / "home", root / "work", root / "bin"
        for directory in (self.home, self.work / "runs", self.bin):
            directory.mkdir(parents=True)
        (self.work / "reco.sh").touch()
        (self.work / "my runs.txt").touch()
        for name in PROGRAMS:
            self.install(name, "")
        self.install("hep_sub", f'exec "{sys.executable}" -I -m hepsub hep_sub "$@"')
        self.policy = self.home / ".config/hepsub/config.toml"
        self.policy.parent.mkdir(parents=True)
        self.policy.write_text(POLICY)
        self.install("hep_q", f"cat <<'EOF'\n{TABLE}EOF")

    def install(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "ZDOTDIR": str(self.home),
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
        }

    def run(self, *argv: str) -> list[str]:
        """The lines that a program prints; nothing may be said on stderr."""
        done = subprocess.run(
            argv, cwd=self.work, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    def bash(self, *words: str) -> list[str]:
        """What the function of bash offers for the last of the words."""
        drive = 'source "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _hep; printf "%s\\n" "${COMPREPLY[@]}"'
        path = str(COMPLETIONS / "hep.bash")
        lines = self.run(need("bash"), "--norc", "-c", drive, path, *words)
        return [line for line in lines if line]

    def fish(self, line: str) -> list[str]:
        """What fish offers for the last word of a line."""
        drive = 'source $argv[1]; complete -C "$argv[2]"'
        lines = self.run(need("fish"), "-c", drive, str(COMPLETIONS / "hep.fish"), line)
        return [line.split("\t")[0] for line in lines]

    def zsh(self, line: str) -> list[str]:
        """What zsh offers for the last word of a line."""
        self._zshrc()
        hits = self.home / "hits"
        hits.write_text("")
        with terminal([need("zsh"), "-i"], self) as shell:
            shell.type(f"{line}\t")
        return hits.read_text().splitlines()

    def zsh_line(self, line: str) -> str:
        """A line of zsh after the tabulator key."""
        self._zshrc()
        with terminal([need("zsh"), "-i"], self) as shell:
            return shell.type(f"{line}\t")

    def bash_line(self, line: str) -> str:
        """A line of an interactive bash after the tabulator key."""
        (self.home / "rc").write_text(
            f"source '{COMPLETIONS}/hep.bash'\n"
            'dump() { printf %s "$READLINE_LINE" > ~/new; mv ~/new ~/line; }\n'
            "bind -x '\"\\C-t\": dump'\n"
            "touch ~/ready\n"
        )
        shell = [need("bash"), "--noprofile", "--rcfile", str(self.home / "rc"), "-i"]
        with terminal(shell, self) as running:
            return running.type(f"{line}\t")

    def _zshrc(self) -> None:
        """Note what completion functions offer, and write the line when Ctrl-T is pressed."""
        (self.home / ".zshrc").write_text(
            f"fpath=('{COMPLETIONS}' $fpath)\n"
            "autoload -Uz compinit\n"
            "compinit -u -D\n"
            "compadd() {\n"
            "    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then\n"
            "        local -a hits\n"
            '        builtin compadd -A hits "$@"\n'
            "        (( $#hits )) && print -rl -- $hits >> ~/hits\n"
            "    fi\n"
            '    builtin compadd "$@"\n'
            "}\n"
            "dump() { print -rn -- $BUFFER > ~/new; mv ~/new ~/line }\n"
            "zle -N dump\n"
            "bindkey '^T' dump\n"
            "touch ~/ready\n"
        )


class Terminal:
    """A shell behind a terminal; Ctrl-T makes it write the line that is being edited."""

    def __init__(self, descriptor: int, home: Path) -> None:
        self._descriptor, self._home = descriptor, home

    def type(self, keys: str) -> str:
        """Press keys; returns the line after that."""
        os.write(self._descriptor, f"{keys}\x14".encode())
        self.wait_for(self._home / "line")
        return (self._home / "line").read_text()

    def wait_for(self, path: Path) -> None:
        os.set_blocking(self._descriptor, False)
        seen = b""
        end = time.monotonic() + 30
        while not path.exists():
            try:
                seen += os.read(self._descriptor, 65536)
            except BlockingIOError:
                time.sleep(0.01)
            assert time.monotonic() < end, f"no {path.name} from the shell, which printed {seen!r}"


@contextmanager
def terminal(argv: list[str], place: Place) -> Iterator[Terminal]:
    """Start a shell behind a terminal, and end it."""
    for name in ("ready", "line"):
        (place.home / name).unlink(missing_ok=True)
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(place.work)
        os.execve(argv[0], argv, place.environment)
    try:
        running = Terminal(descriptor, place.home)
        running.wait_for(place.home / "ready")
        yield running
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(descriptor)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


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
    assert (CHECKOUT / name).resolve().parent == COMPLETIONS


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
    assert "stale: completions/_hep" in capsys.readouterr().err


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


@pytest.mark.parametrize("broken", ["[walltime.x]\n", "[", "[defaults]\npool = 'nowhere'\n"])
def test_a_broken_policy_offers_nothing_and_says_nothing(place: Place, broken: str) -> None:
    """In no shell; the next hep_sub says what is wrong."""
    place.policy.write_text(broken)
    assert place.bash("hep_sub", "-wt", "") == []
    assert place.zsh("hep_sub -wt ") == []
    assert place.fish("hep_sub -wt ") == []


# bash


def test_bash_file_passes_shellcheck() -> None:
    subprocess.run([need("shellcheck"), str(COMPLETIONS / "hep.bash")], check=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_bash_offers_exactly_the_options_of_a_command(place: Place, name: str) -> None:
    offered = place.bash(*name.split(), "-")
    assert sorted(offered) == sorted(names(COMMANDS[name]))


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("hep_sub", "-dr"), {"-dry-run"}),
        (("hep_sub", "-wt", ""), WALLTIMES),
        (("hep_sub", "job.sh", "-argu", "a", "-wt", "l"), {"long"}),
        (("hep_sub", "-wt", "=", ""), WALLTIMES),
        (("hep_sub", "-wt", "="), WALLTIMES),
        (("hep_sub", "-wt", "=", "lo"), {"long"}),
        (("hep_sub", "-os", ""), SYSTEMS),
        (("hep_q", "-stat", ""), STATES),
        (("hep_sub", "s"), {"status"}),
        (("hep_auth", ""), VERBS),
        (("hep_auth", "-js"), {"-json"}),
        (("hep_auth", "-json", "re"), set()),
        (("hep_sub", "auth", ""), VERBS),
        (("hep_sub", "auth", "renew", "-inst"), {"-install"}),
        (("hep_auth", "login", ""), CREDENTIALS),
        (("hep_auth", "token", "-t", ""), set()),
        (("hep_auth", "s3", ""), {"herd"}),
        (("hep_sub", "-g", ""), {"juno"}),
        (("hep_sub", "-p", ""), POOLS),
        (("hep_q", "-p", "fa"), {"far"}),
        (("hep_sub", "-site", ""), {"moon"}),
        (("hep_rm", "renew", "-inst"), set()),
        (("hep_sub", "rm", "-a"), {"-a", "-all"}),
        (("hep_sub", "-mem", ""), set()),
        (("hep_sub", "-mem", "=", "4000", "re"), {"reco.sh"}),
        (("hep_sub", "-env", "A", "=", "b", "re"), {"reco.sh"}),
        (("hep_sub", "re"), {"reco.sh", "release"}),
        (("hep_sub", "-g", "juno", "re"), {"reco.sh"}),
        (("hep_sub", "-argu", "my"), {"my runs.txt"}),
        (("hep_sub", "-argu", "a", "-5", "my"), {"my runs.txt"}),
        (("hep_sub", "job.sh", "-dir", ""), {"runs"}),
        (("hep_sub", "job.sh", "--dry"), {"--dry-run"}),
        (("hep_rm", ""), {"13", "207"}),
        (("hep_q", "-i", "13", "13."), {"13.0", "13.1"}),
        (("hep_sub", "hold", ""), {"13", "207"}),
        (("hep_history", ""), set()),
        (("/opt/hepsub/bin/hep_q", "-wh"), {"-why"}),
    ],
)
def test_bash_offers(place: Place, words: tuple[str, ...], offered: set[str]) -> None:
    assert set(place.bash(*words)) == offered


def test_where_no_group_is_described_the_callers_own_are_offered(place: Place) -> None:
    place.policy.write_text("")
    assert place.bash("hep_clus", "-g", "") == place.run("id", "-Gn")[0].split()


def test_bash_offers_options_where_no_word_may_follow(place: Place) -> None:
    assert set(place.bash("hep_sub", "job.sh", "")) == names(COMMANDS["hep_sub"])
    assert set(place.bash("hep_clus", "")) == names(COMMANDS["hep_clus"])


def test_bash_says_nothing_when_the_queue_cannot_be_asked(place: Place) -> None:
    place.install("hep_q", "echo 'the pool does not answer' >&2; exit 40")
    assert place.bash("hep_rm", "") == []


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("hep_sub -dr", "hep_sub -dry-run "),
        ("hep_sub -wt=lo", "hep_sub -wt=long "),
        ("hep_sub -list my", "hep_sub -list my\\ runs.txt "),
        ("hep_sub -dir ru", "hep_sub -dir runs/"),
        ("hep_sub -list ~/rea", "hep_sub -list ~/ready "),
        ('hep_sub -list "my', 'hep_sub -list "my runs.txt" '),
        ("hep_rm 20", "hep_rm 207 "),
    ],
)
def test_interactive_bash_completes(place: Place, typed: str, completed: str) -> None:
    assert place.bash_line(typed) == completed


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_file_that_bash_completion_loads_for_a_command_serves_it(
    place: Place, name: str
) -> None:
    script = 'source "$0" && complete -p "$1"'
    path = str(COMPLETIONS / "bash" / name)
    assert place.run(need("bash"), "--norc", "-c", script, path, name) == [
        f"complete -F _hep {name}"
    ]


# zsh


def test_zsh_reads_its_file(place: Place) -> None:
    assert place.run(need("zsh"), "-n", str(COMPLETIONS / "_hep")) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_zsh_offers_exactly_the_options_of_a_command(place: Place, name: str) -> None:
    assert set(place.zsh(f"{name} -")) == names(COMMANDS[name])


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("hep_sub -wt ", WALLTIMES),
        ("hep_sub -wt=", WALLTIMES),
        ("hep_sub job.sh -argu a -os ", SYSTEMS),
        ("hep_sub -g ", {"juno"}),
        ("hep_sub -p ", POOLS),
        ("hep_sub -site ", {"moon"}),
        ("hep_auth s3 ", {"herd"}),
        ("hep_q -stat ", STATES),
        ("hep_sub -argu my", {"my\\ runs.txt"}),
        ("hep_sub -mem=4000 re", {"reco.sh"}),
        ("hep_sub -mem ", set()),
        ("hep_sub job.sh -dir ", {"runs"}),
        ("hep_sub re", {"reco.sh", "release"}),
        ("hep_rm ", {"13", "207"}),
        ("hep_q -i 13 13.", {"13.0", "13.1"}),
        ("hep_sub release ", {"13", "207"}),
        ("hep_auth ", VERBS),
        ("hep_sub auth ", VERBS),
        ("hep_auth login ", CREDENTIALS),
        ("hep_sub auth renew -inst", {"-install"}),
    ],
)
def test_zsh_offers(place: Place, line: str, offered: set[str]) -> None:
    assert set(place.zsh(line)) == offered


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("hep_sub -dr", "hep_sub -dry-run "),
        ("hep_sub -wt=lo", "hep_sub -wt=long "),
        ("hep_sub -list my", "hep_sub -list my\\ runs.txt "),
        ("hep_sub st", "hep_sub status "),
        ("hep_rm 20", "hep_rm 207 "),
    ],
)
def test_interactive_zsh_completes(place: Place, typed: str, completed: str) -> None:
    assert place.zsh_line(typed) == completed


# fish


@pytest.mark.parametrize("name", COMMANDS)
def test_fish_offers_exactly_the_options_of_a_command(place: Place, name: str) -> None:
    assert set(place.fish(f"{name} -")) == names(COMMANDS[name])


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("hep_sub -dr", {"-dry-run"}),
        ("hep_sub -gw", {"-gwn"}),
        ("hep_sub -m", {"-m", "-mem", "-maxidle", "-maxrun"}),
        ("hep_sub -wt ", WALLTIMES),
        ("hep_sub --walltime=lo", {"--walltime=long"}),
        ("hep_sub job.sh -argu a -os ", SYSTEMS),
        ("hep_sub -g ", {"juno"}),
        ("hep_sub -p ", POOLS),
        ("hep_sub -site ", {"moon"}),
        ("hep_auth s3 ", {"herd"}),
        ("hep_q -stat ", STATES),
        ("hep_sub -argu my", {"my runs.txt"}),
        ("hep_sub -mem ", set()),
        ("hep_sub job.sh -dir r", {"runs/"}),
        ("hep_sub re", {"reco.sh", "release"}),
        ("hep_sub x.sh stat", set()),
        ("hep_rm ", {"13", "207"}),
        ("hep_q -i 13 13.", {"13.0", "13.1"}),
        ("hep_sub release ", {"13", "207"}),
        ("hep_auth ", VERBS),
        ("hep_sub auth ", VERBS),
        ("hep_auth -json re", set()),
        ("hep_auth login ", CREDENTIALS),
        ("hep_sub auth renew -inst", {"-install"}),
        ("/opt/hepsub/bin/hep_auth renew -inst", {"-install"}),
    ],
)
def test_fish_offers(place: Place, line: str, offered: set[str]) -> None:
    assert set(place.fish(line)) == offered


def test_fish_does_not_ask_the_queue_for_an_option(place: Place) -> None:
    place.install("hep_q", "touch asked")
    assert place.fish("hep_rm --al") == ["--all"]
    assert not (place.work / "asked").exists()


@pytest.mark.parametrize("name", PROGRAMS)
def test_fish_loads_the_completion_of_a_command_by_its_name(place: Place, name: str) -> None:
    drive = 'set -p fish_complete_path $argv[1]; complete -C "$argv[2] --vers"'
    lines = place.run(need("fish"), "-c", drive, str(COMPLETIONS / "fish"), name)
    assert [line.split("\t")[0] for line in lines] == ["--version"]
