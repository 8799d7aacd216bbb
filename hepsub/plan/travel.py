"""What travels with the jobs of a submission: decided, checked, and told. Pure.

A plain job has nothing of this, and its submission does not load it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from hepsub.plan.checks import (
    check_brought_home,
    check_conflicts,
    check_handed_over,
    check_in_script,
    check_sent,
)
from hepsub.plan.credentials import JobCredential
from hepsub.plan.draft import Draft
from hepsub.plan.existing import link_note, output_notes
from hepsub.plan.facts import Facts
from hepsub.plan.files import is_pattern
from hepsub.plan.location import FilePlace, own_image
from hepsub.plan.mailbox import mailbox_of
from hepsub.plan.model import Route
from hepsub.plan.portability import portability_notes
from hepsub.plan.refusals import sends_image
from hepsub.plan.remap import used_of
from hepsub.plan.staging import StagingPlan, plan_staging
from hepsub.plan.template import Name, Values
from hepsub.policy.model import Policy
from hepsub.policy.places import bundle_root
from hepsub.policy.site import WRAPPER

_SOFTWARE = "/cvmfs"


def plan_travel(
    made: Draft,
    facts: Facts,
    route: Route,
    *,
    image: str,
    credentials: tuple[JobCredential, ...],
    secrets: tuple[str, ...],
) -> tuple[StagingPlan, tuple[str, ...]]:
    """How the files of a submission travel, and a sentence for each thing that its user should know of it.

    Raises:
        OutputConflict, NotExpressible: the files cannot travel so.
    """
    policy, situation = made.policy, made.situation
    by_wrapper = route.containers == WRAPPER
    # A site's mapping that touches none of these files is none, so that the bundle is as it is for plain sites.
    paths = route.paths if route.paths in made.elsewhere else ()
    staging = replace(
        plan_staging(
            made.spec,
            policy,
            facts.objects,
            cwd=situation.cwd,
            root=bundle_root(policy, situation.home, situation.user),
            delivery=route.delivery,
            isolation=_isolation(route, policy),
            # The jobs of one cluster have one ad: what one of the sites does not let them do, none does.
            io_proxy=all(policy.site[name].io_proxy for name in route.sites),
            # HTCondor starts the wrapper in the image, which hides the bundle; the wrapper only its program.
            in_container=bool(image) and not by_wrapper,
        ),
        credentials=credentials,
        libraries=facts.libraries,
        secrets=secrets,
        carried=made.elsewhere.get(route.paths, made.carried),
        paths=paths,
        image=image if by_wrapper else "",
        mounts=_mounts(route, policy, situation.home) if image and by_wrapper else (),
    ).with_mailbox(mailbox_of(policy, situation.user))
    if _sends(made, route):  # as an input, unless its user said so already
        if not staging.name_of(image):
            staging = staging.with_input(image)
        if by_wrapper:
            staging = replace(staging, image=staging.name_of(image))
    # Here and not in the draft: whether a name or a place can travel depends on the way, and the way on the files.
    check_conflicts(staging, made.jobs)
    if not staging.shared:
        check_sent(staging, made.layout.executable, made.jobs)
    if route.delivery.in_script:
        check_in_script(staging, made.jobs, route.pool)
    elif route.delivery.taken_early:
        check_handed_over(staging, made.layout.executable, made.jobs)
    if staging.confined:
        check_brought_home(staging, made.jobs)
    return staging, (
        *output_notes(facts.outputs),
        *_mapped_notes(made, route),
        *_home_note(staging, made.jobs),
        *_script_note(route),
        *link_note(staging, facts.files, made.jobs, policy.origin("staging.copy_limit")),
        *_pattern_notes(staging, made.number),
        *_library_note(facts),
        *portability_notes(made, facts, route),
        *_handed_over_note(route, staging),
    )


def _mapped_notes(made: Draft, route: Route) -> tuple[str, ...]:
    """What is read and written elsewhere than its path says."""
    if made.carried is None or route.paths not in made.elsewhere:
        return ()
    found = set(made.carried.paths)
    return tuple(
        f"what is below {directory} here is read from, and written to, {url} at {', '.join(route.sites)}"
        for directory, url in used_of(route.paths, found)
    )


def _home_note(staging: StagingPlan, jobs: Sequence[Values]) -> tuple[str, ...]:
    """Where outputs for a path are, until somebody puts them there."""
    # What comes back decides no places: HTCondor brings it into the bundle, and hepsub puts it where it was to go.
    if staging.shared:
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


def _handed_over_note(route: Route, staging: StagingPlan) -> tuple[str, ...]:
    if not route.delivery.handed_over:
        return ()
    refreshed = (
        "nothing can be refreshed in them"
        if staging.mailbox is None
        else f"what is newer comes by the mailbox {staging.mailbox}"
    )
    return (
        f"the jobs were handed over with their files, and {refreshed}; hep_sub -wait and hep_auth renew fetch what they"
        " leave behind",
    )


def _script_note(route: Route) -> tuple[str, ...]:
    """Where the logs are that nobody brings home."""
    if not route.delivery.in_script:
        return ()
    return (
        f"the nodes of {route.pool} see none of this host's directories: what the jobs print is on the nodes, where -o"
        " and -e say, if that directory is there, and nowhere else",
    )


def _pattern_notes(staging: StagingPlan, number: int) -> tuple[str, ...]:
    """What several jobs match is not known before: that one may overwrite another's is said."""
    if number < 2:
        return ()
    return tuple(
        f"all jobs put what matches '{rule.name}' into {rule.url}: of two files of one name the later one stays;"
        " %{ProcId} in the directory's name keeps them apart"
        for rule in staging.outputs
        if is_pattern(rule.name) and not rule.names() - {Name.CLUSTER, Name.UUID}
    )


def _library_note(facts: Facts) -> tuple[str, ...]:
    if not facts.library_trouble:
        return ()
    return (f"{facts.library_trouble}; the libraries travel with the jobs instead",)


def _sends(made: Draft, route: Route) -> bool:
    """Whether the image is one of the user's own that has to be sent."""
    sites = [made.policy.site[name] for name in route.sites]
    own = own_image(made.spec.image or "", made.situation.cwd)
    return any(sends_image(own, site) for site in sites)


def _mounts(route: Route, policy: Policy, home: Path) -> tuple[str, ...]:
    """The directories that a program sees in an image: those that are at one of the sites as they are here."""
    # At home its user's own, and the software of experiments. (`/` is no home: a program would see all of the node.)
    if not route.sites:
        return (_SOFTWARE, *([str(home)] if home.name else []))
    found = [path for name in route.sites for path in policy.site[name].mounts]
    return tuple(dict.fromkeys(found))


def _isolation(route: Route, policy: Policy) -> str:
    """What keeps users apart at all of the sites; empty if at one of them nothing does."""
    kinds = [policy.site[name].isolation for name in route.sites]
    return ", ".join(dict.fromkeys(kinds)) if all(kinds) else ""
