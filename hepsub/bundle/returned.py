"""What a job brought back: looked at once, opened by descriptor, nothing in it followed.

Beside the report and the list of what belongs elsewhere, `outputs/NAME` are the outputs that HTCondor returned.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BufferedReader

import msgspec
from msgspec import Struct

from hepsub.bundle.bundle import Bundle
from hepsub.documents import Malformed
from hepsub.plan.files import Carried
from hepsub.tree import Tree

OUTPUTS = "outputs"
_MOST = 300_000
"""No job brings back more files: its report could not tell of them."""


class Returned(Struct, frozen=True, kw_only=True):
    """The outputs that HTCondor returned.

    Attributes:
        files: regular files of this user, by their names below `outputs`, in order.
        others: the names of what is neither such a file nor a directory: links are not followed.
    """

    files: Mapping[str, os.stat_result] = msgspec.field(default_factory=dict)
    others: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.files or self.others)

    def of(self, output: Carried) -> list[str]:
        """The names of the files that are an output, match its pattern, or are below it."""
        if output.is_pattern:
            return [name for name in self.files if matches(output.name, name)]
        return list(self.below(output.name))

    def below(self, name: str) -> dict[str, os.stat_result]:
        """The file of a name, or those below the directory of that name."""
        if name in self.files:
            return {name: self.files[name]}
        return {each: facts for each, facts in self.files.items() if each.startswith(f"{name}/")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedFile:
    """A file that a job brought back, by its name there."""

    bundle: Bundle = field(compare=False, repr=False)
    proc: int
    name: str

    def __str__(self) -> str:
        return str(self.bundle.returned(self.proc) / self.name)

    def open(self) -> BufferedReader:
        """The file, open for reading.

        Raises:
            OSError: there is none, or something else has the name.
        """
        with self.bundle.open_returned(self.proc) as tree:
            if tree is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
            return os.fdopen(tree.open(self.name), "rb")


def returned_outputs(tree: Tree) -> Returned:
    """The outputs that a job brought back.

    Raises:
        OSError: they cannot be looked at, or are too many.
    """
    files: dict[str, os.stat_result] = {}
    others: list[str] = []
    if tree.look(OUTPUTS) is None:
        return Returned()
    with tree.below(OUTPUTS) as outputs:
        for name, facts in outputs.entries(_MOST):
            if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.getuid():
                files[name] = facts
            elif not stat.S_ISDIR(facts.st_mode):
                others.append(name)
    return Returned(files=dict(sorted(files.items())), others=tuple(sorted(others)))


# fnmatch knows no classes, and would take `[[:digit:]]` for a set of its letters and a bracket.
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
    "blank": " \t", "space": " \t\n\v\f\r", "cntrl": "\0-\x1f\x7f", "print": " -~", "graph": '"-~!',
    "punct": '"-/:-@[-`{-~!',
}  # fmt: skip
"""None begins with a `!`, which would be a negation there."""
_CLASS = re.compile(r"\[:(\w+):\]")


def matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern as a shell sees it: component by component, `*` no dot at the beginning."""
    wanted, parts = pattern.split("/"), name.split("/")
    return len(wanted) == len(parts) and all(map(_matches, parts, wanted))


def _matches(part: str, wanted: str) -> bool:
    if part.startswith(".") and not wanted.startswith("."):
        return False
    classes = _CLASS.sub(lambda found: _CLASSES.get(found[1], found[0]), wanted)
    # Bash and busybox negate by both, fnmatch by one.
    return fnmatchcase(part, classes.replace("[^", "[!"))


def content_at(tree: Tree, name: str, most: int) -> bytes | None:
    """The content of a document in what a job brought back; None where there is none.

    Raises:
        Malformed: something else has its name, or it is larger than `most` bytes.
    """
    try:
        return tree.read(name, most)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Malformed(f"{name} cannot be read: {error.strerror}") from error
