"""55_image.sh: the payload in a container image that the wrapper starts, by a stand-in for apptainer."""

from __future__ import annotations

import signal
from hashlib import sha256
from pathlib import Path

import pytest

from tests.worker.job import Job, died_of, wait_for
from tests.worker.test_libraries import ONE, send
from tests.worker.test_payload import ODD_ARGUMENTS, SHOW

APPTAINER = """\
#!/bin/sh
printf '%s\\n' "$@" >"{log}"
while [ "$1" != exec ]; do shift; done
shift
while :; do
    case $1 in
        --workdir | --bind) shift 2 ;;
        --pwd) cd "$2" && shift 2 ;;
        --*) shift ;;
        *) break ;;
    esac
done
[ -e "$1" ] || {{ echo "FATAL: could not open image $1" >&2; exit 255; }}
[ ! -e "$1/slow" ] || sleep 30
shift
export PATH="/in/the/image:$PATH" HOME=/root APPTAINER_NAME=image
exec "$@"
"""


@pytest.fixture
def image(job: Job) -> Path:
    """Give an image, and a machine with the stand-in: what it is called with is beside it, a word a line."""
    programs = job.directory.parent / "apptainer"
    programs.mkdir()
    program = programs / "apptainer"
    program.write_text(APPTAINER.format(log=programs / "words"))
    program.chmod(0o755)
    job.env["PATH"] = f"{programs}:{job.path}"
    made = programs / "image"
    made.mkdir()
    job.add("image", str(made))
    return made


def words(image: Path) -> list[str]:
    """The words that the stand-in got, up to the image."""
    said = image.with_name("words").read_text().splitlines()
    return said[: said.index(str(image))]


def binds(image: Path) -> list[str]:
    said = words(image)
    return [said[i + 1] for i, word in enumerate(said) if word == "--bind"]


def test_arguments_arrive_as_they_were_given(job: Job, image: Path) -> None:
    job.payload(SHOW)
    ended = job.run(*ODD_ARGUMENTS)
    assert ended.stdout == "".join(f"<{word}>" for word in ODD_ARGUMENTS)
    assert (ended.code, ended.stderr) == (0, "")


def test_it_begins_in_the_jobs_directory_which_the_image_shows(job: Job, image: Path) -> None:
    job.payload("pwd; cat data; echo made >made")
    job.write("data", "here\n")
    job.add("sent", "data")
    job.add("home", "made", "-", "-")
    ended = job.run()
    assert ended.stdout == f"{job.directory}\nhere\n"
    assert ended.outputs() == {"made": "home"}
    said = words(image)
    assert said[:4] == ["--silent", "exec", "--contain", "--no-home"]
    assert said[said.index("--pwd") + 1] == str(job.directory)
    assert said[said.index("--workdir") + 1] == f"{job.directory}/.hepsub/image"
    assert binds(image) == [str(job.directory)]


def test_it_shows_what_the_site_has_and_no_more(job: Job, image: Path) -> None:
    there = job.directory.parent / "data x"
    there.mkdir()
    job.payload("exit 0")
    job.add("bind", str(there))
    job.add("bind", "/nowhere/at/all")
    assert job.run().code == 0
    assert binds(image) == [str(job.directory), str(there)]


def test_another_working_directory_and_the_programs_own_are_shown(job: Job, image: Path) -> None:
    """Where the site has the file system of the submit side."""
    work = job.directory.parent / "work"
    work.mkdir()
    script = job.write("../own/run.sh", "#!/bin/sh\npwd\n", 0o755).resolve()
    job.add("payload", str(script))
    job.add("workdir", str(work))
    ended = job.run()
    assert (ended.code, ended.stdout) == (0, f"{work}\n")
    assert sorted(binds(image)) == sorted([str(job.directory), f"{script.parent}/", str(work)])


def test_the_environment_is_the_jobs_but_for_the_path(job: Job, image: Path) -> None:
    job.payload(
        'printf "%s|" "$PATH" "$HOME" "$LD_LIBRARY_PATH" "$HEPSUB_SCRATCH" "$MINE"; tr "\\0" "\\n" </proc/$$/environ'
    )
    job.env |= {"HOME": "/home/alice", "LD_LIBRARY_PATH": "/l", "MINE": "x y", "A.B": "odd"}
    ended = job.run()
    path = f"/in/the/image:{job.env['PATH']}"
    assert ended.stdout.startswith(f"{path}|/home/alice|/l|{job.directory}|x y|")
    assert "\nA.B=odd\n" in ended.stdout


def test_credentials_are_where_their_variables_say(job: Job, image: Path) -> None:
    job.payload('cat "$BEARER_TOKEN_FILE"; case $BEARER_TOKEN_FILE in "$PWD"/*) echo in ;; esac')
    job.write("iam.token", "secret\n")
    job.add("credential", "iam", "token", "iam.token", "-")
    assert job.run().stdout == "secret\nin\n"


@pytest.mark.parametrize("code", [1, 80, 126, 127, 255])
def test_the_exit_code_is_the_jobs(job: Job, image: Path, code: int) -> None:
    job.payload(f"exit {code}")
    ended = job.run()
    assert (ended.code, ended.report["code"]) == (code, 0)


@pytest.mark.parametrize("name", ["KILL", "SEGV", "TERM"])
def test_the_signal_that_ended_the_payload_ends_the_job(job: Job, image: Path, name: str) -> None:
    job.payload(f"ulimit -c 0; kill -{name} $$")
    assert job.run().code == died_of(signal.Signals[f"SIG{name}"])


def test_signals_reach_the_payload(job: Job, image: Path) -> None:
    job.payload("trap 'echo usr1; exit 5' USR1; : >ready; while :; do sleep 0.1; done")
    process = job.start()
    wait_for((job.directory / "ready").exists, "the payload")
    process.send_signal(signal.SIGUSR1)
    ended = job.end(process)
    assert (ended.code, ended.stdout) == (5, "usr1\n")


@pytest.mark.parametrize("slow", [False, True])
def test_the_walltime_ends_it(job: Job, image: Path, slow: bool) -> None:
    """Also while the image is still on its way."""
    if slow:
        (image / "slow").touch()
    job.payload("sleep 100")
    job.add("walltime", "4", "2")
    assert job.run().code == 86


def test_a_signal_may_come_before_the_image(job: Job, image: Path) -> None:
    (image / "slow").touch()
    job.payload("echo ran")
    process = job.start()
    wait_for((image.with_name("words")).exists, "the start of the image")
    process.send_signal(signal.SIGTERM)
    ended = job.end(process)
    assert (ended.code, ended.stdout) == (died_of(signal.SIGTERM), "")


@pytest.mark.parametrize("named", ["the same", "another", "none"])
def test_another_image_than_the_submitted_one_is_90(job: Job, image: Path, named: str) -> None:
    """The manifest lies where an earlier run, or another site, may write."""
    job.payload("echo ran")
    sealed = job.lines[0][1]
    if named != "the same":
        job.lines = job.lines[1:]
    if named == "another":
        job.add("image", str(image.parent))
    text = f"payload\trun.sh\nimage\t{sealed}\n"
    job.write("hepsub.sums", text)
    job.env["HEPSUB_SEAL"] = sha256(text.encode()).hexdigest()
    ended = job.run()
    assert (ended.code, ended.stdout) == ((0, "ran\n") if named == "the same" else (90, ""))


def test_without_apptainer_it_is_83(job: Job, image: Path) -> None:
    """Before an input is fetched: nobody listens at this URL, and it would be asked for 15 minutes."""
    job.env["HEPSUB_APPTAINER"] = "-"
    job.add("input", "raw", "-", "-", "http://127.0.0.1:9/b/raw")
    job.payload("echo ran")
    ended = job.run()
    assert (ended.code, ended.report["code"], ended.stdout) == (83, 83, "")
    assert ended.report["payload"] is None
    assert "neither apptainer nor singularity is on" in ended.report["message"]


def test_singularity_does_as_well(job: Job, image: Path) -> None:
    program = image.with_name("apptainer")
    program.rename(program.with_name("singularity"))
    job.payload("echo ran")
    assert job.run().stdout == "ran\n"


@pytest.mark.parametrize("name", ["/nowhere/x.sif", "x.sif"])
def test_a_missing_image_is_83(job: Job, image: Path, name: str) -> None:
    job.lines = [("image", name)]
    job.payload("echo ran")
    ended = job.run()
    assert (ended.code, ended.report["code"], ended.stdout) == (83, 83, "")
    assert f"{name}, which does not exist on" in ended.report["message"]


def test_an_image_may_be_sent(job: Job, image: Path) -> None:
    job.lines = [("image", "my image"), ("sent", "my image/root")]
    job.write("my image/root", "")
    job.payload("echo ran")
    assert job.run().stdout == "ran\n"


def test_an_image_that_does_not_start_is_83_in_apptainers_words(job: Job, image: Path) -> None:
    job.lines = [("image", "docker://nowhere/at:all")]
    job.payload("echo ran")
    ended = job.run()
    assert (ended.code, ended.report["code"], ended.report["payload"]) == (83, 83, None)
    assert "FATAL: could not open image docker://nowhere/at:all" in ended.stderr
    assert "cannot be executed in the image docker://nowhere/at:all" in ended.report["message"]


def test_an_interpreter_is_looked_for_in_the_image(job: Job, image: Path) -> None:
    job.payload("exit 0", interpreter="/in/the/image/python")
    ended = job.run()
    assert (ended.code, ended.report["code"], ended.report["payload"]) == (83, 83, None)
    assert "its interpreter is not in the image" in ended.report["message"]


def test_libraries_stand_in_front_of_the_images_path(job: Job, image: Path) -> None:
    job.payload('printf "%s|" "$PATH" "$LD_LIBRARY_PATH"')
    send(job, "libOne.so", "file", ONE)
    lib = f"{job.directory}/hepsub_lib"
    assert job.run().stdout == f"{lib}:/in/the/image:{job.env['PATH']}|{lib}|"
