"""The policy: every key there is, with its meaning.

A field's name is its key in TOML; `Mapping[str, X]` is a table of named tables (`[pool.NAME]`). The annotations are
types here, no texts of them: the converter reads them at each start.
"""

import enum
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from hepsub.errors import UnknownPool
from hepsub.policy.site import EMPTY, SCHEDD, Rule, Site
from hepsub.suggest import did_you_mean
from hepsub.units import Megabytes, Seconds

SLURM_POOL: Final = "slurm"
"""The word for the policy's pool of Slurm's, where no pool has this name."""


class Level(enum.Enum):
    """Who wrote a policy file."""

    SHIPPED = "shipped"
    SITE = "site"
    USER = "user"


class Layer(Struct, frozen=True, kw_only=True):
    """One policy file: its name, its text, and who wrote it."""

    file: str
    text: str
    level: Level = Level.USER

    def where(self, key: str) -> str:
        """The file and line of a key or table, or of the nearest table around it, in words for people."""
        from hepsub.policy.mistake import key_lines, line_of  # few commands ever tell

        line = line_of(key_lines(self.text), key)
        return f"{self.file} line {line}" if line else self.file


class Defaults(Struct, frozen=True, kw_only=True):
    """What a job gets when the user says nothing.

    Attributes:
        memory: MB (2**20 bytes) for each job.
        cpus: cores for each job.
        walltime: the walltime class.
        pool: the pool; empty for the first one there is.
        sbatch_lines: the pool, of the kind slurm, that scripts with #SBATCH lines go to whose user names no place; the
            lines count there as sbatch reads them, and every option counts more. Empty for none: they go where others
            do, and the lines are comments, but for a pool of Slurm's that is the default or named by -p.
        group: the accounting group; empty for the user's primary group.
        os: the operating system; empty for the worker node's own.
    """

    memory: Megabytes = 2000
    cpus: int = 1
    walltime: str = "default"
    pool: str = ""
    sbatch_lines: str = ""
    group: str = ""
    os: str = ""


class Limits(Struct, frozen=True, kw_only=True):
    """What is refused, and what is enforced.

    Attributes:
        jobs: the most jobs in one cluster.
        factory_above: more jobs than this are made by the schedd as they are needed
            (HTCondor's late materialization).
        factory_idle: how many idle jobs such a factory keeps in the queue.
        environment_kb: the most kB (2**10 bytes) of environment that travel with a job.
        enforce_walltime: hold a job that runs longer than its walltime.
        enforce_memory: hold a job that uses more memory than it asked for.
    """

    jobs: int = 1_000_000
    factory_above: int = 10_000
    factory_idle: int = 1_000
    environment_kb: int = 512
    enforce_walltime: bool = True
    enforce_memory: bool = True


class WalltimeClass(Struct, frozen=True, kw_only=True):
    """A walltime class.

    Attributes:
        limit: how long a job may run, in seconds.
        on_request: the class is given to those who name it, never picked for a duration
            and not listed by hep_clus.
    """

    limit: Seconds
    on_request: bool = False


class Group(Struct, frozen=True, kw_only=True):
    """An accounting group.

    Attributes:
        experiment: the first part of HTCondor's accounting group; empty for the name in capitals.
        members: users who may use it besides the members of the Unix group of this name.
        walltime: walltime classes that differ for this group, in seconds; each is one of [walltime].
    """

    experiment: str = ""
    members: tuple[str, ...] = ()
    walltime: Mapping[str, Seconds] = EMPTY


class OperatingSystem(Struct, frozen=True, kw_only=True):
    """An operating system that users ask for by name.

    Attributes:
        image: the container image that holds it, as the worker nodes see it.
    """

    image: str


class Pool(Struct, frozen=True, kw_only=True):
    """A pool.

    Attributes:
        kind: `condor`, `slurm` (see SLURM in hepsub(7)), or `here` for the embedded pool of this machine.
        collector: host or host:port of the collector; empty for HTCondor's own configuration.
        schedds: names of the schedds that users of this policy have; empty for all of the pool.
        default_schedd: the schedd that takes submissions; empty for the one on this host,
            else the first.
        aliases: other names of this pool.
        filesystem_domain: the FileSystemDomain of the worker nodes that share the file system
            with this host; empty for HTCondor's own configuration.
        worker_group: the requirement behind -gwn; {group} stands for the name.
        credentials: names of the credentials that go along with every job.
        token: the credential that is shown to the schedd, as a SciToken, when it refuses
            everything else; empty for none.
        spool: whether the schedd sees none of this host's directories: jobs are handed over with all
            their files, which nobody can refresh then but by the mailbox of [staging], and what they leave behind is
            fetched, into the jobs' own files and no others.
        partition: Slurm's partition for jobs of all walltime classes; empty for Slurm's own choice.
        partitions: Slurm's partitions by walltime class.
        account: Slurm's account; {group} stands for the group. Empty for the user's own.
        scratch: the directory of Slurm's nodes in which jobs whose files travel get one of their own; `$USER` is the
            login name.
        shared_filesystem: whether Slurm's nodes see this host's file system; else the batch script has what jobs start
            with, and inputs and outputs are in storages.
    """

    kind: str = "condor"
    collector: str = ""
    schedds: tuple[str, ...] = ()
    default_schedd: str = ""
    aliases: tuple[str, ...] = ()
    filesystem_domain: str = ""
    worker_group: str = 'stringListMember("{group}", TARGET.HepJob_WorkerGroups)'
    credentials: tuple[str, ...] = ()
    token: str = ""
    spool: bool = False
    partition: str = ""
    partitions: Mapping[str, str] = EMPTY
    account: str = ""
    scratch: str = "/tmp"  # noqa: S108 (each job makes a directory of its own there)
    shared_filesystem: bool = True

    @property
    def is_slurm(self) -> bool:
        """Whether it is Slurm's."""
        return self.kind == "slurm"

    def partition_for(self, walltime: str) -> str:
        """Slurm's partition for jobs of a walltime class; empty for Slurm's own choice."""
        return self.partitions.get(walltime, self.partition)


class Storage(Struct, frozen=True, kw_only=True):
    """An S3 storage.

    Attributes:
        endpoint: URL of the server, https://HOST[:PORT].
        region: the region that signatures name.
        style: `path` (endpoint/bucket/key) or `virtual` (bucket.endpoint/key).
        allow_http: whether the endpoint may be http, so that data and URLs travel in the clear.
        buckets: the buckets by which s3://bucket/key finds this storage; a bucket belongs to one only.
        default: whether s3:// URLs of other buckets belong here.
        profile: the profile of ~/.aws with the keys; empty for the standard AWS chain.
        token: the credential whose token is exchanged for keys (STS AssumeRoleWithWebIdentity);
            empty for keys of ~/.aws, or for `iam` where a role or an audience is named.
        role_arn: the role that the token is exchanged for; empty where the server finds it itself.
        audience: the audience of that token; empty for the credential's own.
        session_s: how long the keys from a token shall be valid, in seconds.
        sts_endpoint: URL of the token service; empty for the endpoint itself (Ceph, MinIO).
        ca_file: absolute path of the certificates (PEM) of the authorities that the server's certificate is
            from; jobs get a copy. Empty for those that are trusted anyway.
    """

    endpoint: str
    region: str = "us-east-1"
    style: str = "path"
    allow_http: bool = False
    buckets: tuple[str, ...] = ()
    default: bool = False
    profile: str = ""
    token: str = ""
    role_arn: str = ""
    audience: str = ""
    session_s: Seconds = 3600
    sts_endpoint: str = ""
    ca_file: str = ""

    @property
    def token_name(self) -> str:
        """The credential whose token is exchanged for keys; empty where keys come from elsewhere."""
        return self.token or ("iam" if self.role_arn or self.audience else "")

    def object_url(self, bucket: str, key: str) -> str:
        """The unsigned URL of an object."""
        from urllib.parse import quote

        return f"{self.bucket_url(bucket)}/{quote(key, safe='/~')}"

    def bucket_url(self, bucket: str) -> str:
        """The unsigned URL of a bucket, without a slash at its end."""
        endpoint = self.endpoint.rstrip("/")
        if self.style == "virtual":
            from urllib.parse import urlsplit  # a plain job has no storage

            parts = urlsplit(endpoint)
            return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path}"
        return f"{endpoint}/{bucket}"


def default_storage(storages: Mapping[str, Storage]) -> str | None:
    """The storage for those who name none: the one that is marked, or the only one."""
    marked = [name for name, storage in storages.items() if storage.default] or list(storages)
    return marked[0] if len(marked) == 1 else None


class Staging(Struct, frozen=True, kw_only=True):
    """How inputs and outputs travel.

    Attributes:
        bundle_dir: directory of the credential bundles, one for each submission; empty for
            ~/.local/share/hepsub/bundles. The schedd's host, and Slurm's nodes, must see it under the same path. In it
            ~ and $HOME stand for the home, %{User} and $USER for the login name, and no other variable; in a site's
            file one that has none of them gets /%{User} at its end, because each user needs a directory of their own.
            What is in front of the login name has to exist, and to let users make a directory (mode 1777).
        shared: whether bundle_dir is on a file system that the schedd's host shares; where it is
            not, the schedd has to be on this host.
        expected_wait: how long a job may wait in the queue, in seconds, for forecasts.
        grace: how long before the end of the walltime the program is ended, in seconds, so that
            its outputs can be saved.
        home_limit: the most MB of outputs that a job brings home when the store is away.
        put_limit: the most MB of one output that S3 takes in one piece (5 GiB).
        copy_limit: the most MB of files and directories behind -in that a job gets as copies where there is a shared
            file system; what does not fit is a link to the original. 0 for links always.
        overwrite: whether jobs are submitted whose outputs exist already; it is said.
        libraries: where in S3 the archives of -lib are kept, storage:bucket/prefix, in which %{User}
            stands for the login name; empty to send them along with the jobs. An archive is needed
            for as long as jobs wait that use it.
        library_limit: the most MB of files behind one -lib.
        mailbox: where in S3 jobs that can reach nothing here while they run (remote sites without io_proxy, computing
            elements, spool) find newer URLs, tickets and tokens: storage:bucket/prefix, in which %{User} stands for
            the login name; empty for nowhere. hep_auth renew writes them as sealed letters, below names that nobody
            can guess, and removes them when the jobs have ended. Let a lifecycle rule remove what is left behind:
            objects not written for longer than a job may wait and run; old versions of them, if any, after a day.
        mailbox_public: whether the store lets everybody read (GetObject, but not ListBucket) below that prefix
            without a signature, so that jobs read their mail however long they have waited: a signed URL of the
            mailbox ends with the keys that signed it, after seven days at the most. It matters for what waits behind
            a computing element: another schedd is told the newest URLs, which go along with each start of a job.
    """

    bundle_dir: str = ""
    shared: bool = False
    expected_wait: Seconds = 864000
    grace: Seconds = 300
    home_limit: Megabytes = 1024
    put_limit: Megabytes = 5120
    copy_limit: Megabytes = 2048
    overwrite: bool = True
    libraries: str = ""
    library_limit: Megabytes = 1024
    mailbox: str = ""
    mailbox_public: bool = False


KERBEROS: Final = "kerberos"
TOKEN: Final = "token"  # noqa: S105 (a kind of credential, not one)
CREDENTIAL_KINDS: Final = (KERBEROS, TOKEN)
"""What a credential is: in the policy, in a bundle and in JSON in the same words."""


class Credential(Struct, frozen=True, kw_only=True):
    """A credential that jobs, storages and schedds may need.

    Attributes:
        kind: `kerberos` or `token`.
        principal: the Kerberos principal that it has to be; empty for the default cache's.
        account: oidc-agent's name of the account; empty for the credential's own name.
        issuer: URL of the OpenID provider.
        audience: the audience that is asked for; empty for the provider's own.
        scopes: the scopes that are asked for; none for all that the account has.
        command: a program and its arguments that print a token, instead of oidc-agent.
        client_id: the client that hep_auth login registers the account with; empty for a new one.
        login_scopes: the scopes that hep_auth login asks for.
        delivery: `file` (it travels in the bundle, kept fresh by hep_auth renew) or `condor` (the
            pool's own credd or credmon does it).
        service: the name of the OAuth service in HTCondor; empty for the credential's own name.
    """

    kind: str = TOKEN
    principal: str = ""
    account: str = ""
    issuer: str = ""
    audience: str = ""
    scopes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    client_id: str = ""
    login_scopes: tuple[str, ...] = ()
    delivery: str = "file"
    service: str = ""


class Renew(Struct, frozen=True, kw_only=True):
    """What hep_auth renew does.

    Attributes:
        every: how often it looks, in seconds; sooner where a credential ends sooner.
        keep: how long the reports of finished jobs are kept, in seconds; outputs that came home
            are kept until somebody fetches them.
    """

    every: Seconds = 600
    keep: Seconds = 2592000


class Mount(Struct, frozen=True, kw_only=True):
    """What hep_mount does.

    Attributes:
        cache: directory on a local disk for what was read, and for what was written and is not sent
            yet, from / on or with ~, $HOME, $USER and %{User} as in bundle_dir; each user gets a directory of their
            own in it. Empty for /var/tmp/hepsub-UID.
        cache_size: the most MB that one mount keeps there of what was read; never more than half of
            what is free.
    """

    cache: str = ""
    cache_size: Megabytes = 10240


class Policy(Struct, frozen=True, kw_only=True):
    """Everything the site and the user decided.

    Attributes:
        profile: the profile below the files: personal, ihep, herd or hpc.
        defaults: what a job gets when the user says nothing.
        limits: what is refused, and what is enforced.
        walltime: walltime classes by name.
        group: accounting groups by name; none: any group is accepted and recorded.
        os: operating systems by name.
        pool: pools by name, the first one the default.
        site: remote sites by name.
        rule: which jobs go to which of them, by name.
        storage: S3 storages by name.
        staging: how inputs and outputs travel.
        credential: tickets and tokens by name.
        renew: how they are kept fresh.
        mount: how buckets are shown as directories.
        origins: the file that set each key, by its dotted name.
    """

    profile: str = "personal"
    defaults: Defaults = Defaults()
    limits: Limits = Limits()
    walltime: Mapping[str, WalltimeClass] = EMPTY
    group: Mapping[str, Group] = EMPTY
    os: Mapping[str, OperatingSystem] = EMPTY
    pool: Mapping[str, Pool] = EMPTY
    site: Mapping[str, Site] = EMPTY
    rule: Mapping[str, Rule] = EMPTY
    storage: Mapping[str, Storage] = EMPTY
    staging: Staging = Staging()
    credential: Mapping[str, Credential] = EMPTY
    renew: Renew = Renew()
    mount: Mount = Mount()
    origins: Mapping[str, Layer] = EMPTY

    def origin(self, key: str) -> str:
        """Where a key was set, in words for people: `defaults.memory` → `FILE line N`."""
        found = self.origins.get(key)
        return found.where(key) if found else "hepsub's defaults"

    def is_shipped(self, key: str) -> bool:
        """Whether a key was set by hepsub's own files only."""
        found = self.origins.get(key)
        return found is not None and found.level is Level.SHIPPED

    @property
    def pools_of_sites(self) -> frozenset[str]:
        """The pools that take the jobs of remote sites of the kind schedd."""
        return frozenset(site.pool for site in self.site.values() if site.kind == SCHEDD)

    def default_pool(self) -> str:
        """The pool for those who name none: the policy's word, else the first that is neither embedded nor a site's."""
        if self.defaults.pool:
            return self.pool_named(self.defaults.pool)  # it may be an alias
        behind = self.pools_of_sites
        real = (
            name for name, pool in self.pool.items() if pool.kind != "here" and name not in behind
        )
        return next(real, next(iter(self.pool), ""))

    def slurm_pools(self) -> tuple[str, ...]:
        """The pools of Slurm's."""
        return tuple(name for name, pool in self.pool.items() if pool.is_slurm)

    def slurm_pool(self) -> str:
        """The pool of Slurm's for those who name none: that of sbatch_lines, else the default one, else the only one.

        Raises:
            UnknownPool: there is none, or there are several.
        """
        found = self.slurm_pools()
        for word in (self.defaults.sbatch_lines, self.default_pool()):
            if word and (name := self.pool_named(word)) in found:
                return name
        if len(found) == 1:
            return found[0]
        if not found:
            raise UnknownPool(
                "no pool of the policy is Slurm's",
                remedy="the site describes one: [pool.NAME] with kind = 'slurm' (man 5 hepsub)",
            )
        raise UnknownPool(
            f"several pools of the policy are Slurm's: {', '.join(found)}",
            remedy=f"name one: -p {found[0]}",
        )

    def pool_for(self, asked: str | None) -> str:
        """The name of the pool that a word means; without a word the default one's, which is there.

        Raises:
            UnknownPool: the policy has no such pool.
        """
        return self.pool_named(asked) if asked else self.default_pool()

    def pool_now(self, noted: str) -> str:
        """What a pool is called now that an earlier submission noted: by then it may have become an alias."""
        try:
            return self.pool_named(noted)
        except UnknownPool:
            return noted  # who needs the pool says that it is gone

    def pool_named(self, word: str, source: str = "argument -p/--pool") -> str:
        """The name of the pool that a word means, by name or alias.

        Args:
            word: the word.
            source: where it stands, for people.

        Raises:
            UnknownPool: there is none.
        """
        if word in self.pool:
            return word
        found = [name for name, pool in self.pool.items() if word in pool.aliases]
        if found:
            return min(found, key=lambda name: self.is_shipped(f"pool.{name}.aliases"))
        if word == SLURM_POOL:
            return self.slurm_pool()
        known = [*self.pool, *(alias for pool in self.pool.values() for alias in pool.aliases)]
        raise UnknownPool(
            f"{source}: no pool '{word}' in the policy", remedy=did_you_mean(word, known)
        )
