"""make_plan: from what was asked, what the site decided and what is true, to one decided submission."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hepsub.errors import ImageMissing, JobCountTooLarge, NotExpressible, WalltimeTooLong
from hepsub.job import JobSpec
from hepsub.plan.accounting import (
    Walltime,
    choose_group,
    choose_walltime,
    classes_for,
    experiment_of,
)
from hepsub.plan.checks import check_directories, check_log_file, check_programs
from hepsub.plan.draft import Draft
from hepsub.plan.environment import choose_environment, expressible, secret_names, without_own
from hepsub.plan.facts import Facts
from hepsub.plan.layout import list_note, log_notes, macro_note
from hepsub.plan.location import own_image
from hepsub.plan.model import Plan, Route
from hepsub.plan.route import choose_route, image_for, nobody_decided, sent_note, unreadable_notes
from hepsub.plan.template import Template, parse_template
from hepsub.policy.mistake import default_of
from hepsub.policy.model import Policy
from hepsub.policy.site import WRAPPER
from hepsub.suggest import did_you_mean

if TYPE_CHECKING:
    from hepsub.plan.credentials import JobCredential
    from hepsub.plan.htcondor import HTCondorWords
    from hepsub.plan.needs import Need
    from hepsub.plan.rules import NamedRule
    from hepsub.plan.staging import StagingPlan

_UNIVERSES = ("vanilla", "container")
"""What HepJob's users write, and what HTCondor's jobs with an image are in: nothing is said of them."""
_SMALL_MB = 100
"""So much disk every slot has, and HTCondor's own guess does."""


def make_plan(made: Draft, facts: Facts, route: Route | None = None) -> Plan:
    """Decide one submission; nothing outside the arguments is looked at, nor is where they go if `route` has it.

    Raises:
        HepsubError: what was asked for cannot be done; each cause has its own class.
    """
    spec, policy, situation = made.spec, made.policy, made.situation
    group = choose_group(spec.group, policy, situation)
    walltime = _walltime(spec, policy, group)
    memory = spec.resources.memory_mb or policy.defaults.memory
    os = _system(spec, policy)

    def need() -> Need:
        from hepsub.plan.needs import need_of

        return need_of(made, facts, group=group, walltime=walltime, memory_mb=memory, os=os)

    if route is None:
        rule = _rule(made, facts, group, walltime)
        route = choose_route(spec, policy, need, facts.unreadable, rule)
    words = _htcondor(spec, facts, route)
    if words is not None:
        from hepsub.plan.htcondor import with_words

        route = with_words(route, words)
    facts = facts.at(route.paths)  # from here on, what is true where the jobs will run
    _check_number(made, route)
    image = _image(made, facts, os, route)
    # The logs of a batch script are on its nodes: nothing is made for them here.
    new = () if route.delivery.in_script else _new_directories(made, facts)
    staging, told = _staging(made, facts, route, image)
    has_scratch = staging is not None and not staging.in_place
    travelling = choose_environment(
        spec.environment,
        without_own(situation),
        directory="" if has_scratch else str(situation.cwd),
        limit_kb=policy.limits.environment_kb,
        remote=not route.delivery.shared,
    )
    arguments = tuple(parse_template(argument) for argument in spec.arguments)
    _check_texts(made, arguments)
    return Plan(
        script=spec.script,
        number=made.number,
        first=spec.first,
        items=made.reading.items,
        ends=made.reading.ends,
        columns=made.reading.columns,
        executable=made.layout.executable,
        arguments=arguments,
        stdout=made.layout.stdout,
        stderr=made.layout.stderr,
        event_log=made.layout.event_log,
        new_directories=new,
        again=made.reading.again,
        directory=str(situation.cwd),
        user=situation.user,
        group=group,
        experiment=experiment_of(group, policy),
        name=spec.name or "",
        cpus=spec.resources.cpus or policy.defaults.cpus,
        gpus=spec.resources.gpus or 0,
        memory_mb=memory,
        walltime=walltime,
        os=os,
        image=image,
        priority=spec.priority or 0,
        universe=spec.universe or "vanilla",
        environment=travelling.variables,
        variables=travelling.templates,
        secrets=travelling.secrets,
        route=route,
        factory_idle=_factory_idle(made),
        factory_most=(spec.htcondor.max_run or 0) if spec.htcondor else 0,
        disk_mb=spec.resources.disk_mb or _disk_mb(made, facts, route, staging),
        retries=words.retries if words else None,
        notification=words.notification if words else "Never",
        commands=words.commands if words else {},
        hold_walltime=policy.limits.enforce_walltime,
        hold_memory=policy.limits.enforce_memory,
        staging=staging,
        once=spec.once or "",
        slurm=_slurm_words(spec, route, words),
        notes=(
            *_slurm_note(spec, policy, route),
            *_here_note(spec, policy, route, facts),
            *sent_note(route),
            *(
                f"{facts.left_out[each]}, but -site names {each}"
                for each in route.sites
                if each in facts.left_out
            ),
            *unreadable_notes(policy, facts.unreadable),
            *list_note(spec),
            *macro_note(spec),
            *check_programs(facts.programs, here=route.delivery.on_this_machine),
            *log_notes(made.layout, new, facts.places, made.number),
            *told,
            *travelling.notes,
            *_universe_note(spec.universe),
            *_type_note(spec.type, policy),
        ),
    )


def _htcondor(spec: JobSpec, facts: Facts, route: Route) -> HTCondorWords | None:
    """What the user says to HTCondor in its own words; refused where it is wrong, or cannot be done there."""
    if spec.htcondor is None:
        return None
    from hepsub.plan.htcondor import check_words, read_words

    words = read_words(spec.htcondor)
    check_words(spec.htcondor, words, route, facts.unreadable)
    return words


def _slurm_words(
    spec: JobSpec, route: Route, words: HTCondorWords | None
) -> Mapping[str, str | None]:
    if not route.delivery.on_hold:
        return {}
    from hepsub.plan.slurm import slurm_words

    return slurm_words(spec, words.notification if words else "Never")


def _slurm_note(spec: JobSpec, policy: Policy, route: Route) -> tuple[str, ...]:
    if spec.slurm is None:
        return ()
    from hepsub.plan.slurm import slurm_note

    return slurm_note(spec.slurm, policy, route.pool)


def _factory_idle(made: Draft) -> int:
    """How many idle jobs the schedd keeps of a cluster that it makes as it goes; 0 for one that is made at once."""
    limits, asked = made.policy.limits, made.spec.htcondor
    if asked is not None and (asked.max_idle or asked.max_run):
        return asked.max_idle or limits.factory_idle
    return limits.factory_idle if made.number > limits.factory_above else 0


def _disk_mb(made: Draft, facts: Facts, route: Route, staging: StagingPlan | None) -> int:
    """MB of the files of one job, as far as they are known: they are copied to where it runs."""
    # Of Slurm disk cannot be asked: a node has none that its administrator does not tell of (slurm.conf(5), TmpDisk).
    if staging is None or route.delivery.on_hold or not (facts.objects or facts.files):
        return 0
    from hepsub.plan.needs import input_mb

    known = math.ceil(input_mb(made, facts) or 0)
    return known if known > _SMALL_MB else 0


def _rule(made: Draft, facts: Facts, group: str, walltime: Walltime) -> NamedRule | None:
    """The rule of the policy about remote sites that fits the submission."""
    if not made.policy.rule:
        return None
    from hepsub.plan.needs import profile_of
    from hepsub.plan.rules import first_rule

    return first_rule(made.policy, profile_of(made, facts, group, walltime))


def _check_number(made: Draft, route: Route) -> None:
    """Refuse more jobs than can be handed over with their files at once."""
    # Above the limit HTCondor makes the jobs as it goes, and a schedd takes no files for jobs that it has not made.
    limits = made.policy.limits
    if route.delivery.handed_over and made.number > limits.factory_above:
        raise JobCountTooLarge(
            f"{made.number} jobs are more than the {limits.factory_above} that can be handed over with their"
            f" files at once (limits.factory_above, {made.policy.origin('limits.factory_above')})",
            remedy="split them over several submissions: -first N counts on where the last one ended",
        )


def _new_directories(made: Draft, facts: Facts) -> tuple[str, ...]:
    """The directories of logs that are to be made; refused where logs could not be written."""
    needed = made.needed_directories(facts.places)
    new = check_directories(needed, facts.places, made.said_directories)
    for log in made.logs:
        check_log_file(log, facts.places)
    return new


def _credentials(made: Draft, route: Route) -> tuple[JobCredential, ...]:
    """The credentials that travel, by the user's word or the policy's."""
    policy = made.policy
    at_sites = any(policy.site[name].credentials for name in route.sites) or route.element
    if not (made.spec.credentials or policy.pool[route.pool].credentials or at_sites):
        return ()
    from hepsub.plan.credentials import choose_credentials

    return choose_credentials(
        made.spec.credentials, policy, route.pool, route.sites, made.situation.uid
    )


def _staging(
    made: Draft, facts: Facts, route: Route, image: str
) -> tuple[StagingPlan | None, tuple[str, ...]]:
    """How files travel, and what to say of it; None where nothing does."""
    spec, situation = made.spec, made.situation
    credentials = _credentials(made, route)
    secrets = secret_names(spec.environment, situation.environment)
    # Where nothing has to travel, HTCondor starts the program itself, in the user's directory, as HepJob had it.
    needs_wrapper = spec.is_staged or credentials or facts.libraries or secrets
    if route.delivery.shared and not (needs_wrapper or (image and route.containers == WRAPPER)):
        return None, ()
    from hepsub.plan.travel import plan_travel

    return plan_travel(made, facts, route, image=image, credentials=credentials, secrets=secrets)


def _walltime(spec: JobSpec, policy: Policy, group: str) -> Walltime:
    classes = classes_for(policy, group)
    if spec.resources.walltime:
        try:
            return choose_walltime(spec.resources.walltime, classes)
        except WalltimeTooLong as error:
            if spec.slurm is not None:
                error.add(f"that may be a #SBATCH line of {spec.slurm.script}", "-wt counts more")
            raise
    with default_of(policy, "defaults.walltime"):
        return choose_walltime(policy.defaults.walltime, classes)


def _system(spec: JobSpec, policy: Policy) -> str:
    """The operating system, as the policy spells it where it knows it; an image says all of it."""
    asked = spec.os or ("" if spec.image else policy.defaults.os)
    by_folded = {name.casefold(): name for name in policy.os}
    return by_folded.get(asked.casefold(), asked)


def _image(made: Draft, facts: Facts, os: str, route: Route) -> str:
    spec = made.spec
    if spec.image is not None:
        own = own_image(spec.image, made.situation.cwd)
        # Where the nodes see nothing of this host, a path names an image that is there.
        if own and not (facts.image_exists or route.delivery.in_script):
            raise ImageMissing(
                f"no such container image: {spec.image}", remedy="check the path after -image"
            )
        return own or spec.image
    return image_for(os, made.policy, route.sites) if os else ""


def _check_texts(made: Draft, arguments: tuple[Template, ...]) -> None:
    for text in (
        *(str(argument) for argument in arguments),
        *made.reading.items,
        made.spec.name or "",
        made.spec.once or "",
    ):
        if not expressible(text):
            raise NotExpressible(
                f"HTCondor cannot carry {text!r}: it has a line end or a control character, or is not UTF-8",
                remedy="put the text into a file that the job reads",
            )


def _type_note(said: str | None, policy: Policy) -> tuple[str, ...]:
    """What to say of a type of jobs that no rule looks at: it may be a slip of the pen."""
    # No error: the policy of the next site may have a rule for them, and the same line shall work there.
    known = dict.fromkeys(each for rule in policy.rule.values() for each in rule.types)
    if said is None or said.casefold() in (each.casefold() for each in known):
        return ()
    meant = f"; {did_you_mean(said, known)}" if known else ""
    return (f"-type {said}: no rule of the policy is about such jobs{meant}",)


def _universe_note(universe: str | None) -> tuple[str, ...]:
    if universe is None or universe.casefold() in _UNIVERSES:
        return ()
    return (
        f"-u {universe}: hepsub submits to HTCondor's vanilla universe (the group is said with -g)",
    )


def _here_note(spec: JobSpec, policy: Policy, route: Route, facts: Facts) -> tuple[str, ...]:
    """Nobody shall run thousands of jobs on a login node without knowing it: once a day says that."""
    if (
        not route.delivery.on_this_machine
        or spec.placement.pool is not None
        or facts.submitted_today
    ):
        return ()
    why = "no HTCondor is configured here: " if nobody_decided(policy, route.pool) else ""
    return (f"{why}the jobs run on this machine (the pool '{route.pool}')",)
