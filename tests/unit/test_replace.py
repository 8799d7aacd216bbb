"""msgspec's Structs look like dataclasses to mypy, but dataclasses.replace fails with them when it is called."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.auth.credential import UserCredential
from hepsub.storage.sts import Exchange

ROOT = Path(__file__).resolve().parents[2]
REPLACED = {
    "hepsub/auth/kerberos.py": UserCredential,
    "hepsub/auth/token.py": UserCredential,
    "hepsub/auth/bearer.py": UserCredential,
    "hepsub/auth/s3_credentials.py": Exchange,
}
"""The modules that call dataclasses.replace, and what with; all others call msgspec.structs.replace."""


def users(tree: ast.AST) -> Iterator[ast.AST]:
    """Where dataclasses.replace is meant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses":
            yield from (each for each in node.names if each.name == "replace")
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "dataclasses.replace":
            yield node


def test_dataclasses_replace_is_called_where_it_is_known_to_work() -> None:
    found = {
        str(path.relative_to(ROOT))
        for place in ("hepsub", "benchmarks")
        for path in (ROOT / place).rglob("*.py")
        if any(users(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == set(REPLACED)


@pytest.mark.parametrize("kind", REPLACED.values())
def test_it_works_there(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
