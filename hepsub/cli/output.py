"""A Result as text for people and scripts, or as one JSON document: data on stdout, seen written; talk on stderr."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from msgspec import Struct

from hepsub.errors import OutputUnwritable
from hepsub.result import AnyResult, NotedProblem, Problem, Value, document_of, envelope
from hepsub.terminal import Styled, joined, printable

_QUOTED = 300
_INDENTED = "\n  "
_TEXTS = {
    "Preview": "submit:preview",
    "Submission": "submit:submission",
    "Waited": "queue:waited",
    "WaitedJobs": "queue:waited_jobs",
    "Listing": "queue:listing",
    "Explanations": "queue:explanations",
    "Control": "queue:control",
    "Edited": "queue:edited",
    "Past": "queue:past",
    "Sites": "sites:sites",
    "Partitions": "partitions:partitions",
    "Walltimes": "queue:walltimes",
    "Status": "clusters:status",
    "ClusterReports": "status:reports",
    "Watched": "status:watched",
    "JobState": "status:state",
    "DemoResult": "files:demo",
    "Fetched": "files:fetched",
    "Mounts": "files:mounts",
    "AuthStatus": "auth:auth_status",
    "Login": "auth:login",
    "StorageKeys": "auth:storage_keys",
    "ProcessKeys": "auth:process_keys",
    "Token": "auth:token",
    "Renewed": "auth:renewed",
    "Looped": "auth:looped",
    "Silent": "",
    "Tail": "",
    "Checked": "check:checked",
    "EffectivePolicy": "check:effective_policy",
    "Installed": "auth:installed",
    "Uninstalled": "auth:uninstalled",
    "RenewalStatus": "auth:renewal_status",
}
"""A value → the module of hepsub.cli.text, and the function there, that gives its text, or lines of it; none for none.

By name, so that a command loads its own alone.
"""
_LOOKS = frozenset({
    "Preview", "Listing", "Explanations", "Past", "Sites", "Partitions", "Walltimes", "Status", "ClusterReports",
    "Watched", "JobState", "WaitedJobs", "DemoResult", "AuthStatus", "RenewalStatus", "Tail", "Checked",
    "EffectivePolicy",
})  # fmt: skip
"""The values of commands that look only: who could not read them calls again."""


class Console(Struct, frozen=True, kw_only=True):
    """Where a command that takes long says something before its end.

    Attributes:
        result_now: show a value now that will be part of the result (not with -json).
        progress: tell people how far it is (on stderr; not with -json or -quiet).
        alert: tell people what was done that they did not ask for now (on stderr, always).
        alone: from now on the command alone writes to the terminal: no line says what takes long.
    """

    result_now: Callable[[Value], None]
    progress: Callable[[str], None]
    alert: Callable[[str], None] = lambda _: None
    alone: Callable[[], None] = lambda: None


def json_text(document: object) -> str:
    """A document on one line of printable ASCII; `json` itself leaves DEL as it is."""
    import json

    return json.dumps(document, ensure_ascii=True).replace("\x7f", "\\u007f")


def write_out(text: str, *, repeatable: bool = False) -> None:
    """Print data, and see it written; nothing but what a terminal shows as it is.

    Args:
        text: the data, lines whose texts were made printable one by one.
        repeatable: whether the same command shows it again, so that it need not be told anywhere else.

    Raises:
        OutputUnwritable: stdout is full or broken.
        BrokenPipeError: nobody reads any more.
    """
    try:
        print(text if isinstance(text, Styled) else joined(text.split("\n")), flush=True)
    except BrokenPipeError:
        raise
    except OSError as trouble:
        discard_output()
        message = f"stdout cannot be written ({trouble.strerror})"
        remedy = "make room there, and call it again"
        if not repeatable:
            message += f"; what was asked was done, and it would have said: {text[:_QUOTED]}"
            remedy = "do not repeat the command because of this"
        raise OutputUnwritable(message, remedy=remedy) from trouble


def discard_output() -> None:
    """Let the interpreter's last flush of stdout go nowhere."""
    _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    # Python flushes at its end, too, and would say there that it cannot, with an exit code of its own.
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def talk(command: str, lines: Iterable[str]) -> None:
    """Say something to people."""
    for line in lines:
        _say(f"{command}: {line}")


def error(command: str, problem: Problem) -> None:
    """Report an error: what happened, then what to do."""
    _say(f"{command}: error: {problem.message}")
    if problem.remedy:
        _say(f"{command}: {problem.remedy}")


def _say(text: str) -> None:
    """Write to stderr, if it is there: a command that has done its work does not fail because of talk.

    Of a text with several lines those behind the first are indented: none looks like ours.
    """
    if sys.stderr is None:  # print() would take stdout instead
        return
    try:
        print(_INDENTED.join(printable(each) for each in text.split(_INDENTED)), file=sys.stderr)
    except OSError:
        _discard(sys.stderr)


def render_json(command: str, result: AnyResult) -> None:
    """Print a result as one JSON document."""
    value = result.value
    document = envelope(command, document_of(value), result.problems, ok=result.exit_code == 0)
    with _told(command, value):
        write_out(json_text(document), repeatable=_is_repeatable(value))


def render_json_error(command: str, problem: Problem) -> None:
    """Print an error as one JSON document."""
    write_out(json_text(envelope(command, None, (problem,), ok=False)))


def _is_repeatable(value: Value) -> bool:
    """Whether a value is what somebody looked at, or what stands nowhere but where it was asked for."""
    return type(value).__name__ in _LOOKS or bool(getattr(value, "is_secret", False))


def render_text(command: str, result: AnyResult, *, quiet: bool) -> None:
    """Print a result: data on stdout, talk on stderr."""
    show(command, result.value)
    if not quiet:  # notes come after: parsers of both streams look for the first number
        talk(command, result.notes)
    for problem in result.problems:
        if not isinstance(problem, NotedProblem):
            error(command, problem)


def show(command: str, value: Value) -> None:
    """Print the text of a value, if it has any.

    Raises:
        OutputUnwritable: stdout is full or broken.
        BrokenPipeError: nobody reads any more.
    """
    text = value_text(value)
    if text:
        with _told(command, value):
            write_out(text, repeatable=_is_repeatable(value))


@contextlib.contextmanager
def _told(command: str, value: Value) -> Iterator[None]:
    """See to it that a cluster that was submitted is named on stderr at least.

    Raises:
        OutputUnwritable: nobody reads stdout.
    """
    submission = getattr(value, "submission", value)
    if not getattr(submission, "must_be_told", False):
        yield
        return
    text = value_text(submission)
    # Whoever does not read this line submits again.
    if getattr(sys.stdout, "name", "") == os.devnull:  # it was closed
        talk(command, [text])
    try:
        yield
    except BrokenPipeError as trouble:
        discard_output()
        raise OutputUnwritable(
            f"nobody reads stdout; what was asked was done: {text}",
            remedy="do not repeat the command because of this",
        ) from trouble


def value_text(value: Value) -> str:
    """The text of a value.

    Raises:
        TypeError: nothing is known of it.
    """
    found = _TEXTS.get(type(value).__name__)
    if found is None:
        raise TypeError(f"no text for {type(value).__name__}")
    if not found:
        return ""
    module, _, name = found.partition(":")
    text: str | Iterable[str] = getattr(importlib.import_module(f"hepsub.cli.text.{module}"), name)(
        value
    )
    return text if isinstance(text, str) else joined(text)
