"""From parsed TOML to the frozen model: types checked, unknown keys refused with the closest match."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import NODEFAULT, Struct

from hepsub.errors import PolicyError
from hepsub.policy.mistake import join
from hepsub.policy.model import Layer
from hepsub.suggest import did_you_mean

# msgspec.convert does it, too, but tells the first mistake alone, and not where it was written.

T = TypeVar("T", bound=Struct)
_WORDS = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    tuple: "a list of texts",
}


class Converter(Struct, frozen=True):
    """Turns tables into structs, with the origin of each key at hand for the errors.

    Attributes:
        origins: the file that set each key.
        mistakes: what was wrong, each with its key; in its place stands what says nothing, so that all else can be
            looked at.
    """

    origins: Mapping[str, Layer]
    mistakes: list[tuple[str, PolicyError]] = msgspec.field(default_factory=list)

    def is_about(self, key: str) -> bool:
        """Whether something was wrong with a key, or in its table: what else is wrong with it may come from that."""
        return any(
            key == wrong or key.startswith(f"{wrong}.") or wrong.startswith(f"{key}.")
            for wrong, _ in self.mistakes
        )

    def table(self, cls: type[T], table: Mapping[str, Any], path: str = "") -> T:
        """A struct from a table; keys that are unknown, missing or of the wrong type are mistakes."""
        # Of Policy; nobody writes it.
        fields = {name: hint for name, hint in cls.__annotations__.items() if name != "origins"}
        self.mistakes.extend(
            (join(path, key), self._unknown(key, path, fields))
            for key in table
            if key not in fields
        )
        missing = [name for name in _required(cls) if name not in table]
        self.mistakes.extend(
            (join(path, name), self._error(path, f"the key '{name}' is missing"))
            for name in missing
        )
        known = {key: value for key, value in table.items() if key in fields}
        return cls(
            **{
                key: self.value(fields[key], value, join(path, key)) for key, value in known.items()
            },
            **{name: _stand_in(fields[name]) for name in missing},
        )

    def value(self, hint: Any, value: Any, path: str) -> Any:  # noqa: ANN401 (the types come from the model)
        """A value of the type that the model says, whatever was written."""
        try:
            return self._value(hint, value, path)
        except PolicyError as mistake:
            self.mistakes.append((path, mistake))
            return _stand_in(hint)

    def _value(self, hint: Any, value: Any, path: str) -> Any:  # noqa: ANN401
        origin = typing.get_origin(hint)
        if origin is typing.Annotated:
            return self._measured(hint, value, path)
        if origin is tuple:
            return self._texts(value, path)
        if origin is not None:  # Mapping[str, X]; frozen, as one policy serves all of a session
            inner = typing.get_args(hint)[1]
            self._expect(dict, value, path)
            return MappingProxyType(
                {k: self.value(inner, v, join(path, k)) for k, v in value.items()}
            )
        if isinstance(hint, type) and issubclass(hint, Struct):
            self._expect(dict, value, path)
            return self.table(hint, value, path)
        self._expect(hint, value, path)
        return value

    def _measured(self, hint: Any, value: Any, path: str) -> int:  # noqa: ANN401
        # Megabytes and Seconds are Annotated[int, parse_…]: a text with a unit, or the plain number.
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
        # In Python a bool is an int; cpus = true is a slip all the same.
        if not isinstance(value, cls) or (cls is int and isinstance(value, bool)):
            raise self._error(path, f"expected {_WORDS[cls]}, found {value!r}")
        if isinstance(value, str) and "\0" in value:  # no program, file or server can be given one
            raise self._error(path, "a text here has no NUL character")

    def _error(self, path: str, what: str) -> PolicyError:
        where = self._where(path)
        return PolicyError(
            f"{where or 'policy'}: {path or 'top level'}: {what}", remedy="correct that line"
        )

    def _where(self, path: str) -> str:
        layer = self.origins.get(path)
        return layer.where(path) if layer else ""

    def _unknown(self, key: str, path: str, fields: Mapping[str, object]) -> PolicyError:
        remedy = did_you_mean(key, fields, f"the keys here are {', '.join(sorted(fields))}")
        where = self._where(join(path, key))
        table = f" in [{path}]" if path else ""
        return PolicyError(f"{where or 'policy'}: unknown key '{key}'{table}", remedy=remedy)


def _stand_in(hint: Any) -> Any:  # noqa: ANN401
    """A value of a type, which says nothing."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return 1  # 0 would be too small for most keys, and one more mistake
    if origin is tuple:
        return ()
    if origin is not None:
        return MappingProxyType({})
    if isinstance(hint, type) and issubclass(hint, Struct):
        return hint(**{name: _stand_in(hint.__annotations__[name]) for name in _required(hint)})
    return {int: 1, bool: False}.get(hint, "")


def _required(cls: type[Struct]) -> list[str]:
    """The fields that have no default; msgspec has the defaults of the last fields."""
    names, defaults = cls.__struct_fields__, cls.__struct_defaults__
    ends = len(names) - len(defaults)
    last = zip(names[ends:], defaults, strict=True)
    return [*names[:ends], *(name for name, default in last if default is NODEFAULT)]
