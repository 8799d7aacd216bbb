"""What a program's jobs left behind the last time, for rules of the policy about the size of outputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hepsub.bundle.bundle import Bundle, find_bundle
from hepsub.bundle.report import report_of
from hepsub.plan.draft import Draft
from hepsub.plan.route import may_go_away
from hepsub.session import Session

_MB = 2**20
_SUBMISSIONS = 200
"""So many of the journal's latest are thought of, plain ones too: for these one look finds that there is no bundle."""
_BUNDLES = 20
_JOBS = 100
_REPORTS = 10
"""So many bundles, and jobs and reports of each, are looked at: a rule needs no more than a fair idea of the size."""


def is_wanted(made: Draft) -> bool:
    """Whether a rule may ask how much the jobs leave behind, and their user does not say it."""
    spec, policy = made.spec, made.policy
    if spec.output_mb is not None or not may_go_away(
        spec, policy, made.known_as, made.reading.type
    ):
        return False
    return any(rule.output_above or rule.output_below for rule in policy.rule.values())


def left_behind(session: Session, program: str, options: str = "") -> float | None:
    """The most MB of outputs of a job in the latest submission of a program of which reports came home; None for none.

    Args:
        session: the session.
        program: absolute, as a template.
        options: the job options, among the inputs, that tell one program of BOSS's from another; empty for none.
    """
    for bundle in itertools.islice(_latest(session), _BUNDLES):
        request = bundle.request
        known = not options or any(rule.url == options for rule in request.staging.inputs)
        if known and request.executable == program:
            sizes = list(itertools.islice(_sizes(bundle), _REPORTS))
            if sizes:
                return max(sizes) / _MB
    return None


def _latest(session: Session) -> Iterator[Bundle]:
    """The bundles of this user's latest submissions, the latest first."""
    for entry in reversed(session.journal.entries()[-_SUBMISSIONS:]):
        if bundle := find_bundle(session.bundles, entry.ref):
            yield bundle


def _sizes(bundle: Bundle) -> Iterator[int]:
    """The bytes of outputs of each job that ended with 0 and came home, of the first jobs."""
    for proc in range(min(bundle.request.number, _JOBS)):
        report = report_of(bundle, proc)
        if report is not None and report.has_succeeded:
            yield sum(each.size or 0 for each in report.outputs)
