"""hep_sub demo: the first minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, Command, Values, flag

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session


def run(session: Session, values: Values, _console: Console) -> AnyResult:
    """Run the demo.

    Raises:
        HepsubError: it could not run to its end; nothing is left behind.
    """
    from hepsub.actions.demo.demo import demo

    with session.progress.step() as step:
        return demo(session, step.say, leave_script=values["script"])


COMMAND = Command(
    name="hep_sub demo",
    summary="Show the whole way of the data on this machine",
    options=(
        flag("-script --script", "Leave a script job.sh in this directory, to begin with."),
        *COMMON,
    ),
    words=None,
    examples=(
        ("hep_sub demo", "everything, in some seconds"),
        ("hep_sub demo -script && hep_sub job.sh", "and a first job of your own"),
    ),
    run=run,
    results=("hepsub.actions.demo.demo:DemoResult",),
)
