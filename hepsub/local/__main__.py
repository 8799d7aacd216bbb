"""Becomes the runner: `python -I -X utf8 …/hepsub/local/__main__.py DIRECTORY TIMING`.

Started by its path, so that it finds hepsub however that was installed (-I hides ~/.local), and detached
before anything is imported, so that the command that starts it waits for milliseconds only.
"""

import os
import sys


def _detach() -> None:
    """Leave the terminal and the session of the command behind."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    os.umask(0o077)


def _load_package() -> None:
    """Make `hepsub` the package that this file belongs to."""
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location(
        "hepsub", Path(__file__).parents[1] / "__init__.py"
    )
    assert spec is not None  # noqa: S101 (the file is beside this one)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules["hepsub"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    _detach()
    _load_package()
    from hepsub.local.runner import main

    main(sys.argv[1], sys.argv[2])
