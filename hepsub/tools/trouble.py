"""What other programs say when something goes wrong, and what it means."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hepsub.errors import HepsubError


class Trouble(Struct, frozen=True, kw_only=True):
    """What a program says, what that means, and what helps.

    Attributes:
        texts: any of these is in what it said.
    """

    texts: tuple[str, ...]
    error: type[HepsubError]
    message: str
    remedy: str

    def as_error(self, told: str, **names: str) -> HepsubError:
        """The error, with what the program said; `{name}` in message and remedy is filled in."""
        return self.error(
            f"{self.message.format(**names)} ({told})", remedy=self.remedy.format(**names)
        )


def find_trouble(troubles: Iterable[Trouble], told: str) -> Trouble | None:
    """The first of the troubles that a text tells of."""
    return next((each for each in troubles if any(text in told for text in each.texts)), None)
