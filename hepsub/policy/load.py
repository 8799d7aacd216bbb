"""The layers of the policy: defaults < profile < /etc/hepsub < the user's file < $HEPSUB_CONFIG."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hepsub.errors import PolicyError
from hepsub.paths import Paths
from hepsub.policy.convert import Converter
from hepsub.policy.lines import key_lines, line_of
from hepsub.policy.model import Origin, Policy
from hepsub.suggest import did_you_mean

PROFILES = ("personal", "ihep", "herd")


class Layer(Struct, frozen=True, kw_only=True):
    """One policy file: its name, and its text."""

    file: str
    text: str


def load_policy(paths: Paths) -> Policy:
    """Read all policy files that exist into one policy.

    Raises:
        PolicyError: a file cannot be read, is no TOML, or has an unknown key or a wrong value.
    """
    return merge(list(_user_layers(paths)))


def merge(layers: list[Layer]) -> Policy:
    """One policy from the shipped defaults, the profile the layers name, and the layers.

    Raises:
        PolicyError: as `load_policy`.
    """
    parsed = [(layer, _parse(layer)) for layer in layers]
    profile = _profile_name(parsed)
    shipped = [_shipped("defaults.toml"), _shipped(f"profiles/{profile}.toml")]
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for layer, table in [*((each, _parse(each)) for each in shipped), *parsed]:
        lines = key_lines(layer.text)
        values = _merged(values, table)
        for key in _dotted(table):
            origins[key] = Origin(file=layer.file, line=line_of(lines, key))
    policy = Converter(origins).table(Policy, values)
    return replace(policy, profile=profile, origins=MappingProxyType(origins))


def _user_layers(paths: Paths) -> Iterable[Layer]:
    files = _site_files(paths.site_policy)
    files += [paths.user_policy] if paths.user_policy.is_file() else []
    if paths.extra_policy is not None:
        if not paths.extra_policy.is_file():
            raise PolicyError(
                f"$HEPSUB_CONFIG names {paths.extra_policy}, which is no file",
                remedy="correct the variable, or unset it",
            )
        files.append(paths.extra_policy)
    for file in files:
        yield _read(file)


def _site_files(directory: Path) -> list[Path]:
    """The files of a site's policy; those whose names begin with a dot are an editor's.

    Raises:
        PolicyError: nobody can tell what the site has decided.
    """
    try:
        return sorted(
            each
            for each in directory.iterdir()
            if each.suffix == ".toml" and not each.name.startswith(".")
        )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PolicyError(
            f"the site's policy in {directory} cannot be read: {error.strerror}",
            remedy="tell the administrators of this machine: without it nobody knows which groups and pools there are",
        ) from error


def _read(file: Path) -> Layer:
    try:
        return Layer(file=str(file), text=file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            f"{file} cannot be read: {error}", remedy="make it readable UTF-8 text"
        ) from error


def _shipped(name: str) -> Layer:
    return Layer(
        file=f"hepsub's {name}",
        text=resources.files("hepsub.policy").joinpath(name).read_text(encoding="utf-8"),
    )


def _parse(layer: Layer) -> dict[str, Any]:
    try:
        return tomllib.loads(layer.text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{layer.file}: {error}", remedy="correct the TOML there") from error


def _profile_name(parsed: list[tuple[Layer, dict[str, Any]]]) -> str:
    name = "personal"
    for layer, table in parsed:
        if "profile" not in table:
            continue
        name = table["profile"]
        if name not in PROFILES:
            where = Origin(file=layer.file, line=key_lines(layer.text).get("profile", 0))
            raise PolicyError(
                f"{where}: no profile '{name}'", remedy=did_you_mean(str(name), PROFILES)
            )
    return name


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key; everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both_tables = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merged(old, value) if both_tables else value  # type: ignore[arg-type]
    return merged


def _dotted(table: Mapping[str, Any], path: str = "") -> Iterable[str]:
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        yield name
        if isinstance(value, dict):
            yield from _dotted(value, name)
