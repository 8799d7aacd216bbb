"""hep_q -why: what travels with a job, how long it is good, and what hep_auth renew could not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hepsub.actions.session import Session
from hepsub.actions.submit.stage import used_storages
from hepsub.auth.renewal import Outcome, RenewalState, read_state
from hepsub.bundle.directory import read_bundle, why_of_another
from hepsub.bundle.root import kept_bundles
from hepsub.units import duration_text, moment_text


def credential_details(session: Session, schedd: str, cluster: int) -> tuple[str, ...]:
    """A line for each credential and storage of a cluster, and one for the last renewal; none without a bundle."""
    for placed in kept_bundles(session.bundles):
        if (placed.ref.schedd, placed.ref.cluster) != (schedd, cluster):
            continue
        bundle = read_bundle(placed.directory)
        if bundle is None:
            another = why_of_another(placed.directory)
            return (another,) if another else ()
        credentials = tuple(each.name for each in bundle.request.staging.credentials)
        storages = used_storages(bundle.request)
        now = session.situation.now
        state = read_state(session.bundles, now)
        return (
            *_lines(credentials, state.credentials, "the credential", now),
            *_lines(storages, state.storages, "the signed URLs of", now),
            *_renewal(session, state, needed=bool(credentials or storages)),
        )
    return ()


def _lines(
    names: tuple[str, ...], outcomes: Mapping[str, Outcome], what: str, now: float
) -> Iterator[str]:
    for name in names:
        outcome = outcomes.get(name)
        if outcome is None:
            continue
        if outcome.message:
            yield f"{what} {name} could not be renewed: {outcome.message}; {outcome.remedy}"
        elif outcome.expires is not None:
            until = outcome.renewable_until
            further = f", renewable until {moment_text(until, now)}" if until is not None else ""
            yield f"{what} {name}: good until {moment_text(outcome.expires, now)}{further}"


def _renewal(session: Session, state: RenewalState, *, needed: bool) -> Iterator[str]:
    if not needed:
        return
    now = session.situation.now
    if state.when == 0:
        yield (
            "hep_auth renew has never run: what travels with the job is as old as its submission:"
            f" {session.way_to_renew()}"
        )
    else:
        ago = duration_text(max(1.0, now - state.when))
        end = (
            ""
            if state.is_active(now)
            else f", and nothing seems to run it: {session.way_to_renew()}"
        )
        yield f"hep_auth renew ran {ago} ago on {state.host}{end}"
