"""Why a remote site does not take a submission. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hepsub.plan.model import delivery_for
from hepsub.plan.needs import Need
from hepsub.plan.portability import is_below
from hepsub.plan.remap import Paths, covered, path_map, used_of
from hepsub.plan.rules import NamedRule
from hepsub.policy.model import Policy
from hepsub.policy.site import GLIDEIN, NO_CONTAINERS, SCHEDD, SINGULARITY, Site
from hepsub.units import duration_text

USUAL_ARCH: Final = "X86_64"
_CVMFS = "/cvmfs"
_MB = 2**20
_NAMED = 3


def refusal(
    name: str, policy: Policy, need: Need, pool: str, rule: NamedRule | None, *, asked: bool
) -> str:
    """Why the site does not take the submission; empty when it does."""
    site = policy.site[name]
    where = site.pool if site.kind == SCHEDD else pool
    # Whoever names a site knows what runs there; a rule that names it was written by somebody who does.
    named = asked or (rule is not None and name in rule.rule.sites)
    missing = need.missing.get(path_map(site))
    # The first reason is told: what the site can never do comes before what the next submission may do better.
    reasons = (
        _by_rule(name, site, rule, asked=asked),
        _by_home(site, pool, policy),
        _by_way(site, need),
        _by_group(site, need),
        too_large(site, need),
        _by_machine(site, need, named=named),
        _by_image(site, need),
        _by_program(site, need),
        _not_kept_apart(site, need, policy.pool[where].credentials),
        missing.message if missing is not None else "",
        "" if asked else need.left_out.get(name, ""),
    )
    return next((why for why in reasons if why), "")


def _by_rule(name: str, site: Site, rule: NamedRule | None, *, asked: bool) -> str:
    """What the rule that fits the jobs says of the site; whoever names a site knows whether it is pledged."""
    if rule is None:
        return ""
    said = rule.rule
    if name in said.not_sites or (said.sites and name not in said.sites):
        return f"{rule.because} sends such jobs elsewhere"
    if said.kinds and site.kind not in said.kinds:
        return f"{rule.because} wants {' or '.join(said.kinds)}"
    if said.pledged and not site.pledged and not asked:
        return f"{rule.because} wants pledged sites"
    return ""


def _by_home(site: Site, pool: str, policy: Policy) -> str:
    """Why no way leads from the pool at home to the site."""
    if site.kind == SCHEDD:  # it takes the jobs with their files, whoever hands them over
        return ""
    home = delivery_for(policy.pool[pool])
    if home.on_hold or home.on_this_machine:  # no ClassAds there, by which HTCondor takes jobs away
        if site.kind == GLIDEIN:
            return f"its machines join an HTCondor pool, and {pool} is none"
        return f"jobs go there from a schedd of HTCondor's, and the pool {pool} has none"
    if site.kind == GLIDEIN:
        return f"its machines belong to the pool {site.pool}" if site.pool not in ("", pool) else ""
    if home.handed_over:
        return f"jobs go there from a schedd that sees this host's directories, and that of the pool {pool} does not"
    return ""


def _by_way(site: Site, need: Need) -> str:
    """What the queue of an element or of another schedd does not let through."""
    if site.kind == GLIDEIN:
        return ""
    if need.on_node:
        return "-wn and -gwn name machines of the pool at home"
    if need.on_schedd and site.kind == SCHEDD:
        return "-schedd names a schedd of the pool at home"
    if need.made_as_needed and site.kind == SCHEDD:
        return f"{need.number} jobs cannot be handed over with their files at once"
    return ""


def _by_group(site: Site, need: Need) -> str:
    if site.groups and need.group not in site.groups:
        return f"group {need.group} may not go there"
    return ""


def too_large(site: Site, need: Need) -> str:
    """What the submission needs more of than a site gives; empty where that is nothing."""
    bounds = (
        (
            site.max_walltime,
            need.walltime.limit,
            f"it ends jobs after {duration_text(site.max_walltime)}",
        ),
        (site.max_memory, need.memory_mb, "it has {0} MB for a job"),
        (site.max_cpus, need.cpus, "it has {0} core(s) for a job"),
        (site.max_jobs, need.number, "it takes {0} jobs of one submission"),
        (
            site.max_disk,
            need.disk_mb,
            "it has {0} MB of disk for a job, and its files need {1:.0f}",
        ),
        (
            site.max_sandbox,
            sandbox_mb(site, need) if site.max_sandbox else 0,
            "it takes {0} MB of files with a job, and {1:.0f} MB would travel",
        ),
    )
    for most, wanted, words in bounds:
        if most and wanted > most:
            return words.format(most, wanted)
    return ""


def sandbox_mb(site: Site, need: Need) -> float:
    """The most MB that HTCondor would carry to a site for one job."""
    # What is an object there the job gets by URL, past HTCondor.
    paths = path_map(site)
    sent = (sum(size for path, size in job if not covered(path, paths)) for job in need.files)
    return (max(sent, default=0) + need.archives) / _MB


def _by_machine(site: Site, need: Need, *, named: bool) -> str:
    if need.built and not machines_for(site, need):
        wrong = [each for each in need.built if site.arch not in each]
        files = [f"{file} is for {arch}" for each in wrong for arch, file in each.items()]
        whose = f"its machines are {site.arch}, and" if site.arch else "no machine runs all of it:"
        return f"{whose} {', '.join(files[:_NAMED])}"
    # A script starts what it finds, and nearly all that is there was built for the usual architecture.
    if site.arch not in ("", USUAL_ARCH) and not need.built and not named:
        return f"its machines are {site.arch}, and nothing says that what the script starts was built for them"
    return ""


def _by_image(site: Site, need: Need) -> str:
    if need.in_image and site.containers == NO_CONTAINERS:
        return "it starts no container images"
    if sends_image(need.image, site):
        if site.containers == SINGULARITY:
            return "it starts images that are there, and takes none along with a job"
        if need.image_is_directory:
            return "an image that is a directory cannot travel (apptainer build makes a file of it)"
        if mapped(site, need) and covered(need.image, path_map(site)):
            return "files where the image lies are objects there: copy it elsewhere"
    return ""


def _by_program(site: Site, need: Need) -> str:
    if not need.program or site.shared_filesystem or is_mounted(need.program, site.mounts):
        return ""
    return f"{need.program} is not there"


def sends_image(image: str, site: Site) -> bool:
    """Whether an image of the user's own has to be sent to a site, because it does not see that path."""
    if not image or site.shared_filesystem:
        return False
    return not is_below(image, site.mounts)


def machines_for(site: Site, need: Need) -> frozenset[str]:
    """The architectures of a site that run all programs and libraries; empty for any, too, where nothing was built."""
    known = [frozenset(each) for each in need.built]
    known += [frozenset({site.arch})] if site.arch else []
    return known[0].intersection(*known) if known else frozenset()


def _not_kept_apart(site: Site, need: Need, wanted: tuple[str, ...]) -> str:
    """Why what travels may not go to the site, `wanted` being what its pool wants; empty when it may."""
    secrets = need.secrets
    if mapped(site, need) and "signed URLs" not in secrets:
        secrets = ("signed URLs", *secrets)
    if need.takes_credentials and (wanted or site.credentials) and "credentials" not in secrets:
        secrets = (*secrets, "credentials")
    if not secrets or site.isolation:
        return ""
    return (
        f"no {' or '.join(secrets)} may go there, because nothing keeps the jobs of its users apart (isolation in its"
        " part of the policy)"
    )


def is_mounted(path: str, mounts: Iterable[str]) -> bool:
    """Whether a path lies in directories that are at sites as they are here; CVMFS is one everywhere."""
    return is_below(path, (_CVMFS, *mounts))


def mapped(site: Site, need: Need) -> Paths:
    """What of a site's mapping of paths matters to the files of a submission."""
    return used_of(path_map(site), need.paths)
