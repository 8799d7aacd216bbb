"""The sources of the policy's credentials, by name."""

from __future__ import annotations

from msgspec.structs import replace

from hepsub.auth.credential import CredentialSource
from hepsub.auth.kerberos import KerberosSource
from hepsub.auth.token import TokenSource
from hepsub.errors import UsageError
from hepsub.policy.model import KERBEROS, Policy
from hepsub.situation import Situation
from hepsub.suggest import did_you_mean


def source_for(
    name: str,
    policy: Policy,
    situation: Situation,
    *,
    audience: str = "",
    scopes: tuple[str, ...] = (),
    for_shell: bool = False,
) -> CredentialSource:
    """Where a credential of the policy comes from; a token may be asked for with another audience and other scopes.

    Raises:
        UsageError: the policy has no such credential.
    """
    if name not in policy.credential:
        raise UsageError(
            f"no credential '{name}' in the policy", remedy=did_you_mean(name, policy.credential)
        )
    credential = policy.credential[name]
    if credential.kind == KERBEROS:
        return KerberosSource(
            name=name,
            policy=credential,
            environment=situation.environment,
            uid=situation.uid,
        )
    wanted = replace(
        credential,
        audience=audience or credential.audience,
        scopes=scopes or credential.scopes,
    )
    return TokenSource(
        name=name,
        policy=wanted,
        environment=situation.environment,
        uid=situation.uid,
        for_shell=for_shell,
    )
