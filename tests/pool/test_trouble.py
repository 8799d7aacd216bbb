"""What is wrong outside hepsub: the user reads what happened and what to do, and nothing is submitted."""

import time
from collections.abc import Iterator
from subprocess import PIPE

import pytest

from tests.pool.shell import IDLE, Shell
from tests.testbed.pool import Pool

pytestmark = [pytest.mark.condor]

NOISE = ("ERROR:", "WARNING", "Traceback", "condor_config", "AUTHENTICATE:", "SECMAN:")


@pytest.fixture
def job(user: Shell, pool: Pool) -> Iterator[str]:
    """A script; afterwards all schedds run again, and nothing of this test is in their queues."""
    user.script("job.sh", "true")
    begin = int(time.time())
    yield "job.sh"
    for schedd in pool.schedds:
        if pool.run(["condor_q", "-name", schedd], check=False).returncode != 0:
            pool.start_schedd(schedd)
    # A schedd that is killed may forget that a job of another test has ended: it is older.
    assert pool.jobs(f"JobStatus != 3 && QDate >= {begin}") == [], "something was submitted"


def assert_two_lines(stderr: str) -> None:
    """What happened, and what to do; nothing of HTCondor's own."""
    lines = stderr.splitlines()
    assert len(lines) == 2, stderr
    assert lines[0].startswith("hep_sub: error: ")
    assert lines[1].startswith("hep_sub: ")


@pytest.mark.sid
def test_a_schedd_that_is_stopped(user: Shell, pool: Pool, job: str) -> None:
    """Exit code 40 names the schedd; hep_q does not pass off its jobs as ended."""
    waiting = user.submit(job, "-schedd", "schedd01", *IDLE)
    pool.stop_schedd("schedd01")
    said = user.refused(40, job, "-schedd", "schedd01", timeout=120)
    assert_two_lines(said)
    assert "schedd01" in said
    shown = user("hep_q", "-u", timeout=120)
    assert shown.returncode == 40, "a script would take the jobs for ended"
    assert "schedd01" in shown.stderr
    pool.start_schedd("schedd01")
    assert user.ok("hep_rm", str(waiting)) == f"{waiting}: 1 job(s) removed\n"


@pytest.mark.sid
def test_wait_survives_a_restart_of_the_schedd(user: Shell, pool: Pool, job: str) -> None:
    """hep_sub -wait asks again until the schedd is back, and then tells how the jobs ended."""
    user.script(job, f"until test -e {user.work}/go; do sleep 0.2; done; exit 7")
    words = ["hep_sub", job, "-wait", "-schedd", "schedd01"]
    env = {"HEPSUB_CONFIG": str(user.policy)}
    waiting = user.account.popen(words, env=env, stdout=PIPE, stderr=PIPE)
    assert waiting.stdout is not None
    assert waiting.stderr is not None
    assert "submitted to cluster" in waiting.stdout.readline()
    pool.wait_for(lambda: pool.jobs("JobStatus == 2"), 60, "the job to run")
    pool.stop_schedd("schedd01")
    while "asking again" not in (line := waiting.stderr.readline()):
        assert line != "", "hep_sub -wait ended while the schedd was away"
    pool.start_schedd("schedd01")
    user.account.write("go", "")
    _, stderr = waiting.communicate(timeout=60)
    assert waiting.returncode == 60
    assert "ended with exit code 7" in stderr


@pytest.mark.sid
def test_a_schedd_that_was_killed(user: Shell, pool: Pool, job: str) -> None:
    """The collector still tells its address, but nobody answers there: 40, and never 1 or 45."""
    pool.kill_schedd("schedd01")
    said = user.refused(40, job, timeout=120)
    assert_two_lines(said)
    assert "the schedd schedd01@ap.test.hep does not answer" in said
    queue = user("hep_q", timeout=120)
    assert queue.returncode == 40
    assert queue.stdout.splitlines()[-1].startswith("0 jobs;"), "the other schedd's jobs are shown"
    assert "schedd01@ap.test.hep" in queue.stderr
    other = user.submit(job, "-schedd", "schedd02", *IDLE)
    user.ok("hep_rm", f"schedd02:{other}", timeout=120)
    pool.start_schedd("schedd01")


def elsewhere(user: Shell) -> dict[str, str]:
    """A configuration whose collector is not there."""
    text = user.account.condor_config.read_text()
    path = user.account.write("condor_config", text + "\nCOLLECTOR_HOST = 127.0.0.1:1\n")
    return {"CONDOR_CONFIG": str(path)}


def test_a_collector_that_does_not_answer(user: Shell, job: str) -> None:
    """Exit code 40 names the collector; -dry-run works all the same and says so."""
    env = elsewhere(user)
    said = user.refused(40, job, env=env)
    assert_two_lines(said)
    assert "the collector 127.0.0.1:1 does not answer" in said
    dry = user("hep_sub", job, "-dry-run", env=env)
    assert dry.returncode == 0
    assert "the pool could not be asked: the collector 127.0.0.1:1 does not answer" in dry.stderr
    assert "where       pool local, schedd (the pool does not answer)" in dry.stdout
    assert user("hep_q", env=env).returncode == 40
    assert user.document("hep_q", env=env)["problems"][0]["code"] == "pool-unreachable"


def test_no_htcondor_configuration_at_all(user: Shell, job: str) -> None:
    """A pool that is named needs one: exit code 40 with a remedy, and no noise of HTCondor's own."""
    env = {"CONDOR_CONFIG": ""}
    for words in (("hep_sub", job), ("hep_q",), ("hep_rm", "-a")):
        done = user(*words, "-p", "local", env=env)
        assert (done.returncode, done.stdout) == (40, ""), (words, done)
        assert not [word for word in NOISE if word in done.stderr], done.stderr
        assert "config.toml" in done.stderr
    assert user("hep_sub", job, "-p", "local", "-dry-run", env=env).returncode == 0


def test_a_configuration_that_is_not_there(user: Shell, job: str) -> None:
    """CONDOR_CONFIG names a file that is missing: exit code 40, never another pool instead."""
    env = {"CONDOR_CONFIG": "/nowhere/condor_config"}
    for words in (("hep_sub", job), ("hep_q",)):
        done = user(*words, env=env)
        assert (done.returncode, done.stdout) == (40, ""), (words, done)
        assert "/nowhere/condor_config" in done.stderr
        assert not [word for word in ("ERROR:", "Traceback") if word in done.stderr], done.stderr


@pytest.mark.sid
def test_a_pool_that_the_policy_names_needs_no_configuration(user: Shell, job: str) -> None:
    """Without any HTCondor configuration, `collector` and a token in the usual place are enough."""
    lines = (
        "[pool.local]",
        f'collector = "127.0.0.1:{user.pool.port}"',
        'filesystem_domain = "home.test.hep"',
    )
    user.policy.write_text("\n".join(lines) + "\n")
    tokens = user.account.home / ".condor/tokens.d"
    env = {"CONDOR_CONFIG": "", "_CONDOR_SEC_TOKEN_DIRECTORY": str(tokens)}
    cluster = user.submit(job, env=env)
    assert user.ended(cluster)[0]["ExitCode"] == 0


def fs_is_refused(pool: Pool) -> bool:
    """Whether the newest bindings and this pool's daemons disagree about FS authentication."""
    return int(pool.version.split(".")[0]) < 25


@pytest.mark.sid
def test_no_token(user: Shell, pool: Pool, job: str) -> None:
    """Exit code 41 names the methods that were tried and how to get a token."""
    (user.account.home / ".condor/tokens.d/pool").unlink()
    methods = "IDTOKENS, FS" if fs_is_refused(pool) else "IDTOKENS"
    env = {"_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": methods}
    said = user.refused(41, job, env=env)
    assert_two_lines(said)
    assert "schedd01@ap.test.hep" in said
    assert all(method in said for method in methods.split(", ")), said
    assert "token" in said.splitlines()[1]
    queue = user("hep_q", env=env)
    assert queue.returncode in (0, 41), "reading may be open to everybody"


@pytest.mark.sid
def test_the_access_point_gets_itself_a_token(access_point: Shell, pool: Pool) -> None:
    """Where FS is refused between versions, hep_sub works by itself, and again without a new token."""
    user = access_point
    user.script("job.sh", 'echo "$_CONDOR_IHEP_JOB_ID"')
    done = user("hep_sub", "job.sh", "-schedd", "schedd01")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    second = user.submit("job.sh", "-schedd", "schedd02", *IDLE)
    assert user.states("-u", "-i", f"schedd02:{second}") == {f"{second}.0": "I"}
    user.ok("hep_rm", f"schedd02:{second}")
    first = int(done.stdout.split()[-1])
    user.pool.wait_for(lambda: not pool.jobs(), 60, "the job to end")
    assert user.text(f"job.sh.out.{first}.0") == f"{first}.0\n"
    modes = user.ok("sh", "-c", "find ~/.condor/tokens.d -type f -printf '%m ' || true").split()
    assert set(modes) == ({"600"} if fs_is_refused(pool) else set())
    user.ok("hep_q")


def test_a_wrong_policy_file(user: Shell, job: str) -> None:
    """Exit code 10 with file, line and the key that was meant."""
    mistakes = {
        "[limits]\nfactory_abov = 1\n": ("line 2", "did you mean 'factory_above'?"),
        "\n\n[limitz]\njobs = 1\n": ("line 3", "did you mean 'limits'?"),
        "[defaults]\ncpus = 1\nmemory = 'much'\n": ("line 3", "much"),
        "[defaults]\ncpus = \n": ("line 2", ""),
        "[site.x]\nkind = 'glidein'\n": ("line 1", "requirements"),
    }
    for text, named in mistakes.items():
        user.policy.write_text(text)
        said = user.refused(10, job)
        assert str(user.policy) in said, said
        assert all(word in said for word in named), said
    assert "nowhere.toml" in user.refused(10, job, env={"HEPSUB_CONFIG": "/nowhere.toml"})


def test_an_environment_that_is_too_large(user: Shell, job: str) -> None:
    """Exit code 15 names the largest variables; so does one variable that Linux cannot take."""
    large = {f"LARGE_{n}": "x" * 1000 * (100 + n) for n in range(8)}
    said = user.refused(15, job, env=large)
    assert_two_lines(said)
    assert "LARGE_7" in said
    user.policy.write_text("[limits]\nenvironment_kb = 16\n")
    assert "HUGE (20.0 kB)" in user.refused(15, job, env={"HUGE": "x" * (20 * 1024 - 6)})
    cluster = user.submit(job, "-noenv", *IDLE, env=large)
    user.ok("hep_rm", f"schedd01:{cluster}")


@pytest.mark.sid
def test_a_schedd_that_refuses_the_submission(user: Shell, pool: Pool, job: str) -> None:
    """More jobs than the pool allows, or what its administrators do not take: exit code 42, and no cluster."""
    pool.add_config(
        "MAX_JOBS_PER_SUBMISSION = 5\nSUBMIT_REQUIREMENT_NAMES = $(SUBMIT_REQUIREMENT_NAMES) Odd\n"
        'SUBMIT_REQUIREMENT_Odd = RequestMemory =!= 777\nSUBMIT_REQUIREMENT_Odd_REASON = "nobody gets 777 MB here"'
    )
    pool.wait_for(
        lambda: (
            user("hep_sub", job, "-n", "6", *IDLE).returncode == 42 or user("hep_rm", "-a") is None
        ),
        30,
        "the limit to hold",
    )
    user.ok("hep_rm", "-a")
    said = user.refused(42, job, "-n", "6")
    assert "MAX_JOBS_PER_SUBMISSION" in said
    assert "nobody gets 777 MB here" in user.refused(42, job, "-mem", "777")


def test_a_home_that_cannot_be_written(user: Shell, job: str) -> None:
    """Without a journal nothing is submitted: exit code 18."""
    state = user.account.write("state", "a file\n")
    said = user.refused(18, job, env={"XDG_STATE_HOME": str(state)})
    assert_two_lines(said)
    assert str(state) in said
