"""The policy's rules: what a job is like, and which rule about remote sites fits it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from hepsub.plan.route import is_of_type, is_program
from hepsub.policy.model import Policy
from hepsub.policy.site import Rule


class Profile(Struct, frozen=True, kw_only=True):
    """What rules look at in a submission.

    Attributes:
        program: the program that the jobs start, absolute.
        type: in their user's word; empty where nothing is said.
        recognised: the type that their files tell; empty for not known.
        walltime: limit in seconds.
        input_mb: the most MB of inputs of one of its jobs; None for not known.
        output_mb: the most MB of outputs of one of its jobs; None for not known.
    """

    program: str = ""
    type: str = ""
    recognised: str = ""
    group: str
    walltime: int
    input_mb: float | None = None
    output_mb: float | None = None


class NamedRule(Struct, frozen=True, kw_only=True):
    """A rule of the policy, its name there, and what in the submission it looked at, in words."""

    name: str
    rule: Rule
    matched: str

    @property
    def because(self) -> str:
        """Which rule it is, and its reason where it has one."""
        return f"the rule {self.name}" + (f" ({self.rule.because})" if self.rule.because else "")


def first_rule(policy: Policy, profile: Profile) -> NamedRule | None:
    """The rule that counts for a submission; None where none fits."""
    for name, rule in policy.rule.items():
        if _fits(rule, profile):
            return NamedRule(name=name, rule=rule, matched=_matched(rule, profile))
    return None


def _matched(rule: Rule, profile: Profile) -> str:
    said = [
        *_type_matched(rule, profile),
        *([f"group {profile.group}"] if rule.groups else []),
        *_sizes(rule, profile),
    ]
    return ", ".join(said) or "any job"


def _type_matched(rule: Rule, profile: Profile) -> Iterator[str]:
    """What of a type was looked at: the user's word, else the program's name, else what the files tell."""
    if rule.types and profile.type:
        yield f"type {profile.type}"
    elif rule.programs and not profile.type and is_program(rule, profile.program):
        yield profile.program
    elif rule.types and profile.recognised:
        yield f"type {profile.recognised}, as its files tell"


def _sizes(rule: Rule, profile: Profile) -> Iterator[str]:
    if (rule.input_above or rule.input_below) and profile.input_mb is not None:
        yield f"{profile.input_mb:.0f} MB of inputs"
    if (rule.output_above or rule.output_below) and profile.output_mb is not None:
        yield f"{profile.output_mb:.0f} MB of outputs"
    if rule.walltime_above or rule.walltime_below:
        yield f"walltime {profile.walltime} s"


def _fits(rule: Rule, profile: Profile) -> bool:
    if not is_of_type(rule, profile.type, profile.program, profile.recognised):
        return False
    if rule.groups and profile.group not in rule.groups:
        return False
    return (
        _between(profile.input_mb, rule.input_above, rule.input_below)
        and _between(profile.output_mb, rule.output_above, rule.output_below)
        and _between(profile.walltime, rule.walltime_above, rule.walltime_below)
    )


def _between(value: float | None, above: int, below: int) -> bool:
    """Whether a value is above one bound and not above the other, 0 being none; what is not known is neither."""
    # So of two rules, `input_below` and `input_above` the same size, one fits, whatever the size is exactly.
    if value is None:
        return not above and not below
    return (not above or value > above) and (not below or value <= below)
