"""Rounds of the renewal: each in a session of its own, with what the latest login left on this machine."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from msgspec import Struct

from hepsub.actions.renew.renew import Renewed, RenewedDocument, renew
from hepsub.auth.login_environment import noted_login
from hepsub.errors import HepsubError
from hepsub.progress import NOBODY, Progress
from hepsub.result import Result
from hepsub.session import open_session
from hepsub.situation import adopt, paths_for, read_situation

_AFTER_TROUBLE_S = 60.0
_SHORTEST_S = 1.0


class Looped(Struct, frozen=True, kw_only=True):
    """How a loop ended; its fields are its JSON.

    Attributes:
        rounds: how many rounds there were.
    """

    rounds: int


class Silent(Struct, frozen=True, kw_only=True):
    """A round whose text is left out; the document is there for those who ask for it."""

    value: Renewed

    def document(self) -> RenewedDocument:
        """The round as it stands under `result` in JSON."""
        return self.value.document()


def quiet_round(progress: Progress = NOBODY) -> Result[Silent]:
    """Renew once, and say nothing of what was done, or could not be: the state has it, and -status shows it.

    Raises:
        HepsubError: nothing could be done.
    """
    result = one_round(unattended=True, progress=progress)  # nobody is there
    return Result(value=Silent(value=result.value), notes=result.notes, exit_code=result.exit_code)


def one_round(*, unattended: bool = False, progress: Progress = NOBODY) -> Result[Renewed]:
    """Renew once; unattended, which nobody started by hand, it backs off after failures.

    Raises:
        HepsubError: nothing could be done.
    """
    # Cron and systemd start it with nearly nothing: where the agent's socket and the ticket are, a login has noted.
    here = read_situation()
    adopt(noted_login(paths_for(here.environment, here.home).logins, here.host))
    session = open_session(progress=progress)
    return renew(session, back_off=unattended, unattended=unattended)


def loop(every: int | None, say: Callable[[str], None]) -> Result[Looped]:
    """Renew again and again, until Ctrl-C or SIGTERM; a round that has begun is ended first.

    Args:
        every: the longest pause, in seconds; None for the policy's.
        say: tell people what a round did, or could not do.
    """
    rounds, told = 0, frozenset[str]()
    with _asked_to_stop() as stop:
        while not stop.is_set():
            pause, lines = _round()
            for line in lines:
                if line not in told:  # what stays as it is was said once
                    say(line)
            rounds, told = rounds + 1, frozenset(lines)
            longest = pause if every is None else min(pause, float(every))
            stop.wait(max(_SHORTEST_S, longest))
    return Result(value=Looped(rounds=rounds))


def _round() -> tuple[float, list[str]]:
    """One round; returns how long until the next one makes sense, in seconds, and what there is to say."""
    try:
        result = one_round(unattended=True)
    except HepsubError as trouble:
        # The policy is being edited, the disk is full: the next round may do better.
        return _AFTER_TROUBLE_S, [each for each in (trouble.message, trouble.remedy) if each]
    except OSError as trouble:  # a file system is away for a while
        return _AFTER_TROUBLE_S, [f"nothing was renewed: {trouble}"]
    problems = (
        f"{each.message}; {each.remedy}" if each.remedy else each.message
        for each in result.problems
    )
    return result.value.pause, [*result.notes, *problems]


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that is set by Ctrl-C and by SIGTERM; a second Ctrl-C ends the program as usual."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
