"""What stands in the batch script for nodes that see none of this host's directories."""

from __future__ import annotations

import base64
import io
import os
import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.errors import NotOnSlurm
from hepsub.plan.model import Plan
from hepsub.plan.staging import Seal
from hepsub.slurm.enclosed import Enclosed, how_many_fit, packed, read_enclosed
from hepsub.slurm.sbatch import sbatch_words
from hepsub.slurm.script import script
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

POLICY = (
    '[pool.hpc]\nkind = "slurm"\nshared_filesystem = false\nscratch = "/local"\n'
    '[storage.herd]\nendpoint = "https://s3.example.org"\ndefault = true\n'
)
OUT = ("-out", "o=herd:out/o_%{ProcId}")
UUID = "e0339dba-f0a8-4ea4-80f9-8134af13c661"
MOST = 4_000_000


def planned(*words: str) -> Plan:
    """The plan of `hep_sub -p hpc WORDS`."""
    return plan_for(make_spec("-p", "hpc", *words), make_policy(POLICY), make_world())


def unpacked(text: str) -> dict[str, tuple[bytes, int]]:
    """The files of an archive's archives, as PART/NAME, and their modes."""
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text)), mode="r:gz") as tar:
        return {
            f"{part.name}/{each.name}": (content, each.mode)
            for part, archive in members(tar)
            for each, content in members(tarfile.open(fileobj=io.BytesIO(archive)))
        }


def members(tar: tarfile.TarFile) -> list[tuple[tarfile.TarInfo, bytes]]:
    """What is in an archive."""
    found = [(each, tar.extractfile(each)) for each in tar]
    return [(each, file.read()) for each, file in found if file is not None]


def test_a_bundle_comes_back_as_jobs_get_it(tmp_path: Path) -> None:
    """What is private to this side, and scratch.sh, which stands in the script, stay."""
    files = {
        "shared/wrapper.sh": "all/wrapper.sh",
        "shared/scratch.sh": "",
        "shared/ca.herd.pem": "all/ca.herd.pem",
        "shared/hepsub.environment": "all/hepsub.environment",
        "shared/hepsub.letters.pem": "all/hepsub.letters.pem",
        "shared/lib/my.tgz": "all/my.tgz",
        "shared/sets/0/hepsub.sums": "set/0/hepsub.sums",
        "shared/sets/0/in/.job \u00e9": "set/0/.job \u00e9",
        "private/creds/krb5cc_7": "all/krb5cc_7",
        "private/request.json": "",
        "private/mailbox/signer.pem": "",
        "job/0/hepsub.manifest": "job/0/hepsub.manifest",
        "job/1/hepsub.manifest": "job/1/hepsub.manifest",
        "job/1/items.txt": "job/1/items.txt",
    }
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(0o700 if name == "shared/wrapper.sh" else 0o600)
    found = unpacked(packed(read_enclosed(tmp_path, 2)))
    expected = {goal: name for name, goal in files.items() if goal}
    assert {name: content.decode() for name, (content, _) in found.items()} == expected
    assert {name for name, (_, mode) in found.items() if mode == 0o700} == {"all/wrapper.sh"}
    assert {mode for _, mode in found.values()} == {0o600, 0o700}


def manifests(number: int, size: int) -> list[Enclosed]:
    """What cannot be made smaller, for so many jobs."""
    return [
        Enclosed(part=f"job/{proc}", name="hepsub.manifest", content=os.urandom(size))
        for proc in range(number)
    ]


def test_how_many_fit_is_about_right() -> None:
    files = manifests(200, 3000)
    fitting = how_many_fit(files, 200, 400_000)
    assert 90 <= fitting <= 100
    assert len(packed(files[:fitting])) <= 400_000 < len(packed(files[: fitting + 5]))
    assert how_many_fit(files, 200, 1000) == 0


@pytest.mark.parametrize(
    ("files", "said", "remedy"),
    [
        (manifests(1200, 3000), "of these jobs about 9", "submit at most 9"),
        (manifests(1, 3_500_000), "program and libraries are larger", "-in"),
    ],
)
def test_more_than_slurm_takes_is_refused(files: list[Enclosed], said: str, remedy: str) -> None:
    plan = planned("job.sh", "-n", str(len(files)), *OUT)
    with pytest.raises(NotOnSlurm, match=said) as caught:
        script(plan, UUID, "/ends", "/local", files)
    assert remedy in caught.value.remedy
    assert len(script(plan, UUID, "/ends", "/local", files[:900] if files[1:] else ())) < MOST


def test_the_script_names_nothing_of_this_host() -> None:
    """Neither the bundle nor the place for notes of ends; logs are opened by the job itself, if it can."""
    plan = planned("job.sh", *OUT)
    text = script(plan, UUID, "/ends", "/local")
    assert "/ends" not in text
    assert plan.staging is not None
    assert plan.staging.bundle_root not in text
    words = sbatch_words(plan, UUID, make_policy(POLICY).pool["hpc"])
    assert {"--chdir=/local", "--output=/dev/null", "--error=/dev/null"} <= set(words)


def test_jobs_get_the_files_of_their_set() -> None:
    plan = planned("job.sh", "-n", "3", *OUT)
    assert plan.staging is not None
    seal = Seal(wrapper="w", sets=("aa", "bb"), set_of=(0, 1, 0))
    text = script(replace(plan, staging=replace(plan.staging, seal=seal)), UUID, "/ends", "/local")
    assert "0|2) export HEPSUB_SET=0 HEPSUB_SEAL=aa ;;\n1) export HEPSUB_SET=1" in text


@pytest.mark.parametrize(
    ("words", "said", "remedy"),
    [
        (("-in", "raw.dat", *OUT), "input /work/alice/raw.dat", "-in STORAGE:BUCKET/KEY=raw.dat"),
        (("-out", "h=/d/h"), "output h is for /d/h", "-out h=STORAGE:BUCKET/KEY"),
        (("-out", "o=herd:out/%{ClusterId}"), "before Slurm gives", "%{Uuid}"),
        (("-in", "herd:raw/a"), "seen again", "-out NAME=STORAGE:BUCKET/KEY"),
        ((), "seen again", "-out NAME=STORAGE:BUCKET/KEY"),
    ],
)
def test_what_cannot_travel_is_refused(words: tuple[str, ...], said: str, remedy: str) -> None:
    with pytest.raises(NotOnSlurm, match=said) as caught:
        planned("job.sh", *words)
    assert remedy in caught.value.remedy


def test_what_is_on_the_nodes_is_not_looked_for_here() -> None:
    """Images, and the directories of logs; that their logs stay there is said."""
    spec = make_spec(
        "-p", "hpc", "job.sh", *OUT, "-image", "/images/a.sif", "-o", "/local/logs/%{ProcId}"
    )
    plan = plan_for(spec, make_policy(POLICY), make_world(image_exists=False))
    assert plan.staging is not None
    assert plan.staging.image == "/images/a.sif"
    assert plan.staging.home_limit == 0
    assert any("what the jobs print is on the nodes" in note for note in plan.notes)
