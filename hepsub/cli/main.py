"""From argv to an exit code: finds the command, runs it, renders what it returns. The one `try`."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from hepsub import __version__
from hepsub.cli.options import HELP, JSON, Command, Kind, Values
from hepsub.errors import HepsubError, Interrupted, OutputUnwritable
from hepsub.interrupts import Interrupts

if TYPE_CHECKING:
    from hepsub.cli.progress import Line
    from hepsub.result import Problem
    from hepsub.session import Session

_COMMANDS = "hepsub.cli.commands."
_NAMES = (
    "sub", "q", "rm", "hold", "release", "edit", "history", "tail", "wait", "clus", "fetch", "mount", "auth",
)  # fmt: skip
PROGRAMS = {f"hep_{name}": f"{_COMMANDS}hep_{name}" for name in _NAMES}
"""The commands, and the module of each."""

_NOT_BEHIND_HEP_SUB = ("sub", "q", "clus")
# hep_q keeps HepJob's table for ever; behind hep_sub there is status instead. hep_clus is not about jobs.
VERBS = {
    "hep_sub": {name: f"{_COMMANDS}{name}" for name in ("status", "demo")}
    | {name: PROGRAMS[f"hep_{name}"] for name in _NAMES if name not in _NOT_BEHIND_HEP_SUB},
    "hep_auth": {name: f"{_COMMANDS}hep_auth_{name}" for name in ("login", "renew", "s3", "token")},
}
"""The commands whose first word may name another one: command → that word → its module."""

_SEND_NOTHING = {
    "hep_q", "hep_rm", "hep_hold", "hep_release", "hep_edit", "hep_history", "hep_tail", "hep_sub status",
}  # fmt: skip
"""The commands that send no job anywhere: what is wrong with remote sites in the policy does not stop them."""

_OFFER = "__offer"
"""The first word with which completions ask for what a word can become."""
_BUG = 1


def load(program: str) -> Command:
    """The declaration of a command."""
    return _declared(PROGRAMS[program])


def load_verbs(name: str) -> dict[str, Command]:
    """The commands that the first word behind a command may name: word → command."""
    return {word: _declared(module) for word, module in VERBS.get(name, {}).items()}


def find(program: str, words: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """The command that a command line means, and the words that are left for it.

    Args:
        program: the command's name, one of PROGRAMS.
        words: its words; a verb is one only as the first of them, and only exactly.
    """
    name, module = program, PROGRAMS[program]
    while words and words[0] in VERBS.get(name, {}):
        module, words = VERBS[name][words[0]], words[1:]
        name = _declared(module).name
    return _declared(module), words


def _declared(module: str) -> Command:
    command = importlib.import_module(module).COMMAND
    assert isinstance(command, Command)  # noqa: S101 (every command module has one)
    return command


_End: TypeAlias = "tuple[int, Session | None]"
"""How a command ended: its exit code, and the session it had, if what it was asked for was done and told."""


def main(program: str, words: Sequence[str]) -> int:
    """Run a command line; returns the exit code."""
    try:
        if program == "hep_sub" and words[:1] == [_OFFER]:
            from hepsub.cli.completion.offer import offer

            return offer(words[1:])
        command, words = find(program, words)
    except KeyboardInterrupt:  # nothing has been done
        return Interrupted.exit_code
    if sys.stdout is None:  # closed by the caller, who does not want to hear
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (for as long as the process lives)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may not know every letter
            stream.reconfigure(errors="backslashreplace")
    interrupts = Interrupts()
    with interrupts.scope():
        exit_code, session = _caught(
            command, words, interrupts, lambda: _run(command, words, interrupts)
        )
        interrupts.take()  # it has been told how the command ended
    if session is not None:
        with interrupts.scope():
            _caught(command, (), interrupts, lambda: _offer(session))
            interrupts.take()
    return exit_code


def _caught(
    command: Command, words: Sequence[str], interrupts: Interrupts, call: Callable[[], _End]
) -> _End:
    """Do something to its end; whatever comes of it is reported, which Ctrl-C does not interrupt."""
    try:
        return call()
    except (HepsubError, KeyboardInterrupt) as trouble:
        interrupts.hold()
        error = trouble if isinstance(trouble, HepsubError) else Interrupted("interrupted")
        from hepsub.result import Problem

        return _report(command, words, Problem.of(error), error.exit_code)
    except BrokenPipeError:
        from hepsub.cli.output import discard_output

        discard_output()
        return 141, None  # what a shell shows for a program that SIGPIPE ended
    except Exception:  # noqa: BLE001 (a bug: the traceback goes to a file, whose path the user is told)
        interrupts.hold()
        return _report(command, words, _bug(), _BUG)


def _run(command: Command, words: Sequence[str], interrupts: Interrupts) -> _End:
    # What follows is no option: hep_sub -help -resubmit.
    if words and words[0] in HELP.names and not set(words) & set(JSON.names):
        _show_help(command, words[1] if len(words) == 2 else "")
        return 0, None
    from hepsub.cli.grammar import rewrite

    rewritten = rewrite(words, command)
    asked = rewritten[: rewritten.index("--")]
    if "--help" in asked and "--json" in asked:
        from hepsub.cli.help import schema_path

        _print(schema_path(command).read_text().removesuffix("\n"))
    elif "--help" in asked:
        _show_help(command, "")
    elif shell := [each for each in asked if each.startswith("--completion=")]:
        from hepsub.cli.completion.script import script

        _print(script(shell[-1].partition("=")[2]).removesuffix("\n"))
    elif "--version" in asked:
        _print(f"{command.name} (hepsub) {__version__}")
    else:
        from hepsub.cli.parse import convert  # click, which help does not need

        return _run_in_session(command, convert(rewritten, command), interrupts)
    return 0, None


def _show_help(command: Command, topic: str) -> None:
    """Print what there is to say of a command, or of one of its options or verbs."""
    from hepsub.cli.help import brief_help, help_text, topic_help, window

    width = window()
    if topic in VERBS.get(command.name, {}):
        _show_help(_declared(VERBS[command.name][topic]), "")
        return
    text = topic_help(command, topic, width) if topic not in {"", "all"} else ""
    if not text and command.brief and topic != "all":
        text = brief_help(command, width)
    _print(text or help_text(command, _verbs_shown(command), _choices_shown(command), width))


def _print(text: str) -> None:
    """Print what needs no session.

    Raises:
        OutputUnwritable: stdout is full or broken.
        BrokenPipeError: nobody reads any more.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        # Only now: help is there twice as fast without msgspec, and so without what renders values.
        from hepsub.cli.output import write_out

        write_out(text, repeatable=True)


def _verbs_shown(command: Command) -> dict[str, str]:
    """The words that name another command, with what it does; hep_sub's are too many to load for that."""
    if command.name == "hep_sub":
        return dict.fromkeys(VERBS["hep_sub"], "")
    return {word: f"{verb.summary}." for word, verb in load_verbs(command.name).items()}


def _choices_shown(command: Command) -> Mapping[Kind, Sequence[str]]:
    """What values can be here, for the commands that choose among what a site has: others need no policy."""
    kinds = {option.kind for option in command.options}
    if kinds.isdisjoint({Kind.GROUP, Kind.SITE}):
        return {}
    from hepsub.cli.help import choices

    return choices(kinds, complete=False)


def _run_in_session(command: Command, values: Values, interrupts: Interrupts) -> _End:
    from hepsub.cli import output
    from hepsub.progress import Progress
    from hepsub.result import Value
    from hepsub.session import open_session

    as_json, quiet = values["json"], values.get("quiet", False)
    line = None if as_json or quiet else _line()
    hide: Callable[[], None] = line.hide if line is not None else lambda: None

    def result_now(value: Value) -> None:
        if not as_json:
            hide()
            output.show(command.name, value)

    def tell(text: str) -> None:
        if not as_json and not quiet:
            alert(text)

    def alert(text: str) -> None:
        hide()
        output.talk(command.name, [text])

    progress = Progress(line.show if line is not None else None, tell)
    console = output.Console(
        result_now=result_now,
        progress=tell,
        alert=alert,
        alone=line.turn_off if line is not None else lambda: None,
    )
    try:
        lenient = alert if command.name in _SEND_NOTHING else None
        session = open_session(interrupts, lenient, progress)
        result = command.run(session, values, console)
    finally:
        hide()
    if as_json:
        output.render_json(command.name, result)
    else:
        output.render_text(command.name, result, quiet=quiet)
    return result.exit_code, session


def _line() -> Line | None:
    """The line that says what takes long; None where no terminal shows it."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    from hepsub.cli.progress import Line, can_show

    return Line() if can_show(sys.stderr, os.environ) else None


def _offer(session: Session) -> _End:
    """What every command does on its way; the command itself has ended, and been told."""
    if not os.path.isdir(session.bundles):  # noqa: PTH112 (Path.is_dir raises where nobody may look)
        return 0, None
    from hepsub.actions.renew.offer import offer

    offer(session)
    return 0, None


def _report(command: Command, words: Sequence[str], problem: Problem, exit_code: int) -> _End:
    from hepsub.cli import output

    unheard = problem.code == OutputUnwritable.code
    if ("-json" in words or "--json" in words) and not unheard:
        output.render_json_error(command.name, problem)
    else:
        output.error(command.name, problem)
    return exit_code, None


def _bug() -> Problem:
    """A report of the exception at hand, and where it lies."""
    import time
    import traceback

    from hepsub.files import make_private, write_whole
    from hepsub.result import Problem
    from hepsub.situation import home_directory, paths_for

    reports = paths_for(os.environ, home_directory(os.environ)).reports
    text = traceback.format_exc()
    try:
        make_private(reports)
        path = reports / time.strftime(f"%Y%m%d-%H%M%S-{os.getpid()}.txt")
        content = f"hepsub {__version__}\n{text}".encode(errors="backslashreplace")
        write_whole(path, content, 0o600)  # a traceback may hold names that are no UTF-8
        where = f"; the details are in {path}"
    except OSError:
        where = f": {text.rstrip()}".replace("\n", "\n  ")
    return Problem(
        code="bug",
        message=f"hepsub itself failed, which is a bug{where}",
        remedy="please report it with that file; hep_q -u shows whether anything was submitted",
    )
