"""What a command may say while it still works."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hepsub.result import Value


class Talk(NamedTuple):
    """Where a command that takes long says something before its end.

    Attributes:
        early: show a value now that will be part of the result (not with -json).
        progress: tell people how far it is (on stderr; not with -json or -quiet).
        alert: tell people what was done that they did not ask for now (on stderr, always).
    """

    early: Callable[[Value], None]
    progress: Callable[[str], None]
    alert: Callable[[str], None] = lambda _: None
