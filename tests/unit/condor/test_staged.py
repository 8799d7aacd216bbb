"""What HTCondor is given for a job with a wrapper, as text: each line decides something."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.condor.boot import CHANGED_CODE, boot_arguments, without_boot
from hepsub.condor.description import SubmitDescription, describe
from hepsub.condor.quoting import quote_line, unquote_line
from hepsub.errors import NotExpressible
from hepsub.plan.model import Plan
from hepsub.plan.staging import Seal
from hepsub.plan.template import parse_template
from tests.fakes.world import RUNNABLE, make_policy, make_spec, make_world, plan_for

POLICY = """
[storage.herd]
endpoint = "https://s3.example.org"
default = true
ca_file = "/etc/ca.pem"
[credential.iam]
kind = "token"
[site.far]
requirements = 'GLIDEIN_Site == "far"'
isolation = "slot"
identity = "glidein@far"
[site.near]
requirements = 'GLIDEIN_Site == "near"'
isolation = "user"
io_proxy = true
[site.open]
requirements = 'GLIDEIN_Site == "open"'
"""
B = "/home/alice/.local/share/hepsub/bundles/u-1"
SEAL = Seal(wrapper="a" * 64, sets=("b" * 64,))


def sealed(*words: str, policy: str = POLICY, seal: Seal = SEAL, **facts: object) -> Plan:
    """A plan whose files are hashed."""
    plan = plan_for(make_spec(*words), make_policy(policy), make_world(**facts))  # type: ignore[arg-type]
    assert plan.staging is not None
    return replace(plan, staging=replace(plan.staging, seal=seal))


def lines(found: SubmitDescription) -> dict[str, str]:
    """The description by command; none is said twice."""
    pairs = [(e.split(" = ", 1)[0], e.split(" = ", 1)[1]) for e in found.text.splitlines()]
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def described(*words: str, **options: object) -> dict[str, str]:
    """The description of a plan."""
    return lines(describe(sealed(*words, **options), "u-1"))  # type: ignore[arg-type]


def test_at_home() -> None:
    """The wrapper reads the bundle itself: no I/O proxy, no limit, and the logs where they always were."""
    found = described(
        "job.sh", "-in", "s3://raw/x", "-out", "r=herd:out/r", "-argu", "a b", "%{ProcId}"
    )
    assert {name: value for name, value in found.items() if name in KEPT} == {
        "universe": "vanilla",
        "executable": "/bin/sh",
        "transfer_executable": "false",
        "output": "/work/alice/job.sh.out.$(ClusterId).$(ProcId)",
        "error": "/work/alice/job.sh.err.$(ClusterId).$(ProcId)",
        "description": "job.sh a b $(ProcId)",
        "My.HepSub_Cmd": '"/work/alice/job.sh"',
        "initialdir": f"{B}/job/$(ProcId)",
        "transfer_output_files": "home.$(ProcId)",
        "should_transfer_files": "YES",
        "when_to_transfer_output": "ON_EXIT",
        "transfer_input_files": f"{B}/job/$(ProcId)/hepsub.manifest, {B}/shared/wrapper.sh,"
        f" {B}/shared/ca.herd.pem, {B}/shared/sets/0/hepsub.sums",
        "encrypt_input_files": "hepsub.manifest",
    }


def test_a_job_with_a_bundle_stays_with_this_file_system_and_waits_for_its_bundle() -> None:
    """The domain is the schedd's own, or that of the policy where the pool has another one."""
    words = ("job.sh", "-out", "r=herd:out/%{ClusterId}")
    gated = '(TARGET.FileSystemDomain == "{domain}") && (MY.HepSub_Ready)'
    own = describe(sealed(*words), "u-1", domain="ihep.example")
    assert lines(own)["requirements"].endswith(gated.format(domain="ihep.example"))
    site = f"{POLICY}\n[pool.local]\nfilesystem_domain = 'site.example'"
    named = describe(sealed(*words, policy=site), "u-1", domain="ihep.example")
    assert lines(named)["requirements"].endswith(gated.format(domain="site.example"))


KEPT = (
    *("universe", "executable", "transfer_executable", "output", "error", "description"),
    *("My.HepSub_Cmd", "initialdir", "transfer_output_files", "should_transfer_files"),
    *("when_to_transfer_output", "transfer_input_files", "encrypt_input_files", "want_io_proxy"),
    *("My.LimitDirectoryAccess", "My.WantRemoteUpdates", "My.WantDelayedUpdates"),
    "My.HepSub_Ready",
)


def test_at_a_site_that_keeps_users_apart() -> None:
    """The job reaches its corner and what is shared; tickets and tokens travel encrypted; nobody can ask back."""
    found = described("job.sh", "-site", "far", "-cred", "iam", "-out", "r=herd:out/%{ClusterId}/r")
    assert {name: value for name, value in found.items() if name in KEPT} == {
        "universe": "vanilla",
        "executable": "/bin/sh",
        "transfer_executable": "false",
        "output": f"{B}/job/$(ProcId)/stdout",
        "error": f"{B}/job/$(ProcId)/stderr",
        "description": "job.sh",
        "My.HepSub_Cmd": '"/work/alice/job.sh"',
        "initialdir": f"{B}/job/$(ProcId)",
        "transfer_output_files": "home.$(ProcId)",
        "should_transfer_files": "YES",
        "when_to_transfer_output": "ON_EXIT",
        "transfer_input_files": f"{B}/job/$(ProcId)/hepsub.manifest, {B}/job/$(ProcId)/iam.token,"
        f" {B}/shared/wrapper.sh, {B}/shared/ca.herd.pem, {B}/shared/sets/0/hepsub.sums,"
        f" {B}/shared/sets/0/in/",
        "encrypt_input_files": "hepsub.manifest, iam.token",
        "want_io_proxy": "false",
        "My.LimitDirectoryAccess": f'"{B}/shared,{B}/job/$(ProcId)"',
        "My.WantRemoteUpdates": "false",
        "My.HepSub_Ready": "false",
    }
    assert 'TARGET.AuthenticatedIdentity == "glidein@far"' in found["requirements"]


@pytest.mark.parametrize(
    ("site", "proxy", "delayed"),
    [("far", "false", None), ("near", "true", None), ("open", "false", "false")],
)
def test_what_a_job_may_say_and_ask_while_it_runs(
    site: str, proxy: str, delayed: str | None
) -> None:
    """The proxy only where the policy wants it; where users are not kept apart, not even its phase; and a job
    never changes its own ad, with which it could take the limit away."""
    found = described("job.sh", "-site", site)
    assert found["want_io_proxy"] == proxy
    assert found.get("My.WantDelayedUpdates") == delayed
    assert found["My.WantRemoteUpdates"] == "false"
    assert found["My.LimitDirectoryAccess"] == f'"{B}/shared,{B}/job/$(ProcId)"'


def test_in_an_image_at_home_the_bundle_may_be_hidden() -> None:
    """So the job may ask for it by the proxy, which gives the user's own uid nothing that it has not."""
    found = described("job.sh", "-image", "docker://x/y", "-out", "r=herd:out/r")
    assert (found["universe"], found["want_io_proxy"]) == ("container", "true")
    assert found["My.WantRemoteUpdates"] == "false"
    assert "My.LimitDirectoryAccess" not in found


def test_one_log_for_both_streams_is_one_file() -> None:
    """HTCondor merges them only if it sees one path."""
    found = described("job.sh", "-site", "far", "-o", "both", "-e", "both")
    assert found["output"] == found["error"] == f"{B}/job/$(ProcId)/stdout"


def test_no_log_is_no_log_there_too() -> None:
    """/dev/null needs no corner."""
    found = described("job.sh", "-site", "far", "-o", "/dev/null", "-e", "/dev/null")
    assert found["output"] == found["error"] == "/dev/null"


def test_jobs_with_different_files_name_their_set_and_its_digest() -> None:
    """By submit variables, because only the digest tells the sets apart."""
    seal = Seal(wrapper="a" * 64, sets=("b" * 64, "c" * 64), set_of=(0, 1, 0))
    plan = sealed("job.sh", "-site", "far", "-n", "3", "-argu", "x", seal=seal)
    found = describe(plan, "u-1")
    assert found.items == (
        {"HEPSET": "0", "HEPSUMS": "b" * 64},
        {"HEPSET": "1", "HEPSUMS": "c" * 64},
        {"HEPSET": "0", "HEPSUMS": "b" * 64},
    )
    text = lines(found)
    assert text["transfer_input_files"].endswith(
        f"{B}/shared/sets/$(HEPSET)/hepsub.sums, {B}/shared/sets/$(HEPSET)/in/"
    )
    assert text["My.HepSub_Seal"] == '"$(HEPSUMS)"'
    assert text["environment"].endswith(' HEPSUB_SEAL=$$([MY.HepSub_Seal])"')


def test_the_ad_says_what_to_compare() -> None:
    """In the environment: the arguments are what condor_history shows, after the program's name."""
    found = described(
        "run-%{ProcId}.sh", "-site", "far", "-argu", "a b", programs={"/run-0.sh": RUNNABLE}
    )
    assert found["arguments"] == (
        "\"'-c' 'eval \"\"'$'HEPSUB_BOOT\"\"' 'run-'$(ProcId)'.sh' 'a' 'b'\""
    )
    assert f" 'HEPSUB_WRAPPER={'a' * 64}' HEPSUB_SEAL={'b' * 64}\"" in found["environment"]
    assert "sha256sum || openssl" in found["environment"]


def test_a_spooled_job_is_not_limited_by_names_of_this_host() -> None:
    """Its schedd sees none of them."""
    policy = f'{POLICY}\n[pool.far]\ncollector = "c"\nspool = true\n'
    found = described("job.sh", "-p", "far", policy=policy)
    assert "My.LimitDirectoryAccess" not in found
    assert "want_io_proxy" not in found
    assert found["output"] == "/work/alice/job.sh.out.$(ClusterId).$(ProcId)"
    assert found["initialdir"] == f"{B}/job/$(ProcId)"


def test_what_opens_letters_travels_encrypted() -> None:
    """Where the job reaches nothing here, and has something that ends."""
    mail = f"{POLICY}[staging]\nmailbox = 'herd:mail/'\n"
    names = ("hepsub.letters.pem", "hepsub.letters.crt")
    found = described("job.sh", "-site", "far", "-cred", "iam", policy=mail)
    assert all(f"{B}/shared/{name}" in found["transfer_input_files"] for name in names)
    assert found["encrypt_input_files"] == ", ".join(("hepsub.manifest", "iam.token", *names))
    for words in (("-site", "near", "-cred", "iam"), ("-cred", "iam"), ("-site", "far")):
        assert "letters" not in describe(sealed("job.sh", *words, policy=mail), "u-1").text


def test_a_job_with_a_wrapper_is_held_late_and_for_lost_outputs() -> None:
    """The wrapper ends its program itself, and saves the outputs then; 600 s after that HTCondor holds it."""
    found = described("job.sh", "-out", "r=herd:out/r")
    limit = "time() - JobCurrentStartDate > MY.HepSub_WalltimeLimit + 600"
    assert limit in found["periodic_hold"]
    assert "ChirpHepSub_Lost" in found["on_exit_hold"]
    assert found["on_exit_hold_subcode"] == "87"


@pytest.mark.parametrize("words", [(), ("a",), ("-c", "x y", "", "$(X)", "it's", 'a"b', "$$")])
def test_the_users_arguments_come_back_from_the_ad(words: tuple[str, ...]) -> None:
    """hep_q shows them, and nothing of the words in front."""
    user = tuple(parse_template(word) for word in words)
    line = quote_line((*boot_arguments(parse_template("x.sh")), *user)).replace('""', '"')
    assert without_boot(unquote_line(line)) == words


@pytest.mark.parametrize("words", [(), ("a", "b"), ("-c", "echo", "x", "y", "z")])
def test_arguments_of_other_jobs_stay_what_they_are(words: tuple[str, ...]) -> None:
    """Also those that begin with -c."""
    assert without_boot(words) == words


def test_the_code_for_a_changed_wrapper_is_the_contracts() -> None:
    """worker/README.md has it."""
    assert CHANGED_CODE == 90


@pytest.mark.parametrize("log", ["a,b", "a;b", "a\\b"])
def test_a_log_whose_name_htcondor_would_split_is_refused(log: str) -> None:
    """The job would be on hold after its work, or its log in a file of another name."""
    varying = ("-list", "l", "-out", "r=herd:out/%{ProcId}", "-o", f"log/{log}.%{{Item}}")
    with pytest.raises(NotExpressible, match="does not find the log's place"):
        described("job.sh", "-out", "r=herd:out/r", "-o", log)
    with pytest.raises(NotExpressible, match="does not find the log's place"):
        described("job.sh", *varying, items=("1", "2"))
    described("job.sh", "-site", "far", "-o", log)
