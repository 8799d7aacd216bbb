"""The Plan: one submission, decided, with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.job import Columns
from hepsub.jobid import Again
from hepsub.plan.accounting import Walltime
from hepsub.plan.template import Template, Values, job_values, literal, values_of
from hepsub.policy.site import CE, UNIVERSE

if TYPE_CHECKING:
    from hepsub.plan.files import Carried
    from hepsub.plan.remap import Paths
    from hepsub.plan.staging import StagingPlan
    from hepsub.policy.model import Pool
    from hepsub.policy.site import Site

LEFT_OUT: Final = "HepSub_LeftOut"
"""The attribute that names the sites, with commas between, to which the jobs of a cluster do not go now."""
LEFT_SITES: Final = "HepSub_LeftSites"
"""The attribute that names the sites, with commas between, that a job was taken away from."""
WHERE: Final = "HepSub_Where"
"""The attribute whose value on a slot is the name of its site; only jobs that have a choice have it."""


class Reason(Struct, frozen=True, kw_only=True):
    """Why something was decided.

    Attributes:
        rule: which rule decided.
        matched: what in the submission it looked at.
        because: the reason, one clause for people.
    """

    rule: str
    matched: str
    because: str


class Delivery(Struct, frozen=True, kw_only=True):
    """How a submission's files get to where it runs, and back: whoever depends on it asks for the fact, not the way.

    Attributes:
        shared: whether this host's file system is where the jobs run.
        schedd_reads_bundle: whether a schedd, perhaps of another host, reads the bundle where it lies.
        handed_over: whether all files are sent to the schedd after the commit, by whoever committed; before that no
            job starts, and nobody else can send them.
        refreshed: whether credentials and signed URLs can be replaced after the commit.
        collected: whether what jobs leave behind stays with the schedd until it is fetched from there.
        confined: whether whoever runs the jobs may reach nothing on this host but their own corner of the bundle.
        taken_early: whether the files leave this host when the site takes the jobs, perhaps long before they start:
            what is replaced later does not reach them.
        on_this_machine: whether the jobs run on this very machine, without worker nodes, ClassAds or schedd.
        on_hold: whether they are submitted on hold, and released when their id is in the journal.
        in_script: whether what they start with stands in the batch script, which nobody can change afterwards, and
            nothing but what they store themselves is seen again.
    """

    shared: bool = False
    schedd_reads_bundle: bool = False
    handed_over: bool = False
    refreshed: bool = False
    collected: bool = False
    confined: bool = False
    taken_early: bool = False
    on_this_machine: bool = False
    on_hold: bool = False
    in_script: bool = False


SHARED: Final = Delivery(shared=True, schedd_reads_bundle=True, refreshed=True)
"""A pool with this host's file system."""
BUNDLE: Final = Delivery(schedd_reads_bundle=True, refreshed=True, confined=True)
"""Machines elsewhere, to which HTCondor carries what the schedd reads here."""
ELEMENT: Final = Delivery(schedd_reads_bundle=True, refreshed=True, confined=True, taken_early=True)
"""A computing element, to which the user's own schedd hands on what it reads here."""
SPOOL: Final = Delivery(handed_over=True, collected=True, taken_early=True)
"""A schedd that sees none of this host's directories."""
EMBEDDED: Final = Delivery(shared=True, refreshed=True, on_this_machine=True)
"""The embedded pool."""
SLURM: Final = Delivery(shared=True, refreshed=True, on_hold=True)
"""Slurm, whose nodes share this host's file system."""
SCRIPT: Final = Delivery(on_hold=True, in_script=True, taken_early=True)
"""Slurm, whose nodes see none of this host's directories."""


def delivery_for(pool: Pool, sites: Iterable[Site] = ()) -> Delivery:
    """How files get to a pool's machines, or to the remote sites that run its jobs."""
    if pool.kind == "here":
        return EMBEDDED
    if pool.is_slurm:
        return SLURM if pool.shared_filesystem else SCRIPT
    if pool.spool:  # whatever its machines share: the schedd has only what is handed over
        return SPOOL
    sites = tuple(sites)  # of one kind
    if any(site.kind == CE for site in sites):
        return ELEMENT
    return SHARED if all(site.shared_filesystem for site in sites) else BUNDLE


class Element(Struct, frozen=True, kw_only=True):
    """A computing element that takes the jobs from the user's own schedd.

    Attributes:
        resource: HTCondor's words for it (grid_resource).
        token: the name of the credential that is shown to it.
        queue: empty for its own choice.
    """

    resource: str
    token: str
    queue: str = ""


class Route(Struct, frozen=True, kw_only=True):
    """Where the jobs may run.

    Attributes:
        schedd: the schedd asked for; empty for the pool's own choice.
        sites: the remote sites that may run it; empty for the local cluster.
        elsewhere: sites like the one that takes it, to which jobs go that it holds for reasons of its own.
        filesystem_domain: the FileSystemDomain that stands for this host's file system; empty for
            the one of HTCondor's own configuration.
        requirements: ClassAd expressions that all have to hold.
        rank: a ClassAd expression: the higher, the better a slot; empty for no preference.
        attributes: ClassAd attributes that the sites want in the jobs' ads, and their expressions.
        element: the computing element that takes the jobs; None for HTCondor's own machines.
        containers: how images are started there, in the policy's word.
        paths: the directories whose files are objects there, and what they stand for.
        refused: the sites that do not take the jobs, and why.
        kind: how the sites are reached, in the policy's word; empty for the local cluster.
        rule: the rule of the policy about remote sites that fits the jobs; empty for none.
    """

    pool: str
    schedd: str = ""
    sites: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    delivery: Delivery = SHARED
    filesystem_domain: str = ""
    requirements: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    rank: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    element: Element | None = None
    containers: str = UNIVERSE
    paths: Paths = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    rule: str = ""


class Retries(Struct, frozen=True, kw_only=True):
    """How often a job that failed is started again: after these exit codes; empty for whatever is no success."""

    number: int
    codes: tuple[int, ...] = ()


class Proc(Struct, frozen=True, kw_only=True):
    """One job of the cluster, written out, its paths absolute; ClusterId stays a name until it is known."""

    proc: int
    executable: str
    arguments: tuple[str, ...]
    stdout: str
    stderr: str
    inputs: tuple[Carried, ...] = ()
    outputs: tuple[Carried, ...] = ()


class Plan(Struct, frozen=True, kw_only=True):
    """One submission, decided; its paths are absolute, but for the script's.

    What names stand for hangs on first, items, ends, columns and again, as `values_of` has them.

    Attributes:
        script: the program as the user wrote it.
        arguments: one template for each.
        event_log: HTCondor's event log; empty for none.
        directory: where the jobs work, unless they get a directory of their own.
        group: the accounting group as the user knows it.
        experiment: the first part of HTCondor's accounting group.
        memory_mb: MB of 2**20 bytes.
        os: operating system; empty for the worker node's own.
        image: container image; empty for none.
        universe: HTCondor's universe as the user wrote it.
        environment: the variables that travel in the job's ad.
        factory_idle: how many idle jobs the schedd keeps of a cluster that it makes as it goes;
            0 for a cluster made at once.
        hold_walltime: whether HTCondor holds a job that outruns its walltime.
        hold_memory: whether HTCondor holds a job that outgrows its memory.
        staging: how inputs and outputs travel; None for a job that runs where it was submitted.
        once: the key that makes this submission unique; empty for none.
        notes: what the user should know about these decisions.
        secrets: the variables that travel in a file, because their values are secrets.
        new_directories: the directories of logs that are made before the jobs are submitted.
        disk_mb: MB of 2**20 bytes; 0 for HTCondor's own guess.
        factory_most: how many jobs the schedd keeps of a cluster that it makes as it goes; 0 for no such limit.
        notification: when HTCondor sends mail, in its word.
        commands: submit commands of HTCondor, and their values, as the user wrote them.
        variables: those in the ad besides whose values have names in them.
        slurm: options of sbatch and their values, in place of what hepsub says to Slurm; None for one that is left to
            Slurm, empty for one without a value.
    """

    script: str
    number: int
    first: int
    items: tuple[str, ...]
    ends: tuple[int, ...]
    executable: Template
    arguments: tuple[Template, ...]
    stdout: Template
    stderr: Template
    event_log: str
    directory: str
    user: str
    group: str
    experiment: str
    name: str
    cpus: int
    gpus: int
    memory_mb: int
    walltime: Walltime
    os: str
    image: str
    priority: int
    universe: str
    environment: Mapping[str, str]
    route: Route
    factory_idle: int
    hold_walltime: bool
    hold_memory: bool
    staging: StagingPlan | None
    once: str
    notes: tuple[str, ...]
    secrets: Mapping[str, str] = field(default_factory=dict)
    new_directories: tuple[str, ...] = ()
    disk_mb: int = 0
    factory_most: int = 0
    retries: Retries | None = None
    notification: str = "Never"
    commands: Mapping[str, str] = field(default_factory=dict)
    again: Again | None = None
    columns: Columns | None = None
    variables: Mapping[str, Template] = field(default_factory=dict)
    slurm: Mapping[str, str | None] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Plan({self.script!r}, {self.number} jobs)"  # no report shows a secret

    def leaves(self, option: str) -> bool:
        """Whether nobody says an amount, so that Slurm's own default counts: `mem`, `time`."""
        return self.slurm.get(option, "") is None

    def digest(self) -> str:
        """A short text that differs for different jobs, so that `-once` can tell a key that means two things."""
        import hashlib  # OpenSSL takes its time, and only `-once` asks for it

        files = (self.staging.inputs, self.staging.outputs) if self.staging else ()
        libraries = [each.sha256 for each in self.staging.libraries] if self.staging else []
        # Not the environment: that of the next session differs, and means the same jobs.
        jobs = (self.number, self.first, self.items, self.ends, self.columns)
        said = (self.script, self.directory, self.arguments, jobs, files, libraries)
        return hashlib.sha256(repr(said).encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def with_uuid(self, uuid: str) -> Plan:
        """The plan of one submission, whose UUID is no name any more."""
        # Until here it is nobody's: a dry run and a repeated `-once` have none.
        return replace(
            self,
            executable=self.executable.with_uuid(uuid),
            arguments=tuple(each.with_uuid(uuid) for each in self.arguments),
            stdout=self.stdout.with_uuid(uuid),
            stderr=self.stderr.with_uuid(uuid),
            variables={name: each.with_uuid(uuid) for name, each in self.variables.items()},
            staging=self.staging.with_uuid(uuid, self.jobs()) if self.staging is not None else None,
        )

    def jobs(self) -> list[Values]:
        """What the names stand for, job by job."""
        return job_values(self.number, self.first, self.items, self.ends, self.again, self.columns)

    def values(self, proc: int) -> Values:
        """What the names stand for in one job."""
        return values_of(
            proc, self.first, self.items, self.ends, again=self.again, columns=self.columns
        )

    def arguments_of(self, values: Values) -> tuple[Template, ...]:
        """The arguments of one job, ClusterId still a name; `%{items}` alone is one word an item."""
        # As "$@" is: names of files may have blanks, and a program counts its arguments.
        words: list[Template] = []
        for argument in self.arguments:
            if argument.is_list:
                words += [literal(text) for text in argument.listed(values)]
            else:
                words.append(argument.fill_known(values))
        return tuple(words)

    def procs(self, most: int | None = None) -> Iterator[Proc]:
        """The jobs written out, `most` of them at the most."""
        for proc in range(self.number if most is None else min(most, self.number)):
            values = self.values(proc)
            yield Proc(
                proc=proc,
                executable=self.executable.fill(values),
                arguments=tuple(word.fill(values) for word in self.arguments_of(values)),
                stdout=self.stdout.fill(values),
                stderr=self.stderr.fill(values),
                inputs=self.staging.inputs_of(values) if self.staging else (),
                outputs=self.staging.outputs_of(values) if self.staging else (),
            )
