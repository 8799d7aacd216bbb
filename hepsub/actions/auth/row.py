"""The table of hep_auth as values: a row for each credential, for the keys of each storage, and for the schedd."""

from __future__ import annotations

from msgspec import Struct, convert

from hepsub.result import Problem

KEYS = "s3"
SCHEDD = "schedd"


class Row(Struct, frozen=True, kw_only=True):
    """One credential, the keys of one storage, or one schedd.

    Attributes:
        kind: a credential's (`kerberos`, `token`), or `s3` or `schedd`.
        name: its name in the policy.
        who: whom it speaks for; empty when there is none.
        expires: when it ends, in seconds since the epoch; None for never, or not known.
        renewable_until: until when it can be renewed without its user; None for as long as its
            source works.
        needed_by: what of the policy needs it, in words.
        required: whether the default pool, one of its sites or a storage is among them.
        origin: where it comes from, in words.
        next_command: what to type; empty when nothing is to be done, or nothing helps.
        note: a word for its user; empty for none.
        problem: why it is not good; None when it is.
        exit_code: that of the problem; 0 for none.
    """

    kind: str
    name: str
    needed_by: tuple[str, ...] = ()
    required: bool = False
    who: str = ""
    expires: float | None = None
    renewable_until: float | None = None
    origin: str = ""
    next_command: str = ""
    note: str = ""
    problem: Problem | None = None
    exit_code: int = 0

    @property
    def good(self) -> bool:
        """Whether it is there, and can be used."""
        return self.problem is None

    @property
    def is_idle(self) -> bool:
        """Whether it is not there, and nothing needs it."""
        return self.problem is not None and not self.needed_by


class RowDocument(Struct, frozen=True, kw_only=True):
    """A row in JSON: as `Row`."""

    kind: str
    name: str
    good: bool
    who: str
    expires: float | None
    renewable_until: float | None
    needed_by: tuple[str, ...]
    required: bool
    origin: str
    next_command: str
    note: str
    problem: Problem | None


class AuthDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_auth."""

    now: float
    credentials: tuple[RowDocument, ...]


class AuthStatus(Struct, frozen=True, kw_only=True):
    """All of them.

    Attributes:
        rows: first what is needed, last what nothing needs and is not there.
        now: when that was so, in seconds since the epoch.
    """

    rows: tuple[Row, ...]
    now: float

    def document(self) -> AuthDocument:
        """The rows as they stand under `result` in JSON."""
        return convert(
            {"now": self.now, "credentials": self.rows}, AuthDocument, from_attributes=True
        )
