"""The manifest: what is refused before anything is done, and what is not."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.worker.job import JOB, Job, died_of, encode, wait_for
from tests.worker.store import Store

URL = "http://127.0.0.1:9/b/k?X-Amz-Signature=hush4711"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("Encrypt", "x"), "'Encrypt'"),
        (("output", "../x", "-", URL), "not a name inside"),
        (("output", "x%zz", "-", URL), "not a path"),
        (("input", "x", "-", "-", "file:///etc/passwd"), "neither http"),
    ],
)
def test_a_broken_line_is_80_and_is_named(job: Job, line: tuple[str, ...], message: str) -> None:
    job.payload("touch ran")
    job.add(*line)
    ended = job.run()
    assert (ended.code, ended.report["code"]) == (80, 80)
    assert message in ended.stderr
    assert not (job.directory / "ran").exists()


@pytest.mark.parametrize(
    "text", ["", "hello\n", "hepsub-manifest\t2\tx\n", "hepsub-manifest\t1\tx\n"]
)
def test_what_is_no_manifest_is_80(job: Job, text: str) -> None:
    job.write("hepsub.manifest", text)
    assert job.run().code == 80


def test_without_a_manifest_it_is_80_and_there_is_a_report(job: Job) -> None:
    process = job.start()
    (job.directory / "hepsub.manifest").unlink(missing_ok=True)
    job.write("other", "")
    process.communicate()
    done = subprocess.run(
        [*job.shell, str(Path(__file__).resolve().parents[2] / "hepsub/worker/wrapper.sh")],
        cwd=job.directory,
        env={"PATH": str(job.path), "HEPSUB_HOME_DIR": "other home"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 80
    assert "there is no hepsub.manifest" in done.stderr
    assert (job.directory / "other home" / "report.json").exists()


def test_actions_of_a_later_hepsub_in_lower_case_are_ignored(job: Job) -> None:
    job.payload("exit 0")
    job.add("hint", "whatever", "this", "is")
    assert job.run().code == 0


def test_a_last_line_without_its_end_counts(job: Job) -> None:
    job.payload("exit 0")
    job.write("hepsub.manifest", job.manifest() + "home\tmissing\t-\t-")
    assert job.run().code == 84


def test_the_report_says_what_happened(job: Job) -> None:
    job.payload("echo data >made; exit 3")
    job.add("home", "made", "-", "-")
    report = job.run().report
    assert report["job"] == JOB
    assert report["host"] == os.uname().nodename
    assert report["started"] <= report["ended"]
    assert report["started"].endswith("Z")
    assert (report["code"], report["message"], report["chirp"]) == (0, "", False)
    assert report["inputs"] == []
    md5 = "6137cde4893c59f76f005a8123d8e8e6"
    made = {"name": "made", "state": "home", "size": 5, "md5": md5, "url": None}
    assert report["outputs"] == [{**made, "etag": None}]
    assert report["run"] is None


NAMES = [
    'q"uote',
    "back\\slash",
    "tab\there",
    "new\nline",
    "percent%25",
    "blank  two",
    "é中🙂",
    "'",
    "-n",
]


def test_any_name_is_valid_json_and_comes_home_unchanged(job: Job) -> None:
    job.payload('for name; do echo "$name" >"$name"; done')
    for name in NAMES:
        job.add("home", encode(name), "-", "-")
    ended = job.run(*(f"./{name}" for name in NAMES))
    assert ended.outputs() == dict.fromkeys(NAMES, "home")
    assert sorted(file.name for file in (job.home / "outputs").iterdir()) == sorted(NAMES)


def test_a_name_that_is_not_utf8_does_not_spoil_the_report(job: Job, store: Store) -> None:
    job.payload("exit 0")
    raw = b"hepsub-manifest\t1\tx\npayload\trun.sh\nhome\ta\xff\xc3\xa9\xed\xa0\x80b\t?\t-\n"
    job.write("hepsub.manifest", raw)
    assert list(job.run().outputs()) == ["a\ufffdé\ufffd\ufffd\ufffdb"]


def test_the_manifest_is_nobody_elses_business(job: Job) -> None:
    job.payload("ls -ld .hepsub .hepsub/manifest | cut -c 1-10")
    assert job.run().stdout == "drwx------\n-rw-------\n"


def test_the_directory_for_home_exists_before_anything_can_fail(job: Job) -> None:
    job.payload("sleep 1000")
    process = job.start()
    wait_for((job.directory / "hepsub_home").is_dir, "the directory")
    process.send_signal(signal.SIGTERM)
    assert job.end(process).code == died_of(signal.SIGTERM)
