"""The `#SBATCH` lines of a script, read as sbatch reads them: those in front of its first command. Pure.

Tried with 22.05 and 24.11: the words of all lines are one command line, so an option and its value may stand on two;
quotes group, a backslash takes the next character as it is, and a bare `#` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from hepsub.errors import NotOnSlurm, UsageError
from hepsub.suggest import closest

_MAGIC: Final = "#SBATCH"
_MOST_WORDS: Final = 1000
_PART: Final = re.compile(r"""\\(.)|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'""")
_WORD: Final = re.compile(rf"""(?:{_PART.pattern}|[^\s"'\\#])+""")

_VALUES: Final = frozenset({
    "account", "acctg-freq", "array", "bb", "bbf", "begin", "chdir", "cluster-constraint", "clusters", "comment",
    "constraint", "container", "container-id", "core-spec", "cores-per-socket", "cpu-freq", "cpus-per-gpu",
    "cpus-per-task", "deadline", "delay-boot", "dependency", "distribution", "error", "exclude", "export",
    "export-file", "extra", "extra-node-info", "gid", "gpu-bind", "gpu-freq", "gpus", "gpus-per-node",
    "gpus-per-socket", "gpus-per-task", "gres", "gres-flags", "hint", "input", "job-name", "licenses", "mail-type",
    "mail-user", "mcs-label", "mem", "mem-bind", "mem-per-cpu", "mem-per-gpu", "mincpus", "network", "nodefile",
    "nodelist", "nodes", "ntasks", "ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket",
    "open-mode", "output", "partition", "power", "prefer", "priority", "profile", "qos", "reservation", "resv-ports",
    "segment", "signal", "sockets-per-node", "switches", "tasks-per-node", "thread-spec", "threads-per-core", "time",
    "time-min", "tmp", "tres-bind", "tres-per-task", "uid", "wckey", "wrap",
})  # fmt: skip
_PERHAPS: Final = frozenset({
    "exclusive", "get-user-env", "nice", "no-kill", "oom-kill-step", "propagate",
})  # fmt: skip
"""Options whose value, if any, stands behind a `=`."""
_FLAGS: Final = frozenset({
    "contiguous", "help", "hold", "ignore-pbs", "no-requeue", "overcommit", "oversubscribe", "parsable", "quiet",
    "reboot", "requeue", "spread-job", "stepmgr", "test-only", "usage", "use-min-nodes", "verbose", "version", "wait",
})  # fmt: skip
_KNOWN: Final = _VALUES | _PERHAPS | _FLAGS
_SHORT: Final[Mapping[str, str]] = {
    "a": "array", "A": "account", "b": "begin", "B": "extra-node-info", "c": "cpus-per-task", "C": "constraint",
    "d": "dependency", "D": "chdir", "e": "error", "F": "nodefile", "G": "gpus", "h": "help", "H": "hold",
    "i": "input", "J": "job-name", "k": "no-kill", "L": "licenses", "m": "distribution", "M": "clusters",
    "n": "ntasks", "N": "nodes", "o": "output", "O": "overcommit", "p": "partition", "q": "qos", "Q": "quiet",
    "s": "oversubscribe", "S": "core-spec", "t": "time", "v": "verbose", "V": "version", "w": "nodelist", "W": "wait",
    "x": "exclude",
}  # fmt: skip


class Directive(Struct, frozen=True, kw_only=True):
    """An option of sbatch that a line says.

    Attributes:
        script: the script's name, for people.
        line: the number of the line that names it.
        option: its long name, without dashes.
        value: its value; empty for one without.
    """

    script: str
    line: int
    option: str
    value: str = ""

    @property
    def word(self) -> str:
        """As one types it."""
        return f"--{self.option}={self.value}" if self.value else f"--{self.option}"

    def refused(self, why: str, remedy: str) -> NotOnSlurm:
        """The error of an option that hepsub cannot honour."""
        return NotOnSlurm(f"{self.script} line {self.line}: {self.word}: {why}", remedy=remedy)


def read_directives(text: str, script: str) -> tuple[Directive, ...]:
    """The options that the lines of a script say, in their order.

    Args:
        text: the script, or what it begins with.
        script: its name, for people.

    Raises:
        UsageError: sbatch could not read a line, or has no such option.
    """
    words = list(_words(text, script))
    if len(words) > _MOST_WORDS:
        raise UsageError(
            f"{script}: its #SBATCH lines have more than {_MOST_WORDS} words",
            remedy="leave out those that say the same",
        )
    found: list[Directive] = []
    while words:
        line, word = words.pop(0)
        found.extend(_options(word, words, script, line))
    return tuple(found)


def _words(text: str, script: str) -> Iterator[tuple[int, str]]:
    """The words of the lines, each with the number of its line."""
    if not text.startswith("#!"):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(_MAGIC):
            for word in _divided(line[len(_MAGIC) :], script, number):
                yield number, word
        elif line.strip() and not line.lstrip().startswith("#"):
            return


def _divided(text: str, script: str, line: int) -> Iterator[str]:
    """The words of a line.

    Raises:
        UsageError: a quote has no end, or Slurm's versions divide the line differently.
    """
    left = text.lstrip()
    while left and not left.startswith("#"):
        found = _WORD.match(left)
        behind = left[found.end() :] if found is not None else left
        if found is None or (behind and not behind.startswith("#") and not behind[0].isspace()):
            raise UsageError(
                f"{script} line {line}: a quote has no other one behind it",
                remedy="close the quotes there",
            )
        yield _PART.sub(lambda part: _unquoted(part, script, line), found[0])
        left = behind.lstrip()


def _unquoted(part: re.Match[str], script: str, line: int) -> str:
    """What a part of a word stands for."""
    escaped, double, single = part.groups()
    if escaped is None:
        return re.sub(r"\\(.)", r"\1", double if single is None else single)
    if escaped.isspace():
        raise UsageError(
            f"{script} line {line}: Slurm's versions read a blank behind a backslash differently",
            remedy="put the value into quotes",
        )
    return escaped


def _options(
    word: str, behind: list[tuple[int, str]], script: str, line: int
) -> Iterator[Directive]:
    """The option that a word names, or several short ones.

    Args:
        word: the word.
        behind: those behind it; a value is taken from there.
        script: the script's name.
        line: the number of the word's line.
    """
    if word.startswith("--") and len(word) > 2:
        name, equals, value = word[2:].partition("=")
        option = _long(name, script, line)
        if equals and option in _FLAGS:
            raise _unreadable(script, line, word, "it takes no value", f"write --{option} alone")
        if option in _VALUES:
            value = value if equals else _taken(behind)
            _check_value(word, value, script, line)
        yield Directive(script=script, line=line, option=option, value=value)
        return
    if not word.startswith("-") or len(word) < 2 or word == "--":
        raise _unreadable(
            script, line, word, "it is no option", "options begin with - or --; quote a value"
        )
    left = word[1:]
    while left:
        letter, left = left[0], left[1:]
        known = _SHORT.get(letter)
        if known is None:
            raise _unreadable(
                script, line, f"-{letter}", "sbatch has no such option", "see sbatch(1)"
            )
        value = ""
        if known not in _FLAGS:
            value, left = left, ""
        if known in _VALUES:
            value = value or _taken(behind)
            _check_value(f"-{letter}", value, script, line)
        yield Directive(script=script, line=line, option=known, value=value)


def _long(name: str, script: str, line: int) -> str:
    """The option that a name means, in full or by what it begins with."""
    if name in _KNOWN:
        return name
    meant = sorted(each for each in _KNOWN if each.startswith(name))
    if len(meant) == 1:
        return meant[0]
    if meant:
        what = f"it may be {', '.join(f'--{each}' for each in meant)}"
        raise _unreadable(script, line, f"--{name}", what, "write it in full")
    match = closest(name, _KNOWN)
    remedy = f"did you mean '--{match}'?" if match else "see sbatch(1)"
    raise _unreadable(script, line, f"--{name}", "sbatch has no such option", remedy)


def _taken(behind: list[tuple[int, str]]) -> str:
    return behind.pop(0)[1] if behind else ""


def _check_value(word: str, value: str, script: str, line: int) -> None:
    """Refuse what sbatch would take for the end of all options, or what no file name or number has.

    Raises:
        UsageError: there is no value, or it has a control character.
    """
    if not value:
        raise _unreadable(script, line, word, "its value is missing", "write it behind a =")
    if not value.isprintable():
        raise _unreadable(script, line, word, "its value has a control character", "write it anew")


def _unreadable(script: str, line: int, word: str, what: str, remedy: str) -> UsageError:
    return UsageError(f"{script} line {line}: {word}: {what}", remedy=remedy)
