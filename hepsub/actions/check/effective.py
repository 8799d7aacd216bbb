"""The effective policy: each key that some file sets, its value as it is written there, and which file that is."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from hepsub.plan.secrets import looks_secret
from hepsub.policy.mistake import join, key_lines, line_of
from hepsub.policy.model import Layer, Policy
from hepsub.result import Result

_HIDDEN = "***"


class Setting(Struct, frozen=True, kw_only=True):
    """One key of the policy; its fields are its JSON.

    Attributes:
        key: its dotted name.
        value: as it stands in TOML.
        file: the file that sets it; hepsub's own ones too.
        line: the line there, from 1; 0 for not known.
    """

    key: str
    value: str
    file: str
    line: int


class EffectivePolicy(Struct, frozen=True, kw_only=True):
    """All keys that are set, by name; its fields are its JSON.

    Attributes:
        profile: the profile that it begins with.
    """

    profile: str
    settings: tuple[Setting, ...]


def effective_policy(policy: Policy) -> Result[EffectivePolicy]:
    """All keys that are set, and by whom; a key that no file sets has the default that hepsub(5) tells."""
    settings = sorted(_settings(policy), key=lambda each: each.key)
    return Result(value=EffectivePolicy(profile=policy.profile, settings=tuple(settings)))


def _settings(policy: Policy) -> Iterator[Setting]:
    by_layer: dict[str, tuple[Layer, list[str]]] = {}
    for key, layer in policy.origins.items():
        by_layer.setdefault(layer.file, (layer, []))[1].append(key)
    for layer, keys in by_layer.values():
        values, lines = dict(_leaves(tomllib.loads(layer.text))), key_lines(layer.text)
        for key in keys:
            if key in values:
                value, line = _written(values[key]), line_of(lines, key)
                yield Setting(key=key, value=value, file=layer.file, line=line)


def _leaves(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values that are no tables, by dotted name."""
    for key, value in table.items():
        name = join(path, key)
        if isinstance(value, Mapping):
            yield from _leaves(value, name)
        else:
            yield name, value


def _written(value: object) -> str:
    """A value as TOML writes it; what looks like a secret is none of the reader's business."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str):
        # JSON's way to quote a text is TOML's, too.
        return json.dumps(_HIDDEN if looks_secret("", value) else value, ensure_ascii=False)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return str(value)
