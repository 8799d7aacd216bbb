"""Variables that hold secrets: they come in a file, only the payload gets them, and nothing of them is left."""

import json
import threading
import time
from pathlib import Path

import pytest

from hepsub.bundle.manifest import environment_text
from tests.worker.job import Job, wait_for

FILE = "hepsub.environment"
MARK = "rabbit-0123456789"
VALUES = {
    "PASSWORD": MARK,
    "EMPTY": "",
    "BLANKS": "  a\tb  ",
    "PEM": "-----BEGIN X-----\nabc\n\n-----END X-----\n\n",
    "SHELL_WORDS": "$(touch x) `touch x` ${HOME} \\n \\ 'q' \"d\" ; & | < > * ? [a] ~ !! %{ProcId} $$(X)",
    "PERCENT": "%25%0a%%09 100% %",
    "LINES": "\n\r\n\r",
    "ODD": "".join(chr(number) for number in range(1, 256)),
    "BYTES": bytes(range(1, 256)).decode("utf-8", "surrogateescape"),
    "CUT": "\udce4\udcb8%\udcff\t\udcc3",
    "UNICODE": "粒子物理 é 🙂",
    "LONG": "x%\n" * 2_000,
    "WIDE": "x " * 60_000,
    "_underscore1": "=a=b=",
    "HEPSUB_SCRATCHY": "x",
}
SHOW = f"""import json, os
print(json.dumps({{name: os.environb[name.encode()].hex() for name in {list(VALUES)!r}}}))"""


def add_variables(job: Job, text: str) -> None:
    """Give a job variables, written as the bundle does."""
    job.write(FILE, text.encode("utf-8", "surrogateescape"))
    job.add("environment", FILE)


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_the_payload_gets_the_exact_bytes(job: Job, locale: str) -> None:
    job.env["LC_ALL"] = locale
    add_variables(job, environment_text(VALUES))
    job.payload(SHOW, interpreter="/usr/bin/python3")
    ended = job.run()
    assert (ended.code, ended.stderr) == (0, "")
    wanted = {n: v.encode("utf-8", "surrogateescape").hex() for n, v in VALUES.items()}
    assert json.loads(ended.stdout) == wanted
    assert not (job.directory / "x").exists()


def test_a_variable_in_the_file_goes_before_one_of_the_same_name(job: Job) -> None:
    job.env["PASSWORD"] = "old"
    add_variables(job, environment_text({"PASSWORD": MARK}))
    job.payload('echo "$PASSWORD"')
    assert job.run().stdout == f"{MARK}\n"


def test_the_file_is_out_of_sight_and_gone_at_the_end(job: Job) -> None:
    add_variables(job, environment_text({"PASSWORD": MARK}))
    job.payload(f"test ! -e {FILE} && stat -c %a .hepsub")
    ended = job.run()
    assert (ended.code, ended.stdout) == (0, "700\n")
    left = [path for path in job.directory.rglob("*") if path.is_file()]
    assert [path for path in left if MARK in path.read_text()] == []


def test_only_the_payload_gets_them_and_no_command_line_does(job: Job) -> None:
    add_variables(job, environment_text({"PASSWORD": MARK}))
    job.add("walltime", "600", "10")  # there is a clock beside the payload
    job.payload(": >started; until test -e go; do sleep 0.05; done", name="pay load.sh")
    found: dict[str, set[str]] = {"cmdline": set(), "environ": set()}
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for kind, names in found.items():
                for path in Path("/proc").glob(f"[0-9]*/{kind}"):
                    try:
                        if MARK.encode() in path.read_bytes():
                            names.add((path.parent / "cmdline").read_text().replace("\0", " "))
                    except OSError:
                        continue
            time.sleep(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    process = job.start()
    wait_for((job.directory / "started").exists, "the payload")
    wait_for(lambda: found["environ"], "its variables")
    (job.directory / "go").touch()
    ended = job.end(process)
    over.set()
    thread.join()
    assert ended.code == 0
    assert found["cmdline"] == set()
    others = [
        line for line in found["environ"] if "pay load.sh" not in line and "sleep 0.05" not in line
    ]
    assert others == []


def test_what_did_not_arrive_ends_the_job_before_the_payload(job: Job) -> None:
    job.add("environment", FILE)
    job.payload("echo ran")
    ended = job.run()
    assert (ended.code, ended.stdout) == (81, "")
    assert FILE in ended.report["message"]


@pytest.mark.parametrize(
    "line",
    [
        "A.B\t1\nx", "1A\t1\nx", "\t1\nx", "hs_top\t1\nx", "A B\t1\nx", "$(touch x)\t1\nx", "A\t2\nx", "A\tx\n",
        "A\t-1\nx", "A", "A\t$(touch x)\nx", "a[$(touch x)]\t1\nx",
    ],
)  # fmt: skip
def test_what_no_shell_can_set_breaks_the_contract(job: Job, line: str) -> None:
    add_variables(job, f"GOOD\t1\n{MARK}\n{line}\n")
    job.payload("echo ran")
    ended = job.run()
    assert (ended.code, ended.stdout) == (80, "")
    assert MARK not in ended.stderr + json.dumps(ended.report)
    assert not (job.directory / "x").exists()
    assert not (job.directory / FILE).exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/passwd", ""])
def test_the_file_lies_in_the_jobs_own_directory(job: Job, name: str) -> None:
    job.add("environment", name)
    job.payload("echo ran")
    ended = job.run()
    assert ended.code in (80, 81)
    assert ended.stdout == ""


def test_nothing_is_left_where_the_manifest_does_not_name_it(job: Job) -> None:
    job.write(FILE, environment_text({"PASSWORD": MARK}))
    job.write("hepsub.manifest", "nonsense\n")
    job.env["_CONDOR_SCRATCH_DIR"] = str(job.directory)
    ended = job.run()
    assert ended.code == 80
    assert not (job.directory / FILE).exists()
