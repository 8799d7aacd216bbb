"""A container image in which next to nothing is: the pool's own programs without HTCondor's, Python and Kerberos.

It is a directory, as /cvmfs has images, made of mounts below the pool's images. The stand-in singularity starts
programs in it by a chroot that may do so for everybody: its root is another one, and it has the job's scratch
directory, /dev and /proc as a container does. A user namespace is no way here: within a chroot none can be made.
"""

import os
import struct
from pathlib import Path

from tests.testbed import config, process
from tests.testbed.pool import Pool

CHROOT = "/usr/local/libexec/testbed-chroot"
MARKER = ".testbed-root"
NAME = "Bare.sif"
EXECUTE = "/var/lib/condor/execute"
HIDDEN_DIRECTORIES = ("usr/libexec/condor", "usr/lib/condor")
HIDDEN_PROGRAMS = ("python3*", "kinit*", "klist*", "curl", "condor_*")
CAP_SYS_CHROOT = 18
_VERSION_2_EFFECTIVE = 0x02000001
MOUNTS = r"""
mkdir -p "$image/usr" "$image/dev" "$image/proc" "$image/tmp" "$image/etc" "$image$execute"
for name in bin sbin lib lib64; do ln -sfn "usr/$name" "$image/$name"; done
for name in usr etc; do mount --bind "$root/$name" "$image/$name"; done
for name in $directories; do
    [ ! -d "$image/$name" ] || mount -t tmpfs tmpfs "$image/$name"
done
cd "$image/usr/bin"
for program in $programs; do
    [ -L "$program" ] || mount --bind /dev/null "$program" # links would lead out of the image
done
mount --rbind "$root/dev" "$image/dev"
mount --rbind "$root/proc" "$image/proc"
mount --rbind "$root$execute" "$image$execute"
touch "$image/$marker"
"""


def bare_image(pool: Pool, *shown: Path) -> Path:
    """Return the image, made when it is not there yet; its path is the same for the users and in the pool.

    Args:
        pool: the pool.
        shown: directories of the pool that the site binds into its containers.
    """
    image = _image(pool)
    root = pool.sandbox.root
    for place in shown:
        words = (
            ("mkdir", "-p", f"{root}{image}{place}"),
            (
                "mount",
                "--bind",
                f"{root}{place}",
                f"{root}{image}{place}",
            ),
        )
        for each in words:
            process.run([*pool.sandbox.enter(), *each])
    return image


def _image(pool: Pool) -> Path:
    image = pool.shared / config.IMAGES / NAME
    if (image / MARKER).exists():
        return image
    image.mkdir(exist_ok=True)
    box = pool.sandbox
    box.run(["install", "-D", "-m", "755", "/usr/sbin/chroot", CHROOT])
    rights = struct.pack("<5I", _VERSION_2_EFFECTIVE, 1 << CAP_SYS_CHROOT, 0, 0, 0)
    os.setxattr(box.path(CHROOT), "security.capability", rights)
    variables = {
        "root": str(box.root),
        "image": f"{box.root}{image}",
        "execute": EXECUTE,
        "directories": " ".join(HIDDEN_DIRECTORIES),
        "programs": " ".join(HIDDEN_PROGRAMS),
        "marker": MARKER,
        "PATH": os.environ["PATH"],
    }
    process.run([*box.enter(), "sh", "-euc", MOUNTS], env=variables)
    return image
