"""hep_sub on the pool: what it prints, where the job runs, what it gets, what stands in its ad."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.pool.shell import IDLE, PYTHON, SUBMITTED, Shell, long_ads
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]


@pytest.mark.sid
def test_one_line_on_stdout_and_the_job_runs_here_as_me_with_my_environment(user: Shell) -> None:
    """The whole of the first example: one line, no talk, and a job like a program started by hand."""
    user.script(
        "job.sh",
        "id -un; pwd\n"
        'echo "$PYTHONPATH|$LD_LIBRARY_PATH|$PYTHONHOME|$MINE|$_CONDOR_IHEP_JOB_ID"\n'
        "echo talk >&2",
    )
    variables = {
        "PYTHONPATH": "/py/path",
        "LD_LIBRARY_PATH": "/lib/path",
        "PYTHONHOME": "/py/home",
        "MINE": "a 'b' \"c\" $d\\",
    }
    done = user("hep_sub", "job.sh", env=variables)
    found = SUBMITTED.fullmatch(done.stdout)
    assert found, done.stdout
    assert (found[1], done.stderr, done.returncode) == ("1", "", 0)
    cluster = found[2]
    assert user.ended(int(cluster))[0]["ExitCode"] == 0
    assert user.text(f"job.sh.out.{cluster}.0").splitlines() == [
        "hepalice",
        str(user.work),
        f"/py/path|/lib/path|/py/home|a 'b' \"c\" $d\\|{cluster}.0",
    ]
    assert user.text(f"job.sh.err.{cluster}.0") == "talk\n"
    assert (user.work / f"job.sh.out.{cluster}.0").stat().st_uid == user.account.uid


def test_the_job_runs_in_the_directory_that_the_user_sees(user: Shell) -> None:
    """A working directory behind a symbolic link keeps the name that the user knows."""
    user.directory("real")
    (user.work / "seen").symlink_to("real")
    user.script(
        "real/job.py", "import os; open('here', 'w').write(os.environ['PWD'])", shell=PYTHON
    )
    seen = user.work / "seen"
    cluster = user.submit("job.py", cwd=seen, env={"PWD": str(seen)})
    assert user.ended(cluster)[0]["Iwd"] == str(seen)
    assert user.text("real/here") == str(seen)


def test_every_way_to_say_where_the_logs_go(user: Shell) -> None:
    """-o and -e: directory, with slash, pattern, /dev/null, one file for both; -dir; one of the two."""
    user.script("job.sh", "echo out; echo err >&2")
    for name in ("d1", "d2", "d3", "d4"):
        user.directory(name)
    ways: dict[tuple[str, ...], dict[str, str]] = {
        ("-o", "d1", "-e", "d2/"): {"d1/job.sh.out.C.0": "out", "d2/job.sh.err.C.0": "err"},
        ("-o", "p%{procid}.%{CLUSTERID}.txt"): {"p0.C.txt": "out", "job.sh.err.C.0": "err"},
        ("-o", "/dev/null", "-e", "/dev/null"): {},
        ("-o", "same", "-e", "same"): {"same": "out\nerr"},
        ("-o", "/dev/null", "-e", str(user.work / "absolute")): {"absolute": "err"},
        ("-dir", "d3"): {"d3/job.sh.out.C.0": "out", "d3/job.sh.err.C.0": "err"},
        ("-e", "d4/only.err"): {"job.sh.out.C.0": "out", "d4/only.err": "err"},
    }
    clusters = {user.submit("job.sh", *words): logs for words, logs in ways.items()}
    user.all_ended(dict.fromkeys(clusters, 1))
    expected = {
        name.replace("C", str(cluster)): f"{text}\n"
        for cluster, logs in clusters.items()
        for name, text in logs.items()
    }
    files = {str(path.relative_to(user.work)): path for path in user.work.rglob("*")}
    made = {
        name: path.read_text()
        for name, path in files.items()
        if path.is_file() and path.name not in ("job.sh", ".keep")
    }
    assert made == expected


def test_a_fixed_log_file_for_many_jobs_is_accepted(user: Shell) -> None:
    """`-n 5 -o FILE` is common: all jobs run, the file holds what the last of them wrote."""
    user.script("job.sh", "echo out")
    cluster = user.submit("-n", "5", "-o", "log.txt", "-e", "log.txt", "job.sh")
    assert [ad["ExitCode"] for ad in user.ended(cluster, 5)] == [0] * 5
    assert "out" in user.text("log.txt")


def test_one_script_for_each_job(user: Shell) -> None:
    """`run-%{ProcId}.sh -n 3` starts three different scripts."""
    for proc in range(3):
        user.script(f"run-{proc}.sh", f'echo "I am {proc}: $*"')
    cluster = user.submit("run-%{ProcId}.sh", "-n", "3", "-argu", "%{ProcID}", "%{ClusterId}", "x")
    user.ended(cluster, 3)
    for proc in range(3):
        text = user.text(f"run-{proc}.sh.out.{cluster}.{proc}")
        assert text == f"I am {proc}: {proc} {cluster} x\n"


@pytest.mark.sid
def test_what_stands_in_the_ad(user: Shell) -> None:
    """Name, priority, resources, accounting group and the attributes that sites look at."""
    user.script("job.sh", "true")
    words = (
        "-name",
        "my jobs",
        "-prio",
        "7",
        "-g",
        "juno",
        "-wt",
        "mid",
        "-mem",
        "1.5G",
        "-np",
        "2",
    )
    cluster = user.submit("job.sh", *words, "-u", "vanilla", *IDLE)
    ad = user.ad(cluster)
    expected = {
        "JobBatchName": "my jobs",
        "JobPrio": 7,
        "RequestMemory": 1536,
        "RequestCpus": 2,
        "AcctGroup": "JUNO.juno.mid",
        "AcctGroupUser": "hepalice",
        "AccountingGroup": "JUNO.juno.mid.hepalice",
        "HepJob_Experiment": "JUNO",
        "HepJob_RealGroup": "juno",
        "IHEP_RealGroup": "juno",
        "HepJob_Walltime": "mid",
        "HepJob_JobType": "normal",
        "HepSub_WalltimeLimit": 360000,
        "HepSub_Pool": "local",
        "JobUniverse": 5,
        "Owner": "hepalice",
    }
    assert {name: ad.get(name) for name in expected} == expected
    assert len(ad["HepSub_UUID"]) == 36


def test_a_duration_is_given_the_smallest_class_and_is_the_limit(user: Shell) -> None:
    """`-wt 90min` is in the class default, limited to 90 minutes."""
    user.script("job.sh", "true")
    ad = user.ad(user.submit("job.sh", "-wt", "90min", *IDLE))
    assert (ad["HepJob_Walltime"], ad["HepSub_WalltimeLimit"]) == ("default", 5400)


@pytest.mark.sid
def test_a_list_makes_one_job_a_line(user: Shell) -> None:
    """-list: an item may hold blanks and is one argument; %{Index} counts from -first."""
    user.account.write("items.txt", "one\n# no item\n\ntwo words\n  $three 'quoted'\n")
    user.script("job.sh", 'echo "$#|$1|$2"')
    words = ("-list", "items.txt", "-first", "40", "-argu", "%{item}", "i%{Index}")
    cluster = user.submit("job.sh", *words, "-o", "out.%{Index}", "-e", "/dev/null")
    user.ended(cluster, 3)
    assert [user.text(f"out.{40 + proc}") for proc in range(3)] == [
        "2|one|i40\n",
        "2|two words|i41\n",
        "2|$three 'quoted'|i42\n",
    ]


@pytest.mark.sid
def test_env_and_noenv_choose_the_variables(user: Shell) -> None:
    """-noenv sends nothing but what -env names, by value or from the submitter's own."""
    user.script("job.sh", 'echo "$SET|$OWN|${OTHER-unset}|$_CONDOR_IHEP_JOB_ID"')
    variables = {"OWN": "my own", "OTHER": "not wanted"}
    words = ("-noenv", "-env", "SET=a b", "-env", "OWN", "job.sh")
    cluster = user.submit(*words, env=variables)
    user.ended(cluster)
    assert user.text(f"job.sh.out.{cluster}.0") == f"a b|my own|unset|{cluster}.0\n"


SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "hidden-aws",
    "AWS_SESSION_TOKEN": "hidden-session",
    "BEARER_TOKEN": "hidden-bearer",
    "RUCIO_PASSWORD": "hidden-rucio",
    "PGPASSWORD": "hidden-pg",
    "MYSQL_PWD": "hidden-mysql",
    "SSHPASS": "hidden-ssh",
    "API_KEY": "hidden-api",
    "GITHUB_PAT": "hidden-pat",
    "INNOCENT": "eyJhbGciOiJub25l.eyJzdWIiOiJhbGljZSJ9.hidden-signature",
    "PROXY": "https://alice:hidden-proxy@proxy.example.org:3128",
    "LINK": "https://s3.example.org/b/k?X-Amz-Date=1&X-Amz-Signature=hidden-url",
}


def test_functions_and_secrets_do_not_travel(user: Shell, pool: Pool) -> None:
    """Nobody who reads the queue finds a secret; exported shell functions break nothing."""
    functions = {
        "BASH_FUNC_module%%": "() {  eval `modulecmd bash $*`\n}",
        "BASH_FUNC_ml()": "() {  module $*\n}",
    }
    user.script("job.sh", "env > seen; echo $HARMLESS", shell="/bin/bash")
    variables = {**SECRETS, **functions, "HARMLESS": "harmless"}
    begin = int(time.time())
    waiting = user("hep_sub", "job.sh", *IDLE, env=variables)
    cluster = user.submit("job.sh", env=variables)
    user.ended(cluster)
    ads = long_ads(pool, begin)
    assert "HARMLESS=harmless" in ads
    leaked = [name for name, value in SECRETS.items() if value in ads]
    assert leaked == []
    assert "modulecmd" not in ads
    assert "hidden-" not in user.text("seen")
    assert user.text(f"job.sh.out.{cluster}.0") == "harmless\n"
    assert "AWS_SECRET_ACCESS_KEY" in waiting.stderr, "the user is told what did not travel"
    assert "hidden-" not in waiting.stdout + waiting.stderr


@pytest.mark.sid
def test_a_secret_that_env_names_reaches_the_job_and_no_ad(user: Shell, pool: Pool) -> None:
    """It travels in a file of its own, and neither hep_sub nor the queue shows it."""
    user.script("job.sh", 'echo "$AWS_SECRET_ACCESS_KEY"')
    begin = int(time.time())
    done = user("hep_sub", "job.sh", "-env", "AWS_SECRET_ACCESS_KEY=hidden-value")
    assert done.returncode == 0, done.stderr
    assert "hidden-value" not in done.stdout + done.stderr
    cluster = int(done.stdout.split()[-1])
    user.ended(cluster)
    assert user.text(f"job.sh.out.{cluster}.0") == "hidden-value\n"
    ads = long_ads(pool, begin)
    assert f"job.sh.out.{cluster}.0" in ads
    assert "hidden-value" not in ads


def test_a_binary_runs(user: Shell) -> None:
    """A program without a #! line, as it comes from a compiler, with its arguments."""
    shutil.copy("/bin/echo", user.work / "program")
    cluster = user.submit("./program", "-argu", "-n hello", "-o", "out", "-e", "err")
    user.ended(cluster)
    assert user.text("out") == "hello"


def test_a_csh_script_runs(user: Shell) -> None:
    """Old analysis chains are csh scripts."""
    user.script("job.csh", 'echo "$#argv $1 $_CONDOR_IHEP_JOB_ID"', shell="/bin/tcsh")
    cluster = user.submit("job.csh", "-argu", "a", "b")
    user.ended(cluster)
    assert user.text(f"job.csh.out.{cluster}.0") == f"2 a {cluster}.0\n"


@pytest.mark.sid
def test_a_container_runs_for_os_and_image(user: Shell, pool: Pool) -> None:
    """-os starts the job in the policy's image, -image in the file named; the directory is the same."""
    images = pool.shared / "images"
    user.script("job.sh", 'echo "$TESTBED_IMAGE"; pwd')
    clusters = {
        user.submit("job.sh", "-os", "almalinux9"): images / "AlmaLinux9.sif",
        user.submit("job.sh", "-image", images / "CentOS7.sif"): images / "CentOS7.sif",
    }
    user.all_ended(dict.fromkeys(clusters, 1))
    for cluster, image in clusters.items():
        assert user.text(f"job.sh.out.{cluster}.0") == f"{image}\n{user.work}\n"


def test_a_worker_node_is_found_by_its_short_and_its_full_name(user: Shell) -> None:
    """-wn ap, -wn ap.test.hep and the worker-node group CMS all lead to this pool's machine."""
    user.script("job.sh", "hostname")
    ways = (("-wn", "ap"), ("-wn", "ap.test.hep"), ("-gwn", "CMS"))
    clusters = [user.submit("job.sh", *words) for words in ways]
    user.all_ended(dict.fromkeys(clusters, 1))
    for cluster in clusters:
        assert user.text(f"job.sh.out.{cluster}.0") == "ap.test.hep\n"


def test_an_event_log_is_written(user: Shell) -> None:
    """-l FILE is HTCondor's event log, with the submission and the end."""
    user.script("job.sh", "true")
    cluster = user.submit("job.sh", "-l", "events.log")
    user.ended(cluster)
    text = user.text("events.log")
    assert text.startswith(f"000 ({cluster:03d}.000.000)")
    assert f"005 ({cluster:03d}.000.000)" in text


@pytest.mark.sid
def test_wait_returns_0_only_if_all_jobs_did(user: Shell) -> None:
    """-wait: exit code 0, or 60 with the exit code and the signal of each job that failed."""
    user.script("good.sh", "exit 0")
    user.script("mixed.sh", "case $1 in 0) exit 0;; 1) exit 3;; *) kill -KILL $$;; esac")
    good = user("hep_sub", "-wait", "-n", "2", "good.sh")
    assert good.returncode == 0, good.stderr
    first, *rest = good.stdout.splitlines(keepends=True)
    assert SUBMITTED.fullmatch(first)
    assert rest == ["2 of 2 job(s) ended with exit code 0\n"]
    mixed = user("hep_sub", "-wait", "-n", "3", "mixed.sh", "-argu", "%{ProcId}")
    assert mixed.returncode == 60
    line, *ends = mixed.stdout.splitlines()
    cluster = line.split()[-1]
    assert ends == ["1 of 3 job(s) ended with exit code 0"]
    assert f"{cluster}.1 ended with exit code 3" in mixed.stderr
    assert f"{cluster}.2 was ended by signal 9" in mixed.stderr


@pytest.mark.sid
def test_wait_ends_when_a_job_goes_on_hold(user: Shell) -> None:
    """A job on hold would wait for ever: -wait ends with 60 and says why it is on hold."""
    user.script("job.sh", "sleep 600")
    done = user("hep_sub", "-wait", "-wt", "1s", "job.sh")
    assert done.returncode == 60
    assert "is on hold (walltime limit reached)" in done.stderr


def test_json_of_a_submission(user: Shell) -> None:
    """-json: cluster, pool, schedd, uuid and the logs of each job; -wait adds how they ended."""
    user.script("job.sh", "exit $1")
    result = user.result("hep_sub", "job.sh", "-n", "2", *IDLE)
    cluster = result["cluster"]
    ad = user.ad(cluster)
    assert result["uuid"] == ad["HepSub_UUID"]
    assert (result["jobs"], result["pool"], result["new"]) == (2, "local", True)
    assert result["schedd"] == user.pool.schedds[0]
    assert [proc["stdout"] for proc in result["procs"]] == [
        str(user.work / f"job.sh.out.{cluster}.{proc}") for proc in range(2)
    ]
    assert ad["Out"] == result["procs"][0]["stdout"]
    waited = user.document("hep_sub", "job.sh", "-n", "2", "-argu", "%{ProcId}", "-wait")
    assert not waited["ok"]
    ended = waited["result"]["ended"]
    assert [(job["state"], job["exit_code"]) for job in ended] == [("C", 0), ("C", 1)]
    assert waited["problems"][0]["code"] == "jobs-failed"


def test_json_of_a_refusal(user: Shell) -> None:
    """-json prints a document for errors too, with the same exit code."""
    done = user("hep_sub", "missing.sh", "-json")
    document = json.loads(done.stdout)
    assert done.returncode == 11
    assert (document["ok"], document["result"]) == (False, None)
    assert document["problems"][0]["code"] == "script-missing"


def test_quiet_leaves_out_the_talk(user: Shell) -> None:
    """-quiet: nothing on stderr, although a secret stayed behind; also while it waits."""
    user.script("job.sh", "true")
    loud = user("hep_sub", "job.sh", "-wait", env=SECRETS)
    quiet = user("hep_sub", "job.sh", "-wait", "-quiet", env=SECRETS)
    assert loud.stderr != ""
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_what_would_fail_is_refused_and_nothing_is_submitted(user: Shell) -> None:
    """Each mistake has its own exit code, names the file and the command that mends it."""
    user.account.write("plain.sh", "#!/bin/sh\ntrue\n")
    user.account.write("headless.sh", "true\n", mode=0o755)
    user.script("good.sh", "true")
    (user.work / "locked").mkdir(mode=0o555)
    mistakes: dict[tuple[str, ...], tuple[int, str]] = {
        ("missing.sh",): (11, "missing.sh"),
        ("run-%{ProcId}.sh", "-n", "2"): (11, "run-1.sh"),
        ("plain.sh",): (12, "chmod +x"),
        ("headless.sh",): (12, "#!/bin/bash"),
        ("good.sh", "-o", "nodir/out"): (13, "mkdir -p"),
        ("good.sh", "-o", "locked/out"): (14, "locked"),
        ("good.sh", "-image", "no.sif"): (17, "no.sif"),
        ("good.sh", "-list", "nolist"): (16, "nolist"),
        ("good.sh", "-p", "lokal"): (22, "local"),
        ("good.sh", "-wt", "midd"): (23, "'mid'"),
        ("good.sh", "-os", "AlmaLinux8"): (25, "AlmaLinux9"),
        ("good.sh", "-site", "donguan"): (24, "dongguan"),
        ("good.sh", "-n", "0"): (27, "-n 0"),
        ("good.sh", "-schedd", "schedd09"): (44, "schedd0"),
    }
    for words, (code, named) in mistakes.items():
        assert named in user.refused(code, *words), words
    assert user.counts("-u")["jobs"] == 0


def test_the_schedd_may_be_chosen(user: Shell) -> None:
    """-schedd: by its short and its full name."""
    user.script("job.sh", "true")
    for name in ("schedd02", user.pool.schedds[1]):
        result = user.result("hep_sub", "job.sh", "-schedd", name, *IDLE)
        assert result["schedd"] == user.pool.schedds[1]
    assert len(user.pool.jobs(schedd="schedd02")) == 2


def test_dry_run_submits_nothing(user: Shell) -> None:
    """-dry-run shows plan, reasons and description, and leaves no trace on pool or disk."""
    user.script("job.sh", "true")
    before = sorted(os.walk(user.account.home))
    text = user.ok("hep_sub", "job.sh", "-n", "2", "-dry-run")
    assert text.startswith("Nothing is submitted.")
    assert "a plain job runs where this host's file system is" in text
    assert f"executable = {user.work}/job.sh" in text
    assert SUBMITTED.search(text) is None
    assert user.counts("-u")["jobs"] == 0
    assert sorted(os.walk(user.account.home)) == before


def test_a_group_that_is_not_mine_is_refused_in_hepjobs_words(user: Shell) -> None:
    """With groups in the policy, -g has to be one of the user's own."""
    user.policy.write_text('[group.gpupwa]\nmembers = ["hepalice"]\n[group.physics]\n')
    user.script("job.sh", "true")
    words = user.refused(20, "job.sh", "-g", "physics")
    assert "argument -g/--group: invalid choice: 'physics' (choose from 'gpupwa')" in words
    assert user.ad(user.submit("job.sh", *IDLE))["AcctGroup"] == "GPUPWA.gpupwa.default"


def test_absolute_and_relative_scripts(user: Shell) -> None:
    """./x, x/y, ../x and /abs/x all name what the shell would run."""
    user.script("top.sh", "echo top")
    user.script("sub/low.sh", "echo low")
    ways: dict[tuple[str, Path], str] = {
        ("./top.sh", user.work): "top",
        ("sub/low.sh", user.work): "low",
        ("../top.sh", user.work / "sub"): "top",
        (str(user.work / "top.sh"), user.account.home): "top",
    }
    out = user.work / "out.%{ClusterId}"
    clusters = {
        user.submit(name, "-o", out, "-e", "/dev/null", cwd=cwd): text
        for (name, cwd), text in ways.items()
    }
    user.all_ended(dict.fromkeys(clusters, 1))
    assert {n: user.text(f"out.{n}") for n in clusters} == {
        n: f"{t}\n" for n, t in clusters.items()
    }
