"""The HTCondor configurations of the pool, its second schedd, its clients and the remote site."""

from pathlib import Path

FILES = Path(__file__).with_name("files")
SINGULARITY = Path("/usr/local/bin/singularity")
UID_DOMAIN = "test.hep"
FILESYSTEM_DOMAIN = "home.test.hep"
HOSTNAME = "ap.test.hep"
DIRECTORIES = ("/var/log/condor", "/var/spool/condor", "/var/lib/condor/execute")
SCHEDDS = ("schedd01", "schedd02")

TLS = Path("/etc/condor/tls")
KEYTAB = Path("/etc/condor/krb5.keytab")
AUDIENCE = "https://schedd.test.hep"
CREDENTIAL_DIRECTORY = Path("/var/lib/condor/oauth_credentials")
TICKET_DIRECTORY = Path("/var/lib/condor/krb_credentials")
CREDMON = Path("/usr/local/sbin/credmon")

SITE = "dongguan"
SITE_HOSTNAME = f"wn.{SITE}.hep"
IMAGES = "images"
GLIDEIN = f"glidein@{UID_DOMAIN}"

COMMON = """
NETWORK_INTERFACE = 127.0.0.1
BIND_ALL_INTERFACES = False
ENABLE_IPV6 = False
CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = 127.0.0.1:{port}
USE_SHARED_PORT = False
NETWORK_HOSTNAME = {hostname}
UID_DOMAIN = {uid_domain}
TRUST_DOMAIN = {trust_domain}
FILESYSTEM_DOMAIN = {filesystem_domain}
TRUST_UID_DOMAIN = True
SEC_USE_FAMILY_SESSION = False

use security:recommended_v9_0
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, IDTOKENS
SEC_CLIENT_AUTHENTICATION_METHODS = FS, IDTOKENS
ALLOW_DAEMON = condor@{trust_domain} root@{trust_domain}
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
SCITOKENS /^https:\/\/localhost:[0-9]+,alice$/ hepalice@{uid_domain}
SCITOKENS /^https:\/\/localhost:[0-9]+,bob$/ hepbob@{uid_domain}
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

GLIDEIN_SITE = """
DAEMON_LIST = MASTER STARTD
STARTD_NAME = {site}
GLIDEIN_Site = "{site}"
STARTD_ATTRS = $(STARTD_ATTRS) GLIDEIN_Site
NUM_CPUS = 4
MEMORY = 8000
"""

CLIENT = """
CONDOR_HOST = 127.0.0.1
COLLECTOR_HOST = 127.0.0.1:{port}
NETWORK_INTERFACE = 127.0.0.1
ENABLE_IPV6 = False
UID_DOMAIN = {uid_domain}
FILESYSTEM_DOMAIN = {filesystem_domain}
SEC_CLIENT_AUTHENTICATION_METHODS = IDTOKENS, FS
SEC_TOKEN_DIRECTORY = $ENV(HOME)/.condor/tokens.d
AUTH_SSL_CLIENT_CAFILE = {authority}
CONTAINER_SHARED_FS = /cvmfs, {images}
"""


def pool(port: int, shared: Path, *, takes_credentials: bool) -> str:
    """Return the configuration of the pool, whose local schedd is the first."""
    text = _common(port, shared) + POOL.format(schedd=SCHEDDS[0])
    text += TOKENS.format(audience=AUDIENCE, keytab=KEYTAB)
    if takes_credentials:
        text += CREDENTIALS.format(directory=CREDENTIAL_DIRECTORY, tickets=TICKET_DIRECTORY)
    return text


def mapfile() -> str:
    """Return which subject of a token is which user."""
    return MAPFILE.format(uid_domain=UID_DOMAIN)


def _common(port: int, shared: Path) -> str:
    return COMMON.format(
        port=port,
        hostname=HOSTNAME,
        uid_domain=UID_DOMAIN,
        trust_domain=UID_DOMAIN,
        filesystem_domain=FILESYSTEM_DOMAIN,
        glidein=GLIDEIN,
        singularity=SINGULARITY,
        images=shared / IMAGES,
    )


def schedd_spool(name: str) -> str:
    """Return the directory in which a schedd keeps its queue and its history."""
    return "/var/spool/condor" if name == SCHEDDS[0] else f"/var/spool/condor-{name}"


def schedd_environment(name: str) -> dict[str, str]:
    """Return the settings, as environment variables, that make a schedd other than the first."""
    if name == SCHEDDS[0]:
        return {}
    return {
        "_CONDOR_SCHEDD_NAME": name,
        "_CONDOR_SPOOL": schedd_spool(name),
        "_CONDOR_SCHEDD_LOG": f"/var/log/condor/SchedLog.{name}",
        "_CONDOR_SHADOW_LOG": f"/var/log/condor/ShadowLog.{name}",
    }


def site(port: int, shared: Path) -> str:
    """Return the configuration of the remote site's start daemons."""
    common = COMMON.format(
        port=port,
        hostname=SITE_HOSTNAME,
        uid_domain=f"{SITE}.hep",
        trust_domain=f"{SITE}.hep",
        filesystem_domain=f"{SITE}.hep",
        glidein=GLIDEIN,
        singularity=SINGULARITY,
        images=shared / IMAGES,
    )
    return common + GLIDEIN_SITE.format(site=SITE)


def client(port: int, shared: Path, authority: Path) -> str:
    """Return the configuration of a client on the host."""
    return CLIENT.format(
        port=port,
        uid_domain=UID_DOMAIN,
        filesystem_domain=FILESYSTEM_DOMAIN,
        images=shared / IMAGES,
        authority=authority,
    )


def stand_in_singularity() -> str:
    """Return the program that runs a container job's command without a container."""
    return (FILES / "singularity").read_text()


def credmon() -> str:
    """Return the program that keeps the tickets which the credd was given."""
    return (FILES / "credmon").read_text()
