"""hep_auth login: get what is missing, step by step."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, Words, flag

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_OPTIONS = (
    flag("-krb --krb", "Only the Kerberos ticket: the same as hep_auth login krb."),
    flag("-iam --iam", "Only the IAM token: the same as hep_auth login iam."),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, console: Console) -> AnyResult:
    """Take the steps that are missing, or tell them where there is no terminal.

    Raises:
        HepsubError: there is no such credential, or a step failed.
    """
    from hepsub.actions.auth.login import Terminal, login
    from hepsub.auth.login import log_in

    flags = [name for name in ("krb", "iam") if values[name]]
    names = tuple(dict.fromkeys([*values["names"], *flags]))
    streams = (sys.stdin, sys.stderr)  # None for one that the caller closed
    attached = not values["json"] and all(each and each.isatty() for each in streams)
    terminal = Terminal(log_in=log_in, say=console.progress) if attached else None
    return login(session, names, terminal)


COMMAND = Command(
    name="hep_auth login",
    summary="Get what is missing, step by step",
    options=_OPTIONS,
    words=Words(
        field="names",
        metavar="[NAME…]",
        help="Credentials of the policy; default: those that are needed.",
        kind=Kind.CREDENTIAL,
    ),
    examples=(
        ("hep_auth login", "everything that is missing"),
        ("hep_auth login -krb", "the Kerberos ticket"),
        ("hep_auth login iam", "the IAM token"),
    ),
    run=run,
    results=("hepsub.actions.auth.login:Login",),
)
