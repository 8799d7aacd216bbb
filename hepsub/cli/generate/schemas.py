"""The JSON Schema of what each command prints with -json, from the types that it declares as its results."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from hepsub.cli.generate import sources
from hepsub.cli.options import Command
from hepsub.result import SCHEMA, Problem

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LIKE = re.compile(r"\bas `(\w+)`")
"""In a docstring: the class in whose docstring the fields are described."""
_MEMBERS = {
    "schema": "The version of the format: within it members are added, and none is removed or changes its meaning.",
    "command": "The command.",
    "ok": "Whether all that was asked was done, and the exit code is 0.",
    "result": "What was done or found; null where an error came first.",
    "problems": "What was not done, and why.",
}


def schema_text(command: Command) -> str:
    """The schema of a command's document, for people and programs to read."""
    types = [_type_named(name) for name in command.results]
    references, definitions = msgspec.json.schema_components(
        [*types, Problem], ref_template="#/$defs/{name}"
    )
    for struct in _structs(inspect.multi_type_info([*types, Problem])):
        _describe(definitions[struct.cls.__name__], struct)
    *results, problem = references
    members: dict[str, dict[str, object]] = {
        "schema": {"const": SCHEMA},
        "command": {"const": command.name},
        "ok": {"type": "boolean"},
        "result": {"anyOf": [*results, {"type": "null"}]},
        "problems": {"type": "array", "items": problem},
    }
    document = {
        "$schema": _DIALECT,
        "title": f"{command.name} -json",
        "description": f"{command.summary}.",
        "type": "object",
        "properties": {name: {"description": _MEMBERS[name], **members[name]} for name in members},
        "required": list(members),
        "$defs": definitions,
    }
    return f"{json.dumps(document, indent=1)}\n"


def _type_named(name: str) -> type[msgspec.Struct]:
    module, _, attribute = name.partition(":")
    found: type[msgspec.Struct] = getattr(importlib.import_module(module), attribute)
    return found


def _structs(types: Sequence[object]) -> Iterator[inspect.StructType]:
    """The structs that types are made of, each once."""
    found: dict[type, inspect.StructType] = {}
    left = list(types)
    while left:
        each = left.pop()
        if isinstance(each, inspect.StructType):
            if each.cls in found:
                continue
            found[each.cls] = each
            left += [field.type for field in each.fields]
        elif isinstance(each, tuple):
            left += each
        elif isinstance(each, inspect.Type):
            left += [getattr(each, name) for name in each.__struct_fields__]
    yield from found.values()


def _describe(definition: dict[str, Any], struct: inspect.StructType) -> None:
    """Say what the fields mean, and that none is left out: msgspec describes what it reads, not what it writes."""
    definition["description"] = sources.summary(struct.cls)
    meanings = _meanings(struct.cls)
    for field in struct.fields:
        shown = definition["properties"][field.encode_name]
        shown.pop("default", None)  # all members are always there: who reads them need not know one
        if field.name in meanings:
            shown["description"] = meanings[field.name]
    definition["required"] = [field.encode_name for field in struct.fields]


def _meanings(cls: type) -> Mapping[str, str]:
    """What the fields of a struct mean, by its docstring, those of its bases, and the one that it refers to."""
    told: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        like = _LIKE.search(each.__doc__ or "")
        if like:
            told |= sources.attributes(getattr(sys.modules[each.__module__], like[1]))
        told |= sources.attributes(each)
    return told
