"""How the files of each job travel."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.errors import OutputConflict, UnknownStorage, UsageError
from hepsub.plan.checks import check_conflicts, check_sent, check_storages
from hepsub.plan.credentials import JobCredential
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.model import BUNDLE, SHARED, SPOOL, Delivery
from hepsub.plan.staging import StagingPlan, plan_staging
from hepsub.plan.template import Values, job_values, parse_template
from hepsub.policy.model import TOKEN
from hepsub.policy.places import bundle_root
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

STORE = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
[storage.open]
endpoint = "http://s3.open.org"
"""
ITEMS = ("s3://raw/a/1.root", "herd:raw/b/2.root", "/data/3.root")


def staging(
    *words: str,
    policy: str = STORE,
    isolation: str = "",
    delivery: Delivery = SHARED,
    io_proxy: bool = False,
) -> StagingPlan:
    """The staging of these words behind hep_sub, in /home/alice/work."""
    return plan_staging(
        make_spec("job.sh", *words),
        make_policy(policy),
        {},
        cwd=Path("/home/alice/work"),
        root="/home/alice/bundles",
        delivery=delivery,
        isolation=isolation,
        io_proxy=io_proxy,
    )


def first(number: int = 1, items: tuple[str, ...] = (), ends: tuple[int, ...] = ()) -> Values:
    """What the names stand for in the first job."""
    return job_values(number, 0, items, ends)[0]


def obj(key: str, bucket: str = "raw") -> ObjectPlace:
    """An object in the storage herd."""
    return ObjectPlace(storage="herd", bucket=bucket, key=key)


def test_a_job_without_in_and_out_is_not_staged() -> None:
    """No wrapper, no scratch directory, no bundle."""
    spec = make_spec("job.sh", "-n", "3")
    assert not spec.is_staged
    assert plan_for(spec, make_policy(STORE), make_world()).staging is None


@pytest.mark.parametrize(
    ("word", "name", "key"),
    [
        ("s3://raw/d/run.root", "run.root", "d/run.root"),
        ("s3://raw/d/run.root=in.root", "in.root", "d/run.root"),
        ("s3://raw/d/run_%{ProcId}.root", "run_0.root", "d/run_0.root"),
        ("s3://raw/a.root=in_%{Index}.root", "in_0.root", "a.root"),
        ("s3://raw/k=1/run.root", "run.root", "k=1/run.root"),
        ("s3://raw/k=1/run.root=in.root", "in.root", "k=1/run.root"),
        ("s3://raw/a.root=sub/in.root", "in.root", "a.root=sub/in.root"),
    ],
)
def test_the_name_of_an_input(word: str, name: str, key: str) -> None:
    """NAME behind the last `=` without a slash, else the last part of the URL; names are filled in both."""
    assert staging("-in", word).inputs_of(first()) == (Carried(name=name, place=obj(key)),)


def test_items_are_the_inputs_of_the_job() -> None:
    """`%{items}` stands for the job's K items, in S3 or on disk, under their own names."""
    plan = staging("-list", "l", "-per", "2", "-in", "%{items}", "-in", "const.txt")
    jobs = job_values(2, 0, ITEMS, (2, len(ITEMS)))
    assert [plan.inputs_of(values) for values in jobs] == [
        (
            Carried(name="1.root", place=obj("a/1.root")),
            Carried(name="2.root", place=obj("b/2.root")),
            Carried(name="const.txt", place=FilePlace(path="/home/alice/work/const.txt")),
        ),
        (
            Carried(name="3.root", place=FilePlace(path="/data/3.root")),
            Carried(name="const.txt", place=FilePlace(path="/home/alice/work/const.txt")),
        ),
    ]


def test_an_item_is_an_input_and_its_name_is_free() -> None:
    """`-in %{item}=in.root`: each job gets its item under one name."""
    plan = staging("-list", "l", "-in", "%{item}=in.root")
    assert plan.inputs_of(first(3, ITEMS)) == (Carried(name="in.root", place=obj("a/1.root")),)


def test_an_input_that_is_a_directory_is_refused() -> None:
    """`-in s3://raw/d/` has no single file."""
    with pytest.raises(UsageError) as error:
        staging("-in", "s3://raw/d/").inputs_of(first())
    assert "that is a directory" in error.value.message


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "d/", ""])
def test_names_outside_of_the_jobs_directory_are_refused(name: str) -> None:
    """No absolute name, no `..`, no directory."""
    with pytest.raises(UsageError):
        staging("-out", f"{name}=herd:out/x").outputs_of(first())


@pytest.mark.parametrize(
    ("word", "carried"),
    [
        ("r=herd:out/x", Carried(name="r", place=obj("x", "out"))),
        ("r=s3://out/%{ClusterId}/x", Carried(name="r", place=obj("%{ClusterId}/x", "out"))),
        ("r=herd:out/k=1/x", Carried(name="r", place=obj("k=1/x", "out"))),
        ("d/r.root=herd:out/d/", Carried(name="d/r.root", place=obj("d/r.root", "out"))),
        ("r?=herd:out/x", Carried(name="r", place=obj("x", "out"), optional=True)),
        ("r=res/", Carried(name="r", place=FilePlace(path="/home/alice/work/res/r"))),
        ("r=res", Carried(name="r", place=FilePlace(path="/home/alice/work/res"))),
        ("h_*.root=herd:out/d/", Carried(name="h_*.root", place=obj("d/", "out"))),
        ("h_*?=herd:out/", Carried(name="h_*", place=obj("", "out"), optional=True)),
        ("h_[ab]=res/", Carried(name="h_[ab]", place=FilePlace(path="/home/alice/work/res/"))),
    ],
)
def test_an_output(word: str, carried: Carried) -> None:
    """NAME=URL with ? for optional; a directory gets the name; a pattern keeps its directory."""
    assert staging("-out", word).outputs_of(first()) == (carried,)


def test_a_pattern_needs_a_directory() -> None:
    """`hist_*=herd:out/x` would write every match to one object."""
    with pytest.raises(UsageError) as error:
        staging("-out", "h_*=herd:out/x").outputs_of(first())
    assert error.value.remedy == "-out 'h_*=herd:out/x/'"


@pytest.mark.parametrize("word", ["=herd:out/x", "?=herd:out/x", "r", "r="])
def test_an_output_without_a_name_or_a_place_is_refused(word: str) -> None:
    """The message shows an example."""
    with pytest.raises(UsageError) as error:
        make_spec("job.sh", "-out", word)
    assert f"'{word}' is not NAME=URL" in error.value.message


def test_two_jobs_with_one_output_are_refused() -> None:
    """The first two of them are named, and the place as it was written."""
    plan = staging("-out", "r=herd:out/%{ClusterId}/r")
    with pytest.raises(OutputConflict) as error:
        check_conflicts(plan, job_values(3, 0, ()))
    assert error.value.message == "the jobs 0 and 1 would both write herd:out/%{ClusterId}/r"
    assert error.value.remedy == "put %{ProcId} into its name"
    check_conflicts(plan, job_values(1, 0, ()))


def test_one_job_that_writes_an_object_twice_is_refused() -> None:
    """Two outputs of one job to the same object: one would be lost."""
    with pytest.raises(OutputConflict):
        check_conflicts(
            staging("-out", "a=herd:out/x", "-out", "b=herd:out/x"), job_values(1, 0, ())
        )


def test_the_same_object_by_two_ways_to_write_it_is_a_conflict() -> None:
    """s3://out/x and herd:out/x are one object."""
    with pytest.raises(OutputConflict):
        check_conflicts(
            staging("-out", "a=herd:out/x", "-out", "b=s3://out/x"), job_values(1, 0, ())
        )


def test_patterns_of_many_jobs_may_share_a_directory_only_with_the_job_in_it() -> None:
    """What a pattern matches is not known before: two jobs with one directory are no proven conflict."""
    check_conflicts(staging("-out", "h_*=herd:out/d/"), job_values(2, 0, ()))


def test_a_pattern_and_a_file_do_not_conflict() -> None:
    """A fixed name beside a pattern of the same directory is accepted."""
    plan = staging("-out", "h_*=herd:out/%{ProcId}/", "-out", "r=herd:out/%{ProcId}/r")
    check_conflicts(plan, job_values(2, 0, ()))


def test_two_inputs_of_one_name_are_refused() -> None:
    """They would overwrite each other in the job's directory."""
    plan = staging("-in", "s3://raw/a/x.root", "-in", "s3://raw/b/x.root")
    with pytest.raises(OutputConflict) as error:
        check_conflicts(plan, job_values(1, 0, ()))
    assert error.value.message == "two inputs of job 0 would have the name x.root"
    check_conflicts(
        staging("-in", "s3://raw/a/x.root", "-in", "s3://raw/b/x.root=y.root"),
        job_values(1, 0, ()),
    )


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("/data/job.sh", "the script /home/alice/work/job.sh, which has the name job.sh there"),
        ("s3://raw/job.sh", "the script /home/alice/work/job.sh, which has the name job.sh there"),
        ("/data/x=iam.token", "a credential of the job, which has the name iam.token there"),
        ("job.sh", ""),
        ("/data/job.sh=other.sh", ""),
    ],
)
def test_an_input_cannot_take_the_place_of_what_is_sent_with_it(word: str, what: str) -> None:
    """The script is sent by its name: another file of that name would be run instead."""
    iam = JobCredential(name="iam", kind=TOKEN, file="iam.token")
    plan = replace(staging("-in", word, delivery=BUNDLE), credentials=(iam,))
    script = parse_template("/home/alice/work/job.sh")
    if not what:
        check_sent(plan, script, job_values(1, 0, ()))
        return
    with pytest.raises(OutputConflict) as caught:
        check_sent(plan, script, job_values(1, 0, ()))
    assert caught.value.message.endswith(f" would take the place of {what}")


def test_only_where_it_is_sent_a_script_can_be_overwritten() -> None:
    """At home it is run from where it lies."""
    words = ("job.sh", "-in", "/data/job.sh", "-rmt")
    policy = make_policy("[site.far]\nrequirements = 'G == \"far\"'\n")
    with pytest.raises(OutputConflict):
        plan_for(make_spec(*words), policy, make_world())
    assert plan_for(make_spec(*words[:-1]), policy, make_world()).staging is not None


def test_items_of_one_name_lie_in_directories_named_after_theirs() -> None:
    """`-per 3` with run1/h.root and run2/h.root: both are there, and what is alone keeps its plain name."""
    items = ("s3://raw/run1/h.root", "s3://raw/run2/h.root", "s3://raw/run2/g.root")
    plan = staging("-list", "l", "-per", "3", "-in", "%{items}")
    (values,) = job_values(1, 0, items, (3,))
    names = [each.name for each in plan.inputs_of(values)]
    assert names == ["run1/h.root", "run2/h.root", "g.root"]
    check_conflicts(plan, [values])


def test_an_item_twice_in_one_job_is_refused() -> None:
    """Nothing tells them apart."""
    plan = staging("-list", "l", "-per", "2", "-in", "%{items}")
    with pytest.raises(OutputConflict):
        check_conflicts(plan, job_values(1, 0, ("s3://raw/a/1.root",) * 2, (2,)))


@pytest.mark.parametrize(
    "name",
    ["hepsub.manifest", "items.txt", ".hepsub", "ca.herd.pem", "home.0", "hepsub.letters.pem"],
)
def test_an_input_cannot_take_the_place_of_hepsubs_own_files(name: str) -> None:
    """hepsub.manifest, items.txt, .hepsub and home.PROC belong to the wrapper."""
    with pytest.raises((UsageError, OutputConflict)):
        check_conflicts(
            staging("-list", "l", "-in", f"s3://raw/d/{name}"), job_values(1, 0, ("one",))
        )


def test_plain_http_is_refused_unless_the_policy_allows_it() -> None:
    """The storage is named only when one of the places is in it."""
    storages = make_policy(STORE).storage
    check_storages([obj("x"), FilePlace(path="/x")], storages)
    with pytest.raises(UnknownStorage) as error:
        check_storages([ObjectPlace(storage="open", bucket="b", key="k")], storages)
    assert "the storage open is plain http (http://s3.open.org)" in error.value.message
    assert "allow_http = true in [storage.open]" in error.value.remedy
    allowed = make_policy(STORE + "allow_http = true\n").storage
    check_storages([ObjectPlace(storage="open", bucket="b", key="k")], allowed)


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (("-out", "r=herd:out/%{ClusterId}/r"), True),
        (("-out", "r_%{ClusterId}=herd:out/r"), True),
        (("-in", "s3://raw/%{clusterid}"), True),
        (("-out", "r=herd:out/%{ProcId}"), False),
    ],
)
def test_what_needs_the_cluster(words: tuple[str, ...], needed: bool) -> None:
    """%{ClusterId} in a name or a URL makes the gate necessary."""
    assert staging(*words).needs_cluster is needed


@pytest.mark.parametrize(
    ("delivery", "isolation", "io_proxy", "confined", "chirp"),
    [
        (SHARED, "", True, False, False),
        (SPOOL, "user", True, False, False),
        (BUNDLE, "user", True, True, True),
        (BUNDLE, "user", False, True, False),
        (BUNDLE, "", True, True, False),
    ],
)
def test_who_may_reach_what_on_the_submit_side(
    delivery: Delivery, isolation: str, io_proxy: bool, confined: bool, chirp: bool
) -> None:
    """At home the wrapper reads the bundle itself; far away jobs are kept to their corner, and ask only if the
    policy wants it where users are kept apart."""
    plan = staging("-in", "x", delivery=delivery, isolation=isolation, io_proxy=io_proxy)
    assert (plan.confined, plan.chirp) == (confined, chirp)
    assert plan.is_refreshed is (delivery.shared or chirp)


def test_a_job_without_files_has_a_bundle_where_the_file_system_is_not_shared() -> None:
    """What it leaves behind comes back into a directory of its own, never over the user's files."""
    plan = staging(delivery=BUNDLE)
    assert (plan.in_place, plan.confined, plan.chirp) == (True, True, False)


def test_limits_of_the_policy() -> None:
    """Sizes are bytes, the grace seconds."""
    plan = staging("-in", "x")
    assert (plan.home_limit, plan.put_limit, plan.grace) == (2**30, 5 * 2**30, 300)
    other = '[staging]\nhome_limit = "10 MB"\ngrace = "1 min"\n'
    plan = staging("-in", "x", policy=other)
    assert (plan.home_limit, plan.grace) == (10 * 2**20, 60)
    assert staging(delivery=BUNDLE).grace == 15, (
        "a program without outputs only needs the time to end"
    )


@pytest.mark.parametrize(
    ("words", "name", "key"),
    [
        (("-in", "s3://raw/%{UUID}/x"), "x", "u-1/x"),
        (("-out", "%{UUID}=s3://raw/y"), "u-1", "y"),
        (("-in", "s3://raw/x"), "x", "x"),
    ],
)
def test_the_uuid_is_filled_in_before_the_jobs_are_there(
    words: tuple[str, ...], name: str, key: str
) -> None:
    """Once for all jobs; where no name asks for it nothing is done."""
    plan, jobs = staging(*words), job_values(2, 0, (), ())
    named = plan.with_uuid("u-1", jobs)
    assert (named is plan) is ("UUID" not in words[1])
    assert [*named.inputs_of(jobs[1]), *named.outputs_of(jobs[1])] == [
        Carried(name=name, place=obj(key))
    ]
    assert named.carried is None or len(named.carried.inputs) == 2


@pytest.mark.parametrize(
    ("said", "root"),
    [
        ("", "/home/alice/.local/share/hepsub/bundles"),
        ("/scratch/b", "/scratch/b"),
        ("/scratch/%{User}/b", "/scratch/alice/b"),
        ("/scratch/%{user}", "/scratch/alice"),
    ],
)
def test_where_the_bundles_are(said: str, root: str) -> None:
    """Below the home unless the policy says otherwise, with a directory for each user."""
    policy = make_policy(f'[staging]\nbundle_dir = "{said}"\n')
    assert bundle_root(policy, Path("/home/alice"), "alice") == root


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("./hist.root", "write 'hist.root'"),
        ("sub//x", "write 'sub/x'"),
        ("sub/./x", "write 'sub/x'"),
        ("d/", "write 'd'"),
        (".", "give a plain name, or one in a subdirectory"),
    ],
)
def test_a_name_that_the_wrapper_would_refuse_is_refused_before(name: str, remedy: str) -> None:
    """Each job would have ended with 80, hours later."""
    plan = staging("-out", f"{name}=herd:out/x")
    with pytest.raises(UsageError, match="cannot be the name of a file") as error:
        plan.outputs_of(first())
    assert error.value.remedy == remedy


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("herd:/out/x", "write herd:out/x;"),
        ("herd:out", "write herd:out/KEY;"),
        ("herd:", "write herd:BUCKET/KEY;"),
        ("s3:/out/x", "write s3://out/x;"),
    ],
)
def test_what_begins_as_an_object_is_no_path(url: str, right: str) -> None:
    """It would be a file ./herd:/…, and the result not where its user looks for it."""
    plan = staging("-out", f"r={url}")
    with pytest.raises(UsageError, match="is no object") as error:
        plan.outputs_of(first())
    assert right in error.value.remedy
    assert f"./{url}" in error.value.remedy


@pytest.mark.parametrize("path", ["a:b", "./herd:/x", "C:/x", "d/herd:out/x"])
def test_a_path_may_have_a_colon(path: str) -> None:
    """Where no storage has the name in front of it."""
    [carried] = staging("-out", f"r={path}").outputs_of(first())
    assert isinstance(carried.place, FilePlace)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("s3://raw/./a", "write herd:raw/a"),
        ("herd:raw/d/./a", "write herd:raw/d/a"),
        ("herd:raw/../a", "choose another key"),
    ],
)
def test_a_key_that_clients_would_fold_is_refused(url: str, remedy: str) -> None:
    """`find . -name '*.root'` makes such lists; the signature would not fit, and every job would get a 403."""
    plan = staging("-in", url)
    with pytest.raises(UsageError, match="no client sends as it is") as error:
        plan.inputs_of(first())
    assert error.value.remedy == remedy


def test_an_input_within_another_one_is_refused() -> None:
    """What a job put there would be in the user's own directory, where that is a link."""
    words = ("-in", "setup", "-in", "x.txt=setup", "-in", "y.txt")
    with pytest.raises(OutputConflict):
        check_conflicts(staging(*words), [first()])
    items = ("/a/setup/x", "/b/setup/x", "/c/a")
    plan = staging("-in", "%{items}", "-in", "z=a", "-list", "l")
    with pytest.raises(OutputConflict, match="the input a/setup/x of job 0 would lie in the input"):
        check_conflicts(plan, [first(1, items[:2], (2,))])
