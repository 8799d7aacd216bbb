"""What was sent is compared before anything of it is used: nothing that a job can write decides what runs."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from hepsub.condor.boot import CHANGED_CODE, boot_arguments, boot_environment
from hepsub.plan.template import literal
from tests.worker.job import WRAPPER, Job
from tests.worker.store import Store

SUMS = "hepsub.sums"


def digest(content: str) -> str:
    """The SHA-256 of a text."""
    return sha256(content.encode()).hexdigest()


def seal(job: Job, sent: dict[str, str], payload: str = "run.sh", **more: str) -> None:
    """Let the job's ad say what was sent: the files of the directory, and other names with their sums."""
    lines = [f"payload\t{payload}\n"] if payload else []
    lines += [f"sha256\t{digest(text)}\t{name}\n" for name, text in sent.items()]
    lines += [f"sha256\t{value}\t{name}\n" for name, value in more.items()]
    text = "".join(lines)
    job.write(SUMS, text)
    job.env["HEPSUB_SEAL"] = digest(text)


def script(text: str) -> str:
    """A payload as `Job.payload` writes it."""
    return f"#!/bin/sh\n{text}\n"


def test_what_is_what_was_submitted_runs(job: Job) -> None:
    job.payload('echo "ran ${HEPSUB_SEAL-without}"; cat "a%b c"; ls')
    job.write("a%b c", "input\n")
    job.add("sent", "a%25b c")
    text = script('echo "ran ${HEPSUB_SEAL-without}"; cat "a%b c"; ls')
    seal(job, {"run.sh": text, "a%25b c": "input\n"})
    ended = job.run()
    assert (ended.code, ended.report["code"]) == (0, 0)
    assert ended.stdout == "ran without\ninput\na%b c\nhepsub_home\nrun.sh\n"


@pytest.mark.parametrize("what", ["payload", "input", "list", "no list"])
def test_what_was_changed_is_not_used(job: Job, what: str) -> None:
    """By an earlier run of the job, another job of the cluster, or another site."""
    job.payload("echo ran")
    job.write("data", "input")
    job.add("sent", "data")
    seal(job, {"run.sh": script("echo ran"), "data": "input"})
    if what == "payload":
        job.write("run.sh", script("echo theirs"))
    elif what == "input":
        job.write("data", "theirs")
    elif what == "list":
        job.write(SUMS, (job.directory / SUMS).read_text() + f"sha256\t{'0' * 64}\tx\n")
    else:
        (job.directory / SUMS).unlink()
    ended = job.run()
    assert (ended.code, ended.report["code"]) == (CHANGED_CODE, CHANGED_CODE)
    assert ended.stdout == ""
    assert "is not what was submitted: the job is not run" in ended.stderr


def test_a_manifest_cannot_name_another_payload(job: Job) -> None:
    """It lies in the job's own corner, where the job may have written."""
    job.payload("echo ran")
    job.write("other.sh", script("echo theirs"))
    job.lines = [("sent", "other.sh"), ("payload", "other.sh")]
    seal(job, {"run.sh": script("echo ran")})
    ended = job.run()
    assert ended.code == CHANGED_CODE
    assert "which is not what was submitted" in ended.stderr


def test_an_input_by_url_cannot_take_the_place_of_what_was_sent(job: Job, store: Store) -> None:
    """The sum that was sent counts, not the one of the manifest."""
    job.payload("cat tool")
    store.put("/b/tool", b"theirs")
    job.add("input", "tool", "6", "-", store.url("/b/tool"))
    seal(job, {"run.sh": script("cat tool")}, tool=digest("mine"))
    ended = job.run()
    assert ended.code == 82
    assert ended.stdout == ""


def test_a_library_that_is_not_listed_is_none(job: Job) -> None:
    """Its programs stand in front of the payload's PATH."""
    job.payload("echo ran")
    job.write("evil.tar.gz", "x")
    job.add("sent", "evil.tar.gz")
    job.add("library", "evil", "dir", "evil.tar.gz")
    seal(job, {"run.sh": script("echo ran")})
    ended = job.run()
    assert ended.code == CHANGED_CODE
    assert ended.stdout == ""


def test_new_files_come_home_and_nothing_else(job: Job) -> None:
    """All that the payload left, hidden ones too; what was there, links and named pipes stay."""
    job.payload(
        "echo 1 >.bashrc; mkdir -p d/e; echo 2 >d/e/f; ln -s /etc/passwd link; mkfifo pipe; echo 3 >>data"
    )
    job.write("data", "input")
    job.add("sent", "data")
    job.add("newfiles")
    job.add("homelimit", "0")
    ended = job.run()
    assert ended.code == 0
    found = {str(p.relative_to(job.home)) for p in job.home.rglob("*") if p.is_file()}
    assert found == {"report.json", "outputs/.bashrc", "outputs/d/e/f"}
    assert ended.outputs() == {".bashrc": "home", "d": "home"}


@pytest.mark.parametrize(("owner", "strangers"), [("alice", 0), ("bob", 1)])
def test_neighbours_that_can_be_read_are_told(job: Job, owner: str, strangers: int) -> None:
    """The policy says that users are kept apart; where another user's job can be read, they are not."""
    slot = job.directory.parent / "dir_1"
    other = job.directory.parent / "dir_2"
    for place, user in ((slot, "alice"), (other, owner)):
        place.mkdir()
        (place / ".job.ad").write_text(f'Owner = "{user}"\nUser = "{user}@x"\n')
    job.env["_CONDOR_JOB_AD"] = str(slot / ".job.ad")
    job.payload("echo ran")
    job.add("isolation", "slot")
    ended = job.run()
    assert (ended.stdout, ended.report["strangers"]) == ("ran\n", strangers)
    assert ("does not keep its users apart" in ended.stderr) is bool(strangers)


# ---- the words in front of the wrapper ------------------------------------------------------------


def boot(
    job: Job, wrapper: str, *arguments: str, path: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Start a job as HTCondor does, with a stand-in for the wrapper."""
    job.write("wrapper.sh", 'echo "$HEPSUB_SEAL"; printf "%s\\n" "$@" "$PATH"')
    return subprocess.run(
        [*job.shell, *IN_FRONT, *arguments],
        cwd=job.directory,
        env={"PATH": str(path or job.path), **in_the_ad(wrapper, "seal"), **env},
        capture_output=True,
        text=True,
        check=False,
    )


IN_FRONT = tuple(str(word) for word in boot_arguments(literal("run.sh")))


def in_the_ad(wrapper: str, sealed: str) -> dict[str, str]:
    """The variables that the job's ad has for the shell."""
    pairs = (str(each).partition("=") for each in boot_environment(wrapper))
    return {name: value for name, _, value in pairs} | {"HEPSUB_SEAL": sealed}


MINE = digest('echo "$HEPSUB_SEAL"; printf "%s\\n" "$@" "$PATH"')


def test_the_wrapper_gets_its_words_and_its_path_back(job: Job) -> None:
    done = boot(job, MINE, "a b", "", "*", path=Path("/opt/x"))
    assert (done.returncode, done.stdout) == (0, "seal\na b\n\n*\n/opt/x\n")


def test_another_wrapper_is_not_started(job: Job) -> None:
    done = boot(job, "0" * 64, "x")
    assert (done.returncode, done.stdout) == (CHANGED_CODE, "")
    assert "wrapper.sh is not what was submitted" in done.stderr


def test_a_program_of_the_environment_does_not_compare(job: Job) -> None:
    """PATH travels with the job, and its first sha256sum may say anything."""
    job.write("bin/sha256sum", f"#!/bin/sh\necho {'0' * 64}\n", 0o755)
    done = boot(job, "0" * 64, path=job.directory / "bin")
    assert done.returncode == CHANGED_CODE


def test_the_real_wrapper_goes_on_from_there(job: Job) -> None:
    """The words of hepsub, its wrapper and a sealed job, together."""
    text = 'echo "ran $1 ${HEPSUB_BOOT-} ${HEPSUB_WRAPPER-} ${HEPSUB_SEAL-}"'
    job.payload(text)
    seal(job, {"run.sh": script(text)})
    job.write("hepsub.manifest", job.manifest())
    text = WRAPPER.read_text()
    job.write("wrapper.sh", text)
    done = subprocess.run(
        [*job.shell, *IN_FRONT, "x"],
        cwd=job.directory,
        env={
            **in_the_ad(digest(text), job.env["HEPSUB_SEAL"]),
            "PATH": str(job.path),
            "JOB_MARK": job.mark,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran x   \n", "")
