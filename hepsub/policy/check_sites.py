"""What in the description of remote sites, and in the rules about them, cannot be. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hepsub.policy.mistake import Mistake, known_credentials, tokens, unknown
from hepsub.policy.model import Policy
from hepsub.policy.site import CE, GLIDEIN, SCHEDD, SITE_KINDS, Rule, Site

_ATTRIBUTE = r"[A-Za-z_][A-Za-z0-9_]*"
_NO_TEXT = re.compile(r'["\\\x00-\x1f]')
_LINE_END = re.compile(r"[\x00-\x1f]")
_RESOURCE = r"condor [A-Za-z0-9][A-Za-z0-9._@-]* [A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?"
_OBJECTS = r"(?:(?i:s3://)|(?P<storage>[A-Za-z][\w.-]*):)[^/:]+/(.*/)?$"


def site_mistakes(policy: Policy) -> Iterator[Mistake]:
    """All that is wrong in [site.NAME] and [rule.NAME]."""
    for name, site in policy.site.items():
        yield from _of_site(f"site.{name}", site, policy)
        yield from _way_to(f"site.{name}", site, policy)
        yield from _texts_of(f"site.{name}", site)
        yield from _paths_of(f"site.{name}", site, policy)
    for name, rule in policy.rule.items():
        yield from _of_rule(f"rule.{name}", rule, policy)


def _of_site(at: str, site: Site, policy: Policy) -> Iterator[Mistake]:
    if site.pool:
        yield from unknown(f"{at}.pool", "pool", site.pool, policy.pool)
    for word in site.groups if policy.group else ():
        yield from unknown(f"{at}.groups", "group", word, policy.group)
    for word in site.os:
        yield from unknown(f"{at}.os.{word}", "operating system", word, policy.os)
    yield from known_credentials(f"{at}.credentials", site.credentials, policy)
    if site.token:
        yield from unknown(f"{at}.token", "token", site.token, tokens(policy))
    if site.storage:
        yield from unknown(f"{at}.storage", "storage", site.storage, policy.storage)


def _way_to(at: str, site: Site, policy: Policy) -> Iterator[Mistake]:
    """What each kind of site has to say of how it is reached."""
    # Without one no job could be kept off its slots that does not want to leave.
    if site.kind == GLIDEIN and not site.requirements:
        yield Mistake(
            key=at,
            what="the key 'requirements' is missing",
            remedy="write a ClassAd expression that is true on its slots: 'GLIDEIN_Site == \"NAME\"'",
        )
    if site.kind == SCHEDD and not (site.pool in policy.pool and policy.pool[site.pool].spool):
        yield Mistake(
            key=f"{at}.pool" if site.pool else at,
            what="a site of the kind schedd needs the pool that takes its jobs, one with spool = true",
            remedy='describe it: [pool.NAME] with collector, token and spool = true, and pool = "NAME" here',
        )
    if site.kind == CE and not re.fullmatch(_RESOURCE, site.grid_resource):
        yield Mistake(
            key=f"{at}.grid_resource" if site.grid_resource else at,
            what="a site of the kind ce needs grid_resource, HTCondor's words for it",
            remedy='write grid_resource = "condor CE.HOST CE.HOST:9619"',
        )
    # A CE knows nobody of this machine: the token is all that it can map to an account.
    if site.kind == CE and not site.token:
        yield Mistake(
            key=at,
            what="a site of the kind ce needs the credential that is shown to it",
            remedy='name a token of [credential.NAME], whose audience is the CE\'s: token = "NAME"',
        )


def _texts_of(at: str, site: Site) -> Iterator[Mistake]:
    """What goes into a job's ad has to be what it looks like."""
    for key, text, word, remedy in (
        ("identity", site.identity, "identity", "copy AuthenticatedIdentity from an ad of its start daemons"),
        ("arch", site.arch, "architecture", ""),
        ("queue", site.queue, "queue", ""),
    ):  # fmt: skip
        if _NO_TEXT.search(text):
            what = f"no {word} has quotes, backslashes or line ends"
            yield Mistake(key=f"{at}.{key}", what=what, remedy=remedy)
    for word, text in site.attributes.items():
        if not re.fullmatch(_ATTRIBUTE, word) or _LINE_END.search(text):
            yield Mistake(
                key=f"{at}.attributes.{word}",
                what="that is no ClassAd attribute with an expression on one line",
                remedy="write NAME = 'EXPRESSION', a text in it in double quotes",
            )


def _paths_of(at: str, site: Site, policy: Policy) -> Iterator[Mistake]:
    for path, url in site.paths.items():
        found = re.match(_OBJECTS, url)
        if not (path.startswith("/") and path.endswith("/")) or not found:
            yield Mistake(
                key=f"{at}.paths.{path}",
                what="a directory, from / on and with / at its end, has to stand for STORAGE:BUCKET/ or a directory in"
                " it",
                remedy='write "/besfs/" = "herd:besfs/"',
            )
        elif found["storage"]:
            yield from unknown(f"{at}.paths.{path}", "storage", found["storage"], policy.storage)
    for path in site.mounts:
        if not path.startswith("/"):
            yield Mistake(
                key=f"{at}.mounts",
                what=f"'{path}' is no absolute path",
                remedy="write it from / on",
            )


def _of_rule(at: str, rule: Rule, policy: Policy) -> Iterator[Mistake]:
    for key, words in (("sites", rule.sites), ("not_sites", rule.not_sites)):
        for word in words:
            yield from unknown(f"{at}.{key}", "site", word, policy.site)
    for word in rule.kinds:
        yield from unknown(f"{at}.kinds", "kind of sites", word, SITE_KINDS)
    for word in rule.groups if policy.group else ():
        yield from unknown(f"{at}.groups", "group", word, policy.group)
