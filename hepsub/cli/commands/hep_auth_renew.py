"""hep_auth renew: keep fresh what travels with jobs, now, in a loop, or by itself."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, flag, option
from hepsub.errors import HepsubError, UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_ONE = (
    flag("-once --once", "One round now; the default."),
    flag("-loop --loop", "Round after round, until Ctrl-C or SIGTERM: for containers, tmux and screen."),
    flag("-install --install", "Have it started by itself on this machine, also when you are logged out."),
    flag("-uninstall --uninstall", "Remove what -install added, and nothing else."),
    flag("-status --status", "Tell what the last round did and could not do, and whether it is installed."),
)  # fmt: skip
_OPTIONS = (
    *_ONE,
    option("-every --every", "DURATION",
        "With -loop: the longest pause, such as 5min; default: what the policy says.", kind=Kind.DURATION),
    flag("-quiet --quiet", "Say nothing of what was done, or could not be: -status tells it later."),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, console: Console) -> AnyResult:
    """Renew, or arrange for it.

    Raises:
        UsageError: more than one thing was asked for.
        RenewalNotInstalled: nothing would run it by itself.
        HepsubError: it cannot be done at all.
    """
    asked = [option.names[0] for option in _ONE if values[option.field]]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} at once", remedy="give one of them")
    act = asked[0] if asked else "-once"
    if values["every"] is not None and act != "-loop":
        raise UsageError(
            "-every goes with -loop", remedy="the policy's [renew] every is for the others"
        )
    if act in ("-install", "-uninstall", "-status"):
        return _arranged(session, act)
    from hepsub.actions.renew.rounds import loop, one_round, quiet_round

    if act == "-loop":
        console.alone()
        return loop(values["every"], console.progress)
    return (quiet_round if values["quiet"] else one_round)(progress=session.progress)


def _arranged(session: Session, act: str) -> AnyResult:
    from hepsub.actions.renew.install import install, uninstall
    from hepsub.actions.renew.status import renewal_status

    result = {"-install": install, "-uninstall": uninstall, "-status": renewal_status}[act](session)
    if act == "-install":
        from hepsub.actions.renew.renew import renew

        # Who has just installed it need not wait for the first round; -status tells what that could not do.
        with contextlib.suppress(HepsubError):
            renew(session, unattended=True)
    return result


COMMAND = Command(
    name="hep_auth renew",
    summary="Keep fresh what waiting and running jobs have with them",
    options=_OPTIONS,
    words=None,
    examples=(
        ("hep_auth renew -install", "once on each machine where you submit"),
        ("hep_auth renew -status", "when it last ran, what it did, and what it could not"),
        ("hep_auth renew", "one round now"),
        ("hep_auth renew -loop -every 5min", "in the entry point of a container"),
    ),
    run=run,
    results=(
        "hepsub.actions.renew.renew:RenewedDocument",
        "hepsub.actions.renew.rounds:Looped",
        "hepsub.actions.renew.install:Installed",
        "hepsub.actions.renew.install:Uninstalled",
        "hepsub.actions.renew.status:StatusDocument",
    ),
)
