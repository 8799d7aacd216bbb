"""How the outputs of a job stand here: where each of them belongs, and what is there now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.actions.fetch.local import compare
from hepsub.actions.fetch.result import Here, JobFiles, Local, Output
from hepsub.storage.landing import PART, Landing, safe_parts


class Ground(Struct, frozen=True, kw_only=True):
    """Where the outputs of one job belong.

    Attributes:
        directory: below which CLUSTER/PROC is.
        cluster: ClusterId.
        proc: ProcId.
        taken: the last components of its outputs' names.
    """

    directory: Path
    cluster: int
    proc: int
    taken: frozenset[str]

    @classmethod
    def of(cls, directory: Path, cluster: int, proc: int, names: Iterable[str]) -> Ground:
        """The ground of a job whose outputs have these names."""
        taken = frozenset(name.rpartition("/")[2] for name in names)
        return cls(directory=directory, cluster=cluster, proc=proc, taken=taken)

    def landing(self, output: Output) -> Landing | None:
        """Where an output has to be; None when its name could lead out of its job's directory."""
        parts = safe_parts(output.name)
        if parts is None:
            return None
        part = parts[-1] + PART
        while part in self.taken:
            part += PART
        parts = (str(self.cluster), str(self.proc), *parts)
        return Landing(root=self.directory, parts=parts, part=part)


def ground_of(job: JobFiles, directory: Path, cluster: int) -> Ground:
    """Where a job's outputs belong."""
    return Ground.of(directory, cluster, job.proc, (each.name for each in job.outputs))


def stand(job: JobFiles, directory: Path, cluster: int) -> Iterator[Local]:
    """How each output of a job stands here."""
    ground = ground_of(job, directory, cluster)
    for output in job.outputs:
        if output.stays and isinstance(output.source, Path):
            yield Local(output=output, path=output.source, here=Here.IN_PLACE)
            continue
        landing = ground.landing(output)
        if landing is None:
            yield Local(
                output=output,
                path=directory / f"{cluster}/{job.proc}",
                here=Here.FAILED,
                trouble="no file can have this name here",
            )
            continue
        here, trouble = compare(output, landing)
        yield Local(output=output, path=landing.path, here=here, trouble=trouble)
