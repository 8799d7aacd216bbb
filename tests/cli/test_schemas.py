"""The JSON of each command has a schema that is shipped, whole, and printed on demand."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from hepsub.actions.auth.s3 import StorageKeys
from hepsub.actions.renew.install import Installed, Uninstalled
from hepsub.actions.renew.rounds import Looped
from hepsub.cli.generate import sources
from hepsub.cli.main import PROGRAMS, main
from hepsub.cli.options import Command
from hepsub.cli.output import json_text
from hepsub.result import Json, Problem, Value, document_of, envelope
from tests.schemas import DIRECTORY, check_document, schema

COMMANDS = sorted(sources.every_command(), key=lambda command: command.name)
EACH = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@EACH
def test_a_schema_is_one_and_has_each_result(command: Command) -> None:
    whole = schema(command.name)
    Draft202012Validator.check_schema(whole)
    names = [each.partition(":")[2] for each in command.results]
    assert names
    references = [{"$ref": f"#/$defs/{name}"} for name in names]
    assert whole["properties"]["result"]["anyOf"] == [*references, {"type": "null"}]
    assert {*names, "Problem"} <= whole["$defs"].keys()


@EACH
def test_nothing_that_a_schema_describes_is_left_out_of_a_document(command: Command) -> None:
    """msgspec describes what may be read; what has a default is written all the same."""
    structs = [each for each in schema(command.name)["$defs"].values() if "properties" in each]
    assert structs
    for each in structs:
        assert each["description"]
        assert each["required"] == list(each["properties"])
        assert not any("default" in member for member in each["properties"].values())


def test_members_are_described_where_the_docstrings_do_so() -> None:
    """Also those that have another name in JSON, are inherited, or described by the struct that they come from."""
    status = schema("hep_sub status")["$defs"]
    assert status["Failure"]["properties"]["jobs"]["description"] == "how many."
    assert (
        "seconds since the epoch"
        in status["ClusterReport"]["properties"]["submitted"]["description"]
    )
    job = schema("hep_q")["$defs"]["JobDocument"]["properties"]
    assert job["memory_mb"]["description"] == "memory in use, in MB (2**20 bytes)."
    assert "seconds since the epoch" in job["submitted"]["description"]


def test_no_command_is_without_a_schema() -> None:
    names = {f"{command.name.replace(' ', '-')}.json" for command in COMMANDS}
    assert names == {path.name for path in DIRECTORY.iterdir()}


@pytest.mark.parametrize("words", [["-h", "-json"], ["--json", "-help"]])
@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_json_together_print_the_schema(
    program: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(program, words) == 0
    assert json.loads(capsys.readouterr().out) == schema(program)


def test_a_verb_has_a_schema_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("hep_sub", ["status", "-json", "-h"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "hep_sub status -json"


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("hep_auth renew", Installed(kind="cron", host="a", where="*/5", every=300, proof="cron")),
        ("hep_auth renew", Uninstalled(removed=("a line",), host="a")),
        ("hep_auth renew", Looped(rounds=3)),
        ("hep_auth s3", StorageKeys(storage="s", key="A", token=None, good=True, expires=1.5, now=1)),
    ],
)  # fmt: skip
def test_what_no_other_test_asks_for_is_as_its_schema_says(command: str, value: Value) -> None:
    text = json_text(envelope(command, document_of(value), (), ok=True))
    assert {each.removesuffix("Document") for each in check_document(text)} == {
        type(value).__name__
    }


PROBLEM = Problem(code="unknown-job", message="no job 13", remedy="hep_q")
RESULT: dict[str, Json] = {"group": "juno", "walltime_s": {"test": 300}}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, ""),
        ({"result": None, "ok": False, "problems": [document_of(PROBLEM)]}, ""),
        ({"problems": [{"code": "x", "message": "y"}]}, "'remedy' is a required property"),
        ({"schema": "hepsub/2"}, "'hepsub/1' was expected"),
        ({"more": 1}, "'more' was unexpected"),
        ({"ok": 0}, "0 is not of type 'boolean'"),
        ({"result": {"group": "juno"}}, "not valid under any"),
        ({"result": {**RESULT, "walltime_s": {"test": "5 min"}}}, "not valid under any"),
        ({"result": {**RESULT, "new": 1}}, "not valid under any"),
    ],
)  # fmt: skip
def test_the_validator_of_these_tests_sees_what_is_wrong(
    changes: dict[str, object], wrong: str
) -> None:
    """Else it would prove nothing of the commands that are run in all other tests."""
    document = {**envelope("hep_clus", RESULT, (), ok=True), **changes}
    if not wrong:
        assert check_document(json.dumps(document)) <= {"Walltimes"}
        return
    with pytest.raises(ValidationError, match=wrong):
        check_document(json.dumps(document))
