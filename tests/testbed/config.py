"""The HTCondor configurations of pools, their further schedds, their clients and glideins: two pools may differ."""

from dataclasses import dataclass, replace
from pathlib import Path

from tests.testbed import host
from tests.testbed.chroot import Suite
from tests.testbed.host import User
from tests.testbed.sandbox import LOOPBACK

FILES = Path(__file__).with_name("files")
SINGULARITY = Path("/usr/local/bin/singularity")
DIRECTORIES = ("/var/log/condor", "/var/spool/condor", "/var/lib/condor/execute")

TLS = Path("/etc/condor/tls")
KEYTAB = Path("/etc/condor/krb5.keytab")
CREDENTIAL_DIRECTORY = Path("/var/lib/condor/oauth_credentials")
TICKET_DIRECTORY = Path("/var/lib/condor/krb_credentials")
CREDMON = Path("/usr/local/sbin/credmon")

SITE = "dongguan"
SITE_HOSTNAME = f"wn.{SITE}.hep"
IMAGES = "images"


@dataclass(frozen=True)
class PoolConfig:
    """What makes a pool another one than the next.

    Attributes:
        name: the pool's, which its directory has too.
        suite: the Debian suite whose HTCondor it runs.
        hostname: of the access point.
        domain: UID_DOMAIN and TRUST_DOMAIN: what stands behind the @ of its users.
        file_system: FILESYSTEM_DOMAIN.
        users: its accounts.
        subjects: for each subject of the OpenID provider the account that it is here.
        schedds: the names before the @; the first is the local one.
        address: the one on which everything listens.
        port: the collector's; 0 is not chosen yet.
        extra: more configuration, after all other.
    """

    name: str
    suite: Suite
    hostname: str
    domain: str
    file_system: str
    users: tuple[User, ...]
    subjects: tuple[tuple[str, str], ...]
    schedds: tuple[str, ...]
    address: str = LOOPBACK
    port: int = 0
    extra: str = ""

    @property
    def audience(self) -> str:
        """Return the audience of the tokens that it takes."""
        return f"https://schedd.{self.domain}"

    @property
    def glidein(self) -> str:
        """Return the identity of the glideins that may join it."""
        return f"glidein@{self.domain}"

    @property
    def takes_credentials(self) -> bool:
        """Tell whether its credd takes tokens that users push (24.7.3)."""
        return self.suite == "sid"


COMMON = """
NETWORK_INTERFACE = {address}
BIND_ALL_INTERFACES = False
ENABLE_IPV6 = False
CONDOR_HOST = {central_manager}
COLLECTOR_HOST = {central_manager}:{port}
USE_SHARED_PORT = False
NETWORK_HOSTNAME = {hostname}
UID_DOMAIN = {uid_domain}
TRUST_DOMAIN = {uid_domain}
FILESYSTEM_DOMAIN = {filesystem_domain}
TRUST_UID_DOMAIN = True
SEC_USE_FAMILY_SESSION = False

use security:recommended_v9_0
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, IDTOKENS
SEC_CLIENT_AUTHENTICATION_METHODS = FS, IDTOKENS
ALLOW_DAEMON = condor@{uid_domain} root@{uid_domain}
ALLOW_NEGOTIATOR = $(ALLOW_DAEMON)
ALLOW_ADMINISTRATOR = $(ALLOW_DAEMON)
ALLOW_ADVERTISE_MASTER = $(ALLOW_DAEMON) {glidein}
ALLOW_ADVERTISE_STARTD = $(ALLOW_DAEMON) {glidein}

NUM_CPUS = 8
MEMORY = 16000
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
NUM_SLOTS_TYPE_1 = 1
START = True
SUSPEND = False
PREEMPT = False
RUNBENCHMARKS = False
MOUNT_UNDER_SCRATCH =
USE_PID_NAMESPACES = False
CGROUP_V2 = False
BASE_CGROUP =
SINGULARITY = {singularity}
CONTAINER_SHARED_FS = /cvmfs, {images}

UPDATE_INTERVAL = 5
POLLING_INTERVAL = 2
STARTER_INITIAL_UPDATE_INTERVAL = 2
STARTER_UPDATE_INTERVAL = 5
MASTER_BACKOFF_CONSTANT = 1
"""

# Tokens of whichever OpenID provider the testbed runs: its port is not known yet. TLS is below SCITOKENS.
# Tickets are believed once the KDC has put a keytab there.
TOKENS = """
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, IDTOKENS, SCITOKENS, KERBEROS
KERBEROS_SERVER_KEYTAB = {keytab}
AUTH_SSL_SERVER_CERTFILE = /etc/condor/tls/server.pem
AUTH_SSL_SERVER_KEYFILE = /etc/condor/tls/server.key
AUTH_SSL_SERVER_CAFILE = /etc/condor/tls/ca.pem
AUTH_SSL_CLIENT_CAFILE = /etc/condor/tls/ca.pem
SCITOKENS_SERVER_AUDIENCE = {audience}
CERTIFICATE_MAPFILE = /etc/condor/tls/mapfile
CERTIFICATE_MAPFILE_ASSUME_HASH_KEYS = True
"""
MAPFILE = r"""
{subjects}
KERBEROS /^(.*)@TEST\.HEP$/ \1@{uid_domain}
IDTOKENS /(.*)/ \1
FS /(.*)/ \1@{uid_domain}
"""

# A user's tokens, pushed to the access point, arrive in the job: the credd of 24.7.3 or later. Tickets do so by
# a credmon; without the interval a ticket that was stored would never be replaced by a newer one.
CREDENTIALS = """
DAEMON_LIST = $(DAEMON_LIST) CREDD
SEC_CREDENTIAL_DIRECTORY_OAUTH = {directory}
SEC_CREDENTIAL_DIRECTORY_KRB = {tickets}
SEC_CREDENTIAL_REFRESH_INTERVAL = 0
TRUST_CREDENTIAL_DIRECTORY = True
SEC_CREDENTIAL_REFRESH = 5
"""

# The authentication timeout: a schedd and the negotiator that greet each other at the same moment, for
# the first time, wait for each other until it ends.
POOL = """
DAEMON_LIST = MASTER COLLECTOR NEGOTIATOR STARTD
SCHEDD_NAME = {schedd}
NEGOTIATOR_INTERVAL = 2
NEGOTIATOR_MIN_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
NEGOTIATOR_DEBUG = D_MATCH
SCHEDD.SEC_CLIENT_AUTHENTICATION_TIMEOUT = 2
SCHEDD_INTERVAL = 5
SCHEDD_MIN_INTERVAL = 1
PERIODIC_EXPR_INTERVAL = 5
SHADOW_QUEUE_UPDATE_INTERVAL = 5
HepJob_WorkerGroups = "CMS"
STARTD_ATTRS = $(STARTD_ATTRS) HepJob_WorkerGroups
"""

# The space of files that several jobs have in common: the words of 25.14 for it are an error to a negotiator of 23.9,
# which would match no job.
GLIDEIN_SITE = """
DAEMON_LIST = MASTER STARTD
STARTD_NAME = {site}
GLIDEIN_Site = "{site}"
STARTD_ATTRS = $(STARTD_ATTRS) GLIDEIN_Site
CATALOG_SPACE = 0
NUM_CPUS = 4
MEMORY = 8000
"""

CLIENT = """
CONDOR_HOST = {address}
COLLECTOR_HOST = {address}:{port}
NETWORK_INTERFACE = {address}
ENABLE_IPV6 = False
UID_DOMAIN = {uid_domain}
FILESYSTEM_DOMAIN = {filesystem_domain}
SEC_CLIENT_AUTHENTICATION_METHODS = IDTOKENS, FS
SEC_TOKEN_DIRECTORY = $ENV(HOME)/.condor/tokens.d
AUTH_SSL_CLIENT_CAFILE = {authority}
CONTAINER_SHARED_FS = /cvmfs, {images}
"""

# The grid universe: what a grid manager asks for every minute or five, it asks for every few seconds here. Without the
# methods its client would try FS at the other pool before the user's token. It runs as the user, and its logs would
# be in /tmp.
GRID_LOGS = "/var/log/condor-gahp"
GRID = """
GRIDMANAGER_JOB_PROBE_INTERVAL = 2
CONDOR_JOB_POLL_INTERVAL = 2
GRIDMANAGER_RESOURCE_PROBE_INTERVAL = 5
GRIDMANAGER_RESOURCE_PROBE_DELAY = 1
GRIDMANAGER_CONTACT_SCHEDD_DELAY = 1
GRIDMANAGER_GAHP_CALL_TIMEOUT = 60
C_GAHP_CONTACT_SCHEDD_DELAY = 1
C_GAHP.SEC_CLIENT_AUTHENTICATION_METHODS = SCITOKENS
C_GAHP_WORKER_THREAD.SEC_CLIENT_AUTHENTICATION_METHODS = SCITOKENS
C_GAHP_LOG = {logs}/CGAHPLog.$(USERNAME)
C_GAHP_LOCK = {logs}/CGAHPLock.$(USERNAME)
C_GAHP_WORKER_THREAD_LOG = {logs}/CGAHPWorkerLog.$(USERNAME)
C_GAHP_WORKER_THREAD_LOCK = {logs}/CGAHPWorkerLock.$(USERNAME)
"""

HOME = PoolConfig(
    name="home",
    suite="trixie",
    hostname="ap.test.hep",
    domain="test.hep",
    file_system="home.test.hep",
    users=host.USERS,
    subjects=(("alice", "hepalice"), ("bob", "hepbob")),
    schedds=("schedd01", "schedd02"),
    extra=GRID.format(logs=GRID_LOGS),
)
GLIDEIN = HOME.glidein


def pool(this: PoolConfig, images: Path) -> str:
    """Return the configuration of a pool, whose local schedd is the first."""
    text = _common(this, this.address, images)
    text += POOL.format(schedd=this.schedds[0])
    text += TOKENS.format(audience=this.audience, keytab=KEYTAB)
    if this.takes_credentials:
        text += CREDENTIALS.format(directory=CREDENTIAL_DIRECTORY, tickets=TICKET_DIRECTORY)
    return text + this.extra


def mapfile(this: PoolConfig) -> str:
    """Return which subject of a token is which user."""
    lines = [
        rf"SCITOKENS /^https:\/\/localhost:[0-9]+,{subject}$/ {user}@{this.domain}"
        for subject, user in this.subjects
    ]
    return MAPFILE.format(uid_domain=this.domain, subjects="\n".join(lines))


def _common(this: PoolConfig, central_manager: str, images: Path) -> str:
    return COMMON.format(
        address=this.address,
        central_manager=central_manager,
        port=this.port,
        hostname=this.hostname,
        uid_domain=this.domain,
        filesystem_domain=this.file_system,
        glidein=this.glidein,
        singularity=SINGULARITY,
        images=images,
    )


def schedd_spool(this: PoolConfig, name: str) -> str:
    """Return the directory in which a schedd keeps its queue and its history."""
    return "/var/spool/condor" if name == this.schedds[0] else f"/var/spool/condor-{name}"


def schedd_environment(this: PoolConfig, name: str) -> dict[str, str]:
    """Return the settings, as environment variables, that make a schedd other than the first."""
    if name == this.schedds[0]:
        return {}
    return {
        "_CONDOR_SCHEDD_NAME": name,
        "_CONDOR_SPOOL": schedd_spool(this, name),
        "_CONDOR_SCHEDD_LOG": f"/var/log/condor/SchedLog.{name}",
        "_CONDOR_SHADOW_LOG": f"/var/log/condor/ShadowLog.{name}",
    }


def glidein(joined: PoolConfig, site: str, hostname: str, address: str, images: Path) -> str:
    """Return the configuration of a site's start daemons that join a pool."""
    here = replace(
        joined, hostname=hostname, domain=f"{site}.hep", file_system=f"{site}.hep", address=address
    )
    return _common(here, joined.address, images) + GLIDEIN_SITE.format(site=site)


def client(this: PoolConfig, images: Path, authority: Path) -> str:
    """Return the configuration of a client on the host."""
    return CLIENT.format(
        address=this.address,
        port=this.port,
        uid_domain=this.domain,
        filesystem_domain=this.file_system,
        images=images,
        authority=authority,
    )


def stand_in_singularity() -> str:
    """Return the program that runs a container job's command without a container."""
    return (FILES / "singularity").read_text()


def credmon() -> str:
    """Return the program that keeps the tickets which the credd was given."""
    return (FILES / "credmon").read_text()
