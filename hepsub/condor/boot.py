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

_NAME = "hepsub"
_SCRIPT = (
    "hs_path=${PATH-} PATH=/usr/bin:/bin:/usr/sbin:/sbin;"
    " hs_sum=$( (unset LD_LIBRARY_PATH LD_PRELOAD; sha256sum || openssl dgst -sha256 -r ||"
    ' python3 -IS -c "import hashlib,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())")'
    " <./wrapper.sh 2>/dev/null);"
    ' [ "${hs_sum%% *}" = "$1" ] || { echo "hepsub: on $(uname -n) wrapper.sh is not what was submitted, or nothing'
    f' there computes its SHA-256: the job is not run" >&2; exit {CHANGED_CODE}; }};'
    ' PATH=$hs_path HEPSUB_SEAL=$2; export HEPSUB_SEAL; shift 2; exec /bin/sh ./wrapper.sh "$@"'
)
"""PATH is fixed while it is compared: an environment that travels may name other programs.

The names begin with hs_: a plain one would change a variable that the payload gets.
"""

_WORDS = 5


def boot_words(wrapper: str, seal: str) -> tuple[Template, ...]:
    """The arguments of /bin/sh in front of the user's.

    Args:
        wrapper: the SHA-256 of wrapper.sh, in hex.
        seal: that of the list of all else that is sent, `-` for no list, or a macro of HTCondor's.
    """
    return tuple(literal(word) for word in ("-c", _SCRIPT, _NAME, wrapper, seal))


def without_boot(words: Sequence[str]) -> tuple[str, ...]:
    """The user's arguments, from those in a job's ad."""
    if len(words) >= _WORDS and words[0] == "-c" and words[2] == _NAME:
        return tuple(words[_WORDS:])
    return tuple(words)
