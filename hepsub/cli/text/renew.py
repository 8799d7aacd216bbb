"""The texts of hep_auth renew: what a round did, and who starts rounds."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.renew.install import SYSTEMD, Installed, Uninstalled
from hepsub.actions.renew.renew import Renewed
from hepsub.actions.renew.rounds import Looped, Silent
from hepsub.actions.renew.status import RenewalStatus
from hepsub.auth.renewal import Outcome, RenewalState
from hepsub.terminal import joined, printable
from hepsub.units import duration_text, moment_text

_INDENT = "  "


def text(value: Renewed | Looped | Silent | Installed | Uninstalled | RenewalStatus) -> str:
    """The text of a value of hep_auth renew."""
    match value:
        case Renewed():
            return joined(_round_lines(value))
        case Looped():
            return f"{value.rounds} round(s)"
        case Silent():
            return ""
        case Installed():
            return joined(_installed_lines(value))
        case Uninstalled():
            return printable(_removed_text(value))
        case RenewalStatus():
            return joined(_status_lines(value))


def _removed_text(value: Uninstalled) -> str:
    what = " and ".join(value.removed)
    return f"removed: {what}" if what else f"nothing was installed on {value.host}"


def _round_lines(value: Renewed) -> Iterator[str]:
    if value.busy:
        yield "another hep_auth renew is at it; nothing was done"
        return
    state = value.state
    if not state.jobs:
        yield "no waiting or running job has anything that could be renewed"
        return
    yield f"{state.jobs} job(s) looked after"
    yield from _outcome_lines(state, state.when)


def _outcome_lines(state: RenewalState, now: float) -> Iterator[str]:
    for name, each in state.credentials.items():
        yield f"{_INDENT}{name}: {_outcome_text(each, now)}"
    for name, each in state.storages.items():
        yield f"{_INDENT}URLs of {name}: {_outcome_text(each, now)}"


def _outcome_text(each: Outcome, now: float) -> str:
    ends = (
        "does not end" if each.expires is None else f"good until {moment_text(each.expires, now)}"
    )
    if each.expires is not None and each.expires <= now:
        ends = f"ended {moment_text(each.expires, now)}"
    renewed = f", renewed {moment_text(each.renewed, now)}" if each.renewed else ""
    limit = each.renewable_until
    until = f", renewable until {moment_text(limit, now)}" if limit is not None else ""
    if limit is not None and each.expires is not None and limit <= each.expires:
        until = ", cannot be renewed"
    return f"{ends}{until}{renewed}{', NOT RENEWED' if each.message else ''}"


def _installed_lines(value: Installed) -> Iterator[str]:
    kind = "a timer of your systemd" if value.kind == SYSTEMD else "cron"
    yield f"installed on {value.host}: {kind} starts hep_auth renew every {duration_text(value.every)}"
    yield f"{_INDENT}{value.where}"
    yield f"{_INDENT}it goes on when you log out: {value.proof}"


def _status_lines(value: RenewalStatus) -> Iterator[str]:
    state = value.state
    if value.kind:
        yield f"installed on {value.host} ({value.kind}): {value.where}"
    else:
        yield f"not installed on {value.host}"
    if not state.when:
        yield "it has not run yet"
        return
    ago = duration_text(max(0.0, value.now - state.when))
    alive = "it seems to run by itself" if value.active else "it does not seem to run by itself"
    yield f"last run {ago} ago on {state.host}, {state.jobs} job(s) looked after; {alive}"
    yield from _outcome_lines(state, value.now)
    yield from (f"{_INDENT}{note}" for note in state.notes)
