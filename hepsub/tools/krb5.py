"""MIT Kerberos through its programs: which cache is the user's, a copy of it, a renewed copy.

The name of the default cache is the library's own knowledge (`default_ccache_name` of krb5.conf, with its
%{uid} and its files and directories of includes; a collection's primary cache). So `klist` is asked: in
the C locale its first lines are "Ticket cache: TYPE:NAME" and "Default principal: NAME@REALM".
A user's cache is only ever read; what is renewed is a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from hepsub.errors import (
    CredentialExpired,
    CredentialMissing,
    CredentialRefused,
    HepsubError,
    ProviderUnreachable,
)
from hepsub.tools.run import Completed, installed, run_within
from hepsub.tools.trouble import Trouble, find_trouble

_NAMES = ("KRB5CCNAME", "KRB5_CONFIG")
_C_LOCALE = {"LC_ALL": "C", "LANGUAGE": ""}  # what programs say is read here: in English
_CACHE = "Ticket cache: "
_PRINCIPAL = "Default principal: "
_LOOK_S = 10.0
_NETWORK_S = 20.0
"""A KDC that accepts connections and never answers costs kinit 27 s before it gives up (measured)."""


class Cache(Struct, frozen=True, kw_only=True):
    """A credential cache: its name as KRB5CCNAME has it, and whose it is (empty: not known yet)."""

    name: str
    principal: str = ""

    @property
    def path(self) -> Path | None:
        """Its file, which has MIT's FILE format; None for a cache in a keyring or a daemon."""
        return file_of(self.name)


def file_of(name: str) -> Path | None:
    """The file of a cache of type FILE, or of one that was chosen from a DIR; None for other types."""
    kind, colon, rest = name.partition(":")
    if not colon or name.startswith("/"):
        return Path(name)
    if kind == "FILE":
        return Path(rest)
    if kind == "DIR" and rest.startswith(":"):
        return Path(rest.removeprefix(":"))
    return None


def find_cache(environment: Mapping[str, str], uid: int, principal: str = "") -> Cache | None:
    """The user's cache, which may not exist; None when there surely is none.

    Args:
        environment: the caller's, for KRB5CCNAME and KRB5_CONFIG.
        uid: numeric user id.
        principal: whose cache it has to be, of those in the collection; empty for the default one.

    Raises:
        ProviderUnreachable: the program that knows does not answer.
    """
    said = environment.get("KRB5CCNAME", "")
    if said and not principal and file_of(said) is not None:
        return Cache(name=said)
    if not installed("klist"):  # the libraries' own default, on all that do not say otherwise
        return Cache(name=said or f"FILE:/tmp/krb5cc_{uid}")
    default = next(_listed(environment), None)
    if default is None or principal in {"", default.principal}:
        return default
    fitting = (each for each in _listed(environment, "-A") if each.principal == principal)
    return next(fitting, default)


def _listed(environment: Mapping[str, str], *options: str) -> Iterator[Cache]:
    done = _run(["klist", *options], environment, _LOOK_S)
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith(_CACHE):
            name = line.removeprefix(_CACHE)
        elif line.startswith(_PRINCIPAL) and name:
            yield Cache(name=name, principal=line.removeprefix(_PRINCIPAL))


def export_cache(cache: Cache, environment: Mapping[str, str], goal: Path) -> None:
    """Copy the ticket-granting ticket of a cache of any type into a file that does not exist yet (0600).

    Raises:
        CredentialExpired: the ticket has ended.
        CredentialMissing: the cache is gone.
        CredentialRefused: this kvno cannot do it.
    """
    realm = cache.principal.rpartition("@")[2]
    words = ["kvno", "-q", "-c", cache.name, "--cached-only", "--out-cache", f"FILE:{goal}"]
    done = _run([*words, f"krbtgt/{realm}@{realm}"], environment, _LOOK_S)
    if done.code == 0 and goal.exists():
        return
    told = done.stderr
    if "Matching credential not found" in told or "expired" in told:
        raise CredentialExpired(
            f"the Kerberos ticket of {cache.principal} has ended", remedy="kinit"
        )
    if "not found" in told or "No credentials cache" in told:
        raise CredentialMissing(f"there is no Kerberos ticket in {cache.name}", remedy="kinit")
    raise CredentialRefused(
        f"the Kerberos ticket cache {cache.name} cannot be copied into a file: {_words(done)}",
        remedy="have the ticket in a file (MIT Kerberos before 1.19 can do no better):"
        " export KRB5CCNAME=FILE:$HOME/.krb5cc; kinit",
    )


def renew_file(path: Path, environment: Mapping[str, str]) -> None:
    """Renew the ticket in a file that belongs to hepsub (kinit -R).

    Raises:
        CredentialExpired: it has ended, or can be renewed no longer.
        CredentialRefused: the KDC says no.
        ProviderUnreachable: no KDC answers.
        ToolFailed: kinit is not installed.
    """
    done = _run(["kinit", "-R", "-c", f"FILE:{path}"], environment, _NETWORK_S)
    if done.code != 0:
        raise _refusal(done)


_TROUBLES = (
    Trouble(
        texts=("Ticket expired", "Ticket not yet valid"),
        error=CredentialExpired,
        message="the Kerberos ticket has ended, and a ticket that has ended cannot be renewed",
        remedy="kinit",
    ),
    Trouble(
        texts=("KDC can't fulfill requested option",),
        error=CredentialExpired,
        message="the KDC does not renew this Kerberos ticket: it is not renewable, or not any longer",
        remedy="kinit -r 7d (or as long as your site allows)",
    ),
    Trouble(
        texts=("Clock skew too great",),
        error=CredentialRefused,
        message="the KDC refuses to renew the Kerberos ticket: the clocks of this machine and of the KDC"
        " differ too much",
        remedy="tell the administrators of this machine that its clock is wrong",
    ),
    Trouble(
        texts=("have been revoked", "TGT has been revoked", "Password has expired", "entry in database has expired"),
        error=CredentialRefused,
        message="the KDC refuses to renew the Kerberos ticket: the account is locked or has expired",
        remedy="ask the administrators of the realm; then kinit",
    ),
    Trouble(
        texts=("not found in Kerberos database",),
        error=CredentialRefused,
        message="the KDC refuses to renew the Kerberos ticket: it does not know the principal any more",
        remedy="ask the administrators of the realm",
    ),
    Trouble(
        texts=(
            "Cannot contact any KDC",
            "Cannot find KDC",
            "Cannot resolve network address",
            "Resource temporarily unavailable",
            "Network is unreachable",
        ),
        error=ProviderUnreachable,
        message="no KDC answers",
        remedy="try again later; if it stays so, see the realm's KDCs in /etc/krb5.conf",
    ),
    Trouble(
        texts=("No credentials cache found", "Matching credential not found", "Bad format in credentials cache",
            "Unsupported credentials cache format"),
        error=CredentialMissing,
        message="there is no Kerberos ticket that could be renewed",
        remedy="kinit",
    ),
)  # fmt: skip


def _refusal(done: Completed) -> HepsubError:
    told = _words(done)
    if trouble := find_trouble(_TROUBLES, told):
        return trouble.as_error(told)
    return CredentialRefused(f"the Kerberos ticket cannot be renewed: {told}", remedy="kinit")


def _words(done: Completed) -> str:
    """What a program said, on one line, without its name."""
    text = " ".join((done.stderr or done.stdout).split())[-300:]
    return text.removeprefix("kinit: ").removeprefix("kvno: ") or f"exit code {done.code}"


def login_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What Kerberos's programs need to know of the caller's environment."""
    return {name: environment[name] for name in _NAMES if environment.get(name)}


def _run(argv: list[str], environment: Mapping[str, str], timeout: float) -> Completed:
    known = login_environment(environment) | _C_LOCALE
    done = run_within(argv, timeout=timeout, environment=known)
    if done is None:
        raise ProviderUnreachable(
            f"{argv[0]} did not end within {timeout:.0f} s: no KDC answers",
            remedy="try again later; if it stays so, see the realm's KDCs in /etc/krb5.conf",
        )
    return done
