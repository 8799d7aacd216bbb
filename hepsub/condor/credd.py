"""The pool's own keeper of credentials (HTCondor Manual, "Enabling the Fetching and Use of OAuth2 Credentials").

HTCondor takes a user's own access token since 24.7.3, and hands it to running jobs anew whenever it was
replaced; a Kerberos credmon makes its tickets itself.
"""

from __future__ import annotations

from hepsub.condor.bindings import bindings
from hepsub.errors import PoolError
from hepsub.plan.credentials import KERBEROS, JobCredential


def store_credential(credential: JobCredential, content: bytes, host: str, collector: str) -> None:
    """Store a token, or let HTCondor's producer store a ticket.

    Args:
        credential: what it is.
        content: the token; a ticket is made by the producer of HTCondor's configuration, if there is one.
        host: the schedd's host, whose credd delivers it.
        collector: host[:port]; empty for HTCondor's own configuration.

    Raises:
        PoolError: that host has no credd.
        HTCondorException, ValueError: it was not stored.
    """
    htcondor = bindings()
    source = htcondor.Collector(collector) if collector else htcondor.Collector()
    wanted = ["Name", "Machine", "MyAddress"]
    ads = source.query(htcondor.AdType.Credd, projection=wanted)
    there = [ad for ad in ads if ad.get("Machine") == host]
    if not there:
        raise PoolError(
            f"the credential {credential.name} cannot be delivered by HTCondor: {host} runs no credd",
            remedy=f'set delivery = "file" in [credential.{credential.name}] of the policy',
        )
    credd = htcondor.Credd(there[0])
    if credential.kind == KERBEROS:
        made = htcondor.param.get("SEC_CREDENTIAL_PRODUCER")
        credd.add_user_cred(htcondor.CredType.Kerberos, None if made else content)
    else:
        credd.add_user_service_cred(
            htcondor.CredType.OAuth, content, credential.service, refresh=False
        )
