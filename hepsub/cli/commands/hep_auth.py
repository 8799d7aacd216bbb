"""hep_auth: show, get and renew tickets, tokens and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, POOL, Command, Values

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """Show what there is, and what to do.

    Raises:
        UnknownPool: the policy has no such pool.
    """
    from hepsub.actions.auth.status import auth_status

    return auth_status(session, values["pool"])


COMMAND = Command(
    name="hep_auth",
    summary="Show tickets, tokens and keys, and get and renew them",
    description=(
        "hep_auth shows each credential that the policy knows: whom it speaks for, how long it is valid, until"
        " when it can be renewed without you, what needs it, and the next command to type. Networks are asked"
        " all at the same time and for a limited time; one that does not answer is a row that says so. Each storage"
        " is asked one small question with its keys, so that keys that it does not accept are told. The exit"
        " status is 0 when all that the pool, its sites and the storages need is good, else that of the first"
        " trouble.",
        "The policy describes credentials in [credential.NAME]; krb (the Kerberos ticket) and iam (the IAM token)"
        " are always there. A token comes from WLCG Bearer Token Discovery (BEARER_TOKEN, BEARER_TOKEN_FILE,"
        " bt_uUID), else from oidc-agent, or from any program that the key `command` names.",
        "`hep_sub auth` is the same command.",
    ),
    options=(POOL, *COMMON),
    words=None,
    examples=(
        ("hep_auth", "what there is, and what to do"),
        ("hep_auth -json", "the same for programs"),
    ),
    run=run,
    results=("hepsub.actions.auth.status:AuthStatus",),
)
