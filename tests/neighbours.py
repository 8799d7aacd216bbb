"""The table of neighbours: what a job may leave behind, beside where it may have to go.

One kind of output that goes wrong stands for all its neighbours: so each kind is tried at each place, on each way on
which outputs travel. A cell is what becomes of it: it arrives byte by byte, or the submission is refused by name.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeAlias


class Way(enum.Enum):
    """How the files of jobs travel."""

    HERE = "the embedded pool"
    SHARED = "HTCondor with the shared file system"
    SPOOL = "a schedd that gets all files handed over"
    REMOTE = "start daemons at a site without the shared file system"
    ELEMENT = "a computing element"


class Place(enum.Enum):
    """Where an output has to go; LABEL and NAME are the kind's."""

    RELATIVE = "rel/{label}/{name}"
    ABSOLUTE = "{work}/abs/{label}/{name}"
    DIRECTORY = "dir/{label}/"
    URL = "s3://out/url/{label}/{name}"
    PREFIX = "herd:out/%{{ClusterId}}/prefix/{label}/"

    @property
    def is_object(self) -> bool:
        """Whether it is in a store."""
        return self in (Place.URL, Place.PREFIX)

    @property
    def is_directory(self) -> bool:
        """Whether the output's own name is added to it."""
        return self in (Place.DIRECTORY, Place.PREFIX)

    @property
    def base(self) -> str:
        """The directory below the working directory, or below the cluster's prefix, in which the kinds' are."""
        names = {Place.RELATIVE: "rel", Place.ABSOLUTE: "abs", Place.DIRECTORY: "dir"}
        return names.get(self) or self.name.lower()


@dataclass(frozen=True, kw_only=True)
class Link:
    """A symbolic link that the job makes; `here`: in the job's directory, by its absolute path."""

    target: str
    absolute: bool = False


Content: TypeAlias = bytes | Link


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """An output: how the job makes it, and how -out names it.

    Attributes:
        label: what tests call it; a directory of that name keeps it apart from the others.
        asked: what stands in front of `=`.
        makes: what the job makes: name → content, or a link.
        arrives: what is below its directory then; None where nothing is made.
        there: what is there before; what of it has another name than what arrives stays.
        is_directory: whether it is one.
        is_missing: whether it is required and not made.
    """

    label: str
    asked: str
    makes: Mapping[str, Content] = field(default_factory=dict)
    arrives: Mapping[str, bytes] = field(default_factory=dict)
    there: Mapping[str, bytes] = field(default_factory=dict)
    is_directory: bool = False
    is_missing: bool = False

    @property
    def name(self) -> str:
        """The name that is added to a directory."""
        return PurePosixPath(self.asked.removesuffix("?")).name

    @property
    def is_pattern(self) -> bool:
        """Whether it is a shell pattern."""
        return any(letter in self.asked.removesuffix("?") for letter in "*[?")


ODD_NAMES = (
    "a b", " a", "a ", "a,b;c", "a\"b'c", "a%41b", "50%.root", "a%XXb", "a#b+c", "é€", "-x", "~", "a\\b", "a\\",
    "$HOME", "a$$(b)", "a&b|c<d>`e`!{f}(g)", "a:b@c^d", ".hidden", "...", "%{b}", "x" * 250,
)  # fmt: skip
"""Names that a shell, a URL, a submit description or a manifest may take for something else."""


def _plain(label: str, name: str, asked: str = "") -> Kind:
    content = f"{label}\n".encode()
    arrives = {PurePosixPath(name).name: content}
    return Kind(label=label, asked=asked or name, makes={name: content}, arrives=arrives)


_OWN_KINDS = ("a ", "a\\b", "a\\")
KINDS = (
    _plain("plain", "hist.root"),
    _plain("nested", "sub/deep/hist.root"),
    _plain("optional", "made", "made?"),
    Kind(label="empty", asked="empty", makes={"empty": b""}, arrives={"empty": b""}),
    Kind(
        label="binary",
        asked="binary",
        makes={"binary": b"\0\xff\r\n\n\n"},
        arrives={"binary": b"\0\xff\r\n\n\n"},
    ),
    *(_plain(f"odd{number}", name) for number, name in enumerate(ODD_NAMES)),
    _plain("odd directories", "odd dir/50%/$c,d/r"),
    Kind(
        label="pattern",
        asked="p/*.csv",
        makes={"p/1.csv": b"1\n", "p/2.csv": b"", "p/3.dat": b"no\n"},
        arrives={"1.csv": b"1\n", "2.csv": b""},
    ),
    Kind(
        label="class",
        asked="c/[!a]?.x",
        makes={"c/b1.x": b"b", "c/a1.x": b"a"},
        arrives={"b1.x": b"b"},
    ),
    Kind(
        label="mark",
        asked="m/h_?.x",
        makes={"m/h_1.x": b"1", "m/h_22.x": b"2"},
        arrives={"h_1.x": b"1"},
    ),
    Kind(
        label="odd matches",
        asked="o/*",
        makes={f"o/{name}": name.encode() for name in ODD_NAMES if name[-1] != " "},
        arrives={name: name.encode() for name in ODD_NAMES if name[0] != "." and name[-1] != " "},
    ),
    Kind(
        label="relative link",
        asked="lr",
        makes={"target": b"target\n", "lr": Link(target="target")},
        arrives={"lr": b"target\n"},
    ),
    Kind(
        label="absolute link",
        asked="la",
        makes={"target2": b"target2\n", "la": Link(target="target2", absolute=True)},
        arrives={"la": b"target2\n"},
    ),
    Kind(
        label="matched link",
        asked="ml/*.l",
        makes={
            "ml/t": b"t\n",
            "ml/a.l": Link(target="t"),
            "ml/b.l": Link(target="ml/t", absolute=True),
        },
        arrives={"a.l": b"t\n", "b.l": b"t\n"},
    ),
    Kind(
        label="there",
        asked="again",
        makes={"again": b"new\n"},
        arrives={"again": b"new\n"},
        there={"again": b"an older and longer one\n"},
    ),
    Kind(
        label="directory",
        asked="tree",
        makes={"tree/a": b"a\n", "tree/b c/d,e": b"de\n", "tree/50%": b"%\n"},
        arrives={"tree/a": b"a\n", "tree/b c/d,e": b"de\n", "tree/50%": b"%\n"},
        is_directory=True,
    ),
    Kind(
        label="directory there",
        asked="tree2",
        makes={"tree2/a": b"new\n"},
        arrives={"tree2/a": b"new\n"},
        there={"tree2/a": b"old\n", "tree2/old": b"old\n"},
        is_directory=True,
    ),
    Kind(
        label="directory with links",
        asked="tree3",
        makes={
            "aside": b"aside\n",
            "tree3/a": b"a\n",
            "tree3/in": Link(target="a"),
            "tree3/out": Link(target="../aside"),
            "tree3/abs": Link(target="aside", absolute=True),
        },
        arrives={
            "tree3/a": b"a\n",
            "tree3/in": b"a\n",
            "tree3/out": b"aside\n",
            "tree3/abs": b"aside\n",
        },
        is_directory=True,
    ),
    Kind(
        label="link to a directory",
        asked="ld",
        makes={"real/a": b"a\n", "ld": Link(target="real")},
        arrives={"ld/a": b"a\n"},
        is_directory=True,
    ),
    Kind(
        label="blank at the end of a match",
        asked="w/*",
        makes={"w/x ": b"1"},
        arrives={"x ": b"1"},
    ),
    Kind(label="missing", asked="never", is_missing=True),
    Kind(label="optional missing", asked="never2?"),
    Kind(label="nothing matches", asked="no/*.x", is_missing=True),
    Kind(label="optional pattern", asked="no/*.y?"),
)


class End(enum.Enum):
    """What becomes of an output."""

    ARRIVES = "it is in its place, byte by byte, when the submission has ended"
    HOME = "the job ends with 85, and hep_fetch brings it from home"
    MISSING = "the job ends with 84"
    LOST = "the job ends with 87, and names it"
    REFUSED = "the submission is refused by name"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A kind at a place on a way, and its end."""

    kind: Kind
    place: Place
    way: Way

    def __str__(self) -> str:
        return f"{self.kind.label}-{self.place.name}-{self.way.name}"

    @property
    def end(self) -> End:
        """What becomes of it."""
        kind, is_object = self.kind, self.place.is_object
        backslash = any("\\" in name for name in kind.arrives)
        if kind.is_pattern and not self.place.is_directory:
            return End.REFUSED
        if self.way in (Way.REMOTE, Way.ELEMENT) and backslash and not is_object:
            return End.LOST if kind.is_pattern else End.REFUSED
        if kind.is_missing:
            return End.MISSING
        if is_object and (kind.is_directory or (kind.is_pattern and "x " in kind.arrives)):
            return End.HOME
        return End.ARRIVES

    def option(self, work: str) -> str:
        """Its -out, called in a directory."""
        url = self.place.value.format(label=self.kind.label, name=self.kind.name, work=work)
        return f"-out={self.kind.asked}={url}"


CELLS = tuple(
    Cell(kind=kind, place=place, way=way) for way in Way for kind in KINDS for place in Place
)


SCRIPT = "./job a,b 50%.sh"
"""The program's name: a relative link to another file."""


def script(kinds: Sequence[Kind], inputs: Sequence[str] = ()) -> str:
    """What puts a copy of all inputs, by their names, into the directory `came`, and makes all outputs, in sh."""
    lines = ["set -e", "mkdir came"]
    lines += [
        f"cp -R -L {shlex.quote(f'./{each}')} came/{number} || [ -d came/{number} ]"
        for number, each in enumerate(inputs)
    ]
    for kind in kinds:
        for name, content in kind.makes.items():
            path = shlex.quote(f"./{name}")
            lines.append(f"mkdir -p {shlex.quote(f'./{PurePosixPath(name).parent}')}")
            if isinstance(content, Link):
                start = '"$PWD"/' if content.absolute else ""
                lines.append(f"ln -s {start}{shlex.quote(content.target)} {path}")
            else:
                octal = "".join(f"\\0{byte:03o}" for byte in content)
                lines.append(f"printf %b '{octal}' > {path}")
    return "\n".join([*lines, "echo said"])
