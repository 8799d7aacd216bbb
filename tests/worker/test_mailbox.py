"""Newer manifests and credentials by letters in a store, where no shadow of the submit side's is."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.worker.conftest import Programs
from tests.worker.credentials import ccache, states, ticket, token
from tests.worker.job import Job, died_of, wait_for
from tests.worker.letters import (
    CERTIFICATE,
    KEY,
    PROC,
    UUID,
    Post,
    credentials_letter,
    manifest_letter,
)
from tests.worker.store import Store
from tests.worker.test_credentials import CACHE, TICKET, TOKEN, UNTIL_GO, add_ticket, add_token
from tests.worker.test_secrets import sample

HOUR = 3600
M, C = "/mail/m", "/mail/c"
one_shell = pytest.mark.parametrize("shell", ["dash"], indirect=True)
"""Where shells make no difference: what they are asked for here, they are elsewhere in this file."""
each_once = pytest.mark.parametrize(
    ("shell", "http"), [("dash", "curl"), ("bash", "python3"), ("busybox", "curl")], indirect=True
)
"""Each shell and each program for HTTP, but not each with each."""


def add_mailbox(job: Job, post: Post, store: Store, signature: str = "") -> None:
    """Give a job a mailbox."""
    job.write(KEY, post.key, 0o600)
    job.write(CERTIFICATE, post.certificate)
    job.add("mailbox", KEY, CERTIFICATE)
    for kind, name, path in (("manifest", PROC, M), ("credentials", UUID, C)):
        url = store.url(path, signature) if signature else store.url(path)
        job.add("letter", kind, name, "100", url)


def replaced(job: Job, *fields: str) -> str:
    """The job's manifest with another line in the place of the one with the same two first fields."""
    return job.manifest([fields if line[:2] == fields[:2] else line for line in job.lines])


def test_a_letter_that_came_while_the_job_waited(web_job: Job, store: Store, post: Post) -> None:
    """Its URLs and its credentials have ended: input and output take the newer ones."""
    job = web_job
    add_token(job, token(-5))
    add_ticket(job, ccache(ticket(-5)))
    job.env["HEPSUB_KINIT"] = "-"
    job.payload(f"ls -A; cat {TOKEN} >../token; cat {CACHE} >../ticket; cp in one")
    job.add("input", "in", "1", "-", store.url("/b/in", "old"))
    store.put("/b/in", b"x")
    job.add("output", "one", "-", store.url("/b/one"))
    add_mailbox(job, post, store)
    newer, cache = token(HOUR), ccache(ticket(HOUR))
    fresh = replaced(job, "input", "in", "1", "-", store.url("/b/in"))
    store.put(M, post.seal(manifest_letter(fresh, 101)))
    store.put(C, post.seal(credentials_letter({"iam.token": newer, TICKET: cache}, 102)))
    ended = job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.split() == [".hepsub", "hepsub_home", "in", "run.sh"]
    assert (job.directory.parent / "token").read_text() == newer
    assert (job.directory.parent / "ticket").read_bytes() == cache
    assert states(ended.report) == ["valid", "valid"]
    assert store.objects["/b/one"] == b"x"
    assert [each.status for each in store.requests if each.path == "/b/in"] == [200]


def test_the_chain_goes_on_while_the_payload_runs(job: Job, store: Store, post: Post) -> None:
    store.signatures = {"first"}
    job.env["HEPSUB_REFRESH_S"] = "2"
    job.payload(f"{UNTIL_GO}; printf one >one")
    job.add("output", "one", "-", store.url("/b/one", "old"))
    add_mailbox(job, post, store, "first")
    second = replaced(job, "letter", "manifest", PROC, "101", store.url(M, "second"))
    store.put(M, post.seal(manifest_letter(second, 101)))
    process = job.start()
    text = job.directory / ".hepsub/manifest"
    wait_for(lambda: text.exists() and "second" in text.read_text(), "the first letter")
    store.signatures = {"second", "third"}
    third = replaced(job, "output", "one", "-", store.url("/b/one", "third"))
    store.put(M, post.seal(manifest_letter(third, 102)))
    wait_for(lambda: "third" in text.read_text(), "the second letter")
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, ended.stderr) == (0, "")
    assert store.objects["/b/one"] == b"one"


@one_shell
def test_newer_credentials_come_while_the_payload_runs(job: Job, store: Store, post: Post) -> None:
    job.env["HEPSUB_REFRESH_S"] = "2"
    old, new = token(HOUR), token(2 * HOUR)
    add_token(job, old)
    job.payload(f": >started; {UNTIL_GO}")
    add_mailbox(job, post, store)
    store.put(C, post.seal(credentials_letter({"iam.token": token(60), "other": "x"}, 101)))
    process = job.start()
    wait_for((job.directory / "started").exists, "the payload")
    assert (job.directory / TOKEN).read_text() == old, "the one in the letter ends earlier"
    store.put(C, post.seal(credentials_letter({"iam.token": new}, 102)))
    wait_for(lambda: (job.directory / TOKEN).read_text() == new, "the token")
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.report["credentials"][0]["renewed"] == 1


@each_once
def test_a_refused_url_is_asked_for_in_the_mailbox(web_job: Job, store: Store, post: Post) -> None:
    job = web_job
    job.payload("cp in one")
    job.add("input", "in", "1", "-", store.url("/b/in", "old"))
    store.put("/b/in", b"x")
    add_mailbox(job, post, store)
    fresh = replaced(job, "input", "in", "1", "-", store.url("/b/in"))
    store.put(M, post.seal(manifest_letter(fresh, 101)))
    store.fault("GET", M, 404)
    ended = job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert [each.status for each in store.requests if each.path == "/b/in"] == [403, 200]


@one_shell
def test_a_shadow_is_asked_first(job: Job, store: Store, post: Post) -> None:
    source = job.directory.parent / "newer"
    job.payload("printf one >one")
    job.add("source", str(source))
    job.add("output", "one", "-", store.url("/b/one"))
    add_mailbox(job, post, store)
    source.write_text(job.manifest())
    assert job.run().code == 0
    assert store.count("GET", M) == 0


@one_shell
def test_a_letter_is_fetched_once(web_job: Job, store: Store, post: Post) -> None:
    job = web_job
    job.payload("printf one >one")
    job.add("output", "one", "-", store.url("/b/one"))
    add_mailbox(job, post, store)
    store.put(M, post.seal(manifest_letter(job.manifest(), 101)))
    assert job.run().code == 0
    assert [each.status for each in store.requests if each.path == M] == [200, 304]


FORGED: dict[str, Callable[[Post, bytes], bytes]] = {
    "stranger": lambda post, content: post.seal(content, "stranger"),
    "trusted": lambda post, content: post.seal(content, "trusted"),
    "no CMS": lambda _, content: content,
}


@pytest.mark.parametrize(
    ("shell", "case"),
    [*(("dash", case) for case in FORGED), ("bash", "stranger"), ("busybox", "trusted")],
    indirect=["shell"],
)
def test_a_forged_letter_is_told_once_and_changes_nothing(
    job: Job, store: Store, post: Post, case: str
) -> None:
    job.env["SSL_CERT_DIR"] = str(post.authorities)
    job.env["HEPSUB_REFRESH_S"] = "1"
    job.payload("sleep 2; printf one >one")
    job.add("output", "one", "-", store.url("/b/one"))
    add_mailbox(job, post, store)
    evil = replaced(job, "output", "one", "-", store.url("/evil/one"))
    store.put(M, FORGED[case](post, manifest_letter(evil, 101)))
    ended = job.run()
    assert (ended.code, ended.stderr.count("\n")) == (0, 1)
    assert "a letter in the mailbox is not taken" in ended.stderr
    assert "/b/one" in store.objects


def test_a_replayed_letter_is_not_taken(job: Job, store: Store, post: Post) -> None:
    job.payload(f": >started; {UNTIL_GO}; printf one >one")
    job.add("output", "one", "-", store.url("/b/one", "old"))
    add_mailbox(job, post, store)
    old = post.seal(manifest_letter(job.manifest(), 101))
    fresh = replaced(job, "output", "one", "-", store.url("/b/one"))
    store.put(M, post.seal(manifest_letter(fresh, 102)))
    process = job.start()
    wait_for((job.directory / "started").exists, "the payload")
    store.put(M, old)
    (job.directory / "go").touch()
    ended = job.end(process)
    assert (ended.code, "it is older than what the job has" in ended.stderr) == (0, True)
    assert store.objects["/b/one"] == b"one"


@pytest.mark.parametrize(
    ("shell", "http", "how"),
    [
        ("dash", "curl", "announced"),
        ("dash", "python3", "announced"),
        ("dash", "curl", "endless"),
        ("dash", "python3", "endless"),
        ("bash", "curl", "endless"),
        ("busybox", "curl", "endless"),
    ],
    indirect=["shell", "http"],
)
@pytest.mark.parametrize("place", [C, M])
def test_a_huge_letter_is_not_read(
    web_job: Job, store: Store, post: Post, how: str, place: str
) -> None:
    """Whatever the store announces; a manifest's neither, where the one that is here is small."""
    job = web_job
    add_token(job, token(HOUR))
    job.payload("exit 0")
    add_mailbox(job, post, store)
    if how == "endless":
        store.fault("GET", place, *["endless"] * 9)
    store.put(place, bytes(3 << 20))
    ended = job.run()
    assert (ended.code, ended.stderr.count("\n")) == (0, 1)
    assert "it is larger than 1048576 bytes" in ended.stderr


@each_once
def test_a_store_that_answers_slowly_keeps_no_credentials_back(
    web_job: Job, store: Store, post: Post
) -> None:
    """There is no manifest letter for days: what is newer is a token."""
    job = web_job
    newer = token(HOUR)
    add_token(job, token(60))
    job.payload('cat "$BEARER_TOKEN_FILE" >../token')
    add_mailbox(job, post, store)
    store.fault("GET", M, *["late"] * 9)
    store.put(C, post.seal(credentials_letter({"iam.token": newer}, 102)))
    ended = job.run()
    assert (ended.code, (job.directory.parent / "token").read_text()) == (0, newer)


@one_shell
def test_a_store_that_is_silent_holds_a_job_up_once_before_and_once_after(
    web_job: Job, store: Store, post: Post
) -> None:
    job = web_job
    job.env["HEPSUB_LETTER_S"] = "1"
    job.payload("for name in a b c; do printf $name >$name; done")
    for name in "abc":
        add_token(job, token(60), name=name)
        job.add("output", name, "-", store.url(f"/b/{name}", "old"))
    add_mailbox(job, post, store)
    for path in (M, C):
        store.fault("GET", path, *["silent"] * 99)
    ended = job.run()
    assert (ended.code, set(ended.outputs().values())) == (85, {"home"})
    assert "nothing newer came by the mailbox: the store does not answer" in ended.stderr
    assert store.count("GET", M) + store.count("GET", C) == 2
    assert ended.seconds < 20


def test_a_silent_store_does_not_hold_up_the_payloads_end(
    job: Job, store: Store, post: Post
) -> None:
    job.env["HEPSUB_REFRESH_S"] = "1"
    add_mailbox(job, post, store)
    store.fault("GET", M, 404, *["silent"] * 9)
    job.payload(UNTIL_GO)
    process = job.start()
    wait_for(lambda: store.count("GET", M) == 2, "the question beside the payload")
    (job.directory / "go").touch()
    assert job.end(process).seconds < 15


def test_a_signal_ends_a_job_that_waits_for_a_letter(job: Job, store: Store, post: Post) -> None:
    add_mailbox(job, post, store)
    job.payload("exit 0")
    store.fault("GET", M, "silent")
    process = job.start()
    wait_for(lambda: store.count("GET", M) == 1, "the question")
    process.send_signal(signal.SIGTERM)
    ended = job.end(process)
    assert (ended.code, ended.seconds < 15) == (died_of(signal.SIGTERM), True)


@pytest.mark.parametrize(
    ("shell", "lacks"),
    [("dash", "openssl"), ("dash", "http"), ("bash", "openssl"), ("busybox", "http")],
    indirect=["shell"],
)
def test_without_a_program_it_is_told_once(
    job: Job, store: Store, post: Post, programs: Programs, shell: str, lacks: str
) -> None:
    if lacks == "http":
        job.path = programs(shell, "none")
    else:
        job.env["HEPSUB_OPENSSL"] = "-"
    job.env["HEPSUB_REFRESH_S"] = "1"
    add_token(job, token(HOUR))
    add_mailbox(job, post, store)
    job.payload("sleep 2")
    ended = job.run()
    assert (ended.code, ended.stderr.count("\n"), store.requests) == (0, 1, [])
    assert "do not come by the mailbox, the job goes on with what it has" in ended.stderr


@pytest.mark.parametrize("name", [KEY, CERTIFICATE])
def test_a_link_is_no_key(job: Job, store: Store, post: Post, name: str, tmp_path: Path) -> None:
    add_mailbox(job, post, store)
    (job.directory / name).rename(tmp_path / "elsewhere")
    (job.directory / name).symlink_to(tmp_path / "elsewhere")
    job.payload("ls")
    ended = job.run()
    assert (ended.code, ended.stdout.split()) == (0, ["hepsub_home", "run.sh"])
    assert "the keys of the mailbox were not sent" in ended.stderr
    assert (tmp_path / "elsewhere").stat().st_size > 0


@one_shell
@pytest.mark.parametrize(
    ("status", "why"), [(404, "nobody has written a letter"), (403, "HTTP 403")]
)
def test_why_nothing_came_is_told_when_a_credential_has_ended(
    job: Job, store: Store, post: Post, status: int, why: str
) -> None:
    add_token(job, token(-5))
    add_mailbox(job, post, store)
    store.fault("GET", M, *[status] * 9)
    store.fault("GET", C, *[status] * 9)
    job.payload("exit 0")
    ended = job.run()
    assert (ended.code, states(ended.report)) == (0, ["expired"])
    told = [line for line in ended.stderr.splitlines() if "mailbox" in line]
    assert len(told) == 1
    assert why in told[0]


def test_keys_are_removed_where_no_manifest_names_them(job: Job, post: Post) -> None:
    job.env["_CONDOR_SCRATCH_DIR"] = str(job.directory)
    job.write(KEY, post.key)
    job.write(CERTIFICATE, post.certificate)
    job.write("hepsub.manifest", "hello\n")
    assert job.run().code == 80
    assert not list(job.directory.glob("hepsub.letters.*"))


@each_once
def test_nothing_secret_is_in_a_command_line(web_job: Job, store: Store, post: Post) -> None:
    web_job.payload("sleep 1")
    add_token(web_job, token(60))
    add_mailbox(web_job, post, store)
    store.put(M, post.seal(manifest_letter(web_job.manifest(), 101)))
    store.fault("GET", M, "slow")
    store.put(C, post.seal(credentials_letter({"iam.token": token(HOUR)}, 101)))
    process = web_job.start()
    seen = sample(process)
    assert web_job.end(process).code == 0
    assert not any("hush4711" in text for text in seen)
    assert any("letter" in text or "curl" in text for text in seen)
