"""`hep_sub __offer KIND TYPED [PIECE]`: what a word can become, for a shell that completes it.

Each line is a word, as far as it replaces the piece, and behind a tab what is to be said of it. The time is short, and
the user is in the middle of a line: what does not come in time, or fails, is nothing; nothing is asked, nothing said.
"""

from __future__ import annotations

import contextlib
import os
import signal
import string
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from hepsub.cli.options import Kind
from hepsub.errors import HepsubError

if TYPE_CHECKING:
    from hepsub.session import Session

DEADLINE_S = 2.0
"""A storage on another continent answers within it; nobody waits for a key longer."""
_PLACES = (Kind.INPUT, Kind.OUTPUT, Kind.LIST, Kind.PLACE)
_JOBS = (Kind.JOB, Kind.QUEUED)
_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}_.@:-")
_BEHIND_BACKSLASH = '"\\$`'
"""What a backslash takes the meaning of within double quotes."""


def offer(words: Sequence[str]) -> int:
    """Print what is offered for KIND TYPED [PIECE]; returns 0, whatever was the matter."""
    kind, typed, piece = (*words, *("", "", "")[len(words) :])[:3]
    if kind not in {each.value for each in Kind}:
        return 0
    # Only for places programs are started (oidc-agent's), and networks asked.
    timer = _end_in_time(apart=Kind(kind) in _PLACES)
    lines: list[str] = []
    with contextlib.suppress(HepsubError, OSError):
        head = head_of(typed, piece) if len(words) > 2 else ""
        lines = [_line(each, told, head) for each, told in _offered(Kind(kind), unquoted(typed))]
    with contextlib.suppress(OSError):
        print("".join(lines), end="", flush=True)
    timer.cancel()
    return 0


def _line(word: str, told: str, head: str) -> str:
    from hepsub.terminal import printable

    said = f"\t{printable(told)}" if told else ""
    return f"{word[len(head) :]}{said}\n"


def _offered(kind: Kind, word: str) -> Iterator[tuple[str, str]]:
    """What begins like a word: nothing that a terminal would obey, which no shell could type either."""
    names = kind in _JOBS or kind is Kind.SCHEDD  # bash gets these as they are
    for each, told in _all(kind, word):
        plain = each.isprintable() and (not names or set(each) <= _PLAIN)
        if each.startswith(word) and plain:
            yield each, told


def _all(kind: Kind, word: str) -> Iterable[tuple[str, str]]:
    if kind in _PLACES:
        return _places(kind, word)
    if kind in _JOBS or kind is Kind.SCHEDD:
        from hepsub.cli.completion.jobs import own_jobs, own_schedds

        session = _session()
        if kind is Kind.SCHEDD:
            return own_schedds(session)
        return own_jobs(session, word, queued=kind is Kind.QUEUED)
    from hepsub.cli.help import choices

    return ((each, "") for each in choices([kind], complete=True).get(kind, ()))


def _places(kind: Kind, word: str) -> Iterator[tuple[str, str]]:
    from hepsub.cli.completion.places import places

    name, equals, url = word.partition("=") if kind is Kind.OUTPUT else ("", "", word)
    if kind is Kind.OUTPUT and not equals:
        return  # the job makes a file of this name
    for each in places(_session(), url):
        yield f"{name}{equals}{each}", ""


def _session() -> Session:
    from hepsub.session import open_session

    return open_session(alert=lambda _: None)


def _end_in_time(*, apart: bool) -> threading.Timer:
    """Let this process end when the time is over, whatever it does then.

    Args:
        apart: whether it leaves the terminal before, and whatever it starts with it: nothing asks for a password there.
    """
    if apart:
        _leave_terminal()
        signal.signal(signal.SIGTERM, lambda *_: None)  # unlike SIG_IGN that stays here

    def end() -> None:
        if apart:  # a program that waits for a network would outlive its reader
            os.killpg(0, signal.SIGTERM)
        os._exit(0)

    timer = threading.Timer(DEADLINE_S, end)
    timer.daemon = True
    timer.start()
    return timer


def _leave_terminal() -> None:
    try:
        os.setsid()
    except PermissionError:  # some shells have each command lead a group of its own
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            os._exit(0)
        os.setsid()


# ---- words as they are typed, not finished yet: nothing in them is ever evaluated -------------------


def unquoted(typed: str) -> str:
    """What a shell makes of a word, whose last quote may still be open; `$` and backquotes stay what they are."""
    found: list[str] = []
    quote = ""
    letters = iter(typed)
    for letter in letters:
        if letter == "\\" and quote != "'":
            following = next(letters, "")
            kept = letter if quote and following not in _BEHIND_BACKSLASH else ""
            found.append(kept + following)
        elif letter == quote:
            quote = ""
        elif letter in "'\"" and not quote:
            quote = letter
        else:
            found.append(letter)
    return "".join(found)


def head_of(typed: str, piece: str) -> str:
    """What stands in front of the piece of a word that its shell replaces.

    Args:
        typed: the word.
        piece: its end; bash parts words at `:` and `=`, and leaves an opening quote out.
    """
    return unquoted(typed[: len(typed) - len(piece)]) if typed.endswith(piece) else ""
