"""Facts: what the survey found, and nothing that anybody decided."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.plan.location import ObjectPlace, PlaceState

if TYPE_CHECKING:
    from hepsub.errors import HepsubError
    from hepsub.plan.libraries import Library
    from hepsub.plan.objects import ObjectInfo
    from hepsub.plan.portability import Mention
    from hepsub.plan.remap import Paths


ELF: Final = b"\x7fELF"
ELF_HEAD: Final = 20
"""So many bytes of a file tell its architecture."""

_MACHINES = {62: "X86_64", 183: "aarch64", 21: "ppc64le", 243: "riscv64"}
"""Values of e_machine, and what HTCondor calls such machines (Arch)."""


class ProgramState(enum.Enum):
    """What stands between a file and its being started."""

    RUNNABLE = "runnable"
    MISSING = "missing"
    DIRECTORY = "directory"
    NO_FILE = "no-file"
    UNREADABLE = "unreadable"
    NO_EXEC_BIT = "no-exec-bit"
    EMPTY = "empty"
    NO_INTERPRETER_LINE = "no-interpreter-line"
    CARRIAGE_RETURN = "carriage-return"
    SUBMIT_DESCRIPTION = "submit-description"


class Program(Struct, frozen=True, kw_only=True):
    """A script or binary.

    Attributes:
        interpreter: the path behind `#!`; empty for a binary.
        interpreter_here: whether that interpreter exists on this machine.
        machine: the architecture that a binary was built for, in HTCondor's word; empty for a script, or not known.
    """

    state: ProgramState
    interpreter: str = ""
    interpreter_here: bool = True
    machine: str = ""


def elf_machine(head: bytes) -> str:
    """The architecture that a binary or shared library was built for, in HTCondor's word; empty where it is none.

    (ELF header, e_ident and e_machine: System V ABI, "ELF Header".)

    Args:
        head: the file's first bytes, ELF_HEAD of them.
    """
    if not head.startswith(ELF) or len(head) < ELF_HEAD:
        return ""
    order: Literal["little", "big"] = "big" if head[5] == 2 else "little"  # EI_DATA
    return _MACHINES.get(int.from_bytes(head[18:20], order), "")


class FileFact(Struct, frozen=True, kw_only=True):
    """What is known of an input on this host's file system.

    Attributes:
        size: its bytes, of a directory those of all files in it.
        trouble: why a directory cannot be copied whole; empty when it can.
    """

    size: int
    trouble: str = ""


class OutputFacts(Struct, frozen=True, kw_only=True):
    """What was found at the places of the outputs.

    Attributes:
        existing: the outputs that exist already.
        unseen: what could not be looked at, and why: a sentence each.
        no_buckets: buckets that the storages do not have, as places without a key.
        no_places: directories that no job could write to, and why.
    """

    existing: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    no_buckets: tuple[ObjectPlace, ...] = ()
    no_places: tuple[tuple[str, str], ...] = ()


class FileFacts(Struct, frozen=True, kw_only=True):
    """What was found of the files that travel.

    Attributes:
        objects: what is known of the inputs in S3, by place; empty when they were not looked for.
        files: what is known of the inputs on this host's file system, by path; empty when they were not looked for.
        outputs: what was found at the places of the outputs.
    """

    objects: Mapping[ObjectPlace, ObjectInfo] = field(default_factory=dict)
    files: Mapping[str, FileFact] = field(default_factory=dict)
    outputs: OutputFacts = field(default_factory=OutputFacts)


class Facts(FileFacts, frozen=True, kw_only=True):
    """What is true now, for one submission.

    Attributes:
        programs: every program that a job would start, by absolute path.
        places: the paths after -o, -e, -dir and -l, and their directories.
        libraries: the user's libraries, packed.
        library_trouble: why S3 cannot keep them; empty when it can, or need not.
        image_exists: whether the file after -image exists; True when none was named.
        unreadable: the expressions of the policy that HTCondor cannot read.
        output_mb: the most MB that one of the program's last jobs left behind; None for not known.
        elsewhere: what was found of the files as they are at sites where paths are objects, by what the paths stand
            for there, or why they cannot be had; under () why they cannot be had as they are here.
        mentions: the paths in arguments, scripts and search paths that are here; empty where all jobs stay here.
        left_out: the sites that get no jobs of this user now, and why.
        submitted_today: whether this host noted a submission of this user today.
    """

    programs: Mapping[str, Program]
    places: Mapping[str, PlaceState]
    libraries: tuple[Library, ...] = ()
    library_trouble: str = ""
    image_exists: bool = True
    image_is_directory: bool = False
    unreadable: frozenset[str] = frozenset()
    output_mb: float | None = None
    elsewhere: Mapping[Paths, FileFacts | HepsubError] = field(default_factory=dict)
    mentions: tuple[Mention, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    submitted_today: bool = False

    def at(self, paths: Paths) -> Facts:
        """What is true where paths stand for these objects.

        Raises:
            HepsubError: the files cannot be had there.
        """
        found = self._found(paths)
        if found is None:
            return self
        if not isinstance(found, FileFacts):
            raise found
        return replace(self, objects=found.objects, files=found.files, outputs=found.outputs)

    def trouble_at(self, paths: Paths) -> HepsubError | None:
        """Why the files cannot be had where paths stand for these objects; None when they can."""
        found = self._found(paths)
        return None if found is None or isinstance(found, FileFacts) else found

    def _found(self, paths: Paths) -> FileFacts | HepsubError | None:
        """What was found where something differs from what is true here; None where nothing does."""
        # Under () stands why they cannot be had here, which is so wherever paths mean the same as here.
        return self.elsewhere.get(paths) or self.elsewhere.get(())
