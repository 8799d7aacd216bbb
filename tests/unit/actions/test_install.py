"""hep_auth renew -install: systemd if it outlives the login, else cron if it runs, else the truth."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.renew.install import Installed, Uninstalled, install, uninstall
from hepsub.actions.renew.status import RenewalStatus, renewal_status
from hepsub.auth.renewal import Outcome, RenewalState, state_path, state_text
from hepsub.errors import RenewalNotInstalled
from hepsub.session import Session
from hepsub.tools.timers import INSTALL, LOOP, Machine
from tests.fakes.batch import as_batch_systems
from tests.fakes.programs import write_program
from tests.fakes.world import NOON, make_policy, make_session, make_situation
from tests.unit.tools.test_crontab import CRONTAB, make_process
from tests.unit.tools.test_systemd import LOGINCTL, SYSTEMCTL

OTHERS = "0 3 * * 1 /bin/backup\n"


class Place:
    """A machine of the test's own: its programs, its processes, alice's home."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin, self.proc, self.home = root / "bin", root / "proc", root / "home"
        self.table = self.bin / "crontab.table"
        for directory in (self.bin, self.proc, self.home):
            directory.mkdir()
        (self.bin / "sh").symlink_to("/bin/sh")
        self.add("hep_auth", "#!/bin/sh\n")

    def add(self, name: str, text: str) -> None:
        write_program(self.bin / name, text)

    def add_cron(self) -> None:
        self.add("crontab", CRONTAB)
        make_process(self.proc, 42, "cron")

    def add_systemd(self, *, lingering: bool) -> None:
        self.add("systemctl", SYSTEMCTL)
        self.add("loginctl", LOGINCTL)
        if lingering:
            (self.bin / "loginctl.allowed").touch()

    @property
    def machine(self) -> Machine:
        return Machine(proc=self.proc, runtime=self.root / "run")

    @property
    def timer(self) -> Path:
        return self.home / ".config/systemd/user/hepsub-renew.timer"

    def session(self, policy: str = "", **environment: str) -> Session:
        made = make_session(
            self.root,
            as_batch_systems(),
            policy=make_policy(f"[staging]\nbundle_dir = '{self.root}/bundles'\n{policy}"),
            situation=make_situation(environment={"PATH": str(self.bin), **environment}),
        )
        return replace(made, situation=replace(made.situation, home=self.home))

    def state(self, **values: object) -> None:
        """Leave the state of a last run."""
        path = state_path(self.root / "bundles")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(state_text(RenewalState(**values)))  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.setattr("sys.executable", str(tmp_path / "venv/bin/python3"))
    return made


def installed(place: Place, policy: str = "", **environment: str) -> Installed:
    return install(place.session(policy, **environment), place.machine).value


def status(place: Place) -> RenewalStatus:
    return renewal_status(place.session(), place.machine).value


def test_systemd_is_taken_where_it_outlives_the_login(place: Place) -> None:
    """Lingering is switched on, and named as the proof; cron is left alone."""
    place.add_systemd(lingering=True)
    place.add_cron()
    made = installed(place)
    assert (made.kind, made.where, made.every) == ("systemd", str(place.timer), 600)
    assert "lingering is on for alice" in made.proof
    service = place.timer.with_name("hepsub-renew.service").read_text()
    assert f'ExecStart="{place.bin}/hep_auth" "renew" "-quiet"' in service
    assert not place.table.exists()
    assert status(place).kind == "systemd"


def test_a_policy_is_found_from_everywhere(place: Place) -> None:
    place.add_cron()
    installed(place, HEPSUB_CONFIG="site.toml")
    assert f"HEPSUB_CONFIG={place.session().situation.cwd}/site.toml " in place.table.read_text()


def test_without_lingering_it_is_cron(place: Place) -> None:
    """A timer that ends at the logout is none."""
    place.add_systemd(lingering=False)
    place.add_cron()
    place.table.write_text(OTHERS)
    made = installed(place)
    assert made.kind == "cron"
    assert made.proof.startswith("cron (process 42) runs it")
    assert not place.timer.exists()
    table = place.table.read_text()
    assert table.startswith(OTHERS)
    assert table.removeprefix(OTHERS) == f"{made.where}\n"
    assert status(place).kind == "cron"


def test_the_line_runs_hep_auth_by_its_path_with_what_the_policy_depends_on(place: Place) -> None:
    """As cron's own shell reads it; nothing else of the environment, above all no secret."""
    place.add_cron()
    told = place.root / "told"
    place.add("hep_auth", f"#!/bin/sh\n{{ echo \"$@\"; /usr/bin/env; }} > '{told}'\n")
    made = installed(
        place,
        HEPSUB_CONFIG="/etc/it's 100%.toml",
        CONDOR_CONFIG="/etc/condor",
        XDG_STATE_HOME="",
        BEARER_TOKEN="secret",
    )
    assert "secret" not in made.where
    assert re.match(r"\d-59/10 \* \* \* \* /bin/sh -c ", made.where)
    command = made.where.split(" ", 5)[5].replace(r"\%", "%")
    subprocess.run(["/bin/sh", "-c", command], env={"PATH": "/usr/bin:/bin"}, check=True)
    lines = told.read_text().splitlines()
    assert lines[0] == "renew -quiet"
    assert "HEPSUB_CONFIG=/etc/it's 100%.toml" in lines
    assert "CONDOR_CONFIG=/etc/condor" in lines
    assert not [line for line in lines if line.startswith(("XDG_STATE_HOME", "BEARER_TOKEN"))]


def test_the_path_has_the_programs_that_are_not_where_cron_looks(place: Place) -> None:
    """oidc-token of a conda environment, and what the policy names as a command."""
    place.add_cron()
    for name in ("oidc", "vault"):
        (place.root / name).mkdir()
    for name in ("oidc/oidc-token", "vault/get"):
        write_program(place.root / name)
    made = installed(
        place,
        "[credential.x]\ncommand = ['get', 'token']\n",
        PATH=f"{place.bin}:{place.root}/oidc:{place.root}/vault:/usr/bin",
    )
    line = shlex.split(made.where.split(" ", 5)[5])[2]
    assert f"PATH={place.root}/oidc:" in line or f":{place.root}/oidc:" in line
    assert f"{place.root}/vault:/usr/local/bin:/usr/bin:/bin " in line


def test_a_command_that_is_beside_the_interpreter_is_taken_first(place: Place) -> None:
    """The one that was called, not another one on PATH."""
    place.add_cron()
    beside = place.root / "venv/bin/hep_auth"
    beside.parent.mkdir(parents=True)
    write_program(beside)
    assert f"exec {beside} renew -quiet" in installed(place).where


def test_twice_is_once(place: Place) -> None:
    """Idempotent, for both kinds."""
    place.add_cron()
    first = installed(place)
    before = place.table.read_bytes()
    assert installed(place) == first
    assert place.table.read_bytes() == before


def test_a_new_interval_takes_the_place_of_the_old_one(place: Place) -> None:
    """Of the policy; cron knows minutes."""
    place.add_cron()
    installed(place)
    assert installed(place, "[renew]\nevery = '90 s'\n").every == 60
    assert installed(place, "[renew]\nevery = '5 h'\n").every == 3600
    assert place.table.read_text().count("# hepsub renew") == 1


def test_systemd_takes_over_from_cron(place: Place) -> None:
    """When it can: there is one of them then."""
    place.add_cron()
    place.table.write_text(OTHERS)
    installed(place)
    place.add_systemd(lingering=True)
    assert installed(place).kind == "systemd"
    assert place.table.read_text() == OTHERS


def test_cron_takes_over_from_systemd(place: Place) -> None:
    """When lingering was taken away."""
    place.add_systemd(lingering=True)
    installed(place)
    (place.bin / "loginctl.on").unlink()
    (place.bin / "loginctl.allowed").unlink()
    place.add_cron()
    assert installed(place).kind == "cron"
    assert not place.timer.exists()


def test_a_crontab_that_nobody_runs_is_no_installation(place: Place) -> None:
    """It says why neither will do, and what is left."""
    place.add("crontab", CRONTAB)
    with pytest.raises(RenewalNotInstalled) as caught:
        installed(place)
    assert "there is no systemd for users here" in caught.value.message
    assert "no cron daemon runs" in caught.value.message
    assert "hep_auth renew -loop" in caught.value.remedy
    assert not place.table.exists()


def test_a_crontab_that_is_forbidden_is_left_alone(place: Place) -> None:
    """cron.deny."""
    place.add_cron()
    place.add("crontab", "#!/bin/sh\necho 'alice is not allowed to use this program' >&2\nexit 1\n")
    with pytest.raises(RenewalNotInstalled, match="alice is not allowed"):
        installed(place)


def test_a_crontab_that_does_not_keep_the_line_is_no_installation(place: Place) -> None:
    """What was written is read again."""
    place.add_cron()
    place.add("crontab", "#!/bin/sh\nexit 0\n")
    with pytest.raises(RenewalNotInstalled, match="does not show it"):
        installed(place)


def test_a_home_in_afs_is_refused(place: Place) -> None:
    """Neither cron nor systemd has a token for it."""
    place.add_cron()
    session = place.session()
    session = replace(session, situation=replace(session.situation, home=Path("/afs/x/alice")))
    with pytest.raises(RenewalNotInstalled, match="AFS"):
        install(session, place.machine)


@pytest.mark.parametrize("before", [None, OTHERS])
def test_uninstall_removes_exactly_what_was_added(place: Place, before: str | None) -> None:
    """A crontab that was not there is not there again."""
    place.add_cron()
    if before:
        place.table.write_text(before)
    installed(place)
    value = uninstall(place.session(), place.machine).value
    assert value == Uninstalled(removed=("the line in your crontab",), host="login01.example.org")
    assert (place.table.read_text() if place.table.exists() else None) == before


def test_uninstall_removes_the_timer(place: Place) -> None:
    """Both units; there is no cron on this machine."""
    place.add_systemd(lingering=True)
    installed(place)
    value = uninstall(place.session(), place.machine).value
    assert value.removed == ("hepsub-renew.timer of your systemd",)
    assert not list(place.timer.parent.glob("hepsub*"))


@pytest.mark.parametrize("host", ["login01.example.org", "login02.example.org"])
def test_the_last_run_here_promises_nothing_after_uninstall(place: Place, host: str) -> None:
    """A moment ago it ran by itself here, which is over; what another host does goes on."""
    place.add_cron()
    installed(place)
    place.state(when=NOON - 5, unattended=NOON - 5, host=host, every=600.0, jobs=3)
    assert status(place).active
    uninstall(place.session(), place.machine)
    after = status(place)
    assert after.active is (host == "login02.example.org")
    assert after.state.jobs == 3


def test_nothing_to_uninstall_is_no_error(place: Place) -> None:
    """Nor is a machine without cron and systemd."""
    result = uninstall(place.session(), place.machine)
    assert (result.exit_code, result.problems) == (0, ())


@pytest.mark.parametrize(
    ("has", "remedy"),
    [
        ("nothing", LOOP),
        ("cron", INSTALL),
        ("cron that is forbidden", LOOP),
        ("cron without its daemon", LOOP),
        ("systemd", f"{INSTALL}, or where that fails {LOOP}"),
        ("systemd that lingers", INSTALL),
        ("home in AFS", LOOP),
    ],
)
def test_a_status_without_anything_tells_how_to_begin(place: Place, has: str, remedy: str) -> None:
    """Exit code 59; where -install would end with that as well, it is not the answer."""
    if "cron" in has:
        place.add_cron()
    if has == "cron that is forbidden":
        place.add("crontab", "#!/bin/sh\necho 'you may not use cron' >&2\nexit 1\n")
    if has == "cron without its daemon":
        (place.proc / "42" / "comm").unlink()
    if "systemd" in has:
        place.add_systemd(lingering=has.endswith("lingers"))
    session = place.session()
    if has == "systemd that lingers":
        installed(place)
        uninstall(session, place.machine)
    if has == "home in AFS":
        place.add_cron()
        home = Path("/afs/example.org/alice")
        session = replace(session, situation=replace(session.situation, home=home))
    result = renewal_status(session, place.machine)
    assert result.exit_code == RenewalNotInstalled.exit_code
    assert [each.remedy for each in result.problems] == [remedy]
    if remedy == LOOP:
        with pytest.raises(RenewalNotInstalled) as caught:
            install(session, place.machine)
        assert caught.value.remedy == LOOP


def test_a_loop_elsewhere_is_alive_without_an_installation(place: Place) -> None:
    """The state tells it: its last run is not long ago."""
    place.state(when=NOON - 60, unattended=NOON - 60, host="other", every=600.0, jobs=3)
    result = renewal_status(place.session(), place.machine)
    assert (result.exit_code, result.problems) == (0, ())
    assert status(place).active


def test_a_status_just_after_the_installation_is_good(place: Place) -> None:
    """It has not run yet, and need not have."""
    place.add_cron()
    installed(place)
    assert renewal_status(place.session(), place.machine).exit_code == 0


def test_an_installation_that_does_not_run_is_told(place: Place) -> None:
    """The last run is two days ago."""
    place.add_cron()
    installed(place)
    place.state(when=NOON - 2 * 86400, host="login01", every=600.0)
    result = renewal_status(place.session(), place.machine)
    assert result.exit_code == RenewalNotInstalled.exit_code
    assert [each.code for each in result.problems] == ["renewal-late"]
    assert "2 d ago, though it should come every 10 min" in result.problems[0].message


def test_a_crontab_whose_daemon_has_gone_is_told(place: Place) -> None:
    """The line is there, and nobody reads it."""
    place.add_cron()
    installed(place)
    (place.proc / "42/comm").unlink()
    result = renewal_status(place.session(), place.machine)
    assert result.exit_code == RenewalNotInstalled.exit_code
    assert "no cron daemon runs on login01" in result.problems[0].message


def test_what_the_last_run_could_not_do_is_told(place: Place) -> None:
    """Exit code 53: the cause, how often, and what to do."""
    place.state(
        when=NOON - 60,
        unattended=NOON - 60,
        host="login01",
        every=600.0,
        jobs=3,
        credentials={
            "krb": Outcome(expires=NOON + 60),
            "iam": Outcome(
                failures=2,
                message="oidc-agent is locked",
                remedy="oidc-add -X",
                not_before=NOON + 60,
            ),
        },
        mailboxes={"herd": Outcome(failures=1, message="a bundle is spoilt", remedy="mend it")},
    )
    result = renewal_status(place.session(), place.machine)
    assert result.exit_code == 53
    assert [(each.code, each.remedy) for each in result.problems] == [
        ("not-renewed", "oidc-add -X"),
        ("not-renewed", "mend it"),
    ]
    texts = [each.message for each in result.problems]
    assert texts[0].startswith("iam: oidc-agent is locked (tried 2 time(s), again after ")
    assert texts[1] == (
        "the mailbox in herd: a bundle is spoilt (tried 1 time(s), again in each round)"
    )
