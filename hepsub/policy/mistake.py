"""A mistake in a policy, and the commonest one: a word for something that is not there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec import Struct

from hepsub.errors import PolicyError
from hepsub.policy.model import TOKEN, Policy
from hepsub.suggest import did_you_mean


class Mistake(Struct, frozen=True, kw_only=True):
    """Something in the policy that cannot be.

    Attributes:
        key: the dotted name of the key that says it.
        what: what is wrong.
        remedy: what could be meant.
    """

    key: str
    what: str
    remedy: str = ""

    def error(self, policy: Policy) -> PolicyError:
        """The mistake with its file and line."""
        return PolicyError(
            f"{policy.origin(self.key)}: {self.key}: {self.what}",
            remedy=self.remedy or "correct that line",
        )


def unknown(key: str, what: str, word: str, known: Collection[str]) -> Iterator[Mistake]:
    """A mistake where a word is none of those that are known."""
    if word not in known:
        remedy = (
            did_you_mean(word, known)
            or f"describe it in the policy, or leave this out: no {what} is described"
        )
        yield Mistake(key=key, what=f"no {what} '{word}'", remedy=remedy)


def tokens(policy: Policy) -> list[str]:
    """The names of the credentials that are tokens."""
    return [name for name, each in policy.credential.items() if each.kind == TOKEN]


def known_credentials(key: str, words: Collection[str], policy: Policy) -> Iterator[Mistake]:
    """The mistakes in a list of names of credentials."""
    for word in words:
        yield from unknown(key, "credential", word, policy.credential)
