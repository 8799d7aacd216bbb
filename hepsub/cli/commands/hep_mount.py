"""hep_mount: show a bucket as a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, Words, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_LIMIT_S = 600.0

_OPTIONS = (
    flag("-rw --rw", "Let it be written to; without this a mount is read-only."),
    flag("-f -foreground --foreground", "Stay in the foreground; ^C takes the mount away."),
    flag("-ls --ls", "Show your mounts on this host, how they are, and what they still have to send."),
    flag("-u -umount --umount", "Take mounts away, when all that was written has arrived in the storage."),
    flag("-a -all --all", "With -u: all your mounts on this host.", field="every"),
    option("-t -timeout --timeout", "DURATION",
        "With -u or -f: how long to wait for what has not arrived yet; default: 10 min.", kind=Kind.DURATION),
    flag("-force --force", "With -u: wait for nothing; what has not arrived yet is lost."),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, console: Console) -> AnyResult:
    """Mount, unmount or list.

    Raises:
        UsageError: the words do not fit together.
        HepsubError: it was not done.
    """
    words = values["words"]
    _refuse_nonsense(values, words)
    if values["ls"]:
        from hepsub.actions.mount.list import list_mounts

        return list_mounts(session)
    from hepsub.actions.mount.unmount import End, unmount_all

    limit_s = float(values["timeout"] or _LIMIT_S)
    end = End(directories=words, limit_s=limit_s, force=values["force"])
    if values["umount"]:
        with session.progress.step() as step:
            return unmount_all(session, end, step.say)
    from hepsub.actions.mount.mount import Order, mount

    order = Order(what=words[0], directory=words[1], writable=values["rw"])
    if values["foreground"]:
        from hepsub.actions.mount.foreground import mount_here

        return mount_here(session, order, end, console.progress)
    with session.progress.step() as step:
        return mount(session, order, step.say)


def _refuse_nonsense(values: Values, words: tuple[str, ...]) -> None:
    shown = {"ls": "-ls", "umount": "-u", "rw": "-rw", "foreground": "-f"}
    chosen = [name for field, name in shown.items() if values[field]]
    if len(chosen) > 1 and set(chosen) != {"-rw", "-f"}:
        both = " and ".join(chosen)
        raise UsageError(f"{both} do not go together", remedy="hep_mount -h shows what there is")
    if (values["every"] or values["force"]) and not values["umount"]:
        raise UsageError(
            "-a and -force belong to -u",
            remedy="hep_mount -u DIRECTORY takes one mount away, hep_mount -u -a all of them",
        )
    if values["ls"] and words:
        raise UsageError("-ls shows all mounts, and takes no words", remedy="hep_mount -ls")
    if values["umount"]:
        if bool(words) == bool(values["every"]):
            raise UsageError(
                "which mounts?" if not words else "either directories or -a",
                remedy="hep_mount -u DIRECTORY, or hep_mount -u -a for all; hep_mount -ls shows them",
            )
    elif not values["ls"] and len(words) != 2:
        raise UsageError(
            _counted(words), remedy="hep_mount STORAGE:BUCKET/PREFIX DIRECTORY, or hep_mount -ls"
        )


def _counted(words: tuple[str, ...]) -> str:
    if not words:
        return "what is to be mounted, and where?"
    if len(words) == 1:
        return f"where shall '{words[0]}' be mounted?"
    return f"one bucket and one directory, please, and not also '{words[2]}'"


COMMAND = Command(
    name="hep_mount",
    summary="Show a bucket as a directory",
    options=_OPTIONS,
    words=Words(
        field="words",
        metavar="[WHAT DIRECTORY]",
        help="WHAT is STORAGE:BUCKET, STORAGE:BUCKET/PREFIX or s3://BUCKET/PREFIX; with -u directories only.",
        kind=Kind.PLACE,
        later=Kind.DIRECTORY,
    ),
    examples=(
        ("hep_mount herd:user/alice files", "read-only, in the background"),
        ("hep_mount -rw s3://user/alice/ntuples work", "writable"),
        ("hep_mount -f herd:raw raw", "until ^C"),
        ("hep_mount -ls", "your mounts, and what they still have to send"),
        ("hep_mount -u files", "when all has arrived"),
    ),
    run=run,
    results=("hepsub.actions.mount.list:MountsDocument",),
)
