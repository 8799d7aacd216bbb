"""hep_sub status in narrow terminals: real jobs, tmux made narrower."""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path

import pytest

from tests.fakes.screen import open_screen

POLICY = '[pool.here]\nkind = "here"\n[defaults]\npool = "here"\nmemory = 10\n'
SCRIPT = "#!/bin/sh\n[ $1 -ge 30 ] || exit $(($1 % 10 == 3))\n"


@pytest.mark.parametrize("colours", ["xterm-256color", "dumb"])
def test_status_stays_readable_as_a_terminal_gets_narrower(tmp_path: Path, colours: str) -> None:
    """Below 70 columns the bar goes, below 50 the table; numbers stay whole on a line each."""
    (tmp_path / "policy.toml").write_text(POLICY)
    script = tmp_path / "a_script_with_a_long_name.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    variables = {
        "HOME": str(tmp_path),
        "HEPSUB_CONFIG": str(tmp_path / "policy.toml"),
        "HEPSUB_HERE_DIR": str(tmp_path / "queue"),
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "CONDOR_CONFIG": "ONLY_ENV",
        "TERM": colours,
    }
    with open_screen(tmp_path, variables, tmp_path, width=120) as screen:
        screen.type(f"hep_sub -quiet -wait {script.name} -n 30 -argu %{{ProcId}}; echo en''ded")
        screen.wait_for(lambda seen: "ended\n" in seen, 120)
        for width in (120, 80, 74, 60, 40, 24):
            screen.resize(width)
            resized = f"until stty size | grep -q ' {width}$'; do sleep 0.1; done"
            screen.type(f"{resized}; clear -T xterm; hep_sub status; echo {width}$((1 + 1))")
            end = f"{width}2\n$"
            seen = screen.wait_for(lambda seen, end=end: seen.endswith(end), 60)  # type: ignore[misc]
            words = re.findall(r"\w+", seen)
            assert {"27", "3", "0"} <= set(words), seen
            assert "a_scri" in seen
            assert not re.search(r"\d…", seen), seen
            assert ("PROGRESS" in seen, "HELD" in seen) == (width >= 74, width >= 50), seen
