"""Runs the testbed by hand: build, up, exec, install, s3."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tests.testbed import (
    cache,
    ceph,
    chroot,
    condor,
    debian,
    element,
    far,
    host,
    install,
    kcm,
    openid,
    pool,
    rclone,
    remote,
    session,
    slurm,
    users,
)
from tests.testbed.far import FarSite
from tests.testbed.process import TestbedError, TestbedUnavailableError
from tests.testbed.s3 import S3Server

USAGE = """\
HTCondor {version} is up in {seconds:.1f} s ({suite}); ^C or SIGTERM ends it.  Program: {program}
  as alice:        {self} exec hepalice hep_sub -h
  login node:      {self} exec --login hepalice condor_q
  root, inside:    {self} exec --login root condor_status
  new checkout:    {self} install
  CONDOR_CONFIG    {condor_config}
  schedds          {schedds}
  homes, images    {shared}/home  {shared}/images
  process          {pid}
"""
FAR_USAGE = """\
The far site {name} is up in {seconds:.1f} s: HTCondor {version}.
  schedd           {schedd}, in {collector} or {address}
  grid_resource    {resource}
  as a glidein     requirements = GLIDEIN_Site == "{name}"
  audience         {audience}; the users have a token of the provider for a day in ~/{token}, and an IDTOKEN
  root, there:     {self} exec --site-b root condor_q -allusers
  the element:     {self} exec --site-b root env CONDOR_CONFIG={settings} condor_q -allusers
  cut, mend:       ip link set {cable} down, … up
"""
S3_USAGE = """\
S3 ({kind}) is up in {seconds:.1f} s; ^C or SIGTERM ends it.
  AWS_ENDPOINT_URL={endpoint}
  AWS_DEFAULT_REGION={region}
  AWS_SHARED_CREDENTIALS_FILE={credentials}
  objects, logs    {directory}
  process          {pid}
"""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ME = "python -m tests.testbed"
TOKEN = "far.token"
DAY_S = 86_400


def main(arguments: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except (TestbedError, TestbedUnavailableError) as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=ME, description=__doc__)
    commands = parser.add_subparsers(required=True)
    build = commands.add_parser("build", help="build the caches")
    build.add_argument("--condor", choices=chroot.SUITES, action="append")
    build.set_defaults(act=_build)
    up = commands.add_parser("up", help="run a pool until ^C")
    up.add_argument("--condor", choices=chroot.SUITES, default="trixie")
    up.add_argument("--remote", action="store_true", help="with the remote site")
    up.add_argument("--site-b", action="store_true", help="with the far site and tokens for it")
    up.set_defaults(act=_up)
    execute = commands.add_parser("exec", help="run a command as a user of the running pool")
    execute.add_argument("--condor", choices=chroot.SUITES, help="which pool, if several run")
    execute.add_argument("--login", action="store_true", help="on the access point")
    execute.add_argument("--site-b", action="store_true", help="as root of the far site")
    execute.add_argument("--cwd", type=Path)
    execute.add_argument("user", choices=[*(user.name for user in host.USERS), "root"])
    execute.add_argument("command", nargs=argparse.REMAINDER)
    execute.set_defaults(act=_exec)
    store = commands.add_parser("s3", help="run an S3 server until ^C")
    store.add_argument("--ceph", action="store_true", help="Ceph, with STS, instead of rclone")
    store.set_defaults(act=_s3)
    clean = commands.add_parser("clean", help="remove the cache")
    clean.set_defaults(act=_clean)
    again = commands.add_parser("install", help="install the checkout as it is now")
    again.add_argument("--condor", choices=chroot.SUITES, help="which pool, if several run")
    again.set_defaults(act=_install)
    return parser


def _build(options: argparse.Namespace) -> int:
    host.require_capable()
    host.ensure_host_packages()
    checkout = install.read_checkout()
    print(install.dependencies(checkout, install.python_version()))
    for suite in options.condor or chroot.SUITES:
        print(chroot.build(suite))
    for release in slurm.SUITES:
        print(slurm.build(release))
    print(openid.packages())
    debian.ensure("Ceph", ceph.PROGRAMS)
    print(kcm.packages())
    return 0


def _up(options: argparse.Namespace) -> int:
    return _until_signal(lambda stack: _start(options, stack))


def _s3(options: argparse.Namespace) -> int:
    return _until_signal(lambda stack: _start_s3(options, stack))


def _until_signal(start: Callable[[contextlib.ExitStack], None]) -> int:
    """Start something, wait for ^C or its like, and end it."""
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    try:
        with contextlib.ExitStack() as stack:
            start(stack)
            _wait_for_signal()
    except KeyboardInterrupt:
        return 0


def _start(options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
    begin = time.monotonic()
    running = pool.start(options.condor)
    stack.callback(running.stop)
    program = _install_or_say(running)
    if options.remote:
        stack.callback(remote.start(running).stop)
    condor.record(running)
    print(_usage(running, program, time.monotonic() - begin), flush=True)
    if options.site_b:
        _start_far(running, stack)
    stack.callback(_ignore_signals)


def _start_far(running: pool.Pool, stack: contextlib.ExitStack) -> None:
    """Start the far site, with a provider whose tokens the users at home get."""
    begin = time.monotonic()
    site = far.start(running)
    stack.callback(site.stop)
    provider = openid.start()
    stack.callback(provider.end)
    provider.join(site.sandbox)
    for (subject, name), account in zip(
        site.setup.subjects, running.accounts.values(), strict=True
    ):
        site.give_token(account, name)
        token = provider.token(subject, audience=site.audience, life_s=DAY_S)
        users.give_secret(account, account.home / TOKEN, token)
    stack.callback(site.join_home().stop)
    condor.record(site)
    print(_far_usage(site, time.monotonic() - begin), flush=True)


def _start_s3(options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
    begin = time.monotonic()
    server = ceph.start() if options.ceph else _start_rclone(stack)
    stack.callback(server.service.end)
    credentials = server.write_credentials()
    stack.callback(_ignore_signals)
    print(_s3_usage(server, credentials, time.monotonic() - begin), flush=True)


def _start_rclone(stack: contextlib.ExitStack) -> S3Server:
    return rclone.start(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hepsub-s3-"))))


def _wait_for_signal() -> NoReturn:
    while True:
        signal.pause()


def _ignore_signals() -> None:
    """Let nothing interrupt the end."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _install_or_say(running: pool.Pool) -> str:
    try:
        return running.install_program()
    except TestbedError as error:
        return f"NOT INSTALLED: {error}"


def _usage(running: pool.Pool, program: str, seconds: float) -> str:
    return USAGE.format(
        version=running.version,
        seconds=seconds,
        suite=running.suite,
        program=program,
        self=ME,
        condor_config=running.condor_config,
        schedds=" ".join(running.schedds),
        shared=running.shared,
        pid=os.getpid(),
    )


def _far_usage(site: FarSite, seconds: float) -> str:
    return FAR_USAGE.format(
        name=site.setup.name,
        seconds=seconds,
        version=site.version,
        schedd=site.schedds[0],
        collector=site.collector,
        address=site.collector_address,
        resource=site.element.resource,
        audience=site.audience,
        token=TOKEN,
        settings=element.SETTINGS,
        cable=site.link.cable,
        self=ME,
    )


def _s3_usage(server: S3Server, credentials: Path, seconds: float) -> str:
    return S3_USAGE.format(
        kind=server.kind,
        seconds=seconds,
        endpoint=server.endpoint,
        region=server.region,
        credentials=credentials,
        directory=server.directory,
        pid=os.getpid(),
    )


def _exec(options: argparse.Namespace) -> int:
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    if options.site_b:
        command = far.attach().command(words, cwd=options.cwd)
        return os.spawnvp(os.P_WAIT, command[0], command)
    running = pool.attach(options.condor)
    if options.user == "root":
        return os.spawnvp(os.P_WAIT, "nsenter", running.sandbox.command(words, cwd=options.cwd))
    account = running.accounts[options.user]
    if options.login:
        command = running.login_node(account).command(words, cwd=options.cwd)
        return os.spawnvp(os.P_WAIT, command[0], command)
    with account.popen(words, cwd=options.cwd) as child:
        return child.wait()


def _install(options: argparse.Namespace) -> int:
    running = pool.attach(options.condor)
    print(running.install_program())
    node = running.login_node(running.accounts[host.USERS[0].name])
    if node.has_program:
        node.install_program()
    return 0


def _clean(_options: argparse.Namespace) -> int:
    """Remove the cache, unless a pool runs from it."""
    session.remove_stale()
    if any(session.runs().iterdir()):
        raise TestbedError("a pool is up: the cache stays")
    shutil.rmtree(cache.root())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
