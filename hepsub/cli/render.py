"""The one renderer: a Result as text for people and scripts, or as one JSON document."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from hepsub.actions.clus import Walltimes
from hepsub.actions.control import DONE_WORDS, Control
from hepsub.actions.demo_result import Shown
from hepsub.actions.edit import Edited
from hepsub.actions.fetch_result import Fetched
from hepsub.actions.history import Past
from hepsub.actions.mount_result import Mounts
from hepsub.actions.query import Listing
from hepsub.actions.status import Status
from hepsub.actions.submit import Preview, Submission
from hepsub.actions.wait import Waited, end_text
from hepsub.actions.why import Explanation, Explanations
from hepsub.batch import JobStatus
from hepsub.cli.json_text import json_text
from hepsub.cli.output import discard_output, error, talk, write_out
from hepsub.cli.queue_text import queue_table
from hepsub.errors import OutputUnwritable
from hepsub.plan.libraries import Library
from hepsub.result import Problem, Result, Value, envelope
from hepsub.terminal import joined
from hepsub.units import clock_text, duration_text, run_time_text, size_text

_NAMED = 3


def render_json(command: str, result: Result) -> None:
    """Print a result as one JSON document."""
    value = result.value
    document = envelope(command, value.document(), result.problems, ok=result.exit_code == 0)
    with _told(command, value):
        _print_document(document, secret=_is_secret(value))


def render_json_error(command: str, problem: Problem) -> None:
    """Print an error as one JSON document."""
    _print_document(envelope(command, None, (problem,), ok=False))


def _print_document(document: object, *, secret: bool = False) -> None:
    write_out(json_text(document), secret=secret)


def _is_secret(value: Value) -> bool:
    """Whether a value holds what stands nowhere but where it was asked for."""
    return bool(getattr(value, "is_secret", False))


def render_text(command: str, result: Result, *, quiet: bool) -> None:
    """Print a result: data on stdout, talk on stderr.

    Args:
        command: the command's name, in front of talk.
        result: what to print.
        quiet: leave out the notes.
    """
    show(command, result.value)
    if not quiet:  # notes come after: parsers of both streams look for the first number
        talk(command, result.notes)
    if isinstance(result.value, Preview):
        return  # its one possible problem is among the notes
    for problem in result.problems:
        error(command, problem)


def show(command: str, value: Value) -> None:
    """Print the text of a value, if it has any.

    Raises:
        OutputUnwritable: stdout is full or broken.
        BrokenPipeError: nobody reads any more.
    """
    text = value_text(value)
    if text:
        with _told(command, value):
            write_out(text, secret=_is_secret(value))


@contextlib.contextmanager
def _told(command: str, value: Value) -> Iterator[None]:
    """See to it that a cluster that was submitted is named on stderr at least.

    Raises:
        OutputUnwritable: nobody reads stdout.
    """
    submission = value.submission if isinstance(value, Waited) else value
    if not isinstance(submission, Submission):
        yield
        return
    text = value_text(submission)
    if getattr(sys.stdout, "name", "") == os.devnull:  # it was closed
        talk(command, [text])
    try:
        yield
    except BrokenPipeError as trouble:
        discard_output()
        raise OutputUnwritable(
            f"nobody reads stdout; what was asked was done: {text}",
            remedy="do not repeat the command because of this",
        ) from trouble


def value_text(value: Value) -> str:  # noqa: C901, PLR0911, PLR0912 (one line for each kind)
    """The text of a value."""
    match value:
        case Submission():
            return f"{value.submitted.number} job(s) submitted to cluster {value.submitted.cluster}"
        case Waited():
            return _waited_text(value)
        case Preview():
            return joined(_preview_lines(value))
        case Listing():
            return queue_table(value)
        case Explanations():
            return joined(line for each in value.explanations for line in _explanation(each))
        case Control():
            return _control_text(value)
        case Edited():
            return _edited_text(value)
        case Past():
            return joined(_past_lines(value))
        case Walltimes():
            return _walltimes_text(value)
        case Shown():
            from hepsub.cli.demo_text import demo_text

            return demo_text(value)
        case Status():
            from hepsub.cli.status_text import status_table

            return status_table(value)
        case Fetched():
            from hepsub.cli.fetch_text import fetch_text

            return fetch_text(value)
        case Mounts():
            from hepsub.cli.mount_text import mount_text

            return mount_text(value)
        case _:
            from hepsub.cli.auth_text import auth_text

            return auth_text(value)


def _waited_text(value: Waited) -> str:
    if value.interrupted:
        return ""
    good = len(value.jobs) - len(value.failed())
    lines = [f"{good} of {len(value.jobs)} job(s) ended with exit code 0"]
    lines += [f"{job.job} {end_text(job)}" for job in value.failed()]
    return joined(lines)


def _preview_lines(value: Preview) -> Iterator[str]:
    plan = value.plan
    yield "Nothing is submitted. The plan:"
    yield f"  jobs        {plan.number}" + (
        " (made by the schedd as they are needed)" if plan.factory_idle else ""
    )
    yield f"  each        {_resources_text(value)}"
    yield f"  group       {plan.experiment}.{plan.group}.{plan.walltime.name}"
    yield f"  where       pool {plan.route.pool}, schedd {value.schedd or '(the pool does not answer)'}"
    for reason in plan.route.reasons:
        yield f"  because     {reason.matched}: {reason.because}"
    if plan.image:
        yield f"  image       {plan.image}"
    if plan.staging is not None and plan.staging.credentials:
        yield f"  carries     {', '.join(each.name for each in plan.staging.credentials)}"
    for library in plan.staging.libraries if plan.staging is not None else ():
        yield f"  library     {_library_text(library)}"
    for proc in plan.procs(_NAMED):
        yield f"  job {proc.proc:<7} {' '.join([proc.executable, *proc.arguments])}"
        yield f"              stdout {proc.stdout}"
        yield f"              stderr {proc.stderr}"
        yield from (f"              in     {each.name} <- {each.place}" for each in proc.inputs)
        yield from (f"              out    {each.name} -> {each.place}" for each in proc.outputs)
    if plan.number > _NAMED:
        yield f"  and {plan.number - _NAMED} more"
    yield "The submit description:"
    for line in value.description.splitlines():
        yield f"  {line}"


def _library_text(library: Library) -> str:
    how = "travels with the jobs"
    if library.place is not None:
        how = f"{'is there already:' if library.stored else 'would be uploaded to'} {library.place}"
    return f"{library.name} ({size_text(library.size)}) {how}"


def _resources_text(value: Preview) -> str:
    plan = value.plan
    gpus = f", {plan.gpus} GPU(s)" if plan.gpus else ""
    return (
        f"{plan.cpus} core(s){gpus}, {plan.memory_mb} MB,"
        f" walltime {plan.walltime.name} ({duration_text(plan.walltime.limit)})"
    )


def _explanation(each: Explanation) -> Iterator[str]:
    named = ", ".join(each.jobs[:_NAMED])
    more = f" and {len(each.jobs) - _NAMED} more" if len(each.jobs) > _NAMED else ""
    yield f"{named}{more} ({each.state.value}): {each.sentence}"
    for detail in each.details:
        yield f"    {detail}"
    if each.next_command:
        yield f"    next: {each.next_command}"


def _control_text(value: Control) -> str:
    word = DONE_WORDS[value.act]
    lines = [f"{each.meant}: {each.number} job(s) {word}" for each in value.outcomes if each.number]
    return joined(lines) or f"0 job(s) {word}"


def _edited_text(value: Edited) -> str:
    if not value.changes:
        return "0 job(s) changed"
    return joined(
        f"{each.meant}: memory {each.old_mb} MB -> {each.new_mb} MB ({each.number} job(s))"
        for each in value.changes
    )


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


def _walltimes_text(value: Walltimes) -> str:
    lines = [f"Walltime Limit INFO for group '{value.group}':"]
    lines += [
        f"'{name}' job walltime limit is: {_limit(seconds)}." for name, seconds in value.limits
    ]
    return joined(lines)


def _limit(seconds: int) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
