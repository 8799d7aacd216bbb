"""Installs the checkout under test where the test users can read it, with its dependencies."""

import hashlib
import os
import platform
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.testbed import cache, host
from tests.testbed.process import TestbedError, run

VERSION = "1"
PYTHON = Path("/usr/bin/python3")
ONLY_THIS = ("--no-deps", "--no-index", "--force-reinstall")
NOT_SOURCES = (".git", "tests", "benchmarks", "__pycache__", ".*_cache", ".venv", "build", "dist")
GLIBC_TAGS = ("2014", "_2_17", "_2_28", "_2_34", "_2_35", "_2_36", "_2_39", "_2_41")


@dataclass(frozen=True)
class Checkout:
    """What pyproject.toml of the checkout says about the package."""

    directory: Path
    dependencies: tuple[str, ...]
    backend: tuple[str, ...]

    @property
    def has_package(self) -> bool:
        """Tell whether there is a program to install already."""
        return (self.directory / "hepsub/__init__.py").exists()


def read_checkout(directory: Path | None = None) -> Checkout:
    """Read the checkout under test."""
    directory = directory or host.checkout()
    data = tomllib.loads((directory / "pyproject.toml").read_text())
    return Checkout(
        directory,
        tuple(data["project"].get("dependencies", ())),
        tuple(data["build-system"]["requires"]),
    )


def _digest(words: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(sorted(words)).encode()).hexdigest()[:12]


def _pip(python: Path, *words: str | Path) -> None:
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    run([python, "-m", "pip", "-q", *words], env={**os.environ, **quiet})


def tools(checkout: Checkout) -> Path:
    """Return the python of a cached virtual environment with pip and the build backend."""
    return environment("tools", checkout.backend)


def environment(name: str, requirements: tuple[str, ...]) -> Path:
    """Return the python of a cached virtual environment with packages of PyPI and what they need."""

    def make(place: Path) -> None:
        host.ensure_host_packages()
        run([PYTHON, "-m", "venv", place])
        _pip(place / "bin/python", "install", *requirements)

    version = f"{VERSION}-{_digest(requirements)}"
    return cache.build(name, version, make) / "bin/python"


def dependencies(checkout: Checkout, python_version: str) -> Path:
    """Return a cached directory with the dependencies for one version of Python."""

    def make(place: Path) -> None:
        tags = ("--only-binary=:all:", "--python-version", python_version, *_platforms())
        _pip(tools(checkout), "install", "--target", place, *tags, *checkout.dependencies)

    version = f"{VERSION}-{_digest(checkout.dependencies)}"
    return cache.build(f"dependencies-py{python_version}", version, make)


def fetch(place: Path, *requirements: str) -> None:
    """Put packages of PyPI, without what they need, into a directory."""
    _pip(tools(read_checkout()), "install", "--no-deps", "--target", place, *requirements)


def _platforms() -> list[str]:
    machine = platform.machine()
    return [word for tag in GLIBC_TAGS for word in ("--platform", f"manylinux{tag}_{machine}")]


def _copy_sources(checkout: Checkout, place: Path) -> Path:
    """Copy what a build reads, so that it never writes in the checkout."""
    copy = place / "sources"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(checkout.directory, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    for name in ("README.md", "LICENSE"):
        (copy / name).touch()
    return copy


def wheel(checkout: Checkout, place: Path) -> Path:
    """Build the wheel of the checkout into a directory."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    sources = _copy_sources(checkout, place)
    alone = ("--no-deps", "--no-build-isolation")
    _pip(tools(checkout), "wheel", *alone, "--wheel-dir", place, sources)
    built = next(place.glob("*.whl"), None)
    if built is None:
        raise TestbedError(f"no wheel was built from {checkout.directory}")
    return built


def python_version(python: Path = PYTHON) -> str:
    """Return X.Y of a python on the host."""
    script = "import sys; print(*sys.version_info[:2], sep='.')"
    return run([python, "-c", script]).stdout.strip()


def make_environment(checkout: Checkout, place: Path) -> None:
    """Make a virtual environment with the dependencies only."""
    run([PYTHON, "-m", "venv", "--without-pip", place])
    add_dependencies(checkout, place)


def add_dependencies(checkout: Checkout, place: Path) -> None:
    """Let a virtual environment see the cached dependencies that the checkout has now."""
    version = python_version()
    packages = place / f"lib/python{version}/site-packages"
    (packages / "dependencies.pth").write_text(f"{dependencies(checkout, version)}\n")


def install(checkout: Checkout, built: Path, environment: Path) -> None:
    """Install the wheel into a virtual environment, over what is there."""
    target = ("--python", environment / "bin/python3")
    _pip(tools(checkout), *target, "install", *ONLY_THIS, built)
