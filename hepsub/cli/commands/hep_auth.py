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
    options=(POOL, *COMMON),
    words=None,
    examples=(
        ("hep_auth", "what there is, and what to do"),
        ("hep_auth -json", "the same for programs"),
    ),
    run=run,
    results=("hepsub.actions.auth.status:AuthStatus",),
)
