"""HTCondor's submit language: how a text gets into a job unchanged, or is refused.

An unresolvable `$$(X)` in an ad can crash a schedd, again at each restart. So no text of a user may
ever bring `$$(` into an ad. In arguments and environment (the new syntax: HTCondor Manual,
condor_submit, "arguments") any text can be written safely; elsewhere what looks like a macro is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from hepsub.errors import NotExpressible
from hepsub.plan.model import WHERE
from hepsub.plan.template import Name, Template, joined

if TYPE_CHECKING:
    from hepsub.plan.columns import ItemPart

_RUNS = r"\$\$|\$|[^$]+"
_MACRO_LIKE = r"\$+[A-Za-z0-9_:.]*\(|\$\$"
_ARGUMENT = re.compile(r"'((?:[^']|'')*)'|(\$\$\(DOLLARDOLLAR\))|([^\s'])")
MACROS: Mapping[Name | ItemPart, str] = {Name.PROC: "$(ProcId)", Name.CLUSTER: "$(ClusterId)"}

SEAL_ATTRIBUTE = "HepSub_Seal"
SEAL_VALUE = f"$$([MY.{SEAL_ATTRIBUTE}])"
PROC_VALUE = "$$([MY.ProcId])"
CLUSTER_VALUE = "$$([MY.ClusterId])"
SITE_VALUE = f"$$([MY.{WHERE}])"
AGAIN_ATTRIBUTE = "HepSub_Again"
AGAIN_VALUE = f"$$([MY.{AGAIN_ATTRIBUTE}])"
"""Expanded when the job starts, so that the cluster's one copy of the environment serves all."""
_OWN = ("$$(DOLLARDOLLAR)", CLUSTER_VALUE, PROC_VALUE, SEAL_VALUE, SITE_VALUE, AGAIN_VALUE)


def quote_line(words: Iterable[Template]) -> str:
    """Words of `arguments` or `environment`, as they stand between the double quotes of the value.

    ProcId and ClusterId become HTCondor's macros; other names have to be filled in before.
    """
    return " ".join(quote_word(word) for word in words)


def variable_words(variables: Mapping[str, Template]) -> tuple[Template, ...]:
    """Variables as words of `environment`."""
    return tuple(joined((f"{name}=", *value.parts)) for name, value in variables.items())


def quote_word(word: Template) -> str:
    """One word in HTCondor's new syntax, as it stands between the double quotes."""
    quoted: list[str] = []
    for part in word.parts:
        if not isinstance(part, str):
            if quoted and quoted[-1] == "$":
                quoted.append("''")  # a lone dollar before a macro would read as $$(
            quoted.append(MACROS[part])
        else:
            runs = re.findall(_RUNS, part) if "$" in part else [part]
            quoted.extend(_quote_run(run) for run in runs if run)
    return "".join(quoted) or "''"


def _quote_run(run: str) -> str:
    # Two dollars have to be HTCondor's macro for them. One stands alone, outside of quotes: `$'(ProcId)'` is no macro,
    # and `$(DOLLAR)` twice in a row would make `$$(`.
    if run == "$$":
        return "$$(DOLLARDOLLAR)"
    if run == "$":
        return "$"
    return "'" + run.replace("'", "''").replace('"', '""') + "'"


def unquote_line(raw: str) -> list[str]:
    """The words of a job ad's Arguments (new syntax, as stored: without the double quotes)."""
    # As quote_line wrote it, all words in quotes: most of the 20,000 lines of a table, each a tenth of the time.
    if raw[:1] == raw[-1:] == "'" and "''" not in raw:
        found = raw[1:-1].split("' '")
        if raw.count("'") == 2 * len(found):
            return found
    words: list[str] = []
    current: str | None = None
    position = 0
    while position < len(raw):
        if raw[position].isspace():
            if current is not None:
                words.append(current)
            current, position = None, position + 1
            continue
        match = _ARGUMENT.match(raw, position)
        if match is None:  # an unbalanced quote: show it as it is
            current, position = (current or "") + raw[position], position + 1
            continue
        quoted, dollars, single = match.groups()
        text = quoted.replace("''", "'") if quoted is not None else "$$" if dollars else single
        current, position = (current or "") + text, match.end()
    return words if current is None else [*words, current]


def path_value(path: Template, what: str) -> str:
    """A path as the value of a submit command.

    Raises:
        NotExpressible: HTCondor would read something else than the path.
    """
    for part in path.parts:
        if isinstance(part, str):
            _refuse(part, what, _macro_trouble(part))
    text = "".join(part if isinstance(part, str) else MACROS[part] for part in path.parts)
    _refuse(text, what, _end_trouble(text))
    return text


def plain(text: str, what: str) -> str:
    """A text that goes into a submit command as it is.

    Raises:
        NotExpressible: HTCondor would read something else than the text.
    """
    _refuse(text, what, _macro_trouble(text) or _end_trouble(text))
    return text


def attribute(name: str, expression: str) -> str:
    """The submit command that gives the jobs an attribute.

    Raises:
        NotExpressible: HTCondor would read another command in it, or a macro.
    """
    _refuse(expression, f"the attribute {name}", _macro_trouble(expression))
    return f"My.{name} = {expression}"


def _macro_trouble(text: str) -> str:
    plain = text.isascii() and text.isprintable()
    if not plain and re.search("[\0-\x1f\x7f\ud800-\udfff]", text):
        return "a line end or a control character, or is not UTF-8"
    if ("$" in text and re.search(_MACRO_LIKE, text)) or text.endswith("$"):
        return "what HTCondor reads as a macro"
    return ""


def _end_trouble(text: str) -> str:
    # HTCondor strips a value, and takes the next line for more of it after a backslash.
    if text != text.strip() or text.endswith("\\"):
        return "a blank at its end, or a backslash there"
    return ""


def _refuse(text: str, what: str, trouble: str) -> None:
    if trouble:
        raise NotExpressible(f"{what} {text!r} has {trouble}", remedy="choose another name")


def classad_string(text: str, what: str) -> str:
    """A string literal of the ClassAd language.

    Raises:
        NotExpressible: as `plain`.
    """
    return string_literal(plain(text, what))


def string_literal(text: str) -> str:
    """A text as a string of the ClassAd language, whatever is in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def refuse_foreign_macros(lines: Iterable[str]) -> None:
    """The last line of defence: no `$$(` but those that hepsub writes itself.

    Raises:
        NotExpressible: there is another one.
    """
    for line in lines:
        rest = line
        for own in _OWN:
            rest = rest.replace(own, "")
        if "$$(" in rest or "$$[" in rest:
            raise NotExpressible(
                f"'{line.split(' = ')[0]}' would bring a macro into the job's ad that can stop the schedd",
                remedy="remove the $$ from it; this text should not have come so far: please report it",
            )
