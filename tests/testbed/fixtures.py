"""The pytest plugin of the testbed: the pool, its users, the remote site, the login node, S3."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.testbed import ceph, chroot, far, host, rclone, remote, sts
from tests.testbed import homes as homes_module
from tests.testbed import kcm as kcms
from tests.testbed import kdc as kdcs
from tests.testbed import machine as machines
from tests.testbed import openid as openids
from tests.testbed import pool as pools
from tests.testbed import systemd as systemds
from tests.testbed.far import FarSite
from tests.testbed.homes import Homes
from tests.testbed.kcm import Kcm
from tests.testbed.kdc import Kdc
from tests.testbed.login import LoginNode
from tests.testbed.machine import Machine
from tests.testbed.openid import OpenId
from tests.testbed.pool import Pool
from tests.testbed.process import TestbedUnavailableError
from tests.testbed.proxy import FaultProxy
from tests.testbed.remote import RemoteSite
from tests.testbed.s3 import S3Server
from tests.testbed.sts import WebIdentity
from tests.testbed.systemd import LoginHost
from tests.testbed.users import Account

REQUIRED = os.environ.get("HEPSUB_TESTBED") == "required"

Service = TypeVar("Service")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the HTCondor version."""
    parser.addoption(
        "--condor",
        choices=chroot.SUITES,
        default="trixie",
        help="the Debian suite whose HTCondor the pool runs",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the markers of the storage services."""
    config.addinivalue_line("markers", "s3: needs a real S3 server of the testbed")
    config.addinivalue_line("markers", "ceph: needs the real Ceph of the testbed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that another HTCondor was tested than the one asked for."""
    for failure in chroot.failures:
        terminalreporter.write_sep("!", "the testbed is not what was asked for", red=True)
        terminalreporter.write_line(failure)


def available(start: Callable[[], Service]) -> Service:
    """Start a service; where it cannot run, skip, or fail if HEPSUB_TESTBED=required."""
    try:
        return start()
    except TestbedUnavailableError as error:
        if REQUIRED:
            pytest.fail(f"the testbed is required: {error}", pytrace=False)
        pytest.skip(f"no testbed here: {error}")


@pytest.fixture(scope="session")
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """Give the pool, with the checkout under test installed for its users."""
    suite = request.config.getoption("--condor")
    running = available(lambda: pools.start(suite))
    try:
        running.install_program()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def remote_site(pool: Pool) -> Iterator[RemoteSite]:
    """Give the remote site, whose start daemons have joined the pool."""
    site = available(lambda: remote.start(pool))
    try:
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def far_site(pool: Pool) -> Iterator[FarSite]:
    """Give the far site: a second pool behind a cable, with a computing element."""
    site = available(lambda: far.start(pool))
    try:
        yield site
    finally:
        site.stop()


@pytest.fixture
def clean_far_site(far_site: FarSite, openid: OpenId) -> FarSite:
    """Give the far site without jobs, with a whole cable and with trust in the OpenID provider."""
    far_site.reset()
    openid.join(far_site.sandbox)
    return far_site


@pytest.fixture(scope="module")
def far_glidein(far_site: FarSite) -> Iterator[RemoteSite]:
    """Give a worker node of the far site that has joined the pool at home, and leaves it after the module."""
    far_site.mend()
    node = available(far_site.join_home)
    try:
        yield node
        far_site.mend()
        node.leave()
    finally:
        node.stop()


@pytest.fixture
def clean_pool(pool: Pool) -> Pool:
    """Give the pool without jobs and without configuration added by a test."""
    pool.purge()
    pool.reset_config()
    return pool


@pytest.fixture
def alice(clean_pool: Pool, request: pytest.FixtureRequest) -> Account:
    """Give hepalice with a new home and an empty working directory."""
    return clean_pool.account("hepalice", request.node.name)


@pytest.fixture
def bob(clean_pool: Pool, request: pytest.FixtureRequest) -> Account:
    """Give hepbob with a new home and an empty working directory."""
    return clean_pool.account("hepbob", request.node.name)


@pytest.fixture
def login_node(alice: Account, pool: Pool) -> LoginNode:
    """Give the access point as hepalice sees it, without tokens."""
    node = pool.login_node(alice)
    node.forget_tokens()
    return node


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Give the quick S3 server."""
    server = available(lambda: rclone.start(tmp_path_factory.mktemp("rclone-s3")))
    try:
        yield server
    finally:
        server.service.end()


@pytest.fixture(scope="session")
def tls_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Give the quick S3 server behind TLS, with a certificate of an authority that only its directory has."""
    server = available(lambda: rclone.start(tmp_path_factory.mktemp("tls-s3"), with_tls=True))
    try:
        yield server
    finally:
        server.service.end()


@pytest.fixture(scope="session")
def ceph_rgw() -> Iterator[S3Server]:
    """Give Ceph's gateway, with STS, as its administrator sees it."""
    server = available(ceph.start)
    try:
        yield server
    finally:
        server.service.end()


@pytest.fixture(scope="session")
def ceph_trust(ceph_rgw: S3Server, openid_provider: OpenId) -> WebIdentity:
    """Let Ceph trust the OpenID provider."""
    return available(lambda: sts.trust(ceph_rgw, openid_provider))


@pytest.fixture
def ceph_sts(ceph_trust: WebIdentity, openid: OpenId) -> WebIdentity:
    """Give the role of Ceph that is taken with a token, with both services up."""
    ceph_trust.server.start()
    return ceph_trust


@pytest.fixture(params=["rclone_s3", pytest.param("ceph_rgw", marks=pytest.mark.ceph)])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Give each of the S3 servers in turn, running even if a test has stopped it."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, S3Server)
    server.start()
    return server


@pytest.fixture
def fault_proxy() -> Iterator[Callable[[S3Server], FaultProxy]]:
    """Give a function that puts a proxy with faults in front of a server until the test's end."""
    with contextlib.ExitStack() as stack:
        yield lambda server: stack.enter_context(FaultProxy(server))


@pytest.fixture(scope="session")
def kdc_server() -> Iterator[Kdc]:
    """Give the Kerberos realm of this session."""
    server = available(kdcs.start)
    try:
        yield server
    finally:
        server.end()


@pytest.fixture
def kdc(kdc_server: Kdc) -> Kdc:
    """Give the KDC, running even if a test has stopped it."""
    kdc_server.start()
    return kdc_server


@pytest.fixture(scope="session")
def kcm() -> Iterator[Kcm]:
    """Give the daemon that keeps Kerberos caches, of all users."""
    daemon = available(kcms.start)
    try:
        yield daemon
    finally:
        daemon.end()


@pytest.fixture(scope="session")
def openid_provider() -> Iterator[OpenId]:
    """Give the OpenID provider of this session."""
    provider = available(openids.start)
    try:
        yield provider
    finally:
        provider.end()


@pytest.fixture
def openid(openid_provider: OpenId) -> OpenId:
    """Give the OpenID provider, up and with its usual life times whatever a test has done."""
    openid_provider.reset()
    return openid_provider


@pytest.fixture(scope="session")
def homes() -> Iterator[Homes]:
    """Give the homes of users without a pool."""
    place = available(homes_module.start)
    try:
        yield place
    finally:
        place.end()


@pytest.fixture
def host_alice(homes: Homes, request: pytest.FixtureRequest) -> Account:
    """Give hepalice with a new home on the host, without a pool."""
    return homes.account("hepalice", request.node.name)


@pytest.fixture
def host_bob(homes: Homes, request: pytest.FixtureRequest) -> Account:
    """Give hepbob with a new home on the host, without a pool."""
    return homes.account("hepbob", request.node.name)


@pytest.fixture(scope="session")
def host_program(homes: Homes) -> None:
    """Install the checkout under test for host_alice and host_bob."""
    available(homes.install_program)


@pytest.fixture(scope="session")
def other_machine(pool: Pool) -> Iterator[Machine]:
    """Give a host that is not the schedd's, with the homes of the pool."""
    places = {name: account.home for name, account in pool.accounts.items()}
    directory = pool.session.directory / "login-host"
    machine = available(lambda: machines.start(directory, machines.LOGIN, places))
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def other_host(other_machine: Machine) -> Machine:
    """Give the host that is not the schedd's, with every directory in sight."""
    other_machine.show_all()
    return other_machine


@pytest.fixture(scope="session")
def cron_machine(homes: Homes) -> Iterator[Machine]:
    """Give a host with cron and the homes of host_alice and host_bob."""
    places = {user.name: homes.session.home / user.name for user in host.USERS}
    directory = homes.session.directory / "cron-host"
    machine = available(lambda: machines.start(directory, machines.CRON_HOST, places))
    try:
        available(machine.start_cron)
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def cron(cron_machine: Machine) -> Machine:
    """Give a host with cron, without crontabs: cron.account(host_alice).run(["crontab", "-"], …)."""
    cron_machine.forget_crontabs()
    return cron_machine


@pytest.fixture(scope="session")
def systemd_machine(homes: Homes) -> Iterator[LoginHost]:
    """Give a host that systemd has started, with the homes of host_alice and host_bob."""
    places = {user.name: homes.session.home / user.name for user in host.USERS}
    directory = homes.session.directory / "systemd-host"
    machine = available(lambda: systemds.start(directory, places))
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def login_host(systemd_machine: LoginHost) -> LoginHost:
    """Give a host with systemd where nobody is logged in, nothing lingers, and everybody may let it linger."""
    systemd_machine.reset()
    return systemd_machine
