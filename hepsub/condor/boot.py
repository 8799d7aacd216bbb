"""The first words of a job: compare the wrapper with what was submitted, then let it go on. Pure.

What HTCondor sends at the start of a job lies where the job's earlier runs, and the other jobs of its
cluster, may have written. So the program of the job is /bin/sh with a few words that stand in the job's ad,
and the digest beside them decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from hepsub.plan.template import Template, literal

CHANGED_CODE = 90
"""The job's exit code when what was sent is not what was submitted (worker/README.md)."""

SCRIPT, WRAPPER, SEAL = "HEPSUB_BOOT", "HEPSUB_WRAPPER", "HEPSUB_SEAL"
"""The variables with the words themselves, and with the SHA-256 of wrapper.sh and of the list of all else."""

# The words stand in the environment: condor_history shows the arguments, and has the user's program and arguments in
# one line so.
_CALL = f'eval "${SCRIPT}"'
# PATH is fixed while it is compared: an environment that travels may name other programs. The names begin with hs_: a
# plain one would change a variable that the payload gets.
_WORDS = (
    "hs_path=${PATH-} PATH=/usr/bin:/bin:/usr/sbin:/sbin;"
    " hs_sum=$( (unset LD_LIBRARY_PATH LD_PRELOAD; sha256sum || openssl dgst -sha256 -r ||"
    ' python3 -IS -c "import hashlib,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())")'
    " <./wrapper.sh 2>/dev/null);"
    f' [ "${{hs_sum%% *}}" = "${WRAPPER}" ] || {{ echo "hepsub: on $(uname -n) wrapper.sh is not what was submitted, or'
    f' nothing there computes its SHA-256: the job is not run" >&2; exit {CHANGED_CODE}; }};'
    f' unset {SCRIPT} {WRAPPER}; PATH=$hs_path; exec /bin/sh ./wrapper.sh "$@"'
)
_IN_FRONT = 3


def boot_arguments(program: Template) -> tuple[Template, ...]:
    """The arguments of /bin/sh in front of the user's; `program` is what messages and tables call it."""
    return literal("-c"), literal(_CALL), program


def boot_environment(wrapper: str) -> tuple[Template, ...]:
    """The variables of /bin/sh, but for SEAL, by the SHA-256 of wrapper.sh in hex."""
    return literal(f"{SCRIPT}={_WORDS}"), literal(f"{WRAPPER}={wrapper}")


def without_boot(words: Sequence[str]) -> tuple[str, ...]:
    """The user's arguments, from those in a job's ad."""
    if len(words) >= _IN_FRONT and tuple(words[:2]) == ("-c", _CALL):
        return tuple(words[_IN_FRONT:])
    return tuple(words)
