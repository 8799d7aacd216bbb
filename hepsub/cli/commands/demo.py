"""hep_sub demo: the first minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Values

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import Result
    from hepsub.session import Session


def run(session: Session, _values: Values, _console: Console) -> Result:
    """Run the demo.

    Raises:
        HepsubError: it could not run to its end; nothing is left behind.
    """
    from hepsub.actions.demo.demo import demo

    with session.progress.step("") as step:
        return demo(session, step.say)


COMMAND = Command(
    name="hep_sub demo",
    summary="Show the whole way of the data on this machine",
    description=(
        "An S3 server on loopback gets generated dimuon events; three jobs read them through pre-signed URLs,"
        " write histograms back, and the sum is drawn. It needs no pool and no keys, and leaves nothing behind."
        " The S3 server is rclone's: pip install 'hepsub[rclone]', or rclone 1.65 or newer.",
    ),
    options=COMMON,
    words=None,
    examples=(("hep_sub demo", "everything, in some seconds"),),
    run=run,
    results=("hepsub.actions.demo.demo:DemoResult",),
)
