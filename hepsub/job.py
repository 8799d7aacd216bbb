"""What the user asked for: the command line's meaning, before any policy or fact is looked at."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct, field

NO_CREDENTIALS = "none"
"""The word after -cred that drops what the policy wants."""


class Remote(enum.Enum):
    """What the user said about running outside the local cluster."""

    UNSAID = "unsaid"
    WANTED = "wanted"
    NEVER = "never"


class Resources(Struct, frozen=True, kw_only=True):
    """What one job needs; None where the user left it to the policy. A MB has 2**20 bytes.

    Attributes:
        walltime: a walltime class or a duration, as it was written.
    """

    cpus: int | None = None
    gpus: int | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    walltime: str | None = None


class Placement(Struct, frozen=True, kw_only=True):
    """Where the job may run.

    Attributes:
        pool: its name, or an alias, in the policy.
        schedd: its full or short name.
        site: name of a remote site; implies that remote is wanted.
        worker_node: the one to run on, by its full or short name.
        worker_group: the group of worker nodes to run on.
    """

    pool: str | None = None
    schedd: str | None = None
    remote: Remote = Remote.UNSAID
    site: str | None = None
    worker_node: str | None = None
    worker_group: str | None = None


class EnvironmentRequest(Struct, frozen=True, kw_only=True):
    """Which variables travel.

    Attributes:
        inherit: whether the submitter's environment travels.
        named: pairs of a name and a value; the value is None for the submitter's own.
    """

    inherit: bool = True
    named: tuple[tuple[str, str | None], ...] = ()


COMMA, TAB, BLANK = "comma", "tab", "blank"
"""What stands between the columns of a list.

COMMA and TAB are CSV and TSV, with quotes as RFC 4180 has them. BLANK is what HTCondor's `queue a,b from` goes by:
blanks or a comma, and the last of the columns that have names is all that is left of the line.
"""


class Columns(Struct, frozen=True, kw_only=True):
    """The columns of a list.

    Attributes:
        names: in their order; empty for columns that are called by their numbers.
        header: whether the first line of the list has the names; False once they were read.
        separator: COMMA, TAB or BLANK; empty for what the name of the list tells.
    """

    names: tuple[str, ...] = ()
    header: bool = False
    separator: str = ""


class FileRequest(Struct, frozen=True, kw_only=True):
    """A file that goes with each job, as written; names in it are still to be filled in.

    Attributes:
        name: in the job's directory; empty for the last part of the URL.
        url: `s3://bucket/key`, `storage:bucket/key`, or a path.
        optional: whether it may be missing (outputs only).
        whole: the URL that it would be if the `=` in front of the name were a part of it (inputs only); empty where
            that is not in doubt.
    """

    name: str
    url: str
    optional: bool = False
    whole: str = ""


class HTCondorRequest(Struct, frozen=True, kw_only=True):
    """What the user says to HTCondor in its own words, as written.

    Attributes:
        attributes: `NAME=EXPR`, each an attribute of the jobs' ads.
        requirements: ClassAd expressions that all have to hold.
        rank: a ClassAd expression: the higher, the better a slot.
        commands: `NAME = VALUE`, each a submit command.
        retries: `N` or `N:CODE,CODE…`: how often, and after which exit codes, a job is started again.
        max_idle: how many idle jobs the schedd keeps of the cluster; None for no such limit.
        max_run: how many jobs of the cluster there are at a time; None for no such limit.
        notification: when HTCondor sends mail.
    """

    attributes: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    rank: str = ""
    commands: tuple[str, ...] = ()
    retries: str = ""
    max_idle: int | None = None
    max_run: int | None = None
    notification: str = ""


class SlurmRequest(Struct, frozen=True, kw_only=True):
    """What the `#SBATCH` lines of a script say that no other field holds.

    Attributes:
        script: whose lines they are, as its user wrote it.
        counted: what counts of them, as sbatch's options.
        beaten: what an option of the command line says otherwise: both, for people.
        words: options of sbatch and their values, in place of what hepsub would say; empty for one without a value,
            None for one that is left to Slurm.
        decided: whether they decided where the jobs go, and not the user.
    """

    script: str
    counted: tuple[str, ...] = ()
    beaten: tuple[str, ...] = ()
    words: Mapping[str, str | None] = field(default_factory=dict)
    decided: bool = False


class JobSpec(Struct, frozen=True, kw_only=True):
    """One submission as the user wrote it.

    Texts may hold `%{ProcId}`, `%{ClusterId}`, `%{Index}`, `%{Uuid}` and `%{item}` in script, arguments,
    stdout, stderr, inputs, outputs and the values of variables.

    Attributes:
        script: the program to run.
        number: how many jobs; None where the user does not say, and the list or 1 counts.
        first: the Index of the first job.
        list_file: a file with one item a line, one job an item; `-` for stdin, or a directory in S3
            (`s3://bucket/dir/`), perhaps with a pattern at its end; None for none.
        columns: how the lines of the list are divided; None where nothing is said of it.
        per: how many items each job gets; None for one, unless a size is said.
        per_bytes: how many bytes of consecutive items, files or objects, each job gets at the most,
            one item at the least; None for no such limit.
        inputs: what each job gets before it starts.
        outputs: what each job leaves behind.
        libraries: files and directories that go along, packed once and unpacked before each job.
        check_objects: whether inputs, and what is at the places of outputs, are looked for before submitting.
        name: what people know the jobs by (HTCondor's JobBatchName).
        stdout: file, directory or pattern for standard output.
        stderr: file, directory or pattern for standard error.
        event_log: HTCondor's event log of the cluster.
        directory: where the logs go that have no place of their own.
        os: an operating system of the policy, in whose container the jobs run.
        image: container image file.
        priority: HTCondor's JobPrio among the user's own jobs.
        universe: HTCondor's universe.
        once: a key; a second submission with the same key returns the first one's cluster.
        credentials: names of credentials of the policy that go along besides those that the pool or
            site wants; `none` drops those.
        type: what kind of work it is, for the policy's rules; None where the user does not say.
        output_mb: MB that one job leaves behind; None where the user does not say.
        slurm: what the `#SBATCH` lines of the script say besides; None where none count.
    """

    script: str
    arguments: tuple[str, ...] = ()
    number: int | None = None
    first: int = 0
    list_file: str | None = None
    columns: Columns | None = None
    per: int | None = None
    per_bytes: int | None = None
    inputs: tuple[FileRequest, ...] = ()
    outputs: tuple[FileRequest, ...] = ()
    libraries: tuple[str, ...] = ()
    check_objects: bool = True
    group: str | None = None
    name: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    event_log: str | None = None
    directory: str | None = None
    os: str | None = None
    image: str | None = None
    priority: int | None = None
    universe: str | None = None
    resources: Resources = Resources()
    placement: Placement = Placement()
    environment: EnvironmentRequest = EnvironmentRequest()
    once: str | None = None
    credentials: tuple[str, ...] = ()
    type: str | None = None
    output_mb: int | None = None
    htcondor: HTCondorRequest | None = None
    slurm: SlurmRequest | None = None

    @property
    def is_staged(self) -> bool:
        """Whether the program needs a private scratch directory."""
        return bool(self.inputs or self.outputs)
