"""The connection to one schedd: how the bindings are called, and how their troubles are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    """A way to one schedd; what cannot be asked or done raises PoolUnreachable, AuthenticationRefused or PoolError.

    Attributes:
        obtain_token: asked once when authentication is refused; returns whether a new token is
            there and another try makes sense.
        far: whether it is another site's.
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
        """Who the schedd takes us for when we submit, and by which method."""
        answer = self._ping()
        method = text(answer, "AuthMethods") or "no authentication"
        return f"{text(answer, 'MyRemoteUserName') or 'nobody'}, by {method}"

    def account(self) -> str:
        """The account to which the schedd maps us: the owner of what we submit."""
        return text(self._ping(), "MyRemoteUserName").partition("@")[0]

    def _ping(self) -> ClassAd:
        return self.call(lambda _: bindings().ping(self.address.ad, "WRITE"))

    def query(
        self,
        wanted: str,
        projection: Iterable[str] = (),
        *,
        how: str = "Default",
        most: int = -1,
    ) -> list[ClassAd]:
        """The ads in the queue for which an expression is true.

        Args:
            wanted: the expression.
            projection: the attributes; none for all.
            how: the name of one of the bindings' QueryOpts: Default for procs, IncludeClusterAd for clusters, too.
            most: how many ads; -1 for all.
        """
        opts = getattr(bindings().QueryOpts, how)
        return self.call(
            lambda schedd: list(
                schedd.query(constraint=wanted, projection=list(projection), limit=most, opts=opts)
            )
        )

    def history(
        self, wanted: str, projection: Iterable[str], most: int, until: str | None = None
    ) -> list[ClassAd]:
        """The ads of procs that have left the queue for which an expression is true, the latest first.

        Args:
            wanted: the expression.
            projection: the attributes.
            most: how many ads; -1 for all.
            until: the schedd reads its history backwards, to the first ad for which this is true; None for all of it.
        """
        return self.call(
            lambda schedd: list(schedd.history(wanted, list(projection), most, since=until))
        )

    def edit(self, wanted: str, name: str, value: str) -> None:
        """Change an attribute of the procs for which an expression is true, to a value in the ClassAd language."""
        self.call(lambda schedd: schedd.edit(wanted, name, value), writing=True)

    def act(self, action: str, wanted: str, reason: str) -> ClassAd:
        """Do what one of the bindings' JobActions says to the jobs for which an expression is true.

        Returns:
            How many of them it met, and how (TotalSuccess, TotalPermissionDenied, …).
        """
        todo = getattr(bindings().JobAction, action)
        # The bindings lose a reason that is no pair with a code (tried: 25.14.1).
        return self.call(lambda schedd: schedd.act(todo, wanted, (reason, 0)), writing=True)

    def call(self, once: Callable[[Any], T], *, writing: bool = False) -> T:
        """Call the bindings; with a new token once more, if authentication was the trouble.

        Args:
            once: what is done with the bindings' own Schedd.
            writing: whether it changes something, of which the bindings say only that it failed; it may be repeated.
        """
        with self.progress.step(f"asking the schedd {self.name}", behind=True):
            try:
                return self._try(once, writing=writing)
            except AuthenticationRefused as refused:
                if not self._obtain_token(refused):
                    raise
            return self._try(once, writing=writing)

    def _try(self, once: Callable[[Any], T], *, writing: bool) -> T:
        if self.far:  # else HTCondor would wait minutes for a host that is gone
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
        from hepsub.condor.answers import says_why, schedd_error

        # Where act and edit fail the bindings do not say why; who is not allowed to write is not allowed to ping so.
        if writing and not says_why(said):
            htcondor = bindings()
            try:
                htcondor.ping(self.address.ad, "WRITE")
            except htcondor.HTCondorException as error:
                said = f"{said}|{error}"
        return schedd_error(self.name, said, client_methods())
