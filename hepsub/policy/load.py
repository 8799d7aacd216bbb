"""The layers of the policy: defaults < profile < /etc/hepsub < the user's file < $HEPSUB_CONFIG."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec.structs import replace

from hepsub.errors import PolicyError
from hepsub.policy.check import mistakes
from hepsub.policy.convert import Converter
from hepsub.policy.mistake import join
from hepsub.policy.model import Layer, Level, Policy
from hepsub.policy.places import named_for_user
from hepsub.situation import Paths
from hepsub.suggest import did_you_mean

PROFILES = ("personal", "ihep", "herd", "hpc")
_SITES_OWN = ("walltime", "group", "os", "pool", "site", "rule")
"""Where a site names one of these, what hepsub ships of the same kind is not there."""
_ABOUT_SITES = ("site", "rule")


_Parsed: TypeAlias = tuple[Layer, dict[str, Any]]


def load_policy(paths: Paths) -> Policy:
    """Read all policy files that exist into one policy.

    Raises:
        PolicyError: a file cannot be read, is no TOML, or has an unknown key or a wrong value, or what one refers to
            is not there; all mistakes are named.
    """
    return merge(list(_user_layers(paths)))


def load_leniently(paths: Paths) -> tuple[Policy, tuple[str, ...]]:
    """As `load_policy`, for commands that send no job anywhere: what is wrong with remote sites does not stop them.

    Returns:
        The policy, without the sites that have mistakes, and what was passed over, in sentences.

    Raises:
        PolicyError: something else is wrong.
    """
    passed_over: list[str] = []
    return merge(list(_user_layers(paths)), passed_over), tuple(passed_over)


def merge(layers: list[Layer], passed_over: list[str] | None = None) -> Policy:
    """One policy from the shipped defaults, the profile the layers name, and the layers.

    Args:
        layers: the files, later ones win.
        passed_over: gets the mistakes about remote sites, which stop nobody then; None: they do.

    Raises:
        PolicyError: as `load_policy`.
    """
    parsed = _parsed(layers)
    profile = _profile_name(parsed)
    shipped = _parsed([_shipped("defaults.toml"), _shipped(f"profiles/{profile}.toml")])
    of_site = {key for layer, table in parsed if layer.level is Level.SITE for key in table}
    replaced = of_site.intersection(_SITES_OWN)
    values: dict[str, Any] = {}
    origins: dict[str, Layer] = {}
    for layer, table in (*shipped, *parsed):
        gone = replaced if layer.level is Level.SHIPPED else ()
        counted = {key: value for key, value in table.items() if key not in gone}
        values = _rules_first(_merged(values, counted), counted)
        origins |= dict.fromkeys(_dotted(counted), layer)
    _give_each_user_one(values, origins)
    policy, wrong = _looked_at(values, origins)
    if passed_over is not None and wrong and all(_is_about_sites(key) for key, _ in wrong):
        policy, wrong = _looked_at(*_without_sites(values, origins, wrong, passed_over))
    if wrong:
        raise _together([error for _, error in wrong])
    return replace(policy, profile=profile)


def _is_about_sites(key: str) -> bool:
    return key.partition(".")[0] in _ABOUT_SITES


def _without_sites(
    values: dict[str, Any],
    origins: dict[str, Layer],
    wrong: Iterable[tuple[str, PolicyError]],
    passed_over: list[str],
) -> tuple[dict[str, Any], dict[str, Layer]]:
    """Both without the sites and rules that have mistakes."""
    for key, error in wrong:
        passed_over.append(f"{error.message}; it is passed over here, and hep_sub refuses it")
        kind, _, rest = key.partition(".")
        if not rest or not isinstance(values.get(kind), Mapping):
            values = {**values, kind: {}}
        else:
            values, origins = _without(values, origins, key)
    # The rules name sites, of which some are gone now; and nothing is sent anywhere here.
    return {**values, "rule": {}}, origins


def _looked_at(
    values: Mapping[str, Any], origins: Mapping[str, Layer]
) -> tuple[Policy, list[tuple[str, PolicyError]]]:
    """The policy, and all that is wrong in it, each with its key: of form first, then what it refers to.

    Of what hepsub ships, what refers to something that the site replaced goes with it.
    """
    while True:  # what goes may have been referred to, too
        converter = Converter(origins)
        policy = converter.table(Policy, values)
        policy = replace(policy, origins=MappingProxyType(dict(origins)))
        wrong = [each for each in mistakes(policy) if not converter.is_about(each.key)]
        shipped = [each.key for each in wrong if policy.is_shipped(each.key)]
        if not shipped:
            return policy, [
                *converter.mistakes,
                *((each.key, each.error(policy)) for each in wrong),
            ]
        for key in shipped:
            values, origins = _without(values, origins, key)


def _without(
    values: Mapping[str, Any], origins: Mapping[str, Layer], key: str
) -> tuple[dict[str, Any], dict[str, Layer]]:
    """Both without the default, or the whole named table, in which a key stands."""
    kind, _, rest = key.partition(".")
    # A name may have dots in it ([site."cern.ch"]), and may have gone for another mistake.
    name = next((each for each in values[kind] if f"{rest}.".startswith(f"{each}.")), rest)
    kept = {each: value for each, value in values[kind].items() if each != name}
    gone = f"{kind}.{name}"
    return (
        {**values, kind: kept},
        {each: origin for each, origin in origins.items() if not f"{each}.".startswith(f"{gone}.")},
    )


def _give_each_user_one(values: dict[str, Any], origins: Mapping[str, Layer]) -> None:
    """One directory of bundles for all users would be the first one's."""
    origin = origins.get("staging.bundle_dir")
    said = values["staging"].get("bundle_dir") if isinstance(values["staging"], dict) else None
    if origin is not None and origin.level is Level.SITE and isinstance(said, str):
        values["staging"] = {**values["staging"], "bundle_dir": named_for_user(said)}


def _together(errors: list[PolicyError]) -> PolicyError:
    """One error that names all mistakes."""
    if len(errors) == 1:
        return errors[0]
    lines = (f"{each.message}; {each.remedy}" if each.remedy else each.message for each in errors)
    return PolicyError(
        "\n  ".join([f"{len(errors)} mistakes in the policy:", *lines]),
        remedy="correct these lines",
    )


def _rules_first(values: dict[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """The first rule that fits a job counts: those of a later file come before those of an earlier one."""
    later, merged = table.get("rule"), values.get("rule")
    if not isinstance(later, dict) or not isinstance(merged, dict):
        return values
    return {**values, "rule": {name: merged[name] for name in later} | merged}


def _user_layers(paths: Paths) -> Iterable[Layer]:
    for file in _site_files(paths.site_policy):
        yield _read(file, Level.SITE)
    if _is_file(paths.user_policy):
        yield _read(paths.user_policy, Level.USER)
    if paths.extra_policy is None:
        return
    if not _is_file(paths.extra_policy):  # who names a file wants it to be read
        raise PolicyError(
            f"$HEPSUB_CONFIG names {paths.extra_policy}, which is no file",
            remedy="correct the variable, or unset it",
        )
    yield _read(paths.extra_policy, Level.USER)


def _is_file(path: Path) -> bool:
    """Whether a policy file is there.

    Raises:
        PolicyError: nobody can tell, and what would be passed over might matter.
    """
    try:
        return path.is_file()
    except OSError as error:  # a directory that the user may not enter
        raise _unreadable(path, error) from error


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


def _read(file: Path, level: Level) -> Layer:
    try:
        return Layer(file=str(file), text=file.read_text(encoding="utf-8"), level=level)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> PolicyError:
    return PolicyError(f"{file} cannot be read: {error}", remedy="make it readable UTF-8 text")


def _shipped(name: str) -> Layer:
    return Layer(
        file=f"hepsub's {name}",
        text=(Path(__file__).parent / name).read_text(encoding="utf-8"),
        level=Level.SHIPPED,
    )


def _parsed(layers: list[Layer]) -> list[_Parsed]:
    found, wrong = [], []
    for layer in layers:
        try:
            found.append((layer, tomllib.loads(layer.text)))
        except tomllib.TOMLDecodeError as error:
            wrong.append(PolicyError(f"{layer.file}: {error}", remedy="correct the TOML there"))
    if wrong:
        raise _together(wrong)
    return found


def _profile_name(parsed: list[_Parsed]) -> str:
    name = "personal"
    for layer, table in parsed:
        if "profile" not in table:
            continue
        name = table["profile"]
        if name not in PROFILES:
            raise PolicyError(
                f"{layer.where('profile')}: no profile '{name}'",
                remedy=did_you_mean(str(name), PROFILES),
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
        name = join(path, key)
        yield name
        if isinstance(value, dict):
            yield from _dotted(value, name)
