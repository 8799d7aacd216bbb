"""Facts about BOSS's job options: what they say, which of the files that they name are here, where boss.exe is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from hepsub.errors import ScriptMissing, ScriptNotExecutable
from hepsub.job import JobSpec
from hepsub.plan.boss import PROGRAM, OptionsFile, resolved
from hepsub.plan.checks import check_programs
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.joboptions import (
    INPUT,
    LARGEST,
    OTHER,
    OUTPUT,
    JobOptions,
    NamedFile,
    NotJobOptions,
    read_job_options,
)
from hepsub.plan.location import absolute
from hepsub.plan.portability import Mention
from hepsub.plan.refusals import is_mounted
from hepsub.plan.template import Values, parse_template
from hepsub.policy.model import Policy
from hepsub.situation import Situation
from hepsub.survey.mentions import job_environment
from hepsub.survey.survey import head_of, is_directory


def read_options(
    spec: JobSpec, policy: Policy, situation: Situation, jobs: Sequence[Values]
) -> dict[str, OptionsFile]:
    """The job options of all jobs, by their absolute paths; none where the first job's script is something else.

    Raises:
        ScriptMissing, ScriptNotExecutable: another job's script is not there, or no job options.
    """
    paths = parse_template(absolute(spec.script, situation.cwd)).fill_all(jobs)
    environment = job_environment(spec, situation)
    found: dict[str, OptionsFile] = {}
    for path in dict.fromkeys(paths):
        try:
            options = read_job_options(head_of(path, LARGEST + 1))
        except NotJobOptions as error:
            if not found:
                return {}
            if not os.path.exists(path):
                missing = [each for each in paths if not os.path.exists(each)]
                check_programs(dict.fromkeys(missing, Program(state=ProgramState.MISSING)))
            raise ScriptNotExecutable(
                f"{path} is no job-options file of BOSS, as {next(iter(found))} is",
                remedy="submit one kind of script at a time",
            ) from error
        found[path] = _looked_at(path, options, policy, environment, situation.cwd)
    return found


def find_boss(spec: JobSpec, situation: Situation) -> str:
    """Where the PATH of the jobs has boss.exe on this host; empty for nowhere."""
    path = job_environment(spec, situation).get("PATH", "")
    # An empty or a relative entry means the job's own directory, which is another one.
    entries = [each for each in path.split(":") if each.startswith("/")]
    return shutil.which(PROGRAM, path=":".join(entries)) or "" if entries else ""


def no_boss() -> ScriptMissing:
    """The error of job options without anything to run them."""
    return ScriptMissing(
        f"these are job options of BOSS, and PATH has no {PROGRAM}",
        remedy="set up BOSS first, in this shell, or give the job a PATH that has it: -env PATH=…",
    )


def _looked_at(
    path: str, options: JobOptions, policy: Policy, environment: Mapping[str, str], cwd: Path
) -> OptionsFile:
    mounts = [each for site in policy.site.values() for each in site.mounts]
    places: dict[str, str] = {}
    here: set[str] = set()
    mentions: list[Mention] = []
    for each in options.files:
        where = resolved(each.path, environment, cwd)
        if not where or is_mounted(where, mounts):
            continue
        places[each.path] = where
        if each.use in (INPUT, OUTPUT):
            continue
        if _is_file_here(each, where):
            here.add(where)
        elif each.use == OTHER and each.path.startswith(("/", "$")) and is_directory(where):
            line = options.text.count("\n", 0, each.start) + 1
            name = PurePosixPath(path).name
            mentions.append(Mention(path=where, source=name, line=line, is_directory=True))
    return OptionsFile(
        options=options, places=places, here=frozenset(here), mentions=tuple(mentions)
    )


def _is_file_here(named: NamedFile, where: str) -> bool:
    """Whether what may be any text is the name of a file: a word alone (a particle, an algorithm) is none."""
    return any(each in named.path for each in "./") and os.path.isfile(where)
