"""hep_auth s3: the keys of a storage, for AWS's programs and libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Kind, Values, Words, flag
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_PROCESS = flag("-process --process",
    "Print the keys on stdout as AWS's credential_process does; whoever calls this gets the secret.")  # fmt: skip


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """Give the keys, or say whose they are.

    Raises:
        HepsubError: there is no such storage, or there are no keys.
    """
    from hepsub.actions.auth.s3 import storage_keys

    # AWS's programs read that document, and no envelope around it.
    if values["process"] and values["json"]:
        raise UsageError(
            "-process prints a document of its own", remedy="leave out -json or -process"
        )
    named = values["storage"][0] if values["storage"] else ""
    return storage_keys(session, named, secret=values["process"])


COMMAND = Command(
    name="hep_auth s3",
    summary="Tell or give the keys of a storage",
    options=(_PROCESS, *COMMON),
    words=Words(
        field="storage",
        metavar="[STORAGE]",
        help="A storage of the policy; default: the one marked as default, or the only one.",
        most=1,
        kind=Kind.STORAGE,
    ),
    examples=(
        ("hep_auth s3 herd", "whose keys they are, and until when"),
        ("hep_auth s3 -process herd", "what credential_process in ~/.aws/config calls"),
    ),
    run=run,
    results=("hepsub.actions.auth.s3:StorageKeysDocument",),
)
