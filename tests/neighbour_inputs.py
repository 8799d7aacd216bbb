"""The table of neighbours, its other side: what a job may get, and what is refused of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.neighbours import ODD_NAMES, Content, Link, Way


@dataclass(frozen=True, kw_only=True, eq=False)
class Input:
    """An input: what lies on the submit side, and how -in names it.

    Attributes:
        asked: what stands behind -in; an object's key follows `s3://raw/`.
        name: the name in the job.
        lies: what is there: path or key → content, or a link.
        arrives: what is below its name in the job; the empty name is the input itself.
    """

    asked: str
    name: str
    lies: Mapping[str, Content]
    arrives: Mapping[str, bytes]
    is_object: bool = False

    def is_refused(self, way: Way) -> bool:
        """Whether HTCondor would take its name apart."""
        cut = any(each in self.name for each in (",", " ", "$$"))
        return way in (Way.SPOOL, Way.ELEMENT) and cut and not self.is_object


INPUTS = (
    *(
        Input(asked=name, name=name, lies={name: name.encode()}, arrives={"": name.encode()})
        for name in ODD_NAMES
    ),
    *(
        Input(
            asked=f"s3://raw/odd/{name}=object {number}",
            name=f"object {number}",
            lies={f"odd/{name}": name.encode()},
            arrives={"": name.encode()},
            is_object=True,
        )
        for number, name in enumerate(ODD_NAMES)
    ),
    Input(asked="empty.in", name="empty.in", lies={"empty.in": b""}, arrives={"": b""}),
    Input(
        asked="in d/link",
        name="link",
        lies={"in d/real": b"real\n", "in d/link": Link(target="real")},
        arrives={"": b"real\n"},
    ),
    Input(
        asked="linked/real2=other, name",
        name="other, name",
        lies={"in d/real2": b"real2\n", "linked": Link(target="in d")},
        arrives={"": b"real2\n"},
    ),
    Input(
        asked="set+up",
        name="set+up",
        lies={
            "set+up/a,b": b"ab\n",
            "set+up/50%/c": b"c\n",
            "aside in": b"aside\n",
            "set+up/in": Link(target="a,b"),
            "set+up/out": Link(target="../aside in"),
            "set+up/.#lock": Link(target="alice@host.1234"),
        },
        arrives={"a,b": b"ab\n", "50%/c": b"c\n", "in": b"ab\n", "out": b"aside\n"},
    ),
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What is refused when it is submitted: the words, the exit code, and what the message names."""

    words: tuple[str, ...]
    code: int
    said: str


REFUSALS = (
    *(
        Refusal(words=(f"-out={name}={place}",), code=2, said=said)
        for place in ("res/x", "res/", "herd:out/x", "s3://out/d/")
        for name, said in (
            ("a\nb", r"'a\nb' has a line end or a control character"),
            ("a\tb", r"'a\tb' has a line end or a control character"),
            (
                "a\u3000b",
                r"'a\u3000b' has a line end or a control character, or is not UTF-8, or has an unusual blank",
            ),
            ("a\x1b", r"'a\x1b' has a line end or a control character"),
            ("a\udcff", r"'a\udcff' has a line end or a control character, or is not UTF-8"),
            ("x" * 251, "is longer than 250 bytes"),
            ("é" * 126, "is longer than 250 bytes"),
            ("/tmp/x", "'/tmp/x' cannot be the name of a file in the job's directory"),
            ("./x", "'./x' cannot be"),
            ("../x", "'../x' cannot be"),
            ("a//x", "'a//x' cannot be"),
            ("d/", "'d/' cannot be"),
            ("wrapper.sh", "'wrapper.sh' is the name of a file of hepsub's own"),
            ("home.0/x", "'home.0/x' is the name of a file of hepsub's own"),
            (r"a\*", "a backslash in a pattern"),
        )
        if not (name == r"a\*" and not place.endswith("/"))
    ),
    *(
        Refusal(
            words=(f"-out={name}={place}",), code=2, said="a pattern needs a directory to go to"
        )
        for name in ("*.csv", "h_?.root", "[ab]", "d/*?")
        for place in ("res/x", "herd:out/x")
    ),
    *(
        Refusal(words=(f"-out=r={url}",), code=code, said=said)
        for url, code, said in (
            ("herd:/out/key", 2, "write herd:out/key"),
            ("s3:/out/key", 2, "write s3://out/key"),
            ("herd:out", 2, "write herd:out/KEY"),
            ("herd:out/a/../b", 2, "has '.' or '..' between slashes"),
            ("herd:out/a\nb", 2, "has a line end or a control character"),
            ("s3://out/a\udcff", 2, "is not UTF-8"),
            ("https://example.org/x", 2, "only s3://bucket/key"),
            ("hred:out/x", 31, "did you mean 'herd'?"),
        )
    ),
    Refusal(words=("-n=2", "-out=r=res/r"), code=33, said="would both write"),
    Refusal(words=("-n=2", "-out=r=herd:out/r"), code=33, said="would both write"),
    Refusal(words=("-in=gone",), code=32, said="gone"),
    Refusal(words=("-in=job.sh=a\nb",), code=2, said=r"'a\nb' has a line end"),
    Refusal(words=("-in=job.sh=items.txt",), code=2, said="is the name of a file of hepsub's own"),
    Refusal(words=("-in=s3://raw/d/",), code=2, said="that is a directory"),
    Refusal(words=("-in=s3://raw/./a",), code=2, said="has '.' or '..' between slashes"),
)


def make(root: Path, lies: Mapping[str, Content]) -> None:
    """Write what lies on the submit side."""
    for name, content in lies.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.target)
        else:
            path.write_bytes(content)


def found_below(root: Path) -> dict[str, bytes]:
    """The files below a directory, or the file itself, links not followed."""
    if root.is_file():
        return {"": root.read_bytes()}
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
