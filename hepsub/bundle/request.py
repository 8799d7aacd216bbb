"""The request of a bundle: what its manifests are written from, now and by hep_auth renew; there is no secret in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from hepsub import __version__
from hepsub.documents import Malformed, read_json
from hepsub.errors import HepsubError
from hepsub.job import Columns
from hepsub.jobid import Again, SubmissionRef
from hepsub.plan.model import BUNDLE, ELEMENT, SCRIPT, SHARED, SPOOL, Delivery, Plan
from hepsub.plan.staging import Staging, StagingPlan
from hepsub.plan.template import Values, parse_template, values_of
from hepsub.terminal import printable

_FORMAT = 2
"""It grows when an older hepsub would misread what is written: jobs wait for weeks, and hepsub is updated meanwhile."""
LARGEST = 2**30
"""No request is larger, in bytes: a million items of a thousand characters."""
_Natural = Annotated[int, Meta(ge=0, le=2**31)]


class OfAnotherHepsub(Malformed):
    """A request in a form that this hepsub does not know: it may say what must not be overlooked."""

    @classmethod
    def by(cls, version: str) -> OfAnotherHepsub:
        """The request of a version of hepsub."""
        return cls(f"it was written by hepsub {printable(version)}, and this is {__version__}")


class _Writer(Struct, frozen=True, kw_only=True):
    """Who wrote a request, in what form: every version says it in these words."""

    format: int = 0
    hepsub: Annotated[str, Meta(max_length=100)] = ""


class BundleRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the manifests of a submission are written from.

    Attributes:
        schedd: full name of the schedd.
        number: how many jobs it has.
        first: the Index of the first job.
        executable: the program, as a template.
        walltime: seconds that a job may run.
        factory: whether the schedd makes the jobs as they are needed.
        stdout: where standard output goes, as a template.
        stderr: the same for standard error.
        ends: where in the items those of each job end; empty for one item each.
        columns: those of the items; None for none.
        spool: whether the files were handed over to the schedd.
        element: whether a computing element takes the jobs, and their files with them.
        in_script: whether the batch script has the files.
        event_log: HTCondor's event log of the cluster; empty for none.
        again: the earlier jobs that these are, run again; None for new ones.
    """

    uuid: str
    pool: str
    schedd: str
    user: str
    number: _Natural
    first: int
    executable: str
    walltime: _Natural
    factory: bool
    items: tuple[str, ...]
    staging: Staging
    stdout: str
    stderr: str
    ends: tuple[_Natural, ...] = ()
    columns: Columns | None = None
    spool: bool = False
    element: bool = False
    in_script: bool = False
    event_log: str = ""
    format: int = _FORMAT
    hepsub: str = __version__
    again: Again | None = None

    @property
    def ref(self) -> SubmissionRef:
        """The submission; its cluster is not known yet."""
        return SubmissionRef(uuid=self.uuid, pool=self.pool, schedd=self.schedd, number=self.number)

    @property
    def delivery(self) -> Delivery:
        """How its files get there; the embedded pool's is that of a shared file system here."""
        if self.spool:
            return SPOOL
        if self.element:
            return ELEMENT
        if self.in_script:
            return SCRIPT
        return SHARED if self.staging.shared else BUNDLE

    @property
    def is_refreshed(self) -> bool:
        """Whether credentials and signed URLs are renewed after the commit, here or in the mailbox."""
        return self.delivery.refreshed or self.staging.mailbox is not None

    def logs(self, proc: int, cluster: int) -> tuple[Path, Path]:
        """Where the standard output and the standard error of a job are."""
        stdout, stderr = self.log_names(proc, cluster)
        return Path(stdout), Path(stderr)

    def log_names(self, proc: int, cluster: int | None = None) -> tuple[str, str]:
        """The user's names for the standard output and error of a job; ClusterId stays a name where it is not known."""
        values = self.values(proc, cluster)
        return parse_template(self.stdout).fill(values), parse_template(self.stderr).fill(values)

    def values(self, proc: int, cluster: int | None) -> Values:
        """What the names stand for in one job."""
        return values_of(proc, self.first, self.items, self.ends, cluster, self.again, self.columns)

    def to_json(self) -> bytes:
        """The request as JSON."""
        # Names of files need not be UTF-8: msgspec refuses what Python has for them, the standard library writes it.
        kept = replace(self, staging=self.staging.kept)
        return json.dumps(msgspec.to_builtins(kept, enc_hook=dict)).encode()


def request_for(plan: Plan, staging: StagingPlan, uuid: str, schedd: str) -> BundleRequest:
    """The request of a plan whose files travel."""
    return BundleRequest(
        uuid=uuid,
        pool=plan.route.pool,
        schedd=schedd,
        user=plan.user,
        number=plan.number,
        first=plan.first,
        executable=str(plan.executable),
        walltime=plan.walltime.limit,
        factory=plan.factory_idle > 0,
        items=plan.items,
        staging=staging,
        ends=plan.ends,
        columns=plan.columns,
        spool=plan.route.delivery.handed_over,
        element=plan.route.element is not None,
        in_script=plan.route.delivery.in_script,
        stdout=str(plan.stdout),
        stderr=str(plan.stderr),
        event_log=plan.event_log,
        again=plan.again,
    )


def from_json(text: bytes) -> BundleRequest:
    """The request that `to_json` wrote.

    Raises:
        OfAnotherHepsub: another one wrote it, in a form that this one does not know.
        Malformed: it is none.
    """
    try:
        request = read_json(text, BundleRequest, most=LARGEST, any_text=True)
        # Templates are parsed when they are used: one that is none has to be found here, and not half-way.
        for rule in (*request.staging.inputs, *request.staging.outputs):
            rule.names()
    except HepsubError as error:
        raise Malformed(error.message) from error
    except Malformed as error:
        # What this version takes for broken may be all right for the one that wrote it.
        writer = read_json(text, _Writer, most=LARGEST, any_text=True)
        if writer.format > _FORMAT or writer.hepsub not in ("", __version__):
            raise OfAnotherHepsub.by(writer.hepsub) from error
        raise
    if request.format > _FORMAT:
        raise OfAnotherHepsub.by(request.hepsub)
    return request
