"""The ids that hep_rm, hep_hold, hep_release and hep_edit were given, or -a."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import Values
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.jobid import JobId


def named_ids(values: Values, command: str) -> tuple[JobId, ...]:
    """The ids given; none for -a.

    Raises:
        UsageError: there are neither ids nor -a, or both.
    """
    from hepsub.jobid import parse_job_id

    ids = tuple(parse_job_id(text) for text in values["ids"])
    if ids and values["all"]:
        raise UsageError(
            "both ids and -a were given", remedy="-a means all of your jobs: leave out one of them"
        )
    if not ids and not values["all"]:
        raise UsageError(
            "no job was named", remedy=f"{command} ID…, or {command} -a for all of your jobs"
        )
    return tuple(dict.fromkeys(ids))
