"""Remote sites and the rules that say which jobs go there: their keys in the policy, with their meaning.

The annotations are types here, no texts of them: the converter reads them at each start.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from hepsub.units import Megabytes, Seconds

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
"""What a table holds that nobody wrote: a frozen one, so that all policies may share it."""

GLIDEIN: Final = "glidein"
SCHEDD: Final = "schedd"
CE: Final = "ce"
SITE_KINDS: Final = (GLIDEIN, CE, SCHEDD)
"""How a site is reached; where several sites take a job and no rule says otherwise, the first kind wins."""

UNIVERSE: Final = "universe"
SINGULARITY: Final = "singularity"
WRAPPER: Final = "wrapper"
NO_CONTAINERS: Final = "none"
CONTAINERS: Final = (UNIVERSE, SINGULARITY, WRAPPER, NO_CONTAINERS)
"""How container images are started at a site."""

AUTOMATIC: Final = "automatic"
ASKED: Final = "asked"
NEVER: Final = "never"
RULE_WORDS: Final = (ASKED, AUTOMATIC, NEVER)
"""When the jobs of a rule go to remote sites."""


class Site(Struct, frozen=True, kw_only=True):
    """A remote site.

    Attributes:
        kind: how it is reached: `glidein` (its start daemons joined a pool of this policy), `schedd` (jobs are spooled
            to the schedd of another pool of this policy), or `ce` (jobs go through an HTCondor-CE, or any HTCondor
            that takes tokens, from the user's own schedd, in HTCondor's grid universe). The administrators of `schedd`
            and `ce` read all that is sent, and are believed in what became of the jobs. Those of a `ce` are believed
            as the user: HTCondor writes what comes home where the element's ads say, into any file of the user's. What
            comes from a `schedd` hepsub confines to the jobs' own files, where the kernel has Landlock (Linux 5.13).
        requirements: a ClassAd expression; for `glidein` it has to be there, and is true on the site's slots and
            nowhere else; for `schedd` what else the jobs need there.
        pool: for `glidein` the pool that its start daemons joined, empty for any; for `schedd` the pool that takes
            its jobs, which has spool = true.
        grid_resource: for `ce`, HTCondor's words for it: `condor CE CE:9619`, by name, because certificates are.
        token: for `ce`, the credential that is shown to it (scitokens_file); its audience has to be the CE's.
        queue: for `ce`, the queue that its jobs ask for; empty for the CE's own choice.
        attributes: ClassAd attributes that the jobs get, such as those that a job router looks at: the name, and an
            expression.
        shared_filesystem: whether this host's file system is there.
        paths: directories whose files are objects for jobs there: the directory, and where its files are in S3
            (`/besfs/` = `herd:besfs/`). The longest one counts.
        mounts: directories that are there as they are here, such as /cvmfs: hep_sub does not ask how paths below them
            get there that it finds in arguments and scripts, sends no image that is below one, and where the jobs
            start their images themselves, these see them.
        storage: the storage near it; of several sites of one kind those near the inputs come first, and those with
            the shared file system where inputs are paths.
        arch: the architecture of its machines in HTCondor's word, `X86_64` or `aarch64`; empty for any. To another
            than X86_64 go programs that were built for it, and others where -site or a rule names the site.
        os: operating systems that differ there: the name, and the image as that site sees it.
        containers: how images are started there: `universe` (HTCondor's container universe), `singularity` (its start
            daemons look for SingularityImage; only for images that are there), `wrapper` (apptainer or singularity is
            there, and each job starts its image itself), or `none`. One of the user's own is sent along, which a
            directory cannot be.
        max_cpus: the most cores of a job there; 0 for no limit.
        max_memory: the most memory of a job there, in MB; 0 for no limit.
        max_walltime: the longest walltime there, in seconds; 0 for no limit.
        max_disk: the most MB of inputs and outputs of a job there; 0 for no limit.
        max_sandbox: the most MB of files that HTCondor carries there for one job; 0 for no limit. What comes by URL
            does not count.
        max_jobs: the most jobs of one submission there; 0 for no limit.
        groups: groups that may go there; empty for all.
        credentials: names of the credentials that go along with every job there.
        pledged: whether it owes its machines to the experiments; else they are there by opportunity.
        rank: a ClassAd expression about a slot there: the higher, the better; empty for no preference.
        isolation: what keeps the jobs of one user from those of others there: `user` (an account for each user),
            `slot` (one for each slot), `container` (a job sees its own directory only) or `owner` (a glidein
            runs the jobs of one user). Empty when nothing does: then neither credentials nor signed URLs nor
            secret variables go there.
        io_proxy: for `glidein`, whether jobs there may ask the submit side for newer URLs and credentials while they
            run, by HTCondor's I/O proxy. HTCondor keeps it to the job's own files for reading and writing, but not
            for making links (tried: 23.9, 25.14): the code of the jobs, and who else can read their directory, can
            reach the user's files on the file system of bundle_dir. So only where jobs are believed as at home,
            and never where isolation is empty. Without it jobs keep what they had when they started.
        identity: for `glidein`, what the pool knows its start daemons by (AuthenticatedIdentity of their ads, which
            they cannot choose); empty for any.
        leave_out_after: so many jobs of a user that are held there or fail for the site's own reasons, within the
            time of `leave_out`, leave it out for this user. Jobs on hold go to the other glideins of their submission;
            from a `ce` to another one with the same token, requirements, attributes, credentials, arch, mounts and
            containers, when it has removed them, and those that wait there, too; from a `schedd` as a new submission
            with the old names to whatever takes them then, those that wait there, too. Who named the site by -site
            stays, and so do jobs whose script, inputs or libraries are not what they were.
        leave_out: how long it gets none of the user's jobs then, in seconds; 0 for never left out.
    """

    kind: str = GLIDEIN
    requirements: str = ""
    pool: str = ""
    grid_resource: str = ""
    token: str = ""
    queue: str = ""
    attributes: Mapping[str, str] = EMPTY
    shared_filesystem: bool = False
    paths: Mapping[str, str] = EMPTY
    mounts: tuple[str, ...] = ()
    storage: str = ""
    arch: str = "X86_64"
    os: Mapping[str, str] = EMPTY
    containers: str = UNIVERSE
    max_cpus: int = 0
    max_memory: Megabytes = 0
    max_walltime: Seconds = 0
    max_disk: Megabytes = 0
    max_sandbox: Megabytes = 0
    max_jobs: int = 0
    groups: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    pledged: bool = True
    rank: str = ""
    isolation: str = ""
    io_proxy: bool = False
    identity: str = ""
    leave_out_after: int = 3
    leave_out: Seconds = 7200

    @property
    def expressions(self) -> Mapping[str, str]:
        """The ClassAd expressions in its description, by key."""
        said = {"requirements": self.requirements, "rank": self.rank}
        said |= {f"attributes.{name}": each for name, each in self.attributes.items()}
        return {key: each for key, each in said.items() if each}


class Rule(Struct, frozen=True, kw_only=True):
    """A rule about jobs and remote sites. The first one that fits a job counts; those of a later file come first.

    What a rule says of sizes fits a job of which the size is known: of inputs from the objects and files themselves,
    of outputs by -outsize, or by what the jobs of the same program's last submission with -out left behind.

    Attributes:
        types: types of jobs, as -type says them; empty for any. Where nobody says it, the files of the jobs tell:
            `bes-simulation`, `bes-reconstruction` and `bes-analysis` job options of BOSS, `corsika` a card, `geant4`
            a macro.
        programs: shell patterns of programs, absolute: what they start is of this type where nobody says -type
            (`*/sim_*.sh`).
        groups: accounting groups; empty for any.
        input_above: the inputs of a job are larger than this, in MB; 0 for any size.
        input_below: they are not larger than this, in MB; 0 for any size.
        output_above: its outputs are larger than this, in MB; 0 for any size.
        output_below: they are not larger than this, in MB; 0 for any size.
        walltime_above: its walltime is longer than this, in seconds; 0 for any.
        walltime_below: it is not longer than this, in seconds; 0 for any.
        remote: `asked` (such jobs are remote where their user says -rmt or -site), `automatic` (also where
            nothing is said; -normt keeps them at home) or `never`.
        sites: the sites that may take them; empty for all.
        not_sites: sites that may not.
        kinds: the kinds of sites that may take them, the best first; empty for all, as [site.NAME] has them.
        pledged: whether only pledged sites may.
        rank: a ClassAd expression about a slot: the higher, the better; empty for the sites' own.
        because: the reason, a clause for people.
    """

    types: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    input_above: Megabytes = 0
    input_below: Megabytes = 0
    output_above: Megabytes = 0
    output_below: Megabytes = 0
    walltime_above: Seconds = 0
    walltime_below: Seconds = 0
    remote: str = ASKED
    sites: tuple[str, ...] = ()
    not_sites: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    pledged: bool = False
    rank: str = ""
    because: str = ""
