"""What is said of words that name nothing, but almost something: through the whole command."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.cli.main import load_verbs, main
from hepsub.cli.parse import parse
from tests.fakes.programs import write_program


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory without scripts, and a policy whose pool is the embedded one."""
    (tmp_path / "policy.toml").write_text("[defaults]\npool = 'here'\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEPSUB_CONFIG", str(tmp_path / "policy.toml"))
    monkeypatch.setenv("HEPSUB_HERE_DIR", str(tmp_path / "here"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "meant"),
    [
        ("hep_sub statsu", 11, "did you mean 'hep_sub status'?"),
        ("hep_sub help", 11, "did you mean 'hep_sub -h'?"),
        ("hep_sub queue", 11, "did you mean 'hep_q -u'?"),
        ("hep_sub resubmit", 11, "did you mean 'hep_sub -resubmit'?"),
        ("hep_sub nothing.sh", 11, "check the name; a relative one is looked for"),
        ("hep_sub -only 3", 2, "hep_sub -resubmit 13 -only 3"),
        ("hep_tail", 2, "hep_tail 13.2 shows what job 13.2 wrote last"),
        ("hep_tail 1.0 1.1", 2, "hep_tail 1.0; then hep_tail 1.1, or at once in another terminal"),
        ("hep_sub status -watch=3", 2, "write -watch alone"),
    ],
)
def test_what_was_meant_is_told(
    words: str, code: int, meant: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *said = words.split()
    assert main(program, said) == code
    assert meant in capsys.readouterr().err


def test_ids_and_options_of_status_stand_in_any_order() -> None:
    words = ["13.2", "-state"]
    assert parse(words, load_verbs("hep_sub")["status"]) == parse(
        words[::-1], load_verbs("hep_sub")["status"]
    )


def test_a_script_with_the_name_of_a_command_is_one(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_program(place / "statsu")
    assert main("hep_sub", ["-dry-run", "statsu"]) == 0
    assert "did you mean" not in capsys.readouterr().err
