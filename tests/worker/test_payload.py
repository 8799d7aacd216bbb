"""The payload: its arguments, its environment, its end, as if there were no wrapper."""

import os
import re
import resource
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.worker.job import WRAPPER, Job, died_of

ODD_ARGUMENTS = [
    "a b", "", " ", "*", "~", "$HOME", "$(id)", "`id`", "\\", "\\n", "'", '"', "a\tb", "a\nb", "\n",
    "-x", "--", "a=b", "%", "%09", "é中", "&;|<>()", "!", "#", "[a-z]", "{}",
]  # fmt: skip
SHOW = 'for a in "$@"; do printf "<%s>" "$a"; done'


def test_arguments_arrive_as_they_were_given(job: Job) -> None:
    job.payload(SHOW)
    ended = job.run(*ODD_ARGUMENTS)
    assert ended.stdout == "".join(f"<{word}>" for word in ODD_ARGUMENTS)
    assert (ended.code, ended.stderr) == (0, "")


def test_stdout_and_stderr_are_the_payloads_alone(job: Job) -> None:
    job.payload("printf 'no newline'; echo 'hepsub: mine' >&2")
    ended = job.run()
    assert (ended.stdout, ended.stderr) == ("no newline", "hepsub: mine\n")


@pytest.mark.parametrize("code", [1, 80, 126, 127, 128, 137, 139, 143, 255])
def test_the_exit_code_is_the_jobs(job: Job, code: int) -> None:
    job.payload(f"exit {code}")
    ended = job.run()
    assert ended.code == code
    assert ended.report["payload"].items() >= {"exit_code": code, "signal": None}.items()
    assert ended.report["code"] == 0


@pytest.mark.parametrize("name", ["ABRT", "HUP", "KILL", "SEGV", "TERM", "USR1", "XCPU"])
def test_the_signal_that_ended_the_payload_ends_the_job(job: Job, name: str) -> None:
    job.payload(f"ulimit -c 0; kill -{name} $$")
    ended = job.run()
    number = signal.Signals[f"SIG{name}"]
    assert ended.code == died_of(number), ended.report
    assert ended.report["payload"].items() >= {"exit_code": None, "signal": number}.items()


def test_a_binary_is_a_payload(job: Job) -> None:
    job.add("payload", "/usr/bin/printf")
    assert job.run("%s-%s", "a b", "c").stdout == "a b-c"


def test_a_payload_that_the_batch_system_sent_becomes_executable(job: Job) -> None:
    job.payload("echo ran", name="päy load.sh")
    assert job.run().stdout == "ran\n"


def test_the_environment_is_the_jobs_own_and_two_variables(job: Job) -> None:
    job.add("submitdir", "/home/a b%25")
    job.payload("env -0", interpreter="/bin/bash")
    odd = {"A": "x\ny", "hepsub": "1", "LD_LIBRARY_PATH": "/nowhere/lib", "EMPTY": "", "code": "7"}
    job.env = dict(odd)
    seen = dict(pair.split("=", 1) for pair in job.run().stdout.split("\0") if pair)
    assert {name: seen.get(name) for name in odd} == odd
    assert seen["HEPSUB_SUBMIT_DIR"] == "/home/a b%"
    assert seen["HEPSUB_SCRATCH"] == str(job.directory)
    new = set(seen) - set(odd) - {"HEPSUB_SUBMIT_DIR", "HEPSUB_SCRATCH"}
    given = {"PATH", "HOME", "LANG", "HEPSUB_PAUSE_MS", "JOB_MARK"}
    assert new - given <= {"PWD", "OLDPWD", "SHLVL", "_"}, "set by every shell"


def test_variables_with_odd_names_arrive(job: Job) -> None:
    job.payload(
        "import os; print([os.environ[n] for n in ('A.B', 'A B')])", interpreter=sys.executable
    )
    job.env = {"A.B": "x\ny", "A B": "z=1"}
    assert job.run().stdout == "['x\\ny', 'z=1']\n"


def test_the_umask_is_the_jobs_own(job: Job) -> None:
    job.payload("umask; : >made")
    assert job.run().stdout == "0027\n"
    assert (job.directory / "made").stat().st_mode & 0o777 == 0o640


def test_the_payload_can_be_interrupted_as_without_wrapper(job: Job) -> None:
    """A shell's background commands ignore SIGINT and SIGQUIT, and so would the payload."""
    text = "import signal; print(signal.getsignal(2) is signal.default_int_handler, signal.getsignal(3))"
    if "busybox" in job.shell[0]:
        (job.directory / "bin").mkdir()
        (job.directory / "bin" / "python3").symlink_to("/usr/bin/python3")
        job.env["PATH"] = f"{job.path}:{job.directory}/bin"
    job.payload(text, interpreter="/usr/bin/python3")
    assert job.run().stdout == "True 0\n"


def test_stdin_is_the_jobs_own(job: Job) -> None:
    job.payload("cat")
    reader, writer = os.pipe()
    os.write(writer, b"from outside")
    os.close(writer)
    process = job.start(stdin=reader)
    os.close(reader)
    assert job.end(process).stdout == "from outside"


def test_closed_descriptors_do_no_harm(job: Job, tmp_path: Path) -> None:
    job.payload("exit 4")
    starter = tmp_path / "starter"
    starter.write_text('#!/bin/sh\nexec "$@" <&- >&- 2>&-\n')
    starter.chmod(0o755)
    job.shell = [str(starter), *job.shell]
    assert job.run().code == 4


def test_what_the_payload_left_running_is_ended(job: Job) -> None:
    job.payload("sleep 1000 & (trap '' TERM; sleep 1001) & exit 3")
    ended = job.run()
    assert ended.code == 3
    assert ended.seconds < 5


def test_an_empty_job_costs_little(job: Job) -> None:
    job.payload("exit 0")
    scratch = job.directory

    def seconds(number: int) -> float:
        job.directory = scratch / str(number)
        job.write("run.sh", "#!/bin/sh\nexit 0\n")
        before = processor_seconds()
        job.run()
        return processor_seconds() - before

    # Of the processor, which a busy machine does not change by much.
    assert any(seconds(number) < 0.1 for number in range(30))


def processor_seconds() -> float:
    """What the processes that have ended have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# ---- payloads that cannot be started -------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("#!/no/such/interpreter\n", "interpreter /no/such/interpreter"),
        ("#!/bin/sh\r\nexit 0\r\n", "dos2unix"),
    ],
)
def test_a_payload_that_cannot_be_started_is_83(
    job: Job, content: str | None, message: str
) -> None:
    job.add("payload", "run.sh")
    job.add("home", "never", "-", "-")
    if content is not None:
        job.write("run.sh", content)
    ended = job.run()
    assert ended.code == ended.report["code"] == 83
    assert message in ended.stderr
    assert ended.report["payload"] is None


def test_an_absolute_payload_that_is_not_executable_is_83(job: Job, tmp_path: Path) -> None:
    file = tmp_path / "run.sh"
    file.write_text("#!/bin/sh\n")
    job.add("payload", str(file))
    ended = job.run()
    assert ended.code == 83
    assert "chmod +x" in ended.stderr
    assert not os.access(file, os.X_OK) or os.geteuid() == 0


def test_a_payload_on_a_file_system_without_programs_is_83(job: Job, tmp_path: Path) -> None:
    """Only the kernel knows this one: exec itself fails."""
    job.payload("exit 0", interpreter="/proc/self/environ")
    (job.directory / "run.sh").write_text(f"#!{tmp_path}/loop\n")
    (tmp_path / "loop").mkdir()
    ended = job.run()
    assert (ended.code, ended.report["payload"]) == (83, None)


def test_no_function_of_the_wrapper_replaces_another_one() -> None:
    """sh takes the later one without a word."""
    defined = re.findall(r"^(\w+)\(\) [{(]$", WRAPPER.read_text(), re.MULTILINE)
    assert len(defined) > 100
    assert [each for each, times in Counter(defined).items() if times > 1] == []
