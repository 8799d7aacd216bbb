"""Plan → the batch script that Slurm copies: it starts the user's program, and notes how it ended. Pure.

The program is started as it lies there, so that its name, its first line and its mode count as they do at HTCondor;
Slurm itself would run a copy (sbatch(1)). A job whose files travel, or that runs in an image, is started by the
bundle's scratch.sh, which gives it a directory of its own on the node, and the wrapper there. Where the nodes see no
bundle, scratch.sh stands in the script, and behind the last line all that the jobs start with (enclosed.py).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from hepsub import __version__
from hepsub.errors import NotOnSlurm
from hepsub.plan.bundle_paths import NO_LIST, SCRATCH, SHARED
from hepsub.plan.environment import JOB_ID
from hepsub.plan.model import Plan
from hepsub.plan.template import Name, Template, Values
from hepsub.slurm.notes import ENDED_EARLY, FILES_MARK, NO_BUNDLE, NO_DIRECTORY, NO_LOG

if TYPE_CHECKING:
    from hepsub.plan.staging import StagingPlan
    from hepsub.slurm.enclosed import Enclosed

_NOT_STARTED_CODE = 73
"""Of a job whose program was not started: EX_CANTCREAT of sysexits.h."""
_MOST_BYTES = 4_000_000
"""Slurm refuses a script of 4 MiB (slurm.conf(5), max_script_size)."""
_ALIKE = frozenset({Name.PROC, Name.CLUSTER, Name.INDEX})
_SLURM_PATTERNS: Mapping[object, str] = {Name.CLUSTER: "%A", Name.PROC: "%a"}
"""What sbatch(1) fills in the names of logs."""
_VARIABLES: Mapping[object, str] = {
    Name.CLUSTER: '"$_hepsub_cluster"',
    Name.PROC: '"$_hepsub_proc"',
    Name.INDEX: '"$_hepsub_index"',
}
"""Names that no user's variable has: one that is exported would change in the job."""
_TERM_S = 20
"""So long has a program after its SIGTERM: Slurm kills everything after KillWait, 30 s as a rule (slurm.conf(5))."""
_SPELLABLE = r"[A-Za-z_][A-Za-z0-9_]*"


def script(
    plan: Plan, uuid: str, ends: str, scratch: str, enclosed: Sequence[Enclosed] = ()
) -> str:
    """The batch script of a plan.

    Args:
        plan: the plan; its UUID is no name any more.
        uuid: the submission's.
        ends: the directory, absolute, in which a job notes how its program ended, where its node sees it.
        scratch: the directory of the nodes in which jobs get their own, absolute.
        enclosed: the files that the script has for its jobs, where it has to; none to look at it without them.

    Raises:
        NotOnSlurm: it is larger than Slurm takes.
    """
    in_script = plan.route.delivery.in_script
    start = _starter(plan, uuid, scratch)
    end = _run("" if in_script else ends)
    text = "\n".join([*_begin(plan, uuid), *_jobs(plan), *start, *end]) + "\n"
    if in_script:
        text += f"{FILES_MARK}\n"
    size = len(text.encode("utf-8", "surrogateescape"))
    if size > _MOST_BYTES:
        raise NotOnSlurm(
            f"the arguments of {plan.number} jobs are more than the 4 MB that Slurm takes in one script",
            remedy="submit fewer jobs at once, or let the program read its line of the list by %{ProcId}",
        )
    if not enclosed:
        return text
    from hepsub.slurm.enclosed import how_many_fit, packed

    files = packed(enclosed)
    if size + len(files) > _MOST_BYTES:
        raise _too_much(plan.number, how_many_fit(enclosed, plan.number, _MOST_BYTES - size))
    return text + files


def _too_much(number: int, fitting: int) -> NotOnSlurm:
    what = "has to have what they start with, and Slurm takes 4 MB"
    if fitting:
        return NotOnSlurm(
            f"the batch script of {number} jobs {what}: of these jobs about {fitting} fit",
            remedy=f"submit at most {fitting} at once: -first N counts on where the last ones ended",
        )
    return NotOnSlurm(
        f"the batch script of these jobs {what}: their program and libraries are larger",
        remedy="put what is large into a storage, and name it with -in; libraries go there by themselves where"
        " [staging] of the policy has libraries",
    )


def _begin(plan: Plan, uuid: str) -> Iterator[str]:
    yield "#!/bin/sh"
    yield f"# hepsub {__version__}, submission {uuid}"
    yield "_hepsub_cluster=$SLURM_ARRAY_JOB_ID _hepsub_proc=$SLURM_ARRAY_TASK_ID"
    yield f"_hepsub_index=$((_hepsub_proc + {plan.first})) _hepsub_told="
    if plan.staging is None or plan.staging.in_place:
        # Slurm itself would go on in /tmp.
        directory = plan.slurm.get("chdir") or plan.directory
        yield f"cd {shlex.quote(directory)} 2>/dev/null || _hepsub_told={NO_DIRECTORY}"
    if plan.first and plan.again is None:
        yield f"SLURM_ARRAY_TASK_MIN={plan.first} SLURM_ARRAY_TASK_MAX={plan.first + plan.number - 1}"


def _starter(plan: Plan, uuid: str, scratch: str) -> Iterator[str]:
    """What stands before the program's arguments where its files travel: the manifest names the program."""
    if plan.staging is None:
        return
    yield "shift"  # the program's name, which the manifest has
    if plan.route.delivery.in_script:
        yield from _open_logs(_into(plan))
        yield from _own_starter(plan.staging)
    else:
        bundle = shlex.quote(f"{plan.staging.bundle_root}/{uuid}")
        yield f"[ -x {bundle}/{SHARED}/{SCRATCH} ] || _hepsub_told={NO_BUNDLE}"
        yield f'set -- {bundle}/{SHARED}/{SCRATCH} {bundle} "$_hepsub_proc" "$@"'
    yield f"export HEPSUB_NODE_SCRATCH={shlex.quote(scratch)} HEPSUB_TERM_S={_TERM_S}"


def _into(plan: Plan) -> str:
    """How the script opens a log: a user who has logs appended to (sbatch(1), --open-mode) loses none by its name."""
    mode = plan.slurm.get("open-mode") or ""
    return ">>" if mode[:1].casefold() == "a" else ">"


def _open_logs(into: str) -> Iterator[str]:
    # Who submits does not know the nodes' directories: a log that has no place there is no reason not to run.
    yield f'if (: >>"$_hepsub_out") 2>/dev/null; then exec {into}"$_hepsub_out"; fi'
    yield 'if [ "$_hepsub_out" = "$_hepsub_err" ]; then exec 2>&1'
    yield f'elif (: >>"$_hepsub_err") 2>/dev/null; then exec 2{into}"$_hepsub_err"; fi'


def _own_starter(staging: StagingPlan) -> Iterator[str]:
    """The text of scratch.sh, and which of the files behind the script are the job's."""
    from hepsub.bundle.sent import worker_file
    from hepsub.plan.staging import Seal

    yield "_hepsub_scratch() ("
    yield worker_file(SCRATCH).rstrip("\n")
    yield ")"
    seal = staging.seal or Seal(wrapper=NO_LIST, sets=(NO_LIST,))
    if seal.set_of:
        yield "case $_hepsub_proc in"
    for number, digest in enumerate(seal.sets):
        procs = "|".join(str(proc) for proc, each in enumerate(seal.set_of) if each == number)
        of_set = f"export HEPSUB_SET={number} HEPSUB_SEAL={digest}"
        yield f"{procs}) {of_set} ;;" if seal.set_of else of_set
    if seal.set_of:
        yield "esac"
    yield 'set -- _hepsub_scratch "$0" "$_hepsub_proc" "$@"'


def _jobs(plan: Plan) -> Iterator[str]:
    """What is started in each job: one line for all of them, or one for each."""
    if plan.again is None and _names(plan) <= _ALIKE:
        yield from _job(plan, (plan.executable, *plan.arguments), plan.variables)
        return
    yield "case $_hepsub_proc in"
    for proc in range(plan.number):
        values = plan.values(proc)
        words = (plan.executable.fill_known(values), *plan.arguments_of(values))
        variables = {name: each.fill_known(values) for name, each in plan.variables.items()}
        yield f"{proc})"
        yield from _job(plan, words, variables, values)
        yield ";;"
    yield "esac"


def _names(plan: Plan) -> frozenset[Name]:
    logs = (plan.stdout, plan.stderr)
    templates = (plan.executable, *plan.arguments, *logs, *plan.variables.values())
    return frozenset[Name]().union(*(each.names() for each in templates))


def _job(
    plan: Plan,
    words: Iterable[Template],
    variables: Mapping[str, Template],
    values: Values | None = None,
) -> Iterator[str]:
    known_as = '"$_hepsub_cluster.$_hepsub_proc"'
    if plan.again is not None and values is not None:
        known_as = shlex.quote(plan.again.named(values.proc))
        yield f"_hepsub_index={values.index}"
    yield f"{JOB_ID}={known_as}"
    for name, value in variables.items():
        yield f"export {_spellable(name)}={_word(value)}"
    yield f"set -- {' '.join(map(_word, words))}"
    logs = (plan.stdout, plan.stderr)
    out, err = (_word(each if values is None else each.fill_known(values)) for each in logs)
    if plan.route.delivery.in_script:
        yield f"_hepsub_out={out} _hepsub_err={err}"
    elif not all(log_patterns(plan)):
        # `command`: a shell whose exec fails would end there (POSIX, special built-ins).
        into = _into(plan)
        errors = "2>&1" if out == err else f"2{into}{err}"
        yield f"command exec {into}{out} {errors} || _hepsub_told={NO_LOG}"


def _spellable(name: str) -> str:
    if not re.fullmatch(_SPELLABLE, name) or name.startswith("_hepsub_"):
        raise NotOnSlurm(
            f"-env {name}: a shell sets it in each job, and cannot spell it",
            remedy="give it a name of letters, digits and _",
        )
    return name


def _word(template: Template) -> str:
    """A word of a shell that stands for a template."""
    parts = [shlex.quote(p) if isinstance(p, str) else _VARIABLES[p] for p in template.parts]
    return "".join(parts) or "''"


def _run(ends: str) -> Iterator[str]:
    """Start the program and note its end; what ends the job early ends it first, and this shell notes that."""
    yield f"export {JOB_ID}"
    # A script that goes by its index in the array means the one that it was submitted with: hepsub's count from 0.
    yield "SLURM_ARRAY_TASK_ID=$_hepsub_index"
    yield f"trap _hepsub_told={ENDED_EARLY} TERM"
    # Whatever signal the program is sent through Slurm, this shell lives to note how it ended.
    yield "trap : INT HUP USR1 USR2"
    yield "_hepsub_began=$(date +%s)"
    yield f'if [ "$_hepsub_told" ]; then (exit {_NOT_STARTED_CODE}); else "$@"; fi'
    yield "_hepsub_code=$?"
    if ends:
        note = f"{shlex.quote(ends)}/$_hepsub_proc"
        # Slurm signals one process after the other, and this shell not always first.
        yield '[ "$_hepsub_code" -ne 143 ] || sleep 1'
        yield (
            'printf "%s %s %s %s %s\\n" "$_hepsub_code" "$_hepsub_began" "$(date +%s)"'
            ' "${SLURMD_NODENAME:--}" "$_hepsub_told"'
            f" 2>/dev/null >{note}.new && mv -f {note}.new {note} 2>/dev/null"
        )
    yield "exit $_hepsub_code"


def log_patterns(plan: Plan) -> tuple[str, str]:
    """The names of stdout and stderr as sbatch(1) fills them in; empty for one that it cannot: the script opens both.

    Where jobs run again, `%{ProcId}` is what it was then, and no index of this array.
    """
    known = _SLURM_PATTERNS.keys() - ({Name.PROC} if plan.again is not None else set())
    return _pattern(plan.stdout, known), _pattern(plan.stderr, known)


def _pattern(template: Template, known: Collection[object]) -> str:
    if not all(name in known for name in template.names()):
        return ""
    texts = [part for part in template.parts if isinstance(part, str)]
    if any("\\" in text or "%" in text for text in texts):
        return ""
    return "".join(
        part if isinstance(part, str) else _SLURM_PATTERNS[part] for part in template.parts
    )
