"""The table of hep_history: jobs that have ended, one a line."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.queue.history import Past
from hepsub.batch import JobStatus
from hepsub.terminal import joined
from hepsub.units import clock_text, run_time_text


def text(value: Past) -> str:
    """The table of jobs that have ended."""
    return joined(_past_lines(value))


def _past_lines(value: Past) -> Iterator[str]:
    row = "%-15s %-15s %-15s %-15s %-6s %-5s %-11s %s"
    yield row % ("JOBID", "OWNER", "ENDED", "RUN_TIME", "EXIT", "SIZE", "CPU_TIME", "CMD")
    for job in value.jobs:
        ended = clock_text(job.ended) if job.ended else "-"
        command = " ".join([job.command, *job.arguments])
        yield row % (
            job.job, job.owner, ended, run_time_text(job.run_seconds), _exit(job), f"{job.memory_mb:.1f}",
            run_time_text(job.cpu_seconds), command,
        )  # fmt: skip
        if job.remove_reason:
            yield f"    {job.remove_reason}"


def _exit(job: JobStatus) -> str:
    if job.exit_signal is not None:
        return f"sig {job.exit_signal}"
    return str(job.exit_code) if job.exit_code is not None else job.state.value
