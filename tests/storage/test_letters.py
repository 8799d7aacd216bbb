"""Letters of jobs that reach nothing here, in a store that enforces signatures: posted, opened, kept, removed."""

from __future__ import annotations

import hashlib
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.renew import Renewed, renew
from hepsub.actions.submit.submit import submit
from hepsub.auth.renewal import read_state
from hepsub.bundle.bundle import Bundle
from hepsub.errors import PoolUnreachable, StorageRefused, StorageUnreachable
from hepsub.files import write_whole
from hepsub.result import Result
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from tests.fakes.batch import FakeSchedd, as_batch_systems
from tests.fakes.credentials import FakeSource, make_token
from tests.fakes.hostile import Hostile, hostile_server
from tests.fakes.world import make_policy, make_script, make_session, make_situation, make_spec
from tests.testbed.s3 import S3Server

pytestmark = pytest.mark.s3

HOUR = 3600.0
OUT = ("-out", "r=herd:out/r_%{ProcId}", "-nocheck")


class Desk:
    """Alice's login node: a schedd that sees nothing of it, a source of tokens, and a store for the mail."""

    def __init__(self, directory: Path, server: S3Server) -> None:
        make_script(directory)
        self.directory = directory
        self.server = server
        self.endpoint = server.endpoint
        self.bucket = server.make_bucket(f"mail-{time.time_ns()}")
        self.schedd = FakeSchedd(host="far.example.org")
        self.source = FakeSource()
        self.public = False
        self.later = 0.0
        self.access = server.access_key
        self.no_keys = ""

    def session(self) -> Session:
        """A session now, or later."""
        policy = make_policy(
            "[pool.local]\nspool = true\n"
            f'[storage.herd]\nendpoint = "{self.endpoint}"\nallow_http = true\ndefault = true\n'
            f'[storage.other]\nendpoint = "{self.endpoint}"\nallow_http = true\n'
            f'[staging]\nbundle_dir = "{self.directory}/bundles"\n'
            f'mailbox = "herd:{self.bucket}/mail/%{{User}}"\nmailbox_public = {str(self.public).lower()}\n'
        )
        now = time.time() + self.later
        made = make_session(
            self.directory,
            as_batch_systems(self.schedd),
            policy=policy,
            situation=replace(make_situation(cwd=self.directory), now=now),
            sources={"iam": self.source},
        )
        return replace(made, keys=lambda name, _storage: self._keys(name, now))

    def _keys(self, name: str, now: float) -> S3Credentials:
        """Keys that end in an hour, as those of a session, without a token that this store would not know."""
        if name == self.no_keys:
            raise StorageUnreachable("the token service does not answer", remedy="wait")
        return S3Credentials(
            access=self.access, secret=self.server.secret_key, token="", expires=now + HOUR
        )

    def submit(self, *words: str) -> Path:
        """Submit, and give the bundle."""
        value = submit(self.session(), make_spec("job.sh", *words)).value
        return self.directory / "bundles" / value.submitted.uuid

    def renew(self, later: float = 0.0) -> Result[Renewed]:
        """One round, so many seconds later."""
        self.later += later
        return renew(self.session())

    def log_in(self, bundle: Path) -> bytes:
        """A newer token for the jobs than what they were submitted with."""
        token = make_token(time.time() + self.later, 9 * HOUR)
        write_whole(bundle / "private/creds/iam.token", token, 0o600)
        return token

    def letters(self) -> dict[str, int]:
        """What is in the mailbox: keys and sizes."""
        return self.server.objects(self.bucket)

    def open(self, bundle: Path, key: str) -> bytes:
        """What a job reads in a letter, with what was sent to it."""
        return opened(self.server.content(self.bucket, key), bundle / "shared")


def opened(sealed: bytes, shared: Path) -> bytes:
    """Open a letter as a job does."""
    pem, crt = (str(shared / f"hepsub.letters.{end}") for end in ("pem", "crt"))
    decrypt = ["openssl", "cms", "-decrypt", "-inform", "DER", "-recip", pem, "-inkey", pem]
    verify = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-noverify", "-nointern"]
    verify += ["-certfile", crt]
    signed = subprocess.run(decrypt, input=sealed, capture_output=True, check=True, timeout=60)
    return subprocess.run(
        verify, input=signed.stdout, capture_output=True, check=True, timeout=60
    ).stdout


def lines_of(manifest: str, action: str) -> list[list[str]]:
    """The lines of one action, as fields."""
    lines = (line.split("\t") for line in manifest.splitlines())
    return [line for line in lines if line[0] == action]


def manifest_of(bundle: Path, proc: int = 0) -> str:
    """The manifest of a job as it was handed over, or written since."""
    return (bundle / f"job/{proc}/hepsub.manifest").read_text()


def key_in(url: str, bucket: str) -> str:
    """The key of an object, of its URL."""
    return url.partition("?")[0].partition(f"/{bucket}/")[2]


@pytest.fixture
def desk(tmp_path: Path, rclone_s3: S3Server) -> Desk:
    """Alice's desk, with an empty mailbox."""
    rclone_s3.start()
    return Desk(tmp_path, rclone_s3)


@pytest.fixture
def silent() -> Iterator[Hostile]:
    """Give a store that takes requests, and says nothing."""
    with hostile_server() as server:
        yield server


def test_a_manifest_names_letters_whose_names_nobody_guesses(desk: Desk) -> None:
    """Signed, because they may not be read otherwise; the same names each time, others for each job."""
    bundle = desk.submit("-n", "2", "-cred", "iam", *OUT)
    uuid = bundle.name
    assert lines_of(manifest_of(bundle), "mailbox") == [
        ["mailbox", "hepsub.letters.pem", "hepsub.letters.crt"]
    ]
    own, common = lines_of(manifest_of(bundle), "letter")
    other = lines_of(manifest_of(bundle, 1), "letter")
    assert own[:3] == ["letter", "manifest", f"{uuid}.0"]
    assert common[:3] == ["letter", "credentials", uuid]
    assert other[0][2] == f"{uuid}.1"
    assert int(common[3]) < int(own[3]) < 2**53
    keys = [key_in(line[4], desk.bucket) for line in (own, common, *other)]
    assert len(set(keys)) == 3
    assert keys[1] == keys[3]
    assert all(key.startswith("mail/alice/") and len(key) == 11 + 64 for key in keys)
    assert all("X-Amz-Signature=" in line[4] for line in (own, common))
    assert desk.letters() == {}, "what they started with is no news"


def test_what_opens_letters_is_compared_and_what_signs_them_stays(desk: Desk) -> None:
    """The digests are in the list that every job compares; all keys are the user's alone."""
    bundle = desk.submit("-cred", "iam", *OUT)
    sums = (bundle / "shared/sets/0/hepsub.sums").read_text()
    for name in ("hepsub.letters.pem", "hepsub.letters.crt"):
        path = bundle / "shared" / name
        assert f"sha256\t{hashlib.sha256(path.read_bytes()).hexdigest()}\t{name}\n" in sums
        assert path.stat().st_mode & 0o777 == 0o600
    private = {path.name: path.stat().st_mode & 0o777 for path in bundle.glob("private/mailbox/*")}
    names = ("posted.json", "recipient.crt", "secret", "signer.pem")
    assert private == dict.fromkeys(names, 0o600)
    assert (bundle / "private/mailbox").stat().st_mode & 0o777 == 0o700


def test_what_jobs_get_is_newer_each_time_and_holds_the_next_address(desk: Desk) -> None:
    """At half of the life of what they have: a letter for each job, and one for all with the token."""
    bundle = desk.submit("-n", "2", "-cred", "iam", *OUT)
    first, common = lines_of(manifest_of(bundle), "letter")
    key, uuid = key_in(first[4], desk.bucket), bundle.name
    desk.log_in(bundle)
    serials = [int(first[3])]
    for _ in range(2):
        assert desk.renew(0.6 * HOUR).problems == ()
        head, _, text = desk.open(bundle, key).decode().partition("\n")
        serial = int(head.split("\t")[4])
        assert head == f"hepsub-letter\t1\tmanifest\t{uuid}.0\t{serial}"
        own = lines_of(text, "letter")[0]
        assert own[:4] == ["letter", "manifest", f"{uuid}.0", str(serial)]
        assert key_in(own[4], desk.bucket) == key
        assert text.splitlines()[0] == manifest_of(bundle).splitlines()[0]
        serials.append(serial)
    assert serials == sorted(set(serials))
    assert len(desk.letters()) == 3
    (line,) = desk.open(bundle, key_in(common[4], desk.bucket)).split(b"\n", 1)[:1]
    assert int(line.split(b"\t")[4]) > int(common[3])


def test_the_letter_with_credentials_has_them_whole(desk: Desk) -> None:
    """As files in base64; it is written when they are others than what the jobs have, and no sooner."""
    bundle = desk.submit("-cred", "iam", *OUT)
    key = key_in(lines_of(manifest_of(bundle), "letter")[1][4], desk.bucket)
    assert desk.renew().problems == ()
    assert desk.letters() == {}, "what they were submitted with is no news"
    for _ in range(2):
        token = desk.log_in(bundle)
        assert desk.renew(5).problems == ()
        before = desk.server.content(desk.bucket, key)
        head, name, *body = desk.open(bundle, key).decode().splitlines()
        assert head.split("\t")[:4] == ["hepsub-letter", "1", "credentials", bundle.name]
        assert name == f"file\tiam.token\t{len(body)}"
        assert b64decode("".join(body)) == token
        desk.renew(5)
        assert desk.server.content(desk.bucket, key) == before


def test_a_public_mailbox_has_addresses_that_never_end(desk: Desk) -> None:
    """And nothing is signed for it."""
    desk.public = True
    bundle = desk.submit("-cred", "iam")
    for line in lines_of(manifest_of(bundle), "letter"):
        assert line[4].startswith(f"{desk.server.endpoint}/{desk.bucket}/mail/alice/")
        assert "?" not in line[4]
    desk.log_in(bundle)
    assert desk.renew().problems == ()
    assert len(desk.letters()) == 1


def test_a_schedd_that_has_the_files_is_told_where_the_letters_are(desk: Desk) -> None:
    """Each time that the addresses are new; one that was away is told later, and a public address never ends."""
    bundle = desk.submit("-n", "2", *OUT)
    desk.renew()
    assert desk.schedd.addresses == {}, "their files are as new"
    desk.renew(0.6 * HOUR)
    told = dict(desk.schedd.addresses)
    own = [lines_of(manifest_of(bundle, proc), "letter")[0][4] for proc in range(2)]
    assert [key_in(told[13, proc], desk.bucket) for proc in range(2)] == [
        key_in(url, desk.bucket) for url in own
    ]
    assert all("X-Amz-Signature=" in url for url in told.values())
    desk.renew(5)
    assert desk.schedd.calls.count("write_addresses 13") == 1
    desk.schedd.reachable = False
    desk.renew(0.6 * HOUR)
    desk.schedd.reachable = True
    assert desk.schedd.calls.count("write_addresses 13") == 1
    desk.renew(5)
    assert desk.schedd.calls.count("write_addresses 13") == 2
    desk.public = True
    desk.submit(*OUT)
    desk.renew(0.6 * HOUR)
    assert desk.schedd.calls.count("write_addresses 14") == 0


def test_letters_of_ended_jobs_are_removed_and_then_their_keys(desk: Desk) -> None:
    """More than one request's worth of names costs no error; what never was is no trouble."""
    bundle = desk.submit("-n", "3", "-cred", "iam", *OUT)
    desk.log_in(bundle)
    desk.renew(0.6 * HOUR)
    assert len(desk.letters()) == 4
    desk.schedd.jobs.clear()
    result = desk.renew()
    assert (result.problems, desk.letters()) == ((), {})
    assert not (bundle / "private/mailbox").exists()
    assert not (bundle / "shared").exists()


@pytest.mark.parametrize("fault", ["away", "refused"])
def test_a_store_that_takes_no_letters_is_told_and_tried_again(desk: Desk, fault: str) -> None:
    """Only a store that does not answer is left alone for a while; when it is back, jobs get what is newest."""
    bundle = desk.submit("-cred", "iam", *OUT)
    key = key_in(lines_of(manifest_of(bundle), "letter")[0][4], desk.bucket)
    if fault == "away":
        desk.server.stop()
    else:
        desk.access = "nobody"
    result = desk.renew(0.6 * HOUR)
    (problem,) = [each for each in result.problems if "the mailbox" in each.message]
    assert problem.message.startswith("the mailbox in herd: jobs get nothing newer by the mailbox:")
    assert problem.remedy
    now = time.time() + desk.later
    outcome = read_state(desk.session().bundles, now).mailboxes["herd"]
    assert (outcome.failures, outcome.not_before > now) == (1, fault == "away")
    desk.server.start()
    desk.access = desk.server.access_key
    assert desk.renew(100).problems == ()
    assert lines_of(desk.open(bundle, key).decode(), "letter")[0][3] == str(
        lines_of(manifest_of(bundle), "letter")[0][3]
    )


def test_letters_that_cannot_be_removed_keep_nothing_else_back(desk: Desk) -> None:
    """The bundle is stripped; what names them is kept until they are gone."""
    bundle = desk.submit("-cred", "iam", *OUT)
    desk.renew(0.6 * HOUR)
    desk.schedd.jobs.clear()
    desk.server.stop()
    result = desk.renew()
    assert any("letters of jobs that have ended are still in" in p.message for p in result.problems)
    assert not (bundle / "private/creds").exists()
    desk.server.start()
    assert desk.renew().problems == ()
    assert desk.letters() == {}
    assert not (bundle / "private/mailbox").exists()


def test_a_silent_store_is_asked_once_in_a_round(desk: Desk, silent: Hostile) -> None:
    """For all that is posted and removed, in this round and in those that look at finished bundles again."""
    bundles = [desk.submit("-cred", "iam", *OUT) for _ in range(4)]
    desk.renew(0.6 * HOUR)
    desk.schedd.jobs[:] = [job for job in desk.schedd.jobs if job.cluster == 13]
    desk.endpoint = silent.endpoint
    # The second time the mailbox is left alone for a while; what has ended is looked at again.
    for later, asked in ((0.6 * HOUR, "PUT /"), (5, "POST /"), (5, "POST /")):
        silent.asked.clear()
        problems = [each.message for each in desk.renew(later).problems]
        assert [each.partition("mail")[0] for each in silent.asked] == [asked] * 3
        assert sum("are still in" in each for each in problems) == 1
        assert sum("nothing newer by the mailbox" in each for each in problems) == 1
    desk.schedd.jobs.clear()
    desk.endpoint = desk.server.endpoint
    assert (desk.renew(5).problems, desk.letters()) == ((), {})
    assert not any((bundle / "private/mailbox").exists() for bundle in bundles)


def test_all_credentials_go_before_any_manifest(desk: Desk, silent: Hostile) -> None:
    """They are few, and jobs fail without them first."""
    silent.says(b"")
    first, second = (desk.submit("-n", "3", "-cred", "iam", *OUT) for _ in range(2))
    desk.endpoint = silent.endpoint
    for bundle in (first, second):
        desk.log_in(bundle)
    assert desk.renew(0.6 * HOUR).problems == ()
    lines = [line for bundle in (first, second) for line in lines_of(manifest_of(bundle), "letter")]
    common = [key_in(line[4], desk.bucket) for line in lines if line[1] == "credentials"]
    posted = [key_in(each.split()[1], desk.bucket) for each in silent.asked]
    assert (set(posted[:2]), len(posted)) == (set(common), 8)


def test_what_keeps_one_bundle_from_writing_keeps_no_other(desk: Desk) -> None:
    """Its keys are spoilt: that is said, and the store is not left alone for it."""
    spoilt, bundle = (desk.submit(*OUT) for _ in range(2))
    (spoilt / "private/mailbox/signer.pem").write_text("nothing")
    for later in (0.6 * HOUR, 5):
        (problem,) = [p for p in desk.renew(later).problems if "mailbox" in p.message]
        assert f"{spoilt}/private/mailbox cannot be read: it is spoilt" in problem.message
        assert problem.remedy.startswith("its jobs go on with what they have")
        (letter,) = desk.letters()
        assert desk.open(bundle, letter).startswith(b"hepsub-letter\t1\tmanifest\t")


def test_a_manifest_that_cannot_be_made_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what keeps it from being made; the letters before it are there, and all are written again."""
    bundle = desk.submit("-n", "4", *OUT)
    whole = Bundle.manifests

    def broken(*words: Any, **names: Any) -> Iterator[tuple[int, str]]:
        yield from list(whole(*words, **names))[:2]
        raise StorageRefused("there are no keys", remedy="get some")

    desk.server.stop()
    desk.renew(0.6 * HOUR)  # the manifests are signed, and no letter is there
    desk.server.start()
    monkeypatch.setattr(Bundle, "manifests", broken)
    (problem,) = desk.renew(100).problems
    assert problem.message.endswith("jobs get nothing newer by the mailbox: there are no keys")
    monkeypatch.undo()
    assert desk.renew(5).problems == ()
    assert len(desk.letters()) == 4
    assert desk.open(bundle, next(iter(desk.letters()))).startswith(b"hepsub-letter")


def test_a_token_service_of_another_storage_keeps_no_letters_back(desk: Desk) -> None:
    """Only of the jobs whose files lie there; the mailbox itself answers."""
    desk.submit("-out", "r=other:out/r_%{ProcId}", "-nocheck")
    bundle = desk.submit(*OUT)
    desk.server.stop()
    desk.renew(0.6 * HOUR)
    desk.server.start()
    desk.no_keys = "other"
    (problem,) = [each for each in desk.renew(100).problems if "mailbox" in each.message]
    assert problem.message.endswith("the token service does not answer")
    now = time.time() + desk.later
    assert read_state(desk.session().bundles, now).mailboxes["herd"].not_before == 0.0
    (letter,) = desk.letters()
    assert desk.open(bundle, letter).startswith(b"hepsub-letter")


def test_a_schedd_that_is_not_told_hides_no_letters(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were posted: status says so, and what failed."""
    desk.submit(*OUT)

    def refuse(*_words: object) -> None:
        raise PoolUnreachable("it does not answer", remedy="wait")

    monkeypatch.setattr(FakeSchedd, "write_addresses", refuse)
    (problem,) = desk.renew(0.6 * HOUR).problems
    assert "it does not answer" in problem.message
    now = time.time() + desk.later
    outcome = read_state(desk.session().bundles, now).mailboxes["herd"]
    assert (len(desk.letters()), outcome.renewed > now - 60, outcome.not_before) == (1, True, 0.0)
    monkeypatch.undo()
    assert desk.renew(5).problems == ()
    assert desk.schedd.calls.count("write_addresses 13") == 1


def test_what_a_job_writes_into_its_corner_is_not_signed(desk: Desk) -> None:
    """Letters are made of the request, which no job reaches."""
    bundle = desk.submit("-cred", "iam", *OUT)
    key = key_in(lines_of(manifest_of(bundle), "letter")[0][4], desk.bucket)
    desk.server.stop()
    desk.renew(0.6 * HOUR)
    desk.server.start()
    corner = bundle / "job/0/hepsub.manifest"
    corner.write_text(corner.read_text().replace("payload\tjob.sh", "payload\tevil.sh"))
    assert desk.renew(100).problems == ()
    assert b"evil" not in desk.open(bundle, key)


def _spoil_none(sealed: bytes) -> bytes:
    return sealed


def _spoil_last(sealed: bytes) -> bytes:
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


def _cut(sealed: bytes) -> bytes:
    return sealed[:-40]


@pytest.mark.parametrize(
    ("spoil", "good"), [(_spoil_none, True), (_spoil_last, False), (_cut, False)]
)
def test_a_letter_opens_whole_or_not_at_all(
    desk: Desk, spoil: Callable[[bytes], bytes], good: bool
) -> None:
    """With the options that the wrapper uses; and not with the keys of another submission."""
    bundle, other = desk.submit("-cred", "iam"), desk.submit("-cred", "iam")
    desk.log_in(bundle)
    desk.renew()
    key = key_in(lines_of(manifest_of(bundle), "letter")[1][4], desk.bucket)
    sealed = spoil(desk.server.content(desk.bucket, key))
    for shared, mine in ((bundle / "shared", True), (other / "shared", False)):
        if good and mine:
            assert opened(sealed, shared).startswith(b"hepsub-letter\t1\tcredentials\t")
        else:
            with pytest.raises(subprocess.CalledProcessError):
                opened(sealed, shared)
