"""The texts of hep_auth: one for each kind of value that its verbs return."""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.actions.auth_row import AuthStatus
from hepsub.actions.auth_s3 import ProcessKeys, StorageKeys
from hepsub.actions.auth_token import Token
from hepsub.actions.install_result import SYSTEMD, Installed, RenewalStatus, Uninstalled
from hepsub.actions.login import Login
from hepsub.actions.renew import Renewed
from hepsub.auth.renewal import Outcome, RenewalState
from hepsub.cli.json_text import json_text
from hepsub.cli.renew_rounds import Looped, Silent
from hepsub.result import Value
from hepsub.terminal import joined, printable
from hepsub.units import duration_text, moment_text

_INDENT = "  "


def auth_text(value: Value) -> str:  # noqa: C901, PLR0911 (one line for each kind of value)
    """The text of a value of hep_auth.

    Raises:
        TypeError: it is none.
    """
    match value:
        case AuthStatus():
            from hepsub.cli.auth_table import auth_table

            return auth_table(value)
        case Login():
            return joined(_login_lines(value))
        case Renewed():
            return joined(_round_lines(value))
        case Looped():
            return f"{value.rounds} round(s)"
        case Silent():
            return ""
        case Installed():
            return joined(_installed_lines(value))
        case Uninstalled():
            what = " and ".join(value.removed)
            return printable(
                f"removed: {what}" if what else f"nothing was installed on {value.host}"
            )
        case RenewalStatus():
            return joined(_status_lines(value))
        case ProcessKeys():
            return json_text(value.document())
        case StorageKeys():
            return printable(_keys_text(value))
        case Token():
            return value.text
        case _:
            raise TypeError(f"no text for {type(value).__name__}")


def _login_lines(value: Login) -> Iterator[str]:
    if not value.credentials:
        yield "neither the pool nor its sites or the storages need a ticket or a token; hep_auth shows the S3 keys"
    for each in value.credentials:
        yield f"{each.name}: {each.text}"
        yield from (f"{_INDENT}{command}" for command in each.commands)


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


def _keys_text(value: StorageKeys) -> str:
    where = f"by the token {value.token}" if value.token else "from ~/.aws"
    if not value.good:
        return f"{value.storage}: key {value.key}…, {where}"
    if value.expires is None:
        return f"{value.storage}: key {value.key}…, {where}, which does not end"
    left = duration_text(max(0.0, value.expires - value.now))
    until = moment_text(value.expires, value.now)
    return f"{value.storage}: key {value.key}…, {where}, valid until {until} (in {left})"
