"""What hep_auth renew did last, and what it could not: one file beside the bundles.

In BUNDLE_ROOT/.renew, mode 0700, lie `lock` (held by the one that runs) and `state.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, field, to_builtins
from msgspec.structs import replace

from hepsub.documents import Malformed, Moment, has_been, read_file, read_json

DIRECTORY = ".renew"
_STATE = "state.json"
_FIRST_PAUSE_S = 60.0
_LONGEST_PAUSE_S = 3600.0
_LARGEST = 2**22
_LONGEST = 10_000
_Text = Annotated[str, Meta(max_length=_LONGEST)]
_Count = Annotated[int, Meta(ge=0, le=2**31)]


class Outcome(Struct, frozen=True, kw_only=True):
    """The state of one credential, or of one storage's signatures or mailbox.

    Attributes:
        expires: when what travels ends, in seconds since the epoch; None for never, or not known.
        renewable_until: until when it can be renewed without its user; None for as long as its
            source works.
        renewed: when it was renewed last, in seconds since the epoch; 0 for never.
        failures: how often in a row it could not be.
        message: why not; empty when all is well.
        remedy: what to do about it.
        not_before: until when it is left alone after a failure; 0 for not at all.
    """

    expires: Moment | None = None
    renewable_until: Moment | None = None
    renewed: Moment = 0.0
    failures: _Count = 0
    message: _Text = ""
    remedy: _Text = ""
    not_before: Moment = 0.0


class RenewalState(Struct, frozen=True, kw_only=True):
    """What the last run did.

    Attributes:
        when: when it ended, in seconds since the epoch; 0 for never.
        unattended: when the last unattended run ended, in seconds since the epoch; 0 for never.
        host: where it ran.
        every: how long until the next one at the latest, in seconds, as far as it knew.
        jobs: how many live jobs it found that something travels with.
        credentials: each credential that travels, by name.
        storages: the signatures for each storage, by name.
        mailboxes: the mailbox in each storage, by its name.
        notes: what it did, in sentences.
    """

    when: Moment = 0.0
    unattended: Moment = field(default=0.0, name="by_itself")
    host: _Text = ""
    every: Moment = 0.0
    jobs: _Count = 0
    credentials: Mapping[str, Outcome] = field(default_factory=dict)
    storages: Mapping[str, Outcome] = field(default_factory=dict)
    mailboxes: Mapping[str, Outcome] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def outcomes(self) -> tuple[tuple[str, Outcome], ...]:
        """All outcomes, by the names for people."""
        mailboxes = ((f"the mailbox in {name}", each) for name, each in self.mailboxes.items())
        return (*self.credentials.items(), *self.storages.items(), *mailboxes)

    def is_active(self, now: float) -> bool:
        """Whether it seems to run unattended: the last run of that kind is not older than two pauses."""
        return self.unattended > 0 and now - self.unattended < 2 * self.every + _FIRST_PAUSE_S


def failed(
    before: Outcome, message: str, remedy: str, now: float, *, for_all: bool = True
) -> tuple[Outcome, float]:
    """An outcome after one more failure, and when to try again: after a minute, then twice as long each time."""
    pause = min(_FIRST_PAUSE_S * 2 ** min(before.failures, 10), _LONGEST_PAUSE_S)
    outcome = replace(
        before,
        failures=before.failures + 1,
        # Others wrote a part of these: longer ones could not be read again.
        message=message[:_LONGEST],
        remedy=remedy[:_LONGEST],
        # Where it failed for some, the others are served whenever that is due.
        not_before=now + pause if for_all else 0.0,
    )
    return outcome, now + pause


def read_state(root: Path, now: float) -> RenewalState:
    """What the last run left beside the bundles; nothing when there was none, or its file cannot be read."""
    try:
        state = read_json(read_file(state_path(root), _LARGEST), RenewalState, most=_LARGEST)
    except (OSError, Malformed):
        return RenewalState()
    # What was done later than now was noted by a clock that was ahead: it would never be due again.
    return replace(
        state,
        when=state.when if has_been(state.when, now) else 0.0,
        unattended=state.unattended if has_been(state.unattended, now) else 0.0,
        credentials={name: _believed(each, now) for name, each in state.credentials.items()},
        storages={name: _believed(each, now) for name, each in state.storages.items()},
        mailboxes={name: _believed(each, now) for name, each in state.mailboxes.items()},
    )


def _believed(outcome: Outcome, now: float) -> Outcome:
    # Nobody noted a longer pause than the longest: one that is has been noted by a clock that was ahead.
    waits = has_been(outcome.not_before - _LONGEST_PAUSE_S, now)
    return replace(
        outcome,
        renewed=outcome.renewed if has_been(outcome.renewed, now) else 0.0,
        not_before=outcome.not_before if waits else 0.0,
    )


def state_text(state: RenewalState) -> str:
    """The state as it is kept; no secret is in it."""
    return json.dumps(to_builtins(state), indent=1) + "\n"


def state_path(root: Path) -> Path:
    """Where the state is kept."""
    return root / DIRECTORY / _STATE
