"""What is written into the corners of jobs: all that a manifest can say, credentials, logs."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.logs import link_logs, place_logs
from hepsub.bundle.mailbox import master_credentials
from hepsub.bundle.notes import is_cancelled, mark_cancelled
from hepsub.errors import BundleUnusable
from hepsub.plan.credentials import JobCredential
from hepsub.plan.existing import COPIED_FILES
from hepsub.plan.libraries import Library, archive_name
from tests.unit.bundle.test_bundle import Signer, far_away, make_bundle

ARCHIVE = "hepsub_lib.00.tar.gz"
IAM = JobCredential(name="iam", kind="token", file="iam.token")
CONDOR = JobCredential(name="krb", kind="kerberos", file="")


def held(name: str = "iam", content: bytes = b"t1") -> UserCredential:
    """A credential in hand."""
    lifetime = Lifetime(expires=None, renewable_until=None)
    return UserCredential(name=name, kind="token", who="alice", lifetime=lifetime, content=content)


def whole(tmp_path: Path, *, confined: bool = True) -> Bundle:
    """A bundle whose jobs get all that there is, the library packed already."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x=y", "-out", "r=res/")
    archives = tmp_path / "b/.libraries"
    archives.mkdir(parents=True)
    (archives / archive_name("00")).write_text("packed")
    staging = replace(
        bundle.request.staging,
        bundle_root=str(tmp_path / "b"),
        credentials=(IAM, CONDOR),
        libraries=(Library(name="setup", is_directory=True, sha256="00", size=6),),
        isolation="slot",
        secrets=("KEY",),
        confined=confined,
    )
    assert bundle.request.staging.confined
    return replace(bundle, request=replace(bundle.request, staging=staging))


@pytest.mark.parametrize("confined", [True, False])
def test_all_that_a_manifest_says(tmp_path: Path, confined: bool) -> None:
    """A confined job finds its credentials in its corner; no other is told how users are kept apart."""
    bundle = whole(tmp_path, confined=confined)
    fill_bundle(bundle, {"KEY": "a\nb"})
    bundle.write_manifests(13, lambda _: Signer(), first=True)
    corner = bundle.directory / "job/1"
    source = corner if confined else bundle.directory / "private/creds"
    lines = [
        "hepsub-manifest\t1\t13.1",
        "payload\trun-1.sh",
        "submitdir\t/home/alice/work",
        "environment\thepsub.environment",
        *(["isolation\tslot"] if confined else []),
        "walltime\t36000\t300",
        f"source\t{corner}/hepsub.manifest",
        "homelimit\t1073741824",
        "putlimit\t5368709120",
        f"credential\tiam\ttoken\tiam.token\t{source}/iam.token",
        "condorcred\tkrb\tkerberos\t-",
        "sent\ty",
        f"sent\t{ARCHIVE}",
        f"library\tsetup\tdir\t{ARCHIVE}",
        "home\tr\t-\t-",
        *(["confined"] if confined else []),
    ]
    assert (corner / "hepsub.manifest").read_text().splitlines() == lines
    variables = bundle.directory / "shared/hepsub.environment"
    assert variables.read_text() == "KEY\t2\na\nb\n"
    assert variables.stat().st_mode & 0o777 == 0o600
    assert (bundle.directory / f"shared/lib/{ARCHIVE}").read_text() == "packed"
    sums = (bundle.directory / "shared/sets/1/hepsub.sums").read_text().splitlines()
    assert sums[-2:] == [
        f"sha256\t00\t{ARCHIVE}",
        f"sha256\t{sha256(variables.read_bytes()).hexdigest()}\thepsub.environment",
    ]
    links = (tmp_path / "b/.libraries" / archive_name("00")).stat().st_nlink
    assert links == (1 if confined else 2), "where no job writes, one copy serves all bundles"


def test_a_job_at_home_runs_where_its_user_is_and_copies_its_inputs(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path, "-in", "/data/x", "-out", "r=res/%{ProcId}")
    staging = replace(
        bundle.request.staging,
        objects={},
        outputs=(),
        cwd="/data/alice",
        in_place=True,
        image="/cvmfs/el9",
        mounts=("/ceph", "/scratch"),
        copy_limit=5,
    )
    bundle = replace(bundle, request=replace(bundle.request, staging=staging))
    fill_bundle(bundle)
    bundle.write_manifests(None, lambda _: Signer())
    assert (bundle.directory / "job/1/hepsub.manifest").read_text().splitlines() == [
        "hepsub-manifest\t1\t1",
        "payload\t/work/run-1.sh",
        "submitdir\t/data/alice",
        "workdir\t/data/alice",
        "image\t/cvmfs/el9",
        "bind\t/ceph",
        "bind\t/scratch",
        "walltime\t36000\t300",
        f"source\t{bundle.directory}/job/1/hepsub.manifest",
        "homelimit\t1073741824",
        "putlimit\t5368709120",
        f"copylimit\t5\t{COPIED_FILES}",
        "copy\tx\t/data/x",
    ]


def test_a_credential_is_written_for_each_job_and_last_where_no_job_reaches_it(
    tmp_path: Path,
) -> None:
    """While that copy is the old one, the others are written again; a job that spoilt its corner harms no other."""
    bundle = whole(tmp_path)
    fill_bundle(bundle)
    master = bundle.directory / "private/creds/iam.token"
    assert bundle.master_credential("iam") == master
    assert bundle.master_credential("krb") is None
    bundle.write_credential(held(), first=True)
    files = [bundle.directory / f"job/{proc}/iam.token" for proc in (0, 1)]
    assert [each.read_bytes() for each in (*files, master)] == [b"t1"] * 3
    bundle.write_credential(held(content=b"t2"), procs=[1])
    assert [each.read_bytes() for each in (*files, master)] == [b"t1", b"t2", b"t2"]
    shutil.rmtree(files[0].parent)
    with pytest.raises(BundleUnusable):
        bundle.write_credential(held(content=b"t3"))
    assert [each.read_bytes() for each in (files[1], master)] == [b"t3"] * 2
    assert {each.stat().st_mode & 0o777 for each in (files[1], master)} == {0o600}
    bundle.write_credential(held("krb"))
    bundle.write_credential(held("unknown"))
    assert {each.name for each in master.parent.iterdir()} == {"iam.token"}


def test_a_credential_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    """Of a job that is not confined there is that one copy."""
    bundle = whole(tmp_path, confined=False)
    fill_bundle(bundle)
    bundle.write_credential(held())
    assert not (bundle.directory / "job/0/iam.token").exists()
    assert (bundle.directory / "private/creds/iam.token").read_bytes() == b"t1"
    shutil.rmtree(bundle.directory / "private/creds")
    with pytest.raises(BundleUnusable) as error:
        bundle.write_credential(held())
    assert error.value.message == (
        f"the bundle {bundle.directory} cannot be written: No such file or directory"
    )
    assert error.value.remedy == "make room there, or set bundle_dir in [staging] of the policy"


def test_credentials_that_are_larger_than_any_are_no_letter(tmp_path: Path) -> None:
    bundle = whole(tmp_path)
    fill_bundle(bundle)
    assert master_credentials(bundle) == {}
    bundle.write_credential(held(content=b"t" * 2**19), first=True)
    assert master_credentials(bundle) == {"iam.token": b"t" * 2**19}
    bundle.write_credential(held(content=b"t" * (2**19 + 1)))
    with pytest.raises(BundleUnusable):
        master_credentials(bundle)


def test_jobs_without_confinement_have_no_logs_in_their_corner(tmp_path: Path) -> None:
    bundle = whole(tmp_path, confined=False)
    request = replace(bundle.request, stdout=f"{tmp_path}/o", stderr=f"{tmp_path}/e")
    bundle = replace(bundle, request=request)
    fill_bundle(bundle)
    assert sorted(each.name for each in (bundle.directory / "job/0").iterdir()) == ["items.txt"]
    assert link_logs(bundle, 13) == ()
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("stdout", "stderr", "made"),
    [
        ("o.%{ProcId}", "e.%{ProcId}", {"stdout": 1, "stderr": 1}),
        ("o", "e.%{ProcId}", {"stdout": 2, "stderr": 1}),
        ("o.%{ProcId}", "o.%{ProcId}", {"stdout": 1}),
        ("/dev/null", "e", {"stderr": 2}),
    ],
)
def test_the_logs_of_a_confined_job(
    tmp_path: Path, stdout: str, stderr: str, made: dict[str, int]
) -> None:
    """Empty files, with so many links: one log for one name, whoever writes it."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x")
    bundle = replace(bundle, request=replace(bundle.request, stdout=stdout, stderr=stderr))
    fill_bundle(bundle)
    logs = {each.name: each.stat() for each in (bundle.directory / "job/1").glob("std*")}
    assert {name: facts.st_nlink for name, facts in logs.items()} == made
    assert {facts.st_size for facts in logs.values()} <= {0}


def test_logs_that_cannot_be_linked_are_told_and_noted(tmp_path: Path) -> None:
    """Once they were noted, they are copied when the jobs have ended."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x")
    stdout = f"{tmp_path}/none/o.%{{ProcId}}"
    bundle = replace(bundle, request=replace(bundle.request, stdout=stdout))
    fill_bundle(bundle)
    where = f"{bundle.directory}/job/PROC"
    assert link_logs(bundle, 13) == (
        f"{tmp_path}/none/o.0 cannot be written (No such file or directory); stdout and stderr lie in {where}",
    )
    assert place_logs(bundle, 13) == tuple(
        f"{tmp_path}/none/{name} cannot be written (No such file or directory)"
        for name in ("o.0", "o.1")
    ), "they would be removed with the corners"
    (tmp_path / "none").mkdir()
    assert place_logs(bundle, 13) == ()
    assert sorted(each.name for each in (tmp_path / "none").iterdir()) == ["o.0", "o.1"]


def test_what_is_cancelled_stays_so(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    assert not is_cancelled(bundle)
    mark_cancelled(bundle)
    assert is_cancelled(bundle)
