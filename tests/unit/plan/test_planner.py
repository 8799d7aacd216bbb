"""make_plan: from what was asked, decided and found to one decided submission."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from hepsub import errors
from hepsub.errors import HepsubError
from hepsub.plan.accounting import Walltime
from hepsub.plan.draft import job_count
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.location import PlaceState
from hepsub.plan.model import Plan, Proc
from tests.fakes.world import (
    RUNNABLE,
    World,
    make_policy,
    make_situation,
    make_spec,
    make_world,
    plan_for,
)


def plan(*words: str, policy: str = "", facts: World | None = None) -> Plan:
    """The plan of `hep_sub WORDS` for alice in /work/alice."""
    return plan_for(make_spec(*words), make_policy(policy), facts or make_world())


def test_one_job_with_nothing_said() -> None:
    """Everything comes from the policy and the situation."""
    found = plan("job.sh")
    assert found.number == 1
    assert found.script == "job.sh"
    assert str(found.executable) == "/work/alice/job.sh"
    assert found.arguments == ()
    assert found.directory == "/work/alice"
    assert (found.cpus, found.gpus, found.memory_mb) == (1, 0, 2000)
    assert found.walltime == Walltime(name="default", limit=36000)
    assert (found.user, found.group, found.experiment) == ("alice", "juno", "JUNO")
    assert (found.os, found.image, found.name, found.once, found.event_log) == ("", "", "", "", "")
    assert (found.priority, found.universe, found.factory_idle) == (0, "vanilla", 0)
    assert found.hold_walltime
    assert found.hold_memory
    assert found.notes == ()


def test_everything_said() -> None:
    """What the user says goes before what the policy says."""
    found = plan(
        "-mem", "4000", "-np", "4", "-gpu", "1", "-wt", "mid", "-g", "bes", "-prio", "5", "-name", "scan 7",
        "-n", "100", "-first", "500", "-l", "run.log", "-once", "k1", "-os", "centos7",
        "job.sh", "-argu", "%{Index} x",
        policy="[os.CentOS7]\nimage = '/cvmfs/CentOS7'",
    )  # fmt: skip
    assert (found.memory_mb, found.cpus, found.gpus) == (4000, 4, 1)
    assert found.walltime == Walltime(name="mid", limit=360000)
    assert (found.group, found.experiment, found.priority) == ("bes", "BES", 5)
    assert (found.name, found.once, found.event_log) == ("scan 7", "k1", "/work/alice/run.log")
    assert (found.number, found.first) == (100, 500)
    assert (found.os, found.image) == ("CentOS7", "/cvmfs/CentOS7")
    assert [str(word) for word in found.arguments] == ["%{Index}", "x"]


SYSTEM = "[os.CentOS7]\nimage = '/cvmfs/CentOS7'\n"


@pytest.mark.parametrize(
    ("key", "value", "option", "error"),
    [
        ("pool", "mars", "-p", errors.UnknownPool),
        ("walltime", "eternal", "-wt", errors.UnknownWalltime),
        ("walltime", "9000d", "-wt", errors.WalltimeTooLong),
        ("os", "CentOS8", "-os", errors.UnknownSystem),
        ("group", "a b", "-g", errors.UnknownGroup),
    ],
)
def test_a_wrong_default_is_blamed_on_its_line_and_not_on_an_option(
    key: str, value: str, option: str, error: type[HepsubError]
) -> None:
    """The same word on the command line is blamed on the option."""
    with pytest.raises(errors.PolicyError) as caught:
        plan("job.sh", policy=f"{SYSTEM}[defaults]\n{key} = '{value}'\n")
    assert caught.value.message.startswith(f"test.toml line 4: defaults.{key}: ")
    assert value in caught.value.message
    assert f"{option}/" not in caught.value.message
    with pytest.raises(error) as said:
        plan(option, value, "job.sh", policy=SYSTEM)
    assert option in said.value.message


def test_a_primary_group_that_cannot_be_one_is_not_blamed_on_an_option() -> None:
    """Nobody said -g."""
    with pytest.raises(errors.UnknownGroup, match=r"^your primary group, .*'domain users' cannot"):
        plan("job.sh", facts=make_world(situation=make_situation(groups=("domain users",))))


def test_the_jobs_are_written_out_one_by_one() -> None:
    """ProcId from 0, Index from -first, the cluster still a name."""
    found = plan(
        "job.sh", "-n", "2", "-first", "40", "-argu", "%{ProcId}", "%{Index}", "-o", "log/%{ProcId}.%{ClusterId}"
    )  # fmt: skip
    assert list(found.procs()) == [
        Proc(
            proc=0,
            executable="/work/alice/job.sh",
            arguments=("0", "40"),
            stdout="/work/alice/log/0.%{ClusterId}",
            stderr="/work/alice/job.sh.err.%{ClusterId}.0",
        ),
        Proc(
            proc=1,
            executable="/work/alice/job.sh",
            arguments=("1", "41"),
            stdout="/work/alice/log/1.%{ClusterId}",
            stderr="/work/alice/job.sh.err.%{ClusterId}.1",
        ),
    ]


def test_the_first_few_of_many_jobs() -> None:
    """A preview needs ten, not a million."""
    assert [each.proc for each in plan("job.sh", "-n", "1000").procs(3)] == [0, 1, 2]
    assert [each.proc for each in plan("job.sh", "-n", "2").procs(3)] == [0, 1]


def test_a_list_makes_one_job_for_each_item() -> None:
    """Without -n the list decides, and an item with blanks stays one argument."""
    found = plan(
        "job.sh", "-list", "runs.txt", "-argu", "-i %{item}", facts=make_world(items=("run 1", "b"))
    )
    assert found.number == 2
    assert [each.arguments for each in found.procs()] == [("-i", "run 1"), ("-i", "b")]


@pytest.mark.parametrize(
    ("words", "items", "ends", "number"),
    [
        (("job.sh",), (), (), 1),
        (("job.sh", "-n", "6801"), (), (), 6801),
        (("job.sh", "-list", "l"), ("a", "b", "c"), (), 3),
        (("job.sh", "-list", "l", "-n", "2"), ("a", "b"), (), 2),
        (("job.sh", "-list", "l", "-per", "2"), ("a", "b", "c"), (2, 3), 2),
        (("job.sh", "-list", "l", "-per", "2", "-n", "2"), ("a", "b", "c"), (2, 3), 2),
        (("job.sh", "-list", "l", "-per", "1kB"), ("a", "b", "c"), (1, 3), 2),
    ],
)
def test_the_number_of_jobs(
    words: tuple[str, ...], items: tuple[str, ...], ends: tuple[int, ...], number: int
) -> None:
    """What -n says, else as many as share the list, else one."""
    assert job_count(make_spec(*words), make_policy(), items, ends) == number


def test_a_number_that_the_list_contradicts_is_told_with_the_jobs() -> None:
    """-list - -per 2 -n 5: what the list makes of it stands in the message."""
    spec = make_spec("job.sh", "-list", "-", "-per", "2", "-n", "5")
    with pytest.raises(errors.UsageError, match="-n 5, but stdin has 3 items, 2 jobs"):
        job_count(spec, make_policy(), ("a", "b", "c"), (2, 3))


@pytest.mark.parametrize(
    ("words", "is_told"),
    [
        (("-per", "2", "-argu", "%{item}"), True),
        (("-per", "1kB", "-argu", "%{item}"), True),
        (("-per", "2", "-argu", "%{items}", "-o", "%{item}.log"), False),
        (("-per", "1", "-argu", "%{item}"), False),
        (("-argu", "%{item}"), False),
    ],
)
def test_the_first_of_several_items_alone_is_told(words: tuple[str, ...], is_told: bool) -> None:
    """-per 2 -in %{item} would leave the second item of each job out, silently."""
    ends = (2, 3) if "-per" in words and "1" not in words else ()
    facts = replace(make_world(items=("a", "b", "c")), ends=ends)
    notes = plan("job.sh", "-list", "l", *words, facts=facts).notes
    assert any("only the first item of each job" in each for each in notes) is is_told


@pytest.mark.parametrize("per", ["2", "2GB"])
def test_per_needs_a_list(per: str) -> None:
    """Without one there is nothing to share."""
    with pytest.raises(errors.UsageError, match="-per needs a list"):
        job_count(make_spec("job.sh", "-per", per), make_policy(), ())


def test_other_shares_of_one_list_are_another_job() -> None:
    """-once tells when the job differs: so do shares of the same items in as many jobs."""
    words = ("job.sh", "-list", "l", "-per", "1kB", "-argu", "%{item}")
    first, second = (
        plan(*words, facts=replace(make_world(items=("a", "b", "c")), ends=ends))
        for ends in ((1, 3), (2, 3))
    )
    assert (first.number, second.number) == (2, 2)
    assert first.digest() != second.digest()
    assert [each.arguments for each in first.procs()] == [("a",), ("b",)]


@pytest.mark.parametrize("words", [("-in", "b.root"), ("-in", "a.root", "-out", "h=/work/alice/h")])
def test_other_files_are_another_job(words: tuple[str, ...]) -> None:
    """-once tells when the job differs: so it does with another input or output."""
    assert plan("job.sh", "-in", "a.root").digest() != plan("job.sh", *words).digest()


@pytest.mark.parametrize(
    ("number", "factory_idle"), [(9_999, 0), (10_000, 0), (10_001, 1_000), (100_000, 1_000)]
)
def test_above_a_limit_the_schedd_makes_the_jobs_as_it_goes(number: int, factory_idle: int) -> None:
    """10,000 jobs are made at once; one more makes a factory."""
    assert plan("job.sh", "-n", str(number)).factory_idle == factory_idle


def test_the_factorys_numbers_are_policy() -> None:
    """A site may want factories of another size."""
    found = plan("job.sh", "-n", "3", policy="[limits]\nfactory_above = 2\nfactory_idle = 7\n")
    assert found.factory_idle == 7


def test_enforcement_is_policy() -> None:
    """A site that enforces walltime itself switches the hold off."""
    found = plan("job.sh", policy="[limits]\nenforce_walltime = false\nenforce_memory = false\n")
    assert not found.hold_walltime
    assert not found.hold_memory


@pytest.mark.parametrize(
    ("words", "image"),
    [
        (("-os", "SL7"), "/cvmfs/singularity.opensciencegrid.org/opensciencegrid/osgvo-el7:latest"),
        (("-os", "sl7"), "/cvmfs/singularity.opensciencegrid.org/opensciencegrid/osgvo-el7:latest"),
        (("-image", "track.sif"), "/work/alice/track.sif"),
        (("-image", "/img/x.sif"), "/img/x.sif"),
        (("-image", "docker://almalinux:9"), "docker://almalinux:9"),
        (("-image", "x.sif", "-os", "SL7"), "/work/alice/x.sif"),
    ],
)
def test_the_image(words: tuple[str, ...], image: str) -> None:
    """-image goes before -os, in any case of letters; a path is made absolute, a registry's URL is not."""
    assert plan("job.sh", *words).image == image


def test_the_policys_system_is_for_jobs_without_an_image() -> None:
    """A default of SL7 does not put a second container around -image."""
    policy = "[defaults]\nos = 'SL7'\n"
    assert plan("job.sh", policy=policy).os == "SL7"
    assert plan("job.sh", "-image", "x.sif", policy=policy).os == ""


@pytest.mark.parametrize("image", ["docker://a:9", "docker-daemon://a:9"])
def test_an_image_of_a_registry_is_not_looked_for_on_disk(image: str) -> None:
    """docker:// names no file."""
    found = plan("job.sh", "-image", image, facts=make_world(image_exists=False))
    assert found.image == image


@pytest.mark.parametrize("universe", ["vanilla", "Vanilla", "container"])
def test_the_usual_universes_are_no_news(universe: str) -> None:
    """-u vanilla is what hepsub does anyway."""
    assert plan("job.sh", "-u", universe).notes == ()


def test_another_universe_is_a_note() -> None:
    """-u juno is a slip that users make; the job runs, and they are told."""
    found = plan("job.sh", "-u", "juno")
    assert found.universe == "juno"
    assert found.notes == (
        "-u juno: hepsub submits to HTCondor's vanilla universe (the group is said with -g)",
    )


def test_notes_of_all_stages_come_together() -> None:
    """An interpreter that is elsewhere and a secret that stays are both told."""
    absent = Program(
        state=ProgramState.RUNNABLE, interpreter="/opt/python", interpreter_here=False
    )  # fmt: skip
    facts = make_world(
        situation=make_situation(environment={"GITHUB_TOKEN": "x"}),
        programs={"/work/alice/job.sh": absent},
    )
    assert plan("job.sh", facts=facts).notes == (
        "the interpreter /opt/python does not exist on this machine",
        "not sent with the job, because they look like secrets: GITHUB_TOKEN; -env NAME sends one all the same,"
        " in a file that only the job reads",
    )


def test_logs_into_dev_null_need_nothing() -> None:
    """/dev is not writable by users, and -o /dev/null -e /dev/null is what they type every day."""
    found = plan("job.sh", "-o", "/dev/null", "-e", "/dev/null", "-n", "200")
    assert str(found.stdout) == str(found.stderr) == "/dev/null"


def test_one_fixed_file_for_many_jobs_is_accepted() -> None:
    """Common, and HepJob takes it."""
    found = plan("job.sh", "-n", "1000", "-o", "log/all.out", "-e", "log/all.out")
    assert str(found.stdout) == "/work/alice/log/all.out"


def test_an_old_log_in_a_directory_of_others_is_accepted() -> None:
    """A writable file needs no writable directory."""
    places = {"/shared/log": PlaceState.LOCKED_DIRECTORY, "/shared/log/a.out": PlaceState.FILE}
    found = plan("job.sh", "-o", "/shared/log/a.out", facts=make_world(places=places))
    assert str(found.stdout) == "/shared/log/a.out"


LOG_X = {"/work/alice/x": PlaceState.MISSING}
LOCKED = {"/work/alice/x": PlaceState.LOCKED_FILE}
LOCKED_HERE = {"/work/alice": PlaceState.LOCKED_DIRECTORY}
NO_BIT = {"/work/alice/job.sh": Program(state=ProgramState.NO_EXEC_BIT)}
SITE = "[site.far]\nrequirements = 'true'\nmax_memory = 1000\n"


@pytest.mark.parametrize(
    ("words", "policy", "facts", "error", "exit_code"),
    [
        (("job.sh", "-argu", "%{item}"), "", {}, errors.UsageError, 2),
        (("job.sh", "-list", "l", "-n", "5"), "", {"items": ("a",)}, errors.UsageError, 2),
        (("job.sh", "-o", "%{Proc}"), "", {}, errors.UsageError, 2),
        (("job.sh", "-env", "NOPE"), "", {}, errors.UsageError, 2),
        (("job.sh",), "", {"programs": {"/x": Program(state=ProgramState.MISSING)}}, errors.ScriptMissing, 11),
        (("job.sh",), "", {"programs": NO_BIT}, errors.ScriptNotExecutable, 12),
        (("job.sh", "-o", "x/y"), "", {"places": LOG_X}, errors.LogDirectoryMissing, 13),
        (("job.sh",), "", {"places": LOCKED_HERE}, errors.LogDirectoryNotWritable, 14),
        (("job.sh", "-o", "x"), "", {"places": LOCKED}, errors.LogDirectoryNotWritable, 14),
        (("job.sh", "-l", "x"), "", {"places": LOCKED}, errors.LogDirectoryNotWritable, 14),
        (("job.sh", "-env", "A=" + "x" * 3000), "[limits]\nenvironment_kb = 2", {}, errors.EnvironmentTooLarge, 15),
        (("job.sh", "-image", "x.sif"), "", {"image_exists": False}, errors.ImageMissing, 17),
        (("job.sh", "-g", "bes"), "[group.juno]", {}, errors.UnknownGroup, 20),
        (("job.sh",), "[group.bes]", {}, errors.NoGroup, 21),
        (("job.sh", "-p", "moon"), "", {}, errors.UnknownPool, 22),
        (("job.sh", "-wt", "eternal"), "", {}, errors.UnknownWalltime, 23),
        (("job.sh", "-rmt"), "", {}, errors.UnknownSite, 24),
        (("job.sh", "-site", "near"), SITE, {}, errors.UnknownSite, 24),
        (("job.sh", "-os", "Plan9"), "", {}, errors.UnknownSystem, 25),
        (("job.sh", "-rmt"), SITE, {}, errors.NoSuitableSite, 26),
        (("job.sh", "-n", "0"), "", {}, errors.JobCountTooSmall, 27),
        (("job.sh", "-n", "-3"), "", {}, errors.JobCountTooSmall, 27),
        (("job.sh", "-n", "1000001"), "", {}, errors.JobCountTooLarge, 28),
        (("job.sh", "-list", "l"), "[limits]\njobs = 1", {"items": ("a", "b")}, errors.JobCountTooLarge, 28),
        (("job.sh", "-wt", "721h"), "", {}, errors.WalltimeTooLong, 29),
        (("job.sh", "-list", "l", "-argu", "%{item}"), "", {"items": ("a\x1fb",)}, errors.NotExpressible, 30),
        (("job.sh", "-name", "a\nb"), "", {}, errors.NotExpressible, 30),
        (("job.sh", "-once", "a\nb"), "", {}, errors.NotExpressible, 30),
        (("job.sh", "-argu", "a\udc80b"), "", {}, errors.NotExpressible, 30),
    ],
)  # fmt: skip
def test_each_cause_has_its_own_error(
    words: tuple[str, ...],
    policy: str,
    facts: Mapping[str, object],
    error: type[HepsubError],
    exit_code: int,
) -> None:
    """What cannot be done is refused with the error, and so the exit code, that names the cause."""
    with pytest.raises(HepsubError) as caught:
        plan(*words, policy=policy, facts=make_world(**facts))  # type: ignore[arg-type]
    assert type(caught.value) is error
    assert caught.value.exit_code == exit_code
    assert caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("option", ["-o", "-e"])
def test_an_event_log_or_log_cannot_be_a_directory_by_pattern(option: str) -> None:
    """A log whose directory is named after the cluster cannot exist before the submission."""
    with pytest.raises(errors.UsageError, match="is named after the cluster"):
        plan("job.sh", option, "run.%{ClusterId}/x")


def test_the_event_log_cannot_be_a_directory() -> None:
    """HTCondor cannot write its event log into a directory: said now, not after the jobs ran."""
    with pytest.raises(HepsubError):
        plan("job.sh", "-l", "log")


def test_the_event_logs_file_may_be_new_in_a_directory_that_exists() -> None:
    """-l log/run.log is fine."""
    assert plan("job.sh", "-l", "log/run.log").event_log == "/work/alice/log/run.log"


def test_too_many_jobs_name_the_line_that_limits_them() -> None:
    """Whoever set the limit can be found."""
    with pytest.raises(errors.JobCountTooLarge) as caught:
        plan("job.sh", "-n", "51", policy="[limits]\njobs = 50\n")
    assert caught.value.message == (
        "51 jobs are more than the 50 that one cluster may have (limits.jobs, test.toml line 2)"
    )


def test_the_first_missing_thing_that_is_told_is_the_group() -> None:
    """Who has no group learns that before anything about files."""
    with pytest.raises(errors.NoGroup):
        plan("job.sh", "-o", "x/y", policy="[group.bes]", facts=make_world(programs=NO_BIT))


def test_a_plan_is_the_same_for_the_same_values() -> None:
    """No clock, no environment, no chance: planning twice gives equal plans."""
    assert plan("job.sh", "-n", "3") == plan("job.sh", "-n", "3")


def test_what_every_job_runs_is_in_the_plan_of_293_scripts() -> None:
    """run-%{ProcId}.sh -n 3 starts three programs."""
    programs = {f"/work/alice/run-{number}.sh": RUNNABLE for number in range(3)}
    found = plan("run-%{ProcId}.sh", "-n", "3", facts=make_world(programs=programs))
    assert [each.executable for each in found.procs()] == list(programs)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-n", "3", "-out", "*.root=herd:out/same/"), True),
        (("-n", "3", "-out", "*.root=herd:out/%{ClusterId}/"), True),
        (("-n", "3", "-out", "*.root=results/"), True),
        (("-n", "1", "-out", "*.root=herd:out/same/"), False),
        (("-n", "3", "-out", "*.root=herd:out/%{ProcId}/"), False),
        (("-n", "3", "-out", "*_%{ProcId}.root=herd:out/same/"), False),
    ],
)
def test_jobs_that_may_overwrite_each_others_matches_are_told(
    words: tuple[str, ...], said: bool
) -> None:
    """The names are the payload's to choose, so it is no error; but three files may become one."""
    policy = make_policy('[storage.herd]\nendpoint = "https://s3.example.org"\n')
    notes = plan_for(make_spec("job.sh", *words), policy, make_world()).notes
    assert any("the later one stays" in note for note in notes) is said


@pytest.mark.parametrize(
    "words",
    [
        ("job.sh",), ("job.sh", "-rmt"), ("job.sh", "-site", "annex"), ("job.sh", "-p", "far"),
        ("job.sh", "-p", "far", "-rmt"), ("job.sh", "-p", "here"), ("job.sh", "-cred", "none", "-rmt"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_does_not_run_on_this_file_system_has_a_bundle(words: tuple[str, ...]) -> None:
    """So HTCondor carries nothing by itself: what it carries, the bundle tells."""
    sites = "[site.off]\nrequirements = 'Off'\n[site.annex]\nrequirements = 'On'\nshared_filesystem = true\n"
    found = plan(*words, policy=f"[pool.local]\n[pool.far]\nspool = true\n{sites}")
    assert (found.staging is None) is found.route.delivery.shared
    assert found.staging is None or not found.staging.shared


CREDENTIAL = '[credential.iam]\nkind = "token"\n'


@pytest.mark.parametrize(
    ("words", "policy", "travels"),
    [
        ((), "", False),
        (("-cred", "iam"), "", True),
        ((), '[pool.local]\ncredentials = ["iam"]\n', True),
        (("-cred", "none"), '[pool.local]\ncredentials = ["iam"]\n', False),
        (("-site", "far"), '[site.far]\nrequirements = "x"\nisolation = "user"\n', False),
        (
            ("-site", "far"),
            '[site.far]\nrequirements = "x"\nisolation = "user"\ncredentials = ["iam"]\n',
            True,
        ),
    ],
)
def test_credentials_travel_by_the_users_word_the_pools_or_the_sites(
    words: tuple[str, ...], policy: str, travels: bool
) -> None:
    """A job that needs none of what travels at home has no bundle at all."""
    found = plan(*words, "job.sh", policy=CREDENTIAL + policy)
    held = found.staging.credentials if found.staging is not None else ()
    assert [each.name for each in held] == (["iam"] if travels else [])
    assert (found.staging is None) == (not travels and "-site" not in words)


@pytest.mark.parametrize(
    ("words", "notes"),
    [
        ("$(ProcId)", ("$(ProcId) stays as it is: %{ProcId}, %{ClusterId} and %{item} are filled in",)),
        ("a $(process).root", ("$(process) stays as it is: %{ProcId}, %{ClusterId} and %{item} are filled in",)),
        ("$(date) %{ProcId}", ()),
    ],
)  # fmt: skip
def test_who_knows_condor_submit_is_told_the_words_of_hep_sub(
    words: str, notes: tuple[str, ...]
) -> None:
    assert plan("job.sh", "-n", "2", "-argu", *words.split()).notes == notes
