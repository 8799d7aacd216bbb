"""`python -m hepsub.cli.generate [--check]`: write the man pages, completions and schemas, or name the stale ones.

bash-completion and fish load a command's completions from a file of the command's name, so each command
has a link to the one file that serves all of them.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import hepsub
from hepsub.cli.completion.script import FILES
from hepsub.cli.generate.bash import bash_completion
from hepsub.cli.generate.exit_codes import NAME, exit_codes_page
from hepsub.cli.generate.fish import fish_completion
from hepsub.cli.generate.man import man_page
from hepsub.cli.generate.policy_page import policy_page
from hepsub.cli.generate.schemas import schema_text
from hepsub.cli.generate.sources import every_command, programs
from hepsub.cli.generate.tour import tour_page
from hepsub.cli.generate.zsh import zsh_completion
from hepsub.cli.help import schema_path
from hepsub.cli.main import PROGRAMS

_GENERATED = ("man/*.[0-9]", "completions/bash/*", "completions/fish/*", "hepsub/schemas/*")
"""Where nothing else may lie than what is made here."""
CHECKOUT = Path(hepsub.__file__).parent.parent
_SCRIPTS = "hepsub/cli/completion"
"""They are part of the package: `hep_sub -completion` prints them."""
_RENEW = "python -m hepsub.cli.generate"


@functools.cache
def texts() -> dict[str, str]:
    """The generated files: path in the checkout → text."""
    pages = {f"man/{command.name}.1": man_page(command) for command in programs()}
    schemas = {
        schema_path(each).relative_to(CHECKOUT).as_posix(): schema_text(each)
        for each in every_command()
    }
    return (
        pages
        | schemas
        | {
            "man/hepsub.5": policy_page(),
            "man/hepsub.7": tour_page(),
            f"man/{NAME}.7": exit_codes_page(),
            f"{_SCRIPTS}/hep.bash": bash_completion(),
            f"{_SCRIPTS}/_hep": zsh_completion(),
            f"{_SCRIPTS}/hep.fish": fish_completion(),
        }
    )


def links() -> dict[str, str]:
    """The symbolic links that go with the files: path in the checkout → target."""
    bash = {f"completions/bash/{program}": "../hep.bash" for program in PROGRAMS}
    fish = {f"completions/fish/{program}.fish": "../hep.fish" for program in PROGRAMS}
    scripts = {f"completions/{name}": f"../{_SCRIPTS}/{name}" for name in FILES.values()}
    return bash | fish | scripts | {"completions/zsh/_hep": "../_hep"}


def stale(root: Path) -> list[str]:
    """The files of a checkout that are missing, old, or of no command any more."""
    old = [name for name, text in texts().items() if _text(root / name) != text]
    wrong = [name for name, target in links().items() if _target(root / name) != target]
    return sorted([*old, *wrong, *_surplus(root)])


def write(root: Path) -> list[str]:
    """Renew the files of a checkout that are stale; returns their names."""
    names = stale(root)
    written, linked = texts(), links()
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if name in linked:
            path.symlink_to(linked[name])
        elif name in written:
            path.write_text(written[name], encoding="utf-8")
    return names


def _surplus(root: Path) -> Iterator[str]:
    known = {*texts(), *links()}
    for pattern in _GENERATED:
        for path in root.glob(pattern):
            name = path.relative_to(root).as_posix()
            if name not in known:
                yield name


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _target(path: Path) -> str | None:
    return str(path.readlink()) if path.is_symlink() else None


def main(words: Sequence[str]) -> int:
    """Write what is stale, or only name it; returns the exit code."""
    if not (CHECKOUT / "pyproject.toml").is_file():
        print(f"{CHECKOUT} is no checkout of hepsub: run this in one", file=sys.stderr)
        return 1
    if list(words) == ["--check"]:
        return _check()
    if words:
        print(f"usage: {_RENEW} [--check]", file=sys.stderr)
        return 2
    for name in write(CHECKOUT):
        print(name)
    return 0


def _check() -> int:
    names = stale(CHECKOUT)
    for name in names:
        print(f"stale: {name}", file=sys.stderr)
    if names:
        print(f"renew with: {_RENEW}", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
