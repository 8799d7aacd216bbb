"""Variables as they are met: those that hold secrets, and those of login nodes that hold none."""

import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"
_ALPHABETS = {
    "": string.ascii_letters + string.digits,
    "x": "0123456789abcdef",
    "d": string.digits,
    "u": string.ascii_uppercase + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
}
_PLACEHOLDER = re.compile(r"<(\d+)([xdub]?)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of a table."""

    name: str
    value: str


def variables(table: str, seed: int = 0) -> Iterator[Variable]:
    """The variables of a table of tests/data; its random parts are other ones for each seed.

    No value stands there as it would be in life, so that no scanner of repositories takes it for real.
    """
    dice = random.Random(seed)

    def thrown(match: re.Match[str]) -> str:
        return "".join(dice.choices(_ALPHABETS[match[2]], k=int(match[1])))

    for line in (DATA / f"{table}.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, _, value = line.partition("\t")
            yield Variable(name=name, value=_PLACEHOLDER.sub(thrown, value).replace("\\n", "\n"))
