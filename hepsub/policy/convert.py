"""From parsed TOML to the frozen model: types checked, unknown keys refused with the closest match."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from hepsub.errors import PolicyError
from hepsub.policy.model import Origin
from hepsub.suggest import closest

T = TypeVar("T", bound=Struct)
_WORDS = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    tuple: "a list of texts",
}


class Converter(Struct, frozen=True):
    """Turns tables into structs, with the origin of each key at hand for the errors."""

    origins: Mapping[str, Origin]

    def table(self, cls: type[T], table: Mapping[str, Any], path: str = "") -> T:
        """A struct from a table.

        Raises:
            PolicyError: a key is unknown or missing, or has a value of the wrong type.
        """
        hints = typing.get_type_hints(cls, include_extras=True)
        known = {each.name: each for each in fields(cls) if each.name != "origins"}
        for key in table:
            if key not in known:
                raise self._unknown(key, path, known)
        for name, each in known.items():
            if name not in table and _required(each):
                raise self._error(path, f"the key '{name}' is missing")
        return cls(
            **{key: self.value(hints[key], value, _join(path, key)) for key, value in table.items()}
        )

    def value(self, hint: Any, value: Any, path: str) -> Any:  # noqa: ANN401 (the types come from the model)
        """A value of the type that the model says.

        Raises:
            PolicyError: the value has another type, or its text cannot be read.
        """
        origin = typing.get_origin(hint)
        if origin is typing.Annotated:
            return self._measured(hint, value, path)
        if origin is tuple:
            return self._texts(value, path)
        if origin is not None:  # Mapping[str, X]
            inner = typing.get_args(hint)[1]
            self._expect(dict, value, path)
            return MappingProxyType(
                {k: self.value(inner, v, _join(path, k)) for k, v in value.items()}
            )
        if isinstance(hint, type) and issubclass(hint, Struct):
            self._expect(dict, value, path)
            return self.table(hint, value, path)
        self._expect(hint, value, path)
        return value

    def _measured(self, hint: Any, value: Any, path: str) -> int:  # noqa: ANN401
        _, parse = typing.get_args(hint)
        if isinstance(value, str):
            try:
                return int(parse(value))
            except ValueError as error:
                raise self._error(path, str(error)) from error
        self._expect(int, value, path)
        return int(value)

    def _texts(self, value: Any, path: str) -> tuple[str, ...]:  # noqa: ANN401
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._error(path, f"expected {_WORDS[tuple]}")
        for each in value:
            self._expect(str, each, path)
        return tuple(value)

    def _expect(self, cls: type, value: object, path: str) -> None:
        if not isinstance(value, cls) or (cls is int and isinstance(value, bool)):
            raise self._error(path, f"expected {_WORDS[cls]}, found {value!r}")
        if isinstance(value, str) and "\0" in value:  # no program, file or server can be given one
            raise self._error(path, "a text here has no NUL character")

    def _error(self, path: str, what: str) -> PolicyError:
        where = self.origins.get(path)
        return PolicyError(
            f"{where or 'policy'}: {path or 'top level'}: {what}", remedy="correct that line"
        )

    def _unknown(self, key: str, path: str, fields: Mapping[str, object]) -> PolicyError:
        match = closest(key, fields)
        remedy = (
            f"did you mean '{match}'?"
            if match
            else f"the keys here are {', '.join(sorted(fields))}"
        )
        where = self.origins.get(_join(path, key))
        table = f" in [{path}]" if path else ""
        return PolicyError(f"{where or 'policy'}: unknown key '{key}'{table}", remedy=remedy)


def _required(each: FieldInfo) -> bool:
    return each.default is NODEFAULT and each.default_factory is NODEFAULT


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
