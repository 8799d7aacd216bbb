"""The one renderer: a Result as text for people and scripts, or as one JSON document."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator

from hepsub.cli.output import discard_output, error, talk, write_out
from hepsub.errors import OutputUnwritable
from hepsub.result import NotedProblem, Problem, Result, Value, document_of, envelope

_TEXTS = {
    "hepsub.actions.submit.result": "submit",
    "hepsub.actions.queue.wait": "wait",
    "hepsub.actions.queue.query": "queue",
    "hepsub.actions.queue.why": "why",
    "hepsub.actions.queue.control": "control",
    "hepsub.actions.queue.edit": "edit",
    "hepsub.actions.queue.history": "history",
    "hepsub.actions.queue.walltimes": "clus",
    "hepsub.actions.queue.status": "status",
    "hepsub.actions.demo.result": "demo",
    "hepsub.actions.fetch.result": "fetch",
    "hepsub.actions.mount.result": "mount",
    "hepsub.actions.auth.row": "auth",
    "hepsub.actions.auth.login": "login",
    "hepsub.actions.auth.s3": "keys",
    "hepsub.actions.auth.token": "keys",
    "hepsub.actions.renew.renew": "renew",
    "hepsub.actions.renew.install": "renew",
    "hepsub.actions.renew.status": "renew",
    "hepsub.actions.renew.rounds": "renew",
}
"""Where a value was made → the module of hepsub.cli.text that shows it: a command loads its own texts alone."""


def render_json(command: str, result: Result) -> None:
    """Print a result as one JSON document."""
    value = result.value
    document = envelope(command, document_of(value), result.problems, ok=result.exit_code == 0)
    with _told(command, value):
        _print_document(document, secret=_is_secret(value))


def render_json_error(command: str, problem: Problem) -> None:
    """Print an error as one JSON document."""
    _print_document(envelope(command, None, (problem,), ok=False))


def _print_document(document: object, *, secret: bool = False) -> None:
    from hepsub.cli.json_text import json_text

    write_out(json_text(document), secret=secret)


def _is_secret(value: Value) -> bool:
    """Whether a value holds what stands nowhere but where it was asked for."""
    return bool(getattr(value, "is_secret", False))


def render_text(command: str, result: Result, *, quiet: bool) -> None:
    """Print a result: data on stdout, talk on stderr.

    Args:
        command: the command's name, in front of talk.
        result: what to print.
        quiet: leave out the notes.
    """
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
            write_out(text, secret=_is_secret(value))


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
    name = _TEXTS.get(type(value).__module__)
    if name is None:
        raise TypeError(f"no text for {type(value).__name__}")
    text: str = importlib.import_module(f"hepsub.cli.text.{name}").text(value)
    return text
