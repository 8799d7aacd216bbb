"""Outputs that HTCondor brought home into the bundle, put where -out says.

A site without this host's file system cannot write to a path of it, so such outputs come home first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from hepsub.actions.home_report import HomeReport, report_at
from hepsub.bundle.bundle import Bundle
from hepsub.plan.place import FilePlace
from hepsub.plan.staging import Carried

OUTPUTS = "outputs"


def place_outputs(bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Move outputs that came home to their paths; a sentence for each that could not be.

    A file that is there already is replaced whole, as the job itself would have done.

    Args:
        bundle: the bundle of a submission.
        cluster: its ClusterId.
    """
    troubles = []
    for proc in range(bundle.request.number):
        home = bundle.returned(proc)
        report: HomeReport | None = None
        for each in bundle.request.staging.outputs_of(bundle.request.values(proc, cluster)):
            if isinstance(each.place, FilePlace) and (home / OUTPUTS).is_dir():
                report = report or report_at(home)
                troubles += _place(home / OUTPUTS, report, each, each.place.path)
    return tuple(troubles)


def _place(came: Path, report: HomeReport | None, output: Carried, target: str) -> list[str]:
    found = sorted(came.glob(output.name)) if output.is_pattern else [came / output.name]
    troubles = []
    for source in found:
        if not source.is_file():
            continue
        if report is not None and not report.came_home(source.relative_to(came).as_posix()):
            continue  # an earlier run of the job left it
        goal = os.path.join(target, source.name) if output.is_pattern else target
        temporary = Path(f"{goal}.{os.getpid()}.part")
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, temporary)
            temporary.replace(goal)
            source.unlink()
        except OSError as error:
            with contextlib.suppress(OSError):  # each round would leave another one on a full disk
                temporary.unlink()
            troubles.append(f"{goal} could not be written ({error.strerror}); it lies in {source}")
    return troubles
