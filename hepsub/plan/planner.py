"""make_plan: from what was asked, what the site decided and what is true, to one decided submission."""

from __future__ import annotations

import re

from msgspec import Struct

from hepsub.errors import (
    ImageMissing,
    JobCountTooLarge,
    JobCountTooSmall,
    NotExpressible,
    UsageError,
)
from hepsub.job import JobSpec
from hepsub.plan.checks import check_directories, check_log_file, check_programs
from hepsub.plan.copies import link_note
from hepsub.plan.credentials import NO_CREDENTIALS, choose_credentials
from hepsub.plan.environment import choose_environment, expressible, secret_names, without_own
from hepsub.plan.facts import Facts
from hepsub.plan.files import is_pattern
from hepsub.plan.group import choose_group, experiment_of
from hepsub.plan.items import job_values
from hepsub.plan.layout import (
    Layout,
    check_item_names,
    directories,
    lay_out,
    list_name,
    list_note,
    log_notes,
    said_directories,
)
from hepsub.plan.location import FilePlace, absolute, may_be_object
from hepsub.plan.model import Plan, Route, Walltime
from hepsub.plan.outputs import output_notes
from hepsub.plan.route import Need, choose_route, image_for, nobody_decided, unreadable_notes
from hepsub.plan.spelling import settled
from hepsub.plan.staging import StagingPlan, bundle_root, plan_staging
from hepsub.plan.staging_checks import check_brought_home, check_conflicts, check_handed_over
from hepsub.plan.template import Name, Template, Values, parse_template
from hepsub.plan.walltime import choose_walltime, classes_for
from hepsub.policy.blame import default_of
from hepsub.policy.model import Policy

_UNIVERSES = ("vanilla", "container")
_REGISTRY_IMAGE = re.compile(r"[a-z]+://")


def make_plan(spec: JobSpec, policy: Policy, facts: Facts) -> Plan:
    """Decide one submission; nothing outside the arguments is looked at.

    Raises:
        HepsubError: what was asked for cannot be done; each cause has its own class.
    """
    number = job_count(spec, policy, facts.items, facts.ends)
    spec = settled(spec, facts.whole)
    check_item_names(spec)
    situation = facts.situation
    group = choose_group(spec.group, policy, situation)
    walltime = _walltime(spec, policy, group)
    memory = spec.resources.memory_mb or policy.defaults.memory
    os = _system(spec, policy)
    need = Need(
        group=group,
        walltime=walltime,
        memory_mb=memory,
        os=os,
        secrets=_secrets(spec, policy, facts),
        takes_credentials=NO_CREDENTIALS not in spec.credentials,
    )
    route = choose_route(spec, policy, need, facts.unreadable)
    if route.spool and number > policy.limits.factory_above:
        raise JobCountTooLarge(
            f"{number} jobs are more than the {policy.limits.factory_above} that can be handed over with their"
            f" files at once (limits.factory_above, {policy.origin('limits.factory_above')})",
            remedy="split them over several submissions: -first N counts on where the last one ended",
        )
    image = _image(spec, policy, facts, os, route.sites)
    files = _files(spec, policy, facts, number, route, in_container=bool(image))
    travelling = choose_environment(
        spec.environment,
        without_own(situation),
        directory="" if route.transfer or files.has_scratch else str(situation.cwd),
        limit_kb=policy.limits.environment_kb,
        remote=route.transfer,
    )
    _check_texts(files.arguments, facts.items, spec)
    return Plan(
        script=spec.script,
        number=number,
        first=spec.first,
        items=facts.items,
        ends=facts.ends,
        executable=files.layout.executable,
        arguments=files.arguments,
        stdout=files.layout.stdout,
        stderr=files.layout.stderr,
        event_log=files.layout.event_log,
        new_directories=files.new_directories,
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
        secrets=travelling.secrets,
        route=route,
        factory_idle=policy.limits.factory_idle if number > policy.limits.factory_above else 0,
        hold_walltime=policy.limits.enforce_walltime,
        hold_memory=policy.limits.enforce_memory,
        staging=files.staging,
        once=spec.once or "",
        notes=(
            *_here_note(spec, policy, route),
            *unreadable_notes(policy, facts.unreadable),
            *list_note(spec),
            *files.notes,
            *travelling.notes,
            *_universe_note(spec.universe),
        ),
    )


class _Files(Struct, frozen=True, kw_only=True):
    """What of the files was decided: layout, the log directories to be made, staging, arguments, and notes."""

    layout: Layout
    new_directories: tuple[str, ...]
    staging: StagingPlan | None
    arguments: tuple[Template, ...]
    notes: tuple[str, ...]

    @property
    def has_scratch(self) -> bool:
        """Whether the program runs in a directory of its own."""
        return self.staging is not None and not self.staging.in_place


def _files(
    spec: JobSpec, policy: Policy, facts: Facts, number: int, route: Route, *, in_container: bool
) -> _Files:
    situation = facts.situation
    jobs = job_values(number, spec.first, facts.items, facts.ends)
    layout = lay_out(spec, situation.cwd, facts.places, number)
    logs = directories(layout, jobs, facts.places)
    new = check_directories(logs, facts.places, said_directories(layout, jobs))
    for log in (str(layout.stdout), str(layout.stderr), layout.event_log):
        check_log_file(log, facts.places)
    staging = plan_staging(
        spec,
        policy,
        facts.objects,
        cwd=situation.cwd,
        root=bundle_root(policy, situation.home, situation.user),
        shared=not route.transfer,
        isolation=_isolation(route, policy),
        io_proxy=all(policy.site[name].io_proxy for name in route.sites),
        in_container=in_container,
        spool=route.spool,
        credentials=choose_credentials(
            spec.credentials, policy, route.pool, route.sites, situation.uid
        ),
        libraries=facts.libraries,
        secrets=secret_names(spec.environment, situation.environment),
    )
    if staging is not None:
        check_conflicts(staging, jobs)
        if route.spool:
            check_handed_over(staging, layout.executable, jobs)
        if staging.confined:
            check_brought_home(staging, jobs)
    return _Files(
        layout=layout,
        new_directories=new,
        staging=staging,
        arguments=tuple(parse_template(argument) for argument in spec.arguments),
        notes=(
            *check_programs(facts.programs, here=policy.pool[route.pool].kind == "here"),
            *log_notes(layout, new, facts.places, number),
            *output_notes(facts.outputs),
            *_home_note(staging, jobs),
            *link_note(staging, facts.files, jobs, policy.origin("staging.copy_limit")),
            *_pattern_notes(staging, number),
            *_library_note(facts),
            *_spool_note(route),
        ),
    )


def _home_note(staging: StagingPlan | None, jobs: list[Values]) -> tuple[str, ...]:
    """Where outputs for a path are, until somebody puts them there."""
    if staging is None or staging.shared or not jobs:
        return ()
    if staging.in_place:
        return ("new files that the jobs leave behind come home: hep_fetch brings them here",)
    paths = [each for each in staging.outputs_of(jobs[0]) if isinstance(each.place, FilePlace)]
    if not paths:
        return ()
    return (
        "outputs for a path come home from the remote site; hep_sub -wait and hep_auth renew put them there, and until"
        f" then they lie in {staging.bundle_root}/UUID/job/PROC/home.PROC/outputs",
    )


def _pattern_notes(staging: StagingPlan | None, number: int) -> tuple[str, ...]:
    """What several jobs match is not known before: that one may overwrite another's is said."""
    if staging is None or number < 2:
        return ()
    return tuple(
        f"all jobs put what matches '{rule.name}' into {rule.url}: of two files of one name the later one stays;"
        " %{ProcId} in the directory's name keeps them apart"
        for rule in staging.outputs
        if is_pattern(str(rule.name))
        and not (rule.url.names() | rule.name.names()) - {Name.CLUSTER, Name.UUID}
    )


def _library_note(facts: Facts) -> tuple[str, ...]:
    if not facts.library_trouble:
        return ()
    return (f"{facts.library_trouble}; the libraries travel with the jobs instead",)


def _spool_note(route: Route) -> tuple[str, ...]:
    if not route.spool:
        return ()
    return (
        "the jobs were handed over with their files, and nothing can be refreshed in them; hep_sub -wait and"
        " hep_auth renew fetch what they leave behind",
    )


def _secrets(spec: JobSpec, policy: Policy, facts: Facts) -> tuple[str, ...]:
    """What goes to the worker node and nobody but the job may see there."""
    urls = [each.url for each in (*spec.inputs, *spec.outputs)]
    if any(url.startswith("%{") for url in urls):
        urls += facts.items
    signed = any(may_be_object(url, policy.storage) for url in urls) or any(
        each.place for each in facts.libraries
    )
    credentials = any(word != NO_CREDENTIALS for word in spec.credentials)
    variables = secret_names(spec.environment, facts.situation.environment)
    return (
        *(["signed URLs"] if signed else []),
        *(["credentials"] if credentials else []),
        *(["secret variables"] if variables else []),
    )


def _isolation(route: Route, policy: Policy) -> str:
    """What keeps users apart at all of the sites; empty if at one of them nothing does."""
    kinds = [policy.site[name].isolation for name in route.sites]
    return ", ".join(dict.fromkeys(kinds)) if all(kinds) else ""


def job_count(
    spec: JobSpec, policy: Policy, items: tuple[str, ...], ends: tuple[int, ...] = ()
) -> int:
    """How many jobs: what -n says, else as many as share the items of the list, else one.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        items: the items of the list.
        ends: where in them the items of each job end; empty for one item each.

    Raises:
        JobCountTooSmall: less than one.
        JobCountTooLarge: more than the policy allows in one cluster.
        UsageError: -n and -list contradict each other.
    """
    if spec.number is not None and spec.number < 1:
        raise JobCountTooSmall(
            f"-n {spec.number}: at least one job is needed", remedy="give -n a number from 1"
        )
    if (spec.per or spec.per_bytes) and spec.list_file is None:
        raise UsageError("-per needs a list", remedy="give one with -list FILE")
    shared = len(ends) or len(items)
    if spec.list_file is not None and spec.number not in (None, shared):
        jobs = f", {shared} jobs" if ends else ""
        raise UsageError(
            f"-n {spec.number}, but {list_name(spec)} has {len(items)} items{jobs}",
            remedy="leave out -n: the list decides",
        )
    number = shared if spec.list_file is not None else spec.number or 1
    if number > policy.limits.jobs:
        raise JobCountTooLarge(
            f"{number} jobs are more than the {policy.limits.jobs} that one cluster may have"
            f" (limits.jobs, {policy.origin('limits.jobs')})",
            remedy="split them over several submissions: -first N counts on where the last one ended",
        )
    return number


def _walltime(spec: JobSpec, policy: Policy, group: str) -> Walltime:
    classes = classes_for(policy, group)
    if spec.resources.walltime:
        return choose_walltime(spec.resources.walltime, classes)
    with default_of(policy, "defaults.walltime"):
        return choose_walltime(policy.defaults.walltime, classes)


def _system(spec: JobSpec, policy: Policy) -> str:
    asked = spec.os or ("" if spec.image else policy.defaults.os)
    by_folded = {name.casefold(): name for name in policy.os}
    return by_folded.get(asked.casefold(), asked)


def _image(spec: JobSpec, policy: Policy, facts: Facts, os: str, sites: tuple[str, ...]) -> str:
    if spec.image is not None:
        if _REGISTRY_IMAGE.match(spec.image):
            return spec.image
        if not facts.image_exists:
            raise ImageMissing(
                f"no such container image: {spec.image}", remedy="check the path after -image"
            )
        return absolute(spec.image, facts.situation.cwd)
    return image_for(os, policy, sites) if os else ""


def _check_texts(arguments: tuple[Template, ...], items: tuple[str, ...], spec: JobSpec) -> None:
    for text in (
        *(str(argument) for argument in arguments),
        *items,
        spec.name or "",
        spec.once or "",
    ):
        if not expressible(text):
            raise NotExpressible(
                f"HTCondor cannot carry {text!r}: it has a line end or a control character, or is not UTF-8",
                remedy="put the text into a file that the job reads",
            )


def _universe_note(universe: str | None) -> tuple[str, ...]:
    if universe is None or universe.casefold() in _UNIVERSES:
        return ()
    return (
        f"-u {universe}: hepsub submits to HTCondor's vanilla universe (the group is said with -g)",
    )


def _here_note(spec: JobSpec, policy: Policy, route: Route) -> tuple[str, ...]:
    """Nobody shall run thousands of jobs on a login node without knowing it."""
    if policy.pool[route.pool].kind != "here" or spec.placement.pool is not None:
        return ()
    why = "no HTCondor is configured here: " if nobody_decided(policy, route.pool) else ""
    return (f"{why}the jobs run on this machine (the pool '{route.pool}')",)
