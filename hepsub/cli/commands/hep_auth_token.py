"""hep_auth token: a token on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, Words, option

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_OPTIONS = (
    option("-aud --aud --audience", "A", "The audience it has to be for; default: what the policy says."),
    option("-scope --scope", "S",
        "A scope it has to have; may be repeated; default: what the policy says.", field="scopes", repeated=True),
    option("-t -time --time", "DURATION",
        "How long it has to be valid at least: 300, 5min, 1h; default: 1 minute.",
        kind=Kind.DURATION, field="seconds"),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """Print a token.

    Raises:
        HepsubError: there is no such credential, or no such token is to be had.
    """
    from hepsub.actions.auth.token import TokenRequest, token

    wanted = TokenRequest(
        name=values["name"][0] if values["name"] else "",
        audience=values["audience"] or "",
        scopes=values["scopes"],
        seconds=float(values["seconds"] or 60),
    )
    return token(session, wanted)


COMMAND = Command(
    name="hep_auth token",
    summary="Print a token",
    options=_OPTIONS,
    words=Words(
        field="name",
        metavar="[NAME]",
        help="A token of the policy; default: iam.",
        most=1,
        kind=Kind.CREDENTIAL,
    ),
    examples=(
        ("hep_auth token", "your IAM token"),
        ("hep_auth token -aud https://wlcg.cern.ch/jwt/v1/any", "one for an audience"),
        (
            "hep_auth token iam -scope storage.read:/ -t 30min",
            "one with this scope, valid for half an hour at least",
        ),
    ),
    run=run,
    results=("hepsub.actions.auth.token:Token",),
)
