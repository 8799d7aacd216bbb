"""What bash, zsh and fish offer, as somebody who types sees it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hepsub.cli.completion.script import FILES
from hepsub.cli.generate import sources
from hepsub.cli.main import PROGRAMS
from tests.cli.shells import COMPLETIONS, Place, need
from tests.cli.test_generated import COMMANDS, VERBS, names

WALLTIMES = {"test", "short", "default", "mid", "long", "special", "week"}
SYSTEMS = {"SL6", "SL7", "CentOS7", "AlmaLinux9", "SL9"}
POOLS = {"here", "local", "physical", "virtual", "far", "away"}
STATES = {"I", "R", "C", "H", "X", "S"}
CREDENTIALS = {"krb", "iam", "vault"}
SHELLS = ("bash", "zsh", "fish")
START = {"herd:", "s3://"}
FILES_HERE = {"reco.sh", "my runs.txt", "runs/"}

Offers = Callable[[str], set[str]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def offers(place: Place, shell: str, line: str) -> set[str]:
    """What a shell offers, without its quotes, and without the slash of a directory, of which not all tell."""
    found = {"bash": place.bash, "zsh": place.zsh, "fish": place.fish}[shell](line)
    return {each.replace("\\", "") for each in found}


def bare(words: set[str], shell: str) -> set[str]:
    """Words without the slash at the end of a local directory, and as far as the shell completes them itself."""
    words = {each.removesuffix("/") if ":" not in each else each for each in words}
    if shell == "fish":
        return words
    return {each.rpartition("=")[2].removeprefix("./") for each in words}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", COMMANDS)
def test_exactly_the_options_of_a_command_are_offered(place: Place, shell: str, name: str) -> None:
    assert offers(place, shell, f"{name} -") == names(COMMANDS[name])


LINES: list[tuple[str, set[str]]] = [
    ("hep_sub -dr", {"-dry-run"}),
    ("hep_sub -wt ", WALLTIMES),
    ("hep_sub job.sh -argu a -wt l", {"long"}),
    ("hep_sub job.sh -argu a -os ", SYSTEMS),
    ("hep_sub -g ", {"juno"}),
    ("hep_sub -p ", POOLS),
    ("hep_q -p fa", {"far"}),
    ("hep_sub -site ", {"moon"}),
    ("hep_sub -cred ", CREDENTIALS),
    ("hep_sub -notify ", {"never", "complete", "error", "always"}),
    ("hep_sub -type bes-s", {"bes-simulation"}),
    ("hep_sub -completion ", set(FILES)),
    ("hep_sub -check ", {"policy"}),
    ("hep_sub -check -wr", {"-write"}),
    ("hep_sub -mem ", set()),
    ("hep_sub status -watch -until ", {"done", "any-failed", "any-held"}),
    ("hep_sub status -watch -until any-f", {"any-failed"}),
    ("hep_q -stat ", STATES),
    ("hep_sub re", {"reco.sh", "release"}),
    ("hep_sub -argu my", {"my runs.txt"}),
    ("hep_sub -list my", {"my runs.txt"}),
    ("hep_sub job.sh -dir r", {"runs/"}),
    ("hep_sub -in he", {"herd:"}),
    ("hep_sub -in ", START | FILES_HERE),
    ("hep_sub -out hi", set()),
    ("hep_sub -out hist.root=he", {"hist.root=herd:"}),
    ("hep_sub -out hist.root=re", {"hist.root=reco.sh"}),
    ("hep_sub -in ./re", {"./reco.sh"}),
    ("hep_mount he", {"herd:"}),
    ("hep_mount ", {*START, "runs/"}),
    ("hep_mount herd:x ", {"runs/"}),
    ("hep_auth ", VERBS),
    ("hep_auth -json re", set()),
    ("hep_sub auth ", VERBS),
    ("hep_sub auth renew -inst", {"-install"}),
    ("hep_auth login ", CREDENTIALS),
    ("hep_auth s3 ", {"herd"}),
    ("hep_auth token -t ", set()),
    ("hep_rm renew -inst", set()),
    ("hep_sub rm -a", {"-a", "-all"}),
    ("/opt/hepsub/bin/hep_q -wh", {"-why"}),
    ("hep_rm ", {"13", "207"}),
    ("hep_rm 20", {"207"}),
    ("hep_q -i 13 13.", {"13.0", "13.1"}),
    ("hep_history ", {"13", "207", "11"}),
    ("hep_history -i 1", {"13", "11"}),
    ("hep_sub hold ", {"13", "207"}),
    ("hep_sub -resubmit ", {"13", "207", "11"}),
    ("hep_fetch 11.", {"11.0"}),
]


def jobs(place: Place) -> None:
    """Two clusters of which nobody has seen the end, and one that has ended."""
    place.submitted(13, 2)
    place.submitted(207, 1, name="reco")
    ended = place.state / f"ended/{place.submitted(11, 1)}.jsonl"
    ended.parent.mkdir(parents=True)
    ended.write_text('\n{"schedd":"s1","cluster":11,"proc":0}\n')


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("line", "offered"), LINES)
def test_offered(place: Place, shell: str, line: str, offered: set[str]) -> None:
    jobs(place)
    found = offers(place, shell, line)
    assert bare(found, shell) == bare(offered, shell)


ATTACHED = [
    ("bash", "hep_sub -wt=", WALLTIMES),
    ("bash", "hep_sub -wt=lo", {"long"}),
    ("bash", "hep_sub -wt = lo", set()),
    ("bash", "hep_sub -mem=4000 re", {"reco.sh"}),
    ("bash", "hep_sub -env A=b re", {"reco.sh"}),
    ("bash", "hep_sub -out=hist.root=he", {"herd:"}),
    ("zsh", "hep_sub -wt=", WALLTIMES),
    ("zsh", "hep_sub -mem=4000 re", {"reco.sh"}),
    ("zsh", "hep_sub -out=hist.root=he", {"hist.root=herd:"}),
    ("fish", "hep_sub --walltime=lo", {"--walltime=long"}),
    ("fish", "hep_sub --out=hist.root=he", {"--out=hist.root=herd:"}),
    ("fish", "hep_sub -gw", {"-gwn"}),
    ("fish", "hep_sub x.sh stat", set()),
]


@pytest.mark.parametrize(("shell", "line", "offered"), ATTACHED)
def test_offered_in_one_shell(place: Place, shell: str, line: str, offered: set[str]) -> None:
    assert offers(place, shell, line) == offered


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("hep_sub -dr", "hep_sub -dry-run "),
        ("hep_sub -wt=lo", "hep_sub -wt=long "),
        ("hep_sub -list my", "hep_sub -list my\\ runs.txt "),
        ("hep_sub -dir ru", "hep_sub -dir runs/"),
        ("hep_sub -in he", "hep_sub -in herd:"),
        ("hep_sub -in s3", "hep_sub -in s3://"),
        ("hep_sub -in s3:", "hep_sub -in s3://"),
        ("hep_sub -out a=he", "hep_sub -out a=herd:"),
        ("hep_rm 20", "hep_rm 207 "),
        ("hep_sub -check po", "hep_sub -check policy "),
        ("hep_sub st", "hep_sub status "),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_an_interactive_shell_completes(
    place: Place, shell: str, typed: str, completed: str
) -> None:
    jobs(place)
    line = {"bash": place.bash_line, "zsh": place.zsh_line}[shell](typed)
    assert line == completed


@pytest.mark.parametrize("shell", SHELLS)
def test_where_no_group_is_described_the_callers_own_are_offered(place: Place, shell: str) -> None:
    place.policy.write_text("")
    assert offers(place, shell, "hep_clus -g ") == set(place.run("id", "-Gn")[0].split())


def test_bash_offers_options_where_no_word_may_follow(place: Place) -> None:
    assert set(place.bash("hep_sub job.sh ")) == names(COMMANDS["hep_sub"])
    assert set(place.bash("hep_clus ")) == names(COMMANDS["hep_clus"])


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("hep_sub -list ~/rea", "hep_sub -list ~/ready "),
        ('hep_sub -list "my', 'hep_sub -list "my runs.txt" '),
        ('hep_sub -wt "lo', 'hep_sub -wt "long" '),
    ],
)
def test_bash_completes_within_quotes(place: Place, typed: str, completed: str) -> None:
    assert place.bash_line(typed) == completed


def test_names_stand_beside_ids(place: Place) -> None:
    """In fish and zsh always, in bash where it only lists; the line is what it was."""
    jobs(place)
    assert place.fish_lines("hep_rm ") == [
        "207\treco, 1 job, submitted 2 h ago",
        "13\tjob.sh, 2 jobs, submitted 2 h ago",
    ]
    place.bash_list("hep_rm ", "13  (job.sh, 2 jobs, submitted 2 h ago)")
    assert place.bash_line("hep_rm \t\t") == "hep_rm "
    place.zsh_list("hep_rm ", "207  -- reco, 1 job, submitted 2 h ago")


def test_a_name_is_data(place: Place) -> None:
    """What a job is called moves no cursor, and is not run."""
    place.submitted(13, 2, name="\x1b]0;x\x07$(touch caught)`touch caught`\n14")
    place.submitted(14, 2, name="%F{red}'; touch caught")
    shown = "\\x1b]0;x\\x07$(touch caught)`touch caught`\\n14"
    assert "\x1b]0;x" not in place.bash_list("hep_rm 1", shown)
    assert "\x1b]0;x" not in place.zsh_list("hep_rm 1", shown)
    assert offers(place, "fish", "hep_rm ") == {"13", "14"}
    assert not list(place.work.rglob("caught"))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("broken", ["[walltime.x]\n", "[", "[defaults]\npool = 'nowhere'\n"])
def test_a_broken_policy_offers_nothing_and_says_nothing(
    place: Place, shell: str, broken: str
) -> None:
    """The next hep_sub says what is wrong."""
    place.policy.write_text(broken)
    assert offers(place, shell, "hep_sub -wt ") == set()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_hep_sub_that_fails_offers_nothing_and_says_nothing(place: Place, shell: str) -> None:
    place.install("hep_sub", "echo 'the pool does not answer' >&2; exit 40")
    assert offers(place, shell, "hep_rm ") == set()


# The files, and -completion


def test_bash_file_passes_shellcheck() -> None:
    subprocess.run([need("shellcheck"), str(COMPLETIONS / "hep.bash")], check=True)


@pytest.mark.parametrize(("shell", "file"), FILES.items())
def test_a_shell_reads_its_file(place: Place, shell: str, file: str) -> None:
    assert place.run(need(shell), "-n", str(COMPLETIONS / file)) == []


def test_fixed_words_need_no_quotes() -> None:
    """They stand in the files with nothing but blanks between them."""
    words = [word for each in sources.every_command() for o in each.options for word in o.choices]
    assert words
    assert [word for word in words if not word.replace("-", "").isalnum()] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_file_that_bash_completion_loads_for_a_command_serves_it(
    place: Place, name: str
) -> None:
    script = 'source "$0" && complete -p "$1"'
    path = str(COMPLETIONS / "bash" / name)
    assert place.run(need("bash"), "--norc", "-c", script, path, name) == [
        f"complete -F _hep {name}"
    ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_fish_loads_the_completion_of_a_command_by_its_name(place: Place, name: str) -> None:
    drive = 'set -p fish_complete_path $argv[1]; complete -C "$argv[2] --vers"'
    lines = place.run(need("fish"), "-c", drive, str(COMPLETIONS / "fish"), name)
    assert [line.split("\t")[0] for line in lines] == ["--version"]


SOURCED = {
    "bash": 'source <("$0" -completion bash); complete -p hep_q; _hep_ask walltimes lo',
    "zsh": 'source <("$0" -completion zsh); print $_comps[hep_q]; _hep_ask walltimes lo',
    "fish": "$argv[1] -completion fish | source; __hep_ask walltimes lo",
}
SAID = {"bash": ["complete -F _hep hep_q", "long"], "zsh": ["_hep", "long"], "fish": ["long"]}


@pytest.mark.parametrize("shell", SHELLS)
def test_what_completion_prints_works_wherever_path_leads(place: Place, shell: str) -> None:
    """A virtual environment that is not on PATH answers by its own path."""
    program = Path(sys.executable).parent / "hep_sub"
    assert program.exists(), "hepsub is not installed beside this Python"
    place.install("hep_sub", "exit 1")
    options = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["-N", "-c"]}[shell]
    assert place.run(need(shell), *options, SOURCED[shell], str(program)) == SAID[shell]


def test_bash_takes_lines_as_they_are_and_globs_as_before() -> None:
    """Whether the user has globbing on or off."""
    script = (
        f"cd /; source {COMPLETIONS}/hep.bash; told=$'*\\n a  b \\n~'\n"
        'for option in +f -f; do set $option; lines=(); _hep_lines "$told"; printf "<%s>" "${lines[@]}" "$-"; done'
    )
    done = subprocess.run(
        [need("bash"), "--norc", "-c", script], capture_output=True, text=True, check=True
    )
    on, off = done.stdout.split("<*>")[1:]
    assert on.startswith("< a  b ><~><")
    assert off.startswith("< a  b ><~><")
    assert ("f" in on.rpartition("<")[2], "f" in off.rpartition("<")[2]) == (False, True)
