"""The Kerberos ticket as a credential: read where it lies, copied, renewed as a copy.

The user's own cache is never written, and never handed on itself: a logout destroys it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from hepsub.auth.ccache import LARGEST, read_ccache
from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.documents import Malformed, read_file
from hepsub.errors import CredentialExpired, CredentialMissing, HepsubError
from hepsub.policy.model import KERBEROS, Credential
from hepsub.tools.krb5 import Cache, export_cache, find_cache, renew_file
from hepsub.units import moment_text

_REMEDY = "kinit, or hep_auth login -krb"
_TRIES = 3
_PAUSE_S = 0.2
"""kinit replaces a cache's file and then fills it: who reads in between tries again."""


class KerberosSource(Struct, frozen=True, kw_only=True):
    """The user's Kerberos ticket.

    Attributes:
        name: the credential's name in the policy.
        environment: the caller's (KRB5CCNAME, KRB5_CONFIG).
        clock: gives seconds since the epoch.
    """

    name: str
    policy: Credential
    environment: Mapping[str, str]
    uid: int
    clock: Callable[[], float] = time.time

    @property
    def kind(self) -> str:
        """A ticket."""
        return KERBEROS

    @property
    def origin(self) -> str:
        """The cache's name as KRB5CCNAME has it, or would have it."""
        said = self.environment.get("KRB5CCNAME", "")
        return f"the ticket cache {said}" if said else "the default Kerberos ticket cache"

    def look(self) -> UserCredential | None:
        """The ticket in the user's cache, whether it has expired or not; None when there is none.

        Raises:
            CredentialMissing: what lies there is no ticket cache, or somebody else's.
            CredentialExpired: the cache has a ticket that has ended, and does not give it away.
            CredentialRefused: it cannot be copied.
        """
        cache = find_cache(self.environment, self.uid, self.policy.principal)
        if cache is None:
            return None
        credential = (
            self._from_file(cache) if cache.path is not None else self._from_elsewhere(cache)
        )
        if credential is not None and self.policy.principal not in {"", credential.who}:
            raise CredentialMissing(
                f"there is no Kerberos ticket for {self.policy.principal}, but one for {credential.who}",
                remedy=f"kinit {self.policy.principal}",
            )
        return credential

    def obtain(self, seconds: float) -> UserCredential:
        """The ticket in the user's cache, or, where that ends within so many seconds, a renewed copy of it.

        Raises:
            CredentialMissing: there is no ticket.
            CredentialExpired: it has ended.
        """
        credential = self.look()
        if credential is None:
            raise CredentialMissing(
                f"you have no Kerberos ticket: nothing lies in {self.origin}", remedy=_REMEDY
            )
        now = self.clock()
        if not credential.lifetime.is_good(now):
            ended = moment_text(credential.lifetime.expires or 0.0, now)
            raise CredentialExpired(
                f"your Kerberos ticket ({credential.who}) ended at {ended}", remedy=_REMEDY
            )
        if credential.lifetime.is_good(now, seconds) or not credential.lifetime.can_be_renewed(now):
            return credential
        try:
            renewed = self.renew(credential)
        except HepsubError:  # what there is lives, and is better than nothing
            return credential
        return max(credential, renewed, key=lambda each: each.lifetime.expires or 0.0)

    def renew(self, credential: UserCredential) -> UserCredential:
        """A ticket that lives longer, made from a copy of a given one (kinit -R).

        Raises:
            CredentialExpired: it has ended, or can be renewed no longer.
            CredentialRefused: the KDC says no.
            ProviderUnreachable: no KDC answers.
        """
        if not credential.lifetime.can_be_renewed(self.clock()):
            until = moment_text(credential.lifetime.renewable_until or 0.0, self.clock())
            raise CredentialExpired(
                f"the Kerberos ticket of {credential.who} cannot be renewed beyond {until}",
                remedy=_REMEDY,
            )
        with self._private_directory() as directory:
            path = Path(directory) / "krb5cc"
            path.touch(mode=0o600)
            path.write_bytes(credential.content)
            renew_file(path, self.environment)
            renewed = read_ticket(self.name, path.read_bytes())
        return replace(renewed, origin=credential.origin)

    def _from_file(self, cache: Cache) -> UserCredential | None:
        tries = 0
        while True:
            tries += 1
            try:
                content = read_file(Path(cache.path or ""), LARGEST)
                return replace(read_ticket(self.name, content), origin=cache.name)
            except FileNotFoundError:
                return None
            except (OSError, Malformed) as error:
                why = error.strerror if isinstance(error, OSError) else error
                raise CredentialMissing(
                    f"the Kerberos ticket cache {cache.name} cannot be read: {why}",
                    remedy=_REMEDY,
                ) from error
            except CredentialMissing:
                if tries == _TRIES:
                    raise
                time.sleep(_PAUSE_S)

    def _from_elsewhere(self, cache: Cache) -> UserCredential:
        with self._private_directory() as directory:
            path = Path(directory) / "krb5cc"
            export_cache(cache, self.environment, path)
            return replace(read_ticket(self.name, path.read_bytes()), origin=cache.name)

    def _private_directory(self) -> tempfile.TemporaryDirectory[str]:
        """A directory for a copy that lives for a moment: in memory, where there is a place that only the user sees."""
        runtime = self.environment.get("XDG_RUNTIME_DIR", "")
        where = runtime if runtime and Path(runtime).is_dir() else None
        return tempfile.TemporaryDirectory(prefix="hepsub-krb-", dir=where)


def read_ticket(name: str, content: bytes) -> UserCredential:
    """The credential of the policy that the bytes of a ticket cache (MIT's FILE format) are.

    Raises:
        CredentialMissing: they are no ticket cache, or hold no ticket-granting ticket.
    """
    facts = read_ccache(content)
    return UserCredential(
        name=name,
        kind=KERBEROS,
        who=facts.principal,
        lifetime=Lifetime(
            expires=float(facts.expires),
            renewable_until=float(max(facts.renew_until, facts.expires)),
            since=float(facts.starts),
        ),
        content=content,
    )
