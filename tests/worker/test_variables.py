"""How values travel in the wrapper, where every variable is global: a reading of the modules' text.

A function reads what it has assigned itself, what the top of a module declares (`hs_code=0 # the verdict`), and what a
function that it calls declares as its result, in the comment above it, behind an arrow (`Size of a file → hs_size.`).
What it has assigned itself no function that it calls may change, unless that is declared in one of the two ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hepsub.worker import build

_FUNCTION = re.compile(
    r"^((?:#[^\n]*\n)*)([a-z_0-9]+)\(\) (?:\{ ([^\n]*) \}|[({]\n(.*?)^[)}])$",
    re.MULTILINE | re.DOTALL,
)
_ASSIGNED = re.compile(r"(?<![\w$\"{-])(hs_\w+)=|\bfor (hs_\w+) in")
_READ_INTO = re.compile(r"\bread (?:-r )?((?:hs_\w+ ?)+)")
_USED = re.compile(r"\$\{?#?(hs_\w+)")
_CALL = re.compile(
    r"(?=(?:^\s*|[;&|{(!]\s*|\)\s+|\b(?:if|then|else|elif|do|while|until|trap|each_[a-z]+|with_umask)\s+"
    r"|\bbounded (?:\d+|\"\$\w+\") |\"(?=caught ))([a-z_0-9]+)(?!\s*\)|\s*\|(?!\|)|[\w=./-]))",
    re.MULTILINE,
)
"""A word where a command stands, or behind a function that calls it; no label of a case."""
_BEGUN = re.compile(r"\b([a-z_]+_)\$")
_ENDS = (
    "curl",
    "python3",
    "program",
    "bash",
    "tar",
    "kerberos",
    "token",
    "get",
    "put",
    "post",
    "delete",
)
"""What a name that is put together ends with."""
_ARITHMETIC = re.compile(r"\$\(\((.*?)\)\)", re.DOTALL)


@dataclass(frozen=True)
class Function:
    """What the text of a function says.

    Attributes:
        results: the variables behind the arrow.
        assigned: the variables that it assigns.
        used: those whose values it wants.
        body: its text.
    """

    module: str
    name: str
    results: frozenset[str]
    assigned: frozenset[str]
    used: frozenset[str]
    body: str


def _assigned(text: str) -> Iterator[str]:
    for found in _ASSIGNED.finditer(text):
        yield found[1] or found[2]
    for names in _READ_INTO.findall(text):
        yield from names.split()


def _used(text: str) -> Iterator[str]:
    yield from _USED.findall(text)
    for words in _ARITHMETIC.findall(text):
        yield from re.findall(r"\bhs_\w+", words)


def _functions() -> Iterator[Function]:
    for path in build.modules():
        for comment, name, line, lines in _FUNCTION.findall(path.read_text(encoding="utf-8")):
            body = build.condensed(f"{line}\n{lines}")
            yield Function(
                module=path.stem,
                name=name,
                results=frozenset(re.findall(r"\bhs_\w+", comment.partition("→")[2])),
                assigned=frozenset(_assigned(body)),
                used=frozenset(_used(body)),
                body=body,
            )


FUNCTIONS = {each.name: each for each in _functions()}
TOP = frozenset(
    name
    for path in build.modules()
    for name in _assigned(_FUNCTION.sub("", path.read_text(encoding="utf-8")))
)


def _callees(function: Function) -> set[str]:
    """What it calls by name, and by a name that it puts together (`request_$hs_http`)."""
    words = set(_CALL.findall(function.body))
    words |= {f"{start}{end}" for start in _BEGUN.findall(function.body) for end in _ENDS}
    return (words & set(FUNCTIONS)) - {function.name}


CALLED = {name: _callees(function) for name, function in FUNCTIONS.items()}


def _reached(name: str) -> set[str]:
    """What it calls, and what that calls."""
    found: set[str] = set()
    todo = [name]
    while todo:
        new = CALLED[todo.pop()] - found
        found |= new
        todo += new
    return found


def test_all_functions_are_seen() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in build.modules())
    assert set(re.findall(r"^([a-z_0-9]+)\(\) [({]", text, re.MULTILINE)) == set(FUNCTIONS)


def test_no_function_reads_what_nobody_has_declared() -> None:
    wrong = {}
    for name, function in FUNCTIONS.items():
        results = {each for callee in _reached(name) for each in FUNCTIONS[callee].results}
        unknown = function.used - function.assigned - TOP - results
        if unknown:
            wrong[f"{function.module}: {name}"] = sorted(unknown)
    assert wrong == {}


def test_a_result_is_assigned_where_it_is_declared_and_read_elsewhere() -> None:
    wrong = {}
    for name, function in FUNCTIONS.items():
        made = function.assigned.union(*(FUNCTIONS[callee].results for callee in CALLED[name]))
        read = {each for other in FUNCTIONS.values() if other.name != name for each in other.used}
        idle = function.results - (made & read)
        if idle:
            wrong[f"{function.module}: {name}"] = sorted(idle)
    assert wrong == {}


def test_no_function_changes_what_its_caller_keeps() -> None:
    wrong = {}
    for name, function in FUNCTIONS.items():
        kept = (function.assigned & function.used) - TOP
        for callee in sorted(CALLED[name]):
            reached = [FUNCTIONS[each] for each in (callee, *_reached(callee))]
            changed = {each for other in reached for each in other.assigned - other.results} & kept
            if changed:
                wrong[f"{function.module}: {name} → {callee}"] = sorted(changed)
    assert wrong == {}


def test_no_function_stands_unused() -> None:
    used = set().union(*CALLED.values())
    assert set(FUNCTIONS) - used == {"main"}


def test_a_trap_changes_nothing_that_it_may_have_interrupted() -> None:
    """But what the top of a module declares: these the interrupted functions expect to change."""
    bodies = "".join(each.body for each in FUNCTIONS.values())
    handlers = set(re.findall(r"\btrap \"?([a-z_]+)", bodies)) & set(FUNCTIONS) - {"finish"}
    assert handlers == {"caught", "end_clock"}
    within = handlers.union(*(_reached(name) for name in handlers))
    changed = {each for name in within for each in FUNCTIONS[name].assigned} - TOP
    others = {each for name in set(FUNCTIONS) - within for each in FUNCTIONS[name].used}
    assert changed & others == set()
