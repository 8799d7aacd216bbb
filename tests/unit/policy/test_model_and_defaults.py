"""defaults.toml says all that the model knows, and nothing else."""

from __future__ import annotations

import inspect
import re
import tomllib
import typing
from importlib import resources
from typing import Any

import pytest
from msgspec import structs

from hepsub.errors import UnknownPool
from hepsub.policy import model
from hepsub.policy.model import Policy
from hepsub.policy.site import Rule, Site
from tests.fakes.world import make_policy

TEXT = resources.files("hepsub.policy").joinpath("defaults.toml").read_text(encoding="utf-8")

TABLES: dict[str, type] = {
    "defaults": model.Defaults,
    "limits": model.Limits,
    "group.NAME": model.Group,
    "os.NAME": model.OperatingSystem,
    "pool.NAME": model.Pool,
    "site.NAME": Site,
    "storage.NAME": model.Storage,
    "rule.NAME": Rule,
    "staging": model.Staging,
    "credential.NAME": model.Credential,
    "renew": model.Renew,
    "mount": model.Mount,
}
EXAMPLES = {
    ("group.NAME", "experiment"),
    ("group.NAME", "members"),
    ("group.NAME", "walltime"),
    ("os.NAME", "image"),
    ("pool.NAME", "partitions"),
    ("site.NAME", "attributes"),
    ("site.NAME", "paths"),
    ("site.NAME", "os"),
    ("storage.NAME", "endpoint"),
    ("storage.NAME", "buckets"),
}
"""Keys whose value in defaults.toml is an example, because the default says nothing or there is none."""


def documented() -> dict[str, dict[str, Any]]:
    """Every table of defaults.toml with its keys, those behind `# ` included."""
    tables: dict[str, dict[str, Any]] = {"": {}}
    current = ""
    for line in TEXT.splitlines():
        plain = line.removeprefix("# ")
        if header := re.match(r"\[([A-Za-z_.]+)\]", plain):
            current = header[1]
            tables[current] = {}
        elif re.match(r"[a-z_]+ = ", plain):
            tables[current] |= tomllib.loads(plain)
    return tables


def keys_of(cls: type) -> set[str]:
    """The keys of one table."""
    return {each.name for each in structs.fields(cls)}


def test_every_table_of_the_policy_is_documented() -> None:
    """A table that nobody can read about is a table that nobody uses."""
    tables = {name.split(".")[0] for name in documented() if name}
    assert tables == keys_of(Policy) - {"profile", "origins"}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_key_of_a_table_is_documented(table: str) -> None:
    """The keys in defaults.toml are the fields of the model, no more and no fewer."""
    assert set(documented()[table]) == keys_of(TABLES[table])


def test_the_tables_of_this_test_are_those_of_the_model() -> None:
    """A table that is added to the model is compared too."""
    compared = {name.split(".")[0] for name in TABLES} | {"walltime", "profile", "origins"}
    assert compared == keys_of(Policy)


def test_walltime_classes_have_the_documented_keys() -> None:
    """The classes are written in one line each; `limit` and `on_request` are their keys."""
    classes = documented()["walltime"]
    used = {key for each in classes.values() for key in each}
    assert used == keys_of(model.WalltimeClass)


def test_the_profile_is_documented() -> None:
    """The one key outside of all tables."""
    assert documented()[""] == {"profile": Policy().profile}


CASES = [
    (table, key)
    for table, cls in TABLES.items()
    for key in sorted(keys_of(cls))
    if (table, key) not in EXAMPLES
]


@pytest.mark.parametrize(("table", "key"), CASES, ids=lambda text: text)
def test_the_documented_value_is_the_models_default(table: str, key: str) -> None:
    """A default that is written down is the one that holds without the file."""
    cls = TABLES[table]
    written = documented()[table][key]
    hint = typing.get_type_hints(cls, include_extras=True)[key]
    measured = typing.get_args(hint)[1:] if typing.get_origin(hint) is typing.Annotated else ()
    if measured and isinstance(written, str):
        written = measured[0](written)
    default = {each.name: each.default for each in structs.fields(cls)}[key]
    assert (tuple(written) if isinstance(written, list) else written) == default


@pytest.mark.parametrize(
    "cls", [*TABLES.values(), model.WalltimeClass, Policy], ids=lambda cls: cls.__name__
)
def test_every_key_has_its_sentence_in_the_model(cls: type) -> None:
    """The docstring's Attributes are the fields, in their order."""
    described = re.findall(r"^ {4}(\w+):", inspect.getdoc(cls) or "", re.MULTILINE)
    assert described == [each.name for each in structs.fields(cls)]


def test_the_default_pool_may_be_said_by_an_alias() -> None:
    """What compares it with the name of a cluster's pool needs the name."""
    policy = make_policy("[defaults]\npool = 'physical'\n")
    assert policy.default_pool() == policy.pool_for(None) == "local"


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("esat", "did you mean 'east'?"),
        ("sunrice", "did you mean 'sunrise'?"),
        ("old", "choose from east, here, local, physical, sunrise, virtual"),
    ],
)
def test_a_pool_that_is_not_there_is_told_with_those_that_are(word: str, remedy: str) -> None:
    """By name and alias, and where the word stands: nobody need have said -p."""
    policy = make_policy("[pool.east]\naliases = ['sunrise']\n")
    with pytest.raises(UnknownPool) as caught:
        policy.pool_named(word, "an earlier submission")
    assert caught.value.message == f"an earlier submission: no pool '{word}' in the policy"
    assert caught.value.remedy == remedy
    with pytest.raises(UnknownPool, match=rf"^argument -p/--pool: no pool '{word}' in the policy$"):
        policy.pool_for(word)


HPC = '[pool.main]\n[pool.hpc]\nkind = "slurm"\n'


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (HPC, "hpc"),
        (f'{HPC}[pool.gpu]\nkind = "slurm"\n[defaults]\nsbatch_lines = "gpu"\n', "gpu"),
        (f'{HPC}[pool.gpu]\nkind = "slurm"\n[defaults]\npool = "gpu"\n', "gpu"),
        (f'{HPC}[pool.slurm]\nkind = "slurm"\n', "slurm"),
        (f'{HPC}[pool.gpu]\nkind = "slurm"\naliases = ["slurm"]\n', "gpu"),
    ],
)
def test_slurm_is_a_word_for_the_pool_that_is_slurms(text: str, meant: str) -> None:
    assert make_policy(text).pool_for("slurm") == meant


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("[pool.main]", "no pool of the policy is Slurm's", "kind = 'slurm'"),
        (f'{HPC}[pool.gpu]\nkind = "slurm"\n', "are Slurm's: hpc, gpu", "-p hpc"),
    ],
)
def test_no_pool_or_several_are_slurms(text: str, said: str, remedy: str) -> None:
    with pytest.raises(UnknownPool) as refused:
        make_policy(text).pool_for("slurm")
    assert said in refused.value.message
    assert remedy in refused.value.remedy
