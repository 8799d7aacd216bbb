"""Which credentials travel with a job: what its pool or site wants, and what -cred says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from msgspec import Struct

from hepsub.errors import UsageError
from hepsub.job import NO_CREDENTIALS
from hepsub.policy.model import KERBEROS, TOKEN, Credential, Policy
from hepsub.policy.site import CE, GLIDEIN
from hepsub.suggest import did_you_mean


class JobCredential(Struct, frozen=True, kw_only=True):
    """A credential that goes along with the jobs of a submission.

    Attributes:
        kind: in the policy's word.
        file: its file in the bundle and in the job's directory; empty when HTCondor delivers it.
        service: the name of HTCondor's OAuth service that delivers it; empty for a file.
        stays: whether it is shown to the site by this side, and no job gets it.
    """

    name: str
    kind: str
    file: str
    service: str = ""
    stays: bool = False

    @property
    def travels(self) -> bool:
        """Whether jobs get it as a file."""
        return bool(self.file) and not self.stays

    @property
    def by_condor(self) -> bool:
        """Whether the pool's own credd or credmon delivers it."""
        return not self.file


def choose_credentials(
    words: Iterable[str], policy: Policy, pool: str, sites: Collection[str], uid: int
) -> tuple[JobCredential, ...]:
    """The credentials that travel, each once.

    Args:
        words: what stood after -cred; `none` drops what the policy wants.
        policy: what the site decided.
        pool: the pool's name.
        sites: the remote sites that the jobs may run at.
        uid: after which Kerberos caches are named.

    Raises:
        UsageError: the policy knows no such credential, or more than one Kerberos ticket is wanted.
    """
    said = tuple(words)
    # `-cred none -cred iam`: not what the site wants, but this one.
    wanted = () if NO_CREDENTIALS in said else _wanted(policy, pool, sites)
    names = dict.fromkeys((*wanted, *(word for word in said if word != NO_CREDENTIALS)))
    for name in names:
        if name not in policy.credential:
            raise UsageError(
                f"argument -cred: no credential '{name}' in the policy",
                remedy=_several(name, policy)
                or did_you_mean(name, [*policy.credential, NO_CREDENTIALS]),
            )
    there = [policy.site[site] for site in sites]
    # Another pool's credd has nothing of this user.
    by_file = any(site.kind != GLIDEIN for site in there)
    shown = dict.fromkeys(
        site.token for site in there if site.kind == CE and site.token not in names
    )
    chosen = (
        *(_job_credential(name, policy.credential[name], uid, by_file=by_file) for name in names),
        *(JobCredential(name=name, kind=TOKEN, file=f"{name}.token", stays=True) for name in shown),
    )
    # There is one KRB5CCNAME.
    tickets = [each.name for each in chosen if each.kind == KERBEROS]
    if len(tickets) > 1:
        raise UsageError(
            f"one Kerberos ticket travels with a job, not {' and '.join(tickets)}",
            remedy="name the one that the job needs: -cred none -cred NAME",
        )
    return chosen


def _several(word: str, policy: Policy) -> str:
    """How several are named, for `krb,iam`."""
    names = [each for each in re.split(r"[,\s]+", word) if each]
    if len(names) < 2 or not all(name in policy.credential for name in names):
        return ""
    return f"one at a time: {' '.join(f'-cred {name}' for name in names)}"


def _wanted(policy: Policy, pool: str, sites: Iterable[str]) -> tuple[str, ...]:
    there = tuple(name for site in sites for name in policy.site[site].credentials)
    return (*policy.pool[pool].credentials, *there)


def _job_credential(name: str, credential: Credential, uid: int, *, by_file: bool) -> JobCredential:
    if credential.delivery == "condor" and not by_file:
        service = "" if credential.kind == KERBEROS else credential.service or name
        return JobCredential(name=name, kind=credential.kind, file="", service=service)
    file = f"krb5cc_{uid}" if credential.kind == KERBEROS else f"{name}.token"
    return JobCredential(name=name, kind=credential.kind, file=file)
