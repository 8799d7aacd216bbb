"""What a bundle was made for, so that anybody can write it anew: JSON both ways, no secret in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hepsub.plan.credentials import JobCredential
from hepsub.plan.groups import ends_by_count
from hepsub.plan.layout import values_of
from hepsub.plan.libraries import Library
from hepsub.plan.model import Plan
from hepsub.plan.place import ObjectPlace
from hepsub.plan.staging import FileRule, ObjectFact, StagingPlan
from hepsub.plan.template import Values, parse_template
from hepsub.policy.model import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRequest:
    """What the manifests of a submission are written from.

    Attributes:
        uuid: the submission's UUID.
        pool: the pool's name in the policy.
        schedd: full name of the schedd.
        user: login name.
        number: number of jobs.
        first: the Index of the first job.
        items: the items of all jobs.
        ends: where in them the items of each job end; empty for one item each.
        executable: the program, as a template.
        walltime: seconds that a job may run.
        factory: whether the schedd makes the jobs as they are needed.
        staging: how the files travel.
        spool: whether it was handed over to the schedd, so that nothing can be refreshed.
        stdout: where standard output goes, as a template; empty for not known.
        stderr: the same for standard error.
    """

    uuid: str
    pool: str
    schedd: str
    user: str
    number: int
    first: int
    items: tuple[str, ...]
    ends: tuple[int, ...]
    executable: str
    walltime: int
    factory: bool
    staging: StagingPlan
    spool: bool = False
    stdout: str = ""
    stderr: str = ""

    def logs(self, proc: int, cluster: int) -> tuple[Path, ...]:
        """Where the standard output and the standard error of a job are, in this order."""
        values = self.values(proc, cluster)
        told = (text for text in (self.stdout, self.stderr) if text)
        return tuple(Path(parse_template(text).fill(values)) for text in told)

    def values(self, proc: int, cluster: int | None) -> Values:
        """What the names stand for in one job."""
        return replace(values_of(proc, self.first, self.items, self.ends), cluster=cluster)

    def to_json(self) -> str:
        """The request as JSON."""
        staging = self.staging
        document = {name: getattr(self, name) for name in _PLAIN} | {
            "spool": self.spool,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "items": list(self.items),
            "ends": list(self.ends),
            "staging": {
                **{name: getattr(staging, name) for name in _PLAIN_STAGING},
                "inputs": [_rule_document(rule) for rule in staging.inputs],
                "outputs": [_rule_document(rule) for rule in staging.outputs],
                "in_place": staging.in_place,
                "credentials": [asdict(each) for each in staging.credentials],
                "libraries": [asdict(each) for each in staging.libraries],
                "secrets": list(staging.secrets),
                "storages": {name: asdict(storage) for name, storage in staging.storages.items()},
                "objects": [
                    [
                        place.storage,
                        place.bucket,
                        place.key,
                        fact.size,
                        "" if fact.encrypted else fact.etag,
                    ]
                    for place, fact in staging.objects.items()
                ],
            },
        }
        return json.dumps(document)


_PLAIN = (
    "uuid",
    "pool",
    "schedd",
    "user",
    "number",
    "first",
    "executable",
    "walltime",
    "factory",
)
_PLAIN_STAGING = (
    "shared",
    "chirp",
    "cwd",
    "bundle_root",
    "grace",
    "home_limit",
    "put_limit",
)


def request_for(plan: Plan, staging: StagingPlan, uuid: str, schedd: str) -> BundleRequest:
    """The request of a plan whose files travel."""
    return BundleRequest(
        uuid=uuid,
        pool=plan.route.pool,
        schedd=schedd,
        user=plan.user,
        number=plan.number,
        first=plan.first,
        items=plan.items,
        ends=plan.ends,
        executable=str(plan.executable),
        walltime=plan.walltime.limit,
        factory=plan.factory_idle > 0,
        staging=staging,
        spool=plan.route.spool,
        stdout=str(plan.stdout),
        stderr=str(plan.stderr),
    )


def from_json(text: str) -> BundleRequest:
    """The request that `to_json` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    document = json.loads(text)
    staging = document["staging"]
    return BundleRequest(
        **{name: document[name] for name in _PLAIN},
        spool=document.get("spool", False),
        stdout=document.get("stdout", ""),
        stderr=document.get("stderr", ""),
        items=tuple(document["items"]),
        ends=_ends(document),
        staging=StagingPlan(
            **{name: staging[name] for name in _PLAIN_STAGING},
            in_place=staging.get("in_place", False),  # not said before 0.2
            inputs=tuple(_rule(each) for each in staging["inputs"]),
            outputs=tuple(_rule(each) for each in staging["outputs"]),
            credentials=tuple(JobCredential(**each) for each in staging.get("credentials", ())),
            libraries=tuple(_library(each) for each in staging.get("libraries", ())),
            secrets=tuple(staging.get("secrets", ())),
            storages={name: _storage(each) for name, each in staging["storages"].items()},
            objects={
                ObjectPlace(storage=storage, bucket=bucket, key=key): ObjectFact(
                    size=size, etag=etag
                )
                for storage, bucket, key, size, etag in staging["objects"]
            },
        ),
    )


def _ends(document: dict[str, Any]) -> tuple[int, ...]:
    if "ends" in document:
        return tuple(document["ends"])
    return ends_by_count(len(document["items"]), document["per"])  # all that was said before 0.2


def _library(document: dict[str, Any]) -> Library:
    place = document["place"]
    return Library(**{**document, "place": ObjectPlace(**place) if place else None})


def _rule_document(rule: FileRule) -> dict[str, Any]:
    return {"name": str(rule.name), "url": str(rule.url), "optional": rule.optional}


def _rule(document: dict[str, Any]) -> FileRule:
    return FileRule(
        name=parse_template(document["name"]),
        url=parse_template(document["url"]),
        optional=document["optional"],
    )


def _storage(document: dict[str, Any]) -> Storage:
    return Storage(**{**document, "buckets": tuple(document["buckets"])})
