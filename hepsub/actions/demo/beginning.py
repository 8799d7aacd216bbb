"""What hep_sub demo leaves to go on with: a command that works right now, and a script for it, if asked for."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from msgspec import Struct

from hepsub.errors import OutputPlaceUnusable
from hepsub.plan.model import delivery_for
from hepsub.policy.model import Policy
from hepsub.session import Session

SCRIPT = "job.sh"
_TEXT = """\
#!/bin/sh
# A job: what it prints comes into job.sh.out.CLUSTER.PROC. hep_sub job.sh -n 3 -argu %{ProcId} runs three of them.
echo "job $_CONDOR_IHEP_JOB_ID with the arguments '$*' on $(uname -n), in $PWD"
"""


class Beginning(Struct, frozen=True, kw_only=True):
    """The script that is to be left, and what submits it."""

    path: Path
    command: str

    def leave(self) -> str:
        """Write the script, and return the command that submits it.

        Raises:
            OutputPlaceUnusable: it cannot be written, or is there by now.
        """
        try:
            with open(self.path, "x", encoding="utf-8") as file:  # it took a while since `begin`
                file.write(_TEXT)
            self.path.chmod(0o755)
        except OSError as error:
            raise _unusable(self.path, error.strerror or "an error") from error
        return self.command


def begin(session: Session) -> Beginning:
    """Where the script would lie: nothing is written yet, and nothing is there.

    Raises:
        OutputPlaceUnusable: something of that name is there, or the directory cannot be written.
    """
    path = session.situation.cwd / SCRIPT
    if os.path.lexists(path):
        raise _unusable(path, "there is one already, and it stays as it is")
    if not os.access(path.parent, os.W_OK):
        raise _unusable(path, "nothing can be written there")
    return Beginning(path=path, command=own_command(session, SCRIPT))


def own_command(session: Session, program: str) -> str:
    """What submits a program so that it runs on this machine, if the policy has an embedded pool."""
    return shlex.join([_hep_sub(session), *_here(session.policy), program])


def _hep_sub(session: Session) -> str:
    """The command as this shell finds it: by its path, where it is not on PATH."""
    beside = Path(sys.executable).parent / "hep_sub"
    if not beside.exists():  # installed in a way of its own (pip install --user, a package)
        return "hep_sub"
    # Another hep_sub may be on PATH, which knows no demo.
    found = shutil.which("hep_sub", path=session.situation.environment.get("PATH", ""))
    is_same = found is not None and Path(found).samefile(beside)
    return "hep_sub" if is_same else str(beside)


def _here(policy: Policy) -> list[str]:
    """The option that has jobs run here, where they would not anyway."""
    if delivery_for(policy.pool[policy.default_pool()]).on_this_machine:
        return []
    here = [name for name, pool in policy.pool.items() if delivery_for(pool).on_this_machine]
    return ["-p", here[0]] if here else []


def _unusable(path: Path, why: str) -> OutputPlaceUnusable:
    return OutputPlaceUnusable(
        f"the script {path} cannot be left: {why}",
        remedy="call it in another directory of yours, or without -script",
    )
