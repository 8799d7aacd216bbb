"""What a submission says to Slurm in its own words, besides what hepsub says anyway. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hepsub.job import JobSpec, SlurmRequest
from hepsub.policy.model import Policy

_MAIL: Mapping[str, str] = {"Complete": "END", "Error": "FAIL", "Always": "BEGIN,END,FAIL"}
"""HTCondor's words for when mail is sent, and Slurm's."""


def slurm_words(spec: JobSpec, notification: str) -> Mapping[str, str | None]:
    """Options of sbatch and their values, in place of hepsub's own.

    Returns:
        None for what hepsub does not say then; empty for an option without a value.
    """
    words: dict[str, str | None] = {}
    if notification in _MAIL:
        words["mail-type"] = _MAIL[notification]
    if spec.placement.worker_node:
        words["nodelist"] = spec.placement.worker_node
    if spec.slurm is None:
        return words
    words |= spec.slurm.words
    # What neither options nor lines say is left to Slurm, whose defaults the script was made for: the policy's
    # walltime may be more than the partition of the lines allows, and then a job never starts.
    _settle(words, "time", (), said=spec.resources.walltime is not None)
    _settle(words, "mem", ("mem-per-cpu", "mem-per-gpu"), said=spec.resources.memory_mb is not None)
    if "cpus-per-gpu" in words:
        _settle(words, "cpus-per-task", ("cpus-per-gpu",), said=spec.resources.cpus is not None)
    return words


def _settle(
    words: dict[str, str | None], name: str, others: tuple[str, ...], *, said: bool
) -> None:
    """Let hepsub's own word count where its amount is said, else the lines' other words for it, or Slurm's default."""
    if not said:
        words.setdefault(name, None)
        return
    for each in (name, *others):
        words.pop(each, None)


def slurm_note(lines: SlurmRequest, policy: Policy, pool: str) -> tuple[str, ...]:
    """What to say of a script's `#SBATCH` lines that count."""
    where = policy.origin("defaults.sbatch_lines")
    sent = f" send the jobs to {pool}, Slurm (sbatch_lines, {where}), and" if lines.decided else ""
    asks = f" ask for {' '.join(lines.counted)}" if lines.counted else " ask for nothing else"
    beaten = f"; {', '.join(lines.beaten)}" if lines.beaten else ""
    more = "; every option counts more, -p too" if lines.decided else "; every option counts more"
    return (f"the #SBATCH lines of {lines.script}{sent}{asks}{beaten}{more}",)
