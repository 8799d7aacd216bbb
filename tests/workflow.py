"""A workflow of real snakemake, whose jobs hepsub submits as README says it."""

from __future__ import annotations

import re
from pathlib import Path

from hepsub.cli.generate.sources import sections
from tests.testbed import host, install
from tests.testbed.process import TestbedError, TestbedUnavailableError

PACKAGES = ("snakemake==9.27.1", "snakemake-executor-plugin-cluster-generic==1.0.9")
SNAKEFILE = """
rule all:
    input: "sum.txt"

rule part:
    output: "part{n}.txt"
    resources: mem_mb=300
    shell: "echo {wildcards.n} > {output}"

rule sum:
    input: "part0.txt", "part1.txt"
    output: "sum.txt"
    resources: mem_mb=300
    shell: "cat {input} > {output}"

rule fails:
    output: "never.txt"
    resources: mem_mb=300
    shell: "echo complaint >&2; exit 3"

rule lasts:
    output: "long.txt"
    resources: mem_mb=300
    shell: "touch lasts; sleep 1000"
"""
README = Path(__file__).parents[1] / "README.md"


def profile() -> str:
    """The configuration that README shows, with the commands of the man page."""
    found = re.search(
        r"^```yaml\n(executor: cluster-generic\n.*?)^```$",
        README.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert found
    told = " ".join(sections("commands.txt")["hep_sub status"])
    commands = re.findall(r"-cmd: (.*)", found[1])
    assert len(commands) == 3
    assert [each for each in commands if f"`{each}`" not in told] == []
    return found[1]


def python() -> Path:
    """The Python of a cached environment that has snakemake.

    Raises:
        TestbedUnavailableError: it cannot be installed here.
    """
    host.require_capable()
    try:
        return install.environment("snakemake", PACKAGES)
    except TestbedError as error:
        raise TestbedUnavailableError(f"no snakemake: {error}") from error


def files() -> dict[str, str]:
    """What lies in the working directory: name → text."""
    return {"Snakefile": SNAKEFILE, "profile/config.yaml": profile()}


def command(*words: str) -> list[str]:
    """Snakemake's command line behind `python`; it looks once a second, not every ten."""
    return ["-m", "snakemake", "--profile", "profile", "-j", "3", "--latency-wait", "20",
            "--seconds-between-status-checks", "1", *words]  # fmt: skip
