"""What is sent with jobs, and the list of its SHA-256, which is the same before it is copied and after."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.bundle.fill import fill_bundle
from hepsub.bundle.request import BundleRequest
from hepsub.bundle.sent import SentSet, list_text, preview_seal
from hepsub.errors import BundleUnusable, InputsMissing
from hepsub.plan.libraries import Library
from hepsub.plan.location import ObjectPlace
from hepsub.plan.staging import Seal
from hepsub.plan.template import parse_template
from tests.unit.bundle.test_bundle import far_away


def preview(request: BundleRequest, secrets: Mapping[str, str]) -> Seal:
    """The seal of a request as it would be."""
    jobs = [request.values(proc, None) for proc in range(request.number)]
    return preview_seal(request.staging, parse_template(request.executable), jobs, secrets)


def test_a_directory_is_sent_with_the_files_that_it_leads_to(tmp_path: Path) -> None:
    """What is no file counts for nothing: an editor's dangling lock, a named pipe."""
    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/d=e", "-in", f"{tmp_path}/files/x")
    given = tmp_path / "files/d"
    (given / "sub").mkdir(parents=True)
    (given / "sub/b").write_text("b")
    (given / "a").write_text("a")
    (given / "link").symlink_to(tmp_path / "files/x")
    (given / "dir").symlink_to("sub")
    (given / ".#lock").symlink_to("alice@host")
    os.mkfifo(given / "pipe")
    (tmp_path / "files/run-1.sh").chmod(0o755)
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    staging = bundle.request.staging
    place = ObjectPlace(storage="herd", bucket="out", key="lib/00.tar.gz")
    staging = replace(
        staging,
        storages={n: replace(each, ca_file=str(authority)) for n, each in staging.storages.items()},
        libraries=(Library(name="setup", is_directory=True, sha256="00", size=1, place=place),),
    )
    bundle = replace(bundle, request=replace(bundle.request, staging=staging))
    expected = preview(bundle.request, {"KEY": "v\udcff"})
    assert fill_bundle(bundle, {"KEY": "v\udcff"}) == expected
    sent = bundle.directory / "shared/sets/1/in"
    texts = {
        "run-1.sh": "run-1.sh",
        "e/a": "a",
        "e/link": "x",
        "e/dir/b": "b",
        "e/sub/b": "b",
        "x": "x",
    }
    files = {str(e.relative_to(sent)): e for e in sent.rglob("*") if not e.is_dir()}
    assert {name: path.read_text() for name, path in files.items()} == texts
    assert not any(path.is_symlink() for path in files.values())
    modes = {name: path.stat().st_mode & 0o777 for name, path in files.items()}
    assert (modes["run-1.sh"], modes["x"]) == (0o700, 0o600)
    digests = {
        **{name: sha256(text.encode()).hexdigest() for name, text in texts.items()},
        "ca.herd.pem": sha256(b"PEM").hexdigest(),
        "hepsub_lib.00.tar.gz": "00",
        "hepsub.environment": sha256(b"KEY\t1\nv\xff\n").hexdigest(),
    }
    first, *lines = (sent.parent / "hepsub.sums").read_text().splitlines()
    assert first == "payload\trun-1.sh"
    assert sorted(lines) == sorted(f"sha256\t{value}\t{name}" for name, value in digests.items())
    assert (bundle.directory / "shared/sets/0/in/x").samefile(sent / "x"), "one copy serves all"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone", "{files}/gone cannot be copied for the jobs: No such file or directory"),
        ("d", "{files}/d cannot be copied for the jobs: [Errno 5] Input/output error"),
    ],
)
def test_an_input_that_cannot_be_read_is_named(tmp_path: Path, name: str, why: str) -> None:
    """Not the bundle, where there is room: it was removed since it was looked at, or -nocheck looks at nothing."""
    files = tmp_path / "files"
    bundle = far_away(tmp_path, "-in", f"{files}/{name}")
    (files / "d").mkdir()
    (files / "d/memory").symlink_to("/proc/self/mem")
    with pytest.raises(InputsMissing) as caught:
        fill_bundle(bundle)
    assert caught.value.message == why.format(files=files)


def test_a_disk_that_is_full_is_no_fault_of_an_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a directory that could not be copied Python tells words alone."""

    def copy(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    bundle = far_away(tmp_path, "-in", f"{tmp_path}/files/d")
    (tmp_path / "files/d").mkdir()
    (tmp_path / "files/d/x").write_text("x")
    monkeypatch.setattr("shutil.copyfile", copy)
    with pytest.raises(BundleUnusable, match="cannot be written: No space left on device"):
        fill_bundle(bundle)


def test_a_list_has_a_line_for_each_file() -> None:
    """Names are escaped; a set of nothing has no list."""
    sent = SentSet(payload="a\tb", files={})
    assert list_text(sent, {"c%": "00"}) == "payload\ta%09b\nsha256\t00\tc%25\n"
    assert list_text(SentSet(payload="", files={}), {}) == ""
    assert (
        list_text(SentSet(payload="p", files={}, image="/i%"), {}) == "payload\tp\nimage\t/i%25\n"
    )


def test_jobs_get_sets_by_what_is_in_them(tmp_path: Path) -> None:
    """The same files under a name that differs are another set; a list of items makes none."""
    files = tmp_path / "files"
    bundle = far_away(tmp_path, "-in", f"{files}/x=%{{Index}}", "-in", "s3://raw/k=k")
    request = replace(bundle.request, executable=f"{files}/run-0.sh")
    assert preview(request, {}).set_of == (0, 1)
    bundle = far_away(tmp_path / "2", "-in", "s3://raw/%{ProcId}=k")
    request = replace(bundle.request, executable=f"{files}/run-0.sh")
    seal = preview(request, {})
    assert (len(seal.sets), seal.set_of) == (1, ())
    assert preview(replace(request, executable=f"{files}/run-1.sh"), {}).sets != seal.sets
