"""What in a policy cannot be: words for things that are not there, and values that mean nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from hepsub.jobid import same_schedd
from hepsub.policy.mistake import Mistake, join, known_credentials, tokens, unknown
from hepsub.policy.model import CREDENTIAL_KINDS, Policy, Pool
from hepsub.policy.places import why_no_place
from hepsub.policy.site import CONTAINERS, RULE_WORDS, SITE_KINDS
from hepsub.suggest import did_you_mean
from hepsub.units import parse_duration

_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("pool", "kind"): ("condor", "slurm", "here"),
    ("site", "kind"): SITE_KINDS,
    ("site", "containers"): CONTAINERS,
    ("rule", "remote"): RULE_WORDS,
    ("site", "isolation"): ("user", "slot", "container", "owner", ""),
    ("storage", "style"): ("path", "virtual"),
    ("credential", "kind"): CREDENTIAL_KINDS,
    ("credential", "delivery"): ("file", "condor"),
}
"""The keys of named tables that take one of a few words."""

_MAY_BE_NOTHING = frozenset({
    "max_cpus", "max_memory", "max_walltime", "max_disk", "max_sandbox", "max_jobs", "input_above", "input_below",
    "output_above", "output_below", "walltime_above", "walltime_below", "expected_wait", "grace", "home_limit",
    "library_limit", "keep", "leave_out", "factory_above", "environment_kb",
})  # fmt: skip
"""The keys whose number may be 0; all others are at least 1."""

_CREDENTIAL = r"[A-Za-z0-9_-]+"
_IN_STORAGE = r"(?P<storage>[A-Za-z][\w.-]*):[^/]"


def mistakes(policy: Policy) -> Iterator[Mistake]:
    """All that is wrong in a policy whose keys and types are right."""
    yield from _defaults(policy)
    yield from _references(policy)
    yield from _clashes(policy)
    yield from _words(policy)
    yield from _numbers(policy)
    yield from _places(policy)


def _defaults(policy: Policy) -> Iterator[Mistake]:
    said = policy.defaults
    pools = [*policy.pool, *(alias for pool in policy.pool.values() for alias in pool.aliases)]
    if not policy.pool:
        yield Mistake(key="pool", what="no pool is left", remedy="describe one: [pool.NAME]")
    elif said.pool:
        yield from unknown("defaults.pool", "pool", said.pool, pools)
    yield from _sbatch_lines(policy, pools)
    if said.group and policy.group:  # without any described, each is accepted
        yield from unknown("defaults.group", "group", said.group, policy.group)
    if said.os and said.os.casefold() not in (name.casefold() for name in policy.os):
        yield from unknown("defaults.os", "operating system", said.os, policy.os)
    yield from _default_walltime(policy)


def _sbatch_lines(policy: Policy, pools: list[str]) -> Iterator[Mistake]:
    said = policy.defaults.sbatch_lines
    if not said:
        return
    if said not in pools:
        yield from unknown("defaults.sbatch_lines", "pool", said, pools)
    elif policy.pool_named(said) not in policy.slurm_pools():
        yield Mistake(
            key="defaults.sbatch_lines",
            what=f"the pool '{said}' is not Slurm's, and no other one reads #SBATCH lines",
            remedy='name a pool with kind = "slurm"',
        )


def _default_walltime(policy: Policy) -> Iterator[Mistake]:
    """The class of those who ask for none; it may be a duration, too."""
    said, known = policy.defaults.walltime, policy.walltime
    if said.strip().casefold() in (name.casefold() for name in known):
        return
    try:
        parse_duration(said)
    except ValueError:
        if not policy.is_shipped("defaults.walltime"):
            yield from unknown("defaults.walltime", "walltime class", said, known)
            return
        yield Mistake(  # it is the site's classes that left it out
            key="walltime",
            what=f"there is no class '{said}', which jobs get that ask for none",
            remedy=f'name another one in [defaults]: walltime = "{next(iter(known), "CLASS")}"',
        )


def _references(policy: Policy) -> Iterator[Mistake]:
    for name, group in policy.group.items():
        for word in group.walltime:
            key = f"group.{name}.walltime.{word}"
            yield from unknown(key, "walltime class", word, policy.walltime)
    for name, pool in policy.pool.items():
        yield from _of_pool(f"pool.{name}", pool, policy)
    if policy.site or policy.rule:
        from hepsub.policy.check_sites import site_mistakes

        yield from site_mistakes(policy)
    for name, storage in policy.storage.items():
        if word := storage.token_name:
            said = next(
                each for each in ("token", "role_arn", "audience") if getattr(storage, each)
            )
            yield from unknown(f"storage.{name}.{said}", "token", word, tokens(policy))
    for key in ("libraries", "mailbox"):
        found = re.match(_IN_STORAGE, getattr(policy.staging, key))
        # s3://bucket/ means whatever storage has the bucket.
        if found is not None and found["storage"].casefold() != "s3":
            yield from unknown(f"staging.{key}", "storage", found["storage"], policy.storage)


def _of_pool(at: str, pool: Pool, policy: Policy) -> Iterator[Mistake]:
    yield from known_credentials(f"{at}.credentials", pool.credentials, policy)
    if pool.token:
        yield from unknown(f"{at}.token", "token", pool.token, tokens(policy))
    named = pool.default_schedd
    if named and pool.schedds and not any(_same(named, each) for each in pool.schedds):
        yield from unknown(f"{at}.default_schedd", "schedd", named, pool.schedds)


def _same(one: str, other: str) -> bool:
    # Either may be the short name: `schedd07` in one key and schedd07.example.org in the other.
    return same_schedd(one, other) or same_schedd(other, one)


def _clashes(policy: Policy) -> Iterator[Mistake]:
    """Two things with one name, of which only one would be found."""
    aliases: dict[str, str] = {}
    for name, pool in policy.pool.items():
        # Those of hepsub's own pools stand back (`Policy.pool_named`): a site may name its pool `physical`.
        if policy.is_shipped(f"pool.{name}.aliases"):
            continue
        for alias in pool.aliases:
            known = alias if alias in policy.pool else aliases.setdefault(alias, name)
            if known != name:
                yield _clash(policy, ("pool", name, "aliases"), f"'{alias}'", known)
    buckets: dict[str, str] = {}
    for name, storage in policy.storage.items():
        for bucket in storage.buckets:
            if (known := buckets.setdefault(bucket, name)) != name:
                yield _clash(policy, ("storage", name, "buckets"), f"the bucket '{bucket}'", known)
    for name in (defaults := [name for name, each in policy.storage.items() if each.default])[1:]:
        yield _clash(policy, ("storage", name, "default"), "being the default", defaults[0])


def _clash(policy: Policy, key: tuple[str, str, str], what: str, other: str) -> Mistake:
    """The mistake of a key whose value belongs to another table of its kind."""
    kind, _, name = key
    return Mistake(
        key=".".join(key),
        what=f"{what} belongs to the {kind} {other} already ({policy.origin(f'{kind}.{other}.{name}')})",
        remedy="leave it to one of them",
    )


def _words(policy: Policy) -> Iterator[Mistake]:
    for (kind, key), known in _WORDS.items():
        for name, table in getattr(policy, kind).items():
            if (said := getattr(table, key)) not in known:
                words = [word for word in known if word]
                yield Mistake(
                    key=f"{kind}.{name}.{key}",
                    what=f"it cannot be '{said}'",
                    remedy=did_you_mean(said, words, f"it can be {' or '.join(words)}"),
                )
    for name, pool in policy.pool.items():
        if not pool.shared_filesystem and pool.kind != "slurm":
            yield Mistake(
                key=f"pool.{name}.shared_filesystem",
                what="only a pool of Slurm's has it",
                remedy="spool = true hands the files to a schedd that sees none of this host's directories",
            )
    for name in policy.credential:
        if not re.fullmatch(_CREDENTIAL, name):
            yield Mistake(
                key=f"credential.{name}",
                what=f"'{name}' cannot be the name of a credential",
                remedy="use letters, digits, - and _",
            )


def _numbers(value: object, path: str = "") -> Iterator[Mistake]:
    """The numbers that are too small, in all tables below a value."""
    if isinstance(value, int) and not isinstance(value, bool):
        key = path.rpartition(".")[2]
        least = 0 if key in _MAY_BE_NOTHING else 1
        if value < least:
            yield Mistake(key=path, what=f"{value} is too small", remedy=f"it is at least {least}")
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            if name != "origins":  # layers, with no number that anybody wrote
                yield from _numbers(getattr(value, name), join(path, name))
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(each, join(path, name))


def _places(policy: Policy) -> Iterator[Mistake]:
    for key, said in (
        ("staging.bundle_dir", policy.staging.bundle_dir),
        ("mount.cache", policy.mount.cache),
        *((f"pool.{name}.scratch", pool.scratch) for name, pool in policy.pool.items()),
    ):
        if trouble := why_no_place(said):
            yield Mistake(key=key, what=trouble, remedy="write it from / on, or from ~/")
    for name, storage in policy.storage.items():
        at = f"storage.{name}"
        if storage.ca_file and not storage.ca_file.startswith("/"):
            yield Mistake(
                key=f"{at}.ca_file",
                what=f"'{storage.ca_file}' is no absolute path",
                remedy="write it from / on",
            )
        for key, url in (("endpoint", storage.endpoint), ("sts_endpoint", storage.sts_endpoint)):
            if (url or key == "endpoint") and not re.match(r"https?://[^/]", url):
                yield Mistake(
                    key=f"{at}.{key}",
                    what=f"'{url}' is no URL of a server",
                    remedy="write https://HOST[:PORT]",
                )
