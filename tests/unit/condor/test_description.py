"""Plan → submit description: the whole text, written out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hepsub.condor.description import SubmitDescription, describe
from hepsub.errors import HepsubError, NotExpressible
from hepsub.job import Columns
from hepsub.jobid import Again
from hepsub.plan.location import PlaceState
from tests.fakes.world import (
    RUNNABLE,
    World,
    make_policy,
    make_situation,
    make_spec,
    make_world,
    plan_for,
)

JOB_ID = "_CONDOR_IHEP_JOB_ID=$$([MY.ClusterId]).$$([MY.ProcId])"
SITE = """
[site.far]
requirements = 'GLIDEIN_Site == "far"'
"""
BACKSTOPS = (
    "periodic_hold = (JobStatus == 2 && time() - JobCurrentStartDate > MY.HepSub_WalltimeLimit)"
    " || (JobStatus == 2 && MemoryUsage > RequestMemory)\n"
    "periodic_hold_reason = ifThenElse(JobStatus == 2 && time() - JobCurrentStartDate >"
    ' MY.HepSub_WalltimeLimit, "walltime limit reached",'
    ' strcat("memory limit reached: used ", string(MemoryUsage), " MB"))\n'
    "periodic_hold_subcode = ifThenElse(JobStatus == 2 && time() - JobCurrentStartDate >"
    " MY.HepSub_WalltimeLimit, 72, 34)\n"
)
LOCAL_REASON = (
    "local is the first pool of the policy; a plain job runs where this host's file system is"
)


def described(*words: str, policy: str = "", facts: World | None = None) -> SubmitDescription:
    """What HTCondor gets for `hep_sub WORDS` of alice in /work/alice."""
    plan = plan_for(make_spec(*words), make_policy(policy), facts or make_world())
    return describe(plan, "a1b2-c3d4")


def line(description: SubmitDescription, command: str) -> str:
    """The value of one command, which stands in the text exactly once."""
    values = re.findall(rf"^{re.escape(command)} = (.*)$", description.text, re.MULTILINE)
    assert len(values) == 1
    return str(values[0])


def commands(description: SubmitDescription) -> list[str]:
    """The commands of the text, in their order."""
    return [each.split(" = ")[0] for each in description.text.splitlines()]


def test_a_plain_job() -> None:
    """`hep_sub job.sh`, all of it."""
    found = described("job.sh")
    assert found.text == (
        "universe = vanilla\n"
        "executable = /work/alice/job.sh\n"
        "output = /work/alice/job.sh.out.$(ClusterId).$(ProcId)\n"
        "error = /work/alice/job.sh.err.$(ClusterId).$(ProcId)\n"
        "notification = Never\n"
        "initialdir = /work/alice\n"
        "should_transfer_files = NO\n"
        "request_cpus = 1\n"
        "request_memory = 2000\n"
        "accounting_group = JUNO.juno.default\n"
        "accounting_group_user = alice\n"
        f"environment = \"'PWD=/work/alice' {JOB_ID}\"\n"
        f"{BACKSTOPS}"
        'My.HepJob_Experiment = "JUNO"\n'
        'My.HepJob_JobType = "normal"\n'
        'My.HepJob_Walltime = "default"\n'
        'My.HepJob_RealGroup = "juno"\n'
        'My.IHEP_RealGroup = "juno"\n'
        'My.HepSub_UUID = "a1b2-c3d4"\n'
        'My.HepSub_Version = "0.1.0"\n'
        'My.HepSub_Pool = "local"\n'
        f'My.HepSub_Reason = "{LOCAL_REASON}"\n'
        "My.HepSub_WalltimeLimit = 36000\n"
    )
    assert found.items == ()


def test_a_job_with_everything() -> None:
    """Resources, group, container, priority, name, log, key and arguments, all of it."""
    facts = make_world(
        situation=make_situation(
            environment={"PATH": "/usr/bin:/bin", "ODD": "a $$(X) 'q' \"d\"", "EMPTY": ""}
        )
    )
    found = described(
        "-mem", "4000", "-np", "4", "-gpu", "1", "-wt", "mid", "-g", "bes", "-prio", "5", "-name", "scan 7",
        "-n", "100", "-l", "run.log", "-once", 'key "1"', "-os", "SL7", "-schedd", "schedd07",
        "-o", "log/%{ProcId}.out", "-e", "/dev/null",
        "job.sh", "-argu", "%{ProcId} $HOME it's",
        policy="[os.SL7]\nimage = '/cvmfs/image/SL7'\n",
        facts=facts,
    )  # fmt: skip
    assert found.text == (
        "universe = container\n"
        "executable = /work/alice/job.sh\n"
        "arguments = \"$(ProcId) $'HOME' 'it''s'\"\n"
        "output = /work/alice/log/$(ProcId).out\n"
        "error = /dev/null\n"
        "log = /work/alice/run.log\n"
        "container_image = /cvmfs/image/SL7\n"
        "transfer_container = false\n"
        "batch_name = scan 7\n"
        "notification = Never\n"
        "initialdir = /work/alice\n"
        "should_transfer_files = NO\n"
        "request_cpus = 4\n"
        "request_memory = 4000\n"
        "request_gpus = 1\n"
        "accounting_group = BES.bes.mid\n"
        "accounting_group_user = alice\n"
        "priority = 5\n"
        "environment = \"'PWD=/work/alice' 'EMPTY=' 'ODD=a '$$(DOLLARDOLLAR)'(X) ''q'' \"\"d\"\"'"
        f" 'PATH=/usr/bin:/bin' {JOB_ID}\"\n"
        f"{BACKSTOPS}"
        'My.HepJob_Experiment = "BES"\n'
        'My.HepJob_JobType = "gpu"\n'
        'My.HepJob_Walltime = "mid"\n'
        'My.HepJob_RequestOS = "SL7"\n'
        'My.HepJob_RealGroup = "bes"\n'
        'My.IHEP_RealGroup = "bes"\n'
        'My.HepSub_UUID = "a1b2-c3d4"\n'
        'My.HepSub_Version = "0.1.0"\n'
        'My.HepSub_Pool = "local"\n'
        f'My.HepSub_Reason = "{LOCAL_REASON}"\n'
        'My.HepSub_Once = "key \\"1\\""\n'
        "My.HepSub_WalltimeLimit = 360000\n"
    )
    assert found.items == ()


def test_a_list_becomes_items() -> None:
    """What HTCondor's macros do not know is written out for each job, and nothing else is."""
    found = described(
        "job.sh", "-list", "l", "-argu", "%{item} %{Index}", "-first", "10", "-o", "log/%{item}.%{ClusterId}",
        facts=make_world(items=("run 1", "c")),
    )  # fmt: skip
    assert line(found, "executable") == "/work/alice/job.sh"
    assert line(found, "arguments") == '"$(HEPARGS)"'
    assert line(found, "output") == "$(HEPOUT)"
    assert line(found, "error") == "/work/alice/job.sh.err.$(ClusterId).$(ProcId)"
    assert found.items == (
        {"HEPARGS": "'run 1' '10'", "HEPOUT": "/work/alice/log/run 1.$(ClusterId)"},
        {"HEPARGS": "'c' '11'", "HEPOUT": "/work/alice/log/c.$(ClusterId)"},
    )


def test_scripts_of_a_list_are_items() -> None:
    """%{item} may be the script itself."""
    programs = {"/work/alice/a.sh": RUNNABLE, "/work/alice/b.sh": RUNNABLE}
    found = described(
        "%{item}", "-list", "l", facts=make_world(items=("a.sh", "b.sh"), programs=programs)
    )
    assert line(found, "executable") == "$(HEPEXE)"
    assert [item["HEPEXE"] for item in found.items] == ["/work/alice/a.sh", "/work/alice/b.sh"]


def test_an_index_in_a_log_is_an_item() -> None:
    """HTCondor counts from 0; -first 40 is written out."""
    found = described("job.sh", "-n", "2", "-first", "40", "-e", "log/%{Index}.err")
    assert line(found, "error") == "$(HEPERR)"
    assert [item["HEPERR"] for item in found.items] == [
        "/work/alice/log/40.err",
        "/work/alice/log/41.err",
    ]


def test_procids_alone_need_no_items() -> None:
    """6,801 jobs that differ in ProcId are one text."""
    found = described("job.sh", "-n", "6801", "-argu", "%{ProcId}", "-o", "log/%{ProcId}.out")
    assert found.items == ()
    assert line(found, "arguments") == '"$(ProcId)"'


def test_scripts_with_a_procid_need_no_items() -> None:
    """run-%{ProcId}.sh is HTCondor's own macro."""
    programs = {f"/work/alice/run-{number}.sh": RUNNABLE for number in range(2)}
    found = described("run-%{procid}.sh", "-n", "2", facts=make_world(programs=programs))
    assert line(found, "executable") == "/work/alice/run-$(ProcId).sh"


def test_more_jobs_than_the_limit_are_a_factory() -> None:
    """max_idle makes the schedd materialise the jobs as it goes."""
    assert line(described("job.sh", "-n", "10001"), "max_idle") == "1000"
    assert "max_idle" not in commands(described("job.sh", "-n", "10000"))


@pytest.mark.parametrize(
    ("words", "universe", "image"),
    [
        (("-image", "x.sif"), "container", "/work/alice/x.sif"),
        (("-image", "docker://almalinux:9"), "container", "docker://almalinux:9"),
    ],
)
def test_an_image_makes_the_container_universe(
    words: tuple[str, ...], universe: str, image: str
) -> None:
    """The worker node finds the image where it is; a registry's is HTCondor's to fetch."""
    found = described("job.sh", *words)
    assert line(found, "universe") == universe
    assert line(found, "container_image") == image


def test_an_image_on_a_path_is_not_sent_at_home() -> None:
    """/cvmfs and the shared file system are there already; only a registry's image is fetched."""
    assert line(described("job.sh", "-image", "x.sif"), "transfer_container") == "false"
    assert "transfer_container" not in commands(described("job.sh", "-image", "docker://a"))


def test_a_remote_job() -> None:
    """At a site without the shared file system HTCondor carries the script and the outputs."""
    found = described("job.sh", "-rmt", "-noenv", policy=SITE)
    assert line(found, "should_transfer_files") == "YES"
    assert line(found, "when_to_transfer_output") == "ON_EXIT"
    assert line(found, "requirements") == '(((GLIDEIN_Site == "far")))'
    assert line(found, "My.HepSub_Sites") == '"far"'
    assert line(found, "My.HepSub_Reason") == (
        '"local is the first pool of the policy; it may run at far"'
    )


@pytest.mark.parametrize(
    ("because", "said"),
    [
        ("it is small", "by the rule r (it is small)"),
        ('say "so" \\', 'by the rule r (say \\"so\\" \\\\)'),
        ("it costs $(MONEY) and $$(MORE)", "by the rule r (it costs (MONEY) and (MORE))"),
        ("two\nlines", "by the rule r (two\\\\nlines)"),
    ],
)
def test_no_reason_keeps_a_job_from_being_submitted(because: str, said: str) -> None:
    """A policy may say what it likes of a rule; no macro of it gets into the ad."""
    policy = f"{SITE}[rule.r]\nbecause = {json.dumps(because)}\n"
    found = line(described("job.sh", "-rmt", "-noenv", policy=policy), "My.HepSub_Reason")
    assert found == f'"local is the first pool of the policy; it may run at far, {said}"'


def test_a_long_reason_is_cut() -> None:
    """Every job of the cluster carries it."""
    policy = f"{SITE}[rule.r]\nbecause = '{'x' * 5000}'\n"
    found = line(described("job.sh", "-rmt", "-noenv", policy=policy), "My.HepSub_Reason")
    assert len(found) == 2005
    assert found.endswith('x..."')


def test_a_plain_job_keeps_away_from_remote_slots() -> None:
    """The requirement excludes each site by the policy's own expression."""
    found = described("job.sh", policy=SITE)
    assert line(found, "requirements") == '(((GLIDEIN_Site == "far") =!= true))'
    assert line(found, "should_transfer_files") == "NO"


def test_requirements_all_have_to_hold() -> None:
    """-wn and the site's expression are joined by `&&`, each in brackets."""
    found = described("job.sh", "-wn", "bws01", "-rmt", policy=SITE)
    assert line(found, "requirements") == (
        '((TARGET.Machine == "bws01" || regexp("^bws01[.]", TARGET.Machine, "i")))'
        ' && (((GLIDEIN_Site == "far")))'
    )


def test_without_an_environment_only_the_job_id_is_set() -> None:
    """-noenv; the job still learns its number."""
    assert line(described("job.sh", "-noenv"), "environment") == f'"{JOB_ID}"'


def test_names_in_a_variable_that_was_written_stand_for_the_jobs_own() -> None:
    """HTCondor's macros where it knows them; what comes from the environment is data, and nothing in it is a name."""
    found = described(
        "job.sh", "-noenv", "-env", "A=%{ProcId}.%{ClusterId} x", "-env", "B=%{other}"
    )
    assert line(found, "environment") == (
        f"\"'B=%{{other}}' 'A='$(ProcId)'.'$(ClusterId)' x' {JOB_ID}\""
    )
    world = make_world(situation=make_situation(environment={"C": "%{ProcId}"}))
    inherited = describe(plan_for(make_spec("job.sh", "-env", "C"), make_policy(), world), "u")
    assert "'C=%{ProcId}'" in line(inherited, "environment")


def test_variables_with_an_items_columns_are_written_out() -> None:
    """One submit variable a job has all of them."""
    world = make_world(items=("1,a b", "2,"), columns=Columns(names=("run", "file")))
    words = ("job.sh", "-list", "l", "-noenv", "-env", "RUN=%{item.run}", "-env", "F=%{item.2}")
    found = describe(plan_for(make_spec(*words), make_policy(), world), "u")
    assert line(found, "environment") == f'"$(HEPENV) {JOB_ID}"'
    assert [item["HEPENV"] for item in found.items] == ["'RUN=1' 'F=a b'", "'RUN=2' 'F='"]


@pytest.mark.parametrize(
    ("policy", "hold", "subcode"),
    [
        (
            "enforce_memory = false",
            "(JobStatus == 2 && time() - JobCurrentStartDate > MY.HepSub_WalltimeLimit)",
            "72",
        ),
        ("enforce_walltime = false", "(JobStatus == 2 && MemoryUsage > RequestMemory)", "34"),
    ],
)
def test_each_backstop_can_be_switched_off(policy: str, hold: str, subcode: str) -> None:
    """One alone is the only hold, and its subcode the only one that can result."""
    found = described("job.sh", policy=f"[limits]\n{policy}\n")
    assert line(found, "periodic_hold") == hold
    assert set(re.findall(r"\b(?:72|34)\b", line(found, "periodic_hold_subcode"))) == {subcode}


def test_without_backstops_nothing_is_held() -> None:
    """Both off: none of the three commands stands in the text."""
    policy = "[limits]\nenforce_memory = false\nenforce_walltime = false\n"
    assert not [each for each in commands(described("job.sh", policy=policy)) if "hold" in each]


def test_no_command_stands_twice() -> None:
    """The last of two lines would win silently."""
    found = commands(described("job.sh", "-n", "2", "-os", "SL7", "-once", "k", "-l", "x"))
    assert sorted(set(found)) == sorted(found)


def test_there_is_no_queue_statement() -> None:
    """The number of jobs goes beside the text."""
    assert not any(
        each.startswith("queue") for each in described("job.sh", "-n", "3").text.split("\n")
    )


DANGERS = [
    "$$(X)",
    "$$([1/0])",
    "$$[X]",
    "$(X)",
    "$ENV(HOME)",
    "$$(DOLLARDOLLAR)(X)",
    "$$",
    "a\nqueue 9",
    "a$",
    "a\\",
]
HARMLESS = {("-dir", "a$"), ("-dir", "a\\")}
"""A slash follows the directory's name, so that nothing comes of them."""
OWN = ("$$(DOLLARDOLLAR)", "$$([MY.ClusterId])", "$$([MY.ProcId])", "$(ProcId)", "$(ClusterId)")
OWN_ITEMS = ("$(HEPARGS)", "$(HEPEXE)", "$(HEPOUT)", "$(HEPERR)")


def foreign_macros(found: SubmitDescription) -> list[str]:
    """What HTCondor would expand, in the text or the items, that hepsub does not write itself."""
    rest = "\n".join([found.text, *(value for item in found.items for value in item.values())])
    for known in (*OWN, *OWN_ITEMS):
        rest = rest.replace(known, "")
    return re.findall(r"\$\$|\$[A-Za-z0-9_:.]*[(\[]", rest)


@pytest.mark.parametrize("danger", DANGERS)
@pytest.mark.parametrize(
    "route",
    ["script", "-o", "-e", "-l", "-dir", "-name", "-once", "-image", "cwd", "user", "-g", "-wn", "-gwn", "-schedd",
     "-p", "-os", "-wt", "-site", "-u"],
)  # fmt: skip
def test_a_macro_of_a_user_is_refused_where_it_cannot_be_quoted(route: str, danger: str) -> None:
    """By none of these routes does a macro or a new line get into the ad; -u is a note and no more."""
    text = f"/work/alice/{danger}"
    places = {text: PlaceState.MISSING, danger: PlaceState.MISSING}
    words = [text] if route == "script" else ["job.sh"]
    if route.startswith("-"):
        words.append(
            f"{route}={danger if route not in ('-o', '-e', '-l', '-dir', '-image') else text}"
        )
    situation = make_situation(
        cwd=Path(text if route == "cwd" else "/work/alice"),
        user=danger if route == "user" else "alice",
    )
    places[str(situation.cwd)] = PlaceState.DIRECTORY
    if route == "-dir":
        places[text] = PlaceState.DIRECTORY
    facts = make_world(situation=situation, places=places, programs={"/x": RUNNABLE})
    if route == "-u" or (route, danger) in HARMLESS:
        found = described(*words, policy=SITE, facts=facts)
        assert foreign_macros(found) == []
        assert commands(found) == commands(described("job.sh", policy=SITE))
        return
    with pytest.raises(HepsubError) as caught:
        described(*words, policy=SITE, facts=facts)
    assert caught.value.remedy


@pytest.mark.parametrize("danger", [each for each in DANGERS if "\n" not in each])
@pytest.mark.parametrize("route", ["-argu", "-env", "environment", "items"])
def test_a_macro_of_a_user_is_quoted_where_that_is_possible(route: str, danger: str) -> None:
    """In arguments and environment every text may go, and none of it is a macro."""
    words = {
        "-argu": ["-argu", f"x {danger}"],
        "-env": ["-env", f"A={danger}"],
        "environment": [],
        "items": ["-list", "l", "-argu", "%{item}"],
    }[route]
    facts = make_world(
        situation=make_situation(environment={"A": danger, f"B{danger}": "1"} if route == "environment" else {}),
        items=(danger,) if route == "items" else (),
    )  # fmt: skip
    assert foreign_macros(described("job.sh", *words, facts=facts)) == []


@pytest.mark.parametrize("danger", ["$$(X)", "$(X)", "a$", "a$$b"])
@pytest.mark.parametrize("where", ["script", "-o", "-e"])
def test_a_macro_in_an_item_that_is_a_path_is_refused(where: str, danger: str) -> None:
    """A path cannot be quoted: the list's line is refused, and the message shows it."""
    words = ["x/%{item}" if where == "script" else "job.sh", "-list", "l"]
    words += [] if where == "script" else [where, "log/%{item}"]
    facts = make_world(items=(danger,), programs={"/x": RUNNABLE})
    with pytest.raises(NotExpressible):
        described(*words, facts=facts)


def test_an_items_text_is_never_a_name() -> None:
    """A line `%{ProcId}` of a list is what the job gets, not its number."""
    found = described(
        "job.sh", "-list", "l", "-argu", "%{item}", facts=make_world(items=("a%{ProcId}",))
    )
    assert found.items == ({"HEPARGS": "'a%{ProcId}'"},)


@given(
    st.lists(st.text(alphabet="$([)]{}%'\" aX", min_size=1, max_size=12), min_size=1, max_size=4)
)
@settings(suppress_health_check=[HealthCheck.filter_too_much], deadline=None)
def test_no_arguments_bring_a_macro_into_the_ad(words: list[str]) -> None:
    """Whatever is typed behind -argu, HTCondor expands nothing of it."""
    found = described("job.sh", "-argu=" + " ".join(words))
    assert foreign_macros(found) == []


@given(
    st.dictionaries(
        st.text(alphabet="$(AB.x ", min_size=1, max_size=6),
        st.text(alphabet="$([)]'\" aX", max_size=12),
        max_size=4,
    )
)
@settings(deadline=None)
def test_no_environment_brings_a_macro_into_the_ad(environment: dict[str, str]) -> None:
    """Whatever variables are set, HTCondor expands nothing of them."""
    facts = make_world(situation=make_situation(environment=environment))
    assert foreign_macros(described("job.sh", facts=facts)) == []


def test_jobs_that_are_run_again_have_their_first_names() -> None:
    """HTCondor's own ids are in none of their words: each is written out."""
    words = ("job.sh", "-n", "2", "-argu", "%{ProcId}", "-o", "log/%{ClusterId}.%{ProcId}")
    again = Again(uuid="u-1", cluster=13, procs=(3, 17))
    plan = replace(plan_for(make_spec(*words), make_policy(), make_world()), again=again)
    found = describe(plan, "a1b2-c3d4")
    assert line(found, "My.HepSub_Again") == '"$(HEPAGAIN)"'
    assert line(found, "My.HepSub_AgainUUID") == '"u-1"'
    assert line(found, "environment").endswith(' _CONDOR_IHEP_JOB_ID=$$([MY.HepSub_Again])"')
    assert line(found, "arguments") == '"$(HEPARGS)"'
    assert "ProcId" not in line(found, "output")
    assert [(item["HEPAGAIN"], item["HEPARGS"], item["HEPOUT"]) for item in found.items] == [
        ("13.3", "'3'", "/work/alice/log/$(ClusterId).3"),
        ("13.17", "'17'", "/work/alice/log/$(ClusterId).17"),
    ]


@pytest.mark.parametrize(
    "text",
    ['"x\nuniverse = local"', '"x\r"', '"\x1b[2J"', '"$ENV(HOME)"', '"$(Cmd)"', '"$$(Cmd)"', '"\ud800"', "x$"],
)  # fmt: skip
def test_no_attribute_of_a_way_brings_another_command_or_a_macro(text: str) -> None:
    """Whoever wrote it: it would be read as more than an expression."""
    plan = plan_for(make_spec("job.sh"), make_policy(), make_world())
    route = replace(plan.route, attributes={"HepSub_LeftSites": text})
    with pytest.raises(NotExpressible, match="the attribute HepSub_LeftSites"):
        describe(replace(plan, route=route), "a1b2-c3d4")
