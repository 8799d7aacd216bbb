"""Credentials of a job: where the payload finds them, what is newer, and that nothing of them is left."""

import signal
from pathlib import Path

import pytest

from tests.worker.chirp import Chirp
from tests.worker.credentials import Ticket, ccache, iso, now, states, ticket, token
from tests.worker.job import Job, died_of, wait_for
from tests.worker.store import SIGNATURE, Store

TICKET = "krb5cc_1000"
CACHE = f".hepsub/creds/{TICKET}"
TOKEN = ".hepsub/creds/iam.token"
UNTIL_GO = "until test -e go; do sleep 0.05; done"
HOUR = 3600
DAY = 24 * HOUR


def add_ticket(job: Job, content: bytes | None, source: str = "-") -> None:
    """Give a job a ticket."""
    if content is not None:
        job.write(TICKET, content)
    job.add("credential", "krb", "kerberos", TICKET, source)


def add_token(job: Job, text: str | None, source: str = "-", name: str = "iam") -> None:
    """Give a job a token."""
    if text is not None:
        job.write(f"{name}.token", text)
    job.add("credential", name, "token", f"{name}.token", source)


def program(job: Job, name: str, text: str) -> Path:
    """A program of the site, outside the job's directory."""
    path = job.directory.parent / "site" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def kinit(job: Job, text: str) -> Path:
    """Give the machine a kinit. $3 is FILE:CACHE; `calls` has a line for each time it ran."""
    calls = job.directory.parent / "calls"
    calls.touch()
    check = '[ "$1 $2" = "-R -c" ] || exit 64; file=${3#FILE:}'
    job.env["HEPSUB_KINIT"] = str(program(job, "kinit", f'echo "$@" >>"{calls}"; {check}; {text}'))
    return calls


def label(value: object) -> str:
    """What a case is called: contents have times in them, and secrets."""
    return str(value) if value in {"missing", "expired", "valid"} else "case"


# ---- what the payload sees -----------------------------------------------------------------------


def test_a_ticket_is_where_the_payload_looks_for_it(job: Job) -> None:
    end = ticket(HOUR)
    add_ticket(job, ccache(end))
    job.payload(
        'ls; echo "$KRB5CCNAME|$HepJob_KRB5CCNAME"; stat -c %a .hepsub/creds "${KRB5CCNAME#*:}"'
    )
    job.env["KRB5CCNAME"] = "FILE:/tmp/krb5cc_elsewhere"
    ended = job.run()
    place = f"FILE:{job.directory}/{CACHE}|{TICKET}"
    assert ended.stdout.splitlines() == ["hepsub_home", "run.sh", place, "700", "600"]
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.report["credentials"] == [
        {"name": "krb", "kind": "kerberos", "state": "valid", "expires": iso(end.end), "renewed": 0}
    ]


def test_tokens_are_where_the_payload_looks_for_them(job: Job) -> None:
    add_token(job, token())
    add_token(job, token(None), name="wlcg-x.509")
    job.payload('env | grep -e TOKEN | sort; cmp "$BEARER_TOKEN_FILE" "$HEPSUB_TOKEN_IAM"')
    job.env["BEARER_TOKEN"] = "old"
    job.env["BEARER_TOKEN_FILE"] = "/tmp/old"
    ended = job.run()
    directory = job.directory / ".hepsub" / "creds"
    assert ended.stdout.splitlines() == [
        f"BEARER_TOKEN_FILE={directory}/iam.token",
        f"HEPSUB_TOKEN_IAM={directory}/iam.token",
        f"HEPSUB_TOKEN_WLCG_X_509={directory}/wlcg-x.509.token",
    ]
    assert (ended.code, states(ended.report)) == (0, ["valid", "valid"])
    assert ended.report["credentials"][1]["expires"] is None


def test_without_a_token_a_job_keeps_the_one_it_brought(job: Job) -> None:
    add_ticket(job, ccache(ticket(HOUR)))
    job.payload('echo "$BEARER_TOKEN"')
    job.env["BEARER_TOKEN"] = "mine"
    assert job.run().stdout == "mine\n"


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (None, "missing"),
        (b"", "missing"),
        (b"no cache", "missing"),
        (ccache(ticket(DAY))[:-1], "missing"),
        (ccache(ticket(DAY))[:40], "missing"),
        (ccache(ticket(DAY), version=2), "missing"),
        (ccache(Ticket(now() + DAY, server=("host", "a.b"))), "missing"),
        (ccache(Ticket(now() + DAY, server=("krbtgt", "OTHER"))), "missing"),
        (ccache(ticket(-1)), "expired"),
        (ccache(ticket(-1), Ticket(now() + DAY, server=("krbtgt", "OTHER"))), "expired"),
        (ccache(ticket(DAY), version=3), "valid"),
        (ccache(ticket(-1), ticket(DAY), ticket(-9)), "valid"),
    ],
    ids=label,
)
def test_a_cache_is_judged_by_its_own_realms_ticket(
    job: Job, content: bytes | None, state: str
) -> None:
    add_ticket(job, content)
    job.env["HEPSUB_KINIT"] = "-"
    job.payload("echo ran")
    ended = job.run()
    assert (ended.code, ended.stdout, states(ended.report)) == (0, "ran\n", [state])
    word = {"missing": "is missing", "expired": "expired at", "valid": ""}[state]
    assert word in ended.stderr
    assert ended.stderr.count("\n") == (state != "valid")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "missing"),
        ("\n", "missing"),
        ("two words", "missing"),
        ("one\ntwo\n", "missing"),
        ("opaque\n", "valid"),
        (token(-5), "expired"),
        (token(DAY) + "\n", "valid"),
        ("a.b.c", "valid"),
        ("a.!.c", "valid"),
    ],
    ids=label,
)
def test_a_token_is_judged_by_its_end(job: Job, text: str, state: str) -> None:
    add_token(job, text)
    job.payload("exit 3")
    ended = job.run()
    assert (ended.code, states(ended.report)) == (3, [state])


# ---- newer ones ----------------------------------------------------------------------------------


def test_newer_ones_are_taken_before_the_payload_starts(job: Job) -> None:
    bundle = job.directory.parent / "bundle"
    bundle.mkdir()
    new = ccache(ticket(HOUR), mark="new")
    (bundle / "a %b").write_bytes(new)
    (bundle / "iam").write_text(token(HOUR, "new"))
    add_ticket(job, ccache(ticket(60)), f"{bundle}/a %25b")
    add_token(job, None, f"{bundle}/iam")
    job.payload(f'cmp "{bundle}/a %b" {CACHE} && cmp "{bundle}/iam" {TOKEN}; stat -c %a {CACHE}')
    ended = job.run()
    assert (ended.code, ended.stdout, ended.stderr) == (0, "600\n", "")
    assert [each["renewed"] for each in ended.report["credentials"]] == [1, 0]


def test_newer_ones_come_by_chirp_while_the_payload_runs(
    web_job: Job, http: str, chirp: Chirp
) -> None:
    job = web_job
    if "busybox" in job.shell[0] and http == "curl":
        pytest.skip("nothing here speaks chirp")
    job.write(".chirp.config", chirp.config)
    job.env["HEPSUB_REFRESH_S"] = "1"
    chirp.files["/nowhere/krb"] = old = ccache(ticket(HOUR))
    chirp.files["/nowhere/iam"] = token(60)
    add_ticket(job, old, "/nowhere/krb")
    add_token(job, token(60), "/nowhere/iam")
    job.payload(f": >started; {UNTIL_GO}")
    process = job.start()
    wait_for((job.directory / "started").exists, "the payload")
    new, newer = ccache(ticket(2 * HOUR)), token(HOUR)
    chirp.files.update({"/nowhere/krb": new, "/nowhere/iam": newer})
    wait_for(lambda: (job.directory / CACHE).read_bytes() == new, "the ticket")
    wait_for(lambda: (job.directory / TOKEN).read_text() == newer, "the token")
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, ended.stderr) == (0, "")
    assert [each["renewed"] for each in ended.report["credentials"]] == [1, 1]


HALF = ccache(ticket(2 * HOUR))[:200]


@pytest.mark.parametrize(
    "other",
    [HALF, b"", b"junk", ccache(ticket(60)), ccache(ticket(-5, 9 * HOUR))],
    ids=label,
)
def test_a_ticket_that_is_not_better_is_not_taken(job: Job, other: bytes) -> None:
    source = job.directory.parent / "krb"
    source.write_bytes(other)
    add_ticket(job, ccache(ticket(HOUR)), str(source))
    job.payload(f"cat {CACHE} >../kept")
    assert job.run().report["credentials"][0]["renewed"] == 0
    assert len((job.directory.parent / "kept").read_bytes()) > len(HALF)


@pytest.mark.parametrize(("programs_kinit", "taken"), [(True, 1), (False, 0)])
def test_a_longer_renewable_life_counts_where_it_can_be_used(
    job: Job, programs_kinit: bool, taken: int
) -> None:
    source = job.directory.parent / "krb"
    source.write_bytes(ccache(ticket(HOUR, 9 * HOUR)))
    add_ticket(job, ccache(ticket(2 * HOUR, 3 * HOUR)), str(source))
    job.env["HEPSUB_KINIT"] = "/bin/false" if programs_kinit else "-"
    job.payload("exit 0")
    assert job.run().report["credentials"][0]["renewed"] == taken


@pytest.mark.parametrize("other", ["", "two words", "one\ntwo", token(60)], ids=label)
def test_a_token_that_is_not_better_is_not_taken(job: Job, other: str) -> None:
    source = job.directory.parent / "iam"
    source.write_text(other)
    add_token(job, token(HOUR), str(source))
    job.payload("exit 0")
    assert job.run().report["credentials"][0]["renewed"] == 0


def test_newer_ones_are_asked_for_before_the_outputs_are_saved(job: Job) -> None:
    source = job.directory.parent / "iam"
    source.write_text(token(60))
    add_token(job, token(60), str(source))
    newer = job.write("newer", token(HOUR))
    job.payload(f"printf one >one; mv {newer} {source}")
    job.add("move", "one", "-", f"{job.directory.parent}/two")
    ended = job.run()
    assert (ended.code, ended.report["credentials"][0]["renewed"]) == (0, 1)


def test_a_proxy_that_never_answers_is_asked_for_one_of_many(job: Job) -> None:
    for name in "abc":
        add_token(job, token(), "/nowhere/at all", name)
    job.env["HEPSUB_CHIRP_S"] = "1"
    job.payload("exit 0")
    with Chirp(silent=True) as silent:
        job.write(".chirp.config", silent.config)
        ended = job.run()
    assert (ended.code, states(ended.report)) == (0, ["valid"] * 3)


def test_a_credential_that_ends_while_the_job_runs_is_told(job: Job) -> None:
    add_token(job, token(1))
    job.payload("sleep 2")
    ended = job.run()
    assert (ended.code, states(ended.report)) == (0, ["expired"])
    assert "expired at" in ended.stderr


# ---- kinit and aklog -----------------------------------------------------------------------------


def test_a_ticket_is_renewed_at_half_of_its_life(job: Job) -> None:
    new = job.directory.parent / "new"
    new.write_bytes(ccache(ticket(HOUR, HOUR)))
    calls = kinit(job, f'cp "{new}" "$file"')
    begun = now()
    add_ticket(job, ccache(ticket(6, HOUR)))
    job.payload(f"{UNTIL_GO}; ls -A .hepsub/creds")
    process = job.start()
    wait_for(calls.read_text, "kinit")
    assert now() - begun >= 2, "half of its life is 3 s"
    wait_for(lambda: (job.directory / CACHE).read_bytes() == new.read_bytes(), "the new ticket")
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, ended.stdout, ended.stderr) == (0, f"{TICKET}\n", "")
    assert calls.read_text() == f"-R -c FILE:{job.directory}/.hepsub/creds/.renewing\n"
    assert ended.report["credentials"][0].items() >= {"state": "valid", "renewed": 1}.items()


@pytest.mark.parametrize(
    "harm",
    ["exit 1", ': >"$file"', 'rm -f "$file"', 'printf half >"$file"', 'cp "$file" x; mv x "$file"'],
)
def test_a_renewal_that_fails_does_no_harm_and_is_tried_less_and_less(job: Job, harm: str) -> None:
    old = ccache(ticket(HOUR, 9 * HOUR, age=2 * HOUR))
    calls = kinit(job, harm)
    add_ticket(job, old)
    job.payload(f"sleep 5; cat {CACHE} >../kept; ls -A .hepsub/creds")
    ended = job.run()
    assert (ended.code, ended.stdout, ended.stderr) == (0, f"{TICKET}\n", "")
    assert (job.directory.parent / "kept").read_bytes() == old
    assert len(calls.read_text().splitlines()) in {2, 3}  # at once, after 2 s, after 4 s
    assert ended.report["credentials"][0].items() >= {"state": "valid", "renewed": 0}.items()


def test_a_ticket_that_cannot_be_renewed_is_left_alone(job: Job) -> None:
    calls = kinit(job, "exit 0")
    add_ticket(job, ccache(ticket(HOUR, HOUR, age=9 * HOUR)))
    job.payload("sleep 1")
    assert job.run().code == 0
    assert calls.read_text() == ""


def test_a_kinit_that_hangs_does_not_hold_up_the_end(job: Job) -> None:
    calls = kinit(job, "exec sleep 1000")
    job.env["HEPSUB_KINIT_S"] = "1"
    add_ticket(job, ccache(ticket(HOUR, 9 * HOUR, age=2 * HOUR)))
    job.payload("exit 4")
    ended = job.run()
    assert ended.code == 4
    assert calls.read_text()


def test_aklog_runs_at_the_start_and_after_a_renewal(job: Job) -> None:
    told = job.directory.parent / "aklog.told"
    aklog = program(job, "aklog", f'echo "$KRB5CCNAME" >>{told}; echo noise; echo noise >&2')
    job.env["PATH"] = f"{aklog.parent}:{job.path}"
    source = job.directory.parent / "krb"
    job.env["HEPSUB_REFRESH_S"] = "1"
    job.env["HEPSUB_KINIT"] = "-"
    add_ticket(job, ccache(ticket(HOUR)), str(source))
    job.payload(UNTIL_GO)
    process = job.start()
    wait_for(told.exists, "aklog")
    fresh = source.with_name("fresh")
    fresh.write_bytes(ccache(ticket(2 * HOUR)))
    fresh.rename(source)
    wait_for(lambda: len(told.read_text().splitlines()) == 2, "aklog again")
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    assert told.read_text() == f"FILE:{job.directory}/{CACHE}\n" * 2


def test_aklog_does_not_run_with_an_expired_ticket(job: Job) -> None:
    told = job.directory.parent / "aklog.told"
    aklog = program(job, "aklog", f": >{told}")
    job.env["PATH"] = f"{aklog.parent}:{job.path}"
    add_ticket(job, ccache(ticket(-1)))
    job.payload("exit 0")
    assert job.run().code == 0
    assert not told.exists()


# ---- what HTCondor delivers itself ---------------------------------------------------------------


def test_a_ticket_of_htcondors_stays_where_it_is(job: Job) -> None:
    cache = job.write("alice.cc", ccache(ticket(HOUR)), 0o600)
    job.add("condorcred", "krb", "kerberos", "-")
    job.env["KRB5CCNAME"] = f"FILE:{cache}"
    job.payload('echo "$KRB5CCNAME|$HepJob_KRB5CCNAME"; test -e alice.cc')
    ended = job.run()
    assert (ended.code, ended.stdout) == (0, f"FILE:{cache}|alice.cc\n")
    assert states(ended.report) == ["valid"]


def test_aklog_runs_again_when_htcondor_brings_a_new_ticket(job: Job) -> None:
    told = job.directory.parent / "aklog.told"
    aklog = program(job, "aklog", f'echo "$KRB5CCNAME" >>{told}')
    job.env["PATH"] = f"{aklog.parent}:{job.path}"
    cache = job.write("alice.cc", ccache(ticket(HOUR)), 0o600)
    job.add("condorcred", "krb", "kerberos", "-")
    job.env["KRB5CCNAME"] = f"FILE:{cache}"
    job.env["HEPSUB_REFRESH_S"] = "1"
    job.payload(f": >started; {UNTIL_GO}")
    process = job.start()
    wait_for((job.directory / "started").exists, "the payload")
    job.write("fresh", ccache(ticket(2 * HOUR)), 0o600).rename(cache)
    wait_for(lambda: len(told.read_text().splitlines()) == 2, "aklog again")
    (job.directory / "go").touch()
    assert job.end(process).code == 0
    assert told.read_text() == f"FILE:{cache}\n" * 2


@pytest.mark.parametrize("form", ["%s\n", '{"access_token": "%s",\n "expires_in": 3600}'])
def test_a_token_of_htcondors_is_handed_over_bare_and_kept_new(job: Job, form: str) -> None:
    creds = job.directory / ".condor_creds"
    creds.mkdir()
    old, new = token(60, "old"), token(HOUR, "new")
    (creds / "hepiam_storage.use").write_text(form % old)
    job.env["_CONDOR_CREDS"] = str(creds)
    job.env["HEPSUB_REFRESH_S"] = "1"
    job.add("condorcred", "iam", "token", "hepiam*storage")
    job.payload(f'cp "$BEARER_TOKEN_FILE" ../first; ln -s "$HEPSUB_TOKEN_IAM" there; {UNTIL_GO}')
    process = job.start()
    first = job.directory.parent / "first"
    wait_for((job.directory / "there").is_symlink, "the payload")
    assert first.read_text() == old
    (creds / "hepiam_storage.use").write_text(form % new)
    wait_for(lambda: (job.directory / "there").read_text() == new, "the new token")
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, states(ended.report)) == (0, ["valid"])


def test_a_token_that_htcondor_did_not_deliver_is_missing(job: Job) -> None:
    job.add("condorcred", "iam", "token", "hepiam")
    job.payload("echo ran")
    ended = job.run()
    assert (ended.stdout, states(ended.report)) == ("ran\n", ["missing"])
    assert "'iam' is missing" in ended.stderr


# ---- nothing is left -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [("Encrypt", "x"), ("credential", "x", "x509", "other.pem", "-"), ("credential", "x", "token", "a/b", "-"),
     ("credential", "x", "token", "x.token", "relative"), ("condorcred", "x", "token", "-")],
)  # fmt: skip
def test_a_broken_contract_leaves_no_credential(job: Job, line: tuple[str, ...]) -> None:
    job.payload("echo ran")
    job.add(*line)
    job.write("other.pem", SIGNATURE)
    add_ticket(job, ccache(ticket(HOUR)))
    add_token(job, token())
    ended = job.run()
    assert (ended.code, ended.stdout) == (80, "")
    left = {file.name for file in job.directory.rglob("*") if file.is_file()}
    assert left == {"run.sh", "report.json"} | ({"other.pem"} - {line[3] if len(line) > 3 else ""})


@pytest.mark.parametrize("text", ["", "nonsense\n"])
def test_without_a_manifest_a_batch_systems_directory_is_swept(job: Job, text: str) -> None:
    job.write(TICKET, ccache(ticket(HOUR)))
    job.write("iam.token", token())
    job.write("my data", "")
    job.write("hepsub.manifest", text)
    job.env["_CONDOR_SCRATCH_DIR"] = str(job.directory)
    assert job.run().code == 80
    assert {file.name for file in job.directory.iterdir()} == {"my data", "hepsub_home"}


def test_elsewhere_nobodys_files_are_removed(job: Job) -> None:
    job.write("iam.token", "mine")
    job.write("hepsub.manifest", "")
    job.env["_CONDOR_SCRATCH_DIR"] = "/"
    assert job.run().code == 80
    assert (job.directory / "iam.token").read_text() == "mine"


def test_a_killed_payload_leaves_no_credential(job: Job) -> None:
    add_ticket(job, ccache(ticket(6, HOUR, age=2)))
    add_token(job, token(), str(job.directory.parent / "nowhere"))
    calls = kinit(job, "exec sleep 1000")
    job.payload(": >ready; sleep 1000")
    job.env["HEPSUB_KINIT_S"] = "2"
    process = job.start()
    wait_for((job.directory / "ready").exists, "the payload")
    wait_for(calls.read_text, "kinit", 15)
    process.send_signal(signal.SIGTERM)
    ended = job.end(process)
    assert ended.code == died_of(signal.SIGTERM)
    for file in job.directory.rglob("*"):
        assert not file.is_file() or SIGNATURE.encode() not in file.read_bytes(), file


def test_a_credential_is_no_output(job: Job, store: Store) -> None:
    add_token(job, token())
    job.payload("exit 0")
    job.add("home", "iam.token", "?", "-")
    ended = job.run()
    assert ended.outputs() == {"iam.token": "missing"}


# ---- another directory ---------------------------------------------------------------------------


@pytest.mark.parametrize("absolute", [True, False])
def test_the_payload_runs_where_it_is_told_to(job: Job, absolute: bool) -> None:
    there = job.directory.parent / "work dir"
    there.mkdir()
    if absolute:
        job.payload("exit 9", name="other")
        job.lines.clear()
        script = program(job, "run", 'pwd; echo "$HEPSUB_SCRATCH"; : >made; exit 3')
        job.add("payload", str(script))
    else:
        job.payload('pwd; echo "$HEPSUB_SCRATCH"; : >made; exit 3')
    job.add("workdir", str(there))
    add_ticket(job, ccache(ticket(HOUR)))
    ended = job.run()
    assert (ended.code, ended.stdout) == (3, f"{there}\n{job.directory}\n")
    assert [file.name for file in there.iterdir()] == ["made"]


@pytest.mark.parametrize(
    ("name", "word"), [("nowhere", "does not exist"), ("file", "not a directory")]
)
def test_a_directory_that_is_not_there_is_83(job: Job, name: str, word: str) -> None:
    (job.directory.parent / "file").touch()
    job.payload("touch ran")
    job.add("workdir", f"{job.directory.parent}/{name}")
    ended = job.run()
    assert (ended.code, ended.report["payload"]) == (83, None)
    assert word in ended.stderr
    assert not (job.directory / "ran").exists()
