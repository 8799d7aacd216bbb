"""Who keeps fresh what travels with the jobs and ends: said before they are submitted. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hepsub.plan.credentials import JobCredential
from hepsub.plan.location import ObjectPlace
from hepsub.plan.model import Route
from hepsub.plan.remap import Paths
from hepsub.plan.staging import Staging
from hepsub.plan.template import Template, Values, parse_template
from hepsub.policy.model import KERBEROS

SHARED, SHADOW, MAILBOX, CREDD, HERE, NOBODY = (
    "shared", "shadow", "mailbox", "credd", "here", "nobody",
)  # fmt: skip
"""Who does it, in JSON."""


class Fresh(Struct, frozen=True, kw_only=True):
    """What keeps one credential, or the signed URLs of one storage, fresh; its fields are its JSON.

    Attributes:
        kind: `credential` or `storage`.
        name: its name in the policy.
        by: `shared` (the jobs see this host's files), `shadow` (they ask the submit side), `mailbox`, `credd` (the
            pool's own delivers it), `here` (it stays on this side, and is shown to the site from here) or `nobody`.
        text: the same in words, with what keeps it from being refreshed, and what to set.
    """

    kind: str
    name: str
    by: str
    text: str


def freshness(staging: Staging, route: Route, storages: tuple[str, ...]) -> tuple[Fresh, ...]:
    """Who keeps what fresh while the jobs wait and run, the signed URLs of these storages among it."""
    by, text = _way(staging, route)
    signed = (Fresh(kind="storage", name=name, by=by, text=text) for name in storages)
    return (*(_credential(each, by, text) for each in staging.credentials), *signed)


def _credential(each: JobCredential, by: str, text: str) -> Fresh:
    if each.by_condor:
        by = CREDD
        text = f"refreshed by the pool's {'credmon' if each.kind == KERBEROS else 'credd'}"
    elif each.stays:
        by, text = HERE, "refreshed here, from where it is shown to the site"
    return Fresh(kind="credential", name=each.name, by=by, text=text)


def _way(staging: Staging, route: Route) -> tuple[str, str]:
    """Who refreshes what jobs have with them, and the words for it."""
    if staging.mailbox is not None:
        return MAILBOX, f"refreshed by the mailbox {staging.mailbox}"
    if staging.chirp:
        return SHADOW, "refreshed by the shadow"
    if staging.shared:
        return SHARED, "refreshed where the jobs read it, on the shared file system"
    delivery = route.delivery
    if delivery.handed_over:
        when, why = "not refreshed at all", "the jobs are handed over with their files"
    elif delivery.in_script:
        when, why = "not refreshed at all", "the batch script has the jobs' files"
    elif delivery.taken_early:
        when = "not refreshed from when the site has taken the job"
        why = "its files have left then"
    else:
        when = "refreshed by the shadow until the job starts, then not at all"
        why = "jobs there cannot ask for anything (io_proxy is not set)"
    return NOBODY, f'{when}, because {why}: set mailbox = "STORAGE:BUCKET/PREFIX" in [staging]'


def used_storages(
    staging: Staging, number: int, values: Callable[[int], Values]
) -> tuple[str, ...]:
    """The storages that URLs are signed for, by the number of jobs and what the names stand for in each."""
    # The first job's files tell, unless it is the item that says which storage: each round of hep_auth renew asks.
    urls = [parse_template(rule.url) for rule in (*staging.inputs, *staging.outputs)]
    listed = any(url.begins_with_item or _may_be_mapped(url, staging.paths) for url in urls)
    files = staging.carried_by([values(proc) for proc in range(number if listed else 1)])
    names = dict.fromkeys(each.storage for each in files.places if isinstance(each, ObjectPlace))
    names |= dict.fromkeys(each.place.storage for each in staging.libraries if each.place)
    if staging.mailbox is not None and not staging.mailbox.public:
        names[staging.mailbox.storage] = None
    return tuple(names)


def _may_be_mapped(url: Template, paths: Paths) -> bool:
    """Whether what stands behind a path's beginning may decide what it stands for at a site."""
    below = (directory for directory, _ in paths if directory != url.start)
    return bool(url.names()) and any(directory.startswith(url.start) for directory in below)
