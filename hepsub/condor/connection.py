"""The connection to one schedd: how the bindings are called, and how their troubles are told.

The bindings say little in their types of errors, so texts are read here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from hepsub.condor.attributes import ClassAd, text
from hepsub.condor.bindings import bindings, client_methods
from hepsub.errors import AuthenticationRefused, HepsubError
from hepsub.progress import NOBODY, Progress

if TYPE_CHECKING:
    from hepsub.condor.collector import ScheddAddress

T = TypeVar("T")


class Connection(Struct, frozen=True, kw_only=True):
    """A way to one schedd.

    Attributes:
        obtain_token: asked once when authentication is refused; returns whether a new token is
            there and another try makes sense.
        far: whether it is another site's: a host that is gone is noticed before HTCondor waits for it.
        progress: is told when it is asked.
    """

    address: ScheddAddress
    obtain_token: Callable[[str], bool]
    far: bool = False
    progress: Progress = NOBODY

    @property
    def name(self) -> str:
        """Full name of the schedd."""
        return self.address.name

    def identity(self) -> str:
        """Who the schedd takes us for when we submit, and by which method.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it cannot be asked, or believes nothing.
        """
        answer = self._ping()
        method = text(answer, "AuthMethods") or "no authentication"
        return f"{text(answer, 'MyRemoteUserName') or 'nobody'}, by {method}"

    def account(self) -> str:
        """The account to which the schedd maps us: the owner of what we submit.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: as for `identity`.
        """
        return text(self._ping(), "MyRemoteUserName").partition("@")[0]

    def _ping(self) -> ClassAd:
        return self.call(lambda _: bindings().ping(self.address.ad, "WRITE"))

    def call(self, once: Callable[[Any], T], *, writing: bool = False) -> T:
        """Call the bindings; with a new token once more, if authentication was the trouble.

        Args:
            once: what is done with the bindings' own Schedd.
            writing: whether it changes something, for which the bindings do not always say why they fail.

        Raises:
            PoolUnreachable, AuthenticationRefused, PoolError: it could not be done.
        """
        with self.progress.step(f"asking the schedd {self.name}", behind=True):
            try:
                return self._try(once, writing=writing)
            except AuthenticationRefused as refused:
                if not self._obtain_token(refused):
                    raise
            return self._try(once, writing=writing)

    def _try(self, once: Callable[[Any], T], *, writing: bool) -> T:
        if self.far:
            from hepsub.condor.reachable import check_answers, check_reachable

            address, what = text(self.address.ad, "MyAddress"), f"the schedd {self.name}"
            check_reachable(address, what)
            check_answers(address, self.address.ad, what)
        htcondor = bindings()
        try:
            return once(htcondor.Schedd(self.address.ad))
        except (htcondor.HTCondorException, ValueError, RuntimeError, IndexError) as error:
            raise self._error(str(error), writing=writing) from error

    def _obtain_token(self, refused: AuthenticationRefused) -> bool:
        try:
            return self.obtain_token(self.name)
        except HepsubError as error:
            raise AuthenticationRefused(
                f"{refused.message}; and there is no token to show instead: {error.message}",
                remedy=error.remedy,
            ) from error

    def _error(self, said: str, *, writing: bool) -> HepsubError:
        """The bindings' text as one of hepsub's errors; for some calls they do not say why."""
        from hepsub.condor.answers import says_why, schedd_error

        if writing and not says_why(said):
            said = f"{said}|{self._ping_error()}".rstrip("|")
        return schedd_error(self.name, said, client_methods())

    def _ping_error(self) -> str:
        """Why the schedd does not let us write; empty when it does."""
        htcondor = bindings()
        try:
            htcondor.ping(self.address.ad, "WRITE")
        except htcondor.HTCondorException as error:
            return str(error)
        return ""
