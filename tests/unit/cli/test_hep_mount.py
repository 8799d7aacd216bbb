"""The words of hep_mount, and its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.actions.mount.list import Mounts, Shown, State
from hepsub.actions.mount.record import Record, Remote
from hepsub.cli.commands.hep_mount import COMMAND, run
from hepsub.cli.main import find
from hepsub.cli.output import Console, value_text
from hepsub.cli.parse import parse
from hepsub.errors import UsageError
from tests.fakes.world import as_json, make_session

RECORD = Record(
    remote=Remote(storage="herd", bucket="user", prefix="alice"),
    directory="/home/alice/fi\x1bles",
    writable=False,
    since=0.0,
    state="/s",
    cache="/c",
)


QUIET = Console(result_now=lambda _: None, progress=lambda _: None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "what is to be mounted, and where"),
        ("herd:user", "where shall 'herd:user' be mounted"),
        ("herd:user a b", "and not also 'b'"),
        ("-u", "which mounts"),
        ("-u -a files", "either directories or -a"),
        ("-a", "belong to -u"),
        ("-force herd:user x", "belong to -u"),
        ("-ls files", "takes no words"),
        ("-ls -u x", "-ls and -u do not go together"),
        ("-rw -u x", "-u and -rw do not go together"),
    ],
)
def test_words_that_do_not_fit(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        run(make_session(tmp_path), parse(line.split(), COMMAND), QUIET)
    assert caught.value.remedy


def test_two_doors() -> None:
    command, words = find("hep_sub", ["mount", "-ls"])
    assert (command, list(words)) == (COMMAND, ["-ls"])


def test_nothing_is_mounted(tmp_path: Path) -> None:
    value = run(make_session(tmp_path), parse(["-ls"], COMMAND), QUIET).value
    assert value_text(value).split() == ["STATE", "MODE", "SINCE", "PENDING", "WHAT", "->", "WHERE"]


def test_all_of_nothing_is_told(tmp_path: Path) -> None:
    result = run(make_session(tmp_path), parse(["-u", "-a"], COMMAND), QUIET)
    assert (result.exit_code, result.notes) == (0, ("hep_mount has mounted nothing on this host",))


def test_the_text() -> None:
    shown = Shown(record=RECORD, state=State.OK, pending=3)
    line = value_text(Mounts(mounts=(shown,), listing=True)).splitlines()[1]
    assert line.split()[:2] == ["ok", "ro"]
    assert line.endswith("  3  herd:user/alice -> /home/alice/fi\\x1bles"), "no control characters"
    assert value_text(Mounts(mounts=(shown,))) == (
        "herd:user/alice is mounted on /home/alice/fi\\x1bles, read-only"
    )
    gone = Shown(record=RECORD, state=State.UNMOUNTED)
    text = value_text(Mounts(mounts=(gone, shown), ending=True))
    assert text == "herd:user/alice is no longer mounted on /home/alice/fi\\x1bles"


def test_the_document() -> None:
    shown = Shown(record=RECORD, state=State.DEAD, pending=1)
    [document] = Mounts(mounts=(shown,)).document().mounts
    assert (document.what, document.state, document.pending) == ("herd:user/alice", State.DEAD, 1)
    assert as_json(Mounts(mounts=())) == {"mounts": []}
