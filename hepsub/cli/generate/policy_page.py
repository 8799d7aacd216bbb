"""The man page of the policy files: their keys, their layers, and the profiles."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import NODEFAULT, Struct, structs

from hepsub import __version__, units
from hepsub.cli.generate import man, roff, sources
from hepsub.policy import model
from hepsub.policy.load import PROFILES

_DESCRIPTION = (
    "The policy says which pools, groups, walltime classes, operating systems and remote sites there are,"
    " and what a job gets when the user says nothing. It is written in TOML, in any number of files."
    " An unknown key, a wrong value, or a word for something that is not described is an error (exit status 10);"
    " they are named together, each with file and line: first unknown keys and values that cannot be read, then"
    " words for what is not described.",
)
_LAYERS = (
    "All of these are read, in this order. A later one wins; tables are merged key by key, and any other"
    " value is replaced, lists too. An option of the command line wins over all of them.",
    "Where any file of the site (3.) names walltime classes, groups, operating systems, pools, remote sites or rules,"
    " none of that kind is left of hepsub's own (1. and 2.): the site's are all there are, and a user's files (4. and"
    " 5.) add to them. What hepsub's own files say of what is gone (a default pool, a site's pool) goes with it."
    " A site that names its walltime classes says with `walltime` in [defaults] which one jobs get that ask for none,"
    ' unless one is called default; one that wants the embedded pool writes [pool.here] with kind = "here".',
)
_VALUES = (
    "A table `[pool.NAME]` may be there any number of times, once for each NAME. Memory is a number of MB"
    ' (2**20 bytes) or a text such as "2 GB"; a duration is a number of seconds or a text such as "10 h".',
)
_PROFILES = (
    "The key `profile` puts one of hepsub's examples below the site's own files. Each is shown here as it"
    " is shipped; its hosts and paths are placeholders, to be replaced by the site's.",
)
_TYPES = {
    units.Megabytes: "memory",
    units.Seconds: "duration",
    tuple[str, ...]: "list of texts",
    Mapping[str, str]: "table of texts",
    Mapping[str, units.Seconds]: "table of durations",
    str: "text",
    int: "whole number",
    bool: "true or false",
}


def policy_page() -> str:
    """The page hepsub(5), as roff source."""
    return roff.page([
        roff.title("hepsub", 5, __version__),
        roff.section("NAME", [r"hepsub \- policy files of hepsub"]),
        roff.section("DESCRIPTION", roff.paragraphs(_DESCRIPTION)),
        roff.section("LAYERS", [*roff.paragraphs(_LAYERS), *_layers()]),
        roff.section("KEYS", [*roff.paragraphs(_VALUES), *_tables()]),
        roff.section("DEFAULTS", _defaults()),
        roff.section("PROFILES", [*roff.paragraphs(_PROFILES), *_profiles()]),
        roff.section("FILES", man.files()),
        roff.section("ENVIRONMENT", man.environment()),
        roff.section("SEE ALSO", man.see_also("hepsub", 5)),
    ])  # fmt: skip


def _layers() -> list[str]:
    layers = (
        ("1.", "hepsub's built-in defaults, see DEFAULTS."),
        ("2.", "The profile that a file below names, see PROFILES; personal when none does."),
        ("3.", "`/etc/hepsub/*.toml`, in the order of their names."),
        ("4.", "`~/.config/hepsub/config.toml`."),
        ("5.", "The file that $HEPSUB_CONFIG names; it must be there."),
    )
    return [line for tag, text in layers for line in roff.item(tag, roff.prose(text))]


def _tables() -> Iterator[str]:
    """The keys of the top level, and of each table."""
    hints = typing.get_type_hints(model.Policy, include_extras=True)
    fields = [each for each in structs.fields(model.Policy) if each.name != "origins"]
    tables = {each.name: _table(hints[each.name]) for each in fields}
    plain = [each for each in fields if tables[each.name] is None]
    yield from _keys(model.Policy, plain)
    for name, table in tables.items():
        if table is not None:
            cls, heading = table
            body = [*roff.paragraphs([sources.summary(cls)]), *_keys(cls, structs.fields(cls))]
            yield from roff.subsection(heading.format(name), body)


def _table(hint: Any) -> tuple[type, str] | None:  # noqa: ANN401 (the types come from the model)
    """The dataclass behind a key and the table's heading; None for a plain value."""
    inner, heading = hint, "[{}]"
    if typing.get_origin(hint) is Mapping:
        inner, heading = typing.get_args(hint)[1], "[{}.NAME]"
    known = isinstance(inner, type) and issubclass(inner, Struct)
    return (inner, heading) if known else None


def _keys(
    cls: type, fields: list[structs.FieldInfo] | tuple[structs.FieldInfo, ...]
) -> Iterator[str]:
    hints = typing.get_type_hints(cls, include_extras=True)
    told = sources.attributes(cls)
    for each in fields:
        tag = f"{roff.bold(each.name)} ({_TYPES[hints[each.name]]}, {roff.escape(_default(each))})"
        meaning = told[each.name]
        yield from roff.item(tag, roff.prose(f"{meaning[:1].upper()}{meaning[1:]}"))


def _default(key: structs.FieldInfo) -> str:
    """The default as TOML writes it, or that there is none."""
    if key.default is NODEFAULT:
        return "required"
    if isinstance(key.default, str) and '"' in key.default:
        return f"default: '{key.default}'"
    return f"default: {json.dumps(key.default, ensure_ascii=False, default=dict)}"


def _defaults() -> list[str]:
    intro = (
        "The built-in file has every key there is. What it leaves as a comment is for a site to say.",
    )
    return [*roff.paragraphs(intro), ".sp", *roff.verbatim(sources.shipped_policy("defaults.toml"))]


def _profiles() -> Iterator[str]:
    for name in PROFILES:
        yield from roff.subsection(
            name, roff.verbatim(sources.shipped_policy(f"profiles/{name}.toml"))
        )
