"""A cable between this host and a network namespace, as between two data centres; it can be cut.

In the namespace 127.0.0.1 is this host, reached over the cable: so the pool at home, the OpenID provider and the
stores have for a far pool the names and addresses that they have here, and are gone while the cable is cut. What
listens at the far end has an address of its own, which home reaches, from 127.0.0.1 too.
"""

import contextlib
import subprocess
import time
from pathlib import Path

from tests.testbed import debian, process, session
from tests.testbed.process import TestbedError, TestbedUnavailableError
from tests.testbed.sandbox import DIES_WITH_US, LOOPBACK, PATH

PROGRAMS = {"/usr/sbin/ip": "iproute2"}
FAR_END = "cable"
TABLE = 77
MOST = 1000
START_TIMEOUT = 10
# What is far has some ports of 127.0.0.1 for itself: HTCondor's daemons make pairs of sockets there. All others are
# home's. Its own address stands on lo, too, and the last route leads nowhere: while the cable is cut, the daemons there
# go on to talk to each other, and what they say to home is lost.
OWN_PORTS = (61000, 65535)
FAR_SETUP = f"""
echo "{OWN_PORTS[0]} {OWN_PORTS[1]}" >/proc/sys/net/ipv4/ip_local_port_range
for each in all {FAR_END}; do
    echo 1 >/proc/sys/net/ipv4/conf/$each/route_localnet
    echo 1 >/proc/sys/net/ipv4/conf/$each/accept_local
done
ip link set lo up
ip addr add "$far/32" dev lo
ip addr add "$far/30" dev {FAR_END}
for protocol in tcp udp; do
    ip rule add pref 10 to {LOOPBACK} ipproto $protocol dport 1-{OWN_PORTS[0] - 1} lookup {TABLE}
done
ip rule add pref 20 lookup local
ip rule del pref 0
ip route add unreachable {LOOPBACK} metric 1000 table {TABLE}
"""
UP = f"""
ip link set {FAR_END} up
ip route replace {LOOPBACK} via "$near" src "$far" table {TABLE}
"""
DOWN = f"ip link set {FAR_END} down"
NEAR_SETUP = """
echo 1 >"/proc/sys/net/ipv4/conf/$cable/route_localnet"
ip addr add "$near/30" dev "$cable"
ip link set "$cable" up
"""


class Link:
    """The cable and the namespace, which end with the process that has made them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.number = 0
        self.holder: subprocess.Popen[bytes] | None = None

    @property
    def network(self) -> Path:
        """Return the namespace, as nsenter wants it."""
        if self.holder is None:
            raise TestbedError("the link is not there")
        return Path(f"/proc/{self.holder.pid}/ns/net")

    @property
    def address(self) -> str:
        """Return the address of the far end."""
        return self._address(2)

    @property
    def cable(self) -> str:
        """Return the interface that is the near end."""
        return f"hepsub{self.number}"

    def _address(self, host: int) -> str:
        high, low = divmod(4 * self.number, 256)
        return f"10.77.{high}.{low + host}"

    def start(self) -> None:
        """Make the namespace and lay the cable."""
        debian.ensure("a network namespace", PROGRAMS)
        self.directory.mkdir(mode=0o755)
        file = self.directory / session.HOLDER
        file.touch()
        words = [*DIES_WITH_US, "unshare", "--net", "tail", "-f", str(file)]  # it sleeps
        self.holder = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        file.write_text(str(self.holder.pid))
        self._wait_for_namespace()
        self._lay()
        self._far(FAR_SETUP)
        self._near(NEAR_SETUP)
        self._far(UP)

    def _wait_for_namespace(self) -> None:
        ours, end = Path("/proc/self/ns/net").readlink(), time.monotonic() + START_TIMEOUT
        while self.network.readlink() == ours:
            if time.monotonic() > end:
                raise TestbedUnavailableError("no network namespace can be made")
            time.sleep(0.01)

    def _lay(self) -> None:
        """Make the two ends; the name of the near one is taken by one session alone."""
        pid = str(self.holder.pid) if self.holder else ""
        for self.number in range(1, MOST):
            names = (self.cable, "type", "veth", "peer", "name", FAR_END)
            made = process.run(["ip", "link", "add", *names, "netns", pid], check=False)
            if made.returncode == 0:
                return
            if "File exists" not in made.stderr:
                raise TestbedUnavailableError(f"no cable can be laid: {made.stderr}")
        raise TestbedError("all cables are taken")

    def stop(self) -> None:
        """Remove both."""
        if self.holder is None:
            return
        with contextlib.suppress(TestbedError):
            self._far(f"ip link del {FAR_END}")
        self.holder.kill()
        self.holder.wait()

    def cut(self) -> None:
        """Cut the cable: nothing answers any more, and what is under way is lost."""
        self._far(DOWN)

    def mend(self) -> None:
        """Mend the cable; one that is whole stays so."""
        self._far(UP)

    def _far(self, script: str) -> None:
        self._run(["nsenter", f"--net={self.network}", "--"], script)

    def _near(self, script: str) -> None:
        self._run([], script)

    def _run(self, where: list[str], script: str) -> None:
        ends = {"near": self._address(1), "far": self.address, "cable": self.cable}
        process.run([*where, "sh", "-euc", script], env={"PATH": PATH, **ends})
