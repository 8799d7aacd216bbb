"""A job that goes through a computing element: HTCondor's grid universe, from the user's own schedd. Pure.

The grid manager sends the job's ad to the element's schedd, where it is a job of its own with ids of its own. It
leaves out the policies about holds and removals, and turns `remote_X` into `X` (tried: 23.9.6 to 25.14.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from hepsub.condor.quoting import classad_string
from hepsub.condor.staged import SUMS_VARIABLE, Staged
from hepsub.plan.bundle_paths import CREDENTIALS, PRIVATE
from hepsub.plan.model import Element

_VANILLA = 5


class ThroughElement(Staged, frozen=True, kw_only=True):
    """The way of a job with a bundle to a computing element."""

    element: Element
    # Not $$([MY.ClusterId]): that would be expanded there, to the element's own ids.
    cluster: str = "$(ClusterId)"
    proc: str = "$(ProcId)"
    again: str = "$(HEPAGAIN)"
    universe: str = "grid"

    @property
    def digest(self) -> str:
        """The digest of the job's list of files, which an expression in the ad would find there only."""
        return f"$({SUMS_VARIABLE})"

    def transfer(self) -> Iterator[str]:
        """What HTCondor sends and brings home, by way of the element, and how it proves who sends it."""
        yield f"grid_resource = {self.element.resource}"
        yield f"scitokens_file = {self._bundle}/{PRIVATE}/{CREDENTIALS}/{self._token}"
        yield f"My.remote_JobUniverse = {_VANILLA}"
        yield 'My.remote_ShouldTransferFiles = "YES"'
        yield 'My.remote_WhenToTransferOutput = "ON_EXIT"'
        yield from super().transfer()
        if self.is_gated:
            yield "hold = true"  # nobody looks at the requirements of a job in this universe

    @property
    def _token(self) -> str:
        names = {each.name: each.file for each in self.staging.credentials}
        return names[self.element.token]

    def clauses(self, domain: str) -> Iterator[str]:  # noqa: ARG002
        """Nothing: no slot of this pool runs it."""
        yield from ()

    def requirements(self, wanted: str) -> str:
        """What the job asks of a slot there."""
        return f"My.remote_Requirements = {wanted}"

    def holds(self) -> Iterator[str]:
        """As for every job with a bundle."""
        yield from self.at_end(super().holds())

    def at_end(self, lines: Iterable[str]) -> Iterator[str]:
        """What becomes of a job that has ended: the element's schedd decides, and a hold's reason comes home."""
        for line in lines:
            name, value = line.split(" = ", 1)
            yield f"My.remote_{_REMOTE[name]} = {value}"

    def attributes(self) -> Iterator[str]:
        """What the job asks for, in the words of an HTCondor-CE."""
        yield from super().attributes()
        # It overwrites RequestCpus and RequestMemory with them: memory in MB, time in minutes (HTCondor-CE
        # documentation, "Submitting jobs").
        plan = self.plan
        yield f"My.xcount = {plan.cpus}"
        yield f"My.maxMemory = {plan.memory_mb}"
        yield f"My.maxWallTime = {math.ceil((plan.walltime.limit + self.margin_s) / 60)}"
        if self.element.queue:
            yield f"My.queue = {classad_string(self.element.queue, 'the queue')}"


_REMOTE = {
    "on_exit_remove": "OnExitRemove",
    "My.JobMaxRetries": "JobMaxRetries",
    "on_exit_hold": "OnExitHold",
    "on_exit_hold_reason": "OnExitHoldReason",
    "on_exit_hold_subcode": "OnExitHoldSubCode",
}
