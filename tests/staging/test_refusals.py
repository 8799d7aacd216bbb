"""What is refused before anything is submitted, and what is left out when nobody looks."""

import pytest

from tests.staging.desk import E_INPUT, Desk, codes, write_policy

pytestmark = [pytest.mark.condor, pytest.mark.s3]

CONFLICT, MISSING, UNKNOWN, REFUSED, UNREACHABLE, UNUSABLE = 33, 32, 31, 34, 35, 37


def nothing_happened(desk: Desk) -> bool:
    """Neither a job nor a bundle."""
    bundles = list(desk.bundles.iterdir()) if desk.bundles.exists() else []
    return desk.shell.counts("-u")["jobs"] == 0 and bundles == []


def test_missing_inputs_are_named_all_at_once(each_desk: Desk) -> None:
    """Of 70 inputs in S3 and one on disk the 3 that are missing are named, and nothing is submitted."""
    desk, user = each_desk, each_desk.shell
    for number in range(70):
        if number not in (3, 68):
            desk.put(f"d/{number}.dat", "x")
    user.script("job.sh", "true")
    said = user.refused(
        MISSING, "job.sh", "-n", "70", "-in", "s3://raw/d/%{ProcId}.dat", "-in", "no/such.txt"
    )
    assert "3 input(s) do not exist" in said
    for name in ("herd:raw/d/3.dat", "herd:raw/d/68.dat", f"{user.work}/no/such.txt"):
        assert name in said
    assert nothing_happened(desk)


def test_two_jobs_that_would_write_the_same_object_are_refused(desk: Desk) -> None:
    """Exit code 33 names the object and both jobs; with %{ProcId} in it the same line is accepted."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    said = user.refused(CONFLICT, "job.sh", "-n", "2", "-out", "r=herd:out/%{ClusterId}/r")
    assert "the jobs 0 and 1 would both write herd:out/%{ClusterId}/r" in said
    assert nothing_happened(desk)
    assert (
        user(
            "hep_sub", "job.sh", "-n", "2", "-out", "r=herd:out/%{ProcId}/r", "-dry-run"
        ).returncode
        == 0
    )
    assert nothing_happened(desk)


def test_stores_that_cannot_be_used_are_refused_with_the_reason(desk: Desk) -> None:
    """Unknown storage, wrong keys, plain http, a store that is away: each has its own exit code."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    desk.put("a", "x")
    assert "herd" in user.refused(UNKNOWN, "job.sh", "-in", "herb:raw/a")
    keys = user.account.home / ".aws/credentials"
    right = keys.read_text()
    keys.write_text(right.replace(desk.server.secret_key, "wrong" * 8))
    said = user.refused(REFUSED, "job.sh", "-in", "s3://raw/a")
    assert "herd" in said
    keys.write_text("")
    said = user.refused(REFUSED, "job.sh", "-in", "s3://raw/a")
    assert "no keys for the storage herd" in said
    said = user.refused(REFUSED, "job.sh", "-out", "r=herd:out/r")
    assert "no keys for the storage herd" in said
    keys.write_text(right)
    desk.server.stop()
    said = user.refused(UNREACHABLE, "job.sh", "-in", "s3://raw/a", timeout=100)
    assert desk.server.endpoint in said
    user.policy.write_text(user.policy.read_text().replace("allow_http = true", ""))
    said = user.refused(UNKNOWN, "job.sh", "-in", "s3://raw/a")
    assert "allow_http = true in [storage.herd]" in said
    assert nothing_happened(desk)


def test_what_is_at_the_places_of_outputs_is_said_or_refused(each_desk: Desk) -> None:
    """Results of earlier jobs by one listing, a bucket that is not there, one for which nobody has keys."""
    desk, user = each_desk, each_desk.shell
    user.script("job.sh", "echo > r")
    for key in ("d/0.root", "d/2.root", "d/2.root.old", "d/deep/1.root"):
        desk.put(key, "x", bucket="out")
    line = ("hep_sub", "job.sh", "-n", "3", "-dry-run", "-out")
    said = user(*line, "r=s3://out/d/%{ProcId}.root").stderr
    assert "2 outputs exist already (herd:out/d/0.root, herd:out/d/2.root) and will be" in said
    for new in ("%{ClusterId}", "%{Uuid}"):
        assert "exist" not in user(*line, f"r=s3://out/d/{new}/%{{ProcId}}.root").stderr
        said = user.refused(UNUSABLE, *line[1:], f"r=s3://outt/{new}/%{{ProcId}}.root")
        assert "the storage herd has no bucket 'outt'" in said
    assert user(*line, "r=s3://outt/%{ProcId}.root", "-nocheck").returncode == 0
    said = user.refused(UNUSABLE, *line[1:], "r=job.sh/%{ProcId}.root")
    assert (
        f"no output can be put into {user.work}/job.sh: {user.work}/job.sh is no directory" in said
    )
    keys = user.account.home / ".aws/credentials"
    keys.write_text(keys.read_text().replace(desk.server.secret_key, "wrong" * 8))
    done = user(*line, "r=s3://out/d/%{ProcId}.root")
    if "AccessDenied" in done.stderr:  # Ceph with STS says so of keys that may not list, too
        assert done.returncode == 0
        assert "whether outputs exist already was not seen: the storage herd refuses" in done.stderr
    else:
        assert done.returncode == REFUSED, done
        assert "the storage herd refuses out/d/ (SignatureDoesNotMatch)" in done.stderr
    assert nothing_happened(desk)


def test_nocheck_submits_without_looking_and_the_job_says_what_is_missing(desk: Desk) -> None:
    """-nocheck: accepted with the store away; the job ends with 81 and its stderr names the input."""
    user = desk.shell
    user.script("job.sh", "touch ran")
    desk.server.stop()
    done = desk.submit("job.sh", "-in", "s3://raw/absent.dat", "-nocheck", "-wn", "nosuch")
    desk.server.start()
    user.ok("hep_rm", str(done["cluster"]))
    done = desk.submit("job.sh", "-in", "s3://raw/absent.dat", "-nocheck")
    assert codes(user.ended(done["cluster"])) == [E_INPUT]
    assert "absent.dat" in user.text(f"job.sh.err.{done['cluster']}.0")
    assert desk.report(done["uuid"], 0)["payload"] is None


def test_a_bundle_where_the_schedd_cannot_read_it_is_refused(desk: Desk) -> None:
    """bundle_dir in /tmp, and a schedd on another host without shared = true: exit code 36."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    line = ("job.sh", "-out", "r=herd:out/r_%{ClusterId}")
    policy = user.policy.read_text()
    user.policy.write_text(policy.replace("shared = true", 'shared = true\nbundle_dir = "/tmp/b"'))
    assert "/tmp/b" in user.refused(36, *line)
    user.policy.write_text(policy.replace("shared = true", ""))
    assert "ap.test.hep" in user.refused(36, *line)
    write_policy(user, desk.server.endpoint)
    assert nothing_happened(desk)


def test_a_lifetime_that_is_too_short_is_said_with_the_true_limit(desk: Desk) -> None:
    """A job that may wait ten days and run ten hours is told that S3 allows seven days."""
    user = desk.shell
    user.script("job.sh", "echo > r")
    done = user("hep_sub", "job.sh", "-out", "r=herd:out/r_%{ClusterId}")
    assert done.returncode == 0
    assert (
        "the signed access to the storage herd ends in 7 d; a job may wait and run up to"
        in done.stderr
    )
