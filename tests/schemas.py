"""The schemas that are shipped, as a validator reads them: no member of a document may be unknown to them."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import hepsub

DIRECTORY = Path(hepsub.__file__).parent / "schemas"


def schema(command: str) -> Any:
    """The schema of a command, such as `hep_sub status`."""
    return json.loads((DIRECTORY / f"{command.replace(' ', '-')}.json").read_text())


@functools.cache
def _closed(command: str) -> Draft202012Validator:
    """A validator that takes what the schema describes, and nothing besides."""
    whole = schema(command)
    for each in (whole, *whole["$defs"].values()):
        if "properties" in each:
            each["additionalProperties"] = False
    return Draft202012Validator(whole)


def check_document(text: str) -> set[str]:
    """Compare what a command printed with its schema.

    Returns:
        The names of the results that it is one of; none for an error.
    """
    document = json.loads(text)
    validator = _closed(document["command"])
    validator.validate(document)
    kinds = validator.schema["properties"]["result"]["anyOf"]
    names = {kind["$ref"].rpartition("/")[2]: kind for kind in kinds if "$ref" in kind}
    result = document["result"]
    return {
        name
        for name, kind in names.items()
        if validator.evolve(schema={**kind, "$defs": validator.schema["$defs"]}).is_valid(result)
    }


def check_output(argv: Sequence[object], stdout: str) -> None:
    """The same for any program that was run to its end, if it was one of ours and asked for JSON."""
    words = [str(word) for word in argv]
    asked = {"-json", "--json"} & set(words) and not {"-h", "-help", "--help"} & set(words)
    if asked and Path(words[0]).name.startswith("hep_"):
        check_document(stdout)
