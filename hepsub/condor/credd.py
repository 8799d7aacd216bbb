"""The pool's own keeper of credentials (HTCondor Manual, "Enabling the Fetching and Use of OAuth2 Credentials").

HTCondor takes a user's own access token since 24.7.3, and hands it to running jobs anew whenever it was
replaced. A ticket becomes the care of the pool's Kerberos credmon (`use feature: KRB`), which renews it; one that
is stored already gives way to a newer one only where SEC_CREDENTIAL_REFRESH_INTERVAL is not negative (its default).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hepsub.condor.attributes import text
from hepsub.condor.bindings import bindings
from hepsub.condor.collector import ask_collector
from hepsub.errors import PoolError
from hepsub.plan.credentials import JobCredential
from hepsub.policy.model import KERBEROS

Produce = Callable[[str, bytes], bytes]
_ELSEWHERE = "CREDENTIAL_ALREADY_STORED"
_NOT_SET_UP = "configuration error"


def store_credential(
    credential: JobCredential, content: bytes, host: str, collector: str, produce: Produce
) -> None:
    """Store a token, or what HTCondor's configuration makes of a ticket.

    Args:
        credential: what it is.
        content: the token, or the credential cache.
        host: the schedd's host, whose credd delivers it.
        collector: host[:port]; empty for HTCondor's own configuration.
        produce: runs SEC_CREDENTIAL_PRODUCER with a cache, and gives what it wrote.

    Raises:
        PoolUnreachable: the collector does not answer.
        PoolError: that host has no credd, or none that keeps tickets.
        ToolFailed: the producer made nothing of it.
        HTCondorException, ValueError: it was not stored.
    """
    htcondor = bindings()
    ads = ask_collector(collector, "Credd", ("Name", "Machine", "MyAddress"))
    # The credd of another access point would give it to that one's jobs.
    there = [ad for ad in ads if text(ad, "Machine") == host and text(ad, "MyAddress")]
    if not there:
        raise _undeliverable(credential, f"{host} runs no credd")
    credd = htcondor.Credd(there[0])
    if credential.kind == KERBEROS:
        try:
            _store_ticket(credd, content, produce)
        except htcondor.HTCondorException as error:
            if _NOT_SET_UP not in str(error):
                raise
            why = f"the credd of {host} keeps no tickets (it has no SEC_CREDENTIAL_DIRECTORY_KRB)"
            raise _undeliverable(credential, why) from error
    else:
        credd.add_user_service_cred(
            htcondor.CredType.OAuth, content, credential.service, refresh=False
        )


def _store_ticket(credd: Any, content: bytes, produce: Produce) -> None:  # noqa: ANN401 (the bindings have no types)
    producer = str(bindings().param.get("SEC_CREDENTIAL_PRODUCER") or "")
    if producer == _ELSEWHERE:
        return
    # The bindings would run it themselves, but end what it wrote at the first zero byte, of which a cache has many
    # (tried: 25.14.1).
    made = produce(producer, content) if producer else content
    credd.add_user_cred(bindings().CredType.Kerberos, made)


def _undeliverable(credential: JobCredential, why: str) -> PoolError:
    return PoolError(
        f"the credential {credential.name} cannot be delivered by HTCondor: {why}",
        remedy=f'set delivery = "file" in [credential.{credential.name}] of the policy',
    )
