"""hep_sub of BOSS's job options: at home as they are, elsewhere with what they name, and when which of the two."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.submit import submit
from hepsub.bundle.directory import locked
from hepsub.bundle.leaving import write_sites
from hepsub.bundle.sent import preview_seal
from hepsub.errors import (
    InputsMissing,
    NoSuitableSite,
    OutputConflict,
    ScriptMissing,
    ScriptNotExecutable,
    UsageError,
)
from hepsub.plan.leaving import LeftOut, SiteRecord
from hepsub.plan.model import Plan
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, as_batch_systems
from tests.fakes.world import (
    NOON,
    make_policy,
    make_script,
    make_session,
    make_situation,
    make_spec,
)

POLICY = """
[pool.local]
collector = "127.0.0.1"
[defaults]
pool = "local"
[staging]
bundle_dir = "/proc/self/root{directory}/bundles"
[site.a]
requirements = 'G == "a"'
isolation = "slot"
mounts = ["/mounted", "{directory}/bin"]
{more}
"""
RULE = """
[rule.simulation]
types = ["bes-simulation"]
remote = "automatic"
"""
SIMULATION = """\
KKMC.CMSEnergy = 3.097;
EvtDecay.userDecayTableName = "rhopi.dec";
RootCnvSvc.digiRootOutputFile = "{output}";
"""
MANY = "sim_%{ProcId}.txt"


class Desk:
    """Alice in a directory with BOSS in her PATH."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "bin").mkdir()
        self.boss = make_script(directory / "bin", "boss.exe")
        self.environment = {"PATH": f"/usr/bin:{directory}/bin", "WORK": str(directory)}
        self.more = RULE
        (directory / "rhopi.dec").write_text("decay\n")

    def session(self) -> Session:
        text = POLICY.format(directory=self.directory, more=self.more)
        return make_session(
            self.directory,
            as_batch_systems(FakeSchedd(host="login01.example.org")),
            policy=make_policy(text),
            situation=make_situation(cwd=self.directory, environment=self.environment),
        )

    def write(self, name: str = "sim.txt", text: str = SIMULATION, output: str = "r.rtraw") -> Path:
        path = self.directory / name
        path.write_text(text.replace("{output}", output))
        path.chmod(0o644)
        return path

    def plan(self, *words: str) -> Plan:
        value = preview(self.session(), make_spec(*words)).value
        return value.plan


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def words_of(plan: Plan) -> tuple[str, ...]:
    [proc] = plan.procs(1)
    return (proc.executable, *proc.arguments)


def test_at_home_boss_runs_the_file_as_it_is(desk: Desk) -> None:
    """Nothing travels, logs are named as those of any script, and a rule is not asked."""
    desk.write()
    plan = desk.plan("sim.txt", "-normt", "-argu", "more")
    assert words_of(plan) == (str(desk.boss), f"{desk.directory}/sim.txt", "more")
    assert plan.staging is None
    assert str(plan.stdout) == f"{desk.directory}/sim.txt.out.%{{ClusterId}}.%{{ProcId}}"
    assert (plan.script, plan.notes) == ("sim.txt", ())


def test_a_site_that_is_left_out_gets_none(desk: Desk) -> None:
    """As with any job: those that a rule would send there stay."""
    now, file = desk.session(), desk.write()
    left = LeftOut(site="a", since=NOON - 9, until=NOON + 9, jobs=3, why="it is broken")
    with locked(now.bundles / ".renew"):
        write_sites(now.bundles, SiteRecord(left_out=(left,)))
    assert desk.plan(file.name).route.sites == ()
    with pytest.raises(NoSuitableSite, match="it is broken"):
        desk.plan(file.name, "-rmt")


def test_a_rule_sends_it_away_with_all_that_it_names(desk: Desk) -> None:
    desk.write(output=f"{desk.directory}/mc/r.rtraw")
    plan = desk.plan("sim.txt")
    assert plan.route.sites == ("a",)
    assert plan.route.reasons[-1].matched == "type bes-simulation, as its files tell"
    program, *arguments = words_of(plan)
    assert (Path(program).name, arguments) == ("boss.sh", ["sim.txt"])
    [proc] = plan.procs()
    assert [(each.name, str(each.place)) for each in (*proc.inputs, *proc.outputs)] == [
        ("sim.txt", f"{desk.directory}/sim.txt"),
        ("rhopi.dec", f"{desk.directory}/rhopi.dec"),
        ("r.rtraw", f"{desk.directory}/mc/r.rtraw"),
    ]
    assert any(note.startswith("sim.txt travels as a copy") for note in plan.notes)
    assert str(plan.stdout) == f"{desk.directory}/sim.txt.out.%{{ClusterId}}.%{{ProcId}}"


def test_the_bundle_has_the_copy_and_its_sum(desk: Desk) -> None:
    desk.write(output=f"{desk.directory}/mc/r.rtraw")
    original = (desk.directory / "sim.txt").read_bytes()
    value = submit(desk.session(), make_spec("sim.txt")).value
    sent = desk.directory / "bundles" / value.submitted.uuid / "shared/sets/0"
    copied = (sent / "in/sim.txt").read_bytes()
    assert copied == SIMULATION.replace("{output}", "r.rtraw").encode()
    assert f"sha256\t{hashlib.sha256(copied).hexdigest()}\tsim.txt\n" in (
        sent / "hepsub.sums"
    ).read_text(encoding="utf-8")
    assert (desk.directory / "sim.txt").read_bytes() == original
    assert (sent / "in/boss.sh").read_text(encoding="utf-8").splitlines()[
        -1
    ] == 'exec boss.exe "$@"'


def test_the_preview_seals_what_would_be_sent(desk: Desk) -> None:
    """The seal of a dry run is that of the copy, not that of the user's file."""
    seals = []
    for output in ("r.rtraw", f"{desk.directory}/r.rtraw", f"{desk.directory}/other.rtraw"):
        desk.write(output=output)
        plan = desk.plan("sim.txt")
        assert plan.staging is not None
        seal = preview_seal(plan.staging, plan.executable, plan.jobs(), plan.secrets)
        seals.append(seal.sets)
    assert seals[0] == seals[1] != seals[2]
    value = submit(desk.session(), make_spec("sim.txt")).value
    sums = desk.directory / "bundles" / value.submitted.uuid / "shared/sets/0/hepsub.sums"
    assert (hashlib.sha256(sums.read_bytes()).hexdigest(),) == seals[2]


def test_each_job_has_its_own_copy(desk: Desk) -> None:
    for proc in range(3):
        desk.write(f"sim_{proc}.txt", output=f"{desk.directory}/mc/r_{proc}.rtraw")
    value = submit(desk.session(), make_spec(MANY, "-n", "3")).value
    sets = desk.directory / "bundles" / value.submitted.uuid / "shared/sets"
    for proc in range(3):
        text = (sets / f"{proc}/in/sim_{proc}.txt").read_text()
        assert text == SIMULATION.replace("{output}", f"r_{proc}.rtraw")


def test_without_boss_nothing_runs(desk: Desk) -> None:
    """Unless it is asked to go where the job's PATH may have one, or takes one along."""
    desk.write()
    desk.environment["PATH"] = "/usr/bin"
    for words in (("sim.txt",), ("sim.txt", "-normt")):
        with pytest.raises(ScriptMissing) as caught:
            desk.plan(*words)
        assert caught.value.message == "these are job options of BOSS, and PATH has no boss.exe"
    assert desk.plan("sim.txt", "-rmt").route.sites == ("a",)
    found = desk.plan("sim.txt", "-normt", "-env", f"PATH={desk.directory}/bin")
    assert words_of(found)[0] == str(desk.boss)


def test_noenv_has_no_path(desk: Desk) -> None:
    desk.write()
    with pytest.raises(ScriptMissing):
        desk.plan("sim.txt", "-normt", "-noenv")


def test_what_cannot_go_away_stays_and_says_why(desk: Desk) -> None:
    """Only a rule wanted it away: at home nobody asks whether its input is there yet."""
    text = 'EventCnvSvc.digiRootInputFile = {"/nowhere/x.rtraw"};\nKKMC.A = 1;\n'
    desk.write(text=text + 'EventCnvSvc.digiRootOutputFile = "r.dst";\n')
    desk.more = RULE.replace("bes-simulation", "bes-reconstruction")
    plan = desk.plan("sim.txt")
    assert (plan.route.sites, plan.staging) == ((), None)
    assert plan.route.reasons[-1].because.startswith("1 input(s) do not exist")
    with pytest.raises(InputsMissing):
        desk.plan("sim.txt", "-rmt")


def test_many_jobs_of_one_file(desk: Desk) -> None:
    """At home it is said that they write one file; away it is refused."""
    desk.write()
    plan = desk.plan("sim.txt", "-n", "2")
    assert plan.route.sites == ()
    assert plan.notes[-1].startswith("all 2 jobs run the same job options")
    assert plan.route.reasons[-1].because.startswith("all 2 jobs run the same job options")
    with pytest.raises(OutputConflict):
        desk.plan("sim.txt", "-n", "2", "-rmt")


def test_a_site_with_the_shared_file_system_gets_it_as_home_does(desk: Desk) -> None:
    desk.write()
    desk.more = "shared_filesystem = true\n" + RULE
    plan = desk.plan("sim.txt")
    assert (plan.route.sites, plan.staging) == (("a",), None)
    assert words_of(plan) == (str(desk.boss), f"{desk.directory}/sim.txt")
    assert any("sends the jobs to a" in note for note in plan.notes)


def test_what_a_rule_says_of_sizes_holds_for_the_files_in_it(desk: Desk) -> None:
    (desk.directory / "rhopi.dec").write_bytes(b"x" * 2 * 2**20)
    desk.write()
    desk.more = RULE + "input_below = 1\n"
    assert desk.plan("sim.txt").route.sites == ()
    desk.more = RULE + "input_below = 3\n"
    assert desk.plan("sim.txt").route.sites == ("a",)


def test_the_user_says_another_type(desk: Desk) -> None:
    desk.write()
    assert desk.plan("sim.txt", "-type", "other").route.sites == ()
    desk.more = RULE.replace("bes-simulation", "other")
    assert desk.plan("sim.txt").route.sites == ()
    assert desk.plan("sim.txt", "-type", "other").route.sites == ("a",)


def test_a_rule_sends_nothing_where_boss_is_not(desk: Desk) -> None:
    """Who asks for a site, or takes a boss.exe along, is believed."""
    desk.write()
    desk.environment["PATH"] = f"{desk.directory}/own"
    (desk.directory / "own").mkdir()
    own = make_script(desk.directory / "own", "boss.exe")
    plan = desk.plan("sim.txt")
    assert (plan.route.sites, plan.staging) == ((), None)
    assert plan.route.reasons[-1].because == (
        f"no remote site takes this job: a: {own} is not there"
    )
    assert desk.plan("sim.txt", "-rmt").route.sites == ("a",)
    assert desk.plan("sim.txt", "-lib", str(own)).route.sites == ("a",)


def test_the_embedded_pool_runs_it(desk: Desk) -> None:
    desk.write()
    plan = desk.plan("sim.txt", "-p", "here")
    assert words_of(plan)[0] == str(desk.boss)


def test_includes_and_directories(desk: Desk) -> None:
    """An include of one's own goes along, one that is at the sites does not; a directory is told."""
    (desk.directory / "mine.txt").write_text("KKMC.B = 1;\n")
    (desk.directory / "table").mkdir()
    desk.environment["BOSSROOT"] = "/mounted/boss"
    lines = (
        '#include "$BOSSROOT/share/x.txt"',
        '#include "$WORK/mine.txt"',
        f'MixerAlg.Path = "{desk.directory}/table";',
        'MixerAlg.Format = "%.3f";',
    )
    desk.write(text="\n".join(lines) + "\n" + SIMULATION)
    plan = desk.plan("sim.txt")
    [proc] = plan.procs()
    assert [each.name for each in proc.inputs] == ["sim.txt", "mine.txt", "rhopi.dec"]
    assert any(
        note.startswith(f"sim.txt names {desk.directory}/table (line 3), which is not at a")
        for note in plan.notes
    )


@pytest.mark.parametrize(
    ("content", "mode"), [(b"echo hello\n", 0o644), (b"", 0o644), (b"#!/bin/sh\n", 0o644)]
)
def test_other_files_that_cannot_be_started(desk: Desk, content: bytes, mode: int) -> None:
    path = desk.directory / "job.txt"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ScriptNotExecutable) as caught:
        desk.plan("job.txt")
    assert caught.value.message == f"{path} is not executable"


def test_all_scripts_have_to_be_job_options(desk: Desk) -> None:
    desk.write("sim_0.txt")
    with pytest.raises(ScriptMissing):
        desk.plan(MANY, "-n", "2")
    (desk.directory / "sim_1.txt").write_text("hello\n")
    with pytest.raises(ScriptNotExecutable) as caught:
        desk.plan(MANY, "-n", "2")
    assert "is no job-options file of BOSS" in caught.value.message


def test_words_that_contradict_each_other_are_refused_all_the_same(desk: Desk) -> None:
    desk.write()
    with pytest.raises(UsageError):
        desk.plan("sim.txt", "-site", "a", "-normt")


@pytest.mark.parametrize("where", ["script", "argument"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("RUNNR 1\nPRMPAR 14\nEXIT\n", "corsika"),
        ("/run/beamOn 3\n", "geant4"),
    ],
)
def test_cards_and_macros_tell_the_type(desk: Desk, where: str, text: str, kind: str) -> None:
    script = make_script(desk.directory)
    card = desk.directory / "card"
    card.write_text(text)
    words = ["job.sh", "-argu", "1", "card"]
    if where == "script":
        script.write_text(f"#!/bin/sh\nrun <<END\n{text}END\n")
        words = ["job.sh"]
    desk.more = RULE.replace("bes-simulation", kind)
    plan = desk.plan(*words)
    assert plan.route.sites == ("a",)
    assert plan.route.reasons[-1].matched == f"type {kind}, as its files tell"
    assert desk.plan(*words, "-type", "geant4-step1").route.sites == ()


def test_a_fifo_is_not_waited_for(desk: Desk) -> None:
    """Neither as an argument nor as the script."""
    make_script(desk.directory)
    os.mkfifo(desk.directory / "fifo", 0o644)
    assert desk.plan("job.sh", "-argu", "fifo").route.sites == ()
    with pytest.raises(ScriptNotExecutable):
        desk.plan("fifo")


def test_sizes_by_experience_are_those_of_the_same_options(desk: Desk) -> None:
    """One rule sends what leaves much behind; the first job that did tells."""
    desk.write()
    desk.write("other.txt")
    value = submit(desk.session(), make_spec("sim.txt")).value
    home = desk.directory / "bundles" / value.submitted.uuid / "job/0/home.0"
    home.mkdir(parents=True)
    outputs = [{"name": "r.rtraw", "state": "uploaded", "size": 7 * 2**20}]
    said = {"code": 0, "payload": {"exit_code": 0}, "outputs": outputs}
    (home / "report.json").write_text(json.dumps(said))
    desk.more = RULE + "output_above = 5\n"
    assert desk.plan("sim.txt").route.sites == ("a",)
    assert desk.plan("other.txt").route.sites == ()


def test_a_program_of_a_rule_counts_before_what_its_files_tell(desk: Desk) -> None:
    script = make_script(desk.directory)
    script.write_text("#!/bin/sh\ng4 <<END\n/run/beamOn 3\nEND\n")
    desk.more = RULE + 'programs = ["*/job.sh"]\n'
    plan = desk.plan("job.sh")
    assert plan.route.sites == ("a",)
    assert plan.route.reasons[-1].matched == str(script)


def test_the_ihep_profile_knows_the_types(desk: Desk) -> None:
    desk.write()
    session = desk.session()
    policy = replace(make_policy("profile = 'ihep'"), staging=session.policy.staging)
    value = preview(replace(session, policy=policy), make_spec("sim.txt", "-g", "physics")).value
    assert value.plan.route.rule == "bes-simulation"
    assert value.plan.route.sites == ("hpc",)
    assert value.plan.route.refused["dongguan"] == f"{desk.boss} is not there"
    value = preview(
        replace(session, policy=policy),
        make_spec("sim.txt", "-g", "physics", "-lib", str(desk.boss)),
    ).value
    assert value.plan.route.sites == ("hpc", "dongguan")
    [proc] = value.plan.procs()
    assert [each.name for each in (*proc.inputs, *proc.outputs)] == [
        "sim.txt",
        "rhopi.dec",
        "r.rtraw",
    ]
