"""Which variables travel with a job: the submitter's own, less functions, secrets and session matters.

Everybody can read a job's ad, so secrets that the user names travel in a file of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from hepsub.errors import EnvironmentTooLarge, NotExpressible, UsageError
from hepsub.job import EnvironmentRequest
from hepsub.plan.secrets import looks_secret
from hepsub.plan.template import Template, parse_template
from hepsub.situation import Situation
from hepsub.terminal import few
from hepsub.units import size_text

_VARIABLE_LIMIT = 128 * 1024
"""Linux starts no program with a longer variable (MAX_ARG_STRLEN, execve(2))."""

_LINE_ENDS = frozenset("\n\r\0\x1f")
_PLAIN = r"[A-Za-z_][A-Za-z0-9_]*"
"""Names that a shell can spell."""

_SESSION = frozenset({
    "BASHOPTS", "SHELLOPTS",  # exported by `set -e; export SHELLOPTS`, they change every sh that is bash
    "_", "SHLVL", "PWD", "OLDPWD", "SSH_AGENT_PID", "SSH_AUTH_SOCK", "SSH_CLIENT", "SSH_CONNECTION",
    "SSH_TTY", "DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_SESSION_ID",
    "TMUX", "TMUX_PANE", "STY", "OIDC_SOCK", "KRB5CCNAME", "WINDOWID", "LS_COLORS",
    "JPY_PARENT_PID", "JPY_SESSION_NAME",
})  # fmt: skip
_IN_A_NOTEBOOK = "JPY_PARENT_PID"
_NOTEBOOK = {
    "CLICOLOR": "1", "CLICOLOR_FORCE": "1", "FORCE_COLOR": "1", "GIT_PAGER": "cat", "PAGER": "cat",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYDEVD_USE_FRAME_EVAL": "NO", "TERM": "xterm-color",
}  # fmt: skip
"""What a Jupyter kernel sets where the user has not (ipykernel's init_environment): matplotlib in a job would draw into
the notebook."""
_HOST_BOUND = frozenset({
    "HOME", "SHELL", "USER", "LOGNAME", "MAIL", "HOSTNAME", "TMPDIR",
    "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE",
})  # fmt: skip
"""What is wrong on a machine without this host's file system and users."""

_NAMED = 12
"""So many of the variables that stay are named."""

JOB_ID = "_CONDOR_IHEP_JOB_ID"
"""The variable in which HepJob's users find cluster.proc; the submit description sets it."""


class Travelling(Struct, frozen=True, kw_only=True):
    """The variables that travel.

    Attributes:
        variables: those for the job's ad.
        secrets: those that no ad, no list and no log may hold.
        templates: those for the job's ad in whose values there are names.
        notes: a sentence for each surprise.
    """

    variables: Mapping[str, str]
    notes: tuple[str, ...]
    secrets: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Travelling({len(self.variables)} variables)"  # no report shows a secret


def choose_environment(
    request: EnvironmentRequest,
    own: Mapping[str, str],
    *,
    directory: str,
    limit_kb: int,
    remote: bool,
) -> Travelling:
    """Choose the variables that travel.

    Args:
        request: what the user said.
        own: the submitter's environment.
        directory: the jobs' working directory, which becomes their PWD; empty for none.
        limit_kb: the most kB (2**10 bytes) in all.
        remote: whether the job may run where this host's file system is not.

    Raises:
        EnvironmentTooLarge: the variables are too large; the largest are named.
        NotExpressible: a variable that the user named cannot be handed over.
        UsageError: a variable that the user named is not set, or a secret has names in it.
    """
    named = _named(request, own)
    secrets = {name: value for name, value in named.items() if looks_secret(name, value)}
    templates = _templates(request, secrets)
    rest = {name: value for name, value in own.items() if name not in named}
    inherited, notes = _inherited(rest, remote=remote) if request.inherit else ({}, ())
    # The caller's PWD is the name by which its user knows the directory, which the kernel does not tell a job.
    here = {"PWD": directory} if request.inherit and directory and not remote else {}
    variables = here | inherited | named
    _check_size(variables, limit_kb)
    return Travelling(
        variables={
            name: value
            for name, value in variables.items()
            if name not in secrets and name not in templates
        },
        secrets=secrets,
        templates=templates,
        notes=notes,
    )


def without_own(situation: Situation) -> dict[str, str]:
    """The submitter's environment without hepsub's own virtual environment: its python3 is not the job's."""
    # PATH is kept as it was written, empty entries included: they mean the job's directory.
    own = dict(situation.environment)
    if situation.own_programs:
        entries = own.get("PATH", "").split(":")
        own["PATH"] = ":".join(each for each in entries if each not in situation.own_programs)
        if not own["PATH"]:
            del own["PATH"]
    if situation.own_environment and own.get("VIRTUAL_ENV") == situation.own_environment:
        del own["VIRTUAL_ENV"]
    return own


def inheritable(own: Mapping[str, str]) -> dict[str, str]:
    """The variables of a submitter that jobs may have where this host's file system is: no secret is among them."""
    return _inherited(own, remote=False)[0]


def secret_names(request: EnvironmentRequest, own: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that the user named although they hold secrets, in the order of the command line.

    Raises:
        NotExpressible: a variable that the user named cannot be handed over.
        UsageError: a variable that the user named is not set.
    """
    named = _named(request, own)
    return tuple(name for name, value in named.items() if looks_secret(name, value))


def _inherited(own: Mapping[str, str], *, remote: bool) -> tuple[dict[str, str], tuple[str, ...]]:
    # HTCondor's own variables (_CONDOR_SCRATCH_DIR, say) are those of a job in which hep_sub was called.
    left_out = _SESSION | _HOST_BOUND if remote else _SESSION
    if _IN_A_NOTEBOOK in own:
        left_out |= {name for name, value in _NOTEBOOK.items() if own.get(name) == value}
    kept: dict[str, str] = {}
    secrets, odd = [], []
    for name, value in sorted(own.items()):
        if name in left_out or name.startswith("_CONDOR_") or _is_function(name, value):
            continue
        if looks_secret(name, value):
            secrets.append(name)
        elif not expressible(name) or not expressible(value):
            odd.append(name)
        else:
            kept[name] = value
    return kept, _notes(secrets, odd)


def _is_function(name: str, value: str) -> bool:
    """Exported shell functions: bash's names of before and after 2014."""
    return name.startswith("BASH_FUNC_") or value.startswith("() {")


def expressible(text: str) -> bool:
    """Whether HTCondor's submit language can carry the text: UTF-8, without CR, LF, NUL and US."""
    if not _LINE_ENDS.isdisjoint(text):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _notes(secrets: list[str], odd: list[str]) -> tuple[str, ...]:
    notes = []
    if secrets:
        notes.append(
            f"not sent with the job, because they look like secrets: {few(secrets, _NAMED)}; -env NAME sends one"
            " all the same, in a file that only the job reads"
        )
    if odd:
        notes.append(
            f"not sent with the job, because they hold line ends or are not UTF-8: {few(odd, _NAMED)}"
        )
    return tuple(notes)


def _named(request: EnvironmentRequest, own: Mapping[str, str]) -> dict[str, str]:
    named = {}
    for name, given in request.named:
        value = own.get(name) if given is None else given
        if value is None:
            raise UsageError(
                f"-env {name}: the variable is not set here",
                remedy=f"give it a value: -env {name}=VALUE",
            )
        named[name] = value
    for name, value in named.items():
        _check_named(name, value, secret=looks_secret(name, value))
    return named


def _templates(request: EnvironmentRequest, secrets: Mapping[str, str]) -> dict[str, Template]:
    """The values that the user wrote with names in them."""
    # What comes from the environment is data, and no value of it is looked at for names.
    # Of two values of a variable the last one counts, whichever of them has names in it.
    said = {name: value for name, value in dict(request.named).items() if value is not None}
    found = {name: parse_template(value) for name, value in said.items()}
    found = {name: template for name, template in found.items() if template.names()}
    for name in found:
        if name in secrets:
            raise UsageError(
                f"-env {name}: it looks like a secret, which travels in one file for all jobs: there can be no"
                f" names in it ({secrets[name]!r})",
                remedy="give it another name",
            )
    return found


def _check_named(name: str, value: str, *, secret: bool) -> None:
    if secret and (not re.fullmatch(_PLAIN, name) or name.startswith("hs_")):
        raise NotExpressible(
            f"-env {name}: it looks like a secret, which travels in a file, and a shell sets it from there: its"
            " name must be of letters, digits and _, and not begin with hs_",
            remedy="give it another name",
        )
    if not secret and not (expressible(name) and expressible(value)):
        raise NotExpressible(
            f"-env {name}: HTCondor cannot carry line ends or text that is not UTF-8",
            remedy="put the text into a file that the job reads",
        )


def _check_size(variables: Mapping[str, str], limit_kb: int) -> None:
    sizes = sorted(((_size(name, value), name) for name, value in variables.items()), reverse=True)
    total = sum(size for size, _ in sizes)
    too_long = bool(sizes) and sizes[0][0] >= _VARIABLE_LIMIT
    if total <= limit_kb * 1024 and not too_long:
        return
    largest = ", ".join(f"{name} ({size_text(size)})" for size, name in sizes[:5])
    # HTCondor would hold a job with such a variable as it starts (E2BIG).
    what = (
        f"the variable {sizes[0][1]} is {size_text(sizes[0][0])}; Linux starts no program with one of 128 kB or more"
        if too_long
        else f"the environment is {size_text(total)}, more than the limit of {size_text(limit_kb * 1024)}"
    )
    raise EnvironmentTooLarge(
        f"{what}; the largest: {largest}",
        remedy="unset what the job does not need, or use -noenv and name what it needs with -env NAME",
    )


def _size(name: str, value: str) -> int:
    return len(f"{name}={value}".encode("utf-8", "surrogateescape")) + 1  # and a NUL
