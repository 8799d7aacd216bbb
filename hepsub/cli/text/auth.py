"""The texts of hep_auth: tickets, tokens and keys, and what renews them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hepsub.actions.auth.status import KEYS, SCHEDD
from hepsub.cli.output import json_text
from hepsub.cli.table import Column, Table, drawn, fits
from hepsub.cli.table import Row as TableRow
from hepsub.policy.model import KERBEROS
from hepsub.result import document_of
from hepsub.terminal import Styled, joined, printable
from hepsub.units import duration_text, moment_text, rough_text

if TYPE_CHECKING:
    from hepsub.actions.auth.login import Login
    from hepsub.actions.auth.s3 import ProcessKeys, StorageKeys
    from hepsub.actions.auth.status import AuthStatus, Row
    from hepsub.actions.auth.token import Token
    from hepsub.actions.renew.install import Installed, Uninstalled
    from hepsub.actions.renew.renew import Renewed
    from hepsub.actions.renew.rounds import Looped
    from hepsub.actions.renew.status import RenewalStatus
    from hepsub.auth.renewal import Outcome, RenewalState

_INDENT = "  "
_KINDS = {KERBEROS: "Kerberos", KEYS: "S3 keys", SCHEDD: "schedd"}
_WRAPPED = (1, 4)
_TITLES = ("", "WHO", "VALID UNTIL", "RENEWABLE UNTIL", "NEEDED BY", "NEXT COMMAND")


def auth_status(value: AuthStatus) -> str:
    """The table, and below it what is wrong with what is needed only elsewhere."""
    rows = tuple(
        TableRow(
            cells=_cells(row, value.now),
            style="red" if row.problem is not None and not row.is_idle else "",
        )
        for row in value.credentials
    )
    columns = (Column(title, wrapped=n in _WRAPPED) for n, title in enumerate(_TITLES))
    table = Table(columns=tuple(columns), rows=rows)
    if not fits(table):
        return joined([*_blocks(value), *_causes(value)])
    lines = [line.rstrip() for line in drawn(table).split("\n")]
    return Styled("\n".join([*lines, *map(printable, _causes(value))]))


def _blocks(value: AuthStatus) -> Iterator[str]:
    """The same, one fact a line, for a terminal too narrow for the table."""
    for row in value.credentials:
        first, *rest = _cells(row, value.now)
        yield f"{first}: {rest[0]}"
        for title, each in zip(_TITLES[2:], rest[1:], strict=True):
            if each != "-":
                yield f"    {title.lower()}: {each}"


def _cells(row: Row, now: float) -> tuple[str, str, str, str, str, str]:
    # How long a schedd knows somebody nobody can tell.
    ends = row.problem is None and row.kind != SCHEDD
    return (
        f"{_KINDS.get(row.kind, row.kind)} {row.name}",
        row.who if row.problem is None else f"({row.problem.code})",
        _until(row.expires, now) if ends else "-",
        _renewable(row, now) if ends else "-",
        ", ".join(row.needed_by) or "-",
        row.next_command or "-",
    )


def _until(moment: float | None, now: float) -> str:
    if moment is None:
        return "does not end"
    return f"{moment_text(moment, now)} (in {rough_text(max(0.0, moment - now))})"


def _renewable(row: Row, now: float) -> str:
    if row.renewable_until is None:
        return "-" if row.expires is None else "its source ends"
    if row.expires is not None and row.renewable_until <= row.expires:
        return "no"
    return moment_text(row.renewable_until, now)


def _causes(value: AuthStatus) -> Iterator[str]:
    """Why what nothing requires is not good (the others are told as errors), and words on what is."""
    for row in value.credentials:
        if row.note:
            yield f"{row.kind} {row.name}: {row.note}"
        if row.problem is not None and not row.required and row.needed_by:
            remedy = f": {row.problem.remedy}" if row.problem.remedy else ""
            yield f"{row.problem.message}{remedy}"


def login(value: Login) -> Iterator[str]:
    """What was got, or is missing."""
    if not value.credentials:
        yield "neither the pool nor its sites or the storages need a ticket or a token; hep_auth shows the S3 keys"
    for each in value.credentials:
        yield f"{each.name}: {each.text}"
        yield from (f"  {command}" for command in each.commands)


def process_keys(value: ProcessKeys) -> str:
    """The document that AWS's programs read."""
    return json_text(document_of(value))


def token(value: Token) -> str:
    """The token."""
    return value.text


def storage_keys(value: StorageKeys) -> Iterator[str]:
    """Whose keys they are, and until when."""
    where = f"by the token {value.token}" if value.token else "from ~/.aws"
    ends = ", which does not end"
    if not value.good:
        ends = ""
    elif value.expires is not None:
        left = duration_text(max(0.0, value.expires - value.now))
        ends = f", valid until {moment_text(value.expires, value.now)} (in {left})"
    yield f"{value.storage}: key {value.key}…, {where}{ends}"


def looped(value: Looped) -> str:
    """How many rounds there were."""
    return f"{value.rounds} round(s)"


def uninstalled(value: Uninstalled) -> Iterator[str]:
    """Who starts rounds no longer."""
    what = " and ".join(value.removed)
    yield f"removed: {what}" if what else f"nothing was installed on {value.host}"


def renewed(value: Renewed) -> Iterator[str]:
    """What a round did."""
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
    for name, each in state.mailboxes.items():
        posted = (
            f"posted {moment_text(each.renewed, now)}" if each.renewed else "nothing posted yet"
        )
        failed = ", NOT RENEWED" if each.message else ""
        yield f"{_INDENT}mailbox in {name}: {posted}{failed}"


def _outcome_text(each: Outcome, now: float) -> str:
    ends = "does not end"
    if each.expires is not None:
        word = "ended" if each.expires <= now else "good until"
        ends = f"{word} {moment_text(each.expires, now)}"
    renewed = f", renewed {moment_text(each.renewed, now)}" if each.renewed else ""
    limit = each.renewable_until
    until = f", renewable until {moment_text(limit, now)}" if limit is not None else ""
    if limit is not None and each.expires is not None and limit <= each.expires:
        until = ", cannot be renewed"
    return f"{ends}{until}{renewed}{', NOT RENEWED' if each.message else ''}"


def installed(value: Installed) -> Iterator[str]:
    """Who starts rounds from now on."""
    from hepsub.actions.renew.install import SYSTEMD

    kind = "a timer of your systemd" if value.kind == SYSTEMD else "cron"
    yield f"installed on {value.host}: {kind} starts hep_auth renew every {duration_text(value.every)}"
    yield f"{_INDENT}{value.where}"
    yield f"{_INDENT}it goes on when you log out: {value.proof}"


def renewal_status(value: RenewalStatus) -> Iterator[str]:
    """Who starts rounds, and what the last one did."""
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
