"""A timer of the user's own systemd: the texts of its units, and what the programs say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hepsub.errors import ToolFailed
from hepsub.tools.timers import (
    SERVICE,
    TIMER,
    enable_linger,
    has_timer,
    install_timer,
    is_timer_active,
    lingers,
    remove_timer,
    service_unit,
    timer_unit,
    why_no_timers,
)
from tests.fakes.programs import write_program

SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$0.log"
case "$*" in
"--user restart hepsub-renew.timer") : > "$0.active" ;;
"--user disable --now hepsub-renew.timer") /bin/rm -f "$0.active" ;;
"--user is-active hepsub-renew.timer") if [ -e "$0.active" ]; then echo active; else echo inactive; exit 3; fi ;;
esac
"""
LOGINCTL = """#!/bin/sh
case "$*" in
"show-user alice -p Linger") if [ -e "$0.on" ]; then echo Linger=yes; else echo Linger=no; fi ;;
"--no-ask-password enable-linger alice") [ -e "$0.allowed" ] && : > "$0.on" ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A systemctl and a loginctl of the test's own."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("loginctl", LOGINCTL)):
        write_program(directory / name, text)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_the_timer_comes_and_goes(programs: Path, tmp_path: Path) -> None:
    """With everything that was made for it."""
    units = tmp_path / "units"
    install_timer(units, "service", "timer")
    (units / "timers.target.wants").mkdir()
    (units / "timers.target.wants" / TIMER).symlink_to(units / TIMER)
    assert (units / SERVICE).read_text() == "service"
    assert has_timer(units)
    assert is_timer_active()
    assert remove_timer(units)
    assert not has_timer(units)
    assert not is_timer_active()
    assert [path.name for path in units.rglob("*")] == ["timers.target.wants"]
    log = (programs / "systemctl.log").read_text().splitlines()
    assert log[:3] == [
        "--user daemon-reload",
        f"--user enable {TIMER}",
        f"--user restart {TIMER}",
    ]
    assert log[-2] == "--user daemon-reload"


def test_there_is_nothing_to_remove(programs: Path, tmp_path: Path) -> None:
    """Then systemd is not bothered."""
    assert not remove_timer(tmp_path)
    assert not (programs / "systemctl.log").exists()


def test_a_timer_that_does_not_start_is_told(programs: Path, tmp_path: Path) -> None:
    """systemctl may end with 0, and still."""
    (programs / "systemctl").write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(ToolFailed, match="not active"):
        install_timer(tmp_path, "", "")


def test_systemd_gets_nothing_but_utf_8(programs: Path, tmp_path: Path) -> None:
    """It ignores other lines, and would start the renewal without them."""
    with pytest.raises(ToolFailed, match="no UTF-8"):
        install_timer(tmp_path, "Environment=HEPSUB_CONFIG=/dat\udce9", "timer")
    assert not has_timer(tmp_path)


def test_lingering_is_asked_for_and_looked_at(programs: Path) -> None:
    """What enable-linger says of itself does not count."""
    assert not lingers("alice")
    assert not enable_linger("alice")
    (programs / "loginctl.allowed").touch()
    assert enable_linger("alice")
    assert lingers("alice")


def test_why_there_are_no_timers(programs: Path) -> None:
    """No systemd; or no connection to the user's own, as in a session of su."""
    assert why_no_timers() == ""
    (programs / "systemctl").write_text(
        "#!/bin/sh\necho 'Failed to connect to bus: No medium found' >&2\nexit 1\n"
    )
    assert why_no_timers() == (
        "there is no systemd for users here (Failed to connect to bus: No medium found)"
    )
    (programs / "systemctl").unlink()
    assert why_no_timers() == "there is no systemd for users here"
    assert not is_timer_active()


def test_the_service() -> None:
    """Every word is quoted; what systemd would replace is escaped."""
    text = service_unit(
        ("/opt/my hepsub/hep_auth", "renew", "$x%y"), {"HEPSUB_CONFIG": '/a "b"\\%c'}
    )
    assert 'ExecStart="/opt/my hepsub/hep_auth" "renew" "$$x%%y"' in text.splitlines()
    assert r'Environment="HEPSUB_CONFIG=/a \"b\"\\%%c"' in text.splitlines()
    assert "Type=oneshot" in text.splitlines()


def test_the_timer_of_an_interval() -> None:
    """The first time, then again and again; also after the machine's start."""
    lines = timer_unit(600, 42).splitlines()
    assert "OnActiveSec=42s" in lines
    assert "OnUnitActiveSec=600s" in lines
    assert "WantedBy=timers.target" in lines
    assert "AccuracySec=1s" in timer_unit(2, 1).splitlines()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
def test_systemd_itself_reads_the_units(tmp_path: Path) -> None:
    """Without a word against them."""
    (tmp_path / SERVICE).write_text(service_unit(("/bin/true", "a b"), {"X": "%h $y"}))
    (tmp_path / TIMER).write_text(timer_unit(600, 1))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / TIMER), str(tmp_path / SERVICE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
