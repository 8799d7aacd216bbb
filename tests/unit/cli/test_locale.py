"""Names of files are bytes: what a locale makes of them changes nothing, in what runs and in what is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.programs import write_program

LAUNCHER = Path(__file__).resolve().parents[3] / "hepsub" / "launcher" / "hep_sub"
NAMES = ("测试.sh", "ü€.sh", "测试é.sh", os.fsdecode(b"\xb2\xe2.sh"))
"""The last one is GBK's."""


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with zh_CN.GBK, as glibc's LOCPATH names it; some machines have no such locale."""
    place = tmp_path_factory.mktemp("locales")
    program = shutil.which("localedef")
    if program is None:
        pytest.skip("localedef is not here")
    words = [program, "-i", "zh_CN", "-f", "GBK", str(place / "zh_CN.GBK")]
    subprocess.run(words, capture_output=True, check=False)
    if not (place / "zh_CN.GBK").is_dir():
        pytest.skip("localedef does not know GBK")
    return place


@pytest.fixture
def hep_sub(tmp_path: Path) -> Path:
    """The launcher beside a Python of its own, as it is installed."""
    program = tmp_path / "bin" / "hep_sub"
    program.parent.mkdir()
    shutil.copy(LAUNCHER, program)
    write_program(program.parent / "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    return program


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("locale", ["zh_CN.GBK", "C", "POSIX"])
def test_a_script_is_found_whatever_the_locale_is(
    hep_sub: Path, locales: Path, locale: str, name: str
) -> None:
    """As text and as JSON; Python's codec of GBK does not give back all bytes that the C library took."""
    work = hep_sub.parents[1] / "work"
    work.mkdir()
    write_program(work / name)
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(work),
        "HEPSUB_HERE_DIR": str(work / "here"),
        "LOCPATH": str(locales),
        "LC_ALL": locale,
    }
    words = [os.fsencode(hep_sub), b"-p", b"here", b"-dry-run", os.fsencode(name)]
    shown = "\\xb2\\xe2.sh" if name == NAMES[-1] else name
    for more in ([], [b"-json"]):
        done = subprocess.run(
            [*words, *more], cwd=work, env=variables, capture_output=True, check=False
        )
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
        if more:
            assert json.loads(done.stdout)["result"]["script"] == name
        else:
            assert f"{work}/{shown}" in done.stdout.decode()


def test_a_name_that_a_locale_has_no_bytes_for_is_not_there(locales: Path) -> None:
    """hepsub as a library, in an interpreter that its user started."""
    text = (
        "import sys; from hepsub.survey.survey import inspect_program, inspect_place\n"
        "assert sys.getfilesystemencoding() == 'gbk', sys.getfilesystemencoding()\n"
        "print(inspect_program('/\\xe9.sh').state.name, inspect_place('/\\xe9').name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={"LOCPATH": str(locales), "LC_ALL": "zh_CN.GBK"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["MISSING", "MISSING"], done.stderr
