"""What is at the places of inputs and outputs before the jobs run: what is said of it, and what is refused. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hepsub.errors import OutputConflict, OutputPlaceUnusable
from hepsub.plan.facts import FileFact, OutputFacts
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.plan.staging import StagingPlan
from hepsub.plan.template import Name, Values
from hepsub.policy.model import Policy
from hepsub.suggest import closest
from hepsub.terminal import few
from hepsub.units import size_text

COPIED_FILES = 10_000
"""A directory of more files is not copied: a thousand jobs would make ten million of them."""
_NAMED = 3
# Places are looked at before the submission has its id: in their texts these still are names.
_LATER = tuple(f"%{{{name.value}}}" for name in (Name.CLUSTER, Name.UUID))
_SEPARATE = "%{ClusterId} or %{Uuid} in their places keep the outputs of each submission apart"


def is_new(carried: Carried) -> bool:
    """Whether an output is named after the submission, so that nothing of an earlier one is in its place."""
    place = carried.place
    text = place.key if isinstance(place, ObjectPlace) else place.path
    return any(name in text for name in _LATER)


def check_outputs(facts: OutputFacts, policy: Policy) -> None:
    """Refuse places that no job could write to, and those of earlier results where the policy says so.

    Raises:
        OutputPlaceUnusable: a storage has no such bucket, or a directory cannot be made or written.
        OutputConflict: outputs exist already, and the policy does not let them be overwritten.
    """
    if facts.no_buckets:
        raise _no_bucket(facts.no_buckets[0], policy)
    if facts.no_places:
        path, why = facts.no_places[0]
        more = len(facts.no_places) - 1
        also = f"; {more} more of the directories likewise" if more else ""
        raise OutputPlaceUnusable(
            f"no output can be put into {path}: {why}{also}",
            remedy="correct -out; -nocheck submits without looking",
        )
    if facts.existing and not policy.staging.overwrite:
        raise OutputConflict(
            f"{_exist(facts.existing)}, and may not be overwritten"
            f" (staging.overwrite, {policy.origin('staging.overwrite')})",
            remedy=f"{_SEPARATE}; -nocheck submits without looking",
        )


def output_notes(facts: OutputFacts) -> tuple[str, ...]:
    """What the jobs will overwrite, and what could not be looked at."""
    if not facts.existing:
        return facts.unseen
    return (f"{_exist(facts.existing)} and will be overwritten; {_SEPARATE}", *facts.unseen)


def _exist(existing: Sequence[str]) -> str:
    number = "1 output exists" if len(existing) == 1 else f"{len(existing)} outputs exist"
    return f"{number} already ({few(existing, _NAMED)})"


def _no_bucket(place: ObjectPlace, policy: Policy) -> OutputPlaceUnusable:
    known = {bucket: name for name, each in policy.storage.items() for bucket in each.buckets}
    match = closest(place.bucket, known)
    hint = f"did you mean {known[match]}:{match}/…? " if match is not None else ""
    return OutputPlaceUnusable(
        f"the storage {place.storage} has no bucket '{place.bucket}': no output could be put there",
        remedy=f"{hint}correct -out, or make the bucket; -nocheck submits without looking",
    )


def directory_of(carried: Carried) -> str:
    """The directory that an output for a path is put into."""
    assert isinstance(carried.place, FilePlace)  # noqa: S101 (the callers look)
    return carried.place.path.rpartition("/")[0] or "/"


def named_keys(carried: Iterable[Carried]) -> list[str]:
    """The keys of outputs for S3 that are no patterns and not named after the submission."""
    return [
        each.place.key
        for each in carried
        if isinstance(each.place, ObjectPlace) and not each.is_pattern and not is_new(each)
    ]


def linked_inputs(
    staging: StagingPlan, files: Mapping[str, FileFact], jobs: Sequence[Values]
) -> dict[str, str]:
    """The inputs that some job gets as links to the user's own files, and why, as far as `files` tells their size."""
    # As the wrapper decides it (worker/src/60_inputs.sh): in the order of the command line, each that still fits.
    found: dict[str, str] = {}
    if not staging.shared or not files:
        return found
    for inputs in staging.carried_by(jobs).inputs:
        left = staging.copy_limit
        for each in inputs:
            fact = files.get(each.place.path) if isinstance(each.place, FilePlace) else None
            if fact is None:
                continue
            if fact.trouble or fact.size > left or not staging.copy_limit:
                found.setdefault(str(each.place), fact.trouble or size_text(fact.size))
            else:
                left -= fact.size
    return found


def link_note(
    staging: StagingPlan, files: Mapping[str, FileFact], jobs: Sequence[Values], origin: str
) -> tuple[str, ...]:
    """That a job which writes to such an input changes the user's own file; `origin` is where the limit was set."""
    links = linked_inputs(staging, files, jobs)
    if not links:
        return ()
    shown = few([f"{path} ({why})" for path, why in links.items()], _NAMED)
    limit = size_text(staging.copy_limit) if staging.copy_limit else "nothing"
    return (
        f"these inputs are not copied, unless the file system can share their blocks: {shown}. A job that writes"
        f" to one changes your own file. A job gets copies of {limit} at the most (staging.copy_limit, {origin})",
    )
