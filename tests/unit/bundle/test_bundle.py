"""The bundle on the disk: what lies where, who may read it, and that no reader sees half a file."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.bundle.bundle import Bundle, read_bundle
from hepsub.bundle.directory import discard_bundle, locked
from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.logs import link_logs, place_logs
from hepsub.bundle.manifest import Signing, marker_place
from hepsub.bundle.notes import mark_ready
from hepsub.bundle.request import from_json
from hepsub.bundle.root import unfinished
from hepsub.bundle.sent import preview_seal
from hepsub.errors import BundleUnusable, InputsMissing, StorageRefused
from hepsub.plan.files import Carried
from hepsub.plan.libraries import Library
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.model import BUNDLE, SHARED, Delivery
from hepsub.plan.template import parse_template
from tests.unit.bundle.test_request import make_request


@dataclass
class Signer:
    """Counts what it signs; `version` is in every URL."""

    version: str = "1"
    signed: list[str] = field(default_factory=list)

    def sign(self, method: str, place: ObjectPlace) -> str:
        self.signed.append(f"{method} {place}")
        return f"https://s3/{place.bucket}/{place.key}?v={self.version}"

    def form(self, place: ObjectPlace) -> tuple[str, Mapping[str, str]]:
        self.signed.append(f"POST {place}")
        return "https://s3/" + place.bucket, {"key": place.key}


def modes(directory: Path) -> dict[str, str]:
    """The mode of everything below a directory."""
    found = {".": oct(stat.S_IMODE(directory.stat().st_mode))}
    for path in directory.rglob("*"):
        if not path.is_symlink():
            found[str(path.relative_to(directory))] = oct(stat.S_IMODE(path.stat().st_mode))
    found.pop("private/lock", None)  # holds nothing, behind 0700
    return found


def make_bundle(
    tmp_path: Path, *words: str, delivery: Delivery = SHARED, **values: object
) -> Bundle:
    """A bundle in tmp_path/b/u-1, nothing written."""
    request = make_request(*words, delivery=delivery, **values)
    with locked(tmp_path / "b/u-1/private") as mine:
        assert mine
    return Bundle(directory=tmp_path / "b/u-1", request=request)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_nobody_else_may_read_it(tmp_path: Path, umask: int) -> None:
    """Directories 0700, files 0600, programs 0700, whatever the umask."""
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}")
    before = os.umask(umask)
    try:
        fill_bundle(bundle)
        bundle.write_manifests(13, lambda _: Signer())
    finally:
        os.umask(before)
    assert modes(bundle.directory) == {
        ".": "0o700",
        "private/creds": "0o700",
        "private/request.json": "0o600",
        "private": "0o700",
        "shared": "0o700",
        "shared/wrapper.sh": "0o700",
        "shared/scratch.sh": "0o700",
        "shared/sets": "0o700",
        "shared/sets/0": "0o700",
        "shared/sets/0/in": "0o700",
        "shared/sets/0/hepsub.sums": "0o600",
        "job": "0o700",
        "job/0": "0o700",
        "job/0/hepsub.manifest": "0o600",
        "job/0/items.txt": "0o600",
        "job/1": "0o700",
        "job/1/hepsub.manifest": "0o600",
        "job/1/items.txt": "0o600",
    }


def test_what_is_in_it(tmp_path: Path) -> None:
    """The request reads back, items one a line, the manifest of each job with its own places."""
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ClusterId}/%{ProcId}")
    fill_bundle(bundle)
    assert not list(bundle.directory.glob("job/*/hepsub.manifest"))
    bundle.write_manifests(13, lambda _: Signer())
    directory = bundle.directory
    kept = replace(bundle.request, staging=bundle.request.staging.kept)
    assert from_json((directory / "private/request.json").read_bytes()) == kept
    assert (directory / "job/0/items.txt").read_text() == "/data/a\ns3://raw/b\n"
    assert (directory / "job/1/items.txt").read_text() == "/data/c d\n"
    assert (directory / "job/1/hepsub.manifest").read_text() == (
        "hepsub-manifest\t1\t13.1\n"
        "payload\t/work/run-1.sh\n"
        "submitdir\t/home/alice/work\n"
        "walltime\t36000\t300\n"
        f"source\t{directory}/job/1/hepsub.manifest\n"
        "homelimit\t1073741824\n"
        "putlimit\t5368709120\n"
        "output\tr\t-\thttps://s3/out/13/1?v=1\n"
        "unmark\thttps://s3/out/13/.hepsub/u-1/1.json?v=1\n"
        "marker\thttps://s3/out/13/.hepsub/u-1/1.json?v=1\n"
    )
    wrapper = Path(__file__).parents[3] / "hepsub/worker/wrapper.sh"
    assert (directory / "shared/wrapper.sh").read_text() == wrapper.read_text()


def far_away(tmp_path: Path, *words: str) -> Bundle:
    """A bundle for a site without this host's file system, with real files to send."""
    files = tmp_path / "files"
    files.mkdir(parents=True)
    for name in ("run-0.sh", "run-1.sh", "x", "z_0", "z_1"):
        (files / name).write_text(name)
    bundle = make_bundle(tmp_path, *words, delivery=BUNDLE)
    request = replace(bundle.request, executable=f"{files}/run-%{{ProcId}}.sh")
    return replace(bundle, request=request)


def test_far_away_the_program_and_paths_travel(tmp_path: Path) -> None:
    """Without a shared file system HTCondor sends the payload and inputs, under the names that jobs see."""
    files = tmp_path / "files"
    bundle = far_away(
        tmp_path, "-in", f"{files}/x=y", "-in", f"{files}/z_%{{ProcId}}", "-out", "r=res/"
    )
    fill_bundle(bundle)
    bundle.write_manifests(None, lambda _: Signer())
    sent = {
        str(path.relative_to(bundle.directory)): path.read_text()
        for path in bundle.directory.rglob("in/*")
    }
    assert sent == {
        "shared/sets/0/in/run-0.sh": "run-0.sh",
        "shared/sets/0/in/y": "x",
        "shared/sets/0/in/z_0": "z_0",
        "shared/sets/1/in/run-1.sh": "run-1.sh",
        "shared/sets/1/in/y": "x",
        "shared/sets/1/in/z_1": "z_1",
    }
    lines = (bundle.directory / "job/0/hepsub.manifest").read_text().splitlines()
    assert lines[0] == "hepsub-manifest\t1\t0"
    assert "payload\trun-0.sh" in lines
    assert lines[-4:] == ["sent\ty", "sent\tz_0", "home\tr\t-\t-", "confined"]


def test_what_is_sent_lies_in_the_bundle_itself(tmp_path: Path) -> None:
    """HTCondor may read nothing outside the bundle for such a job, so a symbolic link would not do."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x=y")
    fill_bundle(bundle)
    assert not any(path.is_symlink() for path in bundle.directory.rglob("*"))


def test_what_is_sent_is_a_copy_and_never_the_users_file(tmp_path: Path) -> None:
    """A job may write into it, and the user's script, input and library must stay what they are."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x=y")
    fill_bundle(bundle)
    assert {path.stat().st_nlink for path in (tmp_path / "files").iterdir()} == {1}
    for path in bundle.directory.rglob("in/*"):
        path.write_text("theirs")
    assert (tmp_path / "files/x").read_text() == "x"


def test_a_seal_names_all_that_a_job_gets(tmp_path: Path) -> None:
    """One list for each set of files, whose digest is the seal's; the preview comes to the same digests."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x=y")
    request = bundle.request
    jobs = [request.values(proc, None) for proc in range(request.number)]
    expected = preview_seal(request.staging, parse_template(request.executable), jobs, {})
    seal = fill_bundle(bundle)
    assert seal == expected
    assert seal.set_of == (0, 1)
    lists = [bundle.directory / f"shared/sets/{number}/hepsub.sums" for number in (0, 1)]
    assert seal.sets == tuple(sha256(each.read_bytes()).hexdigest() for each in lists)
    assert lists[1].read_text() == (
        "payload\trun-1.sh\n"
        f"sha256\t{sha256(b'run-1.sh').hexdigest()}\trun-1.sh\n"
        f"sha256\t{sha256(b'x').hexdigest()}\ty\n"
    )
    wrapper = (bundle.directory / "shared/wrapper.sh").read_bytes()
    assert seal.wrapper == sha256(wrapper).hexdigest()


def test_at_home_nothing_but_the_wrapper_is_sent(tmp_path: Path) -> None:
    """There is no list then: the digest of the wrapper says all."""
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}")
    seal = fill_bundle(bundle)
    assert (seal.sets, seal.set_of) == (("-",), ())


def test_jobs_that_get_the_same_share_one_set(tmp_path: Path) -> None:
    """Ten thousand jobs with one script cost one copy and one list."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x")
    request = replace(bundle.request, executable=f"{tmp_path}/files/run-0.sh")
    assert fill_bundle(replace(bundle, request=request)).set_of == ()


def test_logs_have_a_second_link_where_the_user_looks(tmp_path: Path) -> None:
    """HTCondor writes into the file in the job's corner; jobs with one log share one file."""
    (tmp_path / "logs").mkdir()
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x")
    stdout, stderr = f"{tmp_path}/logs/o.%{{ClusterId}}.%{{ProcId}}", f"{tmp_path}/logs/e"
    bundle = replace(bundle, request=replace(bundle.request, stdout=stdout, stderr=stderr))
    (tmp_path / "logs/e").write_text("of the last time")
    fill_bundle(bundle)
    assert link_logs(bundle, 13) == ()
    (bundle.directory / "job/1/stdout").write_text("written later")
    (bundle.directory / "job/0/stderr").write_text("both write it")
    assert sorted(each.name for each in (tmp_path / "logs").iterdir()) == ["e", "o.13.0", "o.13.1"]
    assert (tmp_path / "logs/o.13.1").read_text() == "written later"
    assert (tmp_path / "logs/e").read_text() == "both write it"
    assert link_logs(bundle, 13) == ()


def with_exchanged_log(tmp_path: Path) -> Bundle:
    """A bundle in which a job has put a link to the user's key where its log was."""
    (tmp_path / "key").write_text("secret")
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x")
    bundle = replace(bundle, request=replace(bundle.request, stdout=f"{tmp_path}/o.%{{ProcId}}"))
    fill_bundle(bundle)
    (bundle.directory / "job/0/stdout").unlink()
    (bundle.directory / "job/0/stdout").symlink_to(tmp_path / "key")
    return bundle


def test_a_log_that_a_job_exchanged_gets_no_link(tmp_path: Path) -> None:
    """A link to the user's key, where the log was, must not be taken for the log."""
    bundle = with_exchanged_log(tmp_path)
    assert "cannot be written" in link_logs(bundle, 13)[0]
    assert not (tmp_path / "o.0").exists()


def test_a_spoilt_corner_does_not_keep_others_from_fresh_files(tmp_path: Path) -> None:
    """A job may put a link, or a directory, where its manifest or token should be: nothing is followed."""
    precious = tmp_path / "precious"
    precious.mkdir()
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}")
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer())
    shutil.rmtree(bundle.directory / "job/0")
    (bundle.directory / "job/0").symlink_to(precious)
    with pytest.raises(BundleUnusable):
        bundle.write_manifests(13, lambda _: Signer(version="2"))
    assert "?v=2" in (bundle.directory / "job/1/hepsub.manifest").read_text()
    assert list(precious.iterdir()) == []


def test_an_input_that_is_gone_leaves_no_half_bundle_unnoticed(tmp_path: Path) -> None:
    """With -nocheck a path may be missing: said before anything is submitted."""
    bundle = far_away(tmp_path, "-in", "/no/such/file=y")
    with pytest.raises(InputsMissing):
        fill_bundle(bundle)


def test_each_place_is_signed_once(tmp_path: Path) -> None:
    """Two jobs, five places."""
    bundle = make_bundle(tmp_path)
    fill_bundle(bundle)
    asked: list[str] = []
    signer = Signer()

    def signer_of(name: str) -> Signing:
        asked.append(name)
        return signer

    bundle.write_manifests(13, signer_of)
    assert set(asked) == {"herd"}
    assert signer.signed == [
        "GET herd:raw/é 0.root",
        "GET herd:raw/b",
        "POST herd:out/13/0/",
        "DELETE herd:out/13/0/.hepsub/u-1/0.json",
        "PUT herd:out/13/0/.hepsub/u-1/0.json",
        "GET herd:raw/é 1.root",
        "POST herd:out/13/1/",
        "DELETE herd:out/13/1/.hepsub/u-1/1.json",
        "PUT herd:out/13/1/.hepsub/u-1/1.json",
    ]


def test_manifests_are_renewed_in_place(tmp_path: Path) -> None:
    """Re-writing replaces every manifest and leaves no other file behind."""
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}")
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer())
    before = sorted(bundle.directory.rglob("*"))
    bundle.write_manifests(13, lambda _: Signer(version="2"))
    assert sorted(bundle.directory.rglob("*")) == before
    for proc in range(2):
        text = (bundle.directory / f"job/{proc}/hepsub.manifest").read_text()
        assert "?v=2" in text
        assert "?v=1" not in text


def test_a_reader_sees_the_old_manifest_or_the_new_one(tmp_path: Path) -> None:
    """While manifests are re-written again and again, every read is whole."""
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}")
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer())
    over = threading.Event()

    def write() -> None:
        signer = Signer()
        while not over.is_set():
            signer.version = str(len(signer.version)) * (500 + len(signer.version) % 3000)
            bundle.write_manifests(13, lambda _: signer)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            text = (bundle.directory / "job/0/hepsub.manifest").read_text()
            assert text.startswith("hepsub-manifest\t1\t13.0\n")
            assert text.splitlines()[-1].startswith("marker\t")
            assert text.endswith("\n")
    finally:
        over.set()
        writer.join()


def test_a_signer_that_fails_leaves_the_old_manifests(tmp_path: Path) -> None:
    """No keys: the error passes, and what was there is still there."""
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}")
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer())
    before = (bundle.directory / "job/0/hepsub.manifest").read_text()

    def no_keys(name: str) -> Signing:
        raise StorageRefused(f"no keys for {name}")

    with pytest.raises(StorageRefused):
        bundle.write_manifests(13, no_keys)
    assert (bundle.directory / "job/0/hepsub.manifest").read_text() == before


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file where the directory should be: a designed error with the path and the remedy."""
    (tmp_path / "b").write_text("in the way")
    with pytest.raises(BundleUnusable) as error:
        make_bundle(tmp_path)
    assert str(tmp_path / "b/u-1") in error.value.message
    assert "bundle_dir" in error.value.remedy


def test_the_grace_is_never_more_than_a_quarter(tmp_path: Path) -> None:
    """A walltime of 60 s keeps 45 s for the program, not minus four minutes."""
    bundle = make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}", walltime=60)
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer())
    assert "walltime\t60\t15\n" in (bundle.directory / "job/0/hepsub.manifest").read_text()


def test_discard_removes_it(tmp_path: Path) -> None:
    """Nothing of a submission that did not happen stays; the root does."""
    bundle = make_bundle(tmp_path)
    fill_bundle(bundle)
    discard_bundle(bundle.directory)
    assert list((tmp_path / "b").iterdir()) == []
    discard_bundle(bundle.directory)


def test_only_one_completes_a_bundle(tmp_path: Path) -> None:
    """While one process has it, another is told so and waits for nothing; after a kill -9 it is free."""
    bundle = make_bundle(tmp_path)
    begun, end = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        with locked(bundle.private("")):
            os.write(begun[1], b"x")
            os.read(end[0], 1)
        os._exit(0)
    assert os.read(begun[0], 1) == b"x"
    with locked(bundle.private("")) as mine:
        assert not mine
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with locked(bundle.private("")) as mine:
        assert mine


def test_what_is_unfinished_is_found(tmp_path: Path) -> None:
    """A bundle without `ready`; none where there is no root, and no crash over foreign files."""
    assert unfinished(tmp_path / "b") == ()
    bundle = make_bundle(tmp_path)
    fill_bundle(bundle)
    assert unfinished(tmp_path / "b") == (bundle.directory,)
    assert read_bundle(bundle.directory) == bundle
    mark_ready(bundle, 13)
    assert unfinished(tmp_path / "b") == ()


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}"])
def test_half_a_bundle_is_none(tmp_path: Path, text: str | None) -> None:
    """A request that is missing or cut off gives None: nobody acts on half of it."""
    bundle = make_bundle(tmp_path)
    if text is not None:
        (bundle.directory / "private/request.json").write_text(text)
    assert read_bundle(bundle.directory) is None


def obj(key: str, bucket: str = "out") -> Carried:
    """An output in S3."""
    return Carried(name="r", place=ObjectPlace(storage="herd", bucket=bucket, key=key))


@pytest.mark.parametrize(
    ("outputs", "key"),
    [
        ((obj("13/mass_0.csv"),), "13/.hepsub/u/0.json"),
        ((obj("mass_0.csv"),), ".hepsub/u/0.json"),
        ((obj("d/"),), "d/.hepsub/u/0.json"),
        ((obj(""),), ".hepsub/u/0.json"),
        ((obj("a/1"), obj("b/2")), "a/.hepsub/u/0.json"),
        (
            (Carried(name="x", place=FilePlace(path="/x")), obj("b/2")),
            "b/.hepsub/u/0.json",
        ),
    ],
)
def test_the_marker_is_beside_the_first_output_in_s3(
    outputs: tuple[Carried, ...], key: str
) -> None:
    """In the same bucket, in .hepsub/UUID/PROC.json of the same directory."""
    expected = ObjectPlace(storage="herd", bucket="out", key=key)
    assert marker_place(outputs, "u", 0) == expected


def test_no_marker_without_outputs_in_s3() -> None:
    """Paths only: the job's exit code says it."""
    assert marker_place((Carried(name="x", place=FilePlace(path="/x")),), "u", 0) is None
    assert marker_place((), "u", 0) is None


def test_no_secret_in_the_request(tmp_path: Path) -> None:
    """request.json names the storage's profile, never a key or a signature."""
    bundle = make_bundle(tmp_path)
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer(version="X-Amz-Signature"))
    text = (bundle.directory / "private/request.json").read_text()
    assert "X-Amz" not in text
    assert "herd-profile" in text


def with_authority(bundle: Bundle, path: Path) -> Bundle:
    """The bundle, with a file of authorities for its storage."""
    staging = bundle.request.staging
    storages = {name: replace(each, ca_file=str(path)) for name, each in staging.storages.items()}
    request = replace(bundle.request, staging=replace(staging, storages=storages))
    return replace(bundle, request=from_json(request.to_json()))


def test_the_authority_of_a_storage_goes_along(tmp_path: Path) -> None:
    """A copy, and in each manifest what URLs begin with for which it is to be trusted; virtual hosts too."""
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM\n")
    bundle = with_authority(make_bundle(tmp_path, "-out", "r=herd:out/%{ProcId}"), authority)
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer())
    assert (bundle.directory / "shared/ca.herd.pem").read_text() == "PEM\n"
    origin = bundle.request.staging.storages["herd"].endpoint.rstrip("/") + "/"
    text = (bundle.directory / "job/1/hepsub.manifest").read_text()
    assert f"\nca\t{origin}\tca.herd.pem\n" in text
    storage = replace(bundle.request.staging.storages["herd"], style="virtual")
    assert storage.bucket_url("out") == origin.replace("://", "://out.").rstrip("/")


def test_the_authority_of_a_storage_that_has_nothing_but_a_library(tmp_path: Path) -> None:
    """The job downloads the library from there."""
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM\n")
    bundle = with_authority(make_bundle(tmp_path, "-out", "r=res/%{ProcId}"), authority)
    place = ObjectPlace(storage="herd", bucket="out", key="lib/00.tar.gz")
    library = Library(name="setup", is_directory=True, sha256="00", size=1, place=place)
    staging = replace(bundle.request.staging, libraries=(library,))
    bundle = replace(bundle, request=replace(bundle.request, staging=staging))
    fill_bundle(bundle)
    bundle.write_manifests(13, lambda _: Signer())
    lines = (bundle.directory / "job/0/hepsub.manifest").read_text().splitlines()
    assert "ca\thttps://s3.example.org/\tca.herd.pem" in lines


def test_an_authority_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Before anything is submitted."""
    bundle = with_authority(make_bundle(tmp_path, "-out", "r=herd:out/r"), tmp_path / "nowhere")
    with pytest.raises(BundleUnusable, match=r"the ca_file .*nowhere .* cannot be read"):
        fill_bundle(bundle)


def test_logs_on_another_file_system_are_copied_when_the_jobs_have_ended(tmp_path: Path) -> None:
    """There is no second link then; once copied they are not copied again, and later writes are."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/x")
    bundle = replace(
        bundle,
        request=replace(bundle.request, stdout=f"{tmp_path}/logs-%{{ClusterId}}.%{{ProcId}}"),
    )
    fill_bundle(bundle)
    for proc in (0, 1):
        (bundle.directory / f"job/{proc}/stdout").write_text(f"of {proc}")
    assert place_logs(bundle, 13) == ()
    assert not (tmp_path / "logs-13.1").exists(), "nothing says that they were not linked"
    (bundle.directory / "private/unlinked").touch()
    assert place_logs(bundle, 13) == ()
    assert (tmp_path / "logs-13.1").read_text() == "of 1"
    before = (tmp_path / "logs-13.0").stat().st_ino
    assert place_logs(bundle, 13) == ()
    assert (tmp_path / "logs-13.0").stat().st_ino == before


def test_a_log_that_is_a_link_is_not_copied(tmp_path: Path) -> None:
    """What it points to is not the job's."""
    bundle = with_exchanged_log(tmp_path)
    (bundle.directory / "private/unlinked").touch()
    [trouble] = place_logs(bundle, 13)
    assert str(tmp_path / "o.0") in trouble
    assert not (tmp_path / "o.0").exists()
