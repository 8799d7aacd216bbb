"""hep_sub of BOSS's job options: as boss.condor runs them at home, and with all that they name elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.actions.submit.experience import is_wanted, left_behind
from hepsub.errors import HepsubError
from hepsub.job import JobSpec, Remote
from hepsub.plan.boss import at_home, same_outputs_note, travelling
from hepsub.plan.draft import Draft, Reading, draft
from hepsub.plan.facts import Facts
from hepsub.plan.location import absolute
from hepsub.plan.model import Plan, Reason, Route
from hepsub.plan.planner import make_plan
from hepsub.plan.template import literal
from hepsub.session import Session
from hepsub.survey.joboptions import find_boss, no_boss

if TYPE_CHECKING:
    Look = Callable[[Draft], Facts]

_LAUNCHER = Path(__file__).parents[2] / "worker/boss.sh"
"""What runs away from home, where boss.exe is found by the job's own PATH."""


def plan_boss(session: Session, spec: JobSpec, reading: Reading, look: Look) -> tuple[Plan, Facts]:
    """The decided submission of job options, which are in `reading`, and what is true of the places of its files.

    Raises:
        ScriptMissing: there is no boss.exe where they run here.
        HepsubError: the submission cannot be made.
    """
    program = find_boss(spec, session.situation)
    asked = spec.placement.site is not None or spec.placement.remote is Remote.WANTED
    if not (program or asked or spec.libraries):
        raise no_boss()
    made = draft(spec, session.policy, session.situation, reading)
    route, stays = None, ""
    if made.may_leave:
        # It is planned as if they went, for sizes and sites hang on the files that they name; jobs that stay are
        # planned anew, for at home nothing of it travels.
        try:
            # Who names a site knows its BOSS, and -lib brings one along; others want the release that they have here.
            needed = "" if asked or spec.libraries else program
            plan, facts = _away(session, spec, made, look, needed)
        except HepsubError as error:
            # The schedd of a spool sees nothing of this host: there is no staying.
            if asked or session.policy.pool[session.policy.pool_for(spec.placement.pool)].spool:
                raise
            stays = error.message
        else:
            if not plan.route.delivery.shared:
                return plan, facts
            route = plan.route
    if not program:
        raise no_boss()
    return _home(session, spec, reading, look, program, route, stays)


def _away(
    session: Session, spec: JobSpec, made: Draft, look: Look, needed: str
) -> tuple[Plan, Facts]:
    """The submission as it is where this host's file system is not, but the boss.exe that is needed, if one is."""
    reading, situation = made.reading, session.situation
    travel = travelling(spec, reading.options, made.jobs, situation.cwd)
    made = draft(travel.spec, session.policy, situation, reading)
    made = replace(_running(made, str(_LAUNCHER)), found=needed)
    facts = look(made)
    directories = [each for file in reading.options.values() for each in file.mentions]
    facts = replace(facts, mentions=(*facts.mentions, *directories))
    if made.spec.outputs and is_wanted(made):
        known = left_behind(session, str(_LAUNCHER), absolute(spec.script, situation.cwd))
        facts = replace(facts, output_mb=known)
    plan = make_plan(made, facts)
    if plan.staging is not None:
        plan = replace(plan, staging=replace(plan.staging, texts=travel.texts))
    return replace(plan, notes=(*plan.notes, *travel.notes)), facts


def _home(
    session: Session,
    spec: JobSpec,
    reading: Reading,
    look: Look,
    program: str,
    route: Route | None,
    stays: str,
) -> tuple[Plan, Facts]:
    """The submission where the jobs see what they see here: by a route, if it is decided, or here for a reason."""
    situation = session.situation
    spec = at_home(spec, situation.cwd)
    if stays:
        spec = replace(spec, placement=replace(spec.placement, remote=Remote.NEVER))
    made = _running(draft(spec, session.policy, situation, reading), program)
    facts = look(made)
    plan = make_plan(made, facts, route)
    if stays:
        # The planner saw that they must not go, and not why.
        why = Reason(rule="local", matched="no -rmt", because=stays)
        plan = replace(plan, route=replace(plan.route, reasons=(*plan.route.reasons[:-1], why)))
    told = same_outputs_note(reading.options, plan.number)
    return replace(plan, notes=(*plan.notes, *told)), facts


def _running(made: Draft, program: str) -> Draft:
    """The draft of jobs that run a program with their options, instead of these."""
    layout = replace(made.layout, executable=literal(program))
    return replace(made, layout=layout, programs=(program,))
