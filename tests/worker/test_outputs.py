"""Outputs: in their place with the marker last, or at home with the job; never simply gone."""

import hashlib
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.worker.job import JOB, Job, encode
from tests.worker.store import SIGNATURE, Store

AWAY = "http://127.0.0.1:9/b"
"""Nobody listens there."""


def md5(content: bytes) -> str:
    """As the report says it."""
    return hashlib.md5(content).hexdigest()


def signed(url: str) -> str:
    """A URL with a signature."""
    return f"{url}?X-Amz-Signature={SIGNATURE}"


def form(key: str, signature: str = SIGNATURE) -> str:
    """The form of a pre-signed POST, as the manifest has it."""
    fields = {"key": key, "policy": 'a+/="\\é', "x-amz-signature": signature}
    return "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in fields.items()
    )


def test_outputs_are_uploaded_and_the_marker_is_last(web_job: Job, store: Store) -> None:
    web_job.payload("printf one >one; mkdir -p 'sub dir'; printf two >'sub dir/é two'; : >empty")
    web_job.add("marker", store.url("/b/.done"))
    web_job.add("output", "one", "-", store.url("/b/one"))
    web_job.add("output", "sub dir/é two", "-", store.url("/b/two"))
    web_job.add("output", "empty", "-", store.url("/b/empty"))
    ended = web_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert store.order("PUT") == ["/b/one", "/b/two", "/b/empty", "/b/.done"]
    marker = json.loads(store.objects.pop("/b/.done"))
    assert store.objects == {"/b/one": b"one", "/b/two": b"two", "/b/empty": b""}
    assert (marker["job"], marker["code"], marker["payload"]["exit_code"]) == (JOB, 0, 0)
    assert marker["outputs"] == ended.report["outputs"]
    first = {"name": "one", "state": "uploaded", "size": 3, "md5": md5(b"one")}
    assert marker["outputs"][0] == {
        **first,
        "url": f"{store.host}/b/one",
        "etag": md5(b"one"),
    }
    assert [file.name for file in web_job.home.iterdir()] == ["report.json"]


def test_nothing_is_sent_that_a_signature_does_not_expect(web_job: Job, store: Store) -> None:
    web_job.payload("printf one >one")
    web_job.add("output", "one", "-", store.url("/b/one"))
    assert web_job.run().code == 0
    (headers,) = store.headers
    names = {name.lower() for name in headers}
    assert names <= {"host", "user-agent", "accept", "accept-encoding", "content-length", "connection",
             "content-md5", "expect"}  # fmt: skip
    assert headers["Content-Length"] == "3"
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["content-md5"] == "+XxdKZQb+xsv2rCHSQargg=="  # a store refuses anything but "one"


def test_an_optional_output_may_be_missing(web_job: Job, store: Store) -> None:
    web_job.payload("exit 0")
    web_job.add("output", "one", "?", store.url("/b/one"))
    web_job.add("home", "two", "?", "-")
    web_job.add("marker", store.url("/b/.done"))
    ended = web_job.run()
    assert (ended.code, ended.outputs()) == (0, {"one": "missing", "two": "missing"})
    assert store.order("PUT") == ["/b/.done"]


def test_a_required_output_that_is_missing_is_84_without_marker(job: Job, store: Store) -> None:
    job.payload("printf one >one")
    job.add("output", "one", "-", store.url("/b/one"))
    job.add("output", "two", "-", store.url("/b/two"))
    job.add("marker", store.url("/b/.done"))
    ended = job.run()
    assert (ended.code, ended.report["code"]) == (84, 84)
    assert "'two'" in ended.stderr
    assert store.order("PUT") == ["/b/one"]


def test_outputs_of_a_failed_payload_are_uploaded_without_marker(job: Job, store: Store) -> None:
    job.payload("printf core >one; exit 7")
    job.add("output", "one", "-", store.url("/b/one"))
    job.add("output", "two", "-", store.url("/b/two"))
    job.add("marker", store.url("/b/.done"))
    ended = job.run()
    assert (ended.code, ended.report["code"], ended.stderr) == (7, 0, "")
    assert store.objects == {"/b/one": b"core"}


@pytest.mark.parametrize("faults", [[503, 500], ["reset"], ["wrong"], ["error"], [400]])
def test_a_fault_that_passes_is_waited_for(
    web_job: Job, store: Store, faults: list[int | str]
) -> None:
    web_job.payload("printf one >one")
    web_job.add("output", "one", "-", store.url("/b/one"))
    store.fault("PUT", "/b/one", *faults)
    ended = web_job.run()
    assert (ended.code, ended.outputs()) == (0, {"one": "uploaded"})
    assert store.objects["/b/one"] == b"one"
    assert store.count("PUT", "/b/one") == len(faults) + 1


def test_a_store_that_is_away_sends_the_outputs_home(web_job: Job) -> None:
    web_job.payload("printf one >one; mkdir d; printf two >'d/t%wo'")
    web_job.env["HEPSUB_PATIENCE_S"] = "1"
    web_job.add("output", "one", "-", signed(f"{AWAY}/one"))
    web_job.add("output", encode("d/t%wo"), "-", signed(f"{AWAY}/two"))
    web_job.add("marker", signed(f"{AWAY}/.done"))
    ended = web_job.run()
    assert (ended.code, ended.report["code"]) == (85, 85)
    assert ended.outputs() == {"one": "home", "d/t%wo": "home"}
    assert (web_job.home / "outputs" / "one").read_bytes() == b"one"
    assert (web_job.home / "outputs" / "d" / "t%wo").read_bytes() == b"two"
    assert ended.pending() == [
        ["outputs/one", "3", md5(b"one"), f"{AWAY}/one"],
        ["outputs/d/t%25wo", "3", md5(b"two"), f"{AWAY}/two"],
        ["report.json", "-", "-", f"{AWAY}/.done"],
    ]
    assert "no connection" in ended.stderr


def test_an_output_with_two_destinations_is_at_home_once(job: Job, store: Store) -> None:
    job.payload("printf one >one")
    job.env["HEPSUB_PATIENCE_S"] = "0"
    for place in (store.url("/b/one"), signed(f"{AWAY}/one"), signed(f"{AWAY}/two")):
        job.add("output", "one", "-", place)
    ended = job.run()
    assert [each["state"] for each in ended.report["outputs"]] == ["uploaded", "home", "home"]
    assert [line[3] for line in ended.pending()] == [f"{AWAY}/one", f"{AWAY}/two"]


def test_a_failed_payload_keeps_its_exit_code_when_the_store_is_away(job: Job) -> None:
    job.payload("printf one >one; exit 7")
    job.env["HEPSUB_PATIENCE_S"] = "0"
    job.add("output", "one", "-", signed(f"{AWAY}/one"))
    job.add("marker", signed(f"{AWAY}/.done"))
    ended = job.run()
    assert (ended.code, ended.report["code"], ended.outputs()) == (7, 85, {"one": "home"})
    assert len(ended.pending()) == 1


def test_a_marker_that_cannot_be_written_is_85(job: Job, store: Store) -> None:
    job.payload("printf one >one")
    job.env["HEPSUB_PATIENCE_S"] = "0"
    job.add("output", "one", "-", store.url("/b/one"))
    job.add("marker", signed(f"{AWAY}/.done"))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"one": "uploaded"})
    assert ended.pending() == [["report.json", "-", "-", f"{AWAY}/.done"]]


@pytest.mark.parametrize("status", [403, 404])
def test_a_refused_upload_without_chirp_goes_home_at_once(
    job: Job, store: Store, status: int
) -> None:
    job.payload("printf one >one")
    job.add("output", "one", "-", store.url("/b/one"))
    store.fault("PUT", "/b/one", status, status)
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"one": "home"})
    assert store.count("PUT", "/b/one") == 1


@pytest.mark.parametrize("verb", ["output", "glob"])
def test_what_the_store_says_is_told(web_job: Job, store: Store, verb: str) -> None:
    web_job.payload("printf one >one")
    if verb == "output":
        web_job.add("output", "one", "-", store.url("/b/one"))
        store.fault("PUT", "/b/one", *["403 QuotaExceeded"] * 2)
    else:
        web_job.add("glob", "on?", "-", f"{store.host}/b", form("${filename}"))
        store.fault("POST", "/b", *["403 QuotaExceeded"] * 2)
    ended = web_job.run()
    assert (ended.code, ended.outputs()) == (85, {"one": "home"})
    assert "HTTP 403 QuotaExceeded; it comes home" in ended.stderr


def test_a_wrong_etag_for_ever_sends_the_output_home(job: Job, store: Store) -> None:
    job.payload("printf one >one")
    job.add("output", "one", "-", store.url("/b/one"))
    store.fault("PUT", "/b/one", *["wrong"] * 9)
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"one": "home"})
    assert "ETag" in ended.stderr


def test_the_newest_urls_are_asked_for_before_the_upload(web_job: Job, store: Store) -> None:
    source = web_job.directory.parent / "bundle" / "a b.manifest"
    source.parent.mkdir()
    web_job.payload("printf one >one; printf two >x.dat")
    web_job.add("source", str(source))
    shared = list(web_job.lines)
    url, key = f"{store.host}/b", "dir/${filename}"
    web_job.add("output", "one", "-", store.url("/b/one", "old"))
    web_job.add("glob", "*.dat", "-", url, form(key, "old"))
    web_job.add("marker", store.url("/b/.done", "old"))
    fresh = [
        *shared,
        ("output", "one", "-", store.url("/b/one")),
        ("glob", "*.dat", "-", url, form(key)),
        ("marker", store.url("/b/.done")),
    ]
    source.write_text(web_job.manifest(fresh))
    ended = web_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert {each.status for each in store.requests} == {200, 204}


def test_an_output_too_large_for_home_is_tried_until_the_store_is_back(
    job: Job, store: Store
) -> None:
    job.payload("printf 123456 >one")
    job.env["HEPSUB_PATIENCE_S"] = "0"
    job.add("homelimit", "5")
    job.add("walltime", "600", "60")
    job.add("output", "one", "-", store.url("/b/one"))
    store.fault("PUT", "/b/one", 500, 403, "reset", 404, 500)
    ended = job.run()
    assert (ended.code, ended.outputs()) == (0, {"one": "uploaded"})


def test_what_can_neither_be_uploaded_nor_brought_home_is_87(job: Job) -> None:
    job.payload("printf 123456 >one; printf 12 >two")
    job.env["HEPSUB_PATIENCE_S"] = "0"
    job.add("homelimit", "5")
    job.add("walltime", "5", "1")
    job.add("output", "one", "-", signed(f"{AWAY}/one"))
    job.add("output", "two", "-", signed(f"{AWAY}/two"))
    job.add("marker", signed(f"{AWAY}/.done"))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (87, {"one": "lost", "two": "home"})
    assert "'one'" in ended.stderr
    assert [line[0] for line in ended.pending()] == ["outputs/two"]
    assert 2 < ended.seconds < 10


def test_an_output_above_putlimit_goes_home_without_a_try(job: Job, store: Store) -> None:
    job.payload("printf 123456 >one; printf 12345 >two")
    job.add("putlimit", "5")
    job.add("output", "one", "-", store.url("/b/one"))
    job.add("output", "two", "-", store.url("/b/two"))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"one": "home", "two": "uploaded"})
    assert store.order("PUT") == ["/b/two"]


# ---- home and shared file systems ----------------------------------------------------------------


def test_outputs_for_home_come_home_with_their_modes(job: Job) -> None:
    job.payload(
        "printf one >one; chmod 755 one; mkdir d; printf two >d/two; mkfifo d/fifo; ln -s one l"
    )
    for name in ("one", "d", "l"):
        job.add("home", name, "-", "-")
    ended = job.run()
    assert (ended.code, set(ended.outputs().values())) == (0, {"home"})
    outputs = job.home / "outputs"
    assert (outputs / "one").stat().st_mode & 0o777 == 0o755
    assert [file.name for file in (outputs / "d").iterdir()] == ["two"], (
        "a FIFO would stop HTCondor's starter"
    )


def test_an_output_for_home_above_the_limit_is_87(job: Job) -> None:
    job.payload("printf 123456 >one")
    job.add("homelimit", "5")
    job.add("home", "one", "-", "-")
    ended = job.run()
    assert (ended.code, ended.outputs()) == (87, {"one": "lost"})


def test_an_output_is_moved_whole_with_the_users_umask(job: Job) -> None:
    target = job.directory.parent / "shared" / "sub dir" / "made%.root"
    job.payload("printf one >one")
    job.add("move", "one", "-", encode(str(target)))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (0, {"one": "moved"})
    assert target.read_bytes() == b"one"
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(target.parent.iterdir()) == [target]
    assert ended.report["outputs"][0]["url"] == str(target)


def test_an_output_that_cannot_be_moved_comes_home(job: Job) -> None:
    blocker = job.directory.parent / "file"
    blocker.write_text("")
    job.payload("printf one >one")
    job.add("move", "one", "-", f"{blocker}/one")
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"one": "home"})
    assert ended.pending() == [["outputs/one", "3", md5(b"one"), f"{blocker}/one"]]


# ---- patterns ------------------------------------------------------------------------------------


def test_each_match_of_a_pattern_is_posted(web_job: Job, store: Store) -> None:
    web_job.write("in.root", b"came in")
    web_job.add("sent", "in.root")
    web_job.payload(
        "printf 1 >'a 1.root'; printf 2 >'é[2].root'; mkdir dir.root; printf 3 >dir.root/3"
    )
    web_job.add("glob", "*.root", "-", f"{store.host}/bucket", form("out/${filename}"))
    ended = web_job.run()
    assert (ended.code, ended.stderr) == (0, "")
    assert store.objects == {"/bucket/out/a 1.root": b"1", "/bucket/out/é[2].root": b"2"}
    assert store.forms[0]["policy"] == 'a+/="\\é'
    assert ended.outputs() == {"a 1.root": "uploaded", "é[2].root": "uploaded"}
    urls = [each["url"] for each in ended.report["outputs"]]
    assert urls == [
        f"{store.host}/bucket/out/{key}" for key in ("a%201.root", "%C3%A9%5B2%5D.root")
    ]


def test_a_match_whose_key_a_store_would_cut_comes_home(job: Job, store: Store) -> None:
    """Ceph takes the blank off the end of the form's key: another object would be written."""
    job.payload("printf 1 >'x '; printf 2 >x")
    job.add("glob", "x*", "-", f"{store.host}/bucket", form("out/${filename}"))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"x": "uploaded", "x ": "home"})
    assert store.objects == {"/bucket/out/x": b"2"}
    assert [line[3] for line in ended.pending()] == [f"{store.host}/bucket/out/x%2520"]


@pytest.mark.parametrize(("flags", "code"), [("-", 84), ("?", 0)])
def test_a_pattern_without_match_is_a_missing_output(job: Job, flags: str, code: int) -> None:
    job.payload("exit 0")
    job.add("glob", "*.root", flags, AWAY, form("out/${filename}"))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (code, {"*.root": "missing"})


def test_matches_of_one_file_name_do_not_overwrite_each_other(job: Job, store: Store) -> None:
    job.payload("mkdir a b; printf 1 >a/x; printf 2 >b/x")
    job.add("glob", "?/x", "-", f"{store.host}/bucket", form("${filename}"))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"a/x": "uploaded", "b/x": "home"})
    assert store.objects == {"/bucket/x": b"1"}


def test_a_pattern_goes_home_when_the_store_is_away(job: Job) -> None:
    job.payload("printf 1 >a.root")
    job.env["HEPSUB_PATIENCE_S"] = "0"
    job.add("glob", "*.root", "-", AWAY, form("out/${filename}"))
    ended = job.run()
    assert (ended.code, ended.outputs()) == (85, {"a.root": "home"})
    assert ended.pending() == [["outputs/a.root", "1", md5(b"1"), f"{AWAY}/out/a.root"]]


@pytest.mark.parametrize("flags", ["-", "?"])
def test_matches_of_a_pattern_go_to_a_path(job: Job, tmp_path: Path, flags: str) -> None:
    """Each file that the payload made, under its own name; what came in and hepsub's own are none."""
    goal = tmp_path / "results"
    job.payload("mkdir d; for n in a b; do echo $n >$n.txt; done; echo c >d/a.txt")
    job.write("in.txt", "input")
    job.write("items.txt", "item")
    job.add("sent", "in.txt")
    job.add("moveglob", "*.txt", flags, f"{goal}/")
    ended = job.run()
    assert ended.code == 0
    assert {p.name: p.read_text() for p in goal.iterdir()} == {"a.txt": "a\n", "b.txt": "b\n"}
    assert ended.outputs() == {"a.txt": "moved", "b.txt": "moved"}


def test_two_matches_of_one_name_do_not_overwrite_each_other(job: Job, tmp_path: Path) -> None:
    goal = tmp_path / "results"
    job.payload("mkdir d e; echo 1 >d/x; echo 2 >e/x")
    job.add("moveglob", "*/x", "-", f"{goal}/")
    ended = job.run()
    assert ended.code == 85
    assert (goal / "x").read_text() == "1\n"
    assert (job.home / "outputs/e/x").read_text() == "2\n"
    assert ended.pending() == [["outputs/e/x", "2", ended.pending()[0][2], f"{goal}/x"]]


def test_matches_of_a_pattern_come_home(job: Job) -> None:
    """Far away, where a path has no meaning yet."""
    job.payload("mkdir d; echo 1 >d/x.csv; echo 2 >y.csv")
    job.add("homeglob", "*.csv", "-", "-")
    job.add("homeglob", "d/*", "-", "-")
    ended = job.run()
    assert ended.outputs() == {"y.csv": "home", "d/x.csv": "home"}
    assert (job.home / "outputs/d/x.csv").read_text() == "1\n"


def test_no_name_with_a_backslash_keeps_all_others_away(job: Job) -> None:
    """HTCondor's shadow takes it for a way out of the job's corner, and holds the job: it is lost, and said."""
    job.payload(r"mkdir d; echo 1 >d/'x\y'; echo 2 >'a\'; echo 3 >b")
    job.add("confined")
    for name in ("d", "b"):
        job.add("home", name, "-", "-")
    job.add("homeglob", "a*", "-", "-")
    ended = job.run()
    assert (ended.code, ended.outputs()) == (87, {"d": "lost", "b": "home", "a\\": "lost"})
    assert "but HTCondor brings no name with a backslash from here" in ended.stderr
    assert [path.name for path in (job.home / "outputs").iterdir()] == ["b"]


@pytest.mark.parametrize(("flags", "code"), [("-", 84), ("?", 0)])
@pytest.mark.parametrize("action", ["moveglob", "homeglob"])
def test_a_pattern_without_matches_is_missing(
    job: Job, tmp_path: Path, action: str, flags: str, code: int
) -> None:
    """Files of hepsub and HTCondor do not count."""
    job.payload("exit 0")
    for name in ("items.txt", "_condor_stdout", "condor_exec.exe", "wrapper.sh"):
        job.write(name, "x")
    job.add(action, "*", flags, f"{tmp_path}/results/" if action == "moveglob" else "-")
    job.add("sent", "run.sh")
    assert job.run().code == code


def test_a_directory_joins_the_one_of_its_name_that_is_there(job: Job, tmp_path: Path) -> None:
    """It does not land inside, its files replace those of their names, and what else is there may be the user's."""
    goal = tmp_path / "results/d"
    (goal / "sub").mkdir(parents=True)
    (goal / "thesis").write_text("mine")
    (goal / "sub/same one").write_text("old")
    job.payload(
        "mkdir -p d/sub d/more/empty; echo 1 >d/new; echo 1 >'d/sub/same one'; ln -s new d/link"
    )
    job.add("move", "d", "-", str(goal))
    assert job.run().code == 0
    assert sorted(p.name for p in goal.iterdir()) == ["link", "more", "new", "sub", "thesis"]
    assert (goal / "thesis").read_text() == "mine"
    assert (goal / "sub/same one").read_text() == (goal / "link").read_text() == "1\n"
    assert (goal / "more/empty").is_dir()
    assert [p.name for p in goal.parent.iterdir()] == ["d"]


def test_a_directory_that_cannot_join_the_one_that_is_there_comes_home(
    job: Job, tmp_path: Path
) -> None:
    """A file stands where it has a directory: nothing is removed for that."""
    goal = tmp_path / "results/d"
    (goal / "x").mkdir(parents=True)
    (goal / "x/thesis").write_text("mine")
    job.payload("mkdir d; echo 1 >d/x")
    job.add("move", "d", "-", str(goal))
    ended = job.run()
    assert ended.code == 85
    assert (goal / "x/thesis").read_text() == "mine"
    assert (job.directory / "hepsub_home/outputs/d/x").read_text() == "1\n"
    assert [p.name for p in goal.parent.iterdir()] == ["d"]


def test_a_directory_goes_into_another_one_that_is_there(job: Job, tmp_path: Path) -> None:
    """One of another name is the user's, and nothing in it is lost."""
    goal = tmp_path / "results"
    goal.mkdir()
    (goal / "thesis").write_text("mine")
    job.payload("mkdir d; echo 1 >d/new")
    job.add("move", "d", "-", str(goal))
    assert job.run().code == 0
    assert (goal / "d/new").read_text() == "1\n"
    assert (goal / "thesis").read_text() == "mine"


@pytest.mark.parametrize("action", ["move", "home"])
def test_links_in_a_directory_arrive_as_the_files_of_the_job(
    job: Job, tmp_path: Path, action: str
) -> None:
    """Elsewhere they would lead nowhere; a link out of the job's directory is what the user meant, and stays."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("large")
    job.payload(
        "mkdir d e; echo 1 >d/1; echo 2 >2; ln -s 1 d/in; ln -s ../2 'd/o u\nt'; ln -s $PWD/2 d/abs; ln -s e d/e\n"
        f"ln -s {elsewhere} d/far; ln -s . d/loop; ln -s gone d/dangling; ln -s d link"
    )
    for name in ("d", "link"):
        job.add(action, name, "-", str(tmp_path / "goal" / name) if action == "move" else "-")
    assert job.run().code == 0
    root = tmp_path / "goal" if action == "move" else job.home / "outputs"
    for name in ("d", "link"):
        files = {p.name: p.read_text() for p in (root / name).iterdir() if p.is_file()}
        assert files.pop("far") == "large"
        assert files == {"1": "1\n", "in": "1\n", "o u\nt": "2\n", "abs": "2\n"}
        assert [(root / name / one).is_symlink() for one in ("in", "abs")] == [False, False]


def test_the_longest_name_is_moved(job: Job, tmp_path: Path) -> None:
    """While it is not whole it has another name, which is no longer."""
    job.payload(f"echo 1 >{'x' * 255}")
    job.add("move", "x" * 255, "-", str(tmp_path / "goal" / ("x" * 255)))
    assert job.run().code == 0
    assert [p.name for p in (tmp_path / "goal").iterdir()] == ["x" * 255]


@pytest.mark.parametrize(
    "last",
    [
        "rm -rf *",
        "chmod 500 .",
        "rm -rf hepsub_home; echo x >hepsub_home",
        "rm -rf hepsub_home; ln -s / hepsub_home",
    ],
)
def test_a_payload_that_clears_up_loses_nothing(job: Job, tmp_path: Path, last: str) -> None:
    """As many analysis scripts do: HTCondor holds a job whose directory for what comes home is not there."""
    job.payload(f"{last}\nexit 0")
    job.add("newfiles")
    ended = job.run()
    assert (ended.code, ended.report["code"]) == (0, 0)
