"""Container images on the embedded pool: what is refused, what is planned, what holds a job."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced

from hepsub.batch import Act, State
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.fill import fill_bundle
from hepsub.errors import NotOnThisMachine
from hepsub.local.describe import check_possible, find_starter
from hepsub.local.launch import make_launch
from hepsub.local.outcome import IMAGE_CODE, UNSTARTED, HoldCause, complaint_of
from tests.fakes.world import make_policy, make_situation, make_spec, make_world, plan_for
from tests.here.world import Here
from tests.unit.bundle.test_request import make_request
from tests.worker.test_image import APPTAINER

SYSTEM = "[os.AlmaLinux9]\nimage = '{image}'\n"


@pytest.fixture
def box(here: Here) -> Here:
    """A pool on a machine with the wrapper's stand-in for apptainer, and an image."""
    programs = here.directory / "programs"
    programs.mkdir()
    here.script(APPTAINER.format(log=programs / "words").partition("\n")[2], "programs/apptainer")
    (here.directory / "box").mkdir()
    policy = (
        f"{here.policy}[staging]\nbundle_dir = '{here.directory / 'bundles'}'\n"
        + SYSTEM.format(image=here.directory / "box")
    )
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(here.directory / "home")}
    return replace(here, policy=policy, environment=environment)


@pytest.mark.parametrize("program", ["apptainer", "singularity"])
def test_the_starter_is_on_the_jobs_path(here: Here, program: str) -> None:
    here.script("true", program)
    found = str(here.directory / program)
    assert find_starter({"PATH": f"/nowhere:{here.directory}"}) == found


def test_the_wrappers_own_variable_counts_as_it_does_there(here: Here) -> None:
    here.script("true", "apptainer")
    path = {"PATH": str(here.directory)}
    assert find_starter({**path, "HEPSUB_APPTAINER": "/opt/one"}) == "/opt/one"
    assert find_starter({**path, "HEPSUB_APPTAINER": "-"}) == ""
    (here.directory / "apptainer").chmod(0o644)
    assert find_starter({**path, "HEPSUB_APPTAINER": ""}) == find_starter({})


@pytest.mark.parametrize(
    ("words", "said", "mend"),
    [
        (("-image", "box.sif"), "neither is on this machine", "leave out -image,"),
        (("-os", "AlmaLinux9"), "neither is on this machine", "leave out -os AlmaLinux9,"),
        (("-image", "docker://a:9"), "neither is on this machine", "leave out -image,"),
    ],
)
def test_without_apptainer_images_are_refused(
    here: Here, words: tuple[str, ...], said: str, mend: str
) -> None:
    here = replace(
        here,
        policy=here.policy + SYSTEM.format(image="/nowhere.sif"),
        environment={"HEPSUB_APPTAINER": "-"},
    )
    here.script("true")
    (here.directory / "box.sif").touch()
    with pytest.raises(NotOnThisMachine, match=said) as raised:
        here.pool.submit(here.plan("job.sh", *words), "uuid")
    assert raised.value.remedy.startswith("install apptainer, ")
    assert mend in raised.value.remedy
    assert not here.place.directory.exists()


def test_an_image_that_is_not_here_is_refused(box: Here) -> None:
    """The policy's is where the worker nodes see it, which this machine may not."""
    box.script("true")
    box = replace(box, policy=box.policy.replace("/box'", "/cvmfs.sif'"))
    with pytest.raises(NotOnThisMachine, match=r"cvmfs\.sif does not exist on this machine"):
        check_possible(box.plan("job.sh", "-os", "AlmaLinux9"))
    check_possible(box.plan("job.sh", "-image", "docker://almalinux:9"))
    with pytest.raises(NotOnThisMachine, match="GPUs"):
        check_possible(box.plan("job.sh", "-image", "box", "-gpu", "1"))


def test_what_is_started_is_the_wrapper_which_starts_the_image(box: Here) -> None:
    box.script("true")
    plan = box.plan("job.sh", "-image", "box", "-argu", "a b")
    launch = make_launch(plan, plan.values(0), "u-1")
    bundle = f"{box.directory}/bundles/u-1"
    assert launch.argv[:3] == (f"{bundle}/shared/scratch.sh", bundle, "0")
    assert launch.bundle == bundle
    assert plan.staging is not None
    assert plan.staging.image == str(box.directory / "box")
    assert plan.staging.workdir == str(box.directory)
    assert "/cvmfs" in plan.staging.mounts
    plain = box.plan("job.sh")
    assert plain.staging is None
    assert make_launch(plain, plain.values(0), "u-1").argv == (str(box.directory / "job.sh"),)


@pytest.mark.parametrize(("home", "shown"), [("/home/alice", ["/home/alice"]), ("/", [])])
def test_the_home_is_shown_unless_it_is_all(home: str, shown: list[str]) -> None:
    """Accounts without a home have `/`, which would hide the image."""
    situation = replaced(make_situation(), home=Path(home))
    spec = make_spec("-p", "here", "-image", "box.sif", "job.sh")
    policy = make_policy('[pool.here]\nkind = "here"\n')
    plan = plan_for(spec, policy, make_world(situation=situation))
    assert plan.staging is not None
    assert list(plan.staging.mounts) == ["/cvmfs", *shown]


def test_the_job_runs_in_its_directory_with_its_own_logs(box: Here) -> None:
    box.script('pwd; printf "<%s>" "$@" "$HOME"; echo bad >&2; exit 7')
    [end] = box.ended(box.submit("job.sh", "-os", "almalinux9", "-argu", "a $x", "-o", "out"))
    assert (end.state, end.exit_code) == (State.COMPLETED, 7)
    assert box.read("out") == f"{box.directory}\n<a><$x><{box.environment['HOME']}>"
    words = box.read("programs/words").splitlines()
    assert words[words.index("--pwd") + 1] == str(box.directory)


def test_an_image_that_does_not_start_holds_the_job_and_released_it_runs(box: Here) -> None:
    box.script("echo ran")
    url = "docker://nowhere/at:all"
    cluster = box.submit("job.sh", "-image", url, "-o", "out", "-e", "err")
    job = box.reach(f"{cluster}.0", State.HELD)
    assert (job.hold_code, job.exit_code) == (IMAGE_CODE, UNSTARTED)
    assert f"cannot be executed in the image {url}" in job.hold_reason
    assert "FATAL: could not open image" in box.read("err")
    advice = box.pool.explain(job, job.job, 0)
    assert advice.sentence.startswith("it could not be started: the payload")
    assert f"hep_release {job.job}" in advice.next_command
    (box.directory / url).mkdir(parents=True)
    box.act(Act.RELEASE)
    [end] = box.ended(cluster)
    assert (end.state, end.exit_code, box.read("out")) == (State.COMPLETED, 0, "ran\n")


@pytest.mark.parametrize(
    ("image", "report", "held"),
    [
        ("/box", {"code": 83, "message": "no"}, True),
        ("/box", {"code": 0, "message": "no"}, False),
        ("/box", {"code": 83, "message": ""}, False),
        ("", {"code": 83, "message": "no"}, False),
    ],
)
def test_the_report_tells_whether_the_image_failed(
    tmp_path: Path, image: str, report: dict[str, object], held: bool
) -> None:
    """A payload may end with 83 itself; without an image the exit code tells enough."""
    request = make_request()
    request = replaced(request, staging=replaced(request.staging, image=image))
    bundle = Bundle(directory=tmp_path, request=request)
    fill_bundle(bundle)
    bundle.returned(3).mkdir(parents=True)
    (bundle.returned(3) / "report.json").write_text(json.dumps(report))
    expected = HoldCause(IMAGE_CODE, 0, "no") if held else None
    assert complaint_of(str(tmp_path), 3, UNSTARTED) == expected
    assert complaint_of(str(tmp_path), 3, 1) is None
