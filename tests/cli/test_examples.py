"""Every example that help, man pages and README show is a command line that works."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest

from hepsub.actions.submit.preview import preview
from hepsub.batch_system import BatchSystem
from hepsub.cli.generate.sources import every_command
from hepsub.cli.generate.tour import sections, typed
from hepsub.cli.job_spec import job_spec
from hepsub.cli.main import PROGRAMS, VERBS, find
from hepsub.cli.parse import parse
from hepsub.cli.resubmission import wanted_jobs
from hepsub.errors import PoolUnreachable
from hepsub.job import JobSpec
from hepsub.plan.facts import OutputFacts
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.policy.load import merge
from hepsub.policy.model import Layer, Pool
from hepsub.result import document_of
from hepsub.storage.store import Store
from hepsub.storage.stores import Stores
from hepsub.survey import outputs
from tests.fakes.credentials import FakeSource
from tests.fakes.world import make_script, make_session, make_situation

README = Path(__file__).parents[2] / "README.md"
SITE = """
profile = "ihep"
[credential.krb]
kind = "kerberos"
[pool.hpc]
kind = "slurm"
"""


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in a language; the empty one is the shell's."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def commands_in(text: str) -> list[str]:
    """The hepsub commands of a shell line, without comments."""
    line = re.sub(r"\s+#.*", "", text)
    return [
        part.strip() for part in re.split(r"&&|;|\|\|?", line) if part.strip().startswith("hep_")
    ]


def examples() -> list[str]:
    """Every example of every command, of the README and of the tour."""
    shown = [example for command in every_command() for example, _ in command.examples]
    lines = [line for block in blocks("") for line in block.splitlines()]
    toured = [line for heading in sections() for line in typed(heading)]
    return sorted({part for line in [*shown, *lines, *toured] for part in commands_in(line)})


def submissions() -> list[str]:
    """Those that submit."""
    found = [each for each in examples() if each.startswith("hep_sub ")]
    verbs = VERBS["hep_sub"]
    others = {*verbs, "-resubmit", "-check"}
    return [each for each in found if others.isdisjoint(each.split()[1:2])]


def readme_layers() -> list[Layer]:
    """The README's own policies, each above those before it."""
    return [Layer(file=f"README {n}", text=text) for n, text in enumerate(blocks("toml"))]


def spec_of(example: str) -> JobSpec:
    """What a submission asks for."""
    command, left = find("hep_sub", shlex.split(example)[1:])
    return job_spec(parse(left, command))


@pytest.mark.parametrize("example", examples())
def test_an_example_can_be_read(example: str) -> None:
    """What users copy is accepted by the grammar, and names a script where one is needed."""
    program, *words = shlex.split(example)
    assert program in PROGRAMS
    command, left = find(program, words)
    values = parse(left, command)
    if command.name == "hep_sub" and values["resubmit"]:
        assert wanted_jobs(values, command.options).job.cluster in {1, 13}
    elif command.name == "hep_sub" and not values["check"]:
        assert job_spec(values).script


def test_there_are_many_examples() -> None:
    """The search for them finds what is there: those of every section of the README."""
    assert len(examples()) > 45
    assert len(submissions()) > 15
    for word in ("-per", "-cred", "hep_mount -ls", "hep_auth renew -install"):
        assert any(word in each for each in examples()), word


# ---- what the README's submissions mean, with the README's own policy ---------------------------


class AnyStore:
    """A storage in which there is whatever is asked for."""

    def list_below(self, _: str, prefix: str) -> dict[str, ObjectInfo]:
        """Three objects below any prefix."""
        return {f"{prefix}{number}.root": ObjectInfo(size=10**9, etag="") for number in range(3)}

    def look_up(self, places: Iterable[ObjectPlace]) -> dict[ObjectPlace, ObjectInfo]:
        """Each of them."""
        return {place: ObjectInfo(size=10**9, etag="") for place in places}


def lay_out(directory: Path, spec: JobSpec) -> None:
    """Write what a submission names: scripts, lists, libraries, inputs, the directory of the logs."""
    for number in range(spec.number or 1):
        name = spec.script.replace("%{ProcId}", str(number))
        script = make_script(directory, name)
        if name.startswith("simjob"):
            script.write_text(f'KKMC.X = 1;\nRootCnvSvc.digiRootOutputFile = "r_{number}.rtraw";\n')
    make_script(directory, "boss.exe")
    (directory / "log").mkdir()
    (directory / "raw.root").write_text("")
    (directory / "runs.txt").write_text("".join(f"s3://raw/{n}.root\n" for n in range(50)))
    rows = "".join(f"{n},s3://raw/{n}.root\n" for n in range(50))
    (directory / "runs.csv").write_text(f"run,file\n{rows}")
    (directory / "setup").mkdir()
    (directory / "setup/tool.py").write_text("")
    (directory / "libMyAna.so").write_text("")


def away(_name: str, _pool: Pool) -> tuple[BatchSystem, ...]:
    """No pool answers."""
    raise PoolUnreachable("nobody is there")


@pytest.mark.parametrize("example", submissions())
def test_a_submission_is_planned(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Down to what HTCondor would get, with the policies that the README shows above the profile of a site."""
    monkeypatch.setattr(Stores, "store", lambda *_: cast("Store", AnyStore()))
    monkeypatch.setattr(outputs, "look_at_outputs", lambda *_: OutputFacts())  # nothing is there
    good = b"s3://raw/1.root\ns3://raw/2.root\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(good), encoding="utf-8"))
    policy = merge([Layer(file="site.toml", text=SITE), *readme_layers()])
    spec = spec_of(example)
    lay_out(tmp_path, spec)
    session = make_session(
        tmp_path,
        away,
        policy=policy,
        situation=make_situation(
            cwd=tmp_path, groups=("juno", "physics", "cms"), environment={"PATH": str(tmp_path)}
        ),
        sources={name: FakeSource(name=name) for name in policy.credential},
    )
    value = preview(session, spec).value
    document = document_of(value)
    assert document["jobs"] == expected_jobs(example)
    assert json.loads(json.dumps(document))["description"] == value.description


def expected_jobs(example: str) -> int:
    """How many jobs a submission has."""
    if said := re.search(r"-n (\d+)", example):
        return int(said[1])
    numbers = {"-per 20": 3, "-per 2GB": 2, "-per 3 ": 17, "-list - ": 2, "-list runs.": 50}
    return next((number for words, number in numbers.items() if words in example), 1)
