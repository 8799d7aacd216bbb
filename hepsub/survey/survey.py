"""survey: everything the planner needs to know about the world, in one look."""

from __future__ import annotations

import os

from hepsub.job import JobSpec
from hepsub.plan.facts import Facts
from hepsub.plan.layout import (
    asked_places,
    check_item_names,
    directories,
    job_values,
    lay_out,
    written_out,
)
from hepsub.plan.planner import job_count
from hepsub.policy.model import Policy
from hepsub.situation import Situation
from hepsub.survey.files import inspect_place, inspect_program, read_items


def survey(spec: JobSpec, policy: Policy, situation: Situation, *, unreachable: str = "") -> Facts:
    """Look at the files of a submission.

    Args:
        spec: what the user asked for.
        policy: what the site decided; a number of jobs above its limit is not looked at.
        situation: who calls, where from and when.
        unreachable: why the pool cannot be asked, when it was tried.

    Raises:
        HepsubError: the list cannot be read, or the number of jobs is out of bounds.
    """
    items = read_items(spec.list_file, situation.cwd) if spec.list_file is not None else ()
    number = job_count(spec, policy, items)
    check_item_names(spec)
    jobs = job_values(number, spec.first, items)
    places = {path: inspect_place(path) for path in asked_places(spec, situation.cwd)}
    layout = lay_out(spec, situation.cwd, places)
    programs = {path: inspect_program(path) for path in written_out(layout.executable, jobs)}
    logs = [str(layout.stdout), str(layout.stderr), layout.event_log]
    places |= {path: inspect_place(path) for path in logs if path}
    needed = directories(layout, jobs, places)
    return Facts(
        situation=situation,
        items=items,
        programs=programs,
        places=places | {path: inspect_place(path) for path in needed},
        image_exists=spec.image is None or os.path.exists(situation.cwd / spec.image),
        unreachable=unreachable,
    )
