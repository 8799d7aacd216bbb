"""A throw-away Ceph of one node, with S3 and STS: a monitor, an OSD in memory, a gateway.

There is no manager: the gateway does without. Everything lives in a process namespace of its own,
whose first process dies with the one that started it.

Without authentication a program may send its first command before it has learned the cluster's
fsid; the monitor refuses that ("wrong fsid"), and so what is a first command is repeated here.
"""

import contextlib
import json
import os
import secrets
import shlex
import signal
import subprocess
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.testbed import debian, host, process, s3, session
from tests.testbed.pool import free_port
from tests.testbed.process import TestbedError
from tests.testbed.s3 import S3Server
from tests.testbed.sandbox import DIES_WITH_US, PATH
from tests.testbed.session import Session

START_TIMEOUT = 60
USER = "testbed"
RIGHTS = "roles=*;oidc-provider=*;user-policy=*"
ROLE = "Session"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam:::user/{USER}"]},
            "Action": ["sts:AssumeRole"],
        }
    ],
}
ALL_OF_S3 = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"},
}
PROGRAMS = {
    "/usr/bin/ceph": "ceph-common",
    "/usr/bin/ceph-mon": "ceph-mon",
    "/usr/bin/ceph-osd": "ceph-osd",
    "/usr/bin/radosgw": "radosgw",
}

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor_port}
public addr = 127.0.0.1
ms bind msgr2 = false
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = {directory}/run
admin socket = {directory}/run/$name.asok
pid file =
log file = {directory}/log/$name.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[mon]
mon data = {directory}/mon
mon initial members = a
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 1
mon data avail warn = 2
# a monitor alone has nobody to wait for: this is what makes the start quick
paxos propose interval = 0.05
paxos min wait = 0.01
[osd]
osd data = {directory}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd max object name len = 460
osd class load list = *
osd class default list = *
osd crush update on start = true
osd crush initial weight = 1
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {directory}/rgw
rgw enable apis = s3, sts, iam, admin
rgw s3 auth use sts = true
rgw sts key = {sts_key}
# so that a test can see a session end
rgw sts min session duration = 1
rgw verify ssl = false
# with a cache, a write waits up to 30 s for the gateway that was killed before
rgw cache enabled = false
"""

SETUP = r"""
read -r pid rest < /proc/self/stat
cd "$1"
mount -t proc proc /proc
mount -t tmpfs tmpfs mon
mount -t tmpfs tmpfs osd
monmaptool --create --clobber --fsid "$fsid" --addv a "[v1:127.0.0.1:$monitor_port]" monmap
ceph-mon -i a --mkfs --monmap monmap
ceph-mon -f -i a &
ceph-osd -i 0 --mkfs
until ceph --connect-timeout 5 osd new "$(cat osd/fsid)" 0; do sleep 0.1; done
until ceph-osd -f -i 0; do sleep 0.1; done &
until ceph --connect-timeout 5 osd stat | grep -q '1 up'; do sleep 0.1; done
echo "$pid" > holder.unfinished
mv holder.unfinished holder.ready
while :; do sleep 86400; done
"""


class Cluster:
    """The daemons; the gateway among them can be stopped and started."""

    def __init__(self, this: Session) -> None:
        self.session = this
        self.directory = this.directory / "ceph"
        self.configuration = self.directory / "ceph.conf"
        self.log = self.directory / "log"
        self.port = free_port()
        self.monitor_port = free_port()
        self.fsid = str(uuid.uuid4())
        self.first_pid = 0
        self.holder: subprocess.Popen[bytes] | None = None
        self.gateway: subprocess.Popen[bytes] | None = None

    # ---- the cluster ------------------------------------------------------------------------

    def begin(self) -> None:
        """Make the namespaces, start monitor and OSD, then the gateway."""
        for name in ("log", "mon", "osd", "rgw", "run"):
            (self.directory / name).mkdir(parents=True)
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(
            CONFIGURATION.format(
                directory=self.directory,
                fsid=self.fsid,
                monitor_port=self.monitor_port,
                port=self.port,
                sts_key=secrets.token_hex(8),
            )
        )
        with (self.log / "setup").open("wb") as log:
            self.holder = subprocess.Popen(
                [*DIES_WITH_US, *host.NAMESPACES, "sh", "-euc", SETUP, "sh", str(self.directory)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.directory / session.HOLDER).write_text(str(self.holder.pid))
        self.first_pid = self._wait_until_ready(self.holder)
        self.start()

    def end(self) -> None:
        """Kill the first process, and with it everything; remove the directory."""
        if self.holder is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.first_pid or self.holder.pid, signal.SIGKILL)
            self.holder.wait(10)
        if self.gateway is not None:
            self.gateway.wait(10)
        self.session.end()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": PATH,
            "LANG": "C.UTF-8",
            "CEPH_CONF": str(self.configuration),
            "fsid": self.fsid,
            "monitor_port": str(self.monitor_port),
        }

    def _wait_until_ready(self, holder: subprocess.Popen[bytes]) -> int:
        ready = self.directory / "holder.ready"
        end = time.monotonic() + START_TIMEOUT
        while time.monotonic() < end and holder.poll() is None:
            if ready.exists():
                return int(ready.read_text())
            time.sleep(s3.POLL)
        raise TestbedError(f"Ceph did not start\n{self.logs()}")

    def logs(self) -> str:
        """Return the ends of the daemons' logs."""
        files = sorted(path for path in self.log.iterdir() if path.stat().st_size)
        return process.run(["tail", "-n", "12", *files]).stdout if files else "no logs"

    # ---- the gateway ------------------------------------------------------------------------

    @property
    def _gateway_pid_file(self) -> Path:
        return self.directory / "run/gateway.pid"

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self.first_pid), "--mount", "--pid", "--uts", "--"]

    def _is_alive(self) -> bool:
        return self.gateway is not None and self.gateway.poll() is None

    def start(self) -> None:
        """Start the gateway on the port it had and wait until it answers."""
        end = time.monotonic() + START_TIMEOUT
        while not self._is_alive() or not s3.answers(self.port):
            if time.monotonic() > end:
                raise TestbedError(f"Ceph's gateway does not answer\n{self.logs()}")
            if not self._is_alive():
                self._launch_gateway()
            time.sleep(s3.POLL)

    def _launch_gateway(self) -> None:
        number = shlex.quote(str(self._gateway_pid_file))
        script = f"echo $$ > {number} && exec radosgw -f -n client.rgw"
        with (self.log / "gateway").open("ab") as log:
            self.gateway = subprocess.Popen(
                [*self._enter(), "sh", "-ec", script],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Kill the gateway: connections are refused from now on."""
        if self.gateway is not None and self._is_alive():
            process.run(
                [*self._enter(), "kill", "-KILL", self._gateway_pid_file.read_text().strip()]
            )
            self.gateway.wait(10)

    # ---- its users --------------------------------------------------------------------------

    def admin(self, *words: str) -> Any:
        """Run radosgw-admin and return what it prints."""
        command = ["radosgw-admin", "-n", "client.rgw", *words]
        return json.loads(process.run(command, env=self._environment()).stdout or "null")

    def make_user(self, name: str, rights: str = "") -> S3Server:
        """Make an S3 user, with administrative rights (caps) or without, and return its view."""
        words = ["user", "create", f"--uid={name}", f"--display-name={name}"]
        user = self.admin(*words, *([f"--caps={rights}"] if rights else ()))
        keys = user["keys"][0]
        endpoint = f"http://127.0.0.1:{self.port}"
        directory = self.session.directory
        return S3Server("ceph", endpoint, keys["access_key"], keys["secret_key"], directory, self)


def compact(policy: object) -> str:
    """Return a policy as text without a space, which the gateway of Ceph 16 would refuse."""
    return json.dumps(policy, separators=(",", ":"))


def make_role(server: S3Server) -> None:
    """Make the role by which temporary_keys gets sessions."""
    iam = server.client("iam")
    iam.create_role(RoleName=ROLE, Path="/", AssumeRolePolicyDocument=compact(TRUST))
    iam.put_role_policy(RoleName=ROLE, PolicyName="s3", PolicyDocument=compact(ALL_OF_S3))


def temporary_keys(server: S3Server, seconds: int) -> S3Server:
    """Return the server with the keys of a session that ends, and with it the URLs it signed."""
    answer = server.client("sts").assume_role(
        RoleArn=f"arn:aws:iam:::role/{ROLE}", RoleSessionName="test", DurationSeconds=seconds
    )
    keys = answer["Credentials"]
    return replace(
        server,
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        session_token=keys["SessionToken"],
    )


def start() -> S3Server:
    """Install what is missing and start a cluster; return it as its administrator sees it."""
    host.require_capable()
    debian.ensure("Ceph", PROGRAMS)
    cluster = Cluster(session.begin("ceph"))
    try:
        cluster.begin()
        server = cluster.make_user(USER, RIGHTS)
        make_role(server)
    except BaseException:
        cluster.end()
        raise
    return server
