"""The JSON of each command has a type, and the type a schema."""

from __future__ import annotations

import importlib

import msgspec
import pytest

from hepsub.cli.main import PROGRAMS, SUBCOMMANDS, VERBS

MODULES = sorted({*PROGRAMS.values(), *SUBCOMMANDS.values(), *VERBS["hep_auth"].values()})


@pytest.mark.parametrize("module", MODULES)
def test_a_command_says_what_its_json_is(module: str) -> None:
    results = importlib.import_module(module).COMMAND.results
    assert results
    for each in results:
        where, _, name = each.partition(":")
        schema = msgspec.json.schema(getattr(importlib.import_module(where), name))
        assert schema["$ref"].endswith(name)
        assert schema["$defs"][name]["type"] == "object"
