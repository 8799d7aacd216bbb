"""What `s3://…` and `STORAGE:…` can become, down to the next slash. Nobody is asked for a password."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hepsub.errors import CredentialMissing, HepsubError
from hepsub.plan.location import ObjectPlace, find_place
from hepsub.policy.model import default_storage
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.auth.credential import UserCredential
    from hepsub.storage.store import Store

_S3 = "s3://"
_TOKEN_S = 30.0
_FOREIGN = "\N{REPLACEMENT CHARACTER}"
"""It stands in keys that are no UTF-8, which cannot be typed."""


def places(session: Session, word: str) -> Iterator[str]:
    """What a URL can become that begins like this; nothing where its storage does not tell."""
    start, behind = _parted(session, word)
    if not start:
        yield from (f"{name}:" for name in session.policy.storage)
        yield _S3
    elif "/" not in behind:
        yield from (f"{start}{bucket}/" for bucket in _buckets(session, start))
    else:
        with contextlib.suppress(HepsubError):
            place = find_place(word, session.policy.storage, session.situation.cwd)
            if isinstance(place, ObjectPlace):
                head = word[: len(word) - len(place.key)]
                yield from (f"{head}{key}" for key in _keys(session, place))


def _parted(session: Session, word: str) -> tuple[str, str]:
    """What names the storage, and what stands behind it; nothing where that is not typed yet."""
    if word[: len(_S3)].casefold() == _S3:
        return word[: len(_S3)], word[len(_S3) :]
    name, colon, behind = word.partition(":")
    return (f"{name}:", behind) if colon and name in session.policy.storage else ("", word)


def _buckets(session: Session, start: str) -> Iterable[str]:
    """The buckets of the policy, and those that the storage lists: of s3:// that of buckets which no other one has."""
    from hepsub.storage.listing import buckets

    storages = session.policy.storage
    named = start.removesuffix(":")
    asked = named if named in storages else default_storage(storages)
    known = [
        b for name in ([named] if named in storages else storages) for b in storages[name].buckets
    ]
    # Many stores list a user's own buckets only, or none: what the policy names is offered all the same.
    listed = [b for store in (_store(session, asked) if asked else ()) for b in buckets(store)]
    return dict.fromkeys([*known, *listed])


def _keys(session: Session, place: ObjectPlace) -> Iterator[str]:
    """Keys that can be typed; as a shell does, none that begins with a dot before one was typed."""
    from hepsub.storage.listing import keys_below

    directory, _, name = place.key.rpartition("/")
    begin = len(directory) + bool(directory)
    for store in _store(session, place.storage):
        for key in keys_below(store, place.bucket, place.key):
            if _FOREIGN not in key and (name.startswith(".") or key[begin : begin + 1] != "."):
                yield key


def _store(session: Session, name: str) -> list[Store]:
    """A storage with its keys, if these can be had without asking anybody for anything."""
    from hepsub.auth.s3_credentials import keys_for
    from hepsub.storage.store import Store

    storage = session.policy.storage[name]

    def token(credential: str, audience: str) -> UserCredential:
        return _silent_token(session, credential, audience)

    with contextlib.suppress(HepsubError):
        keys = keys_for(name, storage, token, session.situation.user)
        return [Store(name=name, storage=storage, keys=keys)]
    return []


def _silent_token(session: Session, name: str, audience: str) -> UserCredential:
    """The token that is discovered, else one of an account that oidc-agent has loaded.

    Raises:
        HepsubError: there is neither: a program of the policy may have questions.
    """
    from hepsub.auth.sources import source_for
    from hepsub.auth.token import TokenSource
    from hepsub.tools.oidc_agent import loaded_accounts

    situation = session.situation
    source = source_for(name, session.policy, situation, audience=audience, for_shell=True)
    missing = CredentialMissing(f"no token {name} is at hand", remedy=f"hep_auth login {name}")
    if not isinstance(source, TokenSource):
        raise missing
    found = source.look()
    if found is not None:
        return found
    account = source.account
    if source.policy.command or account not in loaded_accounts(
        situation.environment, situation.uid
    ):
        raise missing
    return source.obtain(_TOKEN_S)
