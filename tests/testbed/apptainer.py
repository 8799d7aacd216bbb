"""A worker node with Apptainer, of Debian sid: namespaces and a root of its own, where users start images."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import cache, chroot, host
from tests.testbed.process import TestbedUnavailableError, run

VERSION = "1"
PACKAGES = ("apptainer", "busybox-static", "squashfuse")
IMAGE = "/image"
USER = host.USERS[0]

# Without a pivot_root no user namespace can be made: the root would be a chroot.
ENTER = r"""
over=$1 below=$2 shown=$3 directory=$4 user=$5; shift 5
umask 022
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$over:$below,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
cd /mnt/root
mount --rbind /dev dev
mount --rbind /proc proc
for place in $shown; do mkdir -p ".$place"; mount --rbind "$place" ".$place"; done
mkdir -p .host
/usr/sbin/pivot_root . .host
umount -l /.host
cd "$directory"
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
"""
MAKE = r"""
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
apt-get -q update
apt-get -qy install --no-install-recommends $packages
apt-get clean
mkdir -p $image/bin $image/dev $image/etc $image/proc $image/sys $image/tmp $image/var/tmp
cp /bin/busybox $image/bin
for name in $(busybox --list); do [ -e $image/bin/$name ] || ln -s busybox $image/bin/$name; done
"""


@dataclass(frozen=True)
class Worker:
    """The worker node: a layer with Apptainer above the pool's newest tree.

    Attributes:
        layer: the layer; in it is IMAGE, a directory with busybox.
        below: the tree.
    """

    layer: Path
    below: Path

    def enter(self, directory: Path, *shown: Path) -> list[str]:
        """Return the words before a command that a user runs there, in a directory of this machine.

        Args:
            directory: where it runs, which is there under the same path.
            shown: what else is; no blanks.
        """
        places = " ".join(map(str, (directory, *shown)))
        words = ["/usr/bin/unshare", "--mount", "/bin/sh", "-euc", ENTER, "sh"]
        return [*words, str(self.layer), str(self.below), places, str(directory), str(USER.uid)]


def start() -> Worker:
    """Return the worker node, made when it is not in the cache.

    Raises:
        TestbedUnavailableError: this machine cannot have one.
    """
    host.require_capable()
    host.let_users_mount()
    below = chroot.build("sid")
    if chroot.suite_of(below) != "sid":
        raise TestbedUnavailableError("Apptainer is in Debian sid only, which cannot be built here")
    name = f"{VERSION}-{below.name}"
    worker = Worker(cache.build("apptainer", name, lambda layer: _make(layer, below)), below)
    probe = run([*worker.enter(Path("/tmp")), "unshare", "--user", "true"], check=False)
    if probe.returncode != 0:
        raise TestbedUnavailableError(f"users can make no user namespace: {probe.stderr.strip()}")
    return worker


def _make(layer: Path, below: Path) -> None:
    """Install the packages into an overlay, of which the upper layer is kept."""
    work = layer.with_name(f"{layer.name}.work")
    work.mkdir(exist_ok=True)
    script = f"packages={shlex.quote(' '.join(PACKAGES))} image={IMAGE}\n{MAKE}"
    mounts = (
        "mount --make-rprivate /; mount -t tmpfs tmpfs /mnt; mount -t overlay overlay -o"
        ' "lowerdir=$2,upperdir=$1,workdir=$3" /mnt; mount --rbind /dev /mnt/dev;'
        ' mount -t proc proc /mnt/proc; cp /etc/resolv.conf /mnt/etc/; exec chroot /mnt sh -euc "$4"'
    )
    words: list[str | Path] = [*host.NAMESPACES, "sh", "-euc", mounts, "sh", layer, below, work]
    run([*words, script], env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=1800)
    run(["rm", "-rf", work])
